"""Lenses whose source is a profile alone, fitted: Levenberg-Marquardt through the simulator, a fixed number of steps.

The damping falls where a step helps and grows where it does not (Levenberg 1944, Marquardt 1963). An image that has
its lens waits for the last steps, which are sharp.
"""

import torch
from torch import Tensor

from lenslab.fit.model import residual, tangents, within_limits
from lenslab.fit.smooth import SmoothLens

DAMPING = 1e-2           # at the start, of the diagonal
EASED, RAISED = 0.2, 8.0
SETTLED = 0.3            # what a step with little damping lowers chi^2 by where it is the last but the sharp ones
SHARP = 2                # with one ray a pixel to the end chi^2 ends 1 above its minimum


def descend(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, prior: Tensor, mean: Tensor, steps: int,
            sharp: int = SHARP) -> tuple[Tensor, Tensor, Tensor]:
    """From places (B, Q): places, what is left (B, M) in sigmas, normal matrices.

    prior, mean   (Q,)  inverse squares of the widths of the priors of the coordinates, and their middle
    sharp         last steps whose tangents have all rays, others have one a pixel
    """
    damping = torch.full((len(image),), DAMPING).to(image)
    left = residual(lens, image, sigma, place)
    cost = left.square().sum(1) + ((place - mean).square() * prior).sum(1)
    going = torch.ones_like(cost, dtype=torch.bool)
    for step in range(steps):
        last = step >= steps - sharp
        if last:
            going, damping = torch.ones_like(going), damping.clamp_max(DAMPING)   # not theirs, the blunt ones' troubles
        elif not going.any():
            continue
        J = tangents(lens, sigma, place, supersampling=None if last else 1)
        normal = J.mT @ J + prior.diag()      # the last one, a step before the end, gives the covariance
        slope = (J.mT @ left[..., None])[..., 0] - prior * (place - mean)
        scale = normal.diagonal(dim1=1, dim2=2)
        move = torch.linalg.solve(normal + torch.diag_embed(damping[:, None] * scale + 1e-12), slope)
        trial = within_limits(lens, place + move)
        there = residual(lens, image, sigma, trial)
        price = there.square().sum(1) + ((trial - mean).square() * prior).sum(1)
        better, settled = going & (price < cost), (cost - price < SETTLED) & (damping <= DAMPING)
        place, left = torch.where(better[:, None], trial, place), torch.where(better[:, None], there, left)
        cost = torch.where(better, price, cost)
        damping = torch.where(going, damping * torch.where(better, EASED, RAISED), damping).clamp(1e-9, 1e6)
        going = going & ~(better & settled)
    return place, left, normal
