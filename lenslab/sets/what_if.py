"""What if one thing were different? The same lens with lighter or heavier substructure, other noise, other seeing.

Places, shapes and the random numbers of the noise stay, so that what changes in an answer is due to that one thing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lenslab.images.model import prepared
from lenslab.images.observation import Observation
from lenslab.images.realise import realise
from lenslab.images.simulate import background, brightness, expose, noise_free, photographed, psf_kernel
from lenslab.physics import noise as noises
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.sets.item import as_estimated, observation_of

HEAVIEST = 10.0                  # scene.deflection goes no further
SHARPEST, BROADEST = 0.001, 5.0  # arcsec, limits of camera.fwhm


def changed(scene: Scene, *, substructure: float = 1.0, noise: float = 1.0, seeing: float = 1.0) -> Scene:
    """The scene with every clump, grain or line, its noise, and the width of its PSF so many times as large.

    Clumps keep their places and radii, and the ring its mass where the population conserves it; substructure = 0 takes
    them away. Photons and sky make the noise that they do when the exposure is 1/noise^2 as long.
    """
    if substructure == 0:
        scene = smooth(scene)
    elif substructure != 1:
        scene = replace(scene, deflection=min(scene.deflection * substructure, HEAVIEST))
    camera = scene.camera
    if noise != 1:
        rms = noise * float(background(Scenes.of([scene], dtype=torch.float64)))
        camera = replace(camera, exposure_time=camera.exposure_time / noise**2, background_rms=rms)
    if seeing != 1:
        camera = replace(camera, fwhm=min(max(camera.fwhm * seeing, SHARPEST), BROADEST))
    return replace(scene, camera=camera)


def smooth(scene: Scene) -> Scene:
    """The scene without substructure."""
    return replace(scene, substructure=replace(scene.substructure, kind="none", clumps=()))


def sweep(scene: Scene, quantity: str, factors: Sequence[float],
          check: Callable[[], None] = lambda: None) -> list[Observation]:
    """Observations whose rows, one after the other, are the scene with one quantity at each of the factors.

    Light is traced once for noise and seeing, which do not touch it; `check` is called between pieces of work.
    """
    scenes = [changed(scene, **{quantity: factor}) for factor in factors]
    if quantity == "substructure":
        return [joined([checked(observation_of, each, check) for each in scenes])]
    if quantity == "noise":
        check()
        with torch.no_grad():
            batch = Scenes.of(scenes)
            model = noise_free(Scenes.of(scenes[:1])).expand(len(scenes), -1, -1, -1)
            return [recorded(batch, model)]
    return seeings(scenes, check)


def checked(work: Callable, given_to: Scene, check: Callable[[], None]) -> Observation:
    check()
    return work(given_to)


def seeings(scenes: Sequence[Scene], check: Callable[[], None]) -> list[Observation]:
    """Scenes that differ in the width of their PSF alone."""
    found = []
    with torch.no_grad():
        first = prepared(Scenes.of(scenes[:1]))
        light = brightness(first, realise(first))
        for scene in scenes:
            check()
            model = photographed(scene.camera, light)
            found.append(recorded(Scenes.of([scene]), model))
    return found


def recorded(scenes: Scenes, model: Tensor) -> Observation:
    """Noise-free images (B, 1, H, W) as the camera of some scenes records them."""
    camera = scenes.template.camera
    image, _, variance = expose(scenes, model, noises.SeededDraws(scenes.seeds[:, 1]))
    seen = Observation(image=image, variance=variance, pixel_scale=camera.pixel_scale, psf=psf_kernel(camera, 1),
                       model=model, scenes=scenes)
    return as_estimated(seen, scenes)


def joined(observations: Sequence[Observation]) -> Observation:
    """Observations of one camera as one batch."""
    def rows(name: str) -> Tensor:
        return torch.cat([getattr(each, name) for each in observations])

    return replace(observations[0], image=rows("image"), variance=rows("variance"), model=rows("model"), scenes=None)
