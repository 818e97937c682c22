"""Whether a fitted lens shows its source more than once, as it must if it is one.

A source that is drawn as a small or a large copy of the whole image fits any image, with hardly any lens or with far
too much of one; the evidence of a pixelised source may even prefer such a solution (PyAutoLens calls it demagnified).
It gives itself away: it shines on us no brighter than its source would alone, or shows it in one parity only.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lenslab.fit.model import shining
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.rays import deflection, grid, scenes_at

LEAST = 1.5       # times that the light of a source is magnified in all
SHARE = 0.02      # of the light of the arcs, in either parity


class Images(NamedTuple):
    """What B lenses make of their sources."""

    magnification: Tensor     # (B,) light of the arcs over that of the source alone
    mirrored: Tensor          # (B,) share of the arcs' light that comes from mirrored images

    @property
    def several(self) -> Tensor:
        """(B,) whether the source is seen more than once."""
        return (self.magnification > LEAST) & (self.mirrored > SHARE) & (self.mirrored < 1 - SHARE)


def images(problem: FitProblem, state: State) -> Images:
    """Of the lenses at a state."""
    scenes = scenes_at(problem.lens, state.place)
    alpha_x, alpha_y = deflection(problem.lens, scenes)
    light = shining(scenes, (alpha_x, alpha_y), problem.beyond(state))
    x, y = grid(scenes)
    step = float(x[0, 0, 1] - x[0, 0, 0])
    bx, by = x - alpha_x, y - alpha_y
    (xy, xx), (yy, yx) = (torch.gradient(b, spacing=step, dim=(1, 2)) for b in (bx, by))
    det = xx * yy - xy * yx
    total = light.sum((1, 2)).clamp_min(1e-30)
    return Images(total * step**2 / problem.source_flux(state).clamp_min(1e-30),
                  torch.where(det < 0, light, 0.0).sum((1, 2)) / total)
