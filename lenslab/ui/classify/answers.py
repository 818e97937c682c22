"""What trained classifiers say of an image, and why. Answers are kept by the image itself, which never changes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from lenslab.insight.explain import Explanation, explain
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import Trained
from lenslab.ui.gate import through_the_gate
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, trained_of

STRANGE = 0.01    # share of held-out images that look stranger; below it an image lies outside of what was learnt


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of one image."""

    probabilities: np.ndarray   # (C,) calibrated
    low: np.ndarray             # (C,) least and most over the image turned and mirrored
    high: np.ndarray
    strange: float | None       # share of held-out images that lie at least as far out; None: not known
    seconds: float


def ask(network: Network, shown: Shown, on_stop: Callable[[], None] | None = None) -> Answer:
    """What a network says of an image; one that fits a lens first waits for its turn at the gate."""
    if not fits(network):
        return answer(network, shown)
    return through_the_gate(lambda turn: answer(network, shown), f"{network.short} fits a smooth lens",
                            key=f"ask.{network.name}.stop", on_stop=on_stop)


@lru_cache(maxsize=64)
def answer(network: Network, shown: Shown) -> Answer:
    """The same, at once."""
    trained = trained_of(network)
    start = time.perf_counter()
    inputs, symmetry = inputs_of(network, shown), network.card["symmetry"]
    which = np.arange(len(GROUPS[symmetry]))
    found = probabilities(trained, turn_maps(inputs.expand(len(which), -1, -1, -1), symmetry, which))
    strange = novelty(trained, inputs)
    return Answer(found[0], found.min(0), found.max(0), strange, time.perf_counter() - start)


@lru_cache(maxsize=32)
def inputs_of(network: Network, shown: Shown) -> torch.Tensor:
    """What the network gets (1, K, H, W), a fit of a smooth lens included where it needs one."""
    with torch.no_grad():
        return answers.inputs_of(trained_of(network), shown.observation)


def fits(network: Network) -> bool:
    """Whether a network fits a smooth lens first."""
    return bool(trained_of(network).model.needs_fit)


def left_over(network: Network, shown: Shown) -> np.ndarray | None:
    """What the smooth lens that a network fitted leaves of an image, (h, w) in sigmas; None where it fits none."""
    return trained_of(network).model.left(inputs_of(network, shown))[0].numpy() if fits(network) else None


def corrections(network: Network, shown: Shown) -> tuple[np.ndarray, float] | None:
    """What of that looks like lensing, (h, w) in sigmas, and ln of how many times likelier the image is with it.

    None where a network does not ask.
    """
    found = trained_of(network).model.corrections(inputs_of(network, shown)) if fits(network) else None
    return None if found is None else (found[0][0].numpy(), float(found[1][0]))


def probabilities(trained: Trained, inputs: torch.Tensor) -> np.ndarray:
    """(B, C) calibrated, of what a network is given."""
    return answers.probabilities_of(answers.logits_of(trained, inputs), answers.temperature_of(trained))


def novelty(trained: Trained, inputs: torch.Tensor) -> float | None:
    """The share of held-out images that lie at least as far from what was learnt; None where that was not measured."""
    with torch.no_grad():
        found = answers.novelty_of(trained, inputs)
    return None if found is None else float(np.asarray(found).ravel()[0])


@lru_cache(maxsize=64)
def along(network: Network, swept) -> np.ndarray:
    """(n, C) of the rows of `swept.observations`, one after the other; NaN for one outside of what was learnt."""
    trained = trained_of(network)
    with torch.no_grad():
        inputs = torch.cat([answers.inputs_of(trained, each) for each in swept.observations])
        usual = answers.novelty_of(trained, inputs)
    found = probabilities(trained, inputs)
    return found if usual is None else np.where(usual.numpy()[:, None] < STRANGE, np.nan, found)


@lru_cache(maxsize=64)
def evidence(network: Network, shown: Shown, target: int, method: str, channel: str | None) -> Explanation:
    """Where a network sees what speaks for a class."""
    return explain(trained_of(network).model, inputs_of(network, shown), target, method, channel,
                   frame=tuple(shown.observation.image.shape[-2:]))

