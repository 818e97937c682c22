"""The best smooth lens of each image of a batch: Levenberg-Marquardt through the simulator, a fixed number of steps.

chi^2 = sum ((image - expected) / sigma)^2 + sum ((p - mean) / (PRIOR std))^2, with the noise that an observer
estimates. The weak prior (Gaussian about the population) keeps what the image does not tell, such as the multipoles of
a faint arc, where it can be. Levenberg 1944, Marquardt 1963: the damping falls where a step helps and grows where not.
"""

from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

from lenslab.fit.smooth import LIGHT, STEP, SmoothLens
from lenslab.images import ceiling
from lenslab.images.model import LensModel, source_light
from lenslab.images.realise import realise
from lenslab.images.simulate import photographed
from lenslab.physics.grid import pixel_axis
from lenslab.scenes import Scenes

STEPS = 8
PRIOR = 2.0              # spreads of the population that one sigma of the prior is wide
DAMPING = 1e-2           # at the start, of the diagonal
EASED, RAISED = 0.2, 8.0
AMPLITUDE_STEP = 1e-3    # of the logarithm
SHARP = 2                # last steps whose tangents have all rays: with one a pixel chi^2 ends 1 above its minimum
AT_ONCE = 2**16          # rays in one piece on a CPU: it stays in cache
FARTHEST = 1e6           # sigmas: what a broken start may be off, so that no square overflows


@dataclass(frozen=True)
class Fit:
    """Smooth lenses fitted to B images."""

    coordinates: Tensor    # (B, P), by SmoothLens.names
    amplitude: Tensor      # (B,) logarithm of the flux or exposure over that of the SmoothLens
    covariance: Tensor     # (B, P, P) of the coordinates, or (B, P + 1, P + 1) with the amplitude last
    model: Tensor          # (B, 1, H, W) expected image, in the image's unit
    residual: Tensor       # (B, 1, H, W) in sigmas
    chi2: Tensor           # (B,) without the prior


