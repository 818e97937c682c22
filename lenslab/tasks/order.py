"""Which item stands where in a training, and how it is turned: pure functions of (seed, step), so that a training that
was killed goes on with the very images that it would have seen. Numpy alone, but for the turning itself.
"""

import numpy as np
import torch
from torch import Tensor

from lenslab.population import CHUNK

SYMMETRIES = {  # elements (quarter turns, mirrored): the mirror x -> -x comes first, the turns after it
    "D4": ((0, False), (1, False), (2, False), (3, False), (0, True), (1, True), (2, True), (3, True)),
    "C2": ((0, False), (2, False)),
    "none": ((0, False),),
}
STRIDE = 3                       # chunks that pass between two showings of one
SHUFFLE, PLACES, TURNS = 1, 2, 3   # keep apart what is drawn from one seed


def drawn(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


def rows_of_set(positions: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Items (n,) shown at positions (n,) of endless epochs over `size` items, each epoch in an order of its own."""
    epochs, places = np.divmod(positions, size)
    rows = np.empty(len(positions), np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        rows[here] = drawn(SHUFFLE, seed, int(epoch)).permutation(size)[places[here]]
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
        rows[here] = drawn(PLACES, seed, rank, int(unit)).permutation(CHUNK)[places[here]]
    return chunks, rows


def elements(symmetry: str, batch: int, seed: int, step: int) -> np.ndarray:
    """(batch,) places in SYMMETRIES[symmetry], each as likely, for the joint batch of a step."""
    return drawn(TURNS, seed, step).integers(0, len(SYMMETRIES[symmetry]), batch)


def turned(images: Tensor, symmetry: str, which: np.ndarray) -> Tensor:
    """Images (B, ..., N, N), each turned by its element: exact, since turns and mirrors map pixels onto pixels."""
    out = torch.empty_like(images)
    for place, (quarters, mirrored) in enumerate(SYMMETRIES[symmetry]):
        mine = torch.from_numpy(np.flatnonzero(which == place)).to(images.device)
        part = images[mine]
        part = part.flip(-1) if mirrored else part
        out[mine] = torch.rot90(part, quarters, (-2, -1))
    return out
