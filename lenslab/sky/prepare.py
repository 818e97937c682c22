"""Any image of a lens as a network expects it: on the grid of its population's camera, the lens galaxy taken off.

What was done is told in sentences, and so is what could not be done: nothing is sharpened, no noise is added, and
nothing is scaled, since networks see sigmas.
"""

from dataclasses import dataclass, replace
from math import ceil, hypot, sqrt

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from lenslab.images.observation import Observation
from lenslab.images.simulate import psf_kernel
from lenslab.physics.camera import FWHM_PER_SIGMA, resample_kernel
from lenslab.population import Population
from lenslab.scene import Camera
from lenslab.sky import arcs, read
from lenslab.sky.lens_light import LensLight, fit_lens_light, kernel_fwhm, peaks, second_galaxy
from lenslab.sky.resample import resampled

PIXEL_FWHM = FWHM_PER_SIGMA / sqrt(12)   # a pixel's own width, as that of a Gaussian of the same variance
MARGIN = 2.0           # arcsec around the new frame that the fit of the lens light sees as well
MOST = 220             # pixels a side of the fit; finer images are gathered first
MIDDLE = 0.15          # share of the half side within which the lens galaxy is looked for
NEAR = 0.10            # share at which a peak's distance from the middle begins to count against it
LEAST = 5.0            # sigmas of the smoothed image that a lens galaxy has at its peak
RAISED = 1.1           # scatter of the dark from which the noise is raised
FEW = 30               # pixels below 0 that a scatter can be told from
ALIKE = 1.1            # ratio of two widths that are as good as the same: kernels tell no more (samples or squares?)


@dataclass(frozen=True)
class Prepared:
    """An image before and after, and what was done in between."""

    observation: Observation        # on the camera's grid
    before: Observation             # the part of the image that was looked at, on its own grid
    subtracted: Observation         # the same without the lens light; noise with the error of its fit
    lens_light: Tensor | None       # (1, 1, H, W) on that grid, without sky; None: nothing was taken off
    fit: LensLight | None
    center: tuple[float, float]     # arcsec from the middle of the whole image: what the new frame is centred on
    signal: float                   # S of the new image, neighbours included
    steps: tuple[str, ...]          # what was done
    warnings: tuple[str, ...]       # in what the image still differs from those of the camera


def prepare(observation: Observation, camera: Camera, *, center: tuple[float, float] | None = None,
            subtract_lens_light: bool = True, signal_range: tuple[float, float] | None = None) -> Prepared:
    """One image on the pixels of `camera`, as its networks expect it.

    center         x, y in arcsec from the middle of the image; None: where the light of the lens galaxy peaks
    signal_range   S between which the images of the population lie, so that one beyond is told
    """
    if len(observation) != 1:
        raise ValueError(f"{len(observation)} images came at once; give them one by one.")
    if center is not None and not all(np.isfinite(center)):
        raise ValueError(f"The centre {center} is no place; give x and y in arcsec from the middle of the image.")
    steps: list[str] = []
    warnings: list[str] = []
    galaxies = find_galaxies(observation, center, subtract_lens_light, steps, warnings)
    middle = center or middle_of(galaxies)
    before, offset = part_of(observation, camera, middle, steps)
    warnings += arcs.missing(before)
    galaxies = [(x - offset[0], y - offset[1]) for x, y, _ in galaxies]
    fit, subtracted = None, before
    if subtract_lens_light and galaxies:
        fit = fitted(before, galaxies, steps, warnings)
        subtracted = without(before, fit)
        if center is None and len(galaxies) == 1:
            middle = (fit.components[0].center_x + offset[0], fit.components[0].center_y + offset[1])
    blur = matching_blur(replace(before, scenes=observation.scenes), camera, steps, warnings)
    at = (middle[0] - offset[0], middle[1] - offset[1])
    after = honest_noise(resampled(subtracted, at, camera.num_pix, camera.pixel_scale, blur), steps)
    signal = signal_of(after)
    judge(observation, after, camera, signal, signal_range, steps, warnings)
    light = None if fit is None else torch.from_numpy(fit.model - fit.sky).to(before.image)[None, None]
    after = replace(after, notes=(*after.notes, *steps))
    return Prepared(after, before, subtracted, light, fit, middle, signal, tuple(steps), tuple(warnings))


