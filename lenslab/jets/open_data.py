"""Jets of CMS open data, in the files of the end-to-end papers (Andrews et al. 2020, 1902.08276 and 2104.14659).

    parquet  X_jets (3, 125, 125), pt, m0, y             HDF5  X_jets (N, 125, 125, 3), pt, m0, y
    parquet  X_jet (8, 125, 125), mass, pt, ieta, iphi

They are read piece by piece, since a file is larger than a memory. No file says what its channels are and in which
unit, and repositories disagree: both are arguments, and so is what y = 0, 1, ... mean.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lenslab.jets import CHANNELS
from lenslab.jets.detector import SIDE
from lenslab.jets.files import free, header_of, join
from lenslab.jets.images import Hits

AT_ONCE = 128                            # jets: 8 channels of them in double precision are 128 MB
USED = len(CHANNELS)
LAYOUTS = {"X_jets": ("pt", "m0", "y"), "X_jet": ("pt", "mass", None)}     # p_T, mass, label


@dataclass(frozen=True)
class Reading:
    """How a file is to be understood.

    channels   what its first three channels are, some order of CHANNELS
    scale      what each of those is multiplied by, so that it is GeV
    labels     what y = 0, 1, ... mean; one name where the file has no y
    """

    channels: tuple[str, ...] = CHANNELS
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    labels: tuple[str, ...] = ("gluon", "quark")

    def __post_init__(self):
        if sorted(self.channels) != sorted(CHANNELS):
            raise ValueError(f"The channels are {', '.join(self.channels)[:80]}; give {', '.join(CHANNELS)} in the "
                             "order in which the file has them.")
        if len(self.scale) != USED or not all(np.isfinite(x) and x > 0 for x in self.scale):
            raise ValueError(f"The scale is {self.scale}; give three numbers above 0, one for each channel of the "
                             "file.")
        if not self.labels or not all(name.isidentifier() and len(name) <= 40 for name in self.labels):
            raise ValueError(f"The labels are {', '.join(self.labels)[:80] or 'none'}; give a word for each y, as in "
                             "gluon,quark.")


@dataclass(frozen=True)
class Piece:
    """Some jets of a file: images (n, 3, 125, 125) by CHANNELS in GeV, its further channels (n, C, 125, 125) as they
    are, p_T and mass (n,) in GeV, and the place of each in the labels."""

    images: np.ndarray
    others: np.ndarray
    pt: np.ndarray
    mass: np.ndarray
    label: np.ndarray


def pieces(path: str | os.PathLike, reading: Reading, at_once: int = AT_ONCE) -> Iterator[Piece]:
    """All jets of a file in their order; ValueError where it is none of the layouts above."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    with open(path, "rb") as file:
        start = file.read(8)
    rows = of_parquet if start[:4] == b"PAR1" else of_hdf5 if start == b"\x89HDF\r\n\x1a\n" else None
    if rows is None:
        raise ValueError(f"{path.name} is neither parquet nor HDF5; give a file of jet images in one of the two.")
    for images, pt, mass, label in rows(path, at_once):
        yield piece(path, reading, images, pt, mass, label)


def piece(path: Path, reading: Reading, images: np.ndarray, pt, mass, label) -> Piece:
    """Checked and brought into the order of CHANNELS."""
    label = np.zeros(len(images)) if label is None else label
    if not all(np.isfinite(part).all() for part in (images, pt, mass, label)):
        raise ValueError(f"{path.name} holds numbers that are not finite; leave those jets out.")
    if not np.isin(label, np.arange(len(reading.labels))).all():
        raise ValueError(f"{path.name} has jets of y = {label.max():g}, but y was said to mean "
                         f"{', '.join(reading.labels)}; name a label for each y from 0 on.")
    scaled = images[:, :USED] * np.array(reading.scale)[:, None, None]
    order = [reading.channels.index(name) for name in CHANNELS]
    return Piece(scaled[:, order].astype(np.float32), images[:, USED:].astype(np.float32), pt.astype(np.float32),
                 mass.astype(np.float32), label.astype(np.int64))


def of_hdf5(path: Path, at_once: int) -> Iterator[tuple]:
    try:
        with h5py.File(path, "r") as file:
            names = ("X_jets", *LAYOUTS["X_jets"])
            parts = [file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
                     for name in names]
            if not all(isinstance(part, h5py.Dataset) and not part.external and not part.is_virtual
                       and part.dtype.kind in "fiu" for part in parts):
                raise ValueError(f"{path.name} has no arrays {', '.join(names)} of numbers; it has "
                                 f"{', '.join(sorted(file))[:80]}.")
            n = len(parts[0]) if parts[0].ndim else 0
            check_shape(path, parts[0].shape[1:], (SIDE, SIDE, USED))
            if any(part.shape not in ((n,), (n, 1)) for part in parts[1:]):
                raise ValueError(f"{path.name} does not have one pt, m0 and y for each image; mend it.")
            for k in range(0, n, at_once):
                images, *numbers = (part[k:k + at_once] for part in parts)
                yield np.moveaxis(images, -1, 1).astype(np.float64), *(part.ravel() for part in numbers)
    except (OSError, RuntimeError, KeyError):
        raise ValueError(f"{path.name} is damaged; take another copy of it.") from None


