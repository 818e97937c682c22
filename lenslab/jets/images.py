"""Images of jets: what is lit, kept sparse, and the same on a grid.

Of 15,625 crystals a jet lights a hundred. Kept are their places and values: 0.7 kB a jet instead of 190.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lenslab.jets import CHANNELS
from lenslab.jets.detector import CRYSTAL, FAINTEST, PER_TOWER, SIDE, TOWERS, Measured

BINS = {SIDE: 1, 64: 2, 32: 4}     # pixels on a side of an image: crystals on a side of a pixel
# GeV: a crystal's share of the faintest tower is the least that a pixel of the third channel can hold.
FLOORS = np.array([*FAINTEST[:2], FAINTEST[2] / PER_TOWER**2], np.float32)
ROUNDED = 0.999                    # a value at a floor that went through half precision is still above this much of it


@dataclass(frozen=True)
class Hits:
    """What n jets light. Places are row x side + column, of crystals for tracks and ECAL, of towers for HCAL.

    counts   (n, 3) uint16  hits of each jet in tracks, ECAL and HCAL
    places   (m,) uint16    one jet after the other, one channel after the other
    values   (m,) float16   GeV
    """

    counts: np.ndarray
    places: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    @staticmethod
    def of(measured: Sequence[Measured]) -> "Hits":
        parts = [part.astype(np.float16).ravel() for jet in measured for part in (jet.tracks, jet.ecal, jet.hcal)]
        lit = [np.flatnonzero(part) for part in parts]
        return Hits(np.array([len(places) for places in lit], np.uint16).reshape(-1, len(CHANNELS)),
                    np.concatenate(lit).astype(np.uint16) if lit else np.empty(0, np.uint16),
                    np.concatenate([part[places] for part, places in zip(parts, lit, strict=True)])
                    if lit else np.empty(0, np.float16))

    @staticmethod
    def of_images(images: np.ndarray) -> "Hits":
        """Those of dense images (n, 3, 125, 125); HCAL's pixels are summed to towers."""
        towers = images[:, 2].reshape(-1, TOWERS, PER_TOWER, TOWERS, PER_TOWER).sum((2, 4))
        return Hits.of([Measured(image[0], image[1], tower) for image, tower in zip(images, towers, strict=True)])

    @staticmethod
    def joined(parts: Sequence["Hits"]) -> "Hits":
        return Hits(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in parts),
                                                                 strict=True)))

    def take(self, rows: np.ndarray) -> "Hits":
        """Jets by an index array, in any order."""
        lengths = self.counts.sum(1, dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        mine = lengths[rows]
        at = np.repeat(starts[rows] - (np.cumsum(mine) - mine), mine) + np.arange(mine.sum())
        return Hits(self.counts[rows], self.places[at], self.values[at])

    def images(self, side: int, flips: np.ndarray | None = None) -> np.ndarray:
        """(n, 3, side, side) float32 GeV, in pixels of 1, 2 or 4 crystals; the sum of each channel is kept.

        flips   (n, 2) bool: turn eta, turn phi. The window is turned before it is binned, since 125 crystals are no
                whole number of pixels: the last row and column of pixels are not full, and stay where they are
        """
        n, bins = len(self), pixels(side)
        jet = np.repeat(np.repeat(np.arange(n), len(CHANNELS)), self.counts.ravel())
        channel = np.repeat(np.tile(np.arange(len(CHANNELS)), n), self.counts.ravel())
        cells = np.where(channel == 2, TOWERS, SIDE)
        place = [self.places // cells, self.places % cells]
        if flips is not None:
            place = [np.where(flips[jet, k], cells - 1 - part, part) for k, part in enumerate(place)]
        row, column = place
        values, fine = self.values.astype(np.float64), channel < 2
        out = np.empty((n, len(CHANNELS), side, side), np.float32)
        at = (((jet * 2 + channel) * side + row // bins) * side + column // bins)[fine]
        out[:, :2] = np.bincount(at, values[fine], n * 2 * side * side).reshape(n, 2, side, side)
        at = ((jet * TOWERS + row) * TOWERS + column)[~fine]
        towers = np.bincount(at, values[~fine], n * TOWERS * TOWERS).reshape(n, TOWERS, TOWERS)
        share = shares_of_towers(side)
        out[:, 2] = share @ towers @ share.T
        return out


def pixels(side: int) -> int:
    """Crystals on a side of a pixel."""
    if side not in BINS:
        raise ValueError(f"Jet images of {side} x {side} pixels were asked for; choose one of "
                         f"{', '.join(map(str, BINS))}.")
    return BINS[side]


def pitch(side: int) -> float:
    """rad, and in eta: a pixel's width."""
    return pixels(side) * CRYSTAL


def shares_of_towers(side: int) -> np.ndarray:
    """(side, 25) how much of a tower's row lies in each row of pixels."""
    share = np.zeros((side, TOWERS))
    crystals = np.arange(SIDE)
    np.add.at(share, (crystals // pixels(side), crystals // PER_TOWER), 1 / PER_TOWER)
    return share


def cut(images: np.ndarray) -> np.ndarray:
    """The detector's thresholds on images (n, 3, side, side) of any origin: what is fainter than it keeps is 0."""
    return np.where(images >= ROUNDED * FLOORS[:, None, None], images, 0)
