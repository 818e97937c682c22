"""Where a classifier is right, where it fails, and how sure it was: the page of a network, as plain values in its card.

It is read again by lenslab.insight.cards. Bins hold equally many images, and each share in them has Wilson's interval
(Wilson 1927, JASA 22, 209), which holds at shares near 0 and 1 and in small bins.
"""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from lenslab.checkpoint import plain
from lenslab.insight import metrics
from lenslab.insight.cards import ROC_POINTS, WORST, sound
from lenslab.population import Population

Z = 1.959963984540054  # sigmas of a central 95 %
BINS = 8
BIN = 40               # images that a bin has at least, where there are enough for two
RESAMPLES = 200        # behind the interval of an AUC in a bin
DIGITS = 5
SMOOTH_CLASSES = ("smooth", "no_sub")  # names of the class without substructure
SHARED = ("lens.theta_E", "camera.exposure_time")  # beside S and the source's offset: what hides or shows substructure
ANGLES = ("vortex_phi",)                           # laws of no strength

__all__ = ["SMOOTH_CLASSES", "Held", "against_bare", "judge", "rounded", "sound", "truths_of", "wilson", "worst"]


@dataclass(frozen=True)
class Held:
    """Which images were judged: items `index` of a split of a population, the first ones unless it is given."""

    population: str                  # with its switches
    split: str
    seed: int
    index: np.ndarray | None = None  # (N,)


def truths_of(population: Population, n: int, seed: int, split: str) -> dict[str, np.ndarray]:
    """What is true of the first n items, (n,) each by path, NaN for classes without it; nothing is rendered.

    Of the lens its Einstein radius, of the source its offset in units of that, S where the population sets it, and the
    settings of substructure that its laws draw.
    """
    drawn = population.draw(n, seed, split)
    strengths = {f"substructure.{name}": (label, name) for label, kind in enumerate(population.classes)
                 for name in population.dark.get(kind, {}) if name not in ANGLES}
    out = {"signal_to_noise": drawn.truths["signal_to_noise"]} if "signal_to_noise" in drawn.truths else {}
    out |= {name: np.full(n, np.nan) for name in (*SHARED, "source.offset", *strengths)}
    for rows, scenes in drawn.groups:
        offset = [scenes[f"source.center_{axis}"] - scenes[f"lens.center_{axis}"] for axis in "xy"]
        out["source.offset"][rows] = (offset[0].hypot(offset[1]) / scenes["lens.theta_E"]).numpy()
        known = population.dark.get(population.classes[int(drawn.labels[rows[0]])], {})
        for path in (*SHARED, *strengths):
            if path in SHARED or strengths[path][1] in known:
                out[path][rows] = scenes[path].numpy()
    return out


def judge(probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], truths: dict[str, np.ndarray],
          held: Held) -> dict:
    """Everything that the page of a network shows, as plain values that a card holds.

    probabilities  (N, C) calibrated      truths  {path: (N,)} as `truths_of` gives them; what never varies is left out
    labels         (N,)                   held    where the images are found again
    """
    probabilities, labels = metrics.checked(probabilities, labels)
    assert probabilities.shape[1] == len(classes), (classes, probabilities.shape)
    curve = metrics.reliability(probabilities, labels)
    right = np.rint(curve.accuracy * curve.number)
    return rounded(dict(
        n=len(labels), classes=list(classes),
        population=held.population, split=held.split, seed=int(held.seed),
        confusion=metrics.confusion(probabilities, labels).tolist(),
        roc=[curve_of(probabilities[:, k], labels == k) for k in range(len(classes))],
        reliability=dict(confidence=curve.confidence, accuracy=curve.accuracy, number=curve.number,
                         interval=np.stack(wilson(right, curve.number), axis=1)),
        against=[found for path, values in truths.items()
                 for found in curves_against(path, np.asarray(values, np.float64), probabilities, labels, classes)],
        worst=worst(probabilities, labels, held.index)))


def curve_of(score: np.ndarray, positive: np.ndarray) -> dict:
    """One class against the rest; a class without images, or without others, has no curve."""
    if not 0 < positive.sum() < len(positive):
        return dict(false=[], true=[], auc=None)
    found = metrics.roc(score, positive, most=ROC_POINTS)
    return dict(false=found.false_positive, true=found.true_positive, auc=metrics.auc(score, positive))


