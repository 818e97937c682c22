"""Critical curves, caustics and images from maps that are there anyway: a few milliseconds, for a page that is turned.

Curves are good to about a hundredth of a pixel where the lens is smooth; those smaller than a pixel are missed. Images
are refined on the lens itself and exact where they are found; two that share a pixel may be missed. The searches of
lenslab.physics.curves and lens_images find all, in more time.

About the centre, where a lens is not smooth, rings of rays stand closer the nearer they are to it (`Rings`). They show
where on the source plane double imaging ends. What bends isothermally there bends every way at once in the centre: a
source that leaves the curve on which the centre is mapped, the cut, loses one image, which fades into the centre
(Kovner 1987; Kormann et al. 1994). A shallower lens has a radial critical curve, and a caustic at which two images
merge. A steeper one bends without bound: every source has a second image, however faint, and there is no such curve.
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
RINGS, SPOKES = 28, 96  # of rays about the centre
INNERMOST = 3e-4  # arcsec: the first ring, unless the radial critical curve lies there
TURNED = 0.013    # rad: of the first spoke from the x axis, so that no image of a symmetric scene lies on a spoke
FOUND = 1e-9      # arcsec on the source plane
FAINTEST = 1e-9   # |mu|: the core that a singular lens is softened with shines less


@dataclass(frozen=True)
class Sketch:
    """What a page draws upon a lens: curves as x and y in arcsec, longest first, and images (K,) of a point source."""

    critical: list[tuple[np.ndarray, np.ndarray]]
    caustics: list[tuple[np.ndarray, np.ndarray]]
    cut: list[tuple[np.ndarray, np.ndarray]]  # on the source plane: one of an isothermal lens, else none
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
    det = np.nan_to_num(squashed(det), nan=-1.0)
    axis = pixel_axis(det.shape[0], pixel_scale, dtype=torch.float64).numpy()
    rings = Rings.of(lens, pixel_scale)
    fine = np.linspace(axis[0], axis[-1], BETWEEN * (len(axis) - 1) + 1)
    smooth = RectBivariateSpline(axis, axis, det)(fine, fine)
    lines = [line for line in contourpy.contour_generator(fine, fine, smooth).lines(0.0) if len(line) > 8 * BETWEEN]
    radial = rings.radial_critical_curve()
    lines = [line for line in lines if not rings.follows(line, radial, within=2 * pixel_scale)] + radial
    lines.sort(key=lambda line: -np.hypot(*np.diff(line, axis=0).T).sum())
    caustics = []
    for line in lines:
        alpha_x, alpha_y = deflection(lens, line[:, 0], line[:, 1])
        caustics.append((line[:, 0] - alpha_x, line[:, 1] - alpha_y))
    grid = np.meshgrid(axis, axis)
    beta = grid[0] - plane(maps.alpha_x), grid[1] - plane(maps.alpha_y)
    x, y, mu = images(lens, [(grid, beta), (rings.theta, rings.beta)], rings.center, pixel_scale, beta_x, beta_y)
    inside = np.maximum(np.abs(x), np.abs(y)) <= axis[-1]
    x, y, mu = x[inside], y[inside], mu[inside]
    where = [torch.from_numpy(np.ascontiguousarray(each))[None, None] for each in (x, y)]
    with torch.no_grad():
        days = arrival_days(fermat_potential(lens.potential, *where, beta_x, beta_y), time_delay_distance)
    days = days.reshape(-1).numpy()
    order = np.argsort(days)
    return Sketch([(line[:, 0], line[:, 1]) for line in lines], caustics, rings.cut(), x[order], y[order], mu[order],
                  days[order] - days.min(initial=np.inf))


@dataclass(frozen=True)
class Rings:
    """Rays on circles about the centre of one lens, each wider by a factor: arrays (RINGS, SPOKES + 1)."""

    center: tuple[float, float]             # arcsec
    gamma: float
    radius: np.ndarray                      # (RINGS,) arcsec
    angle: np.ndarray                       # (SPOKES + 1,) rad, once round
    theta: tuple[np.ndarray, np.ndarray]    # arcsec, x and y
    beta: tuple[np.ndarray, np.ndarray]     # arcsec, where they meet the source plane

    @staticmethod
    def of(lens: LensModel, pixel_scale: float) -> "Rings":
        """From well within the radial critical curve, if there is one, to where pixels tell the rays apart."""
        theta_E, gamma, *center = (float(lens.scenes[f"lens.{name}"][0])
                                   for name in ("theta_E", "gamma", "center_x", "center_y"))
        first = INNERMOST
        if gamma < 2:  # of a round lens: d alpha/d theta = (2 - gamma) (theta_E/theta)^(gamma - 1) = 1
            first = min(max(theta_E * (2 - gamma) ** (1 / (gamma - 1)) / 30, 1e-8), INNERMOST)
        radius = np.geomspace(first, max(4 * pixel_scale, 0.8 * theta_E), RINGS)
        angle = np.linspace(-np.pi, np.pi, SPOKES + 1) + TURNED
        x = center[0] + radius[:, None] * np.cos(angle)
        y = center[1] + radius[:, None] * np.sin(angle)
        alpha = (part.reshape(x.shape) for part in deflection(lens, x.ravel(), y.ravel()))
        return Rings(tuple(center), gamma, radius, angle, (x, y), tuple(a - b for a, b in zip((x, y), alpha,
                                                                                            strict=True)))

    def cut(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Where the centre of an isothermal lens is mapped: beta in the limit of no radius, by the first two rings."""
        if self.gamma != 2:
            return []
        first, second = self.radius[:2]
        x, y = ((second * each[0] - first * each[1]) / (second - first) for each in self.beta)
        return [(x, y)]

    def radial_critical_curve(self) -> list[np.ndarray]:
        """x, y (M, 2) of the innermost curve round the centre of a shallow lens; [] where there is none.

        Differences over ln r and phi place it within a tenth of its radius; its caustic is better by one order, since
        beta does not change along the radius there.
        """
        if self.gamma >= 2:
            return []
        spoke, ring = self.angle[1] - self.angle[0], np.log(self.radius[1] / self.radius[0])
        along_r = [np.gradient(each, ring, axis=0) for each in self.beta]
        along_phi = [np.gradient(np.concatenate([each[:, -2:-1], each, each[:, 1:2]], 1), spoke, axis=1)[:, 1:-1]
                     for each in self.beta]
        det = (along_r[0] * along_phi[1] - along_r[1] * along_phi[0]) / self.radius[:, None] ** 2
        lines = contourpy.contour_generator(self.angle, np.log(self.radius), squashed(det)).lines(0.0)
        round_it = [line for line in lines if abs(line[-1, 0] - line[0, 0]) > 6.28]
        if not round_it:
            return []
        phi, r = min(round_it, key=lambda line: line[:, 1].mean()).T
        return [np.stack([self.center[0] + np.exp(r) * np.cos(phi), self.center[1] + np.exp(r) * np.sin(phi)], 1)]

    @staticmethod
    def follows(line: np.ndarray, curves: list[np.ndarray], within: float) -> bool:
        """Whether a line (M, 2) is one of the curves (K, 2) again."""
        return any(np.hypot(*(line[:, None] - curve[None]).transpose(2, 0, 1)).min(1).max() < within
                   for curve in curves)


