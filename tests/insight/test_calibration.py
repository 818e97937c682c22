"""Posteriors whose honesty is known: normal ones of a normal truth, and the same too narrow or too wide."""

import numpy as np
import pytest
from scipy.stats import norm

from lenslab.insight import calibration

N, S = 1500, 400


def posteriors(stretch: float, numbers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Truth z ~ N(0, 1) seen with noise 1: the honest posterior is N(x/2, 1/2), here `stretch` times as wide."""
    rng = np.random.default_rng(3)
    truth = rng.standard_normal((N, numbers))
    seen = truth + rng.standard_normal((N, numbers))
    return seen[:, None] / 2 + stretch * 0.5**0.5 * rng.standard_normal((N, S, numbers)), truth


def test_ranks_of_honest_posteriors_are_even():
    samples, truth = posteriors(1)
    assert calibration.histogram(calibration.ranks(samples[..., 0], truth[:, 0])).p > 1e-3


@pytest.mark.parametrize("stretch", [0.6, 1.7])
def test_ranks_tell_a_posterior_that_is_not(stretch):
    samples, truth = posteriors(stretch)
    assert calibration.histogram(calibration.ranks(samples[..., 0], truth[:, 0])).p < 1e-6


@pytest.mark.parametrize("stretch", [0.6, 1, 1.7])
def test_coverage_is_that_of_two_bells(stretch):
    samples, truth = posteriors(stretch)
    found = calibration.central_coverage(calibration.ranks(samples[..., 0], truth[:, 0]), 0.68)
    assert found == pytest.approx(1 - 2 * norm.sf(stretch * norm.isf(0.16)), abs=0.04)


def test_tarp_keeps_to_its_band_for_honest_posteriors_in_two_numbers():
    curve = calibration.tarp(*posteriors(1, 2))
    assert ((curve.share >= curve.low) & (curve.share <= curve.high)).mean() > 0.8
    assert np.abs(calibration.tarp(*posteriors(0.5, 2)).share - curve.level).max() > 0.05


def test_the_temperature_is_how_much_too_narrow_posteriors_are():
    rng = np.random.default_rng(0)
    errors = rng.standard_normal(4000) * 1.4     # said to be 1 wide
    assert calibration.temperature(lambda width: norm.logpdf(errors / width).mean() - np.log(width)) == pytest.approx(
        1.4, abs=0.05)
