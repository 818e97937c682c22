"""The baseline: three blocks of convolution, ReLU and max-pooling, and a fully connected head."""

from torch import Tensor, channels_last, nn

from lenslab.nets.classifier import Classifier

WIDTH = 16          # channels of the first block; each further one has twice as many
GRID = 4            # cells a side that the head sees, whatever the size of the image
HIDDEN = 128


class CNN(Classifier):
    """Embeds as the means of the last map over GRID x GRID cells: where something lies is kept, coarsely."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, residual: bool = False, width: int = WIDTH,
                 dropout: float = 0.2, **constants):
        super().__init__(psf_fwhm, residual=residual, **constants)
        layers, before = [], len(self.channel_names)
        for channels in (width, 2 * width, 4 * width):
            layers += [*self.convolution(before, channels), nn.ReLU(), nn.MaxPool2d(2)]
            before = channels
        layers.append(nn.AdaptiveAvgPool2d(GRID))
        self.features = nn.Sequential(*layers).to(memory_format=channels_last)   # a third faster on a CPU
        # the identities keep the places that the layers have had in checkpoints, head.2 and head.5
        self.head = nn.Sequential(nn.Identity(), nn.Identity(), nn.Linear(before * GRID**2, HIDDEN), nn.ReLU(),
                                  nn.Dropout(dropout), nn.Linear(HIDDEN, n_classes))

    def convolution(self, before: int, channels: int) -> list[nn.Module]:
        """A block up to its ReLU."""
        return [nn.Conv2d(before, channels, 3, padding=1)]

    @property
    def evidence(self) -> nn.Module:
        return self.features[-3]     # the last ReLU: two poolings follow

    def embed(self, seen: Tensor) -> Tensor:
        return self.features(seen).flatten(1)
