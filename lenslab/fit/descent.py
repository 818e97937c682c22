"""Down to the minimum, and the proof of it: Levenberg-Marquardt on all that is free at once, image by image.

The damping falls where a step helps and grows where it does not (Levenberg 1944, Marquardt 1963). Near a minimum chi^2
is a parabola, whose depth below a place is half of the slope times the Newton step, whatever the units are (Newton
decrement: Boyd & Vandenberghe 2004, 9.5.1). A descent ends where that depth is below DEEP. Faint compact components of
a source lie in long bent valleys, where the parabola promises what no step gives: what is asked of a minimum is that
no number of the lens itself would move by more than MOVED of its own sigma. A number that lies at its limit and would
go beyond counts as held there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.fit.model import precise
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.source_gaussians import solved

DAMPING = 1e-2            # at the start, of the diagonal
EASED, RAISED = 0.1, 8.0
STRONGEST = 1e4           # damping from which on no step helps
TRIALS = 4                # dampings that are tried with the tangents of one place
DEEP = 0.1                # of chi^2 that a minimum may lie lower where a descent ends
FLAT = 0.02               # of chi^2: a step that gives less is the last one, too
MOVED = 0.3               # sigmas
HELD = 1e12               # times its own curvature: what holds a number at its limit


@dataclass(frozen=True)
class Minimum:
    """Where a descent of B images ended."""

    state: State
    left: Tensor         # (B, N^2) sigmas
    normal: Tensor       # (B, n, n) float64: J^T J and the priors, at the state
    cost: Tensor         # (B,) float64: chi^2 and the priors
    depth: Tensor        # (B,) of chi^2 that the parabola there still promises
    moves: Tensor        # (B,) sigmas that the Newton step would move the lens by, in the number that it moves most
    narrow: Tensor       # (B,) float64: ln of the root of the determinant of the priors' inverse squares, where any are

    @property
    def settled(self) -> Tensor:
        """(B,) whether the lens is where it stays."""
        return (self.depth < DEEP) | (self.moves < MOVED)

    def take(self, rows) -> "Minimum":
        return Minimum(self.state.take(rows), *(part[rows] for part in (self.left, self.normal, self.cost,
                                                                        self.depth, self.moves, self.narrow)))


def descend(problem: FitProblem, state: State, steps: int, supersampling: int | None = None) -> Minimum:
    """From states to minima in so many steps at most; `supersampling` is that of the tangents, None for all rays."""
    *_, end = downhill(problem, state, steps, supersampling)
    return end


def downhill(problem: FitProblem, state: State, steps: int, supersampling: int | None = None) -> Iterator[Minimum]:
    """`descend`, with where it is after each step, for eyes to follow; the next step writes into the same tensors."""
    state = State(*(part.clone() for part in problem.within_limits(state)))
    left = problem.residual(state)
    cost, n = problem.price(left, state), state.all.shape[1]
    damping = torch.full_like(cost, DAMPING)
    depth, normal = torch.full_like(cost, torch.inf), cost.new_zeros(len(cost), n, n)
    moves, Q = depth.clone(), len(problem.lens.names)
    going, sharp = torch.ones_like(cost, dtype=torch.bool), problem.prior(state)[0]
    narrow = 0.5 * torch.where(sharp > 0, sharp, 1.0).log().sum(1)
    for step in range(steps + 1):
        rows = going.nonzero()[:, 0]
        if not len(rows):
            break
        part, here = problem.take(rows), state.take(rows)
        curve, slope, pull = quadratic(part, here, left[rows], supersampling)
        normal[rows] = curve + torch.diag_embed(pull)
        slope, held = free(part, here, slope, curve)
        newton, variance = solved(curve, slope, pull + held)
        depth[rows] = (newton * slope).sum(1)
        moves[rows] = (newton[:, :Q].abs() / variance[:, :Q].sqrt()).amax(1)
        going[rows] = depth[rows] >= DEEP
        if step == steps:
            break
        waiting, before = going[rows].clone(), cost[rows]
        for _ in range(TRIALS):
            if not waiting.any():
                break
            scale = curve.diagonal(dim1=1, dim2=2) + pull
            move = solved(curve, slope, pull + held + damping[rows, None] * scale)[0]
            trial = part.within_limits(here.moved(move))
            there = part.residual(trial)
            asked = part.price(there, trial)
            better = waiting & (asked < cost[rows])
            damping[rows] = torch.where(waiting, damping[rows] * torch.where(better, EASED, RAISED), damping[rows])
            damping.clamp_(1e-9, STRONGEST)
            new = here.where(better, trial)
            for whole, piece in zip(state, new, strict=True):
                whole[rows] = torch.where(better[:, None], piece, whole[rows])
            left[rows] = torch.where(better[:, None], there, left[rows])
            cost[rows] = torch.where(better, asked, cost[rows])
            waiting = waiting & ~better
        going[rows] &= ~(waiting & (damping[rows] >= STRONGEST))
        flat = ~waiting & (before - cost[rows] < FLAT) & (moves[rows] < MOVED)
        going[rows] &= ~flat
        yield Minimum(state, left, normal, cost, depth, moves, narrow)
    yield Minimum(state, left, normal, cost, depth, moves, narrow)


def quadratic(problem: FitProblem, state: State, left: Tensor, supersampling: int | None = None
              ) -> tuple[Tensor, Tensor, Tensor]:
    """J^T J, what chi^2 and priors fall by in each direction, half of it, and the priors' inverse squares; float64."""
    J = problem.jacobian(state, supersampling)
    pull, middle = problem.prior(state)
    slope = precise((J.mT @ left[..., None])[..., 0]) - pull * (state.all - middle)
    return precise(J.mT @ J), slope, pull


def free(problem: FitProblem, state: State, slope: Tensor, curve: Tensor) -> tuple[Tensor, Tensor]:
    """The slope without that of numbers which lie at their limits and would go beyond, and what holds these."""
    low, high = problem.limits(state)
    at = state.all
    edge = 1e-6 * (high - low).clamp_max(1.0)
    stuck = ((at <= low + edge) & (slope < 0)) | ((at >= high - edge) & (slope > 0))
    scale = curve.diagonal(dim1=1, dim2=2) + 1
    return torch.where(stuck, 0.0, slope), torch.where(stuck, HELD * scale, 0.0)
