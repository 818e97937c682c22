"""Critical curves, where det A = 0 and images are infinitely bright, and caustics, where they lie on the source plane.

det A changes sign across a critical curve. Marching squares on the differences of mapped grid points find about where;
a bracketing root finder on the exact det A then places each vertex, which also works where a sheet's edge makes det A
jump and Newton's method would run away. Vertices that it cannot place are no critical points: differences across the
centre of a singular lens feign some. More vertices are set between those placed, so that cusps of caustics are sharp.
"""

from dataclasses import dataclass

import contourpy
import numpy as np
import torch

from lenslab.physics.raytrace import Deflection, determinant, shoot

BETWEEN = 3        # vertices added between two edges of the grid
TOLERANCE = 1e-7   # of det A, before the last step
NEAR = 1e-6        # arcsec
PATCH = 32         # cells on a side of a patch


@dataclass(frozen=True)
class Curve:
    """A critical curve and its caustic, vertex by vertex, arcsec; closed ones end where they start."""

    theta: np.ndarray  # (M, 2) image plane
    beta: np.ndarray   # (M, 2) source plane
    closed: bool       # False where the curve leaves the frame


@torch.no_grad()
def critical_curves(deflection: Deflection, half_width: float, *, center: tuple[float, float] = (0.0, 0.0),
                    spacing: float = 0.05, focus: np.ndarray | None = None) -> list[Curve]:
    """Critical curves inside a square frame, longest first. The deflection must take float64 (1, H, W) positions.

    half_width, center, spacing  arcsec
    focus  (P, 3) x, y, half-width of patches searched on a grid of their own, for curves smaller than the spacing: one
           about the centre of a lens shallower than isothermal, or about each heavy clump. Curves found in a patch
           count where they close inside it and no wider search has them.
    """
    cells = max(int(np.ceil(2 * half_width / spacing)), 2)
    found = _curves(deflection, np.array([[*center, half_width]]), cells)
    if focus is not None and len(focus):
        for curve in _curves(deflection, np.asarray(focus, np.float64), PATCH):
            near = np.linalg.norm(np.diff(curve.theta, axis=0), axis=1).max()
            known = np.concatenate([known.theta for known in found]) if found else np.empty((0, 2))
            apart = np.linalg.norm(curve.theta[:, None] - known[None], axis=-1)
            if curve.closed and not (apart < near).any():
                found.append(curve)
    return sorted(found, key=lambda curve: -_length(curve.theta))


def _curves(deflection: Deflection, frames: np.ndarray, cells: int) -> list[Curve]:
    """Curves of square frames (P, 3), each on its own grid of cells x cells."""
    steps = np.arange(-1, cells + 2) * 2 / cells - 1                        # one more all around, for differences
    xs, ys = frames[:, :1] + frames[:, 2:] * steps, frames[:, 1:2] + frames[:, 2:] * steps   # (P, cells + 3)
    det = _differences(deflection, xs, ys)
    lines = [(line, frame) for frame, x, y, values in zip(frames, xs, ys, det, strict=True)
             for line in contourpy.contour_generator(x[1:-1], y[1:-1], values).lines(0.0) if len(line) > 3]
    if not lines:
        return []
    normals = np.concatenate([_normals(line) * frame[2] / cells for line, frame in lines])
    vertices, placed = _sign_change(deflection, *_bracket(deflection, np.concatenate([line for line, _ in lines]),
                                                          normals))
    cuts = np.cumsum([len(line) for line, _ in lines])[:-1]
    thetas, closed = [], []
    for (line, frame), theta, good in zip(lines, np.split(vertices, cuts), np.split(placed, cuts), strict=True):
        if good.mean() > 0.5 and np.ptp(theta[good], axis=0).max() > 1e-4 * frame[2] / cells:
            shut = bool((line[0] == line[-1]).all())
            theta = theta[good]
            thetas.append(np.concatenate([theta, theta[:1]]) if shut and (theta[0] != theta[-1]).any() else theta)
            closed.append(shut)
    if not thetas:
        return []
    curves = []
    for theta, shut in zip(_densified(deflection, thetas), closed, strict=True):
        point = torch.from_numpy(theta.T.copy())[:, None, None]
        beta = torch.stack([each.reshape(-1) for each in shoot(deflection, *point)], 1).numpy()
        curves.append(Curve(theta, beta, shut))
    return curves


