"""Skies of many lenses from lenses that are measured already: a population's mean, and what all say of it together.

A network's posteriors are never quite those of its lenses. One lens does not show it; a hundred together do: what is
off in the same way for all of them adds up while their noise goes down. That shared error is measured on skies of
validation lenses, and every belief in a mean is widened by it.
"""

from collections.abc import Iterator

import numpy as np

from lenslab.insight import hierarchy
from lenslab.insight.hierarchy import Belief
from lenslab.tasks.measure.quantities import SMOOTH, Quantities, Quantity

SCATTER = 0.2                  # of the numbers of a sky about their mean
MIDDLE = 0.8                   # of the prior, from which means of skies are drawn
SAMPLES = 400                  # of the posterior of a lens
TOGETHER = np.array([0.1, 0.2, 0.35])     # scatters that the belief allows
NUMBER, LENSES = 200, 100      # skies that tell the shared error, and lenses in each
FEWEST = 60                    # lenses that skies are made of


def weight_of(truth: np.ndarray, mean: float, item: Quantity) -> np.ndarray:
    """(N,) of lenses: the law of a sky with that mean over the prior that drew them."""
    return np.exp(-0.5 * ((truth - mean) / SCATTER) ** 2) / np.maximum(item.density(truth), 1e-300)


def too_alike(item: Quantity) -> bool:
    """Whether lenses differ by less than the numbers of one sky would: no skies can be made of them."""
    return float(np.std(item.at(np.linspace(0, 1, 201)))) < SCATTER


def skies(ln: np.ndarray, truth: np.ndarray, item: Quantity, number: int, lenses: int,
          seed: int = 0) -> Iterator[tuple[float, Belief]]:
    """Means, and what so many lenses say of them, drawn from lenses whose `ln_likelihoods` and truths (N,) are known.
    """
    rng, (low, high) = np.random.default_rng(seed), item.at(np.array([1 - MIDDLE, 1 + MIDDLE]) / 2)
    for _ in range(number):
        mean = rng.uniform(low, high)
        weight = weight_of(truth, mean, item)
        rows = rng.choice(len(truth), lenses, p=weight / weight.sum())
        yield mean, hierarchy.mean_of(ln[rows], item.limits)


def shared_errors(samples: np.ndarray, truth: np.ndarray, quantities: Quantities) -> dict[str, float]:
    """{"class/key": error, in the quantity's unit} of the numbers of dark matter, from validation lenses.

    samples   (N, S, Q) of their posteriors;  truth   (N, Q), NaN where a lens has no such number
    """
    found = {}
    for k, item in enumerate(quantities.quantities):
        mine = np.isfinite(truth[:, k])
        if item.block == SMOOTH or mine.sum() < FEWEST or too_alike(item):
            continue
        ln = hierarchy.ln_likelihoods(samples[mine, :SAMPLES, k], item.density, item.limits, TOGETHER)
        means, known = zip(*skies(ln, truth[mine, k], item, NUMBER, LENSES), strict=True)
        found[f"{item.block}/{item.key}"] = hierarchy.shared_error(list(known), np.array(means))
    return found


def shared_error_of(card: dict, item: Quantity) -> float:
    """By a network's card; 0 where that does not tell."""
    told = card.get("shared_errors")
    value = told.get(f"{item.block}/{item.key}") if isinstance(told, dict) else None
    return float(value) if isinstance(value, int | float) and np.isfinite(value) and value > 0 else 0.0
