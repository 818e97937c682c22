"""From which lambda on does a classifier see substructure?

    python benchmarks/detection.py CHECKPOINT [--n 720] [--workers 2] [--json] [--write]

Smooth lenses against those whose substructure is worth so many sigmas to an observer who knows it (lambda:
lenslab.images.ceiling), on the first n test images. Beside the network the floor, chi^2 of the lens that it fitted, and
where sources have clumps the evidence for ripples of the potential (lenslab.fit.ripples), which knows no classes, once
after that fit and once ("true start") after one that begins at the true lens and its true clumps, which nobody has; the
ceiling, the mean of Phi(lambda / sqrt 2), and the same of what a smooth lens leaves that is fitted anew without noise
(lenslab.fit.refit): where substructure is strong, lambda promises more than that. Intervals: 95 %, bootstrap over
images. With --write they go into the header.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from scipy.special import ndtr

from lenslab import checkpoint
from lenslab.fit import fit, knots, ripples
from lenslab.fit.refit import left_over
from lenslab.images.draw import Items, items
from lenslab.images.workers import columns_from
from lenslab.insight import table
from lenslab.insight.judgement import BARE
from lenslab.insight.metrics import auc, auc_interval
from lenslab.population import find
from lenslab.tasks import answers, classify
from lenslab.tasks.judging import HELD_OUT_SEED
from lenslab.tasks.seen import Recipe

OTHERS = "floor", "ripples", "true_start", "ceiling", "refitted"
RANGES = ((0, 3), (3, 6), (6, 10), (10, 20), (20, np.inf), (6, np.inf))


@dataclass(frozen=True)
class Judged:
    """A network at work on test images whose lambda is taken beside; travels to processes."""

    model: torch.nn.Module
    population: str

    def columns(self, chunk: int) -> dict[str, np.ndarray]:
        recipe = Recipe(self.population, HELD_OUT_SEED, "test")
        drawn = items(find(recipe.population), chunk, recipe.seed, recipe.split,
                      **recipe.rendering | dict(ceiling=True))
        given = answers.complete(self.model, drawn.image, drawn.variance.sqrt(), "cpu")
        return dict(logits=answers.logits_of(self.model, given, "cpu"), labels=drawn.labels,
                    **self.plainly(given), **self.from_the_truth(drawn),
                    ceiling=drawn.truths["ceiling"],
                    left=left_over(find(recipe.population), chunk, recipe.seed, recipe.split))

    def plainly(self, given: torch.Tensor) -> dict[str, np.ndarray]:
        """Scores of a fit without a network, where there is one."""
        if not self.model.needs_fit:
            return {}
        found = self.model.rippled(given)
        return dict(chi2=self.model.chi2(given).numpy()) | ({} if found is None else dict(ripples=found[1].numpy()))

    def from_the_truth(self, drawn: Items) -> dict[str, np.ndarray]:
        """The evidence where nothing of lens and source had to be sought."""
        if not self.model.needs_fit or not self.model.lens.clumpy:
            return {}
        lens, paths, sigma = self.model.lens, find(self.population).paths, drawn.variance.sqrt()
        found = fit(lens, drawn.image, sigma, lens.of_table(paths, drawn.parameters), 0,
                    values=knots.of_table(paths, drawn.parameters))
        return dict(true_start=ripples(lens, sigma, found).evidence.numpy())


def measured(path: Path, n: int, workers: int) -> list[dict]:
    """A row for each range of lambda: AUC and interval of the network, floor, ceiling, and how many images."""
    model = classify.load(path)
    bare = next(k for k, name in enumerate(model.card["classes"]) if name in BARE)
    seen = columns_from(Judged(model, model.card["population"]).columns, n, workers)
    chance = answers.probabilities_of(seen["logits"], answers.temperature_of(model))
    score, smooth, rows = -chance[:, bare], seen["labels"] == bare, []
    for low, high in RANGES:
        there = ~smooth & (seen["ceiling"] > low) & (seen["ceiling"] <= high)
        if not there.any():
            continue
        use = np.flatnonzero(there | smooth)
        rows.append(dict(low=low, high=None if np.isinf(high) else high, n=int(there.sum()), smooth=int(smooth.sum()),
                         auc=auc(score[use], there[use]), interval=list(auc_interval(score[use], there[use])),
                         floor=auc(seen["chi2"][use], there[use]) if "chi2" in seen else None,
                         **{name: auc(seen[name][use], there[use]) for name in ("ripples", "true_start")
                            if name in seen},
                         ceiling=float(ndtr(seen["ceiling"][there] / np.sqrt(2)).mean()),
                         refitted=float(ndtr(seen["left"][there] / np.sqrt(2)).mean())))
    return rows


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=720)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put it into the header of the checkpoint")
    settings = parser.parse_args(words)
    rows = measured(settings.checkpoint, settings.n, settings.workers)
    if settings.json:
        print(json.dumps(rows))
    else:
        print("| lambda | images | AUC | chi^2 | ripples | true start | ceiling | refitted |\n" + "|---" * 8 + "|")
        for row in rows:
            limits = row["interval"]
            others = (table.number(row.get(name), 3) for name in OTHERS)
            print(f"| {row['low']} to {row['high'] or 'any'} | {row['n']} | {row['auc']:.3f} [{limits[0]:.3f}, "
                  f"{limits[1]:.3f}] | {' | '.join(others)} |")
    if settings.write:
        checkpoint.remark(settings.checkpoint, detection=rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
