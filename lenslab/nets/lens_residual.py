"""The classifier that sees what a smooth lens leaves of an image: the residual of a fit, in sigmas, beside the image.

The fit goes through the differentiable simulator (lenslab.fit) and is started by a network of its own, `start`, from
several places. With the residual of the true smooth lens a plain network learnt in minutes what the image alone had
not taught it in half an hour; the fit stands for the truth, which nobody has of a real lens.
"""

import torch
from torch import Tensor

from lenslab.fit import Fit, SmoothLens, fit, smooth_lens
from lenslab.nets.physics_cnn import PhysicsCNN
from lenslab.nets.start import Start

STARTS = 3     # places from which the fit begins
TRIALS = 3     # steps from each of them
STEPS = 6      # more from the best


class LensResidual(PhysicsCNN):
    """Given is (B, 2, H, W): the image in sigmas and the residual in sigmas; `complete` makes it of an image."""

    needs_fit = True

    def __init__(self, n_classes: int, psf_fwhm: float, *, population: str, crop: int = 0, dropout: float = 0.2,
                 **settings):
        super().__init__(n_classes, psf_fwhm, residual=False, fit=True, crop=crop, dropout=dropout, **settings)
        self.population, self.crop = population, crop
        self.start = Start(len(self.lens.names))

    @property
    def lens(self) -> SmoothLens:
        """What is fitted: the smooth lenses of the population, in the part of the frame that is seen."""
        return smooth_lens(self.population, self.crop)

    @torch.no_grad()
    def complete(self, image: Tensor, sigma: Tensor) -> tuple[Tensor, Fit]:
        """What the network is given (B, 2, h, w) of images and their noise (B, 1, h, w), and the fit behind it.

        Both in the unit of the population's camera, h and w those of `lens.camera`.
        """
        lens, sigmas = self.lens, image / sigma
        read = self.start(sigmas)
        best = None
        for k in range(STARTS):
            found = fit(lens, image, sigma, lens.plain(read + self.start.error * self.shift(k).to(read)), TRIALS)
            place = found.coordinates, found.chi2
            best = place if best is None else tuple(
                torch.where((place[1] < best[1]).reshape(-1, *[1] * (old.ndim - 1)), new, old)
                for old, new in zip(best, place, strict=True))
        found = fit(lens, image, sigma, best[0], STEPS)
        return torch.cat([sigmas, found.residual], dim=1), found

    def shift(self, k: int) -> Tensor:
        """Where the k-th start lies, in errors of the first; the same for every image and always."""
        if k == 0:
            return torch.zeros(len(self.lens.names))
        return torch.randn(len(self.lens.names), generator=torch.Generator().manual_seed(k))
