"""Does a population tell its classes by total flux and ring radius alone? It must not: mass is no shortcut.

    python benchmarks/leak_audit.py --n 5000 --workers 2 [--populations hst euclid ...] [--keep FOLDER] [--write]
        [--json]

For each class against all others: the AUC of a logistic regression on cubic polynomials of log total flux and ring
radius of the recorded images, fitted on four fifths and judged on the last, in turn. 0.5 is a guess; sigma is the
standard error of a guess (Hanley & McNeil 1982). Populations of lenslab must stay at 0.53 for n = 5,000; the faithful
replicas of DeepLenseSim are here to show their defect. With --write it goes into the headers of the shipped classifiers
and from there into the table.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
from scipy.stats import norm, rankdata

from lenslab import checkpoint
from lenslab.insight import table
from lenslab.sets.dataset import read, write

POPULATIONS = ("hst", "euclid", "seed-64", "deeplense-1-mended", "deeplense-2-mended", "deeplense-1", "deeplense-2")
LIMIT = 0.53


def features(image: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """(N, 2): log of the total flux, and the flux-weighted radius (pixels) where images (N, H, W) are above 3 sigma."""
    height, width = image.shape[1:]
    radius = np.hypot(np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2)
    lit = np.where(image > 3 * sigma, image, 0.0)
    total = np.maximum(image.sum((1, 2)), 1e-6 * np.abs(image).sum((1, 2)))
    return np.stack([np.log(total), (lit * radius).sum((1, 2)) / np.maximum(lit.sum((1, 2)), 1e-30)], axis=1)


def cross_fitted(x: np.ndarray, y: np.ndarray, folds: int = 5) -> np.ndarray:
    """(N,) log odds of y (N,) bool from features x (N, 2), each from a fit that has not seen it.

    Features become normal scores first (a tail of one rules no fit); Newton's method with a little ridge.
    """
    z = norm.ppf((rankdata(x, axis=0) - 0.5) / len(x))
    a, b = z.T
    terms = np.stack([a**i * b**j for i in range(4) for j in range(4 - i)], axis=1)
    place, odds = np.random.default_rng(0).permutation(len(y)) % folds, np.empty(len(y))
    for fold in range(folds):
        seen, weights = place != fold, np.zeros(terms.shape[1])
        for _ in range(25):
            p = 1 / (1 + np.exp(-np.clip(terms[seen] @ weights, -30, 30)))
            slope = terms[seen].T @ (p - y[seen]) + 1e-3 * weights
            curve = (terms[seen] * (p * (1 - p))[:, None]).T @ terms[seen] + 1e-3 * np.eye(len(weights))
            weights -= np.linalg.solve(curve, slope)
        odds[~seen] = terms[~seen] @ weights
        odds[~seen] = rankdata(odds[~seen]) / (~seen).sum()  # fits of different folds have different zeros
    return odds


def auc(score: np.ndarray, y: np.ndarray) -> float:
    """Probability that a member of y (N,) bool scores above one that is not (Mann-Whitney)."""
    n1, n0 = y.sum(), (~y).sum()
    return float((rankdata(score)[y].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def guess_error(y: np.ndarray) -> float:
    """Standard error of the AUC of a guess."""
    n1, n0 = int(y.sum()), int((~y).sum())
    return ((n1 + n0 + 1) / (12 * n1 * n0)) ** 0.5


def audit(x: np.ndarray, labels: np.ndarray, classes: list[str]) -> dict:
    """AUC of each class against all others, their mean, the largest, and the error of a guess."""
    each = {name: auc(cross_fitted(x, labels == k), labels == k) for k, name in enumerate(classes)}
    return dict(each=each, macro=float(np.mean(list(each.values()))), worst=max(each.values()),
                sigma=guess_error(labels == 0), n=len(labels))


def audit_set(path: Path) -> dict:
    with read(path) as images:
        parts = [slice(start, start + 500) for start in range(0, len(images), 500)]
        x = np.concatenate([features(images.images(rows)[:, 0].double().numpy(),
                                     images.variance(rows)[:, 0].sqrt().double().numpy()) for rows in parts])
        return audit(x, images.labels, images.classes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--populations", nargs="+", default=POPULATIONS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder where the sets stay, and are taken from when they are there")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in settings.populations:
            path = (settings.keep or Path(scratch)) / f"{name.replace(':', '_')}-{settings.n}-{settings.seed}.h5"
            if not path.exists():
                write(name, settings.n, path, seed=settings.seed, workers=settings.workers)
            found[name] = audit_set(path)
            row = found[name]
            each = "  ".join(f"{key} {value:.3f}" for key, value in row["each"].items())
            print(f"{name:20} n {row['n']}  macro {row['macro']:.3f}  worst {row['worst']:.3f}  "
                  f"sigma {row['sigma']:.3f}  {'within' if row['worst'] <= LIMIT else 'above'} {LIMIT}  ({each})",
                  flush=True)
    if settings.write:
        for path, card in checkpoint.list_checkpoints():
            if card.get("population") in found:
                checkpoint.remark(path, leak=found[card["population"]])
        table.write_table()
    if settings.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
