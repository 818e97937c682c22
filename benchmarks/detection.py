"""From which lambda on does a classifier see substructure?

    python benchmarks/detection.py CHECKPOINT [--strong 150] [--n 2400] [--workers 2] [--json] [--write]

Smooth lenses against those whose substructure is worth so many sigmas, on test images: so many from the first that
`strong` of them keep more than 6 sigmas, n at most. Rows go by the refitted lambda: what a smooth lens leaves that is
fitted anew to the image without noise (lenslab.fit.refit). Beside it stand images and AUC by the ceiling
(lenslab.images.ceiling), which promises more where substructure is strong. Beside the network: chi^2 of the lens that
it fitted, and where sources have compact components the evidence for corrections of the potential, which knows no
classes, once after that fit and once ("true start") after one that begins at the true lens and its true clumps, which
nobody has; and an observer who knows the substructure, the mean of Phi(lambda / sqrt 2) of the refitted lambda.
Intervals: 95 %, bootstrap over images. With --write all goes into the header, whose tensors stay as they are. A run
that was stopped goes on where it was: finished chunks lie beside the checkpoint in CHECKPOINT.detection.json until all
is written (another place: --keep).
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

from benchmarks.parts import Parts, weights
from lenslab import checkpoint
from lenslab.feed.stream import HELD_OUT_SEED
from lenslab.feed.workers import chunks_from
from lenslab.fit import compact, fit, potential_corrections, refit
from lenslab.insight import table
from lenslab.insight.judgement import SMOOTH_CLASSES
from lenslab.insight.metrics import auc, auc_interval
from lenslab.insight.significance import FOUND, HARDLY
from lenslab.population import CHUNK, find
from lenslab.sets.draw import Items, items
from lenslab.tasks.classify import answers
from lenslab.tasks.lens_view import LensView
from lenslab.tasks.trained import Trained, load

OTHERS = "chi2", "corrections", "true_start"         # beside the network
RANGES = ((0, 3), (3, 6), (6, 10), (10, 20), (20, np.inf), (FOUND, np.inf))
WORDS = {"refitted": "left", "ceiling": "ceiling"}   # of a lambda: its column


@dataclass(frozen=True)
class Judged:
    """A network at work on test images whose lambda is taken beside; travels to processes."""

    trained: Trained
    population: str

    def columns(self, chunk: int) -> dict[str, np.ndarray]:
        view = LensView(self.population, HELD_OUT_SEED, "test")
        drawn = items(find(view.population), chunk, view.seed, view.split,
                      **view.rendering | dict(ceiling=True))
        given = answers.complete(self.trained, drawn.image, drawn.variance.sqrt())
        return dict(logits=answers.logits_of(self.trained, given), labels=drawn.labels,
                    **self.plainly(given), **self.from_the_truth(drawn),
                    ceiling=drawn.truths["ceiling"],
                    left=refit.of_chunk(find(view.population), chunk, view.seed, view.split))

    def plainly(self, given: torch.Tensor) -> dict[str, np.ndarray]:
        """Scores of a fit without a network, where there is one."""
        if not self.trained.model.needs_fit:
            return {}
        model = self.trained.model
        found = model.corrections(given)
        return dict(chi2=model.chi2(given).numpy()) | ({} if found is None else dict(corrections=found[1].numpy()))

    def from_the_truth(self, drawn: Items) -> dict[str, np.ndarray]:
        """The evidence where nothing of lens and source had to be sought."""
        if not self.trained.model.needs_fit or not self.trained.model.lens.compact:
            return {}
        lens, paths, sigma = self.trained.model.lens, find(self.population).paths, drawn.variance.sqrt()
        found = fit(lens, drawn.image, sigma, lens.of_table(paths, drawn.parameters), 0,
                    values=compact.of_table(paths, drawn.parameters))
        return dict(true_start=potential_corrections(lens, sigma, found).evidence.numpy())


def columns(judged: Judged, n: int, strong: int, workers: int, parts: Parts) -> dict[str, np.ndarray]:
    """All columns of the first images, chunks that `parts` has not made anew: until `strong` are, or n."""
    most, found, chunk = -(-n // CHUNK), 0, 0
    while chunk < most and found < strong:
        if str(chunk) not in parts:
            missing = [k for k in range(chunk, min(chunk + workers, most)) if str(k) not in parts]
            for k, made in chunks_from(judged.columns, missing, workers):
                parts[str(k)] = made
        found += int((np.array(parts[str(chunk)]["left"]) > FOUND).sum())
        chunk += 1
        print(f"{chunk * CHUNK} images: {found} above {FOUND:g} sigmas refitted", file=sys.stderr, flush=True)
    return {name: np.concatenate([parts[str(k)][name] for k in range(chunk)])[:n] for name in parts["0"]}


def measured(trained: Trained, seen: dict[str, np.ndarray]) -> dict:
    """Rows by the refitted lambda and by the ceiling, and what the one leaves of the other, as plain values.

    shares  {class: [by the ceiling, refitted]} of its images above 6 sigmas
    lost    of the images whose ceiling is above 6 sigmas, those that keep less than 3
    """
    classes = trained.card["classes"]
    bare = next(k for k, name in enumerate(classes) if name in SMOOTH_CLASSES)
    score, smooth = -answers.probabilities_of(seen["logits"], answers.temperature_of(trained))[:, bare], \
        seen["labels"] == bare
    promised = seen["ceiling"][~smooth] > FOUND
    return checkpoint.plain(dict(
        n=len(smooth), **{word: rows(score, smooth, seen[column], seen) for word, column in WORDS.items()},
        shares={name: [float((seen[column][seen["labels"] == k] > FOUND).mean()) for column in ("ceiling", "left")]
                for k, name in enumerate(classes) if k != bare},
        lost=float((seen["left"][~smooth][promised] < HARDLY).mean()) if promised.any() else None))


def rows(score: np.ndarray, smooth: np.ndarray, total: np.ndarray, seen: dict[str, np.ndarray]) -> list[dict]:
    """For each range of a lambda `total`: AUC and interval of the network, the others, and how many images."""
    found = []
    for low, high in RANGES:
        there = ~smooth & (total > low) & (total <= high)
        if not there.any():
            continue
        use = np.flatnonzero(there | smooth)
        found.append(dict(low=low, high=None if np.isinf(high) else high, n=int(there.sum()), smooth=int(smooth.sum()),
                          auc=auc(score[use], there[use]), interval=list(auc_interval(score[use], there[use])),
                          **{name: auc(seen[name][use], there[use]) for name in OTHERS if name in seen},
                          observer=float(ndtr(total[there] / np.sqrt(2)).mean())))
    return found


def bounded(row: dict) -> str:
    return table.bounded(row.get("auc"), row.get("interval"), 3)


def show(found: dict) -> None:
    """Ranges in rows: by the refitted lambda, and beside it by the ceiling."""
    print("| lambda | images, refitted | AUC | " + " | ".join(name.replace("_", " ") for name in OTHERS)
          + " | observer | images, by the ceiling | AUC |\n" + "|---" * (6 + len(OTHERS)) + "|")
    for low, high in RANGES:
        one, two = (next((row for row in found[word] if row["low"] == low and row["high"] == (
            None if np.isinf(high) else high)), {}) for word in WORDS)
        cells = [f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} or more", str(one.get("n", 0)),
                 bounded(one), *(table.number(one.get(name), 3) for name in (*OTHERS, "observer")),
                 str(two.get("n", 0)), bounded(two)]
        print("| " + " | ".join(cells) + " |")
    print(f"\nOf {found['n']} test images, above {FOUND:g} sigmas by the ceiling -> refitted: " + ", ".join(
        f"{name} {100 * before:.0f} -> {100 * after:.0f} %" for name, (before, after) in found["shares"].items())
        + (f". {100 * found['lost']:.0f} % of those above by the ceiling keep less than {HARDLY:g}."
           if found["lost"] is not None else "."))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--strong", type=int, default=150, help="images above 6 sigmas that are asked for")
    parser.add_argument("--n", type=int, default=2400, help="test images at most")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put it into the header of the checkpoint")
    settings = parser.parse_args(words)
    path = settings.checkpoint
    trained = load(path, task="classify")
    parts = Parts(settings.keep or path.with_name(f"{path.stem}.detection.json"),
                  dict(weights=weights(path), population=trained.card["population"]))
    judged = Judged(trained, trained.card["population"])
    found = measured(trained, columns(judged, settings.n, settings.strong, settings.workers, parts))
    print(json.dumps(found)) if settings.json else show(found)
    if settings.write:
        checkpoint.remark(path, detection=found)
        parts.forget()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
