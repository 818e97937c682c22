"""Skies of lenses that are measured already: what all of them share is found, and read from a card that may be odd."""

import numpy as np
import pytest
from scipy.stats import truncnorm

from lenslab.tasks.measure.quantities import quantities_of
from lenslab.tasks.measure.skies import shared_error_of, shared_errors

QUANTITIES = quantities_of("deeplense-1")
PLACE = next(k for k, item in enumerate(QUANTITIES.quantities) if item.key == "log10_m_axion")
ITEM = QUANTITIES.quantities[PLACE]


def lenses(bias: float, n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Samples and truths of axion masses that are read to 0.25 dex, and as much too high as the bias."""
    rng, (low, high) = np.random.default_rng(0), ITEM.limits
    truth = np.full((n, len(QUANTITIES.quantities)), np.nan)
    truth[:, PLACE] = rng.uniform(low, high, n)
    seen = truth[:, PLACE] + 0.25 * rng.normal(size=n) + bias
    ends = ((edge - seen) / 0.25 for edge in (low, high))                       # of a bell under the flat prior
    samples = np.zeros((n, 120, len(QUANTITIES.quantities)))
    samples[..., PLACE] = truncnorm.rvs(*ends, seen, 0.25, size=(120, n), random_state=rng).T
    return samples, truth


def test_what_lenses_share_is_found_and_honest_ones_share_next_to_nothing():
    honest, biased = (shared_errors(*lenses(bias), QUANTITIES) for bias in (0.0, 0.25))
    assert honest.keys() == biased.keys() == {f"{ITEM.block}/log10_m_axion"}
    assert honest[f"{ITEM.block}/log10_m_axion"] <= 0.06
    assert biased[f"{ITEM.block}/log10_m_axion"] == pytest.approx(0.25, abs=0.07)


@pytest.mark.parametrize("told", [None, 3, {}, {"axion/log10_m_axion": "wide"}, {"axion/log10_m_axion": -1.0},
                                  {"axion/log10_m_axion": float("nan")}])
def test_a_card_that_does_not_tell_means_none(told):
    assert shared_error_of(dict(shared_errors=told), ITEM) == 0


def test_a_card_tells():
    assert shared_error_of(dict(shared_errors={"axion/log10_m_axion": 0.2}), ITEM) == 0.2
