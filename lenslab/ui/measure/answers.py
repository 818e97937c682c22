"""What measuring networks say of an image. Answers are kept by the image itself, which never changes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from lenslab.insight.explain import Explanation, explain
from lenslab.nets.measurer import Medians
from lenslab.scene import Scene
from lenslab.sets.item import observation_of
from lenslab.tasks.classify import answers as classify_answers
from lenslab.tasks.measure.quantities import SMOOTH, Quantities, Quantity
from lenslab.tasks.measure.task import Estimate, estimate_of, features_of
from lenslab.ui.gate import Turn, through_the_gate
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, trained_of

SAMPLES = 2000
ROUTE = 9            # values of a truth that is turned


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of one image."""

    estimate: Estimate         # B = 1
    strange: float | None      # share of held-out images that lie at least as far out; None: not known
    seconds: float


def quantities_of(network: Network) -> Quantities:
    return Quantities.of_card(network.card["measures"])


def ask(network: Network, shown: Shown, on_stop: Callable[[], None] | None = None) -> Answer:
    """What a network says of an image; one that fits a lens first waits for its turn at the gate."""
    if not trained_of(network).model.needs_fit:
        return answer(network, shown)
    return through_the_gate(lambda turn: answer(network, shown), f"{network.short} fits a smooth lens",
                            key=f"measure.{network.name}.stop", on_stop=on_stop)


@lru_cache(maxsize=64)
def answer(network: Network, shown: Shown) -> Answer:
    """The same, at once."""
    trained, start = trained_of(network), time.perf_counter()
    inputs = inputs_of(network, shown)
    estimate = estimate_of(trained, features_of(trained.model, inputs), SAMPLES)
    usual = classify_answers.novelty_of(trained, inputs)
    return Answer(estimate, None if usual is None else float(usual[0]), time.perf_counter() - start)


@lru_cache(maxsize=32)
def inputs_of(network: Network, shown: Shown) -> torch.Tensor:
    """What the network gets (1, K, H, W), a fit of a smooth lens included where it needs one."""
    with torch.no_grad():
        return classify_answers.inputs_of(trained_of(network), shown.observation)


@lru_cache(maxsize=64)
def evidence(network: Network, shown: Shown, place: int, method: str) -> tuple[Explanation, Explanation]:
    """Where a network sees what raises its median of a quantity, and what lowers it."""
    inputs, frame = inputs_of(network, shown), tuple(shown.observation.image.shape[-2:])
    return tuple(explain(Medians(trained_of(network).model, sign), inputs, place, method, frame=frame)
                 for sign in (1, -1))


def turned(scene: Scene, item: Quantity, value: float) -> Scene:
    """The scene with another value of a quantity; ValueError where it has no such setting."""
    number = 10**value if item.kind.log else value
    owner, _, name = item.kind.path.partition(".")
    part = getattr(scene, owner)
    if not hasattr(part, name):
        raise ValueError(f"{item.kind.title} is no setting of a lens; turn another.")
    return replace(scene, **{owner: replace(part, **{name: number})})


def route(network: Network, scene: Scene, place: int, turn: Turn) -> tuple[np.ndarray, ...]:
    """Truths along a quantity, and median, low and high of 68 % of what is said of each."""
    truths, said = np.linspace(*quantities_of(network).quantities[place].limits, ROUTE), []
    for number, value in enumerate(truths):
        turn.check()
        said.append(said_of(network, scene, place, float(value)))
        turn.progress = (number + 1) / ROUTE
    return truths, *np.array(said).T


@lru_cache(maxsize=16 * ROUTE)
def said_of(network: Network, scene: Scene, place: int, value: float) -> tuple[float, ...]:
    """Median, low and high of 68 % of a quantity that has been turned to a value."""
    trained, item = trained_of(network), quantities_of(network).quantities[place]
    with torch.no_grad():
        inputs = classify_answers.inputs_of(trained, observation_of(turned(scene, item, value)))
    estimate = estimate_of(trained, features_of(trained.model, inputs), SAMPLES)
    return tuple(np.quantile(estimate.samples[0, :, place].numpy(), [0.5, 0.16, 0.84]).tolist())


def truth_of(item: Quantity, shown: Shown) -> float | None:
    """What is true of the image; None where that is not known, or the image has no such number."""
    if shown.scene is None or item.block not in (SMOOTH, shown.truth):
        return None
    owner, _, name = item.kind.path.partition(".")
    part = getattr(shown.scene, owner)
    if name in ("e1", "e2"):
        e = (1 - part.q) / (1 + part.q)
        return float(e * (np.cos if name == "e1" else np.sin)(2 * part.phi))
    value = getattr(part, name, None)
    if value is None:
        return None
    return float(np.log10(value)) if item.kind.log else float(value)
