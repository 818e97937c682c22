"""Numbers moved by a known way, and moments of known laws."""

import numpy as np
import pytest
import torch
from scipy.stats import expon

from lenslab.diffusion.pixels import histogram, moments, wasserstein


def test_what_is_shifted_is_as_far_as_the_shift_and_what_is_widened_as_the_mean_of_its_way():
    x = np.random.default_rng(0).normal(size=(50, 8, 8))
    shuffled = torch.from_numpy(np.random.default_rng(1).permutation(x.ravel()).reshape(x.shape))
    assert wasserstein(x, shuffled + 0.7) == pytest.approx(0.7, rel=1e-12)
    assert wasserstein(x, 3 * x) == pytest.approx(2 * np.abs(x).mean(), rel=1e-12)
    assert wasserstein(x, np.repeat(x, 2) - 0.7) == pytest.approx(0.7, rel=1e-9)      # of different size
    assert wasserstein([0.0, 0.0], [0.0, 0.0, 3.0]) == pytest.approx(1.0)


def test_histograms_lose_nothing_beyond_their_edges():
    share = histogram(np.array([[-9.0, 0.1], [0.6, 1.5], [1.7, 99.0]]), np.array([0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(share, [2 / 6, 1 / 6, 3 / 6])


def test_moments_of_an_exponential_are_one_one_two_and_six():
    """Sampled evenly in probability, so that only the far tail is missed; an even image has neither of the last."""
    x = expon.ppf((np.arange(512**2) + 0.5) / 512**2).reshape(1, 512, 512)
    found = moments(np.concatenate([4 + 3 * x, np.full_like(x, 0.1)]))
    np.testing.assert_allclose(found[0], [7, 3, 2, 6], rtol=0.01)
    np.testing.assert_allclose(found[1], [0.1, 0, 0, 0], atol=1e-12)


def test_pixels_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        histogram(np.array([np.nan, 1.0]), np.array([0.0, 1.0]))
