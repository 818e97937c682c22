"""Images for training: simulated beside it, or read from a set. What a feed gives is a pure function of (seed, step).

Networks see sigmas: image over the noise that an observer would estimate.
"""

import json

import numpy as np
import torch
from torch import Tensor

from lenslab.images import dataset
from lenslab.images.workers import chunks_from
from lenslab.population import CHUNK, Population, find
from lenslab.tasks.chunks import Chunks, Labelled, in_sigmas, rendering
from lenslab.tasks.order import chunk_of_unit, oldest_needed, places_in_stream, rows_of_set

IN_MEMORY = 2**30     # bytes of images; larger sets are read from the disk row by row


def simulated(population: Population, size: int, seed: int, split: str, workers: int = 1,
              compiled: bool = False) -> Labelled:
    """The first `size` items of a split."""
    parts, tasks, options = {}, list(range(-(-size // CHUNK))), rendering(population, compiled)
    for chunk, columns in chunks_from(population.name, seed, split, options, tasks, max(1, workers)):
        parts[chunk] = in_sigmas(population, columns)
    images, labels = zip(*(parts[chunk] for chunk in tasks), strict=True)
    return torch.cat(images)[:size], np.concatenate(labels)[:size]


class SetFeed:
    """Endless epochs over a fixed set: `images(rows)` and `labels` of anything that has them."""

    def __init__(self, images, labels: np.ndarray, batch: int, seed: int, rank: int, world: int):
        self.images, self.labels, self.batch, self.seed, self.rows = images, labels, batch, seed, slice(rank, None,
                                                                                                        world)

    def __call__(self, step: int) -> Labelled:
        positions = np.arange(self.batch * step, self.batch * (step + 1))[self.rows]
        rows = rows_of_set(positions, len(self.labels), self.seed)
        return self.images(rows), self.labels[rows]


class FileImages:
    """The images of an HDF5 set in sigmas, by rows in any order."""

    def __init__(self, path: str):
        self.set = dataset.read(path)
        side = self.set.header["num_pix"]
        self.kept = self.read(slice(None)) if 4 * len(self.set) * side**2 <= IN_MEMORY else None

    def read(self, rows) -> Tensor:
        return self.set.images(rows) / self.set.variance(rows).sqrt()

    def __call__(self, rows: np.ndarray) -> Tensor:
        if self.kept is not None:
            return self.kept[torch.from_numpy(rows)]
        sorted_rows, back = np.unique(rows, return_inverse=True)   # HDF5 wants increasing rows
        return self.read(sorted_rows)[torch.from_numpy(back)]


class StreamFeed:
    """Endless batches of a population, simulated while the network trains; each image is shown `reuse` times.

    With several processes each simulates every world-th chunk: together they see what one alone would see.
    """

    def __init__(self, batch: int, seed: int, reuse: int, chunks: Chunks, rank: int, world: int):
        self.batch, self.seed, self.reuse = batch // world, seed, reuse
        self.chunks, self.rank, self.world = chunks, rank, world

    def __call__(self, step: int) -> Labelled:
        positions = np.arange(self.batch * step, self.batch * (step + 1))
        chunks, rows = places_in_stream(positions, self.reuse, self.seed, self.rank)
        first, last = int(positions[0]) // CHUNK, int(positions[-1]) // CHUNK
        self.chunks.forget(self.named(oldest_needed(first, self.reuse)))
        newest = (last + 1) // self.reuse
        wanted = [chunk_of_unit(unit, self.reuse) for unit in range(first, last + self.reuse + 1)]
        wanted = list(dict.fromkeys([*wanted, *range(newest, newest + self.chunks.ahead + 1)]))
        self.chunks.order(self.named(chunk) for chunk in wanted)
        images, labels = None, np.empty(len(rows), np.int64)
        for chunk in dict.fromkeys(chunks.tolist()):
            mine = chunks == chunk
            seen, classes = self.chunks.take(self.named(chunk))
            images = seen.new_empty(len(rows), *seen.shape[1:]) if images is None else images
            images[torch.from_numpy(mine).to(seen.device)] = seen[torch.from_numpy(rows[mine]).to(seen.device)]
            labels[mine] = classes[rows[mine]]
        return images, labels

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
