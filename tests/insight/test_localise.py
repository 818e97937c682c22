"""Scores of maps against a known truth: counted by hand, and scipy's own."""

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation
from scipy.stats import spearmanr
from torch import nn

from lenslab.insight import localise

RNG = np.random.default_rng(5)


def spot(*places, side=16):
    out = np.zeros((1, side, side))
    for row, column, value in places:
        out[0, row, column] = value
    return out


def test_true_pixels_hold_nine_tenths_of_the_square_sum():
    """Squares 64, 25, 9, 1, 1 sum to 100: the first two hold 0.89, so the third is needed and the others are not."""
    signal = spot((2, 2, 8.0), (3, 3, -5.0), (4, 4, 3.0), (5, 5, 1.0), (6, 6, -1.0))
    assert {tuple(place) for place in np.argwhere(localise.true_pixels(signal)[0])} == {(2, 2), (3, 3), (4, 4)}
    assert localise.true_pixels(signal, 0.89).sum() == 2


def test_where_there_is_no_signal_nothing_is_true_and_nothing_is_found():
    truth = localise.true_pixels(np.zeros((1, 8, 8)))
    assert not truth.any() and not localise.near(truth, 2.0).any()
    assert localise.share_within(np.ones((1, 8, 8)), truth, 2.0) == 0


@pytest.mark.parametrize("fwhm", [1.0, 1.9, 3.2])
def test_near_is_scipys_dilation_by_a_disc(fwhm):
    truth = RNG.random((3, 20, 20)) < 0.01
    reach = int(fwhm)
    y, x = np.mgrid[-reach:reach + 1, -reach:reach + 1]
    expected = [binary_dilation(one, np.hypot(x, y) <= fwhm) for one in truth]
    assert (localise.near(truth, fwhm) == expected).all()


def test_share_is_counted_by_hand():
    """Within 1 pixel of (5, 5) lie five pixels: a weight of 2 there, 1 beside it and 5 far away are 3 of 8."""
    truth = spot((5, 5, 1)).astype(bool)
    weights = spot((5, 5, 2.0), (5, 6, 1.0), (6, 6, 1.0), (12, 12, 4.0))
    assert localise.share_within(weights, truth, 1.0) == pytest.approx(3 / 8)
    assert localise.share_within(weights, truth, 1.5) == pytest.approx(4 / 8)   # the diagonal neighbour too
    assert localise.share_within(torch.from_numpy(weights), truth, 1.0) == pytest.approx(3 / 8)


def test_chance_is_the_share_of_the_arc_that_is_near():
    sigmas, truth = np.zeros((1, 16, 16)), spot((4, 4, 1)).astype(bool)
    sigmas[0, 4] = 10.0                                              # an arc of 16 pixels, 3 of them near
    assert localise.share_within(localise.arc(sigmas), truth, 1.0) == pytest.approx(3 / 16)


def test_an_empty_map_scores_nothing():
    empty, truth = np.zeros((2, 8, 8)), np.ones((2, 8, 8), bool)
    assert (localise.share_within(empty, truth, 1.0) == 0).all()
    assert (localise.pointing_game(empty, truth, 1.0) == 0).all()


def test_pointing_game_asks_for_the_strongest_pixel_and_shares_a_tie():
    truth = spot((5, 5, 1)).astype(bool)
    hit, miss = spot((5, 6, 2.0), (0, 0, 1.9)), spot((5, 5, 1.9), (0, 0, 2.0))
    tie = spot((5, 5, 2.0), (5, 4, 2.0), (9, 9, 2.0), (0, 0, 1.0))
    found = localise.pointing_game(np.concatenate([hit, miss, tie]), truth.repeat(3, axis=0), 1.0)
    np.testing.assert_allclose(found, [1, 0, 2 / 3])


def test_order_is_that_of_the_map_and_random_within_ties():
    weights = np.array([[[3.0, 0, 0], [1, 2, 0], [0, 0, 0]]])
    first, second = localise.order_of(weights, 0), localise.order_of(weights, 1)
    for place in (first, second):
        assert place[0, 0, 0] == 0 and place[0, 1, 1] == 1 and place[0, 1, 0] == 2
        assert sorted(place.ravel()) == list(range(9))
    assert (first != second).any()
    sigmas = np.where(RNG.random((2, 12, 12)) < 0.2, 9.0, 0.0)
    blind = localise.blind_order(sigmas, 3)
    for lit, place in zip(sigmas > 3, blind, strict=True):
        assert place[lit].max() == lit.sum() - 1


