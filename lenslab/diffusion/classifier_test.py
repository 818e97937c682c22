"""Can a classifier tell two sets apart? The two-sample test of Lopez-Paz & Oquab 2017 (1610.06545), as an AUC."""

from collections.abc import Callable

import numpy as np
from scipy.stats import norm, rankdata
from torch import Tensor

from lenslab.diffusion.two_samples import LEVEL, Interval, pair

FOLDS = 5
RIDGE = 0.1            # scikit-learn's C: neighbouring scales of a spectrum are nearly one column


def logistic(seed: int):
    """Linear in the columns, each brought to mean 0 and spread 1."""
    from sklearn.linear_model import LogisticRegression  # here, since it takes two seconds to load
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=RIDGE, max_iter=1000))


def trees(seed: int):
    """Boosted trees, blind to the scale of a column but not to how columns go together: for a few observables."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(early_stopping=True, random_state=seed)


def classifier_auc(a: np.ndarray | Tensor, b: np.ndarray | Tensor,
                   classifier: Callable[[int], object] = logistic, seed: int = 0) -> Interval:
    """AUC of a classifier that has learnt to tell rows of a (n, d) from rows of b (m, d), and its 95 %.

    0.5: it cannot; 1: it always can. Five folds, each judged by a classifier that never saw it, and the mean of the
    folds' AUC: scores of different classifiers have no common scale. The interval is DeLong's (1988, Biometrics 44,
    837), fold by fold: of these classifiers on other rows, not of classifiers taught on others. The two sets have to
    be independent: pairs made from the same conditions would stand on both sides of a fold.
    """
    a, b = (x.numpy() for x in pair(a, b, least=2 * FOLDS))
    rng = np.random.default_rng(seed)
    fold_a, fold_b = (rng.permutation(len(x)) % FOLDS for x in (a, b))
    value = variance = 0.0
    for fold in range(FOLDS):
        taught = [a[fold_a != fold], b[fold_b != fold]]
        model = classifier(seed).fit(np.concatenate(taught), np.repeat([0, 1], [len(x) for x in taught]))
        low, high = (model.predict_proba(x)[:, 1] for x in (a[fold_a == fold], b[fold_b == fold]))
        mine, scatter = delong(high, low)
        value, variance = value + mine / FOLDS, variance + scatter / FOLDS**2
    half = float(norm.ppf((1 + LEVEL) / 2)) * variance**0.5
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def delong(positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
    """Probability that a positive (n,) scores above a negative (m,), ties counted half, and its variance.

    By ranks, as Sun & Xu 2014 (IEEE Signal Process. Lett. 21, 1389): n log n instead of n m.
    """
    n, m = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    beaten = (ranks[:n] - rankdata(positive)) / m           # share of the negatives below each positive
    above = 1 - (ranks[n:] - rankdata(negative)) / n        # share of the positives above each negative
    return float(beaten.mean()), float(beaten.var(ddof=1) / n + above.var(ddof=1) / m)
