"""Sets of jets on disk (HDF5), sparse.

    counts  (N, 3) uint16, hits in tracks, ECAL, HCAL     label  (N,) uint8, place in the header's flavours
    places  (M,) uint16, values (M,) float16: see Hits    pt, mass, eta  (N,) float32, GeV, of the generator's jet

and one JSON attribute, `header`: source, flavours, seed, split, size, version, and the definition of what was drawn.
While it is written a set is the folder PATH.partial with a file for each chunk, each whole or not there; at the end
they become one file. So a kill at any moment costs at most the chunks under way.
"""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from filelock import FileLock, Timeout

import lenslab
from lenslab import strict_json
from lenslab.checkpoint import write_atomically
from lenslab.feed.examples import Columns
from lenslab.feed.order import CHUNK
from lenslab.feed.workers import chunks_from
from lenslab.jets import CHANNELS, FLAVOURS, SPLITS
from lenslab.jets.detector import SIDE, TOWERS
from lenslab.jets.draw import Draw
from lenslab.jets.images import Hits

FORMAT = 1
SAMPLE = Path(__file__).with_name("sample.h5")     # 2,000 jets: dataset jets --size 2000 --seed 0 --split test
SOURCE = "Pythia 8 and a parametrised detector"
MAX_JETS, MAX_HITS = 10**7, 4 * 10**9
TYPES = {"counts": "<u2", "places": "<u2", "values": "<f2", "label": "|u1", "pt": "<f4", "mass": "<f4", "eta": "<f4"}


@dataclass(frozen=True)
class Jets:
    """A set in memory: hits, label (N,) by header["flavours"], pt, mass and eta (N,) of the generator's jets."""

    hits: Hits
    label: np.ndarray
    pt: np.ndarray
    mass: np.ndarray
    eta: np.ndarray
    header: dict

    def __len__(self) -> int:
        return len(self.label)

    @property
    def flavours(self) -> tuple[str, ...]:
        return tuple(self.header["flavours"])

    def take(self, rows: np.ndarray) -> "Jets":
        return Jets(self.hits.take(rows), self.label[rows], self.pt[rows], self.mass[rows], self.eta[rows],
                    self.header)