def of_parquet(path: Path, at_once: int) -> Iterator[tuple]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            have = file.schema_arrow.names
            name = next((name for name in LAYOUTS if name in have), None)
            wanted = [part for part in LAYOUTS.get(name, ()) if part]
            if name is None or not set(wanted) <= set(have):
                raise ValueError(f"{path.name} has the columns {', '.join(have)[:80]}; those of X_jets, pt, m0, y or "
                                 "of X_jet, pt, mass are read.")
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(at_once, row_groups=[group], columns=[name, *wanted]):
                    depth = USED if name == "X_jets" else 8
                    images = nested(path, batch.column(name), (depth, SIDE, SIDE))
                    numbers = [batch.column(part).to_numpy(zero_copy_only=False).astype(np.float64)
                               for part in wanted]
                    yield images, *numbers, *([None] if len(numbers) == 2 else [])
    except (pyarrow.ArrowException, OSError, TypeError) as error:
        raise ValueError(f"{path.name} cannot be read as parquet ({str(error)[:60]!r}); take another copy of it."
                         ) from None


def nested(path: Path, column, shape: tuple[int, ...]) -> np.ndarray:
    """Lists of lists of lists as one array (n, *shape)."""
    import pyarrow

    n, found = len(column), []
    for _ in shape:
        kind = column.type
        lists = any(is_one(kind) for is_one in (pyarrow.types.is_list, pyarrow.types.is_large_list,
                                                pyarrow.types.is_fixed_size_list))
        lengths = set(column.value_lengths().to_pylist()) if lists else {1}
        found.append(lengths.pop() if len(lengths) == 1 and None not in lengths else 0)
        column = column.flatten() if lists else column
    check_shape(path, tuple(found), shape)
    return column.to_numpy(zero_copy_only=False).astype(np.float64).reshape(n, *shape)


def check_shape(path: Path, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise ValueError(f"The images of {path.name} have the axes {found}; {wanted} are read. Give channels first in "
                         "parquet and last in HDF5.")


def first(source: str | os.PathLike, reading: Reading, most: int | None = None) -> Iterator[Piece]:
    """The first so many jets of a file, or all of them; negative pixels, which calibrations leave behind, are empty."""
    left = most
    for part in pieces(source, reading):
        images = part.images[:left].clip(0, 6e4)
        yield Piece(images, *(column[:left] for column in (part.others, part.pt, part.mass, part.label)))
        if left is not None and (left := left - len(images)) == 0:
            return


def convert(source: str | os.PathLike, path: str | os.PathLike, reading: Reading, most: int | None = None,
            report=lambda done, total: None) -> None:
    """A set of lenslab from a file of CMS open data: the first three of its channels, at most so many jets."""
    path, chunks, n = Path(path), [], 0
    free(path)
    for part in first(source, reading, most):
        n += len(part.pt)
        chunks.append(vars(Hits.of_images(part.images)) | dict(label=part.label, pt=part.pt, mass=part.mass,
                                                               eta=np.zeros_like(part.pt)))
        report(n, most or n)
    if not n:
        raise ValueError(f"{Path(source).name} holds no jets.")
    join(path, header_of(f"CMS open data, {Path(source).name}"[:200], reading.labels, n,
                         definition=json.loads(json.dumps(vars(reading)))), chunks)


def to_e2e(path: str | os.PathLike, images: np.ndarray, pt: np.ndarray, mass: np.ndarray, label: np.ndarray) -> None:
    """Images (n, 3, side, side) as the end-to-end files have them, by the ending .h5 or .parquet."""
    path = Path(path)
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.create_dataset("X_jets", data=np.moveaxis(images, 1, -1), compression="gzip")
            for name, values in (("pt", pt), ("m0", mass), ("y", label)):
                file[name] = values.astype(np.float64)
        return
    if path.suffix != ".parquet":
        raise ValueError(f"{path} ends in {path.suffix or 'nothing'}; choose .h5 or .parquet.")
    import pyarrow
    from pyarrow import parquet

    column = pyarrow.array(images.astype(np.float32).ravel())
    for length in images.shape[:0:-1]:
        column = pyarrow.FixedSizeListArray.from_arrays(column, length)
    parquet.write_table(pyarrow.table({"X_jets": column, "pt": pt.astype(np.float64), "m0": mass.astype(np.float64),
                                       "y": label.astype(np.float64)}), path, row_group_size=AT_ONCE)
