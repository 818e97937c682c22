"""Distances of sets whose laws are known."""

from math import sqrt

import numpy as np
import pytest
import torch

from lenslab.diffusion import two_samples
from lenslab.diffusion.two_samples import frechet, interval, kernel_distance


def with_covariance(n, mean, covariance, seed):
    """(n, d) rows whose sample mean and covariance are exactly these, so that the closed form holds to rounding."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x = x - x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def test_frechet_of_gaussians_is_the_closed_form():
    """In one dimension (mu_a - mu_b)^2 + (sigma_a - sigma_b)^2; covariances that commute add up axis by axis."""
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    s, t = np.array([2.0, 1.0, 0.5, 1e-4]), np.array([1.0, 3.0, 0.5, 0.2])
    mean = np.array([0.3, -1.0, 0.0, 2.0])
    a = with_covariance(60, np.zeros(4), turn * s**2 @ turn.T, seed=1)
    b = with_covariance(90, mean, turn * t**2 @ turn.T, seed=2)
    assert frechet(a, b) == pytest.approx((mean**2).sum() + ((s - t) ** 2).sum(), abs=1e-7)
    assert frechet(a, torch.from_numpy(b)) == pytest.approx(frechet(b, a), abs=1e-9)
    assert frechet(a, a) < 1e-9


def test_frechet_of_covariances_that_do_not_commute_is_the_root_of_two_by_two():
    """Tr M^(1/2) = sqrt(Tr M + 2 sqrt(det M)) of a positive 2 x 2 matrix."""
    A, B = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.6], [-0.6, 3.0]])
    root = sqrt(np.trace(A @ B) + 2 * sqrt(np.linalg.det(A @ B)))
    a, b = with_covariance(50, np.zeros(2), A, 1), with_covariance(50, np.ones(2), B, 2)
    assert frechet(a, b) == pytest.approx(2 + np.trace(A) + np.trace(B) - 2 * root, abs=1e-9)


def test_frechet_bears_columns_without_spread_and_fewer_rows_than_columns():
    """Rows on one line: A = v v^T of rank one, so that the distance is that of a single axis."""
    along, other = np.random.default_rng(0).normal(size=(2, 20))
    direction = np.zeros(50)
    direction[:2] = 0.6, 0.8
    a, b = along[:, None] * direction, (3 + other[:, None]) * direction
    wanted = (along.mean() - 3 - other.mean()) ** 2 + (along.std(ddof=1) - other.std(ddof=1)) ** 2
    assert frechet(a, b) == pytest.approx(wanted, rel=1e-9)


def test_the_floor_of_frechet_is_the_one_its_docstring_tells():
    """d = 6 of unequal spread, n = 400 and m = 800, the mean of 200 draws (known to about 2 %)."""
    rng, spread = np.random.default_rng(3), np.array([2.0, 1.5, 1.0, 1.0, 0.5, 0.2])
    l = spread**2
    wanted = (1 / 400 + 1 / 800) * (1.25 * l.sum() + 0.5 * (np.outer(l, l) / (l[:, None] + l)).sum())
    mean = np.mean([frechet(spread * rng.normal(size=(400, 6)), spread * rng.normal(size=(800, 6)))
                    for _ in range(200)])
    assert mean == pytest.approx(wanted, rel=0.1)


def test_kernel_distance_is_its_double_sum_in_blocks_of_any_size(monkeypatch):
    a, b = np.random.default_rng(0).normal(size=(2, 9, 3))
    b = b[:7] + 0.5

    def k(x, y):
        return (np.dot(x, y) / 3 + 1) ** 3

    among_a = np.mean([k(a[i], a[j]) for i in range(9) for j in range(9) if i != j])
    among_b = np.mean([k(b[i], b[j]) for i in range(7) for j in range(7) if i != j])
    wanted = among_a + among_b - 2 * np.mean([k(x, y) for x in a for y in b])
    assert kernel_distance(a, b) == pytest.approx(wanted, rel=1e-12)
    monkeypatch.setattr(two_samples, "AT_ONCE", 4)
    assert kernel_distance(a, b) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_kernel_distance_is_unbiased_at_thirty_rows(shift):
    """(x y + 1)^3 = sum_j C(3, j) x^j y^j, so that the squared distance is sum_j C(3, j) (E x^j - E y^j)^2; of N(s, 1)
    against N(0, 1) the moments differ by s, s^2 and 3 s + s^3."""
    rng = np.random.default_rng(1)
    found = [kernel_distance(rng.normal(size=30), shift + rng.normal(size=30)) for _ in range(800)]
    wanted = 3 * shift**2 + 3 * shift**4 + (3 * shift + shift**3) ** 2
    error = np.std(found) / sqrt(len(found))
    assert abs(np.mean(found) - wanted) < 3.5 * error
    assert shift or np.min(found) < 0      # a biased sum never is


def test_an_interval_of_a_mean_is_as_wide_as_its_error_and_sits_on_it():
    x = np.random.default_rng(0).normal(size=900)
    value, low, high = interval(lambda i: x[i].mean(), 900, resamples=2000)
    assert value == x.mean() and (high - low) / 2 == pytest.approx(1.96 * x.std() / 30, rel=0.08)
    assert high - value == pytest.approx(value - low, rel=0.1)


def test_an_interval_holds_the_truth_as_often_as_it_says():
    """(mu_a - mu_b)^2 of shifted Gaussians, 0.25 with a spread of 0.058: 95 % of 200 intervals, give or take 1.5 %."""
    rng, held = np.random.default_rng(2), 0
    for seed in range(200):
        a, b = 0.5 + rng.normal(size=600), rng.normal(size=600)
        _, low, high = interval(lambda i, j, a=a, b=b: (a[i].mean() - b[j].mean()) ** 2, 600, 600, seed=seed,
                                resamples=60)
        held += low < 0.25 < high
    assert 0.88 <= held / 200 <= 0.99


def test_a_figure_that_depends_on_the_number_of_rows_keeps_its_spread_and_its_place():
    x = np.random.default_rng(0).normal(size=400)
    plain, moved = interval(lambda i: x[i].mean(), 400), interval(lambda i: x[i].mean() + 1000 / len(i), 400)
    assert moved == pytest.approx(np.array(plain) + 1000 / 400, abs=1e-9)


def test_intervals_keep_pairs_shapes_seeds_and_limits():
    x = np.random.default_rng(0).normal(size=(50, 3))
    once, again = (interval(lambda i: x[i].max(0), 50, seed=4, within=(-9, 2.0)) for _ in range(2))
    assert once.value.shape == once.low.shape == (3,) and np.array_equal(once.low, again.low)
    assert (once.high <= 2.0).all()
    assert interval(lambda i: np.abs(x[i] - x[i]).sum(), 50) == (0.0, 0.0, 0.0)
    kept = []
    interval(lambda i, j: kept.append((i, j)) or 0.0, 50, 31, resamples=3)
    for i, j in kept[1:]:
        assert len(np.unique(i)) == len(i) == 25 and len(np.unique(j)) == len(j) == 15


def test_what_has_no_distance_is_refused_in_words():
    x = np.ones((5, 2))
    x[1, 0] = np.nan
    with pytest.raises(ValueError, match="1 of 5 rows hold numbers that are not finite.*leave them out"):
        frechet(x, np.ones((5, 2)))
    with pytest.raises(ValueError, match="Sets of 1 and 5 are too small to compare; give at least 2 a side."):
        kernel_distance(np.ones((1, 2)), np.ones((5, 2)))
