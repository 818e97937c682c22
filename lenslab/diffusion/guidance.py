"""Classifier-free guidance (Ho & Salimans 2022, 2207.12598): a step further from what holds without conditions."""

import torch
from torch import Tensor

from lenslab.diffusion.denoise import Denoise


def guided(conditional: Denoise, unconditional: Denoise, weight: float) -> Denoise:
    """D_0 + weight (D_c - D_0): 0 is unconditional, 1 conditional, more asks for the conditions more loudly.

    Where one of the two does not count it is not asked.
    """
    if weight in (0.0, 1.0):
        return conditional if weight else unconditional
    return lambda x, sigma: torch.lerp(unconditional(x, sigma), conditional(x, sigma), weight)


def dropped(conditions: Tensor, there: Tensor, share: float, whole: float, generator: torch.Generator,
            group: Tensor) -> tuple[Tensor, Tensor]:
    """Conditions with some left away, so that a network learns to do without: each group by itself, or all at once.

    conditions  (B, P)  standardised; there (B, G) which groups are known; group (P,) the group of each number
    share, whole        how often a group is left away, and how often every one
    returns             conditions with 0 where they are away, and there
    """
    shape = there.shape
    keep = there.cpu() & (torch.rand(shape, generator=generator) >= share)
    keep = (keep & (torch.rand(shape[0], 1, generator=generator) >= whole)).to(there.device)
    return conditions * keep[:, group], keep
