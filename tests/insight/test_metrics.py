"""Metrics against counting by hand, closed forms and known distributions."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from lenslab.insight import metrics

CLASSES = ("a", "b", "c")


def brute_auc(score, positive):
    wins = [(p > q) + 0.5 * (p == q) for p in score[positive] for q in score[~positive]]
    return np.mean(wins)


def some(n=400, seed=3, ties=False):
    """Answers of a fair classifier: the label is drawn from the very probabilities."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(1.5 * rng.normal(size=(n, 3)), axis=1)
    if ties:
        probabilities = np.round(probabilities, 1) + 1e-3
        probabilities /= probabilities.sum(1, keepdims=True)
    labels = (rng.random(n)[:, None] > np.cumsum(probabilities, axis=1)).sum(1).clip(0, 2)
    return probabilities, labels


@pytest.mark.parametrize("ties", [False, True])
def test_auc_counts_every_pair(ties):
    probabilities, labels = some(ties=ties)
    for k in range(3):
        expected = brute_auc(probabilities[:, k], labels == k)
        assert metrics.auc(probabilities[:, k], labels == k) == pytest.approx(expected, abs=1e-13)


def test_auc_of_scores_that_say_nothing_is_a_half_exactly():
    assert metrics.auc(np.zeros(10), np.arange(10) < 4) == 0.5
    assert metrics.auc(np.arange(10.0), np.arange(10) >= 4) == 1.0


def test_auc_of_two_gaussians():
    """Two unit Gaussians d apart: AUC = Phi(d / sqrt 2); the error of 4e4 pairs is about 0.0016."""
    rng = np.random.default_rng(0)
    positive = np.arange(80000) % 2 == 1
    score = rng.normal(size=80000) + 1.2 * positive
    assert metrics.auc(score, positive) == pytest.approx(norm.cdf(1.2 / np.sqrt(2)), abs=0.006)


def test_area_under_the_curve_is_the_auc():
    probabilities, labels = some(ties=True)
    curve = metrics.roc(probabilities[:, 1], labels == 1)
    assert np.trapezoid(curve.true_positive, curve.false_positive) == pytest.approx(
        brute_auc(probabilities[:, 1], labels == 1), abs=1e-13)
    assert (curve.true_positive[0], curve.false_positive[0]) == (0, 0)
    assert (curve.true_positive[-1], curve.false_positive[-1]) == (1, 1)
    for threshold, false in zip(curve.threshold[::5], curve.false_positive[::5], strict=True):
        assert false == np.mean(probabilities[labels != 1, 1] >= threshold)
    few = metrics.roc(probabilities[:, 1], labels == 1, most=8)
    assert len(few.threshold) <= 10 and few.true_positive[-1] == 1


def test_accuracy_and_confusion_by_hand():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.4, 0.3], [0.0, 0.1, 0.9]])
    labels = np.array([0, 0, 1, 2])
    assert metrics.accuracy(probabilities, labels) == 0.75
    assert metrics.confusion(probabilities, labels).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_calibration_error_by_hand():
    """Bins of 1/15: 0.79 and 0.80 share the one that ends at 0.8, its edge included; 0.95 and 0.97 share the last."""
    probabilities = np.array([[0.80, 0.20], [0.79, 0.21], [0.95, 0.05], [0.03, 0.97]])
    labels = np.array([0, 1, 0, 0])
    by_hand = (abs(1 - (0.80 + 0.79)) + abs(1 - (0.95 + 0.97))) / 4
    assert metrics.calibration_error(probabilities, labels) == pytest.approx(by_hand, abs=1e-12)
    curve = metrics.reliability(probabilities, labels)
    weighted = np.sum(curve.number * np.abs(curve.accuracy - curve.confidence)) / curve.number.sum()
    assert weighted == pytest.approx(by_hand, abs=1e-12)


def test_fair_answers_are_calibrated_and_boasting_is_found_out():
    probabilities, labels = some(60000)
    assert metrics.calibration_error(probabilities, labels) < 0.01
    boast = softmax(3 * np.log(probabilities), axis=1)
    assert metrics.calibration_error(boast, labels) > 0.1


def test_temperature_undoes_a_boast():
    """Labels drawn from softmax(z): the likeliest temperature of 3 z is 3, within 1/sqrt(information), about 0.5 %."""
    probabilities, labels = some(60000)
    assert metrics.temperature(3 * np.log(probabilities), labels) == pytest.approx(3, rel=0.03)
    assert metrics.temperature(0.5 * np.log(probabilities), labels) == pytest.approx(0.5, rel=0.03)


def test_temperature_of_a_faultless_classifier_stays_finite():
    logits = 10 * np.eye(3)[[0, 1, 2, 1]]
    assert metrics.TEMPERATURES[0] <= metrics.temperature(logits, np.array([0, 1, 2, 1])) < 1


