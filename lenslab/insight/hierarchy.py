"""Many lenses, one population: from what each lens says to what all of them share.

Each lens has samples of its posterior under a prior that its network learnt with. Weighed by the ratio of a
population's law to that prior they give the likelihood of the law (Mandel, Farr & Gair 2019, 1809.02063; with networks
Wagner-Carena et al. 2023, 2203.00690):

    p(all | law) = prod over lenses of mean over samples of law(theta) / prior(theta)

Plain numpy.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

SCATTERS = np.linspace(0.05, 0.5, 10)     # of a number about its mean in the population, dex: even before any lens
GRID = 161                                # means that are tried
ERRORS = np.linspace(0, 0.6, 121)         # of the prior's width: errors that lenses may share
LEVELS = 0.68, 0.95                       # of beliefs that are to be honest
KERNEL = 0.06                             # share of the prior's width by which samples are smoothed for a common value
ROUNDS, BURNT = 1500, 300                 # of the chain that gives shares of classes


@dataclass(frozen=True)
class Belief:
    """What is known of one number of a population: its density on a grid, even steps, sum times step 1."""

    value: np.ndarray      # (G,)
    density: np.ndarray    # (G,)

    def quantile(self, level) -> np.ndarray:
        steps = np.append(0, np.cumsum((self.density[1:] + self.density[:-1]) / 2 * np.diff(self.value)))
        return np.interp(level, steps / steps[-1], self.value)

    @property
    def median(self) -> float:
        return float(self.quantile(0.5))

    def interval(self, level: float) -> tuple[float, float]:
        """The central one."""
        low, high = self.quantile([(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def ln_likelihoods(samples: np.ndarray, prior: Callable, limits: tuple[float, float],
                   scatters: np.ndarray = SCATTERS) -> np.ndarray:
    """(N, K, G) ln likelihood of each lens, for K scatters and G means, of bells cut at the prior's limits.

    samples   (N, S) of each lens' posterior of the number
    prior     its density under which these were learnt
    """
    means, (low, high) = grid(limits), limits
    weight = 1 / np.maximum(prior(samples), 1e-300)
    out = np.empty((len(samples), len(scatters), len(means)))
    for k, scatter in enumerate(scatters):
        norm = ndtr((high - means) / scatter) - ndtr((low - means) / scatter)
        for row, (drawn, mine) in enumerate(zip(samples, weight, strict=True)):
            bell = np.exp(-0.5 * ((drawn[:, None] - means) / scatter) ** 2) / scatter / (2 * np.pi) ** 0.5
            out[row, k] = np.log(np.maximum((mine[:, None] * bell).mean(0) / norm, 1e-300))
    return out


def mean_of(ln: np.ndarray, limits: tuple[float, float]) -> Belief:
    """The population's mean, scatter unknown, from `ln_likelihoods` of its lenses."""
    joint = ln.sum(0)
    return belief(grid(limits), np.exp(joint - joint.max()).sum(0))


def with_error(known: Belief, error: float) -> Belief:
    """The same where the mean is off by an error more, one sigma, that all lenses share: more of them do not lessen it.
    """
    if error <= 0:
        return known
    return belief(known.value, blur(known.value, error) @ known.density)


def blur(value: np.ndarray, error: float) -> np.ndarray:
    """(G, G) from densities on a grid to those with an error more; what would leave the range stays in it."""
    bell = np.exp(-0.5 * ((value[:, None] - value) / max(error, 1e-9)) ** 2)
    return bell / bell.sum(0)


def shared_error(known: list[Belief], truths: np.ndarray) -> float:
    """The least error with which the central 68 and 95 % of beliefs hold the true means of skies as often as they say;
    all beliefs are on one grid. Coverage, and not likelihood: one sky that is far off does not rule the others."""
    value, density = known[0].value, np.array([one.density for one in known])
    for error in ERRORS * (value[-1] - value[0]):
        below = np.cumsum(density @ blur(value, error).T, 1)
        rank = np.array([np.interp(truth, value, row / row[-1]) for truth, row in zip(truths, below, strict=True)])
        if all((np.abs(rank - 0.5) <= level / 2).mean() >= level for level in LEVELS):
            return float(error)
    return float(error)


def common_value(samples: np.ndarray, prior: Callable, limits: tuple[float, float]) -> Belief:
    """A number that all lenses share, such as the mass of a particle: `samples` (N, S) as above."""
    ln = ln_likelihoods(samples, prior, limits, np.array([KERNEL * (limits[1] - limits[0])]))[:, 0].sum(0)
    return belief(grid(limits), np.exp(ln - ln.max()))


def belief(value: np.ndarray, weight: np.ndarray) -> Belief:
    return Belief(value, weight / np.trapezoid(weight, value))


def grid(limits: tuple[float, float]) -> np.ndarray:
    return np.linspace(*limits, GRID)


def shares_of(probabilities: np.ndarray, seed: int = 0) -> np.ndarray:
    """(M, C) samples of the shares of classes in a population, all shares as likely before any lens.

    probabilities   (N, C) of each lens, learnt where all classes were as common
    A chain that draws the class of each lens and then the shares (Gibbs).
    """
    rng, (n, C) = np.random.default_rng(seed), probabilities.shape
    shares, out = np.full(C, 1 / C), []
    for round_ in range(ROUNDS):
        weights = probabilities * shares
        edges = np.cumsum(weights, 1)
        which = (rng.random((n, 1)) * edges[:, -1:] > edges).sum(1)
        shares = rng.dirichlet(1 + np.bincount(which, minlength=C))
        if round_ >= BURNT:
            out.append(shares)
    return np.array(out)


def lenses_needed(ln: np.ndarray, limits: tuple[float, float], at: float, error: float,
                  weight: np.ndarray | None = None) -> float:
    """How many lenses like these tell the population's mean to `error`, where it is `at`: 1/(error^2 information).

    ln       (N, G) of `ln_likelihoods` at one scatter. The information of a lens is the spread of the slope of its ln
             likelihood (Fisher), by a difference over a tenth of the range.
    weight   (N,) of lenses that another law drew: the law whose mean is `at`, over theirs, at the truth of each
    """
    means = grid(limits)
    step = (limits[1] - limits[0]) / 20
    up, down = (np.array([np.interp(at + sign * step, means, row) for row in ln]) for sign in (1, -1))
    slopes = (up - down) / (2 * step)
    mean = np.average(slopes, weights=weight)
    return float(1 / (error**2 * max(np.average((slopes - mean) ** 2, weights=weight), 1e-12)))