def prepare_for(observation: Observation, population: Population, **options) -> Prepared:
    """One image as networks of a population expect it; options are those of `prepare`."""
    law = population.laws.get("signal_to_noise")
    return prepare(observation, population.camera, signal_range=law.limits if law else None, **options)


def find_galaxies(observation: Observation, center, subtract: bool, steps: list[str],
                  warnings: list[str]) -> list[tuple[float, float, float]]:
    """The lens galaxy, and a second one as bright as it beside it: x, y in arcsec and peak brightness; none is [].

    Cut-outs are centred on the lens; so the peak is taken that is bright and near the middle, not the brightest one,
    which may be an image of a quasar.
    """
    scenes = observation.scenes
    if scenes is not None and not scenes.template.lens_light:
        steps.append("The scene has no lens light; nothing is to be taken off.")
        return []
    image, sigma, good = arrays(observation)
    width = 1.0 if observation.psf is None else max(psf_width(observation) / observation.pixel_scale / FWHM_PER_SIGMA,
                                                    0.7)
    found = peaks(np.where(good, image, np.median(image[good])), observation.pixel_scale, width)
    ground = float(np.median(gaussian_filter(sigma, width)[good])) / (2 * sqrt(np.pi) * width)
    found = [peak for peak in found if peak[2] > LEAST * ground]
    aim, half = center or (0.0, 0.0), min(observation.half_width)
    near = [peak for peak in found if hypot(peak[0] - aim[0], peak[1] - aim[1]) < MIDDLE * half]
    if not near:
        if subtract:
            place = "the middle of the image" if center is None else "the centre that was given"
            warnings.append(f"No galaxy shines within {MIDDLE * half:.2f} arcsec of {place}, so no light was taken off "
                            "and the frame is centred there; give the centre of the lens if it is elsewhere.")
        return []
    lens = max(near, key=lambda p: np.log(p[2]) - 0.5 * (hypot(p[0] - aim[0], p[1] - aim[1]) / (NEAR * half)) ** 2)
    steps.append(f"The lens galaxy was found at ({lens[0]:+.2f}, {lens[1]:+.2f}) arcsec from the middle of the image.")
    other = second_galaxy(found, lens[:2])
    if other is None:
        return [lens]
    steps.append(f"A second galaxy as bright was found at ({other[0]:+.2f}, {other[1]:+.2f}) arcsec; both are taken "
                 "for lenses, and the frame is centred between them.")
    return [lens, other]


def middle_of(galaxies: list[tuple[float, float, float]]) -> tuple[float, float]:
    """The mean place of galaxies by their peaks; the frame's middle where there are none."""
    total = sum(peak for *_, peak in galaxies)
    return tuple(float(sum(place[axis] * place[2] for place in galaxies) / total) if galaxies else 0.0
                 for axis in (0, 1))


def part_of(observation: Observation, camera: Camera, middle: tuple[float, float],
            steps: list[str]) -> tuple[Observation, tuple[float, float]]:
    """What is worth a look of a large or finely sampled image, and where its middle lies in the whole, arcsec."""
    height, width = observation.image.shape[-2:]
    scale = observation.pixel_scale
    side = ceil((camera.num_pix * camera.pixel_scale + 2 * MARGIN) / scale)
    offset = (0.0, 0.0)
    if max(height, width) > side >= 5:
        lengths = (width, height)
        left, low = (int(np.floor((n - side) / 2 + at / scale + 0.5)) for n, at in zip(lengths, middle, strict=True))
        observation = read.cut_out(observation, *middle, side)
        offset = ((left + (side - width) / 2) * scale, (low + (side - height) / 2) * scale)
        steps.append(f"The {side} x {side} pixels around the lens were looked at.")
    longest = max(observation.image.shape[-2:])
    if longest > MOST:
        coarse = scale * longest / MOST
        observation = resampled(observation, (0.0, 0.0), MOST, coarse)
        steps.append(f"Pixels of {scale:.3g} arcsec were first gathered to {coarse:.3g} arcsec.")
    return observation, offset


