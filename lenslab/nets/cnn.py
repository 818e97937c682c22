"""The baseline: three blocks of convolution, ReLU and max-pooling, and a fully connected head."""

from torch import Tensor, channels_last, nn

from lenslab.nets.inputs import Channels

WIDTH = 16          # channels of the first block; each further one has twice as many
GRID = 4            # cells a side that the head sees, whatever the size of the image
HIDDEN = 128


class CNN(nn.Module):
    """Images in sigmas (B, 1, H, W), of 16 pixels a side or more, to logits (B, C)."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, residual: bool = False, width: int = WIDTH,
                 dropout: float = 0.2, **constants: float):
        super().__init__()
        self.channels = Channels(psf_fwhm, residual, **constants)
        layers, before = [], len(self.channels.names)
        for channels in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            before = channels
        self.features = nn.Sequential(*layers).to(memory_format=channels_last)   # a third faster on a CPU
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(GRID), nn.Flatten(), nn.Linear(before * GRID**2, HIDDEN),
                                  nn.ReLU(), nn.Dropout(dropout), nn.Linear(HIDDEN, n_classes))

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.head(self.features(self.channels(sigmas)))
