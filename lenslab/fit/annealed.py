"""Lens and compact components of a source sought together, from rough to fine.

A profile alone is wrong where a source has compact components. Fitted to the noise, it bends the mass until that
explains them, multipoles first, and what is sought behind such a lens is not there (16 of 60 images of hst ended 100 or
more above the chi^2 that is had from the truth, 5 of 60 so). The noise is therefore inflated at first, and the mass is
held near what is usual; Gaussians (lenslab.fit.source_gaussians), which are linear and need no start, then say where
there is light, and compact Sersics take their places, before everything is free and the noise is what it is.
"""

import torch
from torch import Tensor

from lenslab.fit import compact, joint, levenberg_marquardt, source_gaussians
from lenslab.fit.compact import CompactSersics
from lenslab.fit.model import Beyond
from lenslab.fit.recipes import FIRST, FitRecipe
from lenslab.fit.smooth import SmoothLens
from lenslab.fit.source_gaussians import SourceGaussians


def inflated_noise(image: Tensor, sigma: Tensor, share: float = FIRST.profile) -> Tensor:
    """sigma, and in quadrature a share of the brightness: what a rough model may be off by."""
    return torch.hypot(sigma, share * image.clamp_min(0))


def held(lens: SmoothLens, like: Tensor, recipe: FitRecipe = FIRST) -> Tensor:
    """Inverse squares (Q,) of the widths of the coordinates' priors meanwhile."""
    stiff = torch.tensor([name.startswith(("a3", "a4")) for name in lens.names], device=like.device)
    return lens.pull(torch.where(stiff, recipe.stiff, recipe.held), like)


def search(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, mean: Tensor, steps: int,
           share: float | None = None, recipe: FitRecipe = FIRST) -> tuple[Tensor, Tensor]:
    """Places (B, Q) and compact components (B, K) near the best, from places less near.

    mean   (Q,)  what is usual of coordinates
    """
    prior, few = held(lens, image, recipe), inflated_noise(image, sigma, recipe.few if share is None else share)
    if steps:
        rough = inflated_noise(image, sigma, recipe.profile)
        place = levenberg_marquardt.descend(lens, image, rough, place, prior, mean, steps, sharp=0)[0]
    blank = Beyond(SourceGaussians, image.new_zeros(len(image), source_gaussians.number()))
    place, weights, _, _ = joint.descend(lens, image, few, place, blank, prior, mean, rounds=1)
    start = Beyond(CompactSersics, compact.at_peaks(weights))
    return joint.descend(lens, image, few, place, start, prior, mean, recipe.inflated)[:2]
