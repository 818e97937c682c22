"""A smooth lens and what its source is beyond a profile, fitted together.

First that is Gaussians on a grid, whose brightness is linear, so that they need no start and one round finds them; then
a few compact Sersics, which begin where the Gaussians have their peaks. Each step solves for all at once and tries
dampings of what is not linear, since a profile that took compact components for a part of itself has a way to go.
"""

import torch
from torch import Tensor

from lenslab.fit import source_gaussians
from lenslab.fit.model import Beyond, precise, residual, tangents, within_limits
from lenslab.fit.smooth import SmoothLens

DAMPINGS = 1e-3, 1.0   # of the diagonal; the second where the first does not help
SETTLED = 0.3          # an image whose chi^2 a round lowers by less has its lens


def descend(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, beyond: Beyond, prior: Tensor, mean: Tensor,
            rounds: int, supersampling: int | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """From places (B, Q): places, numbers (B, K) of what lies beyond, what is left (B, M) in sigmas, normal matrices.

    prior, mean   (Q,)  inverse squares of the widths of the priors of the coordinates, and their middle
    supersampling     of the tangents; None for all rays
    """
    kind, values = beyond
    left, Q = residual(lens, image, sigma, place, beyond if values.any() else None), place.shape[1]
    pull, middle = kind.prior(values)
    cost = price(left, place, values, prior, mean, pull, middle)
    going = torch.ones_like(cost, dtype=torch.bool)
    for _ in range(rounds):
        D = tangents(lens, sigma, place, supersampling, beyond=Beyond(kind, values)).nan_to_num(0.0, 0.0, 0.0)
        normal, slope = precise(D.mT @ D), precise((D.mT @ left[..., None])[..., 0])
        slope[:, :Q] -= prior * (place - mean)
        pull = precise(kind.weighed(normal, slope, precise(values), precise(prior)))
        slope[:, Q:] -= pull * (values - middle)
        every = torch.cat([precise(prior).expand(len(place), -1), pull], 1)
        held = normal.diagonal(dim1=1, dim2=2) + every
        held[:, Q:] *= kind.damped
        before, best, helped = cost, (place, values, left), ~going
        for damping in DAMPINGS:
            step = source_gaussians.solved(normal, slope, every + damping * held)[0].to(place)
            trial = within_limits(lens, place + step[:, :Q]), kind.within_limits(values + step[:, Q:])
            there = residual(lens, image, sigma, trial[0], Beyond(kind, trial[1]))
            asked = price(there, *trial, prior, mean, pull, middle)
            better = going & (asked < cost)
            cost, helped = torch.where(better, asked, cost), helped | better
            best = tuple(torch.where(better[:, None], new, old)
                         for new, old in zip((*trial, there), best, strict=True))
            if helped.all():
                break
        place, values, left = best
        going = going & (before - cost > SETTLED)
        if not going.any():
            break
    return place, values, left, normal + torch.diag_embed(every)


def price(left: Tensor, place: Tensor, values: Tensor, prior: Tensor, mean: Tensor, pull: Tensor, middle: Tensor
          ) -> Tensor:
    """chi^2 and the priors (B,) float64."""
    return precise(left).square().sum(1) + ((place - mean).square() * prior).sum(1) + (
        precise(values - middle).square() * pull).sum(1)
