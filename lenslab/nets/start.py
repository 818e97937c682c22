"""Where a fit begins: a small network that reads the smooth lens off an image."""

import torch
from torch import Tensor, nn

from lenslab.nets.inputs import Stretch

WIDTHS = (16, 32, 64, 64)
GRID = 6           # cells a side that the last layers see: an Einstein radius is a length, so places are kept
HIDDEN = 128
MEMORY = 0.99      # of the running mean of squared errors


class Start(nn.Module):
    """Images in sigmas (B, 1, H, W) to coordinates (B, P) in spreads from their mean in the population.

    `error` (P,) is how far off they are, one sigma, in the same unit; measured while it learns.
    """

    def __init__(self, n_coordinates: int):
        super().__init__()
        layers, before = [Stretch()], 1
        for channels in WIDTHS:
            layers += [nn.Conv2d(before, channels, 3, 2, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(GRID), nn.Flatten(),
                                    nn.Linear(before * GRID**2, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, n_coordinates))
        self.register_buffer("square_error", torch.ones(n_coordinates))

    @property
    def error(self) -> Tensor:
        return self.square_error.sqrt()

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.layers(sigmas)

    def loss(self, sigmas: Tensor, truth: Tensor) -> Tensor:
        """Mean square error; a Huber loss, since an image whose lens cannot be read should not rule the others."""
        found = self(sigmas).float()
        if self.training:
            with torch.no_grad():
                self.square_error.lerp_((found - truth).square().mean(0), 1 - MEMORY)
        return nn.functional.smooth_l1_loss(found, truth)
