"""How good the answers of a classifier are, with intervals. Arrays in, plain numbers out.

    probabilities  (N, C) float64, rows sum to 1         labels  (N,) whole numbers in [0, C)

An interval is the central 95 % of the bootstrap, stratified: each class is resampled for itself, so that no class is
lost and the shares of the classes stay (Efron & Tibshirani 1993, chapter 13).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import binom
from scipy.stats import t as student

BINS = 15              # of the calibration error: equal widths on the top probability (Guo et al. 2017, 1706.04599)
LEVEL = 0.95
RESAMPLES = 1000
AT_ONCE = 2**21        # numbers in one array of resampling weights: 16 MB, and a few such arrays live at once
TEMPERATURES = 0.02, 50.0


@dataclass(frozen=True)
class Scores:
    """What a classifier scores on one set. Classes that the set does not hold have no AUC."""

    n: int
    accuracy: float
    macro_auc: float                                # mean of `auc`: one class against the rest
    ece: float                                      # expected calibration error
    auc: dict[str, float]
    intervals: dict[str, tuple[float, float]]       # of macro_auc, accuracy, ece, and auc.CLASS
    confusion: tuple[tuple[int, ...], ...]          # rows: truth, columns: answer
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Reliability:
    """How often the answers are right, by how sure the network was; bins without images are left out."""

    confidence: np.ndarray     # (K,) mean top probability in the bin
    accuracy: np.ndarray       # (K,)
    number: np.ndarray         # (K,) images
    low: np.ndarray            # (K,) lower edge of the bin
    high: np.ndarray           # (K,)


@dataclass(frozen=True)
class Roc:
    """One class against the rest: a step for each distinct score, from (0, 0) to (1, 1)."""

    false_positive: np.ndarray   # (K,)
    true_positive: np.ndarray    # (K,)
    threshold: np.ndarray        # (K,) scores of at least this are called positive; the first is above all of them


def scores(probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], *, seed: int = 0,
           resamples: int = RESAMPLES) -> Scores:
    """All metrics of one set with their intervals; resamples=0 gives none.

    Resampling adds the scatter of each bin to the calibration error once more, so that its bootstrap lies too high:
    its interval has the bootstrap's width and is moved to the estimate.
    """
    probabilities, labels = checked(probabilities, labels)
    assert len(classes) == probabilities.shape[1], (classes, probabilities.shape)
    ranked = {name: Ranked.of(probabilities[:, k], labels == k) for k, name in enumerate(classes)
              if 0 < np.count_nonzero(labels == k) < len(labels)}
    once = np.ones((1, len(labels)))
    bins = Bins.of(probabilities, labels)

    def measured(weights: np.ndarray) -> dict[str, np.ndarray]:
        out = {f"auc.{name}": item.auc(weights) for name, item in ranked.items()}
        out["macro_auc"] = np.mean(list(out.values()), axis=0) if out else np.full(len(weights), np.nan)
        return out | {"accuracy": bins.accuracy(weights), "ece": bins.error(weights)}

    best = {name: float(value[0]) for name, value in measured(once).items()}
    drawn = [measured(weights) for weights in bootstrap(labels, resamples, seed)]
    intervals = {}
    for name in best if drawn else ():
        if np.isfinite(best[name]):
            values = np.concatenate([part[name] for part in drawn])
            values = values - (values.mean() - best[name] if name == "ece" else 0)
            low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            intervals[name] = (float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1)))
    return Scores(n=len(labels), accuracy=best["accuracy"], macro_auc=best["macro_auc"], ece=best["ece"],
                  auc={name: best[f"auc.{name}"] for name in ranked}, intervals=intervals,
                  confusion=tuple(map(tuple, confusion(probabilities, labels).tolist())), classes=tuple(classes))


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive (N,) has a higher score than a negative, ties counted half: Mann-Whitney U."""
    return float(Ranked.of(np.asarray(score), np.asarray(positive, bool)).auc(np.ones((1, len(score))))[0])


