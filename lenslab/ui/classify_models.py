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

from lenslab.checkpoint import checkpoints_folder, list_checkpoints
from lenslab.images.observation import Observation
from lenslab.insight.explain import Explanation, explain
from lenslab.population import Population, find
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks import classify
from lenslab.tasks.classify import answers
from lenslab.ui import cached
from lenslab.ui.classify_image import Shown

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


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of one image."""

    probabilities: np.ndarray   # (C,) calibrated
    low: np.ndarray             # (C,) least and most over the image turned and mirrored
    high: np.ndarray
    strange: float | None       # share of held-out images that lie at least as far out; None: not known
    seconds: float


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
    """A checkpoint whose population is what this lenslab means by its name."""
    if "problem" in card:
        raise ValueError(str(card["problem"]))
    name = card.get("population")
    if not isinstance(name, str):
        config = card.get("config")
        name = str(config.get("population", ""))[:100] if isinstance(config, dict) else ""
    try:
        population = find(name)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    camera = population.camera
    for what, told, meant in (("classes", card.get("classes"), list(population.classes)),
                              ("num_pix", card.get("num_pix", camera.num_pix), camera.num_pix),
                              ("pixel_scale", card.get("pixel_scale", camera.pixel_scale), camera.pixel_scale)):
        if told != meant:
            raise ValueError(f"{path.name} learnt from {name} with {what} {str(told)[:80]}, which now has {meant}; "
                             "train it anew.")
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
def loaded(path: str, stamp: tuple[int, int], device: str) -> torch.nn.Module:
    """The network of a file, shared by all sessions; `stamp` is that of the file."""
    return classify.load(path, device)


def model_of(network: Network) -> torch.nn.Module:
    return loaded(str(network.path), network.stamp, str(cached.device()[0]))


def ask(network: Network, shown: Shown) -> Answer:
    """What a network says of an image."""
    return _ask(network, shown)


@lru_cache(maxsize=64)
def _ask(network: Network, shown: Shown) -> Answer:
    model = model_of(network)
    start = time.perf_counter()
    given = given_to(network, shown)
    symmetry = find(network.population).symmetry
    which = np.arange(len(GROUPS[symmetry]))
    found = probabilities(model, turn_maps(given.expand(len(which), -1, -1, -1), symmetry, which))
    strange = novelty(model, given)
    return Answer(found[0], found.min(0), found.max(0), strange, time.perf_counter() - start)


@lru_cache(maxsize=32)
def given_to(network: Network, shown: Shown) -> torch.Tensor:
    """What the network gets (1, K, H, W), a fit of a smooth lens included where it needs one."""
    return given_of(model_of(network), shown.observation)


def fits(network: Network) -> bool:
    """Whether a network fits a smooth lens first."""
    return bool(model_of(network).needs_fit)


def left_over(network: Network, shown: Shown) -> np.ndarray | None:
    """What the smooth lens that a network fitted leaves of an image, (h, w) in sigmas; None where it fits none."""
    return model_of(network).left(given_to(network, shown))[0].numpy() if fits(network) else None


def ripples(network: Network, shown: Shown) -> tuple[np.ndarray, float] | None:
    """What of that looks like lensing, (h, w) in sigmas, and ln of how many times likelier the image is with it.

    None where a network does not ask.
    """
    found = model_of(network).rippled(given_to(network, shown)) if fits(network) else None
    return None if found is None else (found[0][0].numpy(), float(found[1][0]))


def given_of(model: torch.nn.Module, observation: Observation) -> torch.Tensor:
    with torch.no_grad():
        return answers.given_of(model, observation)


def probabilities(model: torch.nn.Module, given: torch.Tensor) -> np.ndarray:
    """(B, C) calibrated, of what a network is given."""
    device = next(model.parameters()).device
    return answers.probabilities_of(answers.logits_of(model, given, device), answers.temperature_of(model))


def novelty(model: torch.nn.Module, given: torch.Tensor) -> float | None:
    """The share of held-out images that lie at least as far from what was learnt; None where that was not measured."""
    with torch.no_grad():
        found = answers.novelty_of(model, given)
    return None if found is None else float(np.asarray(found).ravel()[0])


@lru_cache(maxsize=64)
def along(network: Network, swept) -> np.ndarray:
    """(n, C) of the rows of `swept.observations`, one after the other; NaN for one outside of what was learnt."""
    model = model_of(network)
    given = torch.cat([given_of(model, each) for each in swept.observations])
    with torch.no_grad():
        usual = answers.novelty_of(model, given)
    found = probabilities(model, given)
    return found if usual is None else np.where(usual.numpy()[:, None] < STRANGE, np.nan, found)


@lru_cache(maxsize=64)
def evidence(network: Network, shown: Shown, target: int, method: str, channel: str | None) -> Explanation:
    """Where a network sees what speaks for a class."""
    return explain(model_of(network), given_to(network, shown), target, method, channel,
                   frame=tuple(shown.observation.image.shape[-2:]))


def population_of(network: Network) -> Population:
    return find(network.population)
