"""Critical curves, caustics and images from maps that are there anyway: a few milliseconds, for a page that is turned.

Curves are good to about a hundredth of a pixel where the lens is smooth; those smaller than a pixel are missed. Images
are refined on the lens itself and exact where they are found; two that share a pixel may be missed. The searches of
lenslab.physics.curves and lens_images find all, in more time.
"""

from dataclasses import dataclass

import contourpy
import numpy as np
import torch
from scipy.interpolate import RectBivariateSpline

from lenslab.images.model import LensModel
from lenslab.images.observation import Maps
from lenslab.physics.grid import pixel_axis
from lenslab.physics.raytrace import arrival_days, fermat_potential

BETWEEN = 3       # points of the curves' grid for each pixel
STEP = 1e-5       # arcsec, of central differences: errors near 1e-10 in float64
NEWTON = 12       # steps at most
FOUND = 1e-9      # arcsec on the source plane
FAINTEST = 1e-9   # |mu|: the core that a singular lens is softened with shines less


@dataclass(frozen=True)
class Sketch:
    """What a page draws upon a lens: curves as x and y in arcsec, and images (K,) of the source's centre."""

    critical: list[tuple[np.ndarray, np.ndarray]]
    caustics: list[tuple[np.ndarray, np.ndarray]]
    x: np.ndarray
    y: np.ndarray
    magnification: np.ndarray  # signed
    delay: np.ndarray          # days after the first image


def sketch(lens: LensModel, maps: Maps, pixel_scale: float, beta_x: float, beta_y: float,
           time_delay_distance: float) -> Sketch:
    """Curves and images of one scene (B = 1) within the frame of its maps; `lens` in float64 on the processor.

    beta_x, beta_y, pixel_scale  arcsec      time_delay_distance  Mpc
    """
    det = 1 / plane(maps.mu)
    det = np.nan_to_num(det / (1 + np.abs(det)), nan=-1.0)
    axis = pixel_axis(det.shape[0], pixel_scale, dtype=torch.float64).numpy()
    fine = np.linspace(axis[0], axis[-1], BETWEEN * (len(axis) - 1) + 1)
    smooth = RectBivariateSpline(axis, axis, det)(fine, fine)
    lines = [line for line in contourpy.contour_generator(fine, fine, smooth).lines(0.0) if len(line) > 8 * BETWEEN]
    caustics = []
    for line in lines:
        alpha_x, alpha_y = deflection(lens, line[:, 0], line[:, 1])
        caustics.append((line[:, 0] - alpha_x, line[:, 1] - alpha_y))
    x, y, mu = images(lens, maps, axis, beta_x, beta_y)
    where = [torch.from_numpy(np.ascontiguousarray(each))[None, None] for each in (x, y)]
    with torch.no_grad():
        days = arrival_days(fermat_potential(lens.potential, *where, beta_x, beta_y), time_delay_distance)
    days = days.reshape(-1).numpy()
    order = np.argsort(days)
    return Sketch([(line[:, 0], line[:, 1]) for line in lines], caustics, x[order], y[order], mu[order],
                  days[order] - days.min(initial=np.inf))


def images(lens: LensModel, maps: Maps, axis: np.ndarray, beta_x: float, beta_y: float):
    """x, y and magnification (K,) of the images of a point: Newton's method from each triangle that maps around it."""
    u = axis[None, :] - plane(maps.alpha_x) - beta_x
    v = axis[:, None] - plane(maps.alpha_y) - beta_y
    x, y = np.meshgrid(axis, axis)
    starts = []
    for corners in (((0, 0), (0, 1), (1, 0)), ((1, 1), (1, 0), (0, 1))):
        (ua, va, xa, ya), (ub, vb, xb, yb), (uc, vc, xc, yc) = (
            tuple(field[i:len(axis) - 1 + i, j:len(axis) - 1 + j] for field in (u, v, x, y)) for i, j in corners)
        weights = np.stack([ub * vc - vb * uc, uc * va - vc * ua, ua * vb - va * ub])
        inside = (weights >= 0).all(0) | (weights <= 0).all(0)
        share = weights[:, inside] / np.where(weights[:, inside].sum(0) == 0, 1, weights[:, inside].sum(0))
        starts.append(np.stack([share[0] * xa[inside] + share[1] * xb[inside] + share[2] * xc[inside],
                                share[0] * ya[inside] + share[1] * yb[inside] + share[2] * yc[inside]], 1))
    theta = np.concatenate(starts)
    pixel, found, det = axis[1] - axis[0], np.zeros(len(theta), bool), np.ones(len(theta))
    for _ in range(NEWTON if len(theta) else 0):
        miss, a = missed(lens, theta, beta_x, beta_y)
        det = a[0] * a[3] - a[1] * a[2]
        found = np.hypot(*miss) < FOUND
        if found.all():
            break
        move = np.stack([a[1] * miss[1] - a[3] * miss[0], a[2] * miss[0] - a[0] * miss[1]], 1)
        move /= np.where(det == 0, 1e-30, det)[:, None]
        move *= np.minimum(1, pixel / np.maximum(np.hypot(*move.T), 1e-30))[:, None]
        theta = np.where(found[:, None], theta, theta + move)
    found &= np.abs(det) * FAINTEST < 1
    theta, det = theta[found], det[found]
    first = [k for k in range(len(theta)) if all(np.hypot(*(theta[k] - theta[j])) > 1e-5 for j in range(k))]
    return theta[first, 0], theta[first, 1], 1 / det[first]


def missed(lens: LensModel, theta: np.ndarray, beta_x: float, beta_y: float):
    """By how much rays through theta (K, 2) miss the source, (2, K), and the lens mapping's Jacobian (4, K) there."""
    offsets = STEP * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    points = (theta[None] + offsets[:, None]).reshape(-1, 2)
    alpha = np.stack(deflection(lens, points[:, 0], points[:, 1])).reshape(2, 5, -1)
    slope = (alpha[:, 1::2] - alpha[:, 2::2]) / (2 * STEP)  # (2, 2, K): of alpha_x, alpha_y along x and y
    miss = theta.T - alpha[:, 0] - np.array([[beta_x], [beta_y]])
    return miss, np.stack([1 - slope[0, 0], -slope[0, 1], -slope[1, 0], 1 - slope[1, 1]])


def deflection(lens: LensModel, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """alpha_x, alpha_y at points (K,)."""
    with torch.no_grad():
        alpha = lens.deflection(*(torch.from_numpy(np.ascontiguousarray(each, dtype=np.float64))[None, None]
                                  for each in (x, y)))
    return tuple(part.expand(1, 1, len(x))[0, 0].numpy() for part in alpha)


def plane(values: torch.Tensor) -> np.ndarray:
    return values[0].detach().cpu().double().numpy()
