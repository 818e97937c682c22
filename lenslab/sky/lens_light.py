"""The light of the lens galaxy, fitted so that it can be taken off: Sersics blurred by the PSF, the arcs left out.

What the arcs are is not known beforehand. The fit starts from the darker one of each two pixels opposite across the
centre, where one-sided arcs are gone; then whatever stands out above the model, outside of the core, is masked and the
rest is fitted anew, until the mask stands. Where arcs close to a ring, the whole annulus is masked. One Sersic goes
first, since two of them can mimic a ring; the second one starts with the mask that the first has left.

Shapes are turned by Levenberg-Marquardt steps; brightnesses and a level of sky, which are linear, are solved for at
each of them (variable projection; the Jacobian is Kaufman's, 1975).
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.optimize import least_squares, nnls

from lenslab.physics.camera import FWHM_PER_SIGMA, convolve
from lenslab.physics.light import sersic_surface_brightness

MODEL_ERROR = 0.05     # galaxies are no Sersics: share of the model by which it may be wrong, while it is fitted
BEARABLE = 20.0, 10.0, 5.0, 3.0, 3.0   # sigmas of the smoothed residual that are borne with, from fit to fit
TOO_DARK = -1.0        # below so many sigmas a pixel is always believed
OUTSKIRTS = 0.8        # share of the frame's half side beyond which no annulus is an arc
FINE = 5               # samples a side of a pixel in the core
CORE = 6               # pixels from the centre to which it is sampled finely
PAD = 8                # pixels around the frame whose light is blurred into it
STEP = 1e-4            # of a parameter, for a derivative
WORTH = 0.94           # a second Sersic is kept if the misfit falls below this share
APART = 0.2            # arcsec within which there is one peak
COMPANION = 1.6        # arcsec from the lens within which a second galaxy belongs to it
ALIKE = 0.5            # least ratio of their peaks
LOW = np.array([np.log(0.02), np.log(1.0), -0.75, -0.75])   # n below 1 has a rim and could mimic a ring
HIGH = np.array([np.log(12.0), np.log(8.0), 0.75, 0.75])


@dataclass(frozen=True)
class Component:
    """One elliptical Sersic; centre in arcsec from the frame's middle."""

    amp: float          # unit of the image / arcsec^2, at R_sersic
    R_sersic: float     # arcsec
    n_sersic: float
    e1: float
    e2: float
    center_x: float
    center_y: float

    @property
    def q(self) -> float:
        e = float(np.hypot(self.e1, self.e2))
        return (1 - e) / (1 + e)


@dataclass(frozen=True)
class LensLight:
    """What was fitted; arrays (H, W) on the grid of the image."""

    components: tuple[Component, ...]
    galaxy: tuple[int, ...]     # to which galaxy each component belongs
    sky: float                  # level a pixel
    model: np.ndarray           # light of the lens and sky, blurred
    used: np.ndarray            # bool: pixels that the fit listened to
    chi2_per_pixel: float       # over these, with the noise of the image alone
    error: float                # share of the light by which the model is wrong in the core, beyond the noise
    core_error: np.ndarray      # what that is in each pixel, fading beyond the cores; unit of the image


