"""Energies of pixels as a diffusion model sees them, and back."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.jets import CHANNELS
from lenslab.jets.images import BINS, Hits, cut

KNEE = 0.1         # GeV
ROOM = 1.1         # times the brightest pixel of the training that a pixel may become, stretched
MEASURED, BLOCK = 10_000, 1000     # jets


@dataclass(frozen=True)
class Pixels:
    """x = ln(1 + E / 0.1 GeV) / scale, of spread 1 in each channel and 0 where nothing is lit.

    Nine pixels of ten are empty, so that an error of a stretch becomes energy everywhere: of those tried this one alone
    left energy and mass whole at an error of 3 % of the range. With masks three channels more say +1 where a pixel is
    lit and -1 where not (2502.02448), and what they call empty is.

    scale, top   (3,) of the stretched channels: their rms in the training, and the highest value
    """

    side: int
    scale: tuple[float, ...]
    top: tuple[float, ...]
    masks: bool = False

    @property
    def channels(self) -> int:
        return len(CHANNELS) * (1 + self.masks)

    @staticmethod
    def of(hits: Hits, side: int, masks: bool) -> "Pixels":
        """As the jets of a training need it; the first MEASURED tell."""
        square, top, n = np.zeros(len(CHANNELS)), np.zeros(len(CHANNELS)), min(len(hits), MEASURED)
        for start in range(0, n, BLOCK):
            x = np.log1p(hits.take(np.arange(start, min(n, start + BLOCK))).images(side) / KNEE)
            square += (x.astype(np.float64)**2).sum((0, 2, 3))
            top = np.maximum(top, x.max((0, 2, 3)))
        scale = np.sqrt(square / (n * side**2)).clip(1e-3)
        return Pixels(side, *(tuple(float(f"{v:.4g}") for v in part) for part in (scale, ROOM * top / scale)), masks)

    def stretch(self, images: Tensor) -> Tensor:
        """(n, channels, side, side) of energies (n, 3, side, side) in GeV."""
        x = (images / KNEE).log1p() / self.of_channels(self.scale, images)
        return torch.cat([x, torch.where(images > 0, 1.0, -1.0).to(x)], 1) if self.masks else x

    def energies(self, x: Tensor) -> Tensor:
        """GeV (n, 3, side, side), with the thresholds of the detector; not finite where x is not."""
        E = KNEE * (x[:, :3] * self.of_channels(self.scale, x)).expm1().clamp_min(0)
        E = torch.where(x[:, 3:] > 0, E, 0) if self.masks else E
        faint = torch.from_numpy(cut(E.cpu().numpy()) == 0).to(E.device)
        return torch.where(faint & E.isfinite(), 0, E)

    @property
    def lowest(self) -> Tensor:
        """(channels, 1, 1) below which no x lies."""
        return torch.tensor([0.0] * 3 + [-1.0] * 3 * self.masks)[:, None, None]

    @property
    def highest(self) -> Tensor:
        return torch.tensor([*self.top] + [1.0] * 3 * self.masks)[:, None, None]

    @staticmethod
    def of_channels(values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, device=like.device)[:, None, None]

    def to_card(self) -> dict:
        return dict(side=self.side, scale=list(self.scale), top=list(self.top), masks=self.masks)

    @staticmethod
    def of_card(card: object) -> "Pixels":
        """Those of a checkpoint, which may come from anywhere."""
        try:
            found = Pixels(card["side"], tuple(map(float, card["scale"])), tuple(map(float, card["top"])),
                           card["masks"])
            sound = type(found.side) is int and found.side in BINS and found.side % 8 == 0 \
                and type(found.masks) is bool and len(found.scale) == len(found.top) == len(CHANNELS) \
                and all(1e-3 <= v <= 100 for v in found.scale) \
                and all(0 < v * s <= 20 for v, s in zip(found.top, found.scale, strict=True))
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ValueError("The card of this checkpoint does not say soundly what its pixels mean; make the "
                             "checkpoint anew with python -m lenslab train jets.")
        return found
