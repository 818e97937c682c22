"""The physics-informed sister of the baseline: what a smoothing leaves is a channel of its own.

Substructure bends arcs on scales that a smooth lens and a smooth source cannot; the image less its smoothed self holds
just these, and the sharp ridges of every arc as well. What the channel is worth is measured (benchmarks/seed_study.py):
a convolution could learn it from the image.
"""

from torch import nn

from lenslab.nets.cnn import CNN


class PhysicsCNN(CNN):
    """The baseline with the residual channel, batch norm and stronger dropout."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, residual: bool = True, dropout: float = 0.5, **settings):
        super().__init__(n_classes, psf_fwhm, residual=residual, dropout=dropout, **settings)

    def convolution(self, before: int, channels: int) -> list[nn.Module]:
        return [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]
