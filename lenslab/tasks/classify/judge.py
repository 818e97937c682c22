"""How well does a classifier do, and what is usual for it? Metrics with intervals, on images that steered nothing.

A `config` is the task's.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.feed.examples import Columns, Examples
from lenslab.feed.stream import HELD_OUT_SEED, held_out, simulated
from lenslab.feed.workers import columns_from
from lenslab.insight import metrics
from lenslab.insight.judgement import SMOOTH_CLASSES, Held, judge, truths_of
from lenslab.insight.novelty import Novelty
from lenslab.nets import CLASSIFIERS
from lenslab.population import find
from lenslab.tasks.classify.answers import complete, features_of, logits_of, probabilities_of
from lenslab.tasks.classify.fitted import FittedView
from lenslab.tasks.lens_view import LensView, SetItems, image_and_noise
from lenslab.tasks.trained import Trained
from lenslab.tasks.training import Training

USUAL = 1200           # training images that tell what is usual for a network
JUDGED = {"validation": 200, "test": 1000}     # resamples behind the intervals


def view_of(config: Training, seed: int, split: str) -> LensView:
    """How images become what the network of a Config is given while it learns."""
    plain = dict(population=config.population, seed=seed, split=split, crop=config.crop)
    fitted = CLASSIFIERS[config.network][0].needs_fit
    return FittedView(**plain, regressor=config.regressor) if fitted else LensView(**plain)


def evaluate(trained: Trained, config: Training, split: str = "validation") -> dict:
    """Metrics with intervals. The temperature is fitted to validation images, whatever the split.

    loss is that of the bare logits; ece that of the calibrated probabilities, ece_raw without the temperature.
    While a network that fits is trained, fits of validation images begin as those of training images do; the finished
    network is judged, and its temperature fitted, with fits that it has started itself. With the split "test"
    "novelty" has learnt what is usual for the network, and "card" holds what its page shows.
    """
    model, fresh = trained.model, split != "validation"
    parts = [("validation", config.validation)] + [(split, config.test)] * fresh
    given, answers = [], []
    for name, size in parts:
        view = view_of(config, HELD_OUT_SEED, name)
        if fresh and model.needs_fit:
            shown = afresh(trained, view, size, config.workers)
        else:
            shown = held_out(view, size, config.workers)
        given.append(shown.inputs)
        answers.append((logits_of(trained, shown.inputs), shown.labels))
    temperature, classes = metrics.temperature(*answers[0]), tuple(trained.card["classes"])
    found = judgement_of(*answers[-1], classes, temperature, JUDGED[split]) | {"temperature": temperature}
    if fresh and model.needs_fit:
        found["floor"] = floor(model.chi2(given[-1]).numpy(), answers[-1][1], classes)
    if fresh:
        found["novelty"] = what_is_usual(trained, config, given[0])
        logits, labels = answers[-1]
        truths = truths_of(find(config.population), len(labels), HELD_OUT_SEED, split)
        found["card"] = {"judgement": judge(probabilities_of(logits, temperature), labels, classes, truths,
                                            Held(config.population, split, HELD_OUT_SEED))}
    return found


def judgement_of(logits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], temperature: float,
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
    bare = next((k for k, name in enumerate(classes) if name in SMOOTH_CLASSES), None)
    return None if bare is None else metrics.auc(chi2, labels != bare)


def what_is_usual(trained: Trained, config: Training, held: Tensor) -> Novelty:
    """Fitted to features of training images, and its threshold to those of held-out ones."""
    view, n = view_of(config, config.seed, "train"), min(USUAL, config.images or USUAL)
    if config.data:
        items = SetItems(config.data, view)
        shown = items.take(np.arange(min(USUAL, len(items.labels))))
    elif trained.model.needs_fit:
        shown = afresh(trained, view, n, config.workers)
    else:
        shown = simulated(view, n, config.workers)
    features = features_of(trained, shown.inputs)
    return Novelty(features.shape[1], len(trained.card["classes"])).fit(features, features_of(trained, held),
                                                                        torch.from_numpy(shown.labels))


@dataclass(frozen=True)
class Alone:
    """A network that fits, at work on simulated images of which it is told nothing; travels to processes."""

    trained: Trained
    view: LensView

    def columns(self, chunk: int) -> Columns:
        columns = LensView.columns(self.view, chunk)     # the fits are the network's own
        inputs = complete(self.trained, *image_and_noise(find(self.view.population), columns))
        return {"inputs": inputs.numpy(), "label": columns["label"]}


def afresh(trained: Trained, view: LensView, size: int, workers: int) -> Examples:
    """What a network that fits is given of the first `size` items of a split when it starts the fits itself.

    On a CPU the fits are shared by `workers` processes.
    """
    made = columns_from(Alone(trained, view).columns, size, workers if trained.device.type == "cpu" else 1)
    return Examples(torch.from_numpy(made["inputs"]), made["label"])
