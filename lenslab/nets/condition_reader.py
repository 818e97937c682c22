"""Reads off an image what it was asked to be: a small network whose features also compare sets of images."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEATURES = 96


class ConditionReader(nn.Module):
    """From images (B, 1, side, side) to numbers, classes and FEATURES features.

    It works on 2 x 2 pixels at a time, as the generators do, and is told where each of them lies.
    """

    def __init__(self, n_numbers: int, n_classes: int, side: int):
        super().__init__()
        assert side % 16 == 0, side
        self.body = nn.Sequential(*stage(6, 32, 1), *stage(32, 32, 1), *stage(32, 64, 2), *stage(64, 64, 1),
                                  *stage(64, 128, 2), *stage(128, 128, 1), *stage(128, 128, 2))
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(128 * (side // 16) ** 2, FEATURES), nn.SiLU())
        self.sizes = n_numbers, n_classes
        self.out = nn.Linear(FEATURES, n_numbers + n_classes)
        axis = (torch.arange(side // 2) - (side // 2 - 1) / 2) / (side / 4)
        x, y = axis[None, :].expand(side // 2, -1), axis[:, None].expand(-1, side // 2)
        self.register_buffer("places", torch.stack([x, y])[None], persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers (B, n_numbers), logits (B, n_classes) and features (B, FEATURES)."""
        h = F.pixel_unshuffle(x, 2)
        h = torch.cat([h, self.places.to(h.dtype).expand(len(h), -1, -1, -1)], 1)
        features = self.features(self.body(h))
        return *self.out(features).split(self.sizes, 1), features


def stage(before: int, after: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
