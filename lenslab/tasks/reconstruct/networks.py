"""The ways from an image to a lens, each by its name: what the Reconstruct page and the shell offer."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

from lenslab.fit.observed import Masks
from lenslab.images.observation import Observation
from lenslab.tasks.reconstruct import amortised, coordinate, refined
from lenslab.tasks.reconstruct.record import Progress
from lenslab.tasks.reconstruct.refined import NOTHING_MASKED, USUAL, Settings


class Steps(Protocol):
    """Reconstructs the first image of an observation step by step; the last Progress carries the Reconstruction.

    checkpoint   of the network, if it is one that is trained; None: the shipped one
    Who asks for no further step stops it, and loses nothing of what the last one told.
    Raises ValueError where an image cannot be worked on, with a sentence for whoever gave it.
    """

    def __call__(self, observation: Observation, *, settings: Settings = USUAL, masks: Masks = NOTHING_MASKED,
                 checkpoint: str | os.PathLike | None = None) -> Iterator[Progress]: ...


@dataclass(frozen=True)
class Network:
    """A way to reconstruct a lens.

    heeds   the fields of Settings that change what it does
    """

    title: str
    sentence: str
    heeds: tuple[str, ...]
    steps: Steps


NETWORKS = {
    "refined": Network("Fit", "A network guesses the lens, and a fit moves it until the image it would make matches "
                       "the one that was taken.", tuple(item.name for item in fields(Settings)), refined.steps),
    "amortised": Network("Network alone", "A trained network says the lens, and how sure it is, at one go.",
                         ("lens_light",), amortised.steps),
    "coordinate": Network("Two networks learn this image", "One network is the mass, one the source. They know nothing "
                          "but the lens equation and learn this one image while you look on, in about a minute.",
                          ("lens_light",), coordinate.steps),
}
