"""How well does a network that has seen smooth lenses alone tell the others? `config` is the task's."""

import numpy as np
import torch

from lenslab.feed.stream import HELD_OUT_SEED, held_out
from lenslab.insight import metrics
from lenslab.population import find
from lenslab.tasks.anomaly.task import TABLE, Config, scores_of, smooth_class, usual, view_of
from lenslab.tasks.trained import Trained

FALSE = 0.05           # share of usual lenses that one accepts to be called odd
RESAMPLES = 500


def evaluate(trained: Trained, config: Config, split: str = "validation") -> dict:
    """While it learns, its loss on smooth lenses that it does not learn from; in the end AUC against each class.

    With the split "test" its table of usual scores is set first, by those validation images.
    """
    shown = usual(config, HELD_OUT_SEED, "validation", config.validation)
    with torch.no_grad():
        parts = [float(trained.model.network.loss(part.to(trained.device))) * len(part)
                 for part in shown.inputs.split(256)]
    found = dict(loss=sum(parts) / len(shown), n=len(shown))
    if split == "validation":
        return found
    settle(trained, scores_of(trained, shown.inputs))
    shown = held_out(view_of(config, HELD_OUT_SEED, split, alone=False), config.test, config.workers)
    population = find(config.population)
    return found | judgement_of(trained, scores_of(trained, shown.inputs), shown.labels, population.classes,
                                smooth_class(population), RESAMPLES)


def settle(trained: Trained, scores: torch.Tensor) -> None:
    """What is usual from now on."""
    trained.model.table.copy_(torch.quantile(scores, torch.linspace(0, 1, TABLE, dtype=scores.dtype)))


def judgement_of(trained: Trained, scores: torch.Tensor, labels: np.ndarray, classes: tuple[str, ...], bare: int,
                 resamples: int = 0) -> dict:
    """Of scores (N,): AUC of all others against smooth lenses and of each class, false alarms and finds at p < FALSE.
    """
    value, called = scores.numpy(), (trained.model.p(scores.to(trained.device)).cpu() < FALSE).numpy()
    found = dict(of_scores(value, called, labels, bare), n=len(labels), classes=list(classes))
    found["auc_by_class"] = {name: metrics.auc(value[(labels == k) | (labels == bare)],
                                               (labels == k)[(labels == k) | (labels == bare)])
                             for k, name in enumerate(classes) if k != bare and (labels == k).any()}
    found["found_by_class"] = {name: float(called[labels == k].mean()) for k, name in enumerate(classes)
                               if k != bare and (labels == k).any()}
    if resamples:
        rng, groups = np.random.default_rng(0), [np.flatnonzero(labels == k) for k in np.unique(labels)]
        again = []
        for _ in range(resamples):
            rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
            again.append(of_scores(value[rows], called[rows], labels[rows], bare))
        found["intervals"] = {name: np.percentile([one[name] for one in again], [2.5, 97.5]).tolist()
                              for name in again[0]}
    return found


def of_scores(value: np.ndarray, called: np.ndarray, labels: np.ndarray, bare: int) -> dict[str, float]:
    odd = labels != bare
    return dict(auc=metrics.auc(value, odd), false_alarms=float(called[~odd].mean()), found=float(called[odd].mean()))
