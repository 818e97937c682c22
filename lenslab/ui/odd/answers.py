"""How odd an image is to a detector. Answers are kept by the image itself, which never changes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from lenslab.feed.stream import HELD_OUT_SEED
from lenslab.nets.autoencoder import Autoencoder
from lenslab.population import find
from lenslab.sets.no_lens import KINDS, things
from lenslab.tasks.anomaly.task import Oddness, inputs_of, predict
from lenslab.ui.gate import through_the_gate
from lenslab.ui.pick import image as images
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, trained_of

PER_CLASS = 9         # lenses of a shelf, over all classes together; things that are no lens come to them
SHELF = 12


@dataclass(frozen=True, eq=False)
class Answer:
    """A detector's word on one image, and for one that draws its drawing (h, w) in sigmas."""

    oddness: Oddness
    seen: np.ndarray               # (h, w) sigmas, what it was given
    drawing: np.ndarray | None     # (h, w) sigmas


def ask(network: Network, shown: Shown, on_stop: Callable[[], None] | None = None) -> Answer:
    if not trained_of(network).model.needs_fit:
        return answer(network, shown)
    return through_the_gate(lambda turn: answer(network, shown), f"{network.short} fits a smooth lens",
                            key=f"odd.{network.name}.stop", on_stop=on_stop)


@lru_cache(maxsize=64)
def answer(network: Network, shown: Shown) -> Answer:
    """The same, at once."""
    trained = trained_of(network)
    given, found = inputs_of(trained, shown.observation), predict(trained, shown.observation)
    drawing = None
    if isinstance(trained.model.network, Autoencoder):
        with torch.no_grad():
            drawing = trained.model.network.stretch.back(trained.model.network(given))[0, 0].numpy()
    return Answer(found, given[0, 0].numpy(), drawing)


@dataclass(frozen=True, eq=False)
class OnShelf:
    """One image of the shelf."""

    name: str
    sigmas: np.ndarray
    score: float
    p: float


@lru_cache(maxsize=8)
def shelf(network: Network) -> tuple[OnShelf, ...]:
    """Twelve images from usual to odd: lenses of every class, and three that are no lens."""
    trained, population = trained_of(network), find(network.population)
    found = []
    for number in range(PER_CLASS):
        label = population.classes[number % len(population.classes)]
        index = images.place_of(population.name, label, number // len(population.classes), HELD_OUT_SEED, "test")
        shown = images.of_item(population.name, "test", HELD_OUT_SEED, index)
        found.append(on_shelf(trained, label, shown.observation))
    for kind in list(KINDS)[:SHELF - PER_CLASS]:
        found.append(on_shelf(trained, KINDS[kind], things(population, kind, 1, seed=2)))
    return tuple(sorted(found, key=lambda one: one.score))


def on_shelf(trained, name: str, observation) -> OnShelf:
    given, said = inputs_of(trained, observation), predict(trained, observation)
    return OnShelf(name, given[0, 0].numpy(), float(said.score[0]), float(said.p[0]))