def fitted(observation: Observation, galaxies: list[tuple[float, float]], steps: list[str],
           warnings: list[str]) -> LensLight:
    """The fit of the lens light, told."""
    image, sigma, good = arrays(observation)
    if observation.psf is None:
        warnings.append("No PSF came with the image: a Gaussian of two pixels stands in for it.")
        axis = np.arange(-5, 6)
        kernel = np.exp(-0.5 * (axis[:, None] ** 2 + axis**2) * (FWHM_PER_SIGMA / 2) ** 2)
        kernel /= kernel.sum()
    else:
        kernel = resample_kernel(observation.psf, observation.psf_supersampling, 1)
    fit = fit_lens_light(np.where(good, image, 0.0), sigma, good, observation.pixel_scale, kernel, galaxies)
    parts = "; ".join(f"R = {part.R_sersic:.2f} arcsec, n = {part.n_sersic:.1f}, q = {part.q:.2f}"
                      for part in fit.components)
    number = {1: "one Sersic", 2: "two Sersics"}.get(len(fit.components), f"{len(fit.components)} Sersics")
    steps.append(f"The lens light was fitted by {number} through the PSF ({parts}) and a level of sky, and taken off: "
                 f"chi2 = {fit.chi2_per_pixel:.2f} a pixel over the {100 * fit.used.mean():.0f} % that were believed "
                 "to show it; the rest was left out as arcs and neighbours.")
    steps.append(f"In the core the fit is wrong by {100 * fit.error:.0f} % of the light, which was added to the noise "
                 "there.")
    if fit.chi2_per_pixel > 2:
        warnings.append(f"The lens light is not well fitted (chi2 = {fit.chi2_per_pixel:.1f} a pixel); what is left of "
                        "it may be taken for structure of the arcs.")
    return fit


def without(observation: Observation, fit: LensLight) -> Observation:
    """The image less lens light and sky; what the fit is wrong by in the cores is added to the variance."""
    _, sigma, _ = arrays(observation)
    variance = sigma**2 + fit.core_error**2
    like = observation.image
    return replace(observation, image=like - torch.from_numpy(fit.model).to(like),
                   variance=torch.from_numpy(variance).to(like)[None, None], model=None, scenes=None)


def psf_width(observation: Observation) -> float:
    """FWHM in arcsec of the blur alone: a measured kernel's samples are squares, whose width is taken out."""
    sample = observation.pixel_scale / observation.psf_supersampling
    return sample * sqrt(max(kernel_fwhm(observation.psf) ** 2 - PIXEL_FWHM**2, 0.0))


def camera_width(camera: Camera) -> float:
    """FWHM in arcsec of the blur of a camera, its pixels aside."""
    if camera.psf in ("gaussian", "moffat"):
        return camera.fwhm
    kernel = psf_kernel(camera, camera.supersampling)
    if kernel is None:
        return 0.0
    return camera.pixel_scale / camera.supersampling * sqrt(max(kernel_fwhm(kernel) ** 2 - PIXEL_FWHM**2, 0.0))


