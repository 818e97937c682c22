"""Who tells odd lenses, having seen smooth ones alone? Detectors beside chi^2, a supervised network, and the leak.

    python benchmarks/anomalies.py CHECKPOINT ... [--n 2400] [--classifier CHECKPOINT] [--fits FOLDER] [--strong N]
        [--json]

All CHECKPOINTs are of the task anomaly and of one population. Area under the ROC of each class against smooth lenses,
with 95 % intervals, false alarms and finds at the threshold that 5 % of usual lenses pass, and the share of things that
are no lens (spirals, mergers, two rings, empty sky) that is called odd there. Beside them: 1 - the probability of the
smooth class by a classifier that was taught with all classes, and the total light with the ring's radius alone, by a
logistic regression of half of the images judged on the other half: what leaks without any substructure being seen.
With --strong also smooth lenses against those of the first N test images that keep more than 6 sigmas of their
substructure when a smooth lens is fitted anew (lenslab.fit.refit, about a second each).
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
from lenslab.fit import refit
from lenslab.insight import metrics
from lenslab.population import CHUNK, find
from lenslab.sets.no_lens import KINDS, things
from lenslab.tasks.anomaly.judge import FALSE, judgement_of
from lenslab.tasks.anomaly.task import Config, predict, scores_of, smooth_class, view_of
from lenslab.tasks.classify import answers
from lenslab.tasks.lens_view import LensView, image_and_noise
from lenslab.tasks.trained import load
from lenslab.tasks.training import configure

RESAMPLES, THINGS = 300, 60
STRONG, FEWEST = 6.0, 10       # sigmas of substructure that a smooth lens leaves; images that an AUC is told of


def detector(path: Path, n: int, workers: int, fits: str, left: np.ndarray) -> dict:
    """Judgement of one detector on n test images and on things that are no lens.

    left   (M,) sigmas of their substructure that the first M test images keep, 0 without any
    """
    trained = load(path, task="anomaly")
    asked = dict(test=n, workers=workers) | (dict(fits=fits) if fits else {})
    config = configure(Config, trained.card["config"] | asked)
    population = find(config.population)
    shown = held_out(view_of(config, HELD_OUT_SEED, "test", alone=False), n, workers)
    score = scores_of(trained, shown.inputs)
    found = judgement_of(trained, score, shown.labels, population.classes,
                         smooth_class(population), RESAMPLES)
    found["strong"] = strong_auc(score[:len(left)], shown.labels[:len(left)] == smooth_class(population), left)
    found["no_lens"] = {kind: float((predict(trained, things(population, kind, THINGS)).p < FALSE).double().mean())
                        for kind in KINDS}
    return found | dict(kind=config.kind)


def strong_auc(score, smooth: np.ndarray, left: np.ndarray) -> dict | None:
    """AUC of smooth lenses against those that keep more than STRONG sigmas; None where there are too few."""
    rows = smooth | (left > STRONG)
    if (left > STRONG).sum() < FEWEST:
        return None
    values, odd = np.asarray(score, float)[rows], ~smooth[rows]
    return dict(auc=metrics.auc(values, odd), interval=metrics.auc_interval(values, odd), n=int(odd.sum()))


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
    parser.add_argument("--fits", default="", help="folder of python -m lenslab fits; that of each training else")
    parser.add_argument("--strong", type=int, default=0, metavar="N", help="test images whose substructure is fitted")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    torch.manual_seed(0)
    population = load(settings.checkpoints[0], task="anomaly").card["population"]
    chunks = range(-(-settings.strong // CHUNK))
    left = np.concatenate([np.zeros(0), *(refit.of_chunk(find(population), k, HELD_OUT_SEED, "test") for k in chunks)])
    found = {name_of(path): detector(path, max(settings.n, len(left)), settings.workers, settings.fits, left)
             for path in settings.checkpoints}
    beside = {"light and ring alone": leak(population, settings.n, settings.workers)}
    if settings.classifier:
        beside["taught with all classes"] = supervised(settings.classifier, settings.n, settings.workers)
    if settings.json:
        print(json.dumps(dict(found, **beside)))
        return 0
    classes = list(next(iter(found.values()))["auc_by_class"])
    print(f"| detector | AUC | {' | '.join(classes)} | above {STRONG:g} sigmas, n | false alarms | found | "
          f"no lens, called odd: {', '.join(KINDS)} |")
    print("|" + "---|" * (6 + len(classes)))
    for one in found.values():
        low, high = one["intervals"]["auc"]
        print(f"| {one['kind']} | {one['auc']:.3f} [{low:.3f}, {high:.3f}] | "
              + " | ".join(f"{one['auc_by_class'][name]:.3f}" for name in classes)
              + f" | {strong_words(one['strong'])} | {one['false_alarms']:.3f} | {one['found']:.3f} | "
              + ", ".join(f"{one['no_lens'][kind]:.2f}" for kind in KINDS) + " |")
    for name, one in beside.items():
        print(f"| {name} | {one['all']:.3f} | " + " | ".join(f"{one[kind]:.3f}" for kind in classes) + " | | | | |")
    return 0


def strong_words(one: dict | None) -> str:
    return "" if one is None else f"{one['auc']:.3f} [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}], {one['n']}"


if __name__ == "__main__":
    raise SystemExit(main())