def fit(lens: SmoothLens, image: Tensor, sigma: Tensor, start: Tensor, steps: int = STEPS) -> Fit:
    """The smooth lens of each image, from starts (B, P) in plain coordinates.

    image, sigma  (B, 1, H, W)  in the unit of the population's camera, H and W those of `lens.camera`
    """
    rays = (lens.camera.num_pix * lens.camera.supersampling) ** 2
    at_once = max(1, AT_ONCE // rays) if image.device.type == "cpu" else len(image)
    with torch.no_grad():
        parts = [descend(lens, *piece, steps) for piece in zip(image.split(at_once), sigma.split(at_once),
                                                               lens.kept(start.to(image)).split(at_once), strict=True)]
    return parts[0] if len(parts) == 1 else Fit(*(torch.cat(column) for column in zip(
        *(vars(part).values() for part in parts), strict=True)))


def descend(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, steps: int) -> Fit:
    """One piece of a batch."""
    prior = (PRIOR * lens.std.to(image)).square().reciprocal()
    mean = lens.mean.to(image)
    if lens.amplitude:
        place = torch.cat([place, first_amplitude(lens, image, sigma, place)[:, None]], 1)
        prior, mean = torch.cat([prior, prior.new_zeros(1)]), torch.cat([mean, mean.new_zeros(1)])
    damping = torch.full((len(image),), DAMPING).to(image)
    left = residual(lens, image, sigma, place)
    cost = left.square().sum(1) + ((place - mean).square() * prior).sum(1)
    for step in range(steps):
        sharp = step >= steps - SHARP
        if sharp:
            damping = damping.clamp_max(DAMPING)     # the blunt tangents' troubles are not theirs
        J = tangents(lens, sigma, place, supersampling=None if sharp else 1)
        normal = J.mT @ J + prior.diag()      # the last one, a step before the end, gives the covariance
        slope = (J.mT @ left[..., None])[..., 0] - prior * (place - mean)
        scale = normal.diagonal(dim1=1, dim2=2)
        move = torch.linalg.solve(normal + torch.diag_embed(damping[:, None] * scale + 1e-12), slope)
        trial = kept(lens, place + move)
        there = residual(lens, image, sigma, trial)
        price = there.square().sum(1) + ((trial - mean).square() * prior).sum(1)
        better = price < cost
        place, left = torch.where(better[:, None], trial, place), torch.where(better[:, None], there, left)
        cost = torch.where(better, price, cost)
        damping = torch.where(better, damping * EASED, damping * RAISED).clamp(1e-9, 1e6)
    P = len(lens.names)
    amplitude = place[:, P] if lens.amplitude else place.new_zeros(len(place))
    shape = image.shape
    return Fit(place[:, :P], amplitude, torch.linalg.inv(normal.double()).to(image),
               image - left.reshape(shape) * sigma, left.reshape(shape), left.square().sum(1))


def kept(lens: SmoothLens, place: Tensor) -> Tensor:
    P = len(lens.names)
    return torch.cat([lens.kept(place[:, :P]), place[:, P:].clamp(-12, 12)], 1)


def scenes_at(lens: SmoothLens, place: Tensor, supersampling: int | None = None) -> Scenes:
    P = len(lens.names)
    amplitude = place[:, P] if place.shape[1] > P else place.new_zeros(len(place))
    return lens.scenes(place[:, :P], amplitude, supersampling)


def residual(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor) -> Tensor:
    """(image - expected) / sigma, (B, M)."""
    scenes = scenes_at(lens, place)
    alpha = deflection(lens, scenes)
    mean = expected(scenes, photographed(lens.camera, shining(scenes, alpha)))
    return ((image - mean) / sigma).flatten(1).nan_to_num(FARTHEST, FARTHEST, -FARTHEST).clamp(-FARTHEST, FARTHEST)


def first_amplitude(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor) -> Tensor:
    """The logarithm (B,) of the factor that fits the image best: linear, but for what noise does to the mean."""
    scenes = lens.scenes(place, place.new_zeros(len(place)))
    light = shining(scenes, deflection(lens, scenes))
    model = expected(scenes, photographed(lens.camera, light)) / sigma
    factor = (model * image / sigma).sum((1, 2, 3)) / model.square().sum((1, 2, 3)).clamp_min(1e-12)
    return factor.clamp(1e-5, 1e5).log()


def tangents(lens: SmoothLens, sigma: Tensor, place: Tensor, supersampling: int | None = None) -> Tensor:
    """Change of the expected image in sigmas for a unit of each coordinate, (B, M, P or P + 1), by differences."""
    scenes = scenes_at(lens, place, supersampling)
    alpha, light = deflection(lens, scenes), {}

    def nudged(name: str) -> tuple[Scenes, float]:
        k = lens.names.index(name)
        step = STEP * float(lens.std[k])
        shifted = place.clone()
        shifted[:, k] += step
        return scenes_at(lens, shifted, supersampling), step

    here = shining(scenes, alpha)
    for name in (name for name in lens.names if name in LIGHT):
        there, step = nudged(name)
        light[name] = (shining(there, alpha) - here) / step
    for name in lens.mass_names:     # a ray bent by dalpha more sees what a source that moved by dalpha would show
        there, step = nudged(name)
        moved_x, moved_y = deflection(lens, there)
        light[name] = (light["source_x"] * (moved_x - alpha[0]) + light["source_y"] * (moved_y - alpha[1])) / step
    B, n = len(place), lens.camera.num_pix
    stack = torch.stack([here] + [light[name] for name in lens.names], 1).flatten(0, 1)
    images = photographed(scenes.template.camera, stack).reshape(B, 1 + len(lens.names), n, n)
    image, changes = images[:, :1], images[:, 1:]
    if lens.amplitude:
        there, factor = scenes, 1.0
        if lens.amplitude == "source.magnitude":
            factor = exp(AMPLITUDE_STEP)
        else:
            brighter = place.clone()
            brighter[:, -1] += AMPLITUDE_STEP
            there = scenes_at(lens, brighter, supersampling)
        grown = (expected(there, factor * image) - expected(scenes, image)) / AMPLITUDE_STEP
    changes = changes * response(scenes, image)
    changes = torch.cat([changes, grown], 1) if lens.amplitude else changes
    return (changes / sigma).flatten(2).mT


def response(scenes: Scenes, image: Tensor) -> Tensor:
    """Change of what is recorded on average for a count a second more (B, 1, N, N)."""
    step = AMPLITUDE_STEP * image.amax((2, 3), keepdim=True).clamp_min(1e-12)
    return (expected(scenes, image + step) - expected(scenes, image - step)) / (2 * step)


def deflection(lens: SmoothLens, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """alpha_x, alpha_y (B, N ss, N ss), or (1, N ss, N ss) where all lenses are the same; beta = theta - alpha."""
    if not lens.mass_names:
        scenes = scenes.take(slice(0, 1))
    return LensModel(scenes, realise(scenes)).deflection(*grid(scenes))


def shining(scenes: Scenes, alpha: tuple[Tensor, Tensor]) -> Tensor:
    """Brightness that the rays find (B, N ss, N ss)."""
    x, y = grid(scenes)
    return source_light(scenes, x - alpha[0], y - alpha[1])


def grid(scenes: Scenes) -> tuple[Tensor, Tensor]:
    camera, like = scenes.template.camera, scenes["lens.theta_E"]
    axis = pixel_axis(camera.num_pix, camera.pixel_scale, camera.supersampling, device=like.device, dtype=like.dtype)
    return axis[None, None, :], axis[None, :, None]


def expected(scenes: Scenes, model: Tensor) -> Tensor:
    """What the camera records on average of noise-free images, in its unit."""
    return ceiling.expected(scenes, model)[0]
