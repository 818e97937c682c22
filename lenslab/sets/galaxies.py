"""Real galaxies as sources: where a population asks for them, pictures from the folder LENSLAB_DATA stand in.

The split of a galaxy follows from its content alone, so that none that was trained on ever judges a network, whatever
is added to the folder or taken away. Neither do the names of files matter.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lenslab.picture import remember
from lenslab.population import Draw
from lenslab.scene import Source
from lenslab.scenes import Scenes
from lenslab.sky import catalogue, upload

SPLIT_OF = ("validation", "test", "train", "train", "train")  # by the remainder of the content hash
ID_DIGITS = 13       # hex digits of a hash that a float64 holds exactly
MOST_EMPTY = 45      # widths of a frame in half-light radii: with 5 kpc, 0.82" at z = 0.5, 37" of the 40" of a scene
UNUSED = ("source.n_sersic", "source.q")  # of a Sersic alone


@dataclass(frozen=True)
class Galaxy:
    """A picture that may be a source."""

    name: str            # content hash (lenslab.picture)
    image: np.ndarray    # (h, w) float32
    half_light: float    # pixels

    @property
    def split(self) -> str:
        return SPLIT_OF[int(self.name, 16) % len(SPLIT_OF)]

    @property
    def id(self) -> float:
        """What stands in a set's column `picture`: the first digits of the hash."""
        return float(int(self.name[:ID_DIGITS], 16))


def galaxies() -> tuple[Galaxy, ...]:
    """Every galaxy of the folder, in the order of their hashes; read again when a file has changed."""
    stats = [(name, catalogue.inside(name).stat()) for name in catalogue.real_sources()]
    return _read(catalogue.folder(), tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats))


@lru_cache(maxsize=2)
def _read(folder, files: tuple) -> tuple[Galaxy, ...]:
    found = {}
    for entry in upload.real_pictures() if files else ():
        image = upload.read_real_picture(entry)
        name, radius = remember(image), half_light_radius(image)
        if image.shape[1] > MOST_EMPTY * radius:
            raise ValueError(f"The galaxy {entry} fills too little of its picture: {image.shape[1]} pixels across, "
                             f"half of its light within {radius:.1f}; cut it out closer.")
        found[name] = Galaxy(name, image, radius)
    return tuple(found[name] for name in sorted(found))


def half_light_radius(image: np.ndarray) -> float:
    """Radius (pixels) about the centre of light that holds half of the summed light of (h, w).

    Noise of a sky goes in with both signs, as it does in the sum by which a picture is scaled; in the centre of light
    only what is positive counts, or a faint picture would have it anywhere.
    """
    y, x = np.indices(image.shape)
    lit = np.maximum(image.astype(float), 0)
    radius = np.hypot(x - (lit * x).sum() / lit.sum(), y - (lit * y).sum() / lit.sum()).ravel()
    order = np.argsort(radius, kind="stable")
    inside = np.cumsum(image.astype(float).ravel()[order])
    return max(float(radius[order][np.argmax(inside >= inside[-1] / 2)]), 0.5)


def of_split(split: str) -> tuple[Galaxy, ...]:
    """The galaxies of a split; ValueError where there is none."""
    every = galaxies()
    found = tuple(galaxy for galaxy in every if galaxy.split == split)
    if not every:
        raise ValueError("Half of these sources are real galaxies (galaxies=on), and there are none: put pictures of "
                         "galaxies (FITS, npz, npy, PNG) into a folder's sources/ and start with LENSLAB_DATA naming "
                         "that folder, or leave out galaxies=on.")
    if not found:
        raise ValueError(f"None of the {len(every)} galaxies in the folder LENSLAB_DATA falls to the split {split}; "
                         "their content decides it, so that no galaxy is both learnt from and judged by: add others.")
    return found


def with_galaxies(drawn: Draw, split: str) -> Draw:
    """A draw with pictures where its population wants them: groups are parted by picture, and the truth `picture`
    becomes the galaxy's id in the place of a number in [0, 1). Any other draw comes back as it is."""
    if "picture" not in drawn.truths:
        return drawn
    found, place = of_split(split), drawn.truths["picture"]
    which = np.floor(np.nan_to_num(place, nan=-1) * np.where(np.isnan(place), 1, len(found))).astype(int)
    groups = []
    for rows, scenes in drawn.groups:
        for k in np.unique(which[rows]):
            at = np.flatnonzero(which[rows] == k)
            part = scenes.take(at)
            groups.append((rows[at], part if k < 0 else pictured(part, found[k])))
    ids = np.array([galaxy.id for galaxy in found])
    return replace(drawn, groups=groups, truths=drawn.truths | {"picture": np.where(which < 0, np.nan, ids[which])})


def pictured(scenes: Scenes, galaxy: Galaxy) -> Scenes:
    """The same scenes with a galaxy as source, of the half-light radius that the Sersic would have had."""
    source = replace(scenes.template.source, picture=remember(galaxy.image))
    width = scenes["source.R_sersic"] * (galaxy.image.shape[1] / galaxy.half_light)
    return replace(scenes, template=replace(scenes.template, source=source),
                   values={**scenes.values, "source.picture_width": width})


def source_of(pictures: list[str], found: float) -> Source:
    """The source of an item by its column `picture`, of the hashes that a set's header lists.

    The picture is fetched from the folder where it is there; the scene names it in any case.
    """
    start = f"{int(found):0{ID_DIGITS}x}" if 0 <= found < 2.0**52 else "none"
    name = next((name for name in pictures if name.startswith(start)), None)
    if name is None:
        raise ValueError("The set names a picture that its header does not list; make the set anew with "
                         "python -m lenslab dataset.")
    for galaxy in galaxies():
        if galaxy.name == name:
            remember(galaxy.image)
    return Source(picture=name)
