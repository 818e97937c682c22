"""An image of any camera made ready for a fit, on its own pixels, with its own PSF, noise and masks.

The frame about the lens galaxy is cut out, its light is fitted beforehand with the arcs left out
(lenslab.sky.lens_light), and becomes where the fit of everything begins. Nothing is resampled; what a network reads
that begins the fit is another matter (`as_seen_by`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, floor, hypot

import numpy as np
import torch
from scipy.ndimage import binary_dilation, gaussian_filter, label
from torch import Tensor

from lenslab.fit import circle, lens_sersics
from lenslab.fit.noise_law import noise_law
from lenslab.fit.problem import FitProblem
from lenslab.fit.smooth import SmoothLens
from lenslab.images.observation import Observation
from lenslab.physics.camera import FWHM_PER_SIGMA
from lenslab.physics.light import sersic_total_flux
from lenslab.picture import remember
from lenslab.scene import Camera
from lenslab.sky import arcs, prepare, read
from lenslab.sky.lens_light import LensLight
from lenslab.sky.resample import resampled

REACH = 3.5               # arcsec from the lens to the edge of the frame that is fitted
MOST = 180                # pixels on a side of it
FINE = 0.04               # arcsec between rays at most, as populations have it: compact components have a core
RAYS = 2, 4               # in a pixel and side, at least and at most
OFF_CENTER = 0.05         # arcsec: one sigma of the mass's centre about that of the light,
UNSEEN = 0.15             # and about the frame's middle where no galaxy shines;
BETWEEN = 0.25            # about the middle of two galaxies, in their distance
POLES = 0.005, 0.05       # one sigma of multipoles, and the most
FAR = 1.7, 1.3            # Einstein radii from the lens from which on light may be a neighbour's, first and then
STRANGE = 0.7             # share of a neighbour's light that no model of the lens explains, at least
NEIGHBOUR = 5.0, 2.0      # sigmas of the smoothed residual at a neighbour's peak, and at its edge
STAND_IN = 2.0            # pixels: FWHM of a Gaussian in the place of a PSF that is not known


@dataclass(frozen=True)
class Masks:
    """What is left out of a fit, arcsec from the middle of the whole image; told by whoever looks at it."""

    inner: float = 0.0                                     # about the lens galaxy, within
    outer: float = float("inf")                            # about the lens galaxy, beyond
    circles: tuple[tuple[float, float, float], ...] = ()   # x, y, radius


@dataclass(frozen=True)
class Target:
    """One image made ready."""

    problem: FitProblem
    noise_of: Callable[[Tensor], Tensor]
    galaxies: int                       # whose light was fitted
    observation: Observation            # the frame that is fitted
    subtracted: Observation             # less the lens light as it was fitted beforehand
    offset: tuple[float, float]         # arcsec: the frame's middle, from the middle of the whole image
    center: tuple[float, float]         # arcsec: the lens galaxy, from the frame's middle
    steps: tuple[str, ...]
    warnings: tuple[str, ...]


def target(observation: Observation, lens: SmoothLens, masks: Masks = Masks(), components: int | None = None,
           rays: int | None = None) -> Target:
    """The first image of an observation as a fit wants it.

    lens         whose coordinates and widths are usual; its camera gives way to the image's own
    components   Sersics of the lens galaxy: 0, 1, 2, or None for as many as its light asks for
    rays         in a pixel and side; None for as many as its size asks for
    """
    if len(observation) != 1:
        raise ValueError(f"{len(observation)} images came at once; give them one by one.")
    steps: list[str] = []
    warnings: list[str] = []
    galaxies = [] if components == 0 else prepare.find_galaxies(observation, None, True, steps, warnings)
    if components == 0:
        warnings = []
    middle = prepare.middle_of(galaxies)
    frame, offset = frame_about(observation, middle, steps)
    warnings += arcs.missing(frame)
    centers = [(x - offset[0], y - offset[1]) for x, y, _ in galaxies]
    fit = prepare.fitted(frame, centers, steps, warnings) if galaxies else None
    if fit is not None and components == 1 and len(fit.components) > 1:
        fit = replace(fit, components=fit.components[:1], galaxy=fit.galaxy[:1])
    subtracted = frame if fit is None else prepare.without(frame, fit)
    center, apart = center_of(fit, centers)
    camera = camera_of(frame, warnings, rays)
    known = usable_pixels(frame, center, offset, masks)
    if not known.any():
        raise ValueError("The masks leave no pixel to be fitted; make them smaller.")
    image = frame.image.float()
    variance = subtracted.variance.float()      # with what the lens light is wrong by in its core
    law = noise_law(image, frame.variance.float(), known, beside=variance - frame.variance.float())
    sigma = torch.where(known, variance.sqrt(), torch.inf)
    glow = image.new_zeros(1, 0) if fit is None else numbers_of(fit).to(image)
    width = UNSEEN if fit is None else max(OFF_CENTER, BETWEEN * apart)
    own = about(lens, camera, center, width, min(frame.half_width))
    return Target(FitProblem(own, image, sigma, glow), law, len(galaxies), frame, subtracted, offset, center,
                  tuple(steps), tuple(warnings))


def frame_about(observation: Observation, middle: tuple[float, float], steps: list[str]
                ) -> tuple[Observation, tuple[float, float]]:
    """The square about the lens, and where its middle lies in the whole image, arcsec."""
    height, width = observation.image.shape[-2:]
    scale = observation.pixel_scale
    side = min(max(height, width), ceil(2 * REACH / scale), MOST)
    if height == width == side:
        return replace(observation, scenes=None), (0.0, 0.0)
    left, low = (floor((n - side) / 2 + at / scale + 0.5) for n, at in zip((width, height), middle, strict=True))
    steps.append(f"The {side} x {side} pixels around the lens are fitted.")
    return read.cut_out(observation, *middle, side), ((left + (side - width) / 2) * scale,
                                                      (low + (side - height) / 2) * scale)


def camera_of(frame: Observation, warnings: list[str], rays: int | None = None) -> Camera:
    """A camera with the pixels of an image and its PSF as it was measured."""
    rays = rays or min(max(ceil(frame.pixel_scale / FINE - 1e-6), RAYS[0]), RAYS[1])
    side, scale = frame.image.shape[-1], frame.pixel_scale
    if frame.psf is None:
        warnings.append(f"No PSF came with the image: a Gaussian of {STAND_IN * scale:.3g} arcsec (FWHM) stands in for "
                        "it, and errors do not know of that.")
        return Camera(num_pix=side, pixel_scale=scale, supersampling=rays, fwhm=STAND_IN * scale)
    return Camera(num_pix=side, pixel_scale=scale, supersampling=rays, psf="pixel", psf_picture=remember(frame.psf),
                  psf_supersampling=frame.psf_supersampling)


def usable_pixels(frame: Observation, center: tuple[float, float], offset: tuple[float, float], masks: Masks) -> Tensor:
    """(1, 1, N, N) bool: pixels that the fit listens to; a circle about the lens, less what is masked."""
    x, y = axes_of(frame)
    radius = torch.hypot(x - center[0], y - center[1])
    known = torch.ones_like(frame.image, dtype=torch.bool) if frame.mask is None else frame.mask.clone()
    known &= (radius >= masks.inner) & (radius <= min(masks.outer, max(frame.half_width)))
    for at_x, at_y, reach in masks.circles:
        known &= torch.hypot(x - (at_x - offset[0]), y - (at_y - offset[1])) > reach
    return known & (frame.variance > 0)


def axes_of(frame: Observation) -> tuple[Tensor, Tensor]:
    """x (N,) and y (N, 1) of pixels, arcsec from the frame's middle."""
    axis = (torch.arange(frame.image.shape[-1], dtype=torch.float64) - (frame.image.shape[-1] - 1) / 2) \
        * frame.pixel_scale
    return axis, axis[:, None]