def images(lens: LensModel, meshes: list, center: tuple[float, float], pixel: float, beta_x: float, beta_y: float):
    """x, y and magnification (K,) of the images of a point: Newton's method from each triangle that maps around it.

    meshes   theta and beta on the corners of a mesh of rays, (n, m) each of x and y
    """
    starts = []
    for (x, y), (u, v) in meshes:
        u, v = u - beta_x, v - beta_y
        for corners in (((0, 0), (0, 1), (1, 0)), ((1, 1), (1, 0), (0, 1))):
            (ua, va, xa, ya), (ub, vb, xb, yb), (uc, vc, xc, yc) = (
                tuple(field[i:len(field) - 1 + i, j:field.shape[1] - 1 + j] for field in (u, v, x, y))
                for i, j in corners)
            weights = np.stack([ub * vc - vb * uc, uc * va - vc * ua, ua * vb - va * ub])
            inside = (weights >= 0).all(0) | (weights <= 0).all(0)
            share = weights[:, inside] / np.where(weights[:, inside].sum(0) == 0, 1, weights[:, inside].sum(0))
            starts.append(np.stack([share[0] * xa[inside] + share[1] * xb[inside] + share[2] * xc[inside],
                                    share[0] * ya[inside] + share[1] * yb[inside] + share[2] * yc[inside]], 1))
    theta = np.concatenate(starts)
    found, det = np.zeros(len(theta), bool), np.ones(len(theta))
    for _ in range(NEWTON if len(theta) else 0):
        miss, a = missed(lens, theta, beta_x, beta_y)
        det = a[0] * a[3] - a[1] * a[2]
        found = np.hypot(*miss) < FOUND
        if found.all():
            break
        move = np.stack([a[1] * miss[1] - a[3] * miss[0], a[2] * miss[0] - a[0] * miss[1]], 1)
        move /= np.where(det == 0, 1e-30, det)[:, None]
        far = np.minimum(pixel, 0.5 * np.hypot(*(theta - center).T))  # no step leads across the centre
        move *= np.minimum(1, far / np.maximum(np.hypot(*move.T), 1e-30))[:, None]
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


def squashed(det: np.ndarray) -> np.ndarray:
    """det A between -1 and 1, for it is without bound at a singular centre."""
    return det / (1 + np.abs(det))


def plane(values: torch.Tensor) -> np.ndarray:
    return values[0].detach().cpu().double().numpy()