def write(size: int, path: str | os.PathLike, *, seed: int = 0, split: str = "train", pileup: float = 0.0,
          workers: int = 1, report: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Simulate the first `size` jets of a split; started again after a kill, it goes on where it was.

    The jets do not depend on the number of workers. `report(done, total)` counts jets.
    """
    path, draw = Path(path), Draw(seed, split, pileup)
    if not (isinstance(size, int) and 0 < size <= MAX_JETS):
        raise ValueError(f"The size is {size!r}; give a whole number of jets between 1 and {MAX_JETS}.")
    if not (isinstance(workers, int) and 0 < workers <= 256):
        raise ValueError(f"{workers!r} workers were asked for; give a whole number between 1 and 256.")
    header = header_of(SOURCE, FLAVOURS, size, seed=seed, split=split, definition=draw.definition)
    partial = begun(path, header)
    try:
        with FileLock(partial / "lock", timeout=0):
            tasks = [chunk for chunk in range(-(-size // CHUNK)) if not file_of(partial, chunk).exists()]
            left = {chunk: min(CHUNK, size - CHUNK * chunk) for chunk in tasks}
            report(size - sum(left.values()), size)
            for chunk, columns in chunks_from(draw.columns, tasks, workers):
                data = io.BytesIO()
                np.savez_compressed(data, **columns)
                write_atomically(file_of(partial, chunk), data.getvalue())
                del left[chunk]
                report(size - sum(left.values()), size)
            join(path, header, (chunk_in(file_of(partial, chunk)) for chunk in range(-(-size // CHUNK))))
    except Timeout:
        raise ValueError(f"{path} is being written by another process; wait for it, or choose another name.") from None
    shutil.rmtree(partial)


def header_of(source: str, flavours: tuple[str, ...], size: int, **more) -> dict:
    return json.loads(json.dumps(dict(lenslab_jets=FORMAT, version=lenslab.__version__, source=source,
                                      flavours=list(flavours), size=size, **more)))


def begun(path: Path, header: dict) -> Path:
    """The folder of a set that is being written, with its header."""
    free(path)
    partial = path.with_name(path.name + ".partial")
    partial.mkdir(exist_ok=True)
    note = partial / "header.json"
    if not note.exists():
        write_atomically(note, json.dumps(header).encode())
    if (here := json.loads(note.read_bytes())) != header:
        told = [f"{name} {here.get(name)}" for name in ("size", "seed", "split", "version")]
        raise ValueError(f"{partial} was begun otherwise ({', '.join(told)}); give that command again, or delete it.")
    return partial


def free(path: Path) -> None:
    """Refuse a name that is taken, and a folder that does not exist."""
    if path.exists():
        raise ValueError(f"{path} is there already; delete it or choose another name.")
    if not path.parent.is_dir():
        raise ValueError(f"The folder {path.parent} does not exist; make it first.")


def file_of(partial: Path, chunk: int) -> Path:
    return partial / f"{chunk:07d}.npz"


def chunk_in(path: Path) -> Columns:
    with np.load(path) as columns:
        return dict(columns)


def join(path: Path, header: dict, chunks: Iterable[Columns]) -> None:
    """One file of many chunks, there as a whole or not at all."""
    parts = list(chunks)
    columns = {name: np.concatenate([part[name] for part in parts])[:header["size"]]
               for name in TYPES if name not in ("places", "values")}
    hits = int(columns["counts"].sum(dtype=np.int64))
    columns |= {name: np.concatenate([part[name] for part in parts])[:hits] for name in ("places", "values")}
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        file.attrs["header"] = np.bytes_(json.dumps(header))
        for name, dtype in TYPES.items():
            file.create_dataset(name, data=columns[name].astype(dtype), compression="gzip", compression_opts=9,
                                shuffle=True)
    write_atomically(path, data.getvalue())


def read(path: str | os.PathLike) -> Jets:
    """A set that may come from anywhere, whole; ValueError says what is wrong with it."""
    path = Path(path)
    refusal = f"{path.name} is no set of jets that lenslab wrote; make one with python -m lenslab dataset jets."
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    try:
        with h5py.File(path, "r") as file:
            header = strict_json.loads(bytes(file.attrs["header"]))
            if not sound_header(header):
                raise ValueError(refusal)
            columns = {name: column(file, name, header["size"]) for name in TYPES}
    except (KeyError, TypeError, OSError, RuntimeError, AttributeError):
        raise ValueError(refusal) from None
    return checked(path, columns, header)


def sound_header(header: object) -> bool:
    return isinstance(header, dict) and header.get("lenslab_jets") == FORMAT and type(header.get("size")) is int \
        and 0 < header["size"] <= MAX_JETS and isinstance(header.get("flavours"), list) \
        and header.get("split", "train") in SPLITS and 1 <= len(header["flavours"]) <= 16 \
        and all(isinstance(name, str) and name.isidentifier() and len(name) <= 40 for name in header["flavours"]) \
        and isinstance(header.get("source"), str) and len(header["source"]) <= 200


def column(file: h5py.File, name: str, size: int) -> np.ndarray:
    """An array inside the file itself, of the type that it must have and no larger than it may be."""
    item = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual or item.dtype != np.dtype(TYPES[name]):
        raise KeyError(name)
    of_hits, right = name in ("places", "values"), (size, len(CHANNELS)) if name == "counts" else (size,)
    if (item.ndim != 1 or len(item) > MAX_HITS) if of_hits else item.shape != right:
        raise KeyError(name)
    if item.nbytes > 2000 * max(1, item.id.get_storage_size()):        # gzip packs no tighter than 1032 : 1
        raise KeyError(name)
    return item[()]


def checked(path: Path, columns: dict[str, np.ndarray], header: dict) -> Jets:
    hits = Hits(columns["counts"], columns["places"], columns["values"])
    ends = int(hits.counts.sum(dtype=np.int64))
    cells = np.repeat(np.tile([SIDE**2, SIDE**2, TOWERS**2], len(hits)), hits.counts.ravel())
    numbers = [columns[name] for name in ("values", "pt", "mass", "eta")]
    if not (len(hits.places) == len(hits.values) == ends and (hits.places < cells).all()
            and all(np.isfinite(part).all() for part in numbers) and (hits.values >= 0).all()
            and (columns["pt"] > 0).all() and (columns["mass"] >= 0).all()
            and (columns["label"] < len(header["flavours"])).all()):
        raise ValueError(f"{path.name} is damaged: its jets are no jets; make it anew with python -m lenslab dataset "
                         "jets.")
    return Jets(hits, columns["label"].astype(np.int64), columns["pt"], columns["mass"], columns["eta"], header)
