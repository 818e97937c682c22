"""Sets of images on disk (HDF5).

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

import errno
import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

import lenslab
from lenslab import strict_json
from lenslab.feed.workers import chunks_from
from lenslab.population import CHUNK, SPLITS, Population, find
from lenslab.scene import SUBSTRUCTURE, Camera, Scene, Sersic, Substructure, from_dict
from lenslab.scenes import Scenes
from lenslab.sets.cluster import chunks_on, reach
from lenslab.sets.draw import columns_of, estimated_variance
from lenslab.sets.galaxies import ID_DIGITS, of_split, source_of
from lenslab.sky.contents import briefly

FORMAT = 1
FULL = errno.ENOSPC, errno.EDQUOT
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
    try:
        if not partial.exists():
            lay_out(partial, header)
        with opened(partial, "r+") as file:
            if read_header(file) != header:
                raise ValueError(f"{partial} was begun as {summary(read_header(file))}, but {summary(header)} is asked "
                                 "for; finish that one, or delete it.")
            tasks = [int(chunk) for chunk in np.flatnonzero(file["done"][:] == 0)]
            make = functools.partial(columns_of, population.name, seed=seed, split=split, options=options)
            made = chunks_from(make, tasks, workers) if dask is None else chunks_on(
                dask, population.name, seed, split, options, tasks)
            fill(file, header, tasks, made, report)
    except (OSError, RuntimeError) as error:
        if not is_full(error):
            raise
        size_mb = sum(np.dtype(dtype).itemsize * math.prod(shape) for shape, dtype in shapes(header).values()) / 2**20
        raise ValueError(f"The disk of {path} is full; the whole set takes {size_mb:.0f} MB. Free some space, then "
                         "give the same command again: it goes on where it was.") from None
    os.replace(partial, path)
    sync_folder(path.parent)


def fill(file: h5py.File, header: dict, tasks: list[int], made: Iterator[tuple[int, dict]],
         report: Callable[[int, int], None]) -> None:
    """Write the chunks that are left as they are made, each on the disk before it is called done."""
    size = header["size"]
    counted = size - sum(min(CHUNK, size - CHUNK * chunk) for chunk in tasks)
    report(counted, size)
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


def is_full(error: BaseException) -> bool:
    """Whether a disk had no room: h5py fails again on closing the file, in words of its own, so causes count too."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


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


def summary(header: dict) -> str:
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
        header = strict_json.loads(bytes(file.attrs["header"]))  # written as bytes; text is none of ours
        definition = header["definition"]
        good = header["lenslab_dataset"] == FORMAT
        lists = good and all(isinstance(header[name], list) and len(header[name]) <= 5000
                             and all(isinstance(item, str) for item in header[name])
                             for name in ("classes", "columns", "truths"))
        good = lists and all(type(header[name]) is int for name in ("seed", "size", "num_pix")) \
            and 0 < header["size"] <= MAX_ITEMS and 0 < header["num_pix"] <= 4096 and header["split"] in SPLITS \
            and isinstance(header["population"], str) and isinstance(header["version"], str)
        pictures = header.get("pictures", [])
        good = good and isinstance(pictures, list) and all(isinstance(item, str) for item in pictures)
        good = good and len(definition["kinds"]) == len(header["classes"]) \
            and set(definition["kinds"]) <= set(SUBSTRUCTURE) and type(definition["conserve_mass"]) is bool
        from_dict(definition["camera"], Camera)
    except (KeyError, TypeError, ValueError, AttributeError, OSError, RuntimeError):
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
        """The whole truth of one item; ValueError where the set does not tell it."""
        try:
            return self._scene(row)
        except (KeyError, IndexError, TypeError, AttributeError, OSError, RuntimeError):
            raise ValueError(f"Row {row} of this set does not describe a scene of lenslab; make the set anew with "
                             "python -m lenslab dataset.") from None

    def _scene(self, row: int) -> Scene:
        values = {path: torch.tensor([value], dtype=torch.float64)
                  for path, value in zip(self.header["columns"], self.file["parameters"][row], strict=True)
                  if not np.isnan(value) or path == "camera.background_rms"}
        definition, label = self.header["definition"], int(self.file["label"][row])
        if not 0 <= label < len(self.classes):
            raise IndexError(label)
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
    except (KeyError, TypeError, OSError, RuntimeError) as error:  # what h5py makes of damage inside
        file.close()
        raise ValueError(f"{path} is damaged ({briefly(error)}); make the set anew with python -m lenslab dataset."
                         ) from None
    except BaseException:
        file.close()
        raise
    return ImageSet(file, header)


def population_of(path: str | os.PathLike) -> Population:
    """What a set holds, when it is what the population of that name still means."""
    with read(path) as images:
        name, definition = images.header["population"], images.header["definition"]
    population = find(name)
    now = json.loads(json.dumps(population.definition))
    if now | dict(about="") != definition | dict(about=""):  # a better sentence about it makes no other images
        raise ValueError(f"{path} holds {name} as an earlier lenslab drew it; make the set anew with "
                         "python -m lenslab dataset.")
    return population
