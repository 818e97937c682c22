"""Energies of pixels as a diffusion model sees them, and back."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.jets import CHANNELS
from lenslab.jets.images import BINS, Hits, cut
from lenslab.jets.observables import R, places

KNEE = 0.1         # GeV
ROOM = 1.1         # times the brightest pixel of the training that a pixel may become, stretched
MEASURED, BLOCK = 10_000, 1000     # jets
LEAST, SHARE = 1.0, 0.01           # GeV, and of the energy: totals are not told below
FAR = 6.0                          # standard deviations that a total may lie out
BENT = 10.0                        # by which pixels are scaled at most


@dataclass(frozen=True)
class Pixels:
    """x = ln(1 + E / 0.1 GeV) / scale, of spread 1 in each channel and 0 where nothing is lit.

    Nine pixels of ten are empty, so that an error of a stretch becomes energy everywhere: of those tried this one alone
    left energy and mass whole at an error of 3 % of the range. With masks three channels more say +1 where a pixel is
    lit and -1 where not (2502.02448), and what they call empty is.

    A logarithm forgives no error where much energy is: one of 0.1 in the few pixels that hold most of a jet makes its
    momentum wrong by a tenth. So it is said beforehand how much energy there is (`totals_of`), by the network as well
    (JetDenoiser), and pixels are scaled to it, as where voxels and energies of layers are drawn apart (CaloDiffusion,
    2308.03876).

    scale, top   (3,) of the stretched channels: their rms in the training, and the highest value
    totals       (3,) mean and standard deviation of what is told of them; empty where nothing is
    """

    side: int
    scale: tuple[float, ...]
    top: tuple[float, ...]
    masks: bool = False
    totals: tuple[tuple[float, float], ...] = ()

    @property
    def channels(self) -> int:
        return len(CHANNELS) * (1 + self.masks)

    @staticmethod
    def of(hits: Hits, side: int, masks: bool, totals: bool = False) -> "Pixels":
        """As the jets of a training need it; the first MEASURED tell."""
        square, top, n = np.zeros(len(CHANNELS)), np.zeros(len(CHANNELS)), min(len(hits), MEASURED)
        sums = []
        for start in range(0, n, BLOCK):
            images = hits.take(np.arange(start, min(n, start + BLOCK))).images(side)
            sums.append(totals_of(torch.from_numpy(images)))
            x = np.log1p(images / KNEE)
            square += (x.astype(np.float64)**2).sum((0, 2, 3))
            top = np.maximum(top, x.max((0, 2, 3)))
        scale = np.sqrt(square / (n * side**2)).clip(1e-3)
        sums = torch.cat(sums).double()
        law = tuple((float(f"{mean:.4g}"), float(f"{spread:.4g}")) for mean, spread in zip(
            sums.mean(0), sums.std(0).clamp_min(1e-2), strict=True))
        return Pixels(side, *(tuple(float(f"{v:.4g}") for v in part) for part in (scale, ROOM * top / scale)), masks,
                      law if totals else ())

    def stretch(self, images: Tensor) -> Tensor:
        """(n, channels, side, side) of energies (n, 3, side, side) in GeV."""
        x = (images / KNEE).log1p() / self.of_channels(self.scale, images)
        return torch.cat([x, torch.where(images > 0, 1.0, -1.0).to(x)], 1) if self.masks else x

    def totals_told(self, images: Tensor) -> Tensor:
        """(n, 3) the totals of energies (n, 3, side, side), of mean 0 and spread 1 in the training."""
        return ((totals_of(images) - self.law(0, images)) / self.law(1, images)).clamp(-FAR, FAR)

    def energies(self, x: Tensor, totals: Tensor | None = None) -> Tensor:
        """GeV (n, 3, side, side), with the thresholds of the detector; not finite where x is not. With totals (n, 3) of
        `totals_told` they hold as much as these say."""
        E = KNEE * (x[:, :3] * self.of_channels(self.scale, x)).expm1().clamp_min(0)
        E = torch.where(x[:, 3:6] > 0, E, 0) if self.masks else E
        E = above_thresholds(E)
        if totals is None:
            return E
        return above_thresholds(with_totals(E, totals.clamp(-FAR, FAR) * self.law(1, x) + self.law(0, x)))

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

    def law(self, place: int, like: Tensor) -> Tensor:
        """Means (0) or spreads (1) of the totals (3,)."""
        return torch.tensor([pair[place] for pair in self.totals], device=like.device)

    def to_card(self) -> dict:
        return dict(side=self.side, scale=list(self.scale), top=list(self.top), masks=self.masks,
                    totals=[list(pair) for pair in self.totals])

    @staticmethod
    def of_card(card: object) -> "Pixels":
        """Those of a checkpoint, which may come from anywhere."""
        try:
            found = Pixels(card["side"], tuple(map(float, card["scale"])), tuple(map(float, card["top"])),
                           card["masks"], tuple(tuple(map(float, pair)) for pair in card["totals"]))
            sound = type(found.side) is int and found.side in BINS and found.side % 8 == 0 \
                and type(found.masks) is bool and len(found.scale) == len(found.top) == len(CHANNELS) \
                and all(1e-3 <= v <= 100 for v in found.scale) and len(found.totals) in (0, len(CHANNELS)) \
                and all(len(pair) == 2 and abs(pair[0]) < 20 and 1e-3 <= pair[1] < 20 for pair in found.totals) \
                and all(0 < v * s <= 20 for v, s in zip(found.top, found.scale, strict=True))
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ValueError("The card of this checkpoint does not say soundly what its pixels mean; make the "
                             "checkpoint anew with python -m lenslab train jets.")
        return found


def above_thresholds(E: Tensor) -> Tensor:
    """What a detector keeps of energies (n, 3, side, side): nothing below its thresholds; not finite where E is not."""
    faint = torch.from_numpy(cut(E.cpu().numpy()) == 0).to(E.device)
    return torch.where(faint & E.isfinite(), 0, E)


def sums(E: Tensor) -> Tensor:
    """(n, 3) GeV of each channel within the jet's radius of the middle, of energies (n, 3, side, side)."""
    inside = torch.from_numpy(np.hypot(*places(E.shape[-1])) < R).to(E)
    return (E * inside).sum((2, 3))


def totals_of(E: Tensor) -> Tensor:
    """(n, 3) what is told of totals: ln of the calorimeters' energy, ln of the odds that it is in ECAL, ln of what the
    tracks hold."""
    tracks, ecal, hcal = sums(E).clamp_min(0).unbind(1)
    whole = (ecal + hcal).clamp_min(LEAST)
    share = (ecal / whole).clamp(SHARE, 1 - SHARE)
    return torch.stack([whole.log(), share.logit(), tracks.clamp_min(LEAST).log()], 1)


def with_totals(E: Tensor, totals: Tensor) -> Tensor:
    """Energies (n, 3, side, side) whose channels hold what is told of them (n, 3)."""
    whole, share = totals[:, 0].exp(), totals[:, 1].sigmoid()
    wanted = torch.stack([totals[:, 2].exp(), share * whole, (1 - share) * whole], 1)
    factor = (wanted / sums(E).clamp_min(LEAST)).clamp(1 / BENT, BENT)
    return E * factor[:, :, None, None]
