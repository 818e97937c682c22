"""One lens from several starts: rough first, then with compact components, and the last steps at the model's noise.

The network that begins is right to some percent, and a descent from it ends in a false minimum now and then: in one
image of four with one start that is carried through the compact components, in one of twelve with four. So several
starts are tried with the profile alone and inflated noise, as in lenslab.fit.annealed; those that fit best and differ
get compact components and the whole noise, and the one whose chi^2 with priors is lowest is taken. The noise that an
observer reads off the image is too small where a pixel came out low, so that such pixels would weigh too much: the
last steps take that of the model. Once the noise is whole tangents have all rays: with one a pixel, which is enough on
the way there, a descent among compact components ends up to 130 above the minimum in chi^2.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit import annealed, compact, joint, levenberg_marquardt, source_gaussians
from lenslab.fit.compact import SoftSersics
from lenslab.fit.descent import Minimum, descend, downhill
from lenslab.fit.model import Beyond, first_amplitude
from lenslab.fit.multiple_images import images
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.recipes import FIRST
from lenslab.fit.smooth import SmoothLens

AT_ONCE = 2**17        # rays in one piece on a CPU


@dataclass(frozen=True)
class Recipe:
    """How much is tried. These are the numbers of a reconstruction; classifiers have their own (nets.lens_residual)."""

    rough: int = 6        # steps of each start with the profile alone
    carried: int = 4      # starts that go on
    rounds: int = 4       # of those with compact components while the noise is inflated
    steps: int = 6        # of those at the noise of the image, and of the best one at the noise of its first model
    last: int = 10        # at most, of the best one at the noise of that model's
    after: int = 2        # of the other ones at that noise, so that they can be weighed against it
    stretch: float = 1.28 # of one sigma where sources have compact components (lenslab.fit.posterior): what pulls of
                          # theta_E ask for on 57 smooth validation images of hst
    doubted: float = 6.0  # sigmas of its own flux up to which a compact component may be none
    apart: float = 0.03   # standard deviations of the prior in which two starts differ somewhere, or are one


@dataclass(frozen=True)
class Stage:
    """What stands after a stage: its name, the share of the work that is done, and the best lens so far."""

    name: str
    share: float
    problem: FitProblem     # of that one image
    best: Minimum           # (1, ...)
    others: Minimum | None = None     # (T, ...) all that were carried to the end, at one noise; of the last stage alone


def refine(problem: FitProblem, starts: Tensor, noise_of, recipe: Recipe = Recipe(),
           neighbours=()) -> Iterator[Stage]:
    """Stages of the fit of one image, the last one with the answer.

    problem    of one image
    starts     (T, P)  coordinates, the likeliest first
    noise_of   sigma (1, 1, N, N) of a model image (1, 1, N, N): the noise that a camera would have with it
    neighbours (problem, left (1, N^2), state) -> problem without what is no part of a lens; asked one after the other,
               and each time the first stage is done again where something is left out
    """
    stages = worked(problem, starts, noise_of, recipe, neighbours)
    while True:
        with one_thread(), torch.inference_mode():     # in force while it works, and not for whoever is told of a stage
            stage = next(stages, None)
        if stage is None:
            return
        yield stage


def worked(problem: FitProblem, starts: Tensor, noise_of, recipe: Recipe, neighbours) -> Iterator[Stage]:
    """`refine`, for one thread without gradients."""
    many = repeated(problem, len(starts))
    place = lens_places(many, starts.to(problem.image))
    yield Stage("read", 0.02, problem, as_it_is(problem, place[:1]))
    place, order = yield from rough(problem, many, place, recipe)
    for clean in neighbours:
        best = State(place[order[:1]], place.new_zeros(1, 0), problem.glow)
        cleaned = clean(problem, problem.residual(best), best)
        if cleaned is not problem:
            problem, many = cleaned, repeated(cleaned, len(starts))
            place, order = yield from rough(problem, many, place, recipe)
    kept = different(problem.lens, place, order, recipe)
    place = place[kept]
    many = repeated(problem, len(place))
    state = State(place, place.new_zeros(len(place), 0), many.glow)
    yield Stage("starts", 0.2, problem, as_it_is(problem, place[:1]))
    if problem.lens.compact:
        state = with_components(many, state, recipe)
        again = different(problem.lens, state.place, torch.arange(len(state.place)), recipe)
        state, many = state.take(again), many.take(torch.tensor(again))
        yield Stage("compact components", 0.5, problem, descend(problem, state.take([0]), 0, 1))
    found = yield from together(problem, many, state, recipe.steps)
    several = images(many, found.state).several
    fair = several if several.any() else torch.ones_like(several)
    best = found.take([int(torch.where(fair, found.cost, torch.inf).argmin())])
    best = without_idle(problem, best, recipe)
    yield Stage("noise of the image", 0.7, problem, best)
    for begun, steps in ((0.7, recipe.steps), (0.8, recipe.last)):     # the second time from a better model
        known = problem.sigma.isfinite()
        problem = replace(problem, sigma=torch.where(known, noise_of(problem.expected(best.left)), torch.inf))
        way = downhill(problem, best.state, steps)
        for step, best in enumerate(way):
            yield Stage("noise of the model", begun + 0.1 * step / (steps + 1), problem, best)
    others = in_pieces(repeated(problem, len(many)), found.state, recipe.after)
    yield Stage("done", 1.0, problem, best, others)


def repeated(problem: FitProblem, n: int) -> FitProblem:
    """The one image n times."""
    return problem.take(torch.zeros(n, dtype=torch.long))


def lens_places(problem: FitProblem, starts: Tensor) -> Tensor:
    """Places (T, Q) of coordinates (T, P): with the brightness that fits the image best."""
    lens = problem.lens
    starts = lens.within_limits(starts)
    if not lens.amplitude:
        return starts
    return torch.cat([starts, first_amplitude(lens, problem.arcs, problem.sigma, starts)[:, None]], 1)


def as_it_is(problem: FitProblem, place: Tensor) -> Minimum:
    """One lens (1, Q) whose source is a profile alone, where it stands."""
    return descend(problem, State(place, place.new_zeros(1, 0), problem.glow), 0, 1)


def rough(problem: FitProblem, many: FitProblem, place: Tensor, recipe: Recipe
          ) -> Generator[Stage, None, tuple[Tensor, Tensor]]:
    """Places (T, Q) near the best that a profile alone can do at inflated noise, and their order, the best first.

    Told of as they come, the best of each piece.
    """
    lens, arcs = many.lens, many.arcs
    sigma = annealed.inflated_noise(arcs, many.sigma)
    prior, mean = annealed.held(lens, place), mean_of(lens, place)
    places, costs = [], []
    for rows in pieces(many, len(place)):
        found, left, _ = levenberg_marquardt.descend(lens, arcs[rows], sigma[rows], place[rows], prior, mean,
                                                     recipe.rough, sharp=0)
        places.append(found)
        costs.append(left.square().sum(1) + ((found - mean).square() * prior).sum(1))
        yield Stage("starts", 0.2 * (int(rows[-1]) + 1) / (len(place) + 1), problem, as_it_is(
            problem, found[costs[-1].argmin()][None]))
    return torch.cat(places), torch.cat(costs).argsort()


def different(lens: SmoothLens, place: Tensor, order: Tensor, recipe: Recipe) -> list[int]:
    """The first places of an order that lie apart from each other."""
    width, kept = lens.std.to(place), []
    for k in order.tolist():
        off = [((place[k] - place[j])[:len(width)] / width).abs().max() for j in kept]
        if all(far > recipe.apart for far in off):
            kept.append(k)
        if len(kept) == recipe.carried:
            break
    return kept


def with_components(problem: FitProblem, state: State, recipe: Recipe) -> State:
    """The same lenses with compact components where Gaussians find them, fitted together at inflated noise."""
    lens, arcs, places, values = problem.lens, problem.arcs, [], []
    few = annealed.inflated_noise(arcs, problem.sigma, FIRST.few)
    prior, mean = annealed.held(lens, arcs), mean_of(lens, arcs)
    for rows in pieces(problem, len(problem)):
        blank = Beyond(source_gaussians.SourceGaussians, arcs.new_zeros(len(rows), source_gaussians.number()))
        place, weights, _, _ = joint.descend(lens, arcs[rows], few[rows], state.place[rows], blank, prior, mean,
                                             rounds=1)
        start = Beyond(SoftSersics, compact.at_peaks(weights))
        found = joint.descend(lens, arcs[rows], few[rows], place, start, prior, mean, recipe.rounds, supersampling=1)
        places.append(found[0])
        values.append(found[1])
    return State(torch.cat(places), torch.cat(values), state.glow)


def without_idle(problem: FitProblem, best: Minimum, recipe: Recipe) -> Minimum:
    """The minimum of one image without compact components whose numbers are not worth 2 of chi^2 each (Akaike 1974).

    They fit noise, and bend the lens for it; and a descent among them does not come to rest. Those whose flux stands
    out least, in sigmas, are tried first.
    """
    n, Q = len(compact.NAMES), best.state.place.shape[1]
    while best.state.compact.shape[1]:
        at = Q + n - 1 + n * torch.arange(best.state.compact.shape[1] // n)
        sigmas = best.state.all[0, at] / torch.linalg.inv(best.normal[0]).diagonal()[at].sqrt()
        for k in sigmas.argsort()[:int((sigmas < recipe.doubted).sum())].tolist():
            kept = torch.cat([best.state.compact[:, :n * k], best.state.compact[:, n * (k + 1):]], 1)
            fewer = descend(problem, best.state._replace(compact=kept), recipe.after)
            if float(fewer.cost - best.cost) < 2 * n:
                best = fewer
                break
        else:
            break
    return best


def together(problem: FitProblem, many: FitProblem, state: State, steps: int) -> Generator[Stage, None, Minimum]:
    """`in_pieces` of many lenses of the image of a problem, told of after each step: the best of each piece."""
    parts, blocks = [], pieces(many, len(many))
    for number, rows in enumerate(blocks):
        for step, end in enumerate(downhill(many.take(rows), state.take(rows), steps)):
            yield Stage("noise of the image", 0.5 + 0.2 * (number + step / (steps + 1)) / len(blocks), problem,
                        end.take([int(end.cost.argmin())]))
        parts.append(end)
    return joined(parts)


def in_pieces(problem: FitProblem, state: State, steps: int) -> Minimum:
    """`descend` of a batch that is larger than a cache."""
    return joined([descend(problem.take(rows), state.take(rows), steps) for rows in pieces(problem, len(problem))])


def joined(parts: list[Minimum]) -> Minimum:
    if len(parts) == 1:
        return parts[0]
    states = State(*(torch.cat(blocks) for blocks in zip(*(part.state for part in parts), strict=True)))
    rest = (torch.cat([getattr(part, name) for part in parts]) for name in (
        "left", "normal", "cost", "depth", "moves", "narrow"))
    return Minimum(states, *rest)


def pieces(problem: FitProblem, n: int) -> tuple[Tensor, ...]:
    """Rows of a batch that are worked on together."""
    rays = (problem.lens.camera.num_pix * problem.lens.camera.supersampling) ** 2
    return torch.arange(n).split(max(1, AT_ONCE // rays))


def mean_of(lens: SmoothLens, like: Tensor) -> Tensor:
    """What is usual of a place (Q,)."""
    return torch.cat([lens.mean.to(like), like.new_zeros(1 if lens.amplitude else 0)])
