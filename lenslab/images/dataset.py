"""Sets of images on disk (HDF5) and endless streams of them.

    image       (N, H, W) float32         label       (N,) int64, place in the classes
    parameters  (N, P) float64, a column for each number of the scene, NaN where it has no such component
    truths      (N, T) float64, what stands in no scene: S, sigma_v, the ceiling
    seeds       (N, 2) int64, of substructure and noise      background  (N,) float32, rms of an empty pixel, counts/s
    done        (chunks,) uint8

and one JSON attribute, `header`: population with every law, classes, names of columns, seed, split, size, version, and
with galaxies=on the content hashes of all galaxies of the split (the truth `picture` is the start of one of them). No
variance is kept: background and image give it (`ImageSet.variance`), and parameters and seeds give the whole Scene.

While it is written a set is PATH.partial. All its space is laid out first and no metadata of HDF5 changes afterwards;
a chunk is on the disk before it is called done. So a kill at any moment costs at most the chunks under way.
"""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

import lenslab
from lenslab.images.cluster import chunks_on, reach
from lenslab.images.draw import Items, estimated_variance, items
from lenslab.images.galaxies import ID_DIGITS, of_split, source_of
from lenslab.images.workers import chunks_from, columns_of
from lenslab.population import CHUNK, SPLITS, Population, find
from lenslab.scene import Camera, Scene, Sersic, Substructure, from_dict
from lenslab.scenes import Scenes

FORMAT = 1
MAX_ITEMS = 10**8
NAMES = ("image", "label", "parameters", "truths", "seeds", "background", "done")