def auc_interval(score: np.ndarray, positive: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
                 ) -> tuple[float, float]:
    """The interval of `auc`; positives and negatives are resampled each for themselves."""
    positive = np.asarray(positive, bool)
    ranked = Ranked.of(np.asarray(score), positive)
    found = np.concatenate([ranked.auc(weights) for weights in bootstrap(positive, resamples, seed)])
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def macro_auc_gain(new: np.ndarray, old: np.ndarray, labels: np.ndarray, seed: int = 0, resamples: int = RESAMPLES
                   ) -> tuple[float, float, float]:
    """Macro AUC of `new` probabilities (N, C) less that of `old` ones, and its interval; images are paired."""
    sides = [[Ranked.of(probabilities[:, k], labels == k) for k in np.unique(labels)] for probabilities in (new, old)]

    def gain(weights: np.ndarray) -> np.ndarray:
        mine, theirs = (np.mean([ranked.auc(weights) for ranked in side], axis=0) for side in sides)
        return mine - theirs

    found = np.concatenate([gain(weights) for weights in bootstrap(labels, resamples, seed)])
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(gain(np.ones((1, len(labels))))[0]), float(low), float(high)


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of right answers; of equal probabilities the first is the answer."""
    probabilities, labels = checked(probabilities, labels)
    return float((probabilities.argmax(1) == labels).mean())


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """ECE: mean over images of |accuracy - mean top probability| of their bin, BINS bins of equal width on [0, 1]."""
    probabilities, labels = checked(probabilities, labels)
    return float(Bins.of(probabilities, labels).error(np.ones((1, len(labels))))[0])


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(C, C) int64: images of the class of the row that were given the class of the column."""
    n_classes = probabilities.shape[1]
    cells = np.asarray(labels) * n_classes + probabilities.argmax(1)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> Reliability:
    """The curve behind the calibration error."""
    probabilities, labels = checked(probabilities, labels)
    bins = Bins.of(probabilities, labels)
    number = np.bincount(bins.place, minlength=BINS)
    lit = number > 0
    edges = np.linspace(0, 1, BINS + 1)
    sure = np.bincount(bins.place, bins.top, BINS)[lit] / number[lit]
    right = np.bincount(bins.place, bins.right, BINS)[lit] / number[lit]
    return Reliability(sure, right, number[lit], edges[:-1][lit], edges[1:][lit])


