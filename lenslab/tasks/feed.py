"""Images for training: simulated beside it, or read from a set. What a feed gives is a pure function of (seed, step).

Networks see sigmas: image over the noise that an observer would estimate.
"""

import json

import numpy as np

from lenslab.images import dataset
from lenslab.images.workers import chunks_from
from lenslab.population import CHUNK, Population, find
from lenslab.tasks.chunks import Chunks
from lenslab.tasks.order import chunk_of_unit, oldest_needed, places_in_stream, rows_of_set
from lenslab.tasks.seen import Recipe, Seen, SetItems


def simulated(recipe: Recipe, size: int, workers: int = 1) -> Seen:
    """The first `size` items of a split."""
    parts, tasks = {}, list(range(-(-size // CHUNK)))
    for chunk, columns in chunks_from(recipe.columns, tasks, max(1, workers)):
        parts[chunk] = recipe.seen(columns)
    return Seen.joined([parts[chunk] for chunk in tasks]).first(size)


class SetFeed:
    """Endless epochs over a fixed set of items, anything with `take(rows)` and `labels`."""

    def __init__(self, items: Seen | SetItems, batch: int, seed: int, rank: int, world: int):
        self.items, self.batch, self.seed, self.rows = items, batch, seed, slice(rank, None, world)

    def __call__(self, step: int) -> Seen:
        positions = np.arange(self.batch * step, self.batch * (step + 1))[self.rows]
        return self.items.take(rows_of_set(positions, len(self.items.labels), self.seed))


class StreamFeed:
    """Endless batches of a population, simulated while the network trains; each image is shown `reuse` times.

    With several processes each simulates every world-th chunk: together they see what one alone would see.
    """

    def __init__(self, batch: int, seed: int, reuse: int, chunks: Chunks, rank: int, world: int):
        self.batch, self.seed, self.reuse = batch // world, seed, reuse
        self.chunks, self.rank, self.world = chunks, rank, world
        chunks.stride = world

    def __call__(self, step: int) -> Seen:
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
        return Seen.joined(parts).take(np.argsort(places))

    def named(self, chunk: int) -> int:
        return chunk * self.world + self.rank


def population_of(path: str) -> Population:
    """What a set holds, when it is what the population of that name still means."""
    with dataset.read(path) as made:
        name, definition = made.header["population"], made.header["definition"]
    population = find(name)
    if json.loads(json.dumps(population.definition)) != definition:
        raise ValueError(f"{path} holds {name} as an earlier lenslab drew it; make the set anew with "
                         "python -m lenslab dataset.")
    return population
