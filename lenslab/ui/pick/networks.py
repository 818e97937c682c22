"""The trained classifiers at hand, what each has learnt from, and what they say of an image.

A network is loaded once for all sessions and only read. Answers are kept by the image itself, which never changes.
"""

import time
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, count
from pathlib import Path

import numpy as np
import streamlit as st
import torch

from lenslab.checkpoint import FORMAT, checkpoints_folder, list_checkpoints, plain
from lenslab.insight.explain import Explanation, explain
from lenslab.population import find
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import Trained, load
from lenslab.ui import cached
from lenslab.ui.pick.image import Shown

STRANGE = 0.01    # share of held-out images that look stranger; below it an image lies outside of what was learnt
USUAL = "seed-64"  # what the page names where there is nothing: it is learnt in minutes


@dataclass(frozen=True)
class Network:
    """A checkpoint that can be asked; equal while its file is the same."""

    path: Path
    stamp: tuple[int, int]                           # time and size of the file
    population: str
    card: dict = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def short(self) -> str:
        """Its kind, as it stands beside its neighbours: the checkpoint without suffix is its population's best."""
        kind = str(self.card.get("network", self.name))[:40]
        return f"{kind} (best)" if self.name == f"classify-{family(self.population)}" else kind

    @property
    def classes(self) -> tuple[str, ...]:
        """What it can name, in the order of its answers."""
        return tuple(self.card["classes"])

    @property
    def outdated(self) -> bool:
        """Whether the population of that name has other laws by now than those that it learnt from."""
        return laws(self.card.get("definition")) != laws(plain(find(self.population).definition))


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of one image."""

    probabilities: np.ndarray   # (C,) calibrated
    low: np.ndarray             # (C,) least and most over the image turned and mirrored
    high: np.ndarray
    strange: float | None       # share of held-out images that lie at least as far out; None: not known
    seconds: float


def laws(definition: object) -> dict:
    """A definition of a population without the words about it."""
    known = definition if isinstance(definition, dict) else {}
    return {name: value for name, value in known.items() if name != "about"}


def family(population: str) -> str:
    return population.split(":")[0]


def known() -> tuple[dict[str, list[Network]], list[str]]:
    """Networks by what they learnt from, the best of each first, and why other classifiers cannot be asked."""
    found: dict[str, list[Network]] = {}
    problems = []
    for path, card in list_checkpoints():
        if card.get("task") not in (None, "classify"):
            continue
        try:
            network = sound(path, card)
        except (ValueError, OSError) as error:
            problems.append(str(error))
            continue
        found.setdefault(network.population, []).append(network)
    for population, networks in found.items():
        networks.sort(key=lambda network: (network.name != f"classify-{family(population)}", network.name))
    return found, problems


def sound(path: Path, card: dict) -> Network:
    """A checkpoint whose images can be drawn: those of the population that this lenslab knows by its name."""
    if "problem" in card:
        raise ValueError(str(card["problem"]))
    if card.get("format") != FORMAT:
        raise ValueError(f"{path.name} was made by an earlier lenslab; carry it over with python -m lenslab renew "
                         f"{path.name}.")
    name = card.get("population") if isinstance(card.get("population"), str) else ""
    try:
        population = find(name[:100])
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    camera = population.camera
    for what, meant in (("classes", list(population.classes)), ("num_pix", camera.num_pix),
                        ("pixel_scale", camera.pixel_scale), ("symmetry", population.symmetry)):
        if card.get(what) != meant:
            raise ValueError(f"{path.name} learnt from {name} with {what} {str(card.get(what))[:80]}, which now has "
                             f"{meant}: no image can be drawn for it; train it anew.")
    stat = path.stat()
    return Network(path, (stat.st_mtime_ns, stat.st_size), name, card)


def making(population: str = USUAL, network: str = "cnn") -> str:
    """The commands that make a checkpoint where this page looks for it, under a name that no other has."""
    run, name = f"runs/{network}-{family(population)}", f"classify-{family(population)}"
    names = chain((name, f"{name}-{network}"), (f"{name}-{network}-{number}" for number in count(2)))
    path = next(path for path in (checkpoints_folder() / f"{name}.safetensors" for name in names) if not path.exists())
    return (f"python -m lenslab train classify --network {network} --population {population} --run {run} lr=0.001\n"
            f"cp -n {run}/best.safetensors {path}")


@st.cache_resource(max_entries=8, show_spinner=False)
def loaded(path: str, stamp: tuple[int, int], device: str) -> Trained:
    """The network of a file, shared by all sessions; `stamp` is that of the file."""
    return load(path, device, task="classify")


def trained_of(network: Network) -> Trained:
    return loaded(str(network.path), network.stamp, str(cached.device()[0]))


def ask(network: Network, shown: Shown) -> Answer:
    """What a network says of an image."""
    return _ask(network, shown)


@lru_cache(maxsize=64)
def _ask(network: Network, shown: Shown) -> Answer:
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

