"""Which item stands where in a training: counted, and compared with turning a grid of coordinates."""

import numpy as np
import pytest
import torch

from lenslab.population import CHUNK
from lenslab.tasks import order


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


def affine(symmetry):
    """What each element does to the coordinates of a grid, as 2 x 2 matrices of whole numbers."""
    x = torch.arange(5.0) - 2
    grid = torch.stack([x.expand(5, 5), x[:, None].expand(5, 5)])[None]          # x, y on a frame about 0
    count = len(order.SYMMETRIES[symmetry])
    moved = order.turned(grid.expand(count, 2, 5, 5), symmetry, np.arange(count))
    matrices = []
    for image in moved:       # image(x, y) = M (x, y): read off at (1, 0) and (0, 1)
        matrix = torch.stack([image[:, 2, 3], image[:, 3, 2]], dim=1)
        expected = torch.einsum("ij,jhw->ihw", matrix, grid[0])
        assert (image == expected).all()
        matrices.append(matrix)
    return matrices


@pytest.mark.parametrize("symmetry, size", [("D4", 8), ("C2", 2), ("none", 1)])
def test_turns_are_a_group_of_that_size(symmetry, size):
    matrices = [tuple(matrix.int().flatten().tolist()) for matrix in affine(symmetry)]
    assert len(set(matrices)) == size and (1, 0, 0, 1) in matrices
    for a in matrices:
        assert abs(a[0] * a[3] - a[1] * a[2]) == 1
        for b in matrices:
            product = (np.reshape(a, (2, 2)) @ np.reshape(b, (2, 2))).flatten()
            assert tuple(product.tolist()) in matrices


def test_c2_is_the_half_turn_alone():
    assert sorted(tuple(matrix.int().flatten().tolist()) for matrix in affine("C2")) == [(-1, 0, 0, -1), (1, 0, 0, 1)]


def test_elements_are_drawn_evenly_and_follow_from_seed_and_step():
    drawn = np.concatenate([order.elements("D4", 100, seed=3, step=step) for step in range(80)])
    counts = np.bincount(drawn, minlength=8)
    assert len(counts) == 8 and np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 7 / 8)
    assert (order.elements("D4", 100, 3, 7) == drawn[700:800]).all()
    assert set(order.elements("C2", 100, 3, 0)) == {0, 1} and set(order.elements("none", 9, 3, 0)) == {0}


def test_every_image_is_turned_by_its_own_element():
    images = torch.randn(16, 1, 6, 6)
    which = order.elements("D4", 16, 0, 0)
    turned = order.turned(images, "D4", which)
    for image, out, place in zip(images, turned, which, strict=True):
        quarters, mirrored = order.SYMMETRIES["D4"][place]
        expected = np.rot90(image[0].numpy()[:, ::-1] if mirrored else image[0].numpy(), quarters)
        assert (out[0].numpy() == expected).all()
