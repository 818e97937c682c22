"""What a jet is asked to be: flavour, transverse momentum and mass of the generator's jet; each may be open."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.jets.files import Jets

NAMES = ("flavour", "pt", "mass")     # columns of a table (n, 3): place among the flavours, GeV, GeV; NaN where open
OUTER = 0.002                         # share of the jets beyond each limit: so few teach nothing
OPEN = float("nan")


@dataclass(frozen=True)
class JetConditions:
    """Of a network: one number for each flavour, ln p_T, and m / p_T, which falls less with p_T than m does.

    mean, scale   (2,) of ln p_T and m / p_T, by which they are standardised
    pt            lowest and highest p_T that was learnt from, GeV
    shares        lowest and highest m / p_T of each flavour
    """

    flavours: tuple[str, ...]
    mean: tuple[float, float]
    scale: tuple[float, float]
    pt: tuple[float, float]
    shares: tuple[tuple[float, float], ...]

    @staticmethod
    def of(jets: Jets) -> "JetConditions":
        numbers = np.stack([np.log(jets.pt), jets.mass / jets.pt], 1).astype(np.float64)
        by = [numbers[jets.label == label, 1] for label in range(len(jets.flavours))]
        missing = [name for name, part in zip(jets.flavours, by, strict=True) if not len(part)]
        if missing:
            raise ValueError(f"The set has no jets of {', '.join(missing)}; take more jets, or fewer labels.")
        limits = [np.exp(np.quantile(numbers[:, 0], [0, 1])), *(np.quantile(part, [OUTER, 1 - OUTER]) for part in by)]
        pt, *shares = (tuple(float(f"{v:.4g}") for v in part) for part in limits)
        mean, scale = (tuple(float(f"{v:.4g}") for v in part) for part in (
            numbers.mean(0), numbers.std(0).clip(1e-3)))
        return JetConditions(jets.flavours, mean, scale, pt, tuple(shares))

    @property
    def group(self) -> Tensor:
        """Of each number, the column of the table that it belongs to."""
        return torch.tensor([0] * len(self.flavours) + [1, 2])

    @property
    def width(self) -> int:
        """Numbers that a network gets: those, and which of the three are known."""
        return len(self.flavours) + 2 + len(NAMES)

    def standard(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers (n, F + 2), 0 where they are open, and what is known (n, 3) bool, of a table (n, 3)."""
        known = table.isfinite()
        known = torch.stack([known[:, 0], known[:, 1], known[:, 1] & known[:, 2]], 1)
        F = len(self.flavours)
        flavour = torch.nn.functional.one_hot(table[:, 0].nan_to_num(0).long(), F).float()
        flavour = (flavour - 1 / F) / max(1e-3, (1 / F * (1 - 1 / F))**0.5)
        two = torch.stack([table[:, 1].log(), table[:, 2] / table[:, 1]], 1).float()
        two = (two - torch.tensor(self.mean).to(two)) / torch.tensor(self.scale).to(two)
        numbers = torch.cat([flavour, two], 1)
        return torch.where(known[:, self.group.to(known.device)], numbers, 0), known

    def network_input(self, table: Tensor) -> Tensor:
        """(n, width) of a table."""
        numbers, known = self.standard(table)
        return torch.cat([numbers, known.float()], 1)

    def table(self, jets: Jets) -> Tensor:
        """(n, 3) of jets that there are."""
        return torch.from_numpy(np.stack([jets.label, jets.pt, jets.mass], 1).astype(np.float32))

    def row(self, asked: Mapping[str, object]) -> Tensor:
        """(3,) of what is asked for, {name of NAMES: value}; what is left out stays open. ValueError where no jet of
        the training was so."""
        foreign = [name for name in asked if name not in NAMES]
        if foreign:
            raise ValueError(f"A jet has no {foreign[0][:40]!r} that could be asked for; choose from "
                             f"{', '.join(NAMES)}.")
        flavour, numbers = asked.get("flavour"), {name: self.number(name, asked.get(name)) for name in NAMES[1:]}
        if flavour is not None and flavour not in self.flavours:
            raise ValueError(f"There is no flavour {str(flavour)[:40]!r}; choose one of {', '.join(self.flavours)}.")
        label = OPEN if flavour is None else self.flavours.index(flavour)
        pt, mass = numbers["pt"], numbers["mass"]
        if np.isfinite(mass) and not np.isfinite(pt):
            raise ValueError("A mass was asked for without a transverse momentum, which says what it is a share of; "
                             "set pt as well.")
        if np.isfinite(pt) and not self.pt[0] <= pt <= self.pt[1]:
            raise ValueError(f"A transverse momentum (pt) of {pt:g} GeV was asked for; the network learnt from "
                             f"{self.pt[0]:.0f} to {self.pt[1]:.0f} GeV. Ask for one in between.")
        if np.isfinite(mass):
            low, high = (round(pt * share, 1) for share in self.share_limits(flavour))
            if not low <= mass <= high:
                raise ValueError(f"A mass of {mass:g} GeV was asked for; {flavour or 'the'} jets of {pt:g} GeV that "
                                 f"the network learnt from had {low:g} to {high:g} GeV. Ask for one in between.")
        return torch.tensor([label, pt, mass])

    def share_limits(self, flavour: object = None) -> tuple[float, float]:
        """Of m / p_T, for a flavour or for any."""
        if flavour in self.flavours:
            return self.shares[self.flavours.index(flavour)]
        return min(low for low, _ in self.shares), max(high for _, high in self.shares)

    @staticmethod
    def number(name: str, value: object) -> float:
        if value is None:
            return OPEN
        try:
            found = float(value)
        except (TypeError, ValueError, OverflowError):
            found = OPEN
        if isinstance(value, bool) or not np.isfinite(found):
            raise ValueError(f"{name} is {str(value)[:40]!r}; give a number of GeV.")
        return found

    def to_card(self) -> dict:
        return dict(flavours=list(self.flavours), mean=list(self.mean), scale=list(self.scale), pt=list(self.pt),
                    shares=[list(pair) for pair in self.shares])

    @staticmethod
    def of_card(card: object) -> "JetConditions":
        """Those of a checkpoint, which may come from anywhere."""
        try:
            pairs = [tuple(map(float, card[name])) for name in ("mean", "scale", "pt")]
            shares = tuple(tuple(map(float, pair)) for pair in card["shares"])
            found = JetConditions(tuple(card["flavours"]), *pairs, shares)
            sound = 1 <= len(found.flavours) <= 16 and len(set(found.flavours)) == len(found.flavours) == len(shares) \
                and all(isinstance(name, str) and name.isidentifier() and len(name) <= 40 for name in found.flavours) \
                and all(len(pair) == 2 and np.isfinite(pair).all() for pair in (*pairs, *shares)) \
                and min(found.scale) >= 1e-4 and 0 < found.pt[0] <= found.pt[1] < 1e5 \
                and all(0 <= low <= high < 10 for low, high in shares)
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ValueError("The card of this checkpoint has no sound conditions; make the checkpoint anew with "
                             "python -m lenslab train jets.")
        return found
