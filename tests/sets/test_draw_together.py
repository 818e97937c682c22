"""Chunks rendered together are those that are rendered one by one, but for rounding."""

import numpy as np
import torch

from lenslab.feed.chunks import ThreadChunks
from lenslab.population import find
from lenslab.sets.draw import items, items_together
from lenslab.tasks.lens_view import LensView


def test_chunks_together_are_the_chunks():
    population = find("seed-64")
    alone = [items(population, chunk, 1, "test") for chunk in (0, 1, 5)]
    for one, mine in zip(alone, items_together(population, [0, 1, 5], 1, "test"), strict=True):
        assert np.array_equal(one.labels, mine.labels) and np.array_equal(one.seeds, mine.seeds)
        np.testing.assert_allclose(mine.parameters, one.parameters, rtol=1e-5)
        scale = one.image.abs().amax((1, 2, 3), keepdim=True)
        assert float(((mine.image - one.image) / scale).abs().max()) < 1e-5


def test_a_thread_makes_groups_and_gives_each_chunk_its_own():
    view = LensView("seed-64", 3)
    threads = ThreadChunks(view, torch.device("cpu"))
    threads.stride = 2
    assert threads.group(9) == threads.group(15) == [9, 11, 13, 15] and threads.group(17) == [17, 19, 21, 23]
    threads.order([3])
    taken = threads.take(3)
    assert set(threads.ready) == {1, 3, 5, 7} and not threads.begun
    torch.testing.assert_close(taken.inputs, view.on(3, torch.device("cpu")).inputs, rtol=1e-4, atol=1e-3)
