"""Images of a point source: all theta with theta - alpha(theta) = beta, their brightness and their arrival.

The sky is tiled with triangles. A triangle whose corners are mapped around the source holds an image; one whose
neighbour is mapped with the other orientation lies at a fold, where two images may share a triangle. Newton's method
goes on from there.
"""

from dataclasses import dataclass

import numpy as np
import torch

from lenslab.physics.raytrace import Deflection, Potential, arrival_days, fermat_potential, jacobian, shoot

TOLERANCE = 1e-10    # arcsec on the source plane
SAME = 1e-6          # arcsec: two roots of one parity that are one image
FAINTEST = 1e-9      # |mu|: the core that a singular lens is softened with shines less
NEAR = 1e-7          # arcsec: over which Newton's Jacobian takes differences
STRAY = 3            # cells that a seed may lead away
PATCH = 24           # cells on a side of a patch
KINDS = ("minimum", "saddle", "maximum")  # of the arrival time


@dataclass(frozen=True)
class LensImages:
    """Images of one point source in the order in which its light arrives, (K,) each."""

    x: np.ndarray      # arcsec
    y: np.ndarray      # arcsec
    mu: np.ndarray     # signed magnification
    kind: tuple[str, ...]  # of KINDS: minimum and maximum have positive parity, saddle negative
    delay: np.ndarray  # days after the first

    def __len__(self) -> int:
        return len(self.x)


@torch.no_grad()
def lens_images(deflection: Deflection, potential: Potential, beta_x: float, beta_y: float, *, half_width: float,
                time_delay_distance: float, center: tuple[float, float] = (0.0, 0.0), spacing: float = 0.05,
                focus: np.ndarray | None = None) -> LensImages:
    """Every image inside a square frame that a grid of this spacing tells apart.

    half_width, center, spacing  arcsec      time_delay_distance  D_dt = (1 + z_lens) D_l D_s / D_ls, Mpc
    focus  (P, 3) x, y, half-width of patches with a finer grid: about clumps, whose images lie within their rings
           (a point mass off the images of the smooth lens has one so close and faint, |mu| < 1e-4, that it is missed)

    The lens must take float64 (1, H, W) positions. At the centre of a singular isothermal lens there is no image: no
    theta solves the equation there, though triangles about it surround the source. Each image returned is shot back to
    its source within TOLERANCE.
    """
    beta = np.array([beta_x, beta_y], np.float64)
    cells = max(int(np.ceil(2 * half_width / spacing)), 2)
    seeds = _seeds(deflection, beta, np.array([[*center, half_width]]), cells)
    if focus is not None and len(focus):
        seeds = np.concatenate([seeds, _seeds(deflection, beta, np.asarray(focus, np.float64), PATCH)])
    theta = _newton(deflection, beta, seeds[:, :2], seeds[:, 2])
    theta = theta[(np.abs(theta - center) <= half_width).all(1)]
    x, y = torch.from_numpy(theta.T.copy())[:, None, None]
    A_xx, A_xy, A_yx, A_yy = (each.reshape(-1).numpy() for each in jacobian(deflection, x, y))
    det, trace = A_xx * A_yy - A_xy * A_yx, A_xx + A_yy
    keep = _distinct(theta, det)
    theta, det, trace = theta[keep], det[keep], trace[keep]
    x, y = torch.from_numpy(theta.T.copy())[:, None, None]
    days = arrival_days(fermat_potential(potential, x, y, *beta), time_delay_distance).reshape(-1).numpy()
    order = np.argsort(days)
    kinds = np.where(det < 0, 1, np.where(trace > 0, 0, 2))
    with np.errstate(divide="ignore"):
        mu = 1 / det
    return LensImages(theta[order, 0], theta[order, 1], mu[order], tuple(KINDS[k] for k in kinds[order]),
                      days[order] - (days.min() if len(days) else 0.0))


