"""How well does a classifier do, and what is usual for it? Metrics with intervals, on images that steered nothing.

A `config` is one of lenslab.tasks.classify.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from lenslab.images.workers import columns_from
from lenslab.insight import metrics
from lenslab.insight.judgement import BARE, Held, judge, truths_of
from lenslab.nets import CLASSIFIERS
from lenslab.population import find
from lenslab.tasks.answers import complete, features_of, logits_of, probabilities_of
from lenslab.tasks.feed import simulated
from lenslab.tasks.seen import Recipe, Seen, SetItems, measured
from lenslab.tasks.training import Training

HELD_OUT_SEED = 0      # validation and test images are the same for every run, so that runs can be compared
USUAL = 1200           # training images that tell what is usual for a network
JUDGED = {"validation": 200, "test": 1000}     # resamples behind the intervals


def recipe_of(config: Training, seed: int, split: str) -> Recipe:
    """How images become what the network of a Config is given while it learns."""
    fitted = CLASSIFIERS[config.network][0].needs_fit
    return Recipe(config.population, seed, split, config.crop, fitted,
                  starts=config.starts if fitted else "")


@lru_cache(maxsize=4)
def held_out(recipe: Recipe, size: int, workers: int) -> Seen:
    """Fixed images to judge by, simulated once."""
    return simulated(recipe, size, workers)


def evaluate(model: nn.Module, config: Training, device: torch.device, split: str = "validation") -> dict:
    """Metrics with intervals. The temperature is fitted to validation images, whatever the split.

    loss is that of the bare logits; ece that of the calibrated probabilities, ece_raw without the temperature.
    While a network that fits is trained, fits of validation images begin as those of training images do; the finished
    network is judged, and its temperature fitted, with fits that it has started itself. With the split "test" the
    network also learns what is usual (`novelty`), and "card" holds what its page shows.
    """
    fresh = split != "validation"
    parts = [("validation", config.validation)] + [(split, config.test)] * fresh
    given, answers = [], []
    for name, size in parts:
        recipe = recipe_of(config, HELD_OUT_SEED, name)
        if fresh and model.needs_fit:
            seen = afresh(model, recipe, size, config.workers, device)
        else:
            seen = held_out(recipe, size, config.workers)
        given.append(seen.given)
        answers.append((logits_of(model, seen.given, device), seen.labels))
    temperature, classes = metrics.temperature(*answers[0]), tuple(model.card["classes"])
    found = judged(*answers[-1], classes, temperature, JUDGED[split]) | {"temperature": temperature}
    if fresh and model.needs_fit:
        found["floor"] = floor(model.chi2(given[-1]).numpy(), answers[-1][1], classes)
    if fresh:
        learn_what_is_usual(model, config, given[0], device)
        logits, labels = answers[-1]
        truths = truths_of(find(config.population), len(labels), HELD_OUT_SEED, split)
        found["card"] = {"judgement": judge(probabilities_of(logits, temperature), labels, classes, truths,
                                            Held(config.population, split, HELD_OUT_SEED))}
    return found


def judged(logits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], temperature: float,
           resamples: int) -> dict:
    """Plain numbers and their intervals, of logits (N, C) float64."""
    found = metrics.scores(probabilities_of(logits, temperature), labels, classes, resamples=resamples)
    raw = probabilities_of(logits, 1.0)
    surprise = -np.log(np.maximum(raw[np.arange(len(labels)), labels], 1e-300)).mean()
    return dict(loss=float(surprise), macro_auc=found.macro_auc, accuracy=found.accuracy, ece=found.ece, n=found.n,
                ece_raw=metrics.calibration_error(raw, labels), auc=found.auc,
                intervals={name: list(limits) for name, limits in found.intervals.items()},
                confusion=[list(row) for row in found.confusion])


def floor(chi2: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> float | None:
    """AUC of chi^2 (N,) of the best smooth lens, smooth against the rest: what no network may stay below.

    None where the classes have none without substructure.
    """
    bare = next((k for k, name in enumerate(classes) if name in BARE), None)
    return None if bare is None else metrics.auc(chi2, labels != bare)


def learn_what_is_usual(model: nn.Module, config: Training, held: Tensor, device: torch.device | str) -> None:
    """Fit `novelty` to features of training images, and its threshold to those of held-out ones."""
    recipe, n = recipe_of(config, config.seed, "train"), min(USUAL, config.images or USUAL)
    if config.data:
        items = SetItems(config.data, recipe)
        seen = items.take(np.arange(min(USUAL, len(items.labels))))
    elif model.needs_fit:
        seen = afresh(model, recipe, n, config.workers, device)
    else:
        seen = simulated(recipe, n, config.workers)
    model.novelty.fit(features_of(model, seen.given, device), features_of(model, held, device),
                      torch.from_numpy(seen.labels))


@dataclass(frozen=True)
class Alone:
    """A network that fits, at work on simulated images of which it is told nothing; travels to processes."""

    model: nn.Module
    recipe: Recipe     # without a fit
    device: str

    def columns(self, chunk: int) -> dict[str, np.ndarray]:
        columns = self.recipe.columns(chunk)
        given = complete(self.model, *measured(find(self.recipe.population), columns), self.device)
        return {"given": given.numpy(), "label": columns["label"]}


def afresh(model: nn.Module, recipe: Recipe, size: int, workers: int, device: torch.device | str) -> Seen:
    """What a network that fits is given of the first `size` items of a split when it starts the fits itself.

    On a CPU the fits are shared by `workers` processes.
    """
    alone = Alone(model, replace(recipe, fitted=False), str(device))
    made = columns_from(alone.columns, size, workers if torch.device(device).type == "cpu" else 1)
    return Seen(torch.from_numpy(made["given"]), made["label"], torch.empty(size, 0))
