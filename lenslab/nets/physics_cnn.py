"""The physics-informed sister of the baseline: what a smoothing leaves is a channel of its own.

Substructure bends arcs on scales that a smooth lens and a smooth source cannot; the image less its smoothed self holds
just these, and the sharp ridges of every arc as well. What the channel is worth is measured (benchmarks/seed_study.py):
a convolution could learn it from the image.
"""

from torch import Tensor, channels_last, nn

from lenslab.nets.cnn import GRID, HIDDEN, WIDTH
from lenslab.nets.inputs import Channels


class PhysicsCNN(nn.Module):
    """Images in sigmas (B, 1, H, W), of 16 pixels a side or more, to logits (B, C): batch norm, stronger dropout."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, residual: bool = True, width: int = WIDTH,
                 dropout: float = 0.5, **constants: float):
        super().__init__()
        self.channels = Channels(psf_fwhm, residual, **constants)
        layers, before = [], len(self.channels.names)
        for channels in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
                       nn.MaxPool2d(2)]
            before = channels
        self.features = nn.Sequential(*layers).to(memory_format=channels_last)   # a third faster on a CPU
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(GRID), nn.Flatten(), nn.Linear(before * GRID**2, HIDDEN),
                                  nn.ReLU(), nn.Dropout(dropout), nn.Linear(HIDDEN, n_classes))

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.head(self.features(self.channels(sigmas)))
