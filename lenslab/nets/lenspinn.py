"""LensPINN (Ojha et al. 2024), mended: the image beside its own source, and beside where it bends.

Published, its source came of pixels pushed to whole places, through which no gradient passes: more than half of its
weights never learnt. Its second channel took logarithms of pixels that may be negative. Its loss saw a softmax twice.
Here the source is laid back smoothly, the lens is a bounded ellipsoid with shear, the logarithm is of a positive
brightness, and logits go out.
"""

import torch
from torch import Tensor, channels_last, nn
from torch.nn import functional as F

from lenslab.nets.lens_layer import Lensed
from lenslab.nets.lens_net import LensNet
from lenslab.physics.grid import middle

WIDTH = 16
GRID = 4
HIDDEN = 128


def bending(sigmas: Tensor) -> Tensor:
    """tanh(d2/dxdy ln(I_max / I))^2 of images (B, 1, H, W) in sigmas, the same for every quarter turn and mirror.

    I_max drops out. In the place of I stands ln(1 + exp(I)), I in sigmas: I itself where there is light, and positive
    where there is none. Differences are central, the pixel is the unit; on the edge of the frame it is 0.
    """
    logarithm = torch.log(F.softplus(sigmas.float()).clamp_min(1e-3))
    mixed = 0.25 * (logarithm[..., 2:, 2:] - logarithm[..., 2:, :-2] - logarithm[..., :-2, 2:]
                    + logarithm[..., :-2, :-2])
    return F.pad(torch.tanh(mixed).square(), (1, 1, 1, 1)).to(sigmas)


class LensPINN(LensNet):
    """Embeds as A(image) - A(source) and B(bending), means over GRID x GRID cells."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, pixel_scale: float, num_pix: int, width: int = WIDTH,
                 dropout: float = 0.2, **constants):
        super().__init__(psf_fwhm, pixel_scale=pixel_scale, num_pix=num_pix, width=width, **constants)
        self.a, self.b = blocks(width, pooled=2), blocks(width, pooled=3)
        self.a_source = with_own_norms(self.a)
        self.map = nn.Identity()          # A sees two pictures; what it makes of the image passes here alone
        self.pool = nn.AdaptiveAvgPool2d(GRID)
        self.head = nn.Sequential(nn.Linear(2 * 4 * width * GRID**2, HIDDEN), nn.ReLU(), nn.Dropout(dropout),
                                  nn.Linear(HIDDEN, n_classes))
        self.to(memory_format=channels_last)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return ("image", "bending")

    @property
    def evidence(self) -> nn.Module:
        return self.map

    def see(self, given: Tensor) -> Tensor:
        return torch.cat([self.channels(given), middle(bending(given), self.channels.crop)], dim=1)

    def features_of(self, seen: Tensor, lensed: Lensed) -> Tensor:
        image, source = self.map(self.a(seen[:, :1])), self.a_source(lensed.source)
        difference = self.pool(image) - self.pool(source)
        return torch.cat([difference, self.pool(self.b(seen[:, 1:]))], dim=1).flatten(1)


def blocks(width: int, pooled: int) -> nn.Sequential:
    """(B, 1, h, w) to (B, 4 width, h / 2^pooled, w / 2^pooled)."""
    layers, before = [], 1
    for block, channels in enumerate((width, 2 * width, 4 * width)):
        layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if block < pooled else []
        before = channels
    return nn.Sequential(*layers)


def with_own_norms(layers: nn.Sequential) -> nn.Sequential:
    """The same weights for another kind of picture: batches of each are normalised by themselves.

    With one norm for both, what is judged by running means of both was never seen in training: every answer was of one
    class.
    """
    return nn.Sequential(*(nn.BatchNorm2d(layer.num_features) if isinstance(layer, nn.BatchNorm2d) else layer
                           for layer in layers))
