"""Are posteriors honest? Ranks of the truth among samples (Talts et al. 2018, 1804.06788) and expected coverage.

Samples are (N, S, D), truths (N, D), both in numbers of order 1. An honest posterior has truths whose ranks are even,
and regions of probability p that hold the truth in a share p of all cases. Plain numpy.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, chi2

LEVELS = np.linspace(0.05, 0.95, 19)
WIDTHS = np.linspace(0.6, 2.0, 57)     # of posteriors, over what they say


@dataclass(frozen=True)
class Ranks:
    """How many truths have each rank, over equal bins, and the band that an honest posterior keeps to in each."""

    counts: np.ndarray     # (bins,)
    band: tuple[float, float]
    p: float               # of a chi^2 of the counts against evenness


@dataclass(frozen=True)
class Coverage:
    """How often a region of probability `level` holds the truth, with the band of an honest posterior."""

    level: np.ndarray      # (K,)
    share: np.ndarray      # (K,)
    low: np.ndarray        # (K,) of the 99 % binomial band
    high: np.ndarray       # (K,)


def ranks(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N,) share of samples (N, S) below the truth (N,): the probability integral transform."""
    return (samples < truth[:, None]).mean(1) + 0.5 * (samples == truth[:, None]).mean(1)


def histogram(pit: np.ndarray, bins: int = 20, level: float = 0.99) -> Ranks:
    """Of ranks (N,) in [0, 1]."""
    counts = np.histogram(pit, np.linspace(0, 1, bins + 1))[0]
    low, high = binom.interval(level, len(pit), 1 / bins)
    expected = len(pit) / bins
    p = chi2.sf(((counts - expected) ** 2 / expected).sum(), bins - 1)
    return Ranks(counts, (float(low), float(high)), float(p))


def central_coverage(pit: np.ndarray, level: float) -> float:
    """Share of truths inside the central interval of probability `level`, from their ranks (N,)."""
    return float((np.abs(pit - 0.5) <= level / 2).mean())


def band(level: float, n: int, sure: float = 0.99) -> tuple[float, float]:
    """Between these the coverage of n honest posteriors lies, `sure` of the time."""
    low, high = binom.interval(sure, n, level)
    return float(low / n), float(high / n)


def tarp(samples: np.ndarray, truth: np.ndarray, seed: int = 0) -> Coverage:
    """Tests of accuracy with random points (Lemos et al. 2023, 2302.03026, algorithm 2), over D numbers together.

    A ball about a random point, as wide as its way to the truth, holds a share of the samples: that share is even.
    """
    low, high = truth.min(0), truth.max(0)
    points = low + (high - low) * np.random.default_rng(seed).random(truth.shape)
    inside = np.linalg.norm(samples - points[:, None], axis=2) < np.linalg.norm(truth - points, axis=1)[:, None]
    shares = inside.mean(1)
    limits = np.array([band(level, len(truth)) for level in LEVELS])
    return Coverage(LEVELS, np.array([(shares < level).mean() for level in LEVELS]), *limits.T)


def temperature(score: Callable[[float], float], widths: np.ndarray = WIDTHS) -> float:
    """The width by which posteriors, stretched about their means, are likeliest; score(width) -> mean ln density."""
    values = [score(width) for width in widths]
    return float(widths[int(np.argmax(values))])
