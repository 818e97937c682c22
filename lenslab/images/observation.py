"""What is seen of a lens, and what is true of it: the two records that everything above the simulator reads.

A real image and a simulated one are the same Observation; a real one has no scenes and no noise-free model.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.scenes import Scenes


@dataclass(frozen=True)
class Observation:
    """Images of one instrument with their noise; rows grow with y, pixel i lies at (i - (N - 1) / 2) * pixel_scale.

    Networks and fits see image over noise and never assume a unit.
    """

    image: Tensor                       # (B, 1, H, W) in `unit`; 0 where the mask says that nothing is known
    variance: Tensor                    # (B, 1, H, W) in unit^2, above 0
    pixel_scale: float                  # arcsec
    unit: str = "counts/s"              # "" where the file does not tell
    mask: Tensor | None = None          # (B, 1, H, W) bool, True where the pixel counts; None: all of them do
    psf: np.ndarray | None = None       # (h, w) float64, odd sides, sums to 1; None: unknown
    psf_supersampling: int = 1          # kernel samples in a pixel, on a side
    north: float | None = None          # rad from +y counter-clockwise to north; None: unknown
    east_left: bool = True              # east lies counter-clockwise of north, as on the sky; False: mirrored
    name: str = ""
    model: Tensor | None = None         # (B, 1, H, W) the noise-free image, of a simulated one
    scenes: Scenes | None = None        # what is true of it, of a simulated one
    notes: tuple[str, ...] = ()         # sentences about what was assumed in reading it

    def __post_init__(self):
        assert self.image.ndim == 4 and self.image.shape[1] == 1, self.image.shape
        assert self.variance.shape == self.image.shape, (self.variance.shape, self.image.shape)
        assert self.mask is None or (self.mask.shape == self.image.shape and self.mask.dtype == torch.bool)
        assert self.model is None or self.model.shape == self.image.shape, self.model.shape
        assert self.psf is None or (self.psf.ndim == 2 and all(side % 2 for side in self.psf.shape)), self.psf.shape

    def __len__(self) -> int:
        return self.image.shape[0]

    @property
    def noise(self) -> Tensor:
        """One sigma (B, 1, H, W), in `unit`."""
        return self.variance.sqrt()

    @property
    def half_width(self) -> tuple[float, float]:
        """Arcsec from the middle of the frame to its edge, in x and in y."""
        height, width = self.image.shape[-2:]
        return width * self.pixel_scale / 2, height * self.pixel_scale / 2


@dataclass(frozen=True)
class Maps:
    """What is true behind an image, on pixel centres of the image plane, but the source on a plane about its lens."""

    source: Tensor                # (B, G, G) counts/s/arcsec^2, as it would be seen without a lens
    source_half_width: float      # arcsec from the middle of `source` to its edge
    kappa: Tensor                 # (B, H, W) convergence, all of the mass
    psi: Tensor                   # (B, H, W) arcsec^2, lensing potential
    alpha_x: Tensor               # (B, H, W) arcsec, reduced deflection
    alpha_y: Tensor               # (B, H, W) arcsec
    mu: Tensor                    # (B, H, W) magnification, negative where the parity is
    delta_kappa: Tensor           # (B, H, W) substructure alone, less the mean that was taken off for it
