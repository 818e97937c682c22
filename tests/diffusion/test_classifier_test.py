"""Gaussians that are told apart exactly as often as theory allows."""

import numpy as np
import pytest
from scipy.stats import norm

from lenslab.diffusion.classifier_test import classifier_auc, delong, logistic, trees


@pytest.mark.parametrize("classifier", [logistic, trees])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_auc_of_two_shifted_gaussians_is_phi(classifier, shift):
    """The best AUC of N(0, 1) against N(d, 1) is Phi(d / sqrt 2); 1,500 a side know it to 0.01."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1500, 2)), rng.normal(size=(1500, 2))
    b[:, 1] += shift
    best = norm.cdf(shift / 2**0.5)
    value, low, high = classifier_auc(a * [1e6, 1e-6], b * [1e6, 1e-6], classifier)
    assert value == pytest.approx(best, abs=0.03) and low < value < high
    assert (high - low) / 2 == pytest.approx(1.96 * 0.01, rel=0.3)
    assert classifier_auc(a, b, classifier, seed=0) == classifier_auc(a, b, classifier, seed=0)


def test_only_trees_see_how_columns_go_together():
    """Two columns of spread 1, of one sign in a and of opposite signs in b: each column alone has one law."""
    rng = np.random.default_rng(1)
    a, b = np.abs(rng.normal(size=(2, 800, 2)))
    a, b = a * rng.choice([-1, 1], size=(800, 1)), b * rng.choice([-1, 1], size=(800, 1)) * [1, -1]
    assert classifier_auc(a, b, trees).value > 0.98 and classifier_auc(a, b, logistic).value < 0.6


def test_delong_is_mann_whitney_and_its_variance_the_sum_over_pairs():
    rng = np.random.default_rng(2)
    positive, negative = rng.integers(0, 9, 40) + 2.0, rng.integers(0, 9, 30).astype(float)     # ties abound
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    auc, variance = delong(positive, negative)
    assert auc == pytest.approx(wins.mean(), abs=1e-12)
    assert variance == pytest.approx(wins.mean(1).var(ddof=1) / 40 + wins.mean(0).var(ddof=1) / 30, rel=1e-9)


def test_intervals_hold_the_truth_of_a_fixed_score_as_often_as_they_say():
    rng, held = np.random.default_rng(3), 0
    for _ in range(400):
        auc, variance = delong(1 + rng.normal(size=80), rng.normal(size=60))
        held += abs(auc - norm.cdf(1 / 2**0.5)) < 1.96 * variance**0.5
    assert 0.91 <= held / 400 <= 0.98


def test_sets_too_small_for_folds_are_refused():
    with pytest.raises(ValueError, match="Sets of 9 and 40 are too small to compare; give at least 10 a side."):
        classifier_auc(np.zeros((9, 1)), np.zeros((40, 1)))
