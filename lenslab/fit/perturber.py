"""One small mass beside a smooth lens: where it would explain the image best, how sure that is, and what could be seen.

A mass m at a place bends rays by m z / (|z|^2 + c^2), a Plummer sphere with a core of CORE; so little that the image
changes by the slope of its source times that bend, in proportion to m. Lens, source and lens light follow it: what they
can make up for is projected out, with their priors. At each place of a grid m then has a best value and a Gaussian
error, in linear theory (Koopmans 2005, astro-ph/0501324, for a field; one mass as in Vegetti & Koopmans 2009,
0805.0201). Looking at many places finds something in noise alone: the chance of that is had by drawing the noise of
all places together, which are correlated as their images are. Masses are given as theta_E^2, arcsec^2, which a distance
turns into solar masses (lenslab.physics.cosmology.mass_inside_theta_E).
"""

from dataclasses import dataclass
from math import log, pi, sqrt

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit.descent import Minimum
from lenslab.fit.marginal import marginal
from lenslab.fit.model import images_of, source
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.rays import deflection, grid, scenes_at, struck
from lenslab.physics.grid import pixel_axis

CORE = 0.05         # arcsec
DRAWS = 4000        # of the noise of all places together
LARGEST = 0.04      # theta_E^2, arcsec^2, up to which a mass is as likely as any other: about 1e10 Msun, z 0.5 and 1.5
DETECTION = 5.0     # sigmas of a sensitivity map
AT_ONCE = 64        # places in one piece


@dataclass(frozen=True)
class Perturbers:
    """One mass at each of M places, and at the best of them."""

    x: Tensor                   # (M,) arcsec
    y: Tensor                   # (M,)
    mass: Tensor                # (M,) theta_E^2, arcsec^2; below 0 where a hole would explain more
    sigma: Tensor               # (M,) one sigma of it
    best: int                   # the place whose mass is above 0 by most sigmas
    significance: float         # those sigmas
    evidence: float             # ln of how many times likelier the image is with one mass somewhere than with none
    false_alarm: float          # chance that noise alone shows as many sigmas at any of the places

    @property
    def sensitivity(self) -> Tensor:
        """(M,) the smallest mass that would be found at 5 sigmas; theta_E^2, arcsec^2."""
        return DETECTION * self.sigma

    def on_grid(self, values: Tensor, half_width: float, spacing: float) -> Tensor:
        """Values (M,) of places on the grid of `places` as a map (n, n), rows grow with y; NaN where none was asked."""
        side = len(grid_axis(half_width, spacing))
        found = values.new_full((side, side), torch.nan)
        row, column = ((at / spacing + (side - 1) / 2).round().long() for at in (self.y, self.x))
        found[row, column] = values
        return found


def perturbers(problem: FitProblem, best: Minimum, x: Tensor, y: Tensor, seed: int = 0) -> Perturbers:
    """Of one image, at places x, y (M,), arcsec from the frame's middle."""
    with one_thread(), torch.inference_mode():
        told = marginal(problem, best, templates(problem, best.state, x, y))
        F = told.curve
        width = F.diagonal().clamp_min(1e-12).sqrt()
        sigmas = told.push / width
        k = int(sigmas.argmax())
        significance = float(sigmas[k])
        alarm = chance(F / (width[:, None] * width), significance, seed)
        each = 0.5 * sigmas.square() + torch.special.log_ndtr(sigmas) + 0.5 * log(2 * pi) - (width * LARGEST).log()
        evidence = float(torch.logsumexp(each, 0)) - log(len(each))
    return Perturbers(x.clone(), y.clone(), (sigmas / width).clone(), (1 / width).clone(), k, significance, evidence,
                      alarm)


def chance(correlation: Tensor, significance: float, seed: int) -> float:
    """That the largest of (M,) normal numbers so correlated reaches so many sigmas; by draws, half a draw at least."""
    values, axes = torch.linalg.eigh(correlation)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(DRAWS, len(values), generator=generator, dtype=values.dtype)
    highest = (drawn * values.clamp_min(0).sqrt() @ axes.mT).amax(1)
    return max(float((highest >= significance).double().mean()), 0.5 / DRAWS)


def templates(problem: FitProblem, state: State, x: Tensor, y: Tensor) -> Tensor:
    """Change of the image in sigmas for a unit of mass at each place, (N^2, M); 0 where a pixel weighs nothing."""
    scenes = scenes_at(problem.lens, state.place)
    beta = struck(scenes, deflection(problem.lens, scenes))
    _, along_x, along_y = source(scenes, beta, problem.beyond(state))
    theta_x, theta_y = grid(scenes)
    columns = []
    for at_x, at_y in zip(x.to(theta_x).split(AT_ONCE), y.to(theta_y).split(AT_ONCE), strict=True):
        dx, dy = theta_x - at_x[:, None, None], theta_y - at_y[:, None, None]
        light = -(along_x * dx + along_y * dy) / (dx * dx + dy * dy + CORE**2)
        columns.append((images_of(scenes, light[None]) / problem.sigma)[0].flatten(1))
    return torch.cat(columns).mT


def places(problem: FitProblem, state: State, spacing: float) -> tuple[Tensor, Tensor]:
    """x, y (M,) of a grid over the arcs: nearer than 2 CORE to a pixel in which they are a sigma above the noise."""
    camera = problem.lens.camera
    scenes = scenes_at(problem.lens, state.place)
    beta = struck(scenes, deflection(problem.lens, scenes))
    light = source(scenes, beta, problem.beyond(state))[0]
    arcs = (images_of(scenes, light[:, None]) / problem.sigma)[0, 0] > 1
    side, scale = camera.num_pix, camera.pixel_scale
    axis = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * scale
    seen_y, seen_x = (axis[index] for index in arcs.nonzero().unbind(1))
    half = side * scale / 2
    nodes = grid_axis(half, spacing)
    y, x = (part.flatten() for part in torch.meshgrid(nodes, nodes, indexing="ij"))
    if not len(seen_x):
        return x[:0], y[:0]
    near = torch.hypot(x[:, None] - seen_x, y[:, None] - seen_y).amin(1) < max(2 * CORE, spacing / sqrt(2))
    return x[near], y[near]


def grid_axis(half_width: float, spacing: float) -> Tensor:
    """Places (n,) on an axis of a frame, from its middle; arcsec."""
    return pixel_axis(max(1, int(2 * half_width / spacing + 1e-6)), spacing, dtype=torch.float64)
