"""Gaussians of a source: what is brighter or fainter than its Sersic profile, as Gaussians on a grid, solved for.

The grid moves and grows with the profile, so that a fit of the profile carries them with it. A weight is the
flux of its Gaussian over that of the profile, and may be negative: an arm asks for them, a lane of dust too. How
many Gaussians an image needs, it says itself: each weight has a Gaussian prior whose width is the one that makes the
image most likely (relevance: MacKay 1992, Neural Computation 4, 415; Tipping 2001, JMLR 1, 211), and what an image does
not ask for shrinks to nothing. A smooth source is so left as smooth as it is.
"""

from collections.abc import Iterator
from math import pi

import torch
from torch import Tensor

from lenslab.images.model import column, flux
from lenslab.scenes import Scenes

REACH = 1.75         # half-light radii from the centre, as far as there are nodes
NODES = 16           # across the grid
WIDTH = 0.7          # sigma of a Gaussian in spacings of the nodes: their sum is flat to a percent
FIRST = 0.05         # widths of the priors at the start
NARROWEST, WIDEST = 1e-8, 1.0     # squares of the widths
WEIGHINGS = 8        # times that they are found anew
JITTER = 1e-6        # of a diagonal of ones: what float32 leaves of a matrix whose directions repeat each other
RESCUE = 1e-2        # where that was not enough


def nodes(like: Tensor) -> tuple[Tensor, Tensor, float]:
    """Positions (NODES,) on an axis, which places (NODES^2,) of the grid are in use, and sigma; half-light radii."""
    axis = torch.linspace(-REACH, REACH, NODES).to(like)
    used = torch.hypot(axis[:, None], axis[None, :]).flatten() <= REACH * (1 + 1e-6)
    return axis, used, WIDTH * 2 * REACH / (NODES - 1)


def number() -> int:
    """K, the Gaussians of one source."""
    return int(nodes(torch.zeros(()))[1].sum())


class SourceGaussians:
    """The Gaussians of B sources at weights (B, K) and source-plane positions beta_x, beta_y (B, h, w), arcsec.

    Each is a factor along x times one along y, which 2 NODES images hold, where all of them would be a hundred or more.

    light   (B, h, w)  of all of them, counts/s/arcsec^2
    """

    damped = False     # linear: a step is as long as the image says

    def __init__(self, scenes: Scenes, beta_x: Tensor, beta_y: Tensor, weights: Tensor):
        self.R = column(scenes["source.R_sersic"])
        self.axis, self.used, self.sigma = nodes(beta_x)
        self.x, self.y = beta_x - column(scenes["source.center_x"]), beta_y - column(scenes["source.center_y"])
        peak = column(flux(scenes, "source")) / (2 * pi * (self.sigma * self.R) ** 2)
        self.across, self.up = self.factors(self.x), self.factors(self.y) * peak[:, None]
        self.grid = weights.new_zeros(len(weights), NODES**2)
        self.grid[:, self.used] = weights
        self.grid = self.grid.unflatten(1, (NODES, NODES))
        self.light = self.summed(self.grid)

    def factors(self, off: Tensor) -> Tensor:
        """(B, NODES, h, w)"""
        sigmas = (off / (self.sigma * self.R))[:, None] - (self.axis / self.sigma)[None, :, None, None]
        return torch.exp(-0.5 * sigmas * sigmas)

    def columns(self) -> Iterator[Tensor]:
        """Light of every Gaussian at weight 1, counts/s/arcsec^2, row by row of the grid: (B, n, h, w), K in all."""
        for row, used in enumerate(self.used.unflatten(0, (NODES, NODES))):
            first = NODES // 2 - int(used.sum()) // 2      # of those in use, which are the middle ones
            if first == NODES // 2:                        # of the outermost rows none is: a transform takes no nothing
                continue
            yield self.across[:, first:NODES - first] * self.up[:, row, None]

    def moves(self) -> dict[str, Tensor]:
        """Change (B, h, w) of the light for a unit of each coordinate of the profile (fit.smooth) that moves it."""
        grid, wide = self.grid, self.sigma**2 * self.R
        right = (self.summed(grid * self.axis) - self.x / self.R * self.light) / wide     # a Gaussian falls by
        above = (self.summed(grid * self.axis[:, None]) - self.y / self.R * self.light) / wide  # (off - node) / sigma^2
        return dict(source_x=-right, source_y=-above, log_R=-(self.x * right + self.y * above) - 2 * self.light)

    def summed(self, grid: Tensor) -> Tensor:
        """Sum of the Gaussians, each times its number on the grid (B, NODES, NODES), rows along y."""
        return (torch.einsum("bji,bihw->bjhw", grid, self.across) * self.up).sum(1)

    @staticmethod
    def within_limits(weights: Tensor) -> Tensor:
        return weights

    @staticmethod
    def prior(weights: Tensor) -> tuple[Tensor, Tensor]:
        """Inverse squares (B, K) of the priors' widths before the first round, and their middle."""
        return torch.zeros_like(weights), torch.zeros_like(weights)

    @staticmethod
    def weighed(normal: Tensor, slope: Tensor, weights: Tensor, fixed: Tensor) -> Tensor:
        """Inverse squares in a round."""
        return relevance(normal, slope, weights, fixed)


def relevance(normal: Tensor, slope: Tensor, weights: Tensor, fixed: Tensor) -> Tensor:
    """Inverse squares (B, K) of the priors' widths that make the image most likely.

    normal   (B, Q + K, Q + K)  D^T D of the linear model; the weights are the last K of its unknowns
    slope    (B, Q + K)         D^T r of what is left at the weights (B, K)
    fixed    (Q,)               what stands for the prior of the others
    """
    Q = normal.shape[-1] - weights.shape[-1]
    sharpness = torch.full_like(weights, FIRST**-2)
    for _ in range(WEIGHINGS):
        pull = torch.cat([fixed.expand(len(weights), -1), sharpness], 1)
        step, variance = solved(normal, slope - torch.cat([0 * slope[:, :Q], sharpness * weights], 1), pull)
        known = (1 - sharpness * variance[:, Q:]).clamp_min(1e-3)
        sharpness = known / (weights + step[:, Q:]).square().clamp(NARROWEST * known, WIDEST * known)
    return sharpness


def solved(normal: Tensor, slope: Tensor, pull: Tensor) -> tuple[Tensor, Tensor]:
    """(normal + diag(pull))^-1 slope (B, N), and the diagonal of that inverse (B, N)."""
    scale = (normal.diagonal(dim1=1, dim2=2) + pull).clamp_min(1e-20).rsqrt()
    unit = scale[:, :, None] * normal * scale[:, None, :] + torch.diag_embed(pull * scale**2 + JITTER)
    factor, failed = torch.linalg.cholesky_ex(unit)
    if failed.any():     # an image unlike any lens: heavily damped rather than lost
        rescue = RESCUE * (failed > 0).to(unit)[:, None].expand_as(scale)
        factor = torch.linalg.cholesky_ex(unit + torch.diag_embed(rescue))[0]
    inverse = torch.cholesky_inverse(factor)
    return scale * (inverse @ (scale * slope)[..., None])[..., 0], scale**2 * inverse.diagonal(dim1=1, dim2=2)