def matching_blur(observation: Observation, camera: Camera, steps: list[str], warnings: list[str]) -> float:
    """Sigma in arcsec of the Gaussian that makes the PSF as wide as the camera's; widths add in squares."""
    wanted = camera_width(camera)
    if observation.psf is None and observation.scenes is None:
        warnings.append("Without a PSF the image could not be blurred to that of the camera.")
        return 0.0
    scenes = observation.scenes
    width = psf_width(observation) if scenes is None else camera_width(scenes.template.camera)
    if width > ALIKE * wanted:
        warnings.append(f"The PSF is {width:.3f} arcsec wide (FWHM) and the camera's {wanted:.3f}: the image shows "
                        "less detail than the network was trained on, and nothing was sharpened.")
        return 0.0
    if width > wanted / ALIKE:
        steps.append(f"The PSF is {width:.3f} arcsec wide (FWHM), as good as the camera's {wanted:.3f}: no blur was "
                     "added.")
        return 0.0
    steps.append(f"The PSF was broadened from {width:.3f} to {wanted:.3f} arcsec (FWHM) by a Gaussian; its wings stay "
                 "those of the telescope.")
    return sqrt(wanted**2 - width**2) / FWHM_PER_SIGMA


def scatter(observation: Observation) -> float:
    """Scatter of the dark in units of the noise: 1 where noise maps are right.

    Half of all empty pixels lie below 0 where the sky is taken off, and neither arcs nor neighbours do: the median of
    |image/sigma| over these is that of a whole bell, 0.6745.
    """
    image, sigma, good = arrays(observation)
    below = (image / sigma)[good & (image < 0)]
    return float(np.median(-below)) / 0.6745 if below.size >= FEW else 1.0


def honest_noise(observation: Observation, steps: list[str]) -> Observation:
    """The variance raised where the dark scatters more than it says: noise that was correlated averages out less."""
    found = scatter(observation)
    if found < RAISED:
        return observation
    steps.append(f"The dark of the new image scatters by {found:.2f} sigma, since the noise of the old pixels was "
                 "correlated or is understated; the noise was raised by that factor.")
    return replace(observation, variance=observation.variance * found**2)


def signal_of(observation: Observation) -> float:
    """S of an image without lens light: its squared sigmas above those of noise alone, summed, square root."""
    image, sigma, good = arrays(observation)
    noise = min(scatter(observation), 1.0) ** 2
    return sqrt(max(float(((image / sigma)[good] ** 2 - noise).sum()), 0.0))


def judge(original: Observation, after: Observation, camera: Camera, signal: float,
          signal_range: tuple[float, float] | None, steps: list[str], warnings: list[str]) -> None:
    """What resampling did, and in what the outcome differs from the camera's images."""
    old, new, side = original.pixel_scale, camera.pixel_scale, camera.num_pix
    steps.append(f"It was resampled from {old:.3g} to {new:.3g} arcsec a pixel, {side} x {side} of them; flux is kept, "
                 "and the variance of each pixel propagated.")
    if abs(old / new - 1) > 1e-6:
        warnings.append("The noise of neighbouring pixels is now correlated, which the network has not seen.")
    if not 0.25 < old / new < 1.5:
        warnings.append(f"Its pixels of {old:.3g} arcsec are far from the camera's {new:.3g}: " +
                        ("little noise is left after gathering them." if old < new else
                         "detail between them is made up by interpolation."))
    known = 1.0 if after.mask is None else float(after.mask.double().mean())
    if known < 0.995:
        steps.append(f"{100 * (1 - known):.0f} % of the frame is not covered by the image; it is 0 there.")
    if known < 0.98:
        warnings.append(f"The image covers {100 * known:.0f} % of the {side * new:.1f} arcsec that the network expects "
                        "to see; the empty rim is unlike what it was trained on.")
    if signal_range is not None and not signal_range[0] <= signal <= signal_range[1]:
        warnings.append(f"The arcs and neighbours have S = {signal:.0f}; the network was trained on "
                        f"{signal_range[0]:g} to {signal_range[1]:g}.")


def arrays(observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, sigma and what is known (H, W) of one image."""
    image = observation.image[0, 0].detach().cpu().double().numpy()
    sigma = observation.noise[0, 0].detach().cpu().double().numpy()
    good = np.ones(image.shape, bool) if observation.mask is None else observation.mask[0, 0].cpu().numpy()
    return image, sigma, good
