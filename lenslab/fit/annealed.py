"""Lens and clumps of a source found together, from rough to fine.

A profile alone is wrong where a source has clumps. Fitted to the noise, it bends the mass until that explains them,
multipoles first, and clumps sought behind such a lens are none (16 of 60 images of hst ended 100 or more above the
chi^2 that is had from the truth, 5 of 60 so). It is therefore believed little at first, and the mass is held near what
is usual; Gaussians (lenslab.fit.clumps), which are linear and need no start, then say where the clumps are, and knots
take their places, before everything is free and only noise is in doubt.
"""

import torch
from torch import Tensor

from lenslab.fit import clumps, joint, knots, profile
from lenslab.fit.clumps import Clumps
from lenslab.fit.knots import Knots
from lenslab.fit.model import Beyond
from lenslab.fit.smooth import SmoothLens

PROFILE, FEW = 0.3, 0.1     # share of its brightness that an image may differ from a profile, and from clumps so found
ROUNDS = 3                  # with knots while that is in doubt
HELD, STIFF = 1.0, 0.3      # spreads of the population that coordinates, and multipoles, may have meanwhile, one sigma


def doubted(image: Tensor, sigma: Tensor, share: float = PROFILE) -> Tensor:
    """sigma with a share of the brightness in doubt."""
    return torch.hypot(sigma, share * image.clamp_min(0))


def held(lens: SmoothLens, like: Tensor) -> Tensor:
    """Inverse squares (Q,) of the widths of the coordinates' priors meanwhile."""
    stiff = torch.tensor([name.startswith(("a3", "a4")) for name in lens.names], device=like.device)
    return lens.pull(torch.where(stiff, STIFF, HELD), like)


def found(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, mean: Tensor, steps: int, share: float = FEW
          ) -> tuple[Tensor, Tensor]:
    """Places (B, Q) and knots (B, K) near the best, from places less near; `mean` (Q,) is usual of coordinates."""
    prior, few = held(lens, image), doubted(image, sigma, share)
    if steps:
        place = profile.descend(lens, image, doubted(image, sigma), place, prior, mean, steps, sharp=0)[0]
    blank = Beyond(Clumps, image.new_zeros(len(image), clumps.number()))
    place, weights, _, _ = joint.descend(lens, image, few, place, blank, prior, mean, rounds=1)
    start = Beyond(Knots, knots.seen_in(weights))
    return joint.descend(lens, image, few, place, start, prior, mean, ROUNDS)[:2]
