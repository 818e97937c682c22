"""Which item stands where in a training, and how it is turned: pure functions of (seed, step), so that a training that
was killed goes on with the very items that it would have seen. Numpy alone.
"""

import numpy as np

CHUNK = 120  # a multiple of 3 and of 5 classes; also what is rendered together, so never to be tuned for speed alone
STRIDE = 3                       # chunks that pass between two showings of one
SHUFFLE, PLACES, TURNS = 1, 2, 3   # keep apart what is drawn from one seed


def generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def rows_of_set(positions: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Items (n,) shown at positions (n,) of endless epochs over `size` items, each epoch in an order of its own."""
    epochs, places = np.divmod(positions, size)
    rows = np.empty(len(positions), np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        rows[here] = generator(SHUFFLE, seed, int(epoch)).permutation(size)[places[here]]
    return rows


def chunk_of_unit(unit: int, reuse: int) -> int:
    """Chunk that the unit-th CHUNK positions of a stream show, when each is shown `reuse` times.

    A new chunk comes once in `reuse` units, and again STRIDE, 2 STRIDE, ... new chunks later: simulation keeps an even
    pace, and (reuse - 1) STRIDE + 1 chunks are all that is ever kept. The first units show what there is already.
    """
    newest, showing = divmod(unit, reuse)
    return newest - showing * STRIDE % (newest + 1)


def oldest_needed(unit: int, reuse: int) -> int:
    """No unit from this one on shows an older chunk."""
    return max(0, unit // reuse - (reuse - 1) * STRIDE)


def places_in_stream(positions: np.ndarray, reuse: int, seed: int, rank: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Chunks and places in them (n,), (n,) that a stream shows at positions (n,)."""
    units, places = np.divmod(positions, CHUNK)
    chunks, rows = np.empty(len(positions), np.int64), np.empty(len(positions), np.int64)
    for unit in np.unique(units):
        here = units == unit
        chunks[here] = chunk_of_unit(int(unit), reuse)
        rows[here] = generator(PLACES, seed, rank, int(unit)).permutation(CHUNK)[places[here]]
    return chunks, rows


def elements(order: int, batch: int, seed: int, step: int) -> np.ndarray:
    """(batch,) places in a symmetry group of so many elements, each as likely, for the joint batch of a step."""
    return generator(TURNS, seed, step).integers(0, order, batch)
