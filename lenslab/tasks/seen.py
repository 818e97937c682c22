"""What networks are given of items: images in sigmas, and for some the residual of a smooth lens fitted to each.

The fit is done where the item is simulated, so that it is done once and by as many processes. For training images it
starts near the true smooth lens, a few steps from the best one, or, where a network is at hand that has learnt to read
lenses, where that says: such fits succeed and fail as those do that the finished network begins itself.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from lenslab.fit import fit, ripples, smooth_lens
from lenslab.images import dataset, workers
from lenslab.images.draw import estimated_variance, items_together
from lenslab.nets import lens_residual
from lenslab.nets.start import taught
from lenslab.population import Population, find

STEPS = 3             # of a fit that starts at the truth,
ASTRAY = 0.01, 0.3    # or off it by spreads of the population, one sigma, log-uniform, where its lenses differ:
WANDERING = 5         # steps of such a fit
IN_MEMORY = 2**30     # bytes of images; larger sets are read from the disk row by row, and fitted each time


@dataclass(frozen=True)
class Seen:
    """n items as a training sees them."""

    given: Tensor          # (n, K, H, W) float32; K - 1 of them from fits
    labels: np.ndarray     # (n,) int64
    truth: Tensor          # (n, P) coordinates of the smooth lens in spreads (SmoothLens.standard); or P = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.given, self.truth

    def take(self, rows: np.ndarray) -> "Seen":
        at = torch.from_numpy(np.asarray(rows)).to(self.given.device)
        return Seen.of(self.labels[rows], [part[at] for part in self.tensors])

    def first(self, n: int) -> "Seen":
        return Seen.of(self.labels[:n], [part[:n] for part in self.tensors])

    @staticmethod
    def of(labels: np.ndarray, tensors) -> "Seen":
        given, truth = tensors
        return Seen(given, labels, truth)

    @staticmethod
    def joined(parts: list["Seen"]) -> "Seen":
        return Seen.of(np.concatenate([part.labels for part in parts]),
                       map(torch.cat, zip(*(part.tensors for part in parts), strict=True)))


@dataclass(frozen=True)
class Recipe:
    """How chunks of a population become what a network is given; plain words, so that any process can follow it."""

    population: str
    seed: int
    split: str = "train"
    crop: int = 0             # pixels on a side of the middle that is seen; 0: the whole frame
    fitted: bool = False
    bare: bool = False        # without substructure and fits, for what learns to read the smooth lens
    starts: str = ""          # checkpoint whose Start begins the fits; none: the truth, or near it

    @property
    def rendering(self) -> dict[str, bool]:
        """Options of lenslab.images.draw.items."""
        return dict(ceiling=False, bare=self.bare)

    def columns(self, chunk: int) -> dict[str, np.ndarray]:
        """A chunk as arrays, with the residual of the fit if it is asked for; on one thread the same bits anywhere."""
        columns = workers.columns_of(self.population, chunk, self.seed, self.split, self.rendering)
        if self.fitted:
            image, sigma = measured(find(self.population), columns)
            columns["residual"] = self.residual(image, sigma, columns["parameters"]).numpy()
        return columns

    def seen(self, columns: dict[str, np.ndarray]) -> Seen:
        image, sigma = measured(find(self.population), columns)
        left = torch.from_numpy(columns["residual"]) if self.fitted else None
        return self.put(image, sigma, columns["label"], columns["parameters"], left)

    def on(self, chunk: int, device: torch.device) -> Seen:
        """The same, simulated and fitted on a device."""
        return self.together([chunk], device)[0]

    def together(self, chunks: list[int], device: torch.device) -> list[Seen]:
        """Several chunks on a device, rendered together (draw.items_together)."""
        drawn = items_together(find(self.population), chunks, self.seed, self.split, device=device, **self.rendering)
        return [self.of(one.image, one.variance.sqrt(), one.labels, one.parameters) for one in drawn]

    def of(self, image: Tensor, sigma: Tensor, labels: np.ndarray, parameters: np.ndarray) -> Seen:
        """Images (n, 1, H, W) with their noise and what is true of them, fitted if that is asked for."""
        left = self.residual(image, sigma, parameters) if self.fitted else None
        return self.put(image, sigma, labels, parameters, left)

    def put(self, image: Tensor, sigma: Tensor, labels: np.ndarray, parameters: np.ndarray,
            left: Tensor | None) -> Seen:
        image, sigma = middle(image, self.crop), middle(sigma, self.crop)
        given = image / sigma if left is None else torch.cat([image / sigma, left], dim=1)
        return Seen(given, labels, self.truth(parameters).to(image))

    def residual(self, image: Tensor, sigma: Tensor, parameters: np.ndarray) -> Tensor:
        """(n, 1, h, w) in sigmas, of fits; (n, 6, h, w) with clumps (nets.lens_residual).

        Near the truth, where the lens is free, some start so far off that they end elsewhere, as some do that a
        network starts itself: it must have seen those to know how little they tell.
        """
        lens = smooth_lens(self.population, self.crop)
        image, sigma = middle(image, self.crop), middle(sigma, self.crop)
        if self.starts:
            reader = taught(self.starts, len(lens.names), lens.free).to(image.device)
            return lens_residual.fitted(reader, lens, image, sigma)[0][:, 1:]
        start = lens.of_table(find(self.population).paths, parameters).to(image)
        if not lens.free:
            return fit(lens, image, sigma, start, STEPS, rounds=0).residual
        start = start + lens.std.to(start) * torch.stack([astray(row, start.shape[1]) for row in parameters]).to(start)
        profile = fit(lens, image, sigma, start, WANDERING, rounds=0)
        if not lens.clumpy:
            return profile.residual
        found = fit(lens, image, sigma, start, WANDERING)
        return torch.cat([profile.residual, found.residual, ripples(lens, sigma, found).planes], 1)

    def truth(self, parameters: np.ndarray) -> Tensor:
        if not (self.fitted or self.bare):
            return torch.empty(len(parameters), 0)
        lens = smooth_lens(self.population, self.crop)
        return lens.standard(lens.of_table(find(self.population).paths, parameters)).float()


def astray(parameters: np.ndarray, n: int) -> Tensor:
    """How far the fit of an item starts off, (n,) in spreads; of the item alone, whatever it is fitted beside."""
    generator = torch.Generator().manual_seed(crc32(parameters.tobytes()))
    low, high = np.log(ASTRAY)
    return (low + (high - low) * torch.rand(1, generator=generator)).exp() * torch.randn(n, generator=generator)


def measured(population: Population, columns: dict[str, np.ndarray]) -> tuple[Tensor, Tensor]:
    """Images and their noise (n, 1, H, W) of a chunk as lenslab.images.dataset keeps it."""
    image, background = torch.from_numpy(columns["image"])[:, None], torch.from_numpy(columns["background"])
    names = population.paths
    exposure, gain = (columns["parameters"][:, names.index(f"camera.{name}")] for name in ("exposure_time", "gain"))
    electrons = torch.from_numpy(exposure * gain).float()
    return image, estimated_variance(population.camera, image, background, electrons).sqrt()


def middle(image: Tensor, crop: int) -> Tensor:
    """The middle `crop` pixels of each side of (..., H, W); 0, or more than there are, is all of them."""
    for axis in (-2, -1):
        extra = image.shape[axis] - crop if crop else 0
        if extra > 0:
            image = image.narrow(axis, extra // 2, crop)
    return image


class SetItems:
    """The items of an HDF5 set, by rows in any order."""

    def __init__(self, path: str, recipe: Recipe):
        self.set, self.recipe = dataset.read(path), recipe
        self.labels = self.set.labels
        size = 4 * self.set.header["num_pix"] ** 2 * (1 + 6 * recipe.fitted) * len(self.set)
        self.kept = self.read(slice(None)) if size <= IN_MEMORY else None

    def read(self, rows) -> Seen:
        return self.recipe.of(self.set.images(rows), self.set.variance(rows).sqrt(), self.labels[rows],
                              self.set.file["parameters"][rows])

    def take(self, rows: np.ndarray) -> Seen:
        if self.kept is not None:
            return self.kept.take(rows)
        sorted_rows, back = np.unique(rows, return_inverse=True)   # HDF5 wants increasing rows
        return self.read(sorted_rows).take(back)
