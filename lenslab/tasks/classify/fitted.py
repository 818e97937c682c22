"""What networks that fit are given in training: beside the image the residual of a smooth lens fitted to it, in sigmas.

The fit is done where the item is simulated, so that it is done once and by as many processes. It starts near the true
smooth lens, a few steps from the best one, or, where a network is at hand that has learnt to read lenses, where that
says: such fits succeed and fail as those do that the finished network begins itself.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from lenslab.feed.examples import Columns, Examples
from lenslab.fit import fit, potential_corrections, smooth_lens
from lenslab.nets import lens_residual
from lenslab.physics.grid import middle
from lenslab.population import find
from lenslab.tasks.lens_parameters import load_regressor
from lenslab.tasks.lens_view import LensView, image_and_noise

STEPS = 3             # of a fit that starts at the truth,
ASTRAY = 0.01, 0.3    # or off it by population standard deviations, one sigma, log-uniform, where its lenses differ:
WANDERING = 5         # steps of such a fit


@dataclass(frozen=True)
class FittedView(LensView):
    """Inputs (n, K, H, W) whose first plane is the image; the others come from the fit, as columns of the worker."""

    truth: bool = True
    regressor: str = ""       # checkpoint whose LensRegressor begins the fits; none: the truth, or near it

    planes = 7                # at most

    def columns(self, chunk: int) -> Columns:
        columns = super().columns(chunk)
        image, sigma = image_and_noise(find(self.population), columns)
        return columns | {"residual": self.residual(image, sigma, columns["parameters"]).numpy()}

    def examples(self, columns: Columns) -> Examples:
        return beside(super().examples(columns), torch.from_numpy(columns["residual"]))

    def of(self, image: Tensor, sigma: Tensor, labels: np.ndarray, parameters: np.ndarray) -> Examples:
        return beside(super().of(image, sigma, labels, parameters), self.residual(image, sigma, parameters))

    def residual(self, image: Tensor, sigma: Tensor, parameters: np.ndarray) -> Tensor:
        """(n, 1, h, w) in sigmas, of fits; (n, 6, h, w) with compact components (nets.lens_residual).

        Near the truth, where the lens is free, some start so far off that they end elsewhere, as some do that a
        network starts itself: it must have seen those to know how little they tell.
        """
        lens = smooth_lens(self.population, self.crop)
        image, sigma = middle(image, self.crop), middle(sigma, self.crop)
        if self.regressor:
            regressor = load_regressor(self.regressor, lens).to(image.device)
            return lens_residual.fitted(regressor, lens, image, sigma)[0][:, 1:]
        start = lens.of_table(find(self.population).paths, parameters).to(image)
        if not lens.free:
            return fit(lens, image, sigma, start, STEPS, rounds=0).residual
        start = start + lens.std.to(start) * torch.stack([astray(row, start.shape[1]) for row in parameters]).to(start)
        profile = fit(lens, image, sigma, start, WANDERING, rounds=0)
        if not lens.compact:
            return profile.residual
        found = fit(lens, image, sigma, start, WANDERING)
        return torch.cat([profile.residual, found.residual, potential_corrections(lens, sigma, found).planes], 1)


def beside(examples: Examples, planes: Tensor) -> Examples:
    """The same with more planes behind the inputs."""
    return Examples(torch.cat([examples.inputs, planes], 1), examples.labels, examples.targets)


def astray(parameters: np.ndarray, n: int) -> Tensor:
    """How far the fit of an item starts off, (n,) in population standard deviations; of the item alone."""
    generator = torch.Generator().manual_seed(crc32(parameters.tobytes()))
    low, high = np.log(ASTRAY)
    return (low + (high - low) * torch.rand(1, generator=generator)).exp() * torch.randn(n, generator=generator)
