"""A population: named laws from which scenes are drawn, as data that a set of images carries with it.

Items are drawn in chunks of CHUNK, and item i is a pure function of (population, split, seed, i): every column of a
chunk has a counter-based stream of its own, keyed by what it is called, so that train, validation and test never share
a number, and a new column moves none of the others.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from lenslab.feed.order import CHUNK
from lenslab.scene import Camera, Scene, Sersic, Substructure, to_dict
from lenslab.scenes import DARK, Scenes, flatten

SPLITS = ("train", "validation", "test")
BELL = 2.5   # a bell is cut off at so many sigmas


@dataclass(frozen=True)
class Law:
    """How one number is distributed: `at` turns uniform numbers in [0, 1) into its values (the inverse CDF)."""

    kind: str   # uniform, log_uniform (a to b), bell (mean a, sigma b, cut at BELL sigmas), whole (a to b), fixed (a)
    a: float
    b: float

    def at(self, u: np.ndarray) -> np.ndarray:
        if self.kind == "log_uniform":
            return self.a * (self.b / self.a) ** u
        if self.kind == "bell":
            edge = ndtr(-BELL)
            return self.a + self.b * ndtri(edge + u * (1 - 2 * edge))
        if self.kind == "whole":
            return np.floor(self.a + u * (self.b - self.a + 1))
        return self.a + u * (self.b - self.a)

    @property
    def limits(self) -> tuple[float, float]:
        """Between these the values lie."""
        return (self.a - BELL * self.b, self.a + BELL * self.b) if self.kind == "bell" else (self.a, self.b)

    def to_dict(self) -> dict:
        names = {"bell": ("mean", "sigma")}.get(self.kind, ("low", "high"))
        return {"law": self.kind, **dict(zip(names, (self.a, self.b), strict=True))}


def uniform(low: float, high: float) -> Law:
    return Law("uniform", low, high)


def log_uniform(low: float, high: float) -> Law:
    return Law("log_uniform", low, high)


def bell(mean: float, sigma: float) -> Law:
    return Law("bell", mean, sigma)


def whole(low: int, high: int) -> Law:
    return Law("whole", low, high)


def fixed(value: float) -> Law:
    return Law("fixed", value, value)


@dataclass(frozen=True)
class Streams:
    """The random numbers of one chunk, by the name of what they are for."""

    family: str
    split: str
    seed: int
    chunk: int

    def rng(self, name: str) -> np.random.Generator:
        """Philox keyed by 128 bits of the SHA-256 of everything that names the stream."""
        text = f"lenslab/{self.family}/{self.split}/{self.seed}/{self.chunk}/{name}"
        key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
        return np.random.Generator(np.random.Philox(key=key))

    def uniform(self, name: str) -> np.ndarray:
        """(CHUNK,) uniform in [0, 1)."""
        return self.rng(name).random(CHUNK)

    def disc(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(CHUNK,) x, y uniform in the unit disc."""
        radius, angle = np.sqrt(self.uniform(f"{name}.radius")), 2 * np.pi * self.uniform(f"{name}.angle")
        return radius * np.cos(angle), radius * np.sin(angle)

    def labels(self, n_classes: int) -> np.ndarray:
        """(CHUNK,) classes in equal shares: every class once in each run of n_classes items, in random order."""
        runs = np.tile(np.arange(n_classes), (CHUNK // n_classes, 1))
        return self.rng("classes").permuted(runs, axis=1).ravel()

    def seeds(self) -> np.ndarray:
        """(CHUNK, 2) int64: seed_substructure, seed_noise."""
        return self.rng("seeds").integers(0, 2**53, (CHUNK, 2), dtype=np.int64)


@dataclass(frozen=True)
class Draw:
    """Items of a population before they are rendered.

    labels   (n,) int64, place in the population's classes
    groups   [(rows, Scenes)]: batches of one structure, float64, with the rows of the items that they hold
    truths   {name: (n,) float64}: what was drawn and stands in no scene, such as sigma_v or the S that is asked for
    """

    labels: np.ndarray
    groups: list[tuple[np.ndarray, Scenes]]
    truths: dict[str, np.ndarray]


@dataclass(frozen=True)
class Sample:
    """What a family draws for a chunk: columns by path, and what shapes the arrays."""

    columns: dict[str, np.ndarray]             # (CHUNK,) each
    truths: dict[str, np.ndarray]              # (CHUNK,) each
    n_lights: np.ndarray | int = 0             # Sersics of lens light
    n_clumps: np.ndarray | int = 0             # clumps of the source


@dataclass(frozen=True)
class Population:
    """Named laws for scenes of some classes; `definition` is what a set of images carries."""

    name: str                                  # with its switches, as in deeplense-1:noise_twice=off
    family: str                                # keys the random numbers, so that a switch moves only what it names
    about: str
    classes: tuple[str, ...]
    kinds: tuple[str, ...]                     # substructure.kind of each class
    symmetry: str                              # D4: quarter turns and mirrors; C2: the half turn alone
    camera: Camera
    laws: dict[str, Law]
    dark: dict[str, dict[str, Law]]            # of each class
    sample: Callable[["Population", np.ndarray, Streams], Sample] = field(repr=False)
    switches: dict[str, bool] = field(default_factory=dict)
    conserve_mass: bool = True
    most_lights: int = 0
    most_clumps: int = 0
    kept: dict[str, tuple[float, float]] = field(default_factory=dict)  # drawn anew outside of these
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def definition(self) -> dict:
        """Every law, as plain numbers that turn to JSON."""
        def table(laws):
            return {name: law.to_dict() for name, law in laws.items()}
        return dict(name=self.name, family=self.family, about=self.about, classes=list(self.classes),
                    kinds=list(self.kinds), symmetry=self.symmetry, camera=to_dict(self.camera),
                    laws=table(self.laws), dark={name: table(laws) for name, laws in self.dark.items()},
                    kept={name: list(limits) for name, limits in self.kept.items()}, switches=dict(self.switches),
                    conserve_mass=self.conserve_mass, notes=dict(self.notes), chunk=CHUNK)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every number of a scene of this population, by path: the columns of its sets."""
        return tuple(flatten(self.template(0, self.most_lights), self.most_clumps))

    def template(self, label: int, n_lights: int = 0) -> Scene:
        """What the items of a class share."""
        dark = Substructure(kind=self.kinds[label], conserve_mass=self.conserve_mass)
        return Scene(camera=self.camera, substructure=dark, lens_light=(Sersic(),) * n_lights)

    def chunk(self, index: int, seed: int, split: str = "train") -> Draw:
        """Items CHUNK * index to CHUNK * (index + 1) - 1. Where S is set by the source's brightness, magnitudes are
        relative until lenslab.sets.draw has seen the noise-free image."""
        if split not in SPLITS:
            raise ValueError(f"No split {split!r}; choose from {', '.join(SPLITS)}.")
        if not (isinstance(seed, int) and 0 <= seed < 2**53):
            raise ValueError(f"The seed is {seed!r}; give a whole number between 0 and {2**53 - 1}.")
        streams = Streams(self.family, split, seed, index)
        labels = streams.labels(len(self.classes))
        return assemble(self, labels, self.sample(self, labels, streams), streams.seeds())

    def draw(self, n: int, seed: int, split: str = "train") -> Draw:
        """The first n items of a split, groups chunk by chunk."""
        parts = [self.chunk(index, seed, split) for index in range(-(-n // CHUNK))]
        groups = []
        for index, part in enumerate(parts):
            for rows, scenes in part.groups:
                inside = rows + CHUNK * index < n
                if inside.any():
                    groups.append((rows[inside] + CHUNK * index, scenes.take(np.flatnonzero(inside))))
        truths = {name: np.concatenate([part.truths[name] for part in parts])[:n] for name in parts[0].truths}
        return Draw(np.concatenate([part.labels for part in parts])[:n], groups, truths)


def dark_columns(population: Population, labels: np.ndarray, streams: Streams) -> dict[str, np.ndarray]:
    """The numbers of substructure by the laws of each item's class; NaN for items whose class has no such law."""
    columns: dict[str, np.ndarray] = {}
    for label, name in enumerate(population.classes):
        for path, law in population.dark.get(name, {}).items():
            column = columns.setdefault(f"substructure.{path}", np.full(CHUNK, np.nan))
            column[labels == label] = law.at(streams.uniform(f"{name}.{path}"))[labels == label]
    return columns


def assemble(population: Population, labels: np.ndarray, sample: Sample, seeds: np.ndarray) -> Draw:
    """Stack the columns of a chunk into batches of one structure, without a Scene for each item."""
    n_lights = np.broadcast_to(sample.n_lights, labels.shape)
    n_clumps = np.broadcast_to(sample.n_clumps, labels.shape)
    keys = np.stack([labels, n_lights, n_clumps > 0], axis=1)
    groups = []
    for key in np.unique(keys, axis=0):
        rows = np.flatnonzero((keys == key).all(axis=1))
        template, most = population.template(int(key[0]), int(key[1])), int(n_clumps[rows].max())
        values = {path: np.full(len(rows), value) for path, value in flatten(template, most).items()}
        for path in values.keys() & sample.columns.keys():
            drawn = sample.columns[path][rows]
            values[path] = np.where(np.isnan(drawn), values[path], drawn)
        for k in range(most):
            values[f"source.clumps.{k}.magnitude"][n_clumps[rows] <= k] = DARK
        tensors = {path: torch.from_numpy(value) for path, value in values.items()}
        groups.append((rows, Scenes.from_values(template, tensors, seeds[rows])))
    return Draw(labels, groups, sample.truths)