def _seeds(deflection: Deflection, beta: np.ndarray, frames: np.ndarray, cells: int) -> np.ndarray:
    """Places to start from and the cell around each, (K, 3), in square frames (P, 3) of cells x cells cells."""
    steps = np.linspace(-1, 1, cells + 1)
    xs, ys = frames[:, :1] + frames[:, 2:] * steps, frames[:, 1:2] + frames[:, 2:] * steps
    shape = (len(frames), cells + 1, cells + 1)
    x, y = np.broadcast_to(xs[:, None, :], shape), np.broadcast_to(ys[:, :, None], shape)
    if len(frames) == 1:
        mapped = shoot(deflection, torch.from_numpy(xs[:, None, :]), torch.from_numpy(ys[:, :, None]))
    else:
        mapped = shoot(deflection, *(torch.tensor(each.reshape(1, -1, cells + 1)) for each in (x, y)))
    source = np.stack([each.numpy().reshape(shape) for each in torch.broadcast_tensors(*mapped)])
    source = source - beta[:, None, None, None]
    cell = np.broadcast_to(2 * frames[:, 2, None, None] / cells, shape)
    theta = np.stack([x, y, cell])
    low, right, up, high = (slice(None, -1), slice(None, -1)), (slice(None, -1), slice(1, None)), \
        (slice(1, None), slice(None, -1)), (slice(1, None), slice(1, None))
    seeds, areas, near = [], [], []
    for corners in ((low, right, up), (high, up, right)):
        a, b, c = (source[(slice(None), slice(None), *corner)] for corner in corners)
        weights = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)])   # of the corners, where the source is inside
        area = weights.sum(0)
        holds = (weights >= 0).all(0) | (weights <= 0).all(0)
        share = np.where(area == 0, 1 / 3, weights / np.where(area == 0, 1, area))[:, holds]
        places = [theta[(slice(None), slice(None), *corner)][:, holds] for corner in corners]
        seeds.append(sum(w * place for w, place in zip(share, places, strict=True)).T)
        areas.append(area > 0)
        size = np.max([np.hypot(*(a - b)), np.hypot(*(b - c)), np.hypot(*(c - a))], axis=0)
        near.append(np.hypot(*((a + b + c) / 3)) < 2 * size)
    orientation = np.stack(areas).sum(0)                                  # of the two triangles of a cell: 0, 1 or 2
    fold = orientation == 1
    fold[:, :, 1:] |= orientation[:, :, 1:] != orientation[:, :, :-1]
    fold[:, :, :-1] |= orientation[:, :, 1:] != orientation[:, :, :-1]
    fold[:, 1:] |= orientation[:, 1:] != orientation[:, :-1]
    fold[:, :-1] |= orientation[:, 1:] != orientation[:, :-1]
    fold &= near[0] | near[1]
    seeds += [theta[(slice(None), slice(None), *corner)][:, fold].T for corner in (low, right, up, high)]
    return np.unique(np.concatenate(seeds), axis=0)


def _newton(deflection: Deflection, beta: np.ndarray, start: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Roots (K, 2) near the seeds (M, 2) of cells of width (M,); seeds that lead nowhere are left out.

    The Jacobian is of differences, which takes a fifth of the exact one's time and leaves the root what it is. A step
    is no longer than a cell, is halved until the source is missed by less than before, and leads no further than
    STRAY cells away: a root there has seeds of its own.
    """
    roots = [np.empty((0, 2))]
    theta, pace = start, np.ones(len(start))
    missed, A = _missed(deflection, beta, theta)
    for _ in range(30):
        miss = np.hypot(*missed.T)
        done = miss < TOLERANCE
        roots.append(theta[done])
        on = ~done & (pace > 1e-2) & (np.hypot(*(theta - start).T) < STRAY * cell)
        theta, missed, A, pace, miss, start, cell = (each[on] for each in (theta, missed, A, pace, miss, start, cell))
        if not len(theta):
            break
        det = A[:, 0] * A[:, 3] - A[:, 1] * A[:, 2]
        move = np.stack([A[:, 1] * missed[:, 1] - A[:, 3] * missed[:, 0],
                         A[:, 2] * missed[:, 0] - A[:, 0] * missed[:, 1]], 1) / np.where(det == 0, 1e-300, det)[:, None]
        move *= (pace * np.minimum(1, cell / np.maximum(np.hypot(*move.T), 1e-300)))[:, None]
        trial = theta + np.nan_to_num(move)
        trial_missed, trial_A = _missed(deflection, beta, trial)
        better = np.hypot(*trial_missed.T) < miss
        theta = np.where(better[:, None], trial, theta)
        missed = np.where(better[:, None], trial_missed, missed)
        A = np.where(better[:, None], trial_A, A)
        pace = np.where(better, np.minimum(1, 2 * pace), pace / 2)
    return np.concatenate(roots)


def _missed(deflection: Deflection, beta: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much rays through theta (K, 2) miss the source, and A_xx, A_xy, A_yx, A_yy (K, 4) there."""
    shifts = NEAR * np.array([[0, 1, 0], [0, 0, 1]])
    points = torch.from_numpy((theta.T[:, None] + shifts[:, :, None]).reshape(2, 1, 1, -1))
    source = np.stack([each.numpy().reshape(3, -1) for each in shoot(deflection, *points)])
    A_x, A_y = (source[:, 1] - source[:, 0]) / NEAR, (source[:, 2] - source[:, 0]) / NEAR
    A = np.stack([A_x[0], A_y[0], A_x[1], A_y[1]], 1)
    return np.nan_to_num(source[:, 0].T - beta, nan=1e30), np.nan_to_num(A)


def _distinct(theta: np.ndarray, det: np.ndarray) -> np.ndarray:
    """Indices of roots that are bright enough and not an earlier one again; two of opposite parity are two images."""
    kept: list[int] = []
    for k in np.flatnonzero(np.abs(det) * FAINTEST < 1):
        again = np.hypot(*(theta[kept] - theta[k]).T) < SAME
        if not (again & (det[kept] * det[k] > 0)).any():
            kept.append(int(k))
    return np.array(kept, int)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[0] * b[1] - a[1] * b[0]
