"""What an untrusted file holds, told by its headers before any of it is unpacked or allocated.

Every format is brought to one form, named arrays that are decoded when asked for, so that nothing above knows formats.
A refusal is a ValueError that says what came, what is accepted and what to do.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

MAX_FILE = 20 * 2**20       # bytes of a file as it comes
MAX_UNPACKED = 80 * 2**20   # bytes of what a compressed file may grow to
MAX_SIDE = 4096             # pixels
MAX_PARTS = 64              # HDUs of a FITS file, members of an npz, data sets of an HDF5 file

ACCEPTED = "FITS (also .fits.gz), npy, npz, HDF5, PNG, JPEG or a scene.json"
KINDS = {"fits": "FITS", "fit": "FITS", "fts": "FITS", "fits.gz": "gzip", "fit.gz": "gzip", "npy": "npy", "npz": "npz",
         "h5": "HDF5", "hdf5": "HDF5", "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "json": "JSON"}
MAGIC = {b"SIMPLE  =": "FITS", b"\x1f\x8b": "gzip", b"\x93NUMPY": "npy", b"PK\x03\x04": "npz", b"PK\x05\x06": "npz",
         b"\x89HDF\r\n\x1a\n": "HDF5", b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"{": "JSON"}


@dataclass(frozen=True)
class Part:
    """One array of a file: its shape as announced, and the call that decodes it."""

    shape: tuple[int, ...]
    load: Callable[[], np.ndarray]
    header: Mapping = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """The arrays of a file by name (upper case; HDU n of a FITS file without a name is `HDUn`), in its order."""

    name: str
    kind: str
    parts: dict[str, Part]
    header: Mapping = field(default_factory=dict)

    def find(self, *names: str) -> str | None:
        """The first of some names that is there."""
        return next((name for name in names if name in self.parts), None)

    def load(self, name: str) -> np.ndarray:
        return self.parts[name].load()


def kind_of(name: str, data: bytes) -> str:
    """The kind of a file by its first bytes, which must be what its name says."""
    if len(data) > MAX_FILE:
        raise ValueError(f"{short(name)} has {len(data) / 2**20:.1f} MB; at most {MAX_FILE / 2**20:.0f} MB are read: "
                         "cut out the lens and save it anew.")
    if not data:
        raise ValueError(f"{short(name)} is empty; give a file that is {ACCEPTED}.")
    words = str(name).lower().replace("\\", "/").rsplit("/", 1)[-1].split(".")
    named = KINDS.get(".".join(words[-2:])) or KINDS.get(words[-1]) if len(words) > 1 else None
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip(b" \r\n\t") if named == "JSON" else data[:64]
    found = next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)
    if named is None:
        raise ValueError(f"{short(name)} has an ending that is not known here; give a file that is {ACCEPTED}, and "
                         "named so. Pickles, archives and programs are never opened.")
    if found != named:
        came = f"its first bytes are those of {found}" if found else "its first bytes are of no kind that is read here"
        raise ValueError(f"{short(name)} is named as {named}, but {came}; rename it, or save it again as {ACCEPTED}.")
    return found


def short(name: str) -> str:
    """A file name as a sentence may show it: the last part, printable, of bounded length."""
    name = printable(str(name).replace("\\", "/").rsplit("/", 1)[-1])
    return name if len(name) <= 60 else f"{name[:40]}...{name[-15:]}"


def briefly(error: Exception) -> str:
    """What a library says of damage: its words may quote the whole file."""
    return printable(str(error)[:80]).rstrip(".")


def printable(text: str) -> str:
    """A text without control signs and halves of letters (lone surrogates), which no message can carry."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def number(value) -> float | None:
    """A finite number out of a header or an array of one element, else None."""
    if isinstance(value, np.ndarray):
        value = value.item() if value.size == 1 and value.dtype.kind in "fiu" else None
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    value = float(value)
    return value if math.isfinite(value) else None
