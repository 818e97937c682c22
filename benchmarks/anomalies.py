"""Who tells odd lenses, having seen smooth ones alone? Detectors beside chi^2, a supervised network, and the leak.

    python benchmarks/anomalies.py CHECKPOINT ... [--n 2400] [--classifier CHECKPOINT] [--json]

All CHECKPOINTs are of the task anomaly and of one population. Area under the ROC of each class against smooth lenses,
with 95 % intervals, false alarms and finds at the threshold that 5 % of usual lenses pass, and the share of things that
are no lens (spirals, mergers, two rings, empty sky) that is called odd there. Beside them: 1 - the probability of the
smooth class by a classifier that was taught with all classes, and the total light with the ring's radius alone, by a
logistic regression of half of the images judged on the other half: what leaks without any substructure being seen.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from benchmarks.parts import name_of
from lenslab.feed.stream import HELD_OUT_SEED, held_out
from lenslab.insight import metrics
from lenslab.population import find
from lenslab.sets.no_lens import KINDS, things
from lenslab.tasks.anomaly.judge import FALSE, judgement_of
from lenslab.tasks.anomaly.task import Config, predict, scores_of, smooth_class, view_of
from lenslab.tasks.classify import answers
from lenslab.tasks.lens_view import LensView, image_and_noise
from lenslab.tasks.trained import load
from lenslab.tasks.training import configure

RESAMPLES, THINGS = 300, 60


def detector(path: Path, n: int, workers: int) -> dict:
    """Judgement of one detector on n test images and on things that are no lens."""
    trained = load(path, task="anomaly")
    config = configure(Config, trained.card["config"] | dict(test=n, workers=workers))
    population = find(config.population)
    shown = held_out(view_of(config, HELD_OUT_SEED, "test", alone=False), n, workers)
    found = judgement_of(trained, scores_of(trained, shown.inputs), shown.labels, population.classes,
                   smooth_class(population), RESAMPLES)
    found["no_lens"] = {kind: float((predict(trained, things(population, kind, THINGS)).p < FALSE).double().mean())
                        for kind in KINDS}
    return found | dict(kind=config.kind)


def supervised(path: Path, n: int, workers: int) -> dict[str, float]:
    """AUC of a classifier taught with all classes."""
    trained = load(path, task="classify")
    population = find(trained.card["population"])
    view = LensView(population.name, HELD_OUT_SEED, "test")
    from lenslab.feed.workers import columns_from
    columns = columns_from(view.columns, n, workers)
    logits = answers.logits_of(trained, answers.complete(trained, *image_and_noise(population, columns)))
    bare = smooth_class(population)
    return by_class(1 - answers.probabilities_of(logits, answers.temperature_of(trained))[:, bare], columns["label"],
                    population.classes, bare)


def leak(name: str, n: int, workers: int) -> dict[str, float]:
    """AUC of light and ring radius alone."""
    population = find(name)
    shown = held_out(LensView(name, HELD_OUT_SEED, "test"), n, workers)
    sigmas = shown.inputs[:, 0].double().numpy()
    side = np.arange(sigmas.shape[-1]) - (sigmas.shape[-1] - 1) / 2
    r, lit = np.hypot(*np.meshgrid(side, side)), np.where(sigmas > 5, sigmas, 0)
    light = lit.sum((1, 2)) + 1
    facts = StandardScaler().fit_transform(np.stack([np.log(light), (lit * r).sum((1, 2)) / light], 1))
    bare, half = smooth_class(population), len(facts) // 2
    taught = LogisticRegression().fit(facts[:half], shown.labels[:half] != bare)
    return by_class(taught.decision_function(facts[half:]), shown.labels[half:], population.classes, bare)


def by_class(score: np.ndarray, labels: np.ndarray, classes, bare: int) -> dict[str, float]:
    found = {"all": metrics.auc(score, labels != bare)}
    for k, name in enumerate(classes):
        if k != bare:
            mine = (labels == k) | (labels == bare)
            found[name] = metrics.auc(score[mine], labels[mine] == k)
    return found


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--n", type=int, default=2400)
    parser.add_argument("--classifier", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    torch.manual_seed(0)
    found = {name_of(path): detector(path, settings.n, settings.workers) for path in settings.checkpoints}
    population = load(settings.checkpoints[0], task="anomaly").card["population"]
    beside = {"light and ring alone": leak(population, settings.n, settings.workers)}
    if settings.classifier:
        beside["taught with all classes"] = supervised(settings.classifier, settings.n, settings.workers)
    if settings.json:
        print(json.dumps(dict(found, **beside)))
        return 0
    classes = list(next(iter(found.values()))["auc_by_class"])
    print(f"| detector | AUC | {' | '.join(classes)} | false alarms | found | "
          f"no lens, called odd: {', '.join(KINDS)} |")
    print("|" + "---|" * (5 + len(classes)))
    for one in found.values():
        low, high = one["intervals"]["auc"]
        print(f"| {one['kind']} | {one['auc']:.3f} [{low:.3f}, {high:.3f}] | "
              + " | ".join(f"{one['auc_by_class'][name]:.3f}" for name in classes)
              + f" | {one['false_alarms']:.3f} | {one['found']:.3f} | "
              + ", ".join(f"{one['no_lens'][kind]:.2f}" for kind in KINDS) + " |")
    for name, one in beside.items():
        print(f"| {name} | {one['all']:.3f} | " + " | ".join(f"{one[kind]:.3f}" for kind in classes) + " | | | |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
