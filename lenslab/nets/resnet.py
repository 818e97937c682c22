"""A narrow ResNet-18 (He et al. 2015, 1512.03385): four stages of two basic blocks, for frames of 64 to 150 pixels."""

import torch
from torch import Tensor, channels_last, nn

from lenslab.nets.classifier import Classifier

WIDTH = 16          # channels of the first stage; each further one has twice as many
STAGES = 4
BLOCKS = 2          # in a stage


class Basic(nn.Module):
    """(B, before, h, w) to (B, channels, h / stride, w / stride): two convolutions beside a short cut.

    Batch norm, not group norm: group norm scales each image by its own spread, and with it goes how bright an arc is.
    """

    def __init__(self, before: int, channels: int, stride: int):
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv2d(before, channels, 3, stride, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        same = stride == 1 and before == channels
        self.short = nn.Identity() if same else nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False),
                                                              nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.way(x) + self.short(x))


class ResNet(Classifier):
    """Embeds as the mean of the last map over the frame.

    The stem halves the side once, where that of 224 pixels divides it by four: substructure is as fine as the PSF,
    two or three pixels wide.
    """

    def __init__(self, n_classes: int, psf_fwhm: float, *, residual: bool = False, width: int = WIDTH,
                 dropout: float = 0.2, **constants):
        super().__init__(psf_fwhm, residual=residual, **constants)
        layers = [nn.Conv2d(len(self.channel_names), width, 5, 2, padding=2, bias=False), nn.BatchNorm2d(width),
                  nn.ReLU()]
        before = width
        for stage in range(STAGES):
            for block in range(BLOCKS):
                layers.append(Basic(before, width * 2**stage, 2 if stage and not block else 1))
                before = width * 2**stage
        self.features = nn.Sequential(*layers).to(memory_format=channels_last)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(before, n_classes))

    @property
    def evidence(self) -> nn.Module:
        return self.features

    def embed(self, seen: Tensor) -> Tensor:
        return self.features(seen).mean((2, 3))