class Fit:
    """One image and everything that stays while shapes are tried."""

    def __init__(self, image: np.ndarray, sigma: np.ndarray, good: np.ndarray, pixel_scale: float,
                 kernel: np.ndarray, center: tuple[float, float]):
        self.image, self.sigma, self.good, self.scale, self.kernel = image, sigma, good, pixel_scale, kernel
        height, width = image.shape
        self.x = (np.arange(width) - (width - 1) / 2) * pixel_scale
        self.y = (np.arange(height) - (height - 1) / 2) * pixel_scale
        self.fwhm = kernel_fwhm(kernel) * pixel_scale

    def radius(self, center: tuple[float, float], e1: float = 0.0, e2: float = 0.0) -> np.ndarray:
        """(H, W) arcsec: radius of the circle of equal area to the ellipse through each pixel."""
        dx, dy = self.x[None, :] - center[0], self.y[:, None] - center[1]
        zx, zy = (1 - e1) * dx - e2 * dy, (1 + e1) * dy - e2 * dx
        return np.sqrt((zx**2 + zy**2) / (1 - e1**2 - e2**2))

    def render(self, shapes: np.ndarray) -> np.ndarray:
        """Blurred light of Sersics of amp 1: shapes (B, 6) = log R, log n, e1, e2, x, y to (B, H, W)."""
        height, width = self.image.shape
        s = self.scale
        wide_x = (np.arange(width + 2 * PAD) - (width + 2 * PAD - 1) / 2) * s
        wide_y = (np.arange(height + 2 * PAD) - (height + 2 * PAD - 1) / 2) * s
        light = np.stack([sersic(wide_x[None, :], wide_y[:, None], shape) for shape in shapes])
        part = (np.arange(FINE) - (FINE - 1) / 2) / FINE * s
        for k, shape in enumerate(shapes):
            column = int(round((shape[4] - wide_x[0]) / s))
            row = int(round((shape[5] - wide_y[0]) / s))
            columns = slice(max(column - CORE, 0), max(column + CORE + 1, 0))
            rows = slice(max(row - CORE, 0), max(row + CORE + 1, 0))
            fx, fy = (np.add.outer(axis, part).ravel() for axis in (wide_x[columns], wide_y[rows]))
            if fx.size and fy.size:
                fine = sersic(fx[None, :], fy[:, None], shape)
                light[k, rows, columns] = fine.reshape(len(fy) // FINE, FINE, len(fx) // FINE, FINE).mean((1, 3))
        blurred = convolve(torch.from_numpy(light * s * s), self.kernel).numpy()
        return blurred[:, PAD:-PAD, PAD:-PAD]

    def solve(self, image: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Brightnesses (K,) not below 0, and a level of sky of any sign: (K + 1,). The normal equations do: K is 3."""
        design = np.concatenate([columns, np.ones_like(image)[None]]) * weights
        size = np.sqrt(inner(design, design).diagonal()) + 1e-300
        design /= size[:, None, None]
        design = np.concatenate([design, -design[-1:]])     # the sky has two columns, since it may be negative
        gram, right = inner(design, design), inner(design, (image * weights)[None])[:, 0]
        root = np.linalg.cholesky(gram + 1e-9 * np.eye(len(gram)))
        found, _ = nnls(root.T, np.linalg.solve(root, right))
        return np.append(found[:-2], found[-2] - found[-1]) / size

    def turn(self, start: np.ndarray, galaxy: tuple[int, ...], image: np.ndarray, weights: np.ndarray,
             steps: int = 6) -> np.ndarray:
        """Shapes (K, 6) that fit an image best within their limits; components of one galaxy share its centre."""
        free = pack(start, galaxy)
        low, high = limits(free, galaxy)

        def state(p):
            columns = self.render(unpack(p, galaxy))
            amps = self.solve(image, columns, weights)
            residual = (np.einsum("k,kyx->yx", amps[:-1], columns) + amps[-1] - image) * weights
            return columns, amps, residual, float((residual**2).sum())

        p, damping = np.clip(free, low, high), 1e-2
        columns, amps, residual, cost = state(p)
        for _ in range(steps):
            J = self.slopes(p, galaxy, columns, amps, weights)
            slope, curvature = inner(J, residual[None])[:, 0], inner(J, J)
            stuck = ((p <= low) & (slope > 0)) | ((p >= high) & (slope < 0)) | (curvature.diagonal() == 0)
            go = np.flatnonzero(~stuck)
            before = cost
            while go.size and damping < 1e4:
                H = curvature[np.ix_(go, go)]
                tried = p.copy()
                tried[go] -= np.linalg.solve(H + damping * np.diag(H.diagonal()), slope[go])
                tried = np.clip(tried, low, high)
                new = state(tried)
                if new[3] < cost:
                    p, (columns, amps, residual, cost), damping = tried, new, damping / 10
                    break
                damping *= 10
            if before - cost < 1e-4 * before:
                break
        return unpack(p, galaxy)

    def slopes(self, p: np.ndarray, galaxy: tuple[int, ...], columns: np.ndarray, amps: np.ndarray,
               weights: np.ndarray) -> np.ndarray:
        """Jacobian (P, H, W) by Kaufman: what the brightnesses would make up for is projected out."""
        here, tried, owners = unpack(p, galaxy), [], []
        for j in range(len(p)):
            moved = p.copy()
            moved[j] += STEP
            shapes = unpack(moved, galaxy)
            for k in np.flatnonzero((shapes != here).any(1)):
                tried.append(shapes[k])
                owners.append((j, k))
        change = np.zeros((len(p), *weights.shape))
        for light, (j, k) in zip(self.render(np.array(tried)), owners, strict=True):
            change[j] += amps[k] / STEP * (light - columns[k])
        change *= weights
        lit = np.stack([c / c.max() for c, amp in zip(columns, amps, strict=False) if amp > 0]
                       + [np.ones_like(weights)]) * weights
        share = np.linalg.solve(inner(lit, lit) + 1e-9 * np.eye(len(lit)) * inner(lit, lit).trace(), inner(lit, change))
        return change - np.einsum("kj,kyx->jyx", share, lit)

    def model(self, shapes: np.ndarray, image: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Model (H, W) with the best brightnesses, and these with the sky (K + 1,)."""
        columns = self.render(shapes)
        amps = self.solve(image, columns, weights)
        return np.einsum("k,kyx->yx", amps[:-1], columns) + amps[-1], amps

    def weights(self, trust: np.ndarray, model: np.ndarray) -> np.ndarray:
        """Square root of trust / variance; the variance holds the share by which any model of a galaxy is wrong."""
        return np.sqrt(trust * self.good / (self.sigma**2 + (MODEL_ERROR * np.clip(model, 0, None)) ** 2))

    def trust(self, model: np.ndarray, shapes: np.ndarray, bearable: float) -> np.ndarray:
        """How far each pixel (H, W) is believed to show lens light alone, 0 to 1.

        What stands out above the model by more than `bearable` sigmas (of the residual smoothed by the PSF) is arcs
        or neighbours, and so are the pixels beside it. What is darker than the model is always believed, for arcs only
        add light, and so is the core, where the model is wrong.
        """
        width = max(self.fwhm / self.scale / FWHM_PER_SIGMA, 0.7)
        t = (self.image - model) * self.weights(np.ones_like(model), model)
        t = ndimage.gaussian_filter(t, width) * (2 * np.sqrt(np.pi) * width)   # white noise has sigma 1 again
        radius = self.radius(shapes[0, 4:6])
        bins = (radius / max(self.fwhm / 2, self.scale)).astype(int)
        # Arcs are not where the frame ends: an excess all around there is light of the galaxy that the model lacks.
        wide = radius > OUTSKIRTS * min(self.x[-1], self.y[-1])
        level = ndimage.median(t, np.where(self.good, bins, -1), np.arange(bins.max() + 1))
        t = np.where(wide, t - np.clip(np.nan_to_num(level), 0, None)[bins], t)
        believed = np.exp(-0.5 * (np.clip(t, 0, None) / bearable) ** 2)
        beside = ndimage.minimum_filter(believed, footprint=ndimage.generate_binary_structure(2, 1))
        core = np.min([self.radius(shape[4:6]) for shape in shapes], axis=0) < self.core_radius
        return np.where(core, 1.0, np.where(t < TOO_DARK, 1.0, beside))

    @property
    def core_radius(self) -> float:
        return max(1.2 * self.fwhm, 2.5 * self.scale)


def fit_lens_light(image: np.ndarray, sigma: np.ndarray, good: np.ndarray, pixel_scale: float, kernel: np.ndarray,
                   centers: list[tuple[float, float]]) -> LensLight:
    """The light of the galaxies at `centers` (arcsec from the frame's middle; the first one is the lens).

    image, sigma   (H, W)   in one unit;  good (H, W) bool
    kernel         (h, w)   PSF at one sample a pixel, odd sides, sum 1
    """
    fit = Fit(image, sigma, good, pixel_scale, kernel, centers[0])
    galaxy = tuple(range(len(centers)))
    shapes = np.array([[np.log(0.6), np.log(3.0), 0.0, 0.0, *center] for center in centers])
    calm = darker_half(image, good, fit, centers[0]) if len(centers) == 1 else image
    weights = fit.weights(np.ones_like(image), ndimage.gaussian_filter(calm, 1.0))
    shapes = fit.turn(shapes, galaxy, calm, weights, steps=15)
    found = settle(fit, shapes, galaxy, fit.model(shapes, calm, weights)[0], BEARABLE)
    first, *others = found[0]
    inner, outer = first.copy(), first.copy()
    inner[:2], outer[:2] = (first[0] - 0.7, np.log(2.0)), (first[0] + 0.5, np.log(1.5))
    richer = settle(fit, np.array([inner, outer, *others]), (0, *galaxy), found[2], BEARABLE[2:])
    if misfit(fit, richer[2]) < WORTH * misfit(fit, found[2]):
        found, galaxy = richer, (0, *galaxy)
    shapes, used, model, amps = found
    radius = np.min([fit.radius(tuple(shape[4:6])) for shape in shapes], axis=0)
    core = good & (radius < fit.core_radius)
    light = np.clip(model - amps[-1], 0, None)
    excess = np.mean((image - model)[core] ** 2 - sigma[core] ** 2) / max(np.mean(light[core] ** 2), 1e-300)
    error = float(np.sqrt(max(excess, 0.0)))
    parts = tuple(Component(float(amp), float(np.exp(s[0])), float(np.exp(s[1])), *map(float, s[2:]))
                  for amp, s in zip(amps[:-1], shapes, strict=True))
    counted = used & good
    return LensLight(parts, galaxy, float(amps[-1]), model, counted,
                     float(np.mean(((image - model) / sigma)[counted] ** 2)), error,
                     error * light * np.exp(-0.5 * (radius / (2 * fit.core_radius)) ** 2))


def peaks(image: np.ndarray, pixel_scale: float, width: float) -> list[tuple[float, float, float]]:
    """Local maxima of an image smoothed by `width` pixels, x, y in arcsec and brightness, the brightest first.

    A maximum is the highest within APART arcsec; its place is refined by the parabola through its neighbours.
    """
    smooth = ndimage.gaussian_filter(image, width)
    reach = max(1, round(APART / pixel_scale))
    highest = smooth == ndimage.maximum_filter(smooth, size=2 * reach + 1)
    highest[[0, -1], :] = highest[:, [0, -1]] = False
    found = []
    for i, j in zip(*np.nonzero(highest), strict=True):
        y = i - (image.shape[0] - 1) / 2 + summit(smooth[i - 1:i + 2, j])
        x = j - (image.shape[1] - 1) / 2 + summit(smooth[i, j - 1:j + 2])
        found.append((x * pixel_scale, y * pixel_scale, float(smooth[i, j])))
    return sorted(found, key=lambda peak: -peak[2])


def summit(line: np.ndarray) -> float:
    """Where the parabola through three values is highest, in steps from the middle one."""
    bend = line[0] - 2 * line[1] + line[2]
    return float(0.5 * (line[0] - line[2]) / bend) if bend < 0 else 0.0


def second_galaxy(found: list[tuple[float, float, float]], lens: tuple[float, float]) -> tuple | None:
    """The one other peak near the lens that is as bright as it, if there is exactly one; images of quasars are more."""
    near = [(float(np.hypot(x - lens[0], y - lens[1])), x, y, bright) for x, y, bright in found]
    if not near or min(near)[0] > APART:
        return None
    of_lens = min(near)[3]
    others = [(x, y, bright) for r, x, y, bright in near
              if APART < r < COMPANION and bright > of_lens * ALIKE]
    brightest = max((bright for r, _, _, bright in near if r < COMPANION), default=0.0)
    return others[0] if len(others) == 1 and brightest < of_lens / ALIKE else None


def settle(fit: Fit, shapes: np.ndarray, galaxy: tuple[int, ...], model: np.ndarray, bearable: tuple[float, ...]):
    """Fit again and again while ever less is borne with: shapes, used, model, brightnesses."""
    for limit in bearable:
        trust = fit.trust(model, shapes, limit)
        weights = fit.weights(trust, model)
        shapes = fit.turn(shapes, galaxy, fit.image, weights)
        model, amps = fit.model(shapes, fit.image, weights)
    return shapes, trust > 0.5, model, amps


def misfit(fit: Fit, model: np.ndarray) -> float:
    """How wrong a model is, arcs or not: mean square residual, of which a light too much counts 3 sigmas at most."""
    t = (fit.image - model) * fit.weights(np.ones_like(model), model)
    return float(np.mean(np.minimum(t[fit.good], 3.0) ** 2))


def darker_half(image: np.ndarray, good: np.ndarray, fit: Fit, center: tuple[float, float]) -> np.ndarray:
    """Of each two pixels opposite across the centre the darker one; what has no known opposite stays."""
    rows = 2 * (center[1] - fit.y[0]) / fit.scale - np.arange(len(fit.y))
    columns = 2 * (center[0] - fit.x[0]) / fit.scale - np.arange(len(fit.x))
    places = np.meshgrid(rows, columns, indexing="ij")
    opposite = ndimage.map_coordinates(image, places, order=1, mode="constant", cval=np.inf)
    known = ndimage.map_coordinates(good.astype(float), places, order=1, mode="constant", cval=0.0) > 0.99
    return np.where(known & good, np.minimum(image, np.where(np.isfinite(opposite), opposite, np.inf)), image)


def inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products (M, N) of images (M, H, W) and (N, H, W). einsum, for BLAS would wake its threads for so little."""
    return np.einsum("mp,np->mn", a.reshape(len(a), -1), b.reshape(len(b), -1))


def sersic(x: np.ndarray, y: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Surface brightness of amp 1 at positions, of log R, log n, e1, e2, centre."""
    log_R, log_n, e1, e2, center_x, center_y = (torch.tensor(float(v), dtype=torch.float64) for v in shape)
    return sersic_surface_brightness(torch.from_numpy(x), torch.from_numpy(y), 1.0, log_R.exp(), log_n.exp(), e1, e2,
                                     center_x, center_y).numpy()


def pack(shapes: np.ndarray, galaxy: tuple[int, ...]) -> np.ndarray:
    """Centres of the galaxies, then four numbers for each component."""
    centers = [shapes[galaxy.index(g), 4:6] for g in range(max(galaxy) + 1)]
    return np.concatenate([*centers, shapes[:, :4].ravel()])


def unpack(p: np.ndarray, galaxy: tuple[int, ...]) -> np.ndarray:
    number = max(galaxy) + 1
    centers = p[:2 * number].reshape(number, 2)
    return np.concatenate([p[2 * number:].reshape(-1, 4), centers[list(galaxy)]], axis=1)


def limits(free: np.ndarray, galaxy: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A galaxy stays within 0.3 arcsec of where it was found."""
    centers = free[:2 * (max(galaxy) + 1)]
    return (np.concatenate([centers - 0.3, np.tile(LOW, len(galaxy))]),
            np.concatenate([centers + 0.3, np.tile(HIGH, len(galaxy))]))


def kernel_fwhm(kernel: np.ndarray) -> float:
    """Full width at half maximum of a Gaussian fitted to the core of a kernel, in samples; its sampling is in it."""
    h, w = kernel.shape
    y, x = np.arange(h)[:, None] - h // 2, np.arange(w)[None, :] - w // 2

    def off(p):
        return (p[0] * np.exp(-(x**2 + y**2) / (2 * p[1] ** 2)) - kernel / kernel.max()).ravel()

    found = least_squares(off, [1.0, max(1.0, 0.5 * np.sqrt((kernel > kernel.max() / 2).sum()))],
                          bounds=([0.1, 0.05], [10, max(h, w) + 2.0]))
    return float(found.x[1] * FWHM_PER_SIGMA)