def logit_free(shown):
    """A network whose answer is the mean over four pixels: the right ones are (0, 0) to (0, 3)."""
    return shown[:, 0, 0, :4].mean(-1)


def test_deletion_and_insertion_in_closed_form():
    """Arc of 8 pixels; the right order replaces the 4 that count in the first half: p falls from 1 to 0, and stays.

    Areas by hand: 1/2 * 1/2 for deletion, 1 - 1/4 for insertion; the other way round for the worst order.
    """
    given, baseline, sigmas = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8), np.zeros((1, 8, 8))
    given[0, 0, 0, :4] = 1
    sigmas[0, 0] = 9.0
    best, worst = np.zeros((1, 8, 8)), np.zeros((1, 8, 8))
    best[0, 0], worst[0, 0] = np.arange(8, 0, -1), np.arange(1, 9)
    right = localise.curves(logit_free, given, baseline, localise.order_of(best), sigmas, steps=8)
    wrong = localise.curves(logit_free, given, baseline, localise.order_of(worst), sigmas, steps=8)
    np.testing.assert_allclose(right.deletion, [[1, 0.75, 0.5, 0.25, 0, 0, 0, 0, 0]])
    np.testing.assert_allclose(right.insertion, 1 - right.deletion)
    assert right.deleted == pytest.approx(0.25) and right.inserted == pytest.approx(0.75)
    assert wrong.deleted == pytest.approx(0.75) and wrong.inserted == pytest.approx(0.25)


def test_a_blind_order_deletes_evenly():
    """Of random orders over the arc the mean curve is the straight line, its area a half."""
    given, sigmas = torch.zeros(400, 1, 8, 8), np.zeros((400, 8, 8))
    given[:, 0, 0, :4], sigmas[:, 0] = 1, 9.0
    found = localise.curves(logit_free, given, torch.zeros_like(given), localise.blind_order(sigmas), sigmas)
    mean, low, high = localise.mean_interval(found.deleted)
    # three standard errors: one image's area scatters by at most 0.25 (Popoviciu, from 1/4 to 3/4)
    assert mean == pytest.approx(0.5, abs=3 * 0.25 / 20) and low < mean < high


def test_randomised_weights_are_the_same_numbers_elsewhere_and_the_network_stays():
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    before = [weights.clone() for weights in net.parameters()]
    other, again = localise.randomised(net, 1), localise.randomised(net, 1)
    for old, now, new, twin in zip(before, net.parameters(), other.parameters(), again.parameters(), strict=True):
        assert torch.equal(old, now) and torch.equal(new, twin) and not torch.equal(old, new)
        assert torch.equal(old.flatten().sort().values, new.flatten().sort().values)


def test_rank_correlation_is_scipys_over_the_pixels_asked_for():
    one, other = RNG.random((3, 9, 9)).round(1), RNG.random((3, 9, 9)).round(1)
    where = RNG.random((3, 9, 9)) < 0.5
    expected = [spearmanr(a[some], b[some]).statistic for a, b, some in zip(one, other, where, strict=True)]
    np.testing.assert_allclose(localise.rank_correlation(one, other, where), expected, rtol=1e-12)
    np.testing.assert_allclose(localise.rank_correlation(one, one**3, where), 1)
    assert (localise.rank_correlation(one, np.ones_like(one), where) == 0).all()


def test_interval_is_that_of_a_mean():
    """Of 400 numbers with deviation 1 the 95 % interval is +-1.96 / 20; the bootstrap knows it to some per cent."""
    values = RNG.normal(size=400)
    values = (values - values.mean()) / values.std()
    mean, low, high = localise.mean_interval(values)
    assert mean == pytest.approx(0, abs=1e-12) and (high - low) / 2 == pytest.approx(1.96 / 20, rel=0.1)
    with pytest.raises(ValueError, match="no images"):
        localise.mean_interval(np.empty(0))