def test_interval_of_accuracy_is_the_binomial_one():
    probabilities, labels = some(1500)
    found = metrics.scores(probabilities, labels, CLASSES, seed=1, resamples=2000)
    low, high = found.intervals["accuracy"]
    # Stratified: the variance within each class, which is a little below p (1 - p)/n.
    hits = probabilities.argmax(1) == labels
    variance = sum(hits[labels == k].var() * (labels == k).sum() for k in range(3)) / 1500**2
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(variance), rel=0.08)
    assert low < found.accuracy < high


def test_interval_of_auc_has_the_variance_of_the_mann_whitney_statistic():
    """DeLong et al. 1988: the variance from the placements of each score."""
    probabilities, labels = some(1000)
    found = metrics.scores(probabilities, labels, CLASSES, resamples=2000)
    score, positive = probabilities[:, 0], labels == 0
    p, q = score[positive], score[~positive]
    wins = (p[:, None] > q[None, :]) + 0.5 * (p[:, None] == q[None, :])
    deviation = np.sqrt(wins.mean(1).var(ddof=1) / len(p) + wins.mean(0).var(ddof=1) / len(q))
    low, high = found.intervals["auc.a"]
    assert (high - low) / 2 == pytest.approx(1.96 * deviation, rel=0.08)


def test_bootstrap_weights_keep_the_number_of_each_class():
    labels = np.array([0] * 5 + [1] * 9 + [2])
    parts = list(metrics.bootstrap(labels, 50, 0))
    weights = np.concatenate(parts)
    assert weights.shape == (50, 15)
    for k, number in ((0, 5), (1, 9), (2, 1)):
        assert (weights[:, labels == k].sum(1) == number).all()


def test_a_weighted_auc_is_that_of_the_repeated_set():
    probabilities, labels = some(60, ties=True)
    weights = next(metrics.bootstrap(labels, 1, 5))
    repeated = np.repeat(np.arange(60), weights[0].astype(int))
    ranked = metrics.Ranked.of(probabilities[:, 2], labels == 2)
    expected = brute_auc(probabilities[repeated, 2], labels[repeated] == 2)
    assert ranked.auc(weights)[0] == pytest.approx(expected, abs=1e-13)


def test_scores_are_the_single_metrics_and_follow_from_the_seed():
    probabilities, labels = some()
    first, again, other = (metrics.scores(probabilities, labels, CLASSES, seed=seed, resamples=50)
                           for seed in (7, 7, 8))
    assert first == again and first.intervals != other.intervals
    assert first.macro_auc == pytest.approx(np.mean([brute_auc(probabilities[:, k], labels == k) for k in range(3)]))
    assert first.accuracy == metrics.accuracy(probabilities, labels)
    assert first.ece == pytest.approx(metrics.calibration_error(probabilities, labels), abs=1e-13)
    assert set(first.intervals) == {"macro_auc", "accuracy", "ece", "auc.a", "auc.b", "auc.c"}
    assert all(low <= high for low, high in first.intervals.values())
    assert first.intervals["ece"][0] <= first.ece <= first.intervals["ece"][1]


def test_a_class_that_is_not_there_has_no_auc():
    probabilities, labels = some()
    kept = labels != 1
    found = metrics.scores(probabilities[kept], labels[kept], CLASSES, resamples=20)
    assert set(found.auc) == {"a", "c"} and found.macro_auc == pytest.approx(np.mean(list(found.auc.values())))
    alone = metrics.scores(probabilities[labels == 1], labels[labels == 1], CLASSES, resamples=20)
    assert alone.auc == {} and np.isnan(alone.macro_auc) and "macro_auc" not in alone.intervals


def test_mean_interval_is_students():
    """Five values with mean 0 and deviation 1: half a width of t_4(97.5 %) / sqrt 5 = 2.7764 / 2.2361."""
    mean, low, high = metrics.mean_interval(np.array([-1, -1, 0, 1, 1.0]))
    assert (mean, high) == (0, pytest.approx(2.7764451 / np.sqrt(5), rel=1e-7)) and low == -high


def test_nothing_and_what_is_no_number_are_refused_in_words():
    with pytest.raises(ValueError, match="at least one"):
        metrics.scores(np.empty((0, 3)), np.empty(0, int), CLASSES)
    with pytest.raises(ValueError, match="not finite"):
        metrics.accuracy(np.full((2, 3), np.nan), np.zeros(2, int))


def test_the_interval_of_a_median_is_that_of_the_sign_test():
    """Of twenty values the 6th and the 15th, of six the outermost (tables of the sign test)."""
    values = np.random.default_rng(0).permutation(20) + 1.0
    assert metrics.median_interval(values) == (10.5, 6, 15)
    assert metrics.median_interval(values[values < 7]) == (3.5, 1, 6)
