"""Symmetries of a square frame, and how they act on all that is seen in it: maps, vectors, ellipticities, angles.

A turn by a quarter and a mirror map pixels onto pixels, so that nothing is interpolated. Numbers turn with the picture:
a place is a vector, ellipticity and shear have spin 2 (a half turn leaves them), a multipole of order m has spin m.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from torch import Tensor

Spins = Mapping[tuple[str, str], int]    # {(name of the real part, name of the imaginary part): spin}


@dataclass(frozen=True)
class Element:
    """The mirror x -> -x, or none, and after it quarter turns (x, y) -> (y, -x)."""

    mirrored: bool
    quarters: int

    def maps(self, maps: Tensor) -> Tensor:
        """Maps (..., N, N), whose rows grow with y."""
        return torch.rot90(maps.flip(-1) if self.mirrored else maps, self.quarters, (-2, -1))

    def spin(self, s: int, real, imaginary):
        """Both parts of r exp(i s phi), any shape. The mirror takes phi to pi - phi, a quarter turn to phi - pi/2."""
        if self.mirrored:
            real, imaginary = (-1) ** s * real, (-1) ** (s + 1) * imaginary
        for _ in range(s * self.quarters % 4):
            real, imaginary = imaginary, -real
        return real, imaginary

    def angle(self, phi):
        """A direction, rad from x towards y, in [-pi, pi)."""
        turned = (pi - phi if self.mirrored else phi) - self.quarters * pi / 2
        return (turned + pi) % (2 * pi) - pi


GROUPS = {
    "D4": tuple(Element(mirrored, quarters) for mirrored in (False, True) for quarters in range(4)),
    "C2": (Element(False, 0), Element(False, 2)),
    "none": (Element(False, 0),),
}


def turn_maps(maps: Tensor, symmetry: str, places: np.ndarray) -> Tensor:
    """Maps (B, ..., N, N), each by its own element of a group: `places` (B,) in GROUPS[symmetry]."""
    out = torch.empty_like(maps)
    for place, element in enumerate(GROUPS[symmetry]):
        mine = torch.from_numpy(np.flatnonzero(places == place)).to(maps.device)
        out[mine] = element.maps(maps[mine])
    return out


def turn_numbers(table: Tensor, names: tuple[str, ...], spins: Spins, symmetry: str, places: np.ndarray) -> Tensor:
    """Numbers (B, P) called `names`, each row by its own element; those that `spins` does not name turn with nothing.

    Raises ValueError where one part of a pair is there without the other.
    """
    out = table.clone()
    for (real, imaginary), spin in spins.items():
        if (real in names) != (imaginary in names):
            raise ValueError(f"{real} and {imaginary} turn into each other; give both or none.")
        if real not in names:
            continue
        k, j = names.index(real), names.index(imaginary)
        for place, element in enumerate(GROUPS[symmetry]):
            mine = torch.from_numpy(np.flatnonzero(places == place)).to(table.device)
            out[mine, k], out[mine, j] = element.spin(spin, table[mine, k], table[mine, j])
    return out
