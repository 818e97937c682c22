"""A smooth lens and a source with clumps, fitted together: steps after those that had the source's profile alone.

The brightness of clumps is linear and the rest is not: each step solves for both at once and keeps the best of several
dampings of what is not linear, since a profile that took clumps for a part of itself has a way to go.
"""

import torch
from torch import Tensor

from lenslab.fit import clumps
from lenslab.fit.model import kept, precise, residual, tangents
from lenslab.fit.smooth import SmoothLens

DAMPINGS = (1e-4, 0.1, 30.0)   # of the diagonal


def descend(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, prior: Tensor, mean: Tensor, rounds: int
            ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """From places (B, Q): places, weights (B, K) of the clumps, what is left (B, M) in sigmas, normal matrices.

    All clumps share the width of one prior until the last round: a clump that is left out too early may be what a lens
    that is still wrong would need to become right.
    prior, mean   (Q,)  inverse squares of the widths of the priors of the coordinates, and their middle
    """
    weights = place.new_zeros(len(place), clumps.number())
    left, Q = residual(lens, image, sigma, place), place.shape[1]
    cost = price(left, place, weights, prior, mean, 0 * weights)     # later widths may forbid what earlier ones gave
    for turn in range(rounds):
        D = tangents(lens, sigma, place, weights=weights).nan_to_num(0.0, 0.0, 0.0)
        normal, slope = precise(D.mT @ D), precise((D.mT @ left[..., None])[..., 0])
        slope[:, :Q] -= prior * (place - mean)
        sharpness = clumps.relevance(normal, slope, precise(weights), precise(prior), each=turn == rounds - 1)
        slope[:, Q:] -= sharpness * weights
        pull = torch.cat([precise(prior).expand(len(place), -1), sharpness], 1)
        held = torch.cat([normal.diagonal(dim1=1, dim2=2)[:, :Q] + prior, 0 * sharpness], 1)
        best = place, weights, left
        for damping in DAMPINGS:
            step = clumps.solved(normal, slope, pull + damping * held)[0].to(place)
            trial = kept(lens, place + step[:, :Q]), weights + step[:, Q:]
            there = residual(lens, image, sigma, *trial)
            asked = price(there, *trial, prior, mean, sharpness)
            better = asked < cost
            cost = torch.where(better, asked, cost)
            best = tuple(torch.where(better[:, None], new, old)
                         for new, old in zip((*trial, there), best, strict=True))
        place, weights, left = best
    return place, weights, left, normal + torch.diag_embed(pull)


def price(left: Tensor, place: Tensor, weights: Tensor, prior: Tensor, mean: Tensor, sharpness: Tensor) -> Tensor:
    """chi^2 and the priors (B,) float64."""
    return precise(left).square().sum(1) + ((place - mean).square() * prior).sum(1) + (
        precise(weights).square() * sharpness).sum(1)
