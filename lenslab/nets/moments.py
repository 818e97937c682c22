"""Sums that tell what a map of a residual tells at a glance: is it noise, on the arcs, at the scale of the PSF?

A convolution learns them from tens of thousands of images; where a fit is dear and few images tell anything, they are
better given. Each is the logarithm of a mean square, which is 1 for noise alone.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.nets.inputs import gaussian

SCALES = (0.0, 0.8, 1.6, 3.2)   # pixels, sigma of a smoothing that keeps white noise at 1
CUTS = (2.0, 6.0, 15.0)         # sigmas of the image: all arcs, their bright parts, their peaks
FAINTEST = 1e-4                 # mean squares below it are as good as none
FARTHEST = 4.0                  # spreads: a fit that has failed says that it did, and no more than that
FEWEST = 5.0                    # pixels that a mean is taken over at least


class Moments(nn.Module):
    """Image and residuals in sigmas (B, 1 + k, H, W) to (B, `number`), in spreads of the batches seen, and clamped."""

    def __init__(self, residuals: int):
        super().__init__()
        self.number = residuals * len(SCALES) * (len(CUTS) + 2) + len(CUTS) + 1
        self.norm = nn.BatchNorm1d(self.number)

    def forward(self, sigmas: Tensor) -> Tensor:
        with torch.autocast(sigmas.device.type, enabled=False):
            image, residuals = sigmas[:, :1].float(), sigmas[:, 1:].float()
            masks = [(image > cut).float() for cut in CUTS]
            found = [(mask.sum((1, 2, 3))[:, None] + FEWEST).log() for mask in masks]
            found.append(image.square().sum((1, 2, 3)).sub(image[0].numel()).clamp_min(100.0).log()[:, None])   # S
            for scale in SCALES:
                smooth = smoothed(residuals, scale)
                square = smooth.square()
                for mask in masks:
                    within = (square * mask).sum((2, 3)) / mask.sum((2, 3)).clamp_min(FEWEST)
                    found.append(within.clamp_min(FAINTEST).log())
                found.append((smooth.abs() * masks[0]).amax((2, 3)).clamp_min(FAINTEST).log())
                found.append(square.mean((2, 3)).clamp_min(FAINTEST).log())
            return self.norm(torch.cat(found, 1)).clamp(-FARTHEST, FARTHEST)


def smoothed(maps: Tensor, sigma: float) -> Tensor:
    """(B, k, H, W) smoothed by a Gaussian of `sigma` pixels whose squares sum to 1; 0 leaves them."""
    if not sigma:
        return maps
    line = gaussian(sigma).to(maps)
    line, reach = line / line.square().sum().sqrt(), len(line) // 2
    flat = maps.flatten(0, 1)[:, None]
    flat = F.conv2d(F.conv2d(flat, line[None, None, None, :], padding=(0, reach)), line[None, None, :, None],
                    padding=(reach, 0))
    return flat[:, 0].unflatten(0, maps.shape[:2])
