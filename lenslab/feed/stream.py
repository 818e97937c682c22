"""Examples for training, simulated beside it or once before it: each batch is a pure function of (seed, step)."""

from functools import lru_cache
from typing import Protocol

import numpy as np

from lenslab.feed.chunks import Chunks
from lenslab.feed.examples import Examples, View
from lenslab.feed.order import CHUNK, chunk_of_unit, oldest_needed, places_in_stream, rows_of_set
from lenslab.feed.workers import chunks_from

HELD_OUT_SEED = 0      # held-out items are the same for every run, so that runs can be compared


class Items(Protocol):
    """A fixed set of items, in memory or on a disk."""

    labels: np.ndarray

    def take(self, rows: np.ndarray) -> Examples: ...


def simulated(view: View, size: int, workers: int = 1) -> Examples:
    """The first `size` items of a view."""
    parts, tasks = {}, list(range(-(-size // CHUNK)))
    for chunk, columns in chunks_from(view.columns, tasks, max(1, workers)):
        parts[chunk] = view.examples(columns)
    return Examples.joined([parts[chunk] for chunk in tasks]).first(size)


@lru_cache(maxsize=4)
def held_out(view: View, size: int, workers: int) -> Examples:
    """Fixed items to judge by, simulated once."""
    return simulated(view, size, workers)


class SetFeed:
    """Endless epochs over a fixed set of items."""

    def __init__(self, items: Items, batch: int, seed: int, rank: int, world: int):
        self.items, self.batch, self.seed, self.rows = items, batch, seed, slice(rank, None, world)

    def __call__(self, step: int) -> Examples:
        positions = np.arange(self.batch * step, self.batch * (step + 1))[self.rows]
        return self.items.take(rows_of_set(positions, len(self.items.labels), self.seed))


class StreamFeed:
    """Endless batches, simulated while the network trains; each item is shown `reuse` times.

    With several processes each simulates every world-th chunk: together they see what one alone would see.
    """

    def __init__(self, batch: int, seed: int, reuse: int, chunks: Chunks, rank: int, world: int):
        self.batch, self.seed, self.reuse = batch // world, seed, reuse
        self.chunks, self.rank, self.world = chunks, rank, world
        chunks.stride = world

    def __call__(self, step: int) -> Examples:
        positions = np.arange(self.batch * step, self.batch * (step + 1))
        chunks, rows = places_in_stream(positions, self.reuse, self.seed, self.rank)
        first, last = int(positions[0]) // CHUNK, int(positions[-1]) // CHUNK
        self.chunks.forget(self.named(oldest_needed(first, self.reuse)))
        newest = (last + 1) // self.reuse
        wanted = [chunk_of_unit(unit, self.reuse) for unit in range(first, last + self.reuse + 1)]
        wanted = list(dict.fromkeys([*wanted, *range(newest, newest + self.chunks.ahead + 1)]))
        self.chunks.order(self.named(chunk) for chunk in wanted)
        shown = list(dict.fromkeys(chunks.tolist()))
        parts = [self.chunks.take(self.named(chunk)).take(rows[chunks == chunk]) for chunk in shown]
        places = np.concatenate([np.flatnonzero(chunks == chunk) for chunk in shown])
        return Examples.joined(parts).take(np.argsort(places))

    def named(self, chunk: int) -> int:
        return chunk * self.world + self.rank
