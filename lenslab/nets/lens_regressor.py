"""A small network that reads the smooth lens off an image: where a fit begins."""

import torch
from torch import Tensor, nn

from lenslab.nets.inputs import Stretch

HIDDEN = 128
MEMORY = 0.99      # of the running mean of squared errors


class LensRegressor(nn.Module):
    """Images in sigmas (B, 1, H, W) to coordinates (B, P), in population standard deviations from the mean.

    Where the lens is free (`deep`) one layer more stands behind each that halves the image: it reads an Einstein
    radius and the place of a source a tenth better in half the images.

    `error` (P,) is how far off they are, one sigma, in the same unit; measured while it learns.
    """

    def __init__(self, n_coordinates: int, deep: bool = False):
        super().__init__()
        widths, cells, hidden = ((16, 32, 64, 128), 4, 2 * HIDDEN) if deep else ((16, 32, 64, 64), 6, HIDDEN)
        layers, before = [Stretch()], 1
        for level, channels in enumerate(widths):
            layers += block(before, channels, stride=2, side=5 if deep and not level else 3)
            layers += block(channels, channels) if deep and level else []
            before = channels
        # an Einstein radius is a length, so that places are kept: cells a side that the last layers see
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(cells), nn.Flatten(),
                                    nn.Linear(before * cells**2, hidden), nn.ReLU(), nn.Linear(hidden, n_coordinates))
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


class Reading(nn.Module):
    """A regressor as an explanation asks for a network: its coordinates (B, P) in the place of logits; with `sign` -1
    what lowers one is what speaks for it."""

    channel_names = ("image",)

    def __init__(self, regressor: LensRegressor, sign: int = 1):
        super().__init__()
        self.regressor, self.sign = regressor, sign

    def see(self, given: Tensor) -> Tensor:
        return given

    def embed(self, seen: Tensor) -> Tensor:
        return self.regressor(seen)

    def head(self, embedded: Tensor) -> Tensor:
        return self.sign * embedded

    @property
    def evidence(self) -> nn.Module:
        """The last maps, before they are pooled."""
        layers = list(self.regressor.layers)
        return layers[[isinstance(layer, nn.AdaptiveAvgPool2d) for layer in layers].index(True) - 1]


def block(before: int, after: int, stride: int = 1, side: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(before, after, side, stride, padding=side // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