def _differences(deflection: Deflection, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """det A (P, n - 2, n - 2) squashed, by central differences of beta on the grids xs, ys (P, n)."""
    n = xs.shape[1]
    if len(xs) == 1:
        beta = shoot(deflection, torch.from_numpy(xs[:, None]), torch.from_numpy(ys[:, :, None]))
    else:
        grids = np.broadcast_arrays(xs[:, None, :], ys[:, :, None])
        beta = shoot(deflection, *(torch.tensor(grid.reshape(1, -1, n)) for grid in grids))
    beta_x, beta_y = (each.numpy().reshape(len(xs), n, n) for each in beta)
    width = (xs[:, 2] - xs[:, 0])[:, None, None]
    A_xx, A_yx = ((each[:, 1:-1, 2:] - each[:, 1:-1, :-2]) / width for each in (beta_x, beta_y))
    A_xy, A_yy = ((each[:, 2:, 1:-1] - each[:, :-2, 1:-1]) / width for each in (beta_x, beta_y))
    return _squashed(A_xx * A_yy - A_xy * A_yx)


def _normals(line: np.ndarray) -> np.ndarray:
    """Unit normals (M, 2) of a polyline, across the neighbours of each vertex."""
    if (line[0] == line[-1]).all():
        before, after = np.roll(line[:-1], 1, 0), np.roll(line[:-1], -1, 0)
        along = np.concatenate([after - before, (after - before)[:1]])
    else:
        along = np.gradient(line, axis=0)
    normal = along[:, ::-1] * (-1, 1)
    return normal / np.maximum(np.hypot(*normal.T), 1e-300)[:, None]


def _densified(deflection: Deflection, thetas: list[np.ndarray]) -> list[np.ndarray]:
    """Curves with BETWEEN more vertices a segment, each found on the segment's normal; those not found are left out."""
    starts = np.concatenate([theta[:-1] for theta in thetas])
    steps = np.concatenate([np.diff(theta, axis=0) for theta in thetas])
    share = np.arange(1, BETWEEN + 1)[:, None] / (BETWEEN + 1)
    middles = (starts[:, None] + share * steps[:, None]).reshape(-1, 2)
    normals = np.repeat(steps[:, ::-1] * (-1, 1), BETWEEN, axis=0)
    points, good = _on_normal(deflection, middles, normals)
    points, good = points.reshape(-1, BETWEEN, 2), good.reshape(-1, BETWEEN)
    dense, k = [], 0
    for theta in thetas:
        kept = [theta[:1]]
        for end in theta[1:]:
            kept += [points[k][good[k]], end[None]]
            k += 1
        dense.append(np.concatenate(kept))
    return dense


def _on_normal(deflection: Deflection, theta: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where det A vanishes on normals (M, 2) of points near its zero, by secants; and whether they get there."""
    t, f = np.zeros(len(theta)), _det_near(deflection, theta)
    before, f_before = np.full(len(theta), 0.02), _det_near(deflection, theta + 0.02 * normal)
    slope, on = (f_before - f) / 0.02, np.arange(len(theta))
    for _ in range(8):
        move = -f[on] / np.where(slope[on] == 0, np.inf, slope[on])
        before[on], f_before[on], t[on] = t[on], f[on], t[on] + move
        on = on[np.abs(t[on]) < 0.5]                           # the segment's length is 1
        if not len(on):
            break
        f[on] = _det_near(deflection, theta[on] + t[on, None] * normal[on])
        apart = t[on] - before[on]
        slope[on] = np.where(apart == 0, slope[on], (f[on] - f_before[on]) / np.where(apart == 0, 1, apart))
        on = on[np.abs(f[on]) > TOLERANCE]
        if not len(on):
            break
    good = (np.abs(t) < 0.5) & (np.abs(f) < 1e-4)
    if good.any():
        point = theta[good] + t[good, None] * normal[good]
        last = _det(deflection, point) / np.where(slope[good] == 0, np.inf, slope[good])
        t[good] -= np.where(np.abs(last) < 1e-3, last, 0)
    return theta + np.where(good, t, 0)[:, None] * normal, good


def _bracket(deflection: Deflection, theta: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ends on the normals of points (M, 2) between which det A changes sign, about the point or next to that; det A
    at either."""
    ends = [theta + share * normal for share in (-3, -1, 1, 3)]
    dets = np.split(_det_near(deflection, np.concatenate(ends)), 4)
    inner, below, above = (dets[k] * dets[k + 1] <= 0 for k in (1, 0, 2))
    first = np.where(inner, 1, np.where(below, 0, np.where(above, 2, 1)))
    return (np.choose(first[:, None], ends[:3]), np.choose(first[:, None], ends[1:]),
            np.choose(first, dets[:3]), np.choose(first, dets[1:]))


def _sign_change(deflection: Deflection, low: np.ndarray, high: np.ndarray, f_a: np.ndarray,
                 f_b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where det A changes sign between points (M, 2), from its values f_a, f_b there; and whether it does.

    Illinois' false position, with a bisection now and then for jumps, on differences over NEAR; the exact det A makes
    the last step.
    """
    good = f_a * f_b <= 0
    root, slope = np.full(len(low), 0.5), np.full(len(low), np.inf)
    on = np.flatnonzero(good)
    a, b, f_a, f_b, side = np.zeros(len(on)), np.ones(len(on)), f_a[on], f_b[on], np.zeros(len(on))
    for step in range(40):
        if not len(on):
            break
        t = (a * f_b - b * f_a) / np.where(f_b == f_a, np.inf, f_b - f_a)
        t = np.where((step % 8 < 6) & (t >= np.minimum(a, b)) & (t <= np.maximum(a, b)), t, (a + b) / 2)
        f = _det_near(deflection, low[on] + t[:, None] * (high - low)[on])
        slope[on] = (f_b - f_a) / np.where(b == a, np.inf, b - a)
        root[on] = t
        left = f * f_b > 0                                   # the root lies between a and t
        a, f_a = np.where(left, a, t), np.where(left, np.where(side == 1, f_a / 2, f_a), f)
        b, f_b = np.where(left, t, b), np.where(left, f, np.where(side == -1, f_b / 2, f_b))
        side = np.where(left, 1, -1)
        more = (np.abs(f) > TOLERANCE) & (np.abs(b - a) > 1e-8)
        on, a, b, f_a, f_b, side = (each[more] for each in (on, a, b, f_a, f_b, side))
    theta = low + root[:, None] * (high - low)
    if good.any():
        last = np.zeros(len(low))
        last[good] = _det(deflection, theta[good]) / np.where(slope[good] == 0, np.inf, slope[good])
        theta = theta - np.where(np.abs(last) < 1e-4, last, 0)[:, None] * (high - low)
    return theta, good


def _det(deflection: Deflection, theta: np.ndarray) -> np.ndarray:
    """The exact det A (M,) at points (M, 2)."""
    point = torch.from_numpy(theta.T.copy())[:, None, None]
    return determinant(deflection, *point).reshape(-1).numpy()


def _det_near(deflection: Deflection, theta: np.ndarray) -> np.ndarray:
    """det A (M,) squashed, by central differences over NEAR: five times as fast as the exact one."""
    shifts = NEAR * np.array([[1, -1, 0, 0], [0, 0, 1, -1]])
    points = torch.from_numpy((theta.T[:, None] + shifts[:, :, None]).reshape(2, 1, 1, -1))
    beta = np.stack([each.numpy().reshape(4, -1) for each in shoot(deflection, *points)])
    A_x, A_y = (beta[:, 0] - beta[:, 1]) / (2 * NEAR), (beta[:, 2] - beta[:, 3]) / (2 * NEAR)
    return _squashed(A_x[0] * A_y[1] - A_y[0] * A_x[1])


def _squashed(det: np.ndarray) -> np.ndarray:
    """det A held to (-1, 1): beside a point mass it falls to -infinity."""
    det = np.nan_to_num(det, nan=-1e30, posinf=1e30, neginf=-1e30)
    return det / (1 + np.abs(det))


def _length(theta: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(theta, axis=0), axis=1).sum())
