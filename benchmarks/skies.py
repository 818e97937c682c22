"""Many lenses together: are their populations' numbers honest, and how many lenses does a number need?

    python benchmarks/skies.py CHECKPOINT [--fits FOLDER] [--test 5000] [--skies 500] [--lenses 100]
        [--plot FILE.svg] [--json]

The posteriors of test lenses of a measuring network are made once. A sky is a mean, drawn from the prior's middle 80 %,
a scatter of 0.2 of dex, and so many test lenses chosen so that their true numbers follow that law. Its lenses together
give a belief in the mean (lenslab.insight.hierarchy, which knows neither mean nor scatter), widened by the error that
all lenses share, which validation lenses have told (lenslab.tasks.measure.skies). Printed for each number of
the dark matter: median error of the mean, how often its central 68 and 95 % hold the truth with the 99 % band of honest
ones, and the lenses needed for 0.2 of dex in three ranges of signal to noise (Fisher), where the mean is in the middle
of the prior; with --plot as a figure.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np

from benchmarks.forecast_plot import forecast_svg
from lenslab import checkpoint
from lenslab.feed.stream import HELD_OUT_SEED, held_out
from lenslab.insight import hierarchy
from lenslab.insight.calibration import band
from lenslab.population import CHUNK, find
from lenslab.tasks.measure.quantities import SMOOTH, Quantities
from lenslab.tasks.measure.skies import SAMPLES, SCATTER, TOGETHER, shared_error_of, skies, too_alike, weight_of
from lenslab.tasks.measure.task import Config, estimate_of, features_of, view_of
from lenslab.tasks.measure.view import TRUTH
from lenslab.tasks.trained import load
from lenslab.tasks.training import configure

ERROR = 0.2                    # dex that a forecast asks for
BINS = 3                       # of signal to noise


def posteriors(path: Path, fits: str, test: int, workers: int):
    """Quantities, samples (N, S, Q), truths (N, Q) and signal to noise (N,) of test lenses."""
    trained = load(path, task="measure")
    settings = trained.card["config"] | dict(workers=workers, test=test) | (dict(fits=fits) if fits else {})
    config = configure(Config, settings)
    shown = held_out(view_of(config, HELD_OUT_SEED, "test"), test, workers)
    estimate = estimate_of(trained, features_of(trained.model, shown.inputs), SAMPLES)
    population = find(config.population)
    chunks = [population.chunk(k, HELD_OUT_SEED, "test") for k in range(-(-test // CHUNK))]
    signal = np.concatenate([one.truths.get("signal_to_noise", np.full(CHUNK, np.nan)) for one in chunks])[:test]
    return Quantities.of_card(trained.card["measures"]), estimate.samples.numpy(), shown.targets[TRUTH].numpy(), signal


def judged(ln: np.ndarray, truth: np.ndarray, item, number: int, lenses: int, error: float) -> dict:
    """Of skies drawn anew from the same lenses: error of the mean, and coverage with and without the shared error."""
    errors, inside = [], {(level, word): 0 for level in hierarchy.LEVELS for word in ("", "_alone")}
    for mean, known in skies(ln, truth, item, number, lenses):
        for word, one in (("", hierarchy.with_error(known, error)), ("_alone", known)):
            for level in hierarchy.LEVELS:
                below, above = one.interval(level)
                inside[level, word] += below <= mean <= above
        errors.append(abs(known.median - mean))
    return dict(error=float(np.median(errors)), skies=number, lenses=lenses, shared=error,
                **{f"coverage{round(100 * level)}{word}": count / number for (level, word), count in inside.items()})


def forecast(ln: np.ndarray, truth: np.ndarray, signal: np.ndarray, item) -> list[dict]:
    """Lenses needed for ERROR, in bins of signal to noise with as many lenses each; where S is not drawn, one bin."""
    known, found, middle = np.isfinite(signal), [], float(np.mean(item.limits))
    edges = np.quantile(signal[known], np.linspace(0, 1, BINS + 1)) if known.any() else [-np.inf, np.inf]
    scatter = int(np.argmin(np.abs(TOGETHER - SCATTER)))
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        mine = (signal >= low) & (signal <= high) if known.any() else np.ones(len(signal), bool)
        needed = hierarchy.lenses_needed(ln[mine][:, scatter], item.limits, middle, ERROR,
                                         weight_of(truth[mine], middle, item))
        found.append(dict(low=float(low), high=float(high), lenses=needed, n=int(mine.sum())))
    return found


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--fits", default="", help="folder of python -m lenslab fits")
    parser.add_argument("--test", type=int, default=5000)
    parser.add_argument("--skies", type=int, default=500)
    parser.add_argument("--lenses", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="lenses needed over signal to noise")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    quantities, samples, truth, signal = posteriors(settings.checkpoint, settings.fits, settings.test,
                                                    settings.workers)
    card, found = checkpoint.read_card(settings.checkpoint), {}
    for place, item in enumerate(quantities.quantities):
        mine = np.isfinite(truth[:, place])
        if item.block == SMOOTH or mine.sum() < 100 or too_alike(item):
            continue
        ln = hierarchy.ln_likelihoods(samples[mine, :, place], item.density, item.limits, TOGETHER)
        found[f"{item.block}/{item.key}"] = dict(
            judged(ln, truth[mine, place], item, settings.skies, settings.lenses, shared_error_of(card, item)),
            forecast=forecast(ln, truth[mine, place], signal[mine], item), prior=item.limits)
    if settings.plot:
        settings.plot.write_text(forecast_svg(found, ERROR))
    if settings.json:
        print(json.dumps(found))
        return 0
    bands = {level: band(level, settings.skies) for level in hierarchy.LEVELS}
    print(f"| number | median error of the mean | error that lenses share | "
          f"truth within 68 % [{bands[0.68][0]:.2f}, {bands[0.68][1]:.2f}] | "
          f"95 % [{bands[0.95][0]:.2f}, {bands[0.95][1]:.2f}] | without the shared error | "
          f"lenses for {ERROR} dex |\n" + "|---" * 7 + "|")
    for name, one in found.items():
        needed = ", ".join(f"{entry['lenses']:.0f}" + (f" (S {entry['low']:.0f}-{entry['high']:.0f})"
                           if np.isfinite(entry["low"]) else "") for entry in one["forecast"])
        cells = [f"{one[word]:.3f}" for word in ("error", "shared", "coverage68", "coverage95")]
        alone = f"{one['coverage68_alone']:.3f}, {one['coverage95_alone']:.3f}"
        print(f"| {' | '.join([name, *cells, alone, needed])} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