def write(population: Population | str, size: int, path: str | os.PathLike, *, seed: int = 0, split: str = "train",
          workers: int = 1, dask: str | None = None, ceiling: bool = False,
          report: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write the first `size` items of a split to `path`; started again after a kill, it goes on where it was.

    The pixels do not depend on the number of workers, nor on whether they are processes here or those of the dask
    cluster whose address is `dask`. `ceiling` is that of `draw.items`; `report(done, total)` counts items.
    """
    population = find(population) if isinstance(population, str) else population
    path = Path(path)
    options = dict(ceiling=ceiling)
    header = header_of(population, size, seed, split, options)
    partial = path.with_name(path.name + ".partial")
    if not (isinstance(workers, int) and 0 < workers <= 256):
        raise ValueError(f"{workers!r} workers were asked for; give a whole number between 1 and 256.")
    if path.exists():
        raise ValueError(f"{path} is there already; delete it or choose another name.")
    if not path.parent.is_dir():
        raise ValueError(f"The folder {path.parent} does not exist; make it first.")
    if dask is not None:
        reach(dask)  # before a file is made
    if not partial.exists():
        lay_out(partial, header)
    with opened(partial, "r+") as file:
        if read_header(file) != header:
            raise ValueError(f"{partial} was begun as {told(read_header(file))}, but {told(header)} is asked for; "
                             "finish that one, or delete it.")
        left = np.flatnonzero(file["done"][:] == 0)
        counted = size - sum(min(CHUNK, size - CHUNK * int(chunk)) for chunk in left)
        report(counted, size)
        tasks = [int(chunk) for chunk in left]
        make = functools.partial(columns_of, population.name, seed=seed, split=split, options=options)
        made = chunks_from(make, tasks, workers) if dask is None else chunks_on(
            dask, population.name, seed, split, options, tasks)
        for chunk, columns in made:
            check_pictures(header, columns)
            rows = slice(CHUNK * chunk, min(CHUNK * (chunk + 1), size))
            for name, column in columns.items():
                file[name][rows] = column[:rows.stop - rows.start]
            to_disk(file)
            file["done"][chunk] = 1
            to_disk(file)
            counted += rows.stop - rows.start
            report(counted, size)
    os.replace(partial, path)
    sync_folder(path.parent)


def header_of(population: Population, size: int, seed: int, split: str, options: dict[str, bool]) -> dict:
    """What a set says of itself; two sets with the same header hold the same numbers."""
    if not (isinstance(size, int) and 0 < size <= MAX_ITEMS):
        raise ValueError(f"The size is {size!r}; give a whole number of images between 1 and {MAX_ITEMS}.")
    truths = sorted(set(population.chunk(0, seed, split).truths) | {"signal_to_noise"})
    header = dict(lenslab_dataset=FORMAT, version=lenslab.__version__, population=population.name,
                  definition=population.definition, classes=list(population.classes), columns=list(population.paths),
                  truths=truths + ["ceiling"] * options["ceiling"], seed=seed, split=split, size=size,
                  num_pix=population.camera.num_pix)
    if "picture" in truths:
        header["pictures"] = [galaxy.name for galaxy in of_split(split)]
    return json.loads(json.dumps(header))


def check_pictures(header: dict, columns: dict[str, np.ndarray]) -> None:
    """Refuse a chunk of galaxies that the header does not list: a worker saw another folder, or it was changed."""
    if "pictures" in header:
        used = columns["truths"][:, header["truths"].index("picture")]
        known = [int(name[:ID_DIGITS], 16) for name in header["pictures"]]
        if not np.isin(used[~np.isnan(used)], known).all():
            raise ValueError("A worker found other galaxies than those this set was begun with; let LENSLAB_DATA name "
                             "the same pictures for every worker, from the beginning to the end.")


def told(header: dict) -> str:
    how = " with its ceiling" * ("ceiling" in header["truths"])
    if pictures := header.get("pictures"):
        how += f" with {len(pictures)} galaxies ({hashlib.sha256(''.join(pictures).encode()).hexdigest()[:8]})"
    return (f"{header['size']} of {header['population']}{how}, seed {header['seed']}, split {header['split']}, "
            f"by lenslab {header['version']}")


def shapes(header: dict) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type of each array of a set with this header."""
    n, side = header["size"], header["num_pix"]
    return {"image": ((n, side, side), "<f4"), "label": ((n,), "<i8"),
            "parameters": ((n, len(header["columns"])), "<f8"), "truths": ((n, len(header["truths"])), "<f8"),
            "seeds": ((n, 2), "<i8"), "background": ((n,), "<f4"), "done": ((-(-n // CHUNK),), "|u1")}


def lay_out(partial: Path, header: dict) -> None:
    """Make the empty file whole before it has its name, so that a partial file is always complete in its metadata."""
    unborn = partial.with_name(partial.name + ".new")
    with h5py.File(unborn, "w") as file:
        file.attrs["header"] = np.bytes_(json.dumps(header))
        for name, (shape, dtype) in shapes(header).items():
            layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            layout.set_layout(h5py.h5d.CONTIGUOUS)
            layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)),
                            h5py.h5s.create_simple(shape), layout)
        to_disk(file)
    os.replace(unborn, partial)
    sync_folder(partial.parent)


def to_disk(file: h5py.File) -> None:
    file.flush()
    os.fsync(file.id.get_vfd_handle())


def sync_folder(folder: Path) -> None:
    """A name is safe only when its folder is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def opened(path: Path, mode: str) -> h5py.File:
    try:
        return h5py.File(path, mode)
    except BlockingIOError:
        raise ValueError(f"{path} is being written by another process; wait for it, or choose another name.") from None
    except FileNotFoundError:
        raise ValueError(f"There is no file {path}.") from None
    except OSError:
        raise ValueError(f"{path} is no HDF5 file that can be opened, or it is damaged; make it anew with "
                         "python -m lenslab dataset.") from None


def read_header(file: h5py.File) -> dict:
    """The header of a file that may come from anywhere."""
    refusal = f"{file.filename} is no set of lenslab images; make one with python -m lenslab dataset."
    try:
        text = file.attrs["header"]
        header = json.loads(text) if isinstance(text, bytes) else None
        good = isinstance(header, dict) and header["lenslab_dataset"] == FORMAT
        lists = good and all(isinstance(header[name], list) and len(header[name]) <= 5000
                             and all(isinstance(item, str) for item in header[name])
                             for name in ("classes", "columns", "truths"))
        good = lists and all(type(header[name]) is int for name in ("seed", "size", "num_pix")) \
            and 0 < header["size"] <= MAX_ITEMS and 0 < header["num_pix"] <= 4096 and header["split"] in SPLITS \
            and isinstance(header["population"], str) and isinstance(header["version"], str)
        pictures = header.get("pictures", [])
        good = good and isinstance(pictures, list) and all(isinstance(item, str) for item in pictures)
        from_dict(header["definition"]["camera"], Camera)
    except (KeyError, TypeError, ValueError, OSError, RecursionError):
        good = False
    if not good:
        raise ValueError(refusal)
    return header


@dataclass(frozen=True)
class ImageSet:
    """A set on disk, read piece by piece; close it, or use it in a `with`."""

    file: h5py.File
    header: dict

    def __len__(self) -> int:
        return self.header["size"]

    def __enter__(self) -> "ImageSet":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()

    @property
    def classes(self) -> list[str]:
        return self.header["classes"]

    @property
    def camera(self) -> Camera:
        return from_dict(self.header["definition"]["camera"], Camera)

    @property
    def labels(self) -> np.ndarray:
        """(N,) int64."""
        return self.file["label"][:]

    def images(self, rows=slice(None)) -> Tensor:
        """(n, 1, H, W) float32 of a slice, or of an increasing index array."""
        return torch.from_numpy(self.file["image"][rows])[:, None]

    def variance(self, rows=slice(None)) -> Tensor:
        """(n, 1, H, W): what the image and its background tell of its noise (draw.estimated_variance)."""
        background = torch.from_numpy(self.file["background"][rows])
        electrons = self.column("camera.exposure_time", rows) * self.column("camera.gain", rows)
        return estimated_variance(self.camera, self.images(rows), background, torch.from_numpy(electrons).float())

    def column(self, name: str, rows=slice(None)) -> np.ndarray:
        """(n,) float64: a number of the scenes by its path, or a truth (signal_to_noise, ceiling, ...) by its name."""
        for table, names in (("parameters", self.header["columns"]), ("truths", self.header["truths"])):
            if name in names:
                return self.file[table][rows, names.index(name)]
        raise ValueError(f"This set has no column {name[:40]!r}; it has {', '.join(self.header['truths'])} and the "
                         "numbers of a scene, such as lens.theta_E.")

    def scene(self, row: int) -> Scene:
        """The whole truth of one item."""
        values = {path: torch.tensor([value], dtype=torch.float64)
                  for path, value in zip(self.header["columns"], self.file["parameters"][row], strict=True)
                  if not np.isnan(value) or path == "camera.background_rms"}
        definition, label = self.header["definition"], int(self.file["label"][row])
        n_lights = sum(path.startswith("lens_light.") and path.endswith(".q") for path in values)
        dark = Substructure(kind=definition["kinds"][label], conserve_mass=definition["conserve_mass"])
        template = Scene(camera=self.camera, substructure=dark, lens_light=(Sersic(),) * n_lights)
        if "pictures" in self.header and not np.isnan(picture := self.column("picture", row)):
            template = replace(template, source=source_of(self.header["pictures"], float(picture)))
        return Scenes.from_values(template, values, self.file["seeds"][row][None]).scene(0)


def read(path: str | os.PathLike) -> ImageSet:
    """Open a set that may come from anywhere; ValueError says what is wrong with it.

    Only plain arrays inside the file are accepted: external or soft links, external or virtual storage, filters and
    objects are refused, and no array may claim more than the file holds.
    """
    path = Path(path)
    file = opened(path, "r")
    try:
        header = read_header(file)
        wanted = shapes(header)
        for name in NAMES:
            shape, dtype = wanted[name]
            item = file.get(name) if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
            plain = isinstance(item, h5py.Dataset) and not item.external and item.shape == shape \
                and item.dtype == np.dtype(dtype) and item.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
            if not plain or item.id.get_storage_size() != item.nbytes or (item.nbytes and item.id.get_offset() is None):
                raise ValueError(f"The array {name!r} of {path} is not what lenslab writes; make the set anew with "
                                 "python -m lenslab dataset.")
        if sum(file[name].nbytes for name in NAMES) > path.stat().st_size:
            raise ValueError(f"{path} claims more images than it holds; it was cut off: make it anew.")
        if not file["done"][:].all():
            raise ValueError(f"{path} is not finished; start the command that makes it once more, and it goes on.")
    except BaseException:
        file.close()
        raise
    return ImageSet(file, header)


@dataclass
class Stream:
    """Endless batches of a population: `stream(step)` is a pure function of (seed, step), and resumes anywhere."""

    population: Population
    batch: int
    seed: int
    split: str = "train"
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    _kept: tuple[int, Items] | None = None

    def __call__(self, step: int) -> Items:
        """Items batch * step to batch * (step + 1) - 1."""
        first, last, parts = self.batch * step, self.batch * (step + 1), []
        for chunk in range(first // CHUNK, (last - 1) // CHUNK + 1):
            start = CHUNK * chunk
            parts.append(self.chunk(chunk).take(slice(max(first - start, 0), min(last - start, CHUNK))))
        return parts[0] if len(parts) == 1 else Items.joined(parts)

    def __iter__(self) -> Iterator[Items]:
        step = 0
        while True:
            yield self(step)
            step += 1

    def chunk(self, index: int) -> Items:
        """The last chunk is kept: the next batch begins in it more often than not."""
        if self._kept is None or self._kept[0] != index:
            self._kept = index, items(self.population, index, self.seed, self.split, device=self.device,
                                      dtype=self.dtype)
        return self._kept[1]


def stream(population: Population | str, batch: int, seed: int, split: str = "train", *, device="cpu",
           dtype=torch.float32) -> Stream:
    """Endless batches; the items are those that a set of the same seed and split holds."""
    return Stream(find(population) if isinstance(population, str) else population, batch, seed, split, device, dtype)
