"""Populations of bells seen through bells: what many lenses say together is known in closed form."""

import numpy as np
import pytest

from lenslab.insight import hierarchy

LIMITS = -4.0, 4.0
NOISE, SCATTER = 0.6, 0.25


def flat(value):
    return np.full(np.shape(value), 1 / (LIMITS[1] - LIMITS[0]))


def sky(n: int, mean: float, seed: int, scatter: float = SCATTER) -> tuple[np.ndarray, np.ndarray]:
    """What n lenses read, and samples of their posteriors under the flat prior."""
    rng = np.random.default_rng(seed)
    seen = mean + scatter * rng.standard_normal(n) + NOISE * rng.standard_normal(n)
    return seen, seen[:, None] + NOISE * rng.standard_normal((n, 3000))


def test_the_mean_of_a_population_is_known_as_well_as_bells_know_it():
    """mu ~ N(mean of what is read, (scatter^2 + noise^2)/N) with the scatter known."""
    seen, samples = sky(40, 0.7, 0)
    ln = hierarchy.ln_likelihoods(samples, flat, LIMITS, np.array([SCATTER]))
    found = hierarchy.mean_of(ln, LIMITS)
    error = (SCATTER**2 + NOISE**2) ** 0.5 / 40**0.5
    assert found.median == pytest.approx(seen.mean(), abs=0.15 * error)
    low, high = found.interval(0.6827)
    assert (high - low) / 2 == pytest.approx(error, rel=0.1)


def test_the_prior_of_the_lenses_is_divided_out():
    """Samples under a narrow prior, which pulls each lens to 0, give the same mean."""
    seen, _ = sky(40, 0.7, 0)
    rng, width = np.random.default_rng(1), 1.5
    shrunk = width**2 / (width**2 + NOISE**2)
    samples = shrunk * seen[:, None] + NOISE * shrunk**0.5 * rng.standard_normal((40, 3000))
    ln = hierarchy.ln_likelihoods(samples, lambda x: np.exp(-0.5 * (x / width) ** 2) / width / (2 * np.pi) ** 0.5,
                                  LIMITS, np.array([SCATTER]))
    assert hierarchy.mean_of(ln, LIMITS).median == pytest.approx(seen.mean(), abs=0.05)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, inside = np.random.default_rng(2), 0
    for seed in range(60):
        mean = rng.uniform(-1.5, 1.5)
        ln = hierarchy.ln_likelihoods(sky(12, mean, seed)[1][:, :300], flat, LIMITS, np.array([0.1, 0.25, 0.4]))
        low, high = hierarchy.mean_of(ln, LIMITS).interval(0.68)
        inside += low < mean < high
    assert 29 <= inside <= 52          # 99.7 % of binomial(60, 0.68)


def test_a_common_value_is_their_weighed_mean():
    seen, samples = sky(30, -1.0, 3, scatter=0)
    found = hierarchy.common_value(samples, flat, LIMITS)
    assert found.median == pytest.approx(seen.mean(), abs=0.05)
    low, high = found.interval(0.6827)
    kernel = hierarchy.KERNEL * (LIMITS[1] - LIMITS[0])
    assert (high - low) / 2 == pytest.approx(((NOISE**2 + kernel**2) / 30) ** 0.5, rel=0.12)


def test_shares_of_classes_that_are_known_follow_dirichlet():
    certain = np.eye(3)[np.repeat([0, 1, 2], [20, 5, 0])]
    found = hierarchy.shares_of(certain)
    assert found.mean(0) == pytest.approx(np.array([21, 6, 1]) / 28, abs=0.01)
    ignorant = hierarchy.shares_of(np.full((25, 3), 1 / 3))
    assert ignorant.mean(0) == pytest.approx(1 / 3, abs=0.08) and ignorant.std(0).min() > 0.15


def test_lenses_needed_are_those_of_bells():
    ln = hierarchy.ln_likelihoods(sky(400, 0.0, 4)[1][:, :800], flat, LIMITS, np.array([SCATTER]))[:, 0]
    found = hierarchy.lenses_needed(ln, LIMITS, 0.0, 0.2)
    assert found == pytest.approx((SCATTER**2 + NOISE**2) / 0.04, rel=0.25)


def test_an_error_that_all_lenses_share_adds_to_their_own():
    """Bells of width 0.1 about means that are off by 0.3 more: the error is found, and with it beliefs are honest."""
    value, rng = np.linspace(*LIMITS, 241), np.random.default_rng(3)
    truths = rng.uniform(-2, 2, 400)
    off = truths + 0.1 * rng.normal(size=400) + 0.3 * rng.normal(size=400)
    known = [hierarchy.belief(value, np.exp(-0.5 * ((value - one) / 0.1) ** 2)) for one in off]
    error = hierarchy.shared_error(known, truths)
    assert error == pytest.approx(0.3, abs=0.05)
    low, high = hierarchy.with_error(known[0], error).interval(0.6827)
    assert (high - low) / 2 == pytest.approx(np.hypot(0.1, error), rel=0.02)
    assert hierarchy.shared_error(known, np.array([one.median for one in known])) == 0


def test_lenses_of_another_law_are_weighed_before_they_are_counted():
    """Truths all over the prior have steeper slopes than a population about its mean would: unweighed, too few would
    seem enough."""
    rng = np.random.default_rng(9)
    truth = rng.uniform(*LIMITS, 1500)
    samples = truth[:, None] + NOISE * (rng.normal(size=(1500, 1)) + rng.normal(size=(1500, 300)))
    samples = np.clip(samples, *LIMITS)
    ln = hierarchy.ln_likelihoods(samples, flat, LIMITS, np.array([SCATTER]))[:, 0]
    weight = np.exp(-0.5 * (truth / SCATTER) ** 2)
    weighed, plain = (hierarchy.lenses_needed(ln, LIMITS, 0.0, 0.2, one) for one in (weight, None))
    assert weighed == pytest.approx((SCATTER**2 + NOISE**2) / 0.04, rel=0.3) and plain < 0.5 * weighed