def roc(score: np.ndarray, positive: np.ndarray, most: int | None = None) -> Roc:
    """The curve of one class; its area is `auc`. With `most`, points evenly spread along it are kept, ends included."""
    score, positive = np.asarray(score, np.float64), np.asarray(positive, bool)
    order = np.argsort(-score, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(score[order])), len(score) - 1]     # where a run of equal scores ends
    hits = np.cumsum(positive[order])[last]
    misses = last + 1 - hits
    true = np.r_[0, hits / max(positive.sum(), 1)]
    false = np.r_[0, misses / max((~positive).sum(), 1)]
    threshold = np.r_[np.inf, score[order][last]]
    if most is not None and len(true) > most:
        along = true + false                                                # grows from 0 to 2
        kept = np.unique(np.searchsorted(along, np.linspace(0, 2, most)).clip(0, len(true) - 1))
        kept = np.unique(np.r_[0, kept, len(true) - 1])
        true, false, threshold = true[kept], false[kept], threshold[kept]
    return Roc(false, true, threshold)


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """T for which softmax(logits / T) is most likely (Guo et al. 2017). Fit it on validation data only.

    The likelihood is concave in 1/T, so that the one maximum is found; it is sought between 0.02 and 50, which also
    holds where every answer is right and T would go to 0.
    """
    logits, rows = np.asarray(logits, np.float64), np.arange(len(labels))
    labels = np.asarray(labels)

    def surprise(log_t: float) -> float:
        return -log_softmax(logits / np.exp(log_t), axis=1)[rows, labels].mean()

    found = minimize_scalar(surprise, bounds=np.log(TEMPERATURES), method="bounded", options=dict(xatol=1e-6))
    return float(np.exp(found.x))


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of a few independent values, and its 95 % interval by Student's t; paired differences go in as such."""
    values = np.asarray(values, np.float64)
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return mean, float("nan"), float("nan")
    half = float(student.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def median_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Median of values (N,), and the pair of them that holds the true one with 95 %, whatever their law.

    As many values lie below the true median as heads fall in N throws (order statistics: David & Nagaraja 2003, 7.1).
    """
    ordered = np.sort(np.asarray(values, np.float64))
    below = int(binom.ppf((1 - LEVEL) / 2, len(ordered), 0.5))
    return float(np.median(ordered)), float(ordered[max(below - 1, 0)]), float(ordered[min(len(ordered) - below,
                                                                                           len(ordered) - 1)])


def checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    assert probabilities.ndim == 2 and labels.shape == probabilities.shape[:1], (probabilities.shape, labels.shape)
    if not len(labels):
        raise ValueError("There are no images to judge; give at least one.")
    if not np.isfinite(probabilities).all():
        raise ValueError("Some probabilities are not finite; the network is broken: train it anew with a lower lr.")
    return probabilities, labels.astype(np.int64)


def bootstrap(labels: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights (R, N): how often each image was drawn, each class resampled for itself; R sums to `resamples`."""
    rng = np.random.default_rng([seed, len(labels)])
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    most = max(1, AT_ONCE // len(labels))
    for start in range(0, resamples, most):
        count = min(most, resamples - start)
        weights = np.empty((count, len(labels)))
        for mine in rows:
            drawn = rng.integers(0, len(mine), (count, len(mine))) + len(mine) * np.arange(count)[:, None]
            weights[:, mine] = np.bincount(drawn.ravel(), minlength=count * len(mine)).reshape(count, -1)
        yield weights


@dataclass(frozen=True)
class Ranked:
    """Scores sorted once, so that the AUC of any weighting costs no sort."""

    order: np.ndarray       # (N,) from the lowest score up
    starts: np.ndarray      # (G,) where runs of equal scores begin
    positive: np.ndarray    # (N,) bool, sorted

    @staticmethod
    def of(score: np.ndarray, positive: np.ndarray) -> "Ranked":
        order = np.argsort(score, kind="stable")
        return Ranked(order, np.r_[0, np.flatnonzero(np.diff(score[order])) + 1], positive[order])

    def auc(self, weights: np.ndarray) -> np.ndarray:
        """(R,) for weights (R, N): every positive beats the negatives below it, and half of those beside it."""
        weights = weights[:, self.order]
        up = np.add.reduceat(np.where(self.positive, weights, 0.0), self.starts, axis=1)
        down = np.add.reduceat(np.where(self.positive, 0.0, weights), self.starts, axis=1)
        below = np.cumsum(down, axis=1) - down / 2
        return (up * below).sum(1) / (up.sum(1) * down.sum(1))


@dataclass(frozen=True)
class Bins:
    """Images by their top probability."""

    place: np.ndarray       # (N,) bin
    top: np.ndarray         # (N,) top probability
    right: np.ndarray       # (N,) 1.0 where the answer is right

    @staticmethod
    def of(probabilities: np.ndarray, labels: np.ndarray) -> "Bins":
        top = probabilities.max(1)
        place = np.clip(np.ceil(top * BINS).astype(int) - 1, 0, BINS - 1)   # a bin holds its upper edge, as Guo's
        return Bins(place, top, (probabilities.argmax(1) == labels).astype(np.float64))

    def accuracy(self, weights: np.ndarray) -> np.ndarray:
        return weights @ self.right / weights.sum(1)

    def error(self, weights: np.ndarray) -> np.ndarray:
        """|sum over a bin of (right - top)| is |accuracy - confidence| times the bin's number."""
        excess = np.zeros((len(self.place), BINS))
        excess[np.arange(len(self.place)), self.place] = self.right - self.top
        return np.abs(weights @ excess).sum(1) / weights.sum(1)
