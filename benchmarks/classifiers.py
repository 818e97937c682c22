"""The table of classifiers: `python benchmarks/classifiers.py [CHECKPOINT ...] [--ceiling 240] [--write]`.

Metrics come from the headers, where the training put them: test images that steered nothing, 95 % bootstrap intervals.
What depends on this machine or needs no network is measured here, and with --write put into the headers as well, from
which checkpoints/README.md is then made (--table makes it of the headers as they are):

    ms        of one image on one thread, from image to logits, the fit of lens_residual included; median of 20
    ceiling   AUC that an observer who knows the substructure and must fit lens and source has at most, smooth against
              the rest: the mean of Phi(lambda / sqrt 2) over images with substructure (lambda: lenslab.images.ceiling)
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from scipy.special import ndtr

from lenslab import checkpoint
from lenslab.insight import table
from lenslab.insight.judgement import SMOOTH_CLASSES
from lenslab.population import CHUNK, find
from lenslab.sets.draw import items
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import load

REPEATS = 20


def milliseconds(trained) -> float:
    """Of one answer, given an image and its noise."""
    population = find(trained.card["population"])
    drawn = items(population, 0, 0, "test")
    spent = []
    for row in range(REPEATS + 2):
        image, sigma = drawn.image[row:row + 1], drawn.variance[row:row + 1].sqrt()
        began = time.perf_counter()
        answers.logits_of(trained, answers.complete(trained, image, sigma))
        spent.append(1e3 * (time.perf_counter() - began))
    return statistics.median(spent[2:])


def ceiling(name: str, n: int) -> float | None:
    """The AUC at most of who must fit the lens, on the first n test images of a population, smooth against the rest."""
    population = find(name)
    bare = next((k for k, kind in enumerate(population.classes) if kind in SMOOTH_CLASSES), None)
    if bare is None or not n:
        return None
    found = []
    for chunk in range(-(-n // CHUNK)):
        drawn = items(population, chunk, 0, "test", ceiling=True)
        found.append(ndtr(drawn.truths["ceiling"][drawn.labels != bare] / np.sqrt(2)))
        print(f"{name}: {CHUNK * (chunk + 1)} images", file=sys.stderr, flush=True)
    return float(np.concatenate(found).mean())


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="*", help="all that are shipped, unless some are named")
    parser.add_argument("--ceiling", type=int, default=0, help="images of each population that the ceiling is taken of")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--table", action="store_true", help="measure nothing: checkpoints/README.md from the headers")
    settings = parser.parse_args(words)
    if settings.table:
        table.write_table()
        return 0
    torch.set_num_threads(1)
    paths = settings.checkpoints or [path for path, card in checkpoint.list_checkpoints()
                                     if card.get("task") == "classify"]
    ceilings: dict[str, float | None] = {}
    for path in paths:
        trained = load(path, task="classify")
        name = trained.card["population"]
        if settings.ceiling and name not in ceilings:
            ceilings[name] = ceiling(name, settings.ceiling)
        measured = dict(ms=milliseconds(trained))
        if name in ceilings:
            measured |= dict(ceiling=ceilings[name], ceiling_n=settings.ceiling)
        print(f"{path.name}: " + ", ".join(f"{key} {value}" for key, value in measured.items()), flush=True)
        if settings.write:
            checkpoint.remark(path, **measured)
    if settings.write:
        table.write_table()
    print(table.table(paths[0].parent if paths else None))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