def numbers_of(fit: LensLight) -> Tensor:
    """A fit of the lens light as numbers (1, L) of lenslab.fit.lens_sersics."""
    rows = []
    for part in fit.components:
        R, n, amp = (torch.tensor(max(value, 1e-6), dtype=torch.float64)
                     for value in (part.R_sersic, part.n_sersic, part.amp))
        rows += [part.center_x, part.center_y, float(R.log()), float(n.log()), part.e1, part.e2,
                 float(sersic_total_flux(amp, R, n).log())]
    values = torch.tensor([[*rows, fit.sky]], dtype=torch.float64)
    low, high = lens_sersics.limits(values)
    return torch.minimum(torch.maximum(values, low), high)


def center_of(fit: LensLight | None, centers: list[tuple[float, float]]) -> tuple[tuple[float, float], float]:
    """Where the mass is looked for, arcsec from the frame's middle, and how far apart its galaxies are."""
    if fit is None:
        return (0.0, 0.0), 0.0
    if len(centers) == 1:
        return (fit.components[0].center_x, fit.components[0].center_y), 0.0
    (x, y), (other_x, other_y) = centers
    return ((x + other_x) / 2, (y + other_y) / 2), hypot(x - other_x, y - other_y)


def about(lens: SmoothLens, camera: Camera, center: tuple[float, float], width: float, half_width: float
          ) -> SmoothLens:
    """The smooth lenses that are usual, seen by another camera and centred on a galaxy to so many arcsec, one sigma."""
    changed = {name: getattr(lens, name).clone() for name in ("mean", "std", "low", "high")}
    for name, at in zip(("center_x", "center_y"), center, strict=True):
        if name in lens.names:
            k = lens.names.index(name)
            changed["mean"][k], changed["std"][k] = at, width
            changed["low"][k], changed["high"][k] = at - 5 * width, at + 5 * width
    for name, at in zip(("source_x", "source_y"), center, strict=True):
        k = lens.names.index(name)
        changed["mean"][k] += at
        changed["low"][k], changed["high"][k] = at - half_width, at + half_width
    for k in (k for k, name in enumerate(lens.names) if name in circle.POLES):
        changed["std"][k], changed["low"][k], changed["high"][k] = POLES[0], -POLES[1], POLES[1]
    if "theta_E" in lens.names:
        k = lens.names.index("theta_E")
        changed["low"][k], changed["high"][k] = 2 * camera.pixel_scale, half_width
    return replace(lens, template=replace(lens.template, camera=camera), **changed)