def curves_against(path: str, values: np.ndarray, probabilities: np.ndarray, labels: np.ndarray,
                   classes: tuple[str, ...]) -> list[dict]:
    """Accuracy and AUC over one number: of all classes together, or, for one of substructure, of each that has it.

    The AUC of a class is its own against the bare lenses; that of all together is the macro AUC.
    """
    assert values.shape == labels.shape, (path, values.shape)
    if not path.startswith("substructure."):
        rows = np.flatnonzero(np.isfinite(values))
        return binned(path, None, values, rows, probabilities, labels, classes)
    found = []
    for label, name in enumerate(classes):
        rows = np.flatnonzero((labels == label) & np.isfinite(values))
        found += binned(path, name, values, rows, probabilities, labels, classes)
    return found


def binned(path: str, name: str | None, values: np.ndarray, rows: np.ndarray, probabilities: np.ndarray,
           labels: np.ndarray, classes: tuple[str, ...]) -> list[dict]:
    """The curve of `rows` over `values`, as a list that is empty where nothing varies."""
    if len(rows) < 2 or np.ptp(values[rows]) <= 1e-9 * np.abs(values[rows]).max():
        return []
    edges = np.unique(np.quantile(values[rows], np.linspace(0, 1, int(np.clip(len(rows) // BIN, 2, BINS)) + 1)))
    place = np.clip(np.searchsorted(edges, values[rows], side="right") - 1, 0, len(edges) - 2)
    parts = [rows[place == k] for k in range(len(edges) - 1)]
    number = np.array([len(part) for part in parts])
    right = np.array([(probabilities[part].argmax(1) == labels[part]).sum() for part in parts])
    areas = [area(part, name, probabilities, labels, classes) for part in parts]
    return [{"path": path, "class": name, "low": edges[:-1], "high": edges[1:],
             "middle": [float(np.median(values[part])) for part in parts], "number": number,
             "accuracy": right / number, "interval": np.stack(wilson(right, number), axis=1),
             "auc": [value for value, _ in areas], "auc_interval": [limits for _, limits in areas]}]


def area(rows: np.ndarray, name: str | None, probabilities: np.ndarray, labels: np.ndarray,
         classes: tuple[str, ...]) -> tuple[float | None, list | None]:
    """AUC and its interval of the images of one bin; None where one side is missing."""
    names = classes
    if name is not None:
        bare = next((classes.index(word) for word in SMOOTH_CLASSES if word in classes), None)
        if bare is None or name in SMOOTH_CLASSES:
            return None, None
        rows = np.r_[rows, np.flatnonzero(labels == bare)]
        two, names = [bare, classes.index(name)], (classes[bare], name)
        probabilities, labels = against_bare(probabilities[:, two]), (labels == two[1]).astype(int)
    found = metrics.scores(probabilities[rows], labels[rows], names, resamples=RESAMPLES)
    if len(found.auc) < len(names):
        return None, None
    return found.macro_auc, list(found.intervals["macro_auc"])


def against_bare(two: np.ndarray) -> np.ndarray:
    """(N, 2) of two classes as if there were no others; where neither is likely at all, they are even."""
    total = two.sum(1, keepdims=True)
    return np.where(total > 0, two / np.where(total > 0, total, 1), 0.5)


def wilson(right: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of a share of `right` in `number`: where a normal test at that share would not reject."""
    right, number = np.asarray(right, np.float64), np.asarray(number, np.float64)
    share, spread = right / number, Z**2 / number
    middle = (share + spread / 2) / (1 + spread)
    half = np.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def worst(probabilities: np.ndarray, labels: np.ndarray, index: np.ndarray | None = None) -> list[dict]:
    """Errors in which the truth was thought least likely, every class in turn, so that none fills the list alone."""
    index = np.arange(len(labels)) if index is None else np.asarray(index)
    believed = probabilities[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    wrong = wrong[np.argsort(believed[wrong], kind="stable")]
    queues = [wrong[labels[wrong] == label] for label in range(probabilities.shape[1])]
    rows = [row for turn in zip_longest(*queues) for row in turn if row is not None][:WORST]
    return [dict(index=int(index[row]), truth=int(labels[row]), probabilities=probabilities[row])
            for row in sorted(rows, key=lambda row: believed[row])]


def rounded(value):
    """Plain values with as many digits as anybody reads."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [rounded(item) for item in plain(list(value))]
    value = plain(value)
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
