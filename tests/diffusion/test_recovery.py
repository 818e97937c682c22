"""R2 by hand."""

import numpy as np
import pytest

from lenslab.diffusion.recovery import recovery


def test_r2_is_one_less_the_noise_over_the_spread_and_vectors_count_as_one():
    """Truth +-1 and +-2 alternately (spread 1 and 4 a row), answers off by 0.5 in the first and 1 in the second."""
    sign = np.resize([1.0, -1.0], 40)
    truth = np.column_stack([sign, np.repeat([2.0, -2.0], 20), np.full(40, 7.0)])
    answer = truth + [0.5, 1.0, 0.0]
    got = recovery(truth, answer, {"x": [0], "y": [1], "both": (0, 1), "constant": [2]})
    assert got["x"] == pytest.approx(1 - 0.25) and got["y"] == pytest.approx(1 - 1 / 4)
    assert got["both"] == pytest.approx(1 - 1.25 / 5) and np.isnan(got["constant"])
    assert recovery(truth, np.zeros_like(truth), {"mean": [0]})["mean"] == pytest.approx(0)
    assert recovery(truth, -truth, {"worse": [0]})["worse"] == pytest.approx(-3)


def test_a_vector_counts_the_same_however_its_axes_point():
    rng, turn = np.random.default_rng(0), np.array([[0.6, 0.8], [-0.8, 0.6]])
    truth = rng.normal(size=(50, 2)) * [1, 5]
    answer = truth + rng.normal(size=(50, 2))
    one, other = (recovery(truth @ t, answer @ t, {"v": [0, 1]})["v"] for t in (np.eye(2), turn))
    assert one == pytest.approx(other, abs=1e-12)


def test_rows_without_the_number_do_not_count_and_too_few_say_nothing():
    truth = np.column_stack([np.resize([1.0, -1.0], 60), np.resize([1.0, -1.0], 60)])
    there = np.ones((60, 2), bool)
    there[30:, 0] = False
    there[29:, 1] = False
    answer = np.where(there, 0.5 * truth, np.nan)         # where there is no number anything may stand
    got = recovery(np.where(there, truth, np.nan), answer, {"x": [0], "rare": [1]}, there)
    assert got["x"] == pytest.approx(0.75) and np.isnan(got["rare"])


def test_a_vector_counts_where_both_its_numbers_are():
    """Right in all 40 rows that have both, wild in those that lack one."""
    truth, there = np.random.default_rng(0).normal(size=(60, 2)), np.ones((60, 2), bool)
    there[:20, 1] = False
    answer = np.where(there.all(1)[:, None], truth, 99.0)
    assert recovery(truth, answer, {"v": [0, 1]}, there) == {"v": 1.0}
