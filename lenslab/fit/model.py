"""What a smooth lens shows of its source, what an image leaves of it in sigmas, and how that changes with coordinates.

What a source is beyond its profile is a kind of light, SourceGaussians or CompactSersics, with numbers (B, K).
"""

from math import exp
from typing import NamedTuple

import torch
from torch import Tensor

from lenslab.fit.compact import CompactSersics
from lenslab.fit.rays import Pair, Rays, deflection, scenes_at, struck
from lenslab.fit.smooth import SmoothLens
from lenslab.fit.source_gaussians import SourceGaussians
from lenslab.images import ceiling
from lenslab.images.model import column, source_light, source_profile_tangents
from lenslab.images.simulate import photographed
from lenslab.scenes import Scenes

AMPLITUDE_STEP = 1e-3    # of the logarithm
FARTHEST = 1e6           # sigmas: what a broken start may be off, so that no square overflows


def within_limits(lens: SmoothLens, place: Tensor) -> Tensor:
    P = len(lens.names)
    return torch.cat([lens.within_limits(place[:, :P]), place[:, P:].clamp(-12, 12)], 1)


class Beyond(NamedTuple):
    """What sources are beyond their profiles."""

    kind: type[SourceGaussians] | type[CompactSersics]
    values: Tensor     # (B, K)

    def at(self, scenes: Scenes, beta: Pair) -> SourceGaussians | CompactSersics:
        return self.kind(scenes, *beta, self.values)


def residual(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, beyond: Beyond | None = None) -> Tensor:
    """(image - expected) / sigma, (B, M)."""
    scenes = scenes_at(lens, place)
    mean = expected(scenes, photographed(lens.camera, shining(scenes, deflection(lens, scenes), beyond)))
    return ((image - mean) / sigma).flatten(1).nan_to_num(FARTHEST, FARTHEST, -FARTHEST).clamp(-FARTHEST, FARTHEST)


def first_amplitude(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor) -> Tensor:
    """The logarithm (B,) of the factor that fits the image best: linear, but for what noise does to the mean."""
    scenes = lens.scenes(place, place.new_zeros(len(place)))
    light = shining(scenes, deflection(lens, scenes))
    model = expected(scenes, photographed(lens.camera, light)) / sigma
    factor = (model * image / sigma).sum((1, 2, 3)) / model.square().sum((1, 2, 3)).clamp_min(1e-12)
    return factor.clamp(1e-5, 1e5).log()


def tangents(lens: SmoothLens, sigma: Tensor, place: Tensor, supersampling: int | None = None,
             beyond: Beyond | None = None) -> Tensor:
    """Change of the expected image in sigmas for a unit of each coordinate, (B, M, P or P + 1).

    With something beyond the profile there are K columns more, for a unit of each of its numbers.
    """
    scenes = scenes_at(lens, place, supersampling)
    rays = Rays(scenes) if lens.free else None
    beta = struck(scenes, rays.alpha() if rays else deflection(lens, scenes))
    profile = source_profile_tangents(scenes, *beta)
    here, more = profile["light"], None if beyond is None else beyond.at(scenes, beta)
    light = dict(source_x=-profile["x"], source_y=-profile["y"], log_R=profile["log_R"], source_e1=profile["e1"],
                 source_e2=profile["e2"], log_n=column(scenes["source.n_sersic"]) * profile["n"])
    if more is not None:
        light |= {name: light[name] + change for name, change in more.moves().items()}
        here = here + more.light
    if rays:     # one that is bent more sees what a source that moved shows
        light |= rays.pushed(lens, torch.stack([light["source_x"], light["source_y"]]))
    images = images_of(scenes, torch.stack([here] + [light[name] for name in lens.names], 1))
    image = images[:, :1]
    if lens.amplitude:
        there, factor = scenes, 1.0
        if lens.amplitude == "source.magnitude":
            factor = exp(AMPLITUDE_STEP)
        else:
            brighter = place.clone()
            brighter[:, -1] += AMPLITUDE_STEP
            there = scenes_at(lens, brighter, supersampling)
        grown = (expected(there, factor * image) - expected(scenes, image)) / AMPLITUDE_STEP
    rise = response(scenes, image) / sigma
    changes = [images[:, 1:] * rise] + ([grown / sigma] if lens.amplitude else [])
    changes += [] if more is None else [images_of(scenes, columns) * rise for columns in more.columns()]
    return torch.cat(changes, 1).flatten(2).mT


def images_of(scenes: Scenes, light: Tensor) -> Tensor:
    """Images (B, n, N, N) in counts/s of light on rays (B, n, N ss, N ss)."""
    return photographed(scenes.template.camera, light.flatten(0, 1)).unflatten(0, light.shape[:2])[:, :, 0]


def response(scenes: Scenes, image: Tensor) -> Tensor:
    """Change of what is recorded on average for a count a second more (B, 1, N, N)."""
    if straight(scenes):
        return torch.ones_like(image)
    step = AMPLITUDE_STEP * image.amax((2, 3), keepdim=True).clamp_min(1e-12)
    return (expected(scenes, image + step) - expected(scenes, image - step)) / (2 * step)


def shining(scenes: Scenes, alpha: Pair, beyond: Beyond | None = None) -> Tensor:
    """Brightness that the rays find (B, N ss, N ss)."""
    beta = struck(scenes, alpha)
    light = source_light(scenes, *beta)
    return light if beyond is None else light + beyond.at(scenes, beta).light


def source(scenes: Scenes, beta: Pair, beyond: Beyond | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The source's light where the rays meet it, and its change along x and along y (B, N ss, N ss)."""
    profile = source_profile_tangents(scenes, *beta)
    found = profile["light"], profile["x"], profile["y"]
    if beyond is None:
        return found
    more = beyond.at(scenes, beta)
    moves = more.moves()
    return found[0] + more.light, found[1] - moves["source_x"], found[2] - moves["source_y"]


def precise(matrix: Tensor) -> Tensor:
    """In float64, as far as the device has it; for matrices whose directions repeat each other."""
    return matrix if matrix.device.type == "mps" else matrix.double()


def expected(scenes: Scenes, model: Tensor) -> Tensor:
    """What the camera records on average of noise-free images, in its unit."""
    return model if straight(scenes) else ceiling.expected(scenes, model)[0]


def straight(scenes: Scenes) -> bool:
    """Whether noise leaves the mean of an image as it is: the habits of DeepLenseSim do not."""
    return not (scenes.template.camera.noise_twice or scenes.template.camera.doubled)
