"""How large small changes of an image are, with lens, source and lens light free to follow them.

Near a fit an image is linear: what is left of it in sigmas is T a + J b + noise, with a the amplitudes of some changes
T and b the step of all that was fitted, which its priors hold. With b marginalised the image tells of a by a quadratic
form alone, exp(push . a - a^T curve a / 2), whose minimum and curvature every question about a begins with.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.fit.descent import Minimum, quadratic
from lenslab.fit.model import precise
from lenslab.fit.problem import FitProblem


@dataclass(frozen=True)
class Marginal:
    """What one image tells of the amplitudes (n,) of changes; float64."""

    curve: Tensor      # (n, n)
    push: Tensor       # (n,)
    seen: Tensor       # (N^2, n) sigmas: each change less what the fit makes of it


def marginal(problem: FitProblem, best: Minimum, changes: Tensor) -> Marginal:
    """Of changes (N^2, n) of the image in sigmas, beside a fit of one image."""
    T = precise(changes)
    J = precise(problem.jacobian(best.state)[0])
    curve, slope, pull = quadratic(problem, best.state, best.left)
    follow = torch.linalg.solve(curve[0] + torch.diag(pull[0]), J.mT @ T)    # the fit's step, for a unit of each
    return Marginal(T.mT @ T - (T.mT @ J) @ follow, T.mT @ precise(best.left[0]) - follow.mT @ slope[0], T - J @ follow)
