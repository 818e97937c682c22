"""What networks get of the lenses of a population: images over the noise that an observer would estimate, in sigmas."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.feed.examples import Columns, Examples
from lenslab.fit import smooth_lens
from lenslab.physics.grid import middle
from lenslab.population import Population, find
from lenslab.sets import dataset
from lenslab.sets.draw import columns_of, estimated_variance, items_together

COORDINATES = "coordinates"   # the target: coordinates of the smooth lens (n, P) by SmoothLens.standard
IN_MEMORY = 2**30             # bytes of images; larger sets are read from the disk row by row


@dataclass(frozen=True)
class LensView:
    """How chunks of a population become examples (a lenslab.feed.examples.View); plain words, for any process."""

    population: str
    seed: int
    split: str = "train"
    crop: int = 0             # pixels on a side of the middle that is seen; 0: the whole frame
    smooth: bool = False      # without substructure
    truth: bool = False       # with the target COORDINATES

    planes = 1                # of the inputs

    @property
    def rendering(self) -> dict[str, bool]:
        """Options of lenslab.sets.draw.items."""
        return dict(ceiling=False, bare=self.smooth)

    def columns(self, chunk: int) -> Columns:
        """A chunk as arrays; on one thread the same bits anywhere."""
        return columns_of(self.population, chunk, self.seed, self.split, self.rendering)

    def examples(self, columns: Columns) -> Examples:
        image, sigma = image_and_noise(find(self.population), columns)
        return self.put(image, sigma, columns["label"], columns["parameters"])

    def on(self, chunk: int, device: torch.device) -> Examples:
        """The same, simulated on a device."""
        return self.together([chunk], device)[0]

    def together(self, chunks: list[int], device: torch.device) -> list[Examples]:
        """Several chunks on a device, rendered together (draw.items_together)."""
        drawn = items_together(find(self.population), chunks, self.seed, self.split, device=device, **self.rendering)
        return [self.of(one.image, one.variance.sqrt(), one.labels, one.parameters) for one in drawn]

    def of(self, image: Tensor, sigma: Tensor, labels: np.ndarray, parameters: np.ndarray) -> Examples:
        """Examples of images (n, 1, H, W) with their noise and the settings of their scenes (n, len(paths))."""
        return self.put(image, sigma, labels, parameters)

    def put(self, image: Tensor, sigma: Tensor, labels: np.ndarray, parameters: np.ndarray) -> Examples:
        sigmas = middle(image, self.crop) / middle(sigma, self.crop)
        return Examples(sigmas, labels, self.targets(parameters, sigmas) if self.truth else {})

    def targets(self, parameters: np.ndarray, like: Tensor) -> dict[str, Tensor]:
        lens = smooth_lens(self.population, self.crop)
        return {COORDINATES: lens.standard(lens.of_table(find(self.population).paths, parameters)).to(like)}


def image_and_noise(population: Population, columns: Columns) -> tuple[Tensor, Tensor]:
    """Images and their noise (n, 1, H, W) of a chunk as lenslab.sets.dataset keeps it."""
    image, background = torch.from_numpy(columns["image"])[:, None], torch.from_numpy(columns["background"])
    names = population.paths
    exposure, gain = (columns["parameters"][:, names.index(f"camera.{name}")] for name in ("exposure_time", "gain"))
    electrons = torch.from_numpy(exposure * gain).float()
    return image, estimated_variance(population.camera, image, background, electrons).sqrt()


class SetItems:
    """The items of an HDF5 set as a view gives them, by rows in any order."""

    def __init__(self, path: str, view: LensView):
        self.set, self.view = dataset.read(path), view
        self.labels = self.set.labels
        size = 4 * self.set.header["num_pix"] ** 2 * view.planes * len(self.set)
        self.kept = self.read(slice(None)) if size <= IN_MEMORY else None

    def read(self, rows) -> Examples:
        return self.view.of(self.set.images(rows), self.set.variance(rows).sqrt(), self.labels[rows],
                            self.set.file["parameters"][rows])

    def take(self, rows: np.ndarray) -> Examples:
        if self.kept is not None:
            return self.kept.take(rows)
        sorted_rows, back = np.unique(rows, return_inverse=True)   # HDF5 wants increasing rows
        return self.read(sorted_rows).take(back)
