"""Which item stands where in a training: counted."""

import numpy as np
import pytest

from lenslab.feed import order
from lenslab.feed.order import CHUNK


def test_every_epoch_shows_every_item_once_in_another_order():
    rows = order.rows_of_set(np.arange(3 * 50), 50, seed=4)
    epochs = rows.reshape(3, 50)
    assert (np.sort(epochs, axis=1) == np.arange(50)).all()
    assert not (epochs[0] == epochs[1]).all()
    assert (order.rows_of_set(np.arange(130, 140), 50, seed=4) == rows[130:140]).all()   # from anywhere
    assert not (order.rows_of_set(np.arange(50), 50, seed=5) == epochs[0]).all()


@pytest.mark.parametrize("reuse", [1, 2, 4, 7])
def test_a_stream_shows_each_chunk_as_often_as_asked_and_keeps_few(reuse):
    units = 40 * reuse
    shown = [order.chunk_of_unit(unit, reuse) for unit in range(units)]
    settled = range((reuse - 1) * order.STRIDE, 40 - (reuse - 1) * order.STRIDE)
    assert all(shown.count(chunk) == reuse for chunk in settled)
    assert [shown.index(chunk) for chunk in range(40)] == [reuse * chunk for chunk in range(40)]   # an even pace
    for unit in range(units):
        assert min(shown[unit:]) >= order.oldest_needed(unit, reuse)
        assert unit // reuse - order.oldest_needed(unit, reuse) <= (reuse - 1) * order.STRIDE


def test_places_in_a_stream_are_whole_chunks_in_an_order_of_their_own():
    chunks, rows = order.places_in_stream(np.arange(4 * CHUNK), reuse=2, seed=1)
    for unit in range(4):
        here = slice(unit * CHUNK, (unit + 1) * CHUNK)
        assert len(set(chunks[here])) == 1 and sorted(rows[here]) == list(range(CHUNK))
    again = order.places_in_stream(np.arange(200, 260), reuse=2, seed=1)
    assert (again[0] == chunks[200:260]).all() and (again[1] == rows[200:260]).all()


def test_elements_are_drawn_evenly_and_follow_from_seed_and_step():
    drawn = np.concatenate([order.elements(8, 100, seed=3, step=step) for step in range(80)])
    counts = np.bincount(drawn, minlength=8)
    assert len(counts) == 8 and np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 7 / 8)
    assert (order.elements(8, 100, 3, 7) == drawn[700:800]).all()
    assert set(order.elements(2, 100, 3, 0)) == {0, 1} and set(order.elements(1, 9, 3, 0)) == {0}
