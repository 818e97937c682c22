"""Where a fit begins: a small network that reads the smooth lens off an image."""

from functools import lru_cache

import torch
from torch import Tensor, nn

from lenslab import checkpoint
from lenslab.nets.inputs import Stretch

HIDDEN = 128
MEMORY = 0.99      # of the running mean of squared errors


class Start(nn.Module):
    """Images in sigmas (B, 1, H, W) to coordinates (B, P) in spreads from their mean in the population.

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


@lru_cache(maxsize=2)
def taught(path: str, n_coordinates: int, deep: bool) -> Start:
    """The Start in a checkpoint of the task `start` or of a classifier that fits; of another a ValueError says so."""
    tensors, card = checkpoint.load(path)
    own = {name.removeprefix("start."): tensor for name, tensor in tensors.items() if name.startswith("start.")}
    start = Start(n_coordinates, deep)
    try:
        start.load_state_dict(own)
    except RuntimeError:
        raise ValueError(f"{path} cannot begin these fits: it is a checkpoint for {str(card.get('task'))[:40]!r} on "
                         f"{str(card.get('population'))[:40]!r}; give one of python -m lenslab train "
                         "lens_parameters, or of a lens_residual, for this population and crop.") from None
    return start.eval().requires_grad_(False)


def block(before: int, after: int, stride: int = 1, side: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(before, after, side, stride, padding=side // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
