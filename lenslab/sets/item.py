"""One item of a population by its place, without the others of its chunk; and any scene as a network is given it.

`draw.items` renders chunks whole. A page that shows one image draws the numbers of the chunk, which is fast, and
renders one: the same pixels, up to the rounding of another size of batch.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lenslab.images.observation import Observation
from lenslab.images.realise import Realisation, realise
from lenslab.images.simulate import background, observe
from lenslab.population import CHUNK, Population
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.sets.draw import brighter, electrons, estimated_variance, exposed, wanted
from lenslab.sets.galaxies import with_galaxies

FAINTEST = 1e-3   # S below which no brightness of the source would help
MOST = 10**6   # items of a split that can be asked for by their place


@dataclass(frozen=True)
class Item:
    """What is true of an item."""

    scene: Scene             # magnitudes give the S that its population asks for
    label: int               # place in the population's classes
    signal_to_noise: float   # S
    index: int               # place in the split


def item(population: Population, index: int, seed: int = 0, split: str = "test") -> Item:
    """Item number `index` of a split."""
    if not (isinstance(index, int) and 0 <= index < MOST):
        raise ValueError(f"Item {index!r} was asked for; give a whole number from 0 to {MOST - 1}.")
    chunk, row = divmod(index, CHUNK)
    drawn = with_galaxies(population.chunk(chunk, seed, split), split)
    rows, wide = next((rows, scenes) for rows, scenes in drawn.groups if row in rows)
    place = np.flatnonzero(rows == row)
    one = wide.take(place)
    with torch.no_grad():
        scenes = one.to(dtype=torch.float32)
        shift, _, S = exposed(scenes, realise(scenes), wanted(drawn, rows[place]))
    return Item(brighter(one, shift).scene(0), int(drawn.labels[row]), float(S[0]), index)


def index_of(population: Population, label: int, number: int, seed: int = 0, split: str = "test") -> int:
    """Place of item number `number` (from 0) of a class: every run of as many items as classes holds each once."""
    n = len(population.classes)
    chunk, start = divmod(number * n, CHUNK)
    labels = population.chunk(chunk, seed, split).labels[start:start + n]
    return CHUNK * chunk + start + int(np.flatnonzero(labels == label)[0])


def observations_of(scenes: Scenes, realisation: Realisation | None = None) -> Observation:
    """Scenes as their camera records them, with the noise that an observer would estimate, as networks learnt it."""
    with torch.no_grad():
        return as_estimated(observe(scenes, realise(scenes) if realisation is None else realisation), scenes)


def as_estimated(observation: Observation, scenes: Scenes) -> Observation:
    """The variance of the image itself in the place of the hidden truth."""
    return replace(observation, variance=estimated(scenes, observation.image))


def estimated(scenes: Scenes, image: Tensor) -> Tensor:
    """`draw.estimated_variance` (B, 1, H, W) of images of some scenes."""
    return estimated_variance(scenes.template.camera, image, background(scenes), electrons(scenes))


def observation_of(scene: Scene) -> Observation:
    """One scene, in float32 as networks were trained."""
    return observations_of(Scenes.of([scene]))


def of_brightness(scene: Scene, low: float, high: float) -> tuple[Scene, float]:
    """The scene with its source made so bright that S lies between two limits, the nearer one where it did not; and S.

    A source that sends no light into the frame stays as it is.
    """
    scenes = Scenes.of([scene], dtype=torch.float32)
    with torch.no_grad():
        realisation = realise(scenes)
        S = float(exposed(scenes, realisation, None)[2][0])
        wanted = min(max(S, low), high)
        if wanted == S or S < FAINTEST:
            return scene, S
        shift, _, reached = exposed(scenes, realisation, np.array([wanted]))
    return brighter(Scenes.of([scene], dtype=torch.float64), shift).scene(0), float(reached[0])
