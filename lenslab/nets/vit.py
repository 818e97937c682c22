"""Convolution first, attention after: a small hybrid in the spirit of CoAtNet (Dai et al. 2021, 2106.04803).

Convolutions see what is fine, while the side goes down to an eighth; attention then lets every part of a ring see every
other, which is how a lens differs from any other picture: the same source is seen several times.
"""

from torch import Tensor, channels_last, nn
from torch.nn import functional as F

from lenslab.nets.attention import Attention
from lenslab.nets.classifier import Classifier

WIDTH = 16
DEPTH = 2           # attention blocks
EXPANSION = 4       # channels inside a block over those outside


class MBConv(nn.Module):
    """(B, before, h, w) to (B, channels, h / 2, w / 2): widen, one filter for each channel, narrow; and a short cut.

    Sandler et al. 2018 (1801.04381).
    """

    def __init__(self, before: int, channels: int):
        super().__init__()
        inside = EXPANSION * before
        self.way = nn.Sequential(
            nn.Conv2d(before, inside, 1, bias=False), nn.BatchNorm2d(inside), nn.SiLU(),
            nn.Conv2d(inside, inside, 3, 2, padding=1, groups=inside, bias=False), nn.BatchNorm2d(inside), nn.SiLU(),
            nn.Conv2d(inside, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.short = nn.Conv2d(before, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        # ceil_mode, since a stride of 2 with padding keeps the last pixel of an odd side
        return self.way(x) + self.short(F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False))


class ViT(Classifier):
    """Embeds as the mean of the tokens."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, residual: bool = False, width: int = WIDTH,
                 dropout: float = 0.2, **constants):
        super().__init__(psf_fwhm, residual=residual, **constants)
        self.stem = nn.Sequential(
            nn.Conv2d(len(self.channel_names), width, 5, 2, padding=2, bias=False), nn.BatchNorm2d(width), nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.SiLU())
        self.convolutions = nn.Sequential(MBConv(width, 2 * width), MBConv(2 * width, 6 * width))
        self.attention = nn.Sequential(*(Attention(6 * width) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(6 * width)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(6 * width, n_classes))
        self.to(memory_format=channels_last)

    @property
    def evidence(self) -> nn.Module:
        return self.attention

    def embed(self, seen: Tensor) -> Tensor:
        tokens = self.attention(self.convolutions(self.stem(seen)))
        return self.norm(tokens.mean((2, 3)))