def as_seen_by(made: Target, camera: Camera, zoom: float) -> Tensor:
    """The arcs in sigmas (1, 1, n, n) on the pixels of a network's camera, as if all angles were `zoom` times smaller.

    A lens is the same at every size, so that a network that knows small ones reads large ones too.
    """
    wanted = replace(camera, pixel_scale=camera.pixel_scale * zoom, fwhm=camera.fwhm * zoom)
    frame = replace(made.subtracted, scenes=None)
    blur = prepare.matching_blur(frame, wanted, [], [])
    seen = resampled(frame, made.center, camera.num_pix, wanted.pixel_scale, blur)
    seen = prepare.honest_noise(seen, [])
    sigmas = seen.image / seen.noise
    return (sigmas if seen.mask is None else torch.where(seen.mask, sigmas, 0.0)).float()


def without_neighbours(problem: FitProblem, left: Tensor, theta_E: float, center: tuple[float, float], far: float
                       ) -> tuple[FitProblem, int]:
    """The problem without what shines beyond the ring and is no part of a model, and how many pixels that takes.

    left   (1, N^2)   sigmas, of a first model
    far    Einstein radii beyond which it lies
    """
    camera = problem.lens.camera
    side, scale = camera.num_pix, camera.pixel_scale
    known = problem.sigma[0, 0].isfinite().numpy()
    residual = np.where(known, left[0].reshape(side, side).double().numpy(), 0.0)
    seen = np.where(known, (problem.arcs / problem.sigma)[0, 0].double().numpy(), 0.0)
    width = max(0.1 / scale / FWHM_PER_SIGMA, 0.7)
    smooth, light = (gaussian_filter(part, width) * (2 * np.sqrt(np.pi) * width) for part in (residual, seen))
    axis = (np.arange(side) - (side - 1) / 2) * scale
    beyond = np.hypot(axis[None, :] - center[0], axis[:, None] - center[1]) > far * theta_E
    groups, number = label((light > NEIGHBOUR[1]) & (smooth > NEIGHBOUR[1]) & known & beyond)
    strange = [k for k in range(1, number + 1) if smooth[groups == k].max() > NEIGHBOUR[0]
               and residual[groups == k].sum() > STRANGE * seen[groups == k].sum()]
    if not strange:
        return problem, 0
    out = binary_dilation(np.isin(groups, strange), iterations=max(1, round(0.1 / scale))) & known
    sigma = torch.where(torch.from_numpy(out)[None, None], torch.inf, problem.sigma)
    return replace(problem, sigma=sigma), int(out.sum())
