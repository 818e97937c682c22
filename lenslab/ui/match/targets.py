"""What is to be matched: real lenses of the folder LENSLAB_DATA, mystery lenses, and rings with a hidden clump."""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import cos, log10, pi, sin

import numpy as np

from lenslab.images.observation import Observation
from lenslab.population import find
from lenslab.scene import Clump, Scene
from lenslab.sets.item import index_of, item
from lenslab.sky import beside, catalogue
from lenslab.ui import cached, state
from lenslab.ui.home.scenes import RING

MYSTERIES, HUNTS = 10, 5
POPULATION, SEED = "euclid-light", 18     # smooth lenses with the light of the lens galaxy
CLUMP_MASS = (9.8, 10.2)                  # log10 Msun


@dataclass(frozen=True, eq=False)
class Target:
    """One image to be matched, and the lens that a visitor begins with."""

    name: str
    observation: Observation
    start: Scene
    truth: Scene | None = None     # None of a real lens
    known: catalogue.KnownLens | None = None


def real(name: str) -> Target:
    """A real lens; what is published of its ring is left for the visitor to find."""
    observation, known = beside.frame(cached.real_lens(name)), catalogue.literature(name)
    psf = None if observation.psf is None else state.keep_picture(observation.psf)
    told = known and replace(known, theta_E=None, q=None)
    return Target(catalogue.title(name), observation, beside.take_over(Scene(), observation, psf, told), known=known)


@lru_cache(maxsize=16)
def mystery(number: int) -> Target:
    """A lens drawn from the population, whose truth is told at the end; light and redshifts are given."""
    population = find(POPULATION)
    truth = item(population, index_of(population, population.kinds.index("none"), number, SEED), SEED).scene
    guess = truth.set({"lens.theta_E": 0.7, "lens.q": 0.9, "lens.phi": 0.0, "lens.gamma": 2.0, "lens.gamma1": 0.0,
                       "lens.gamma2": 0.0, "lens.a3_a": 0.0, "lens.a4_a": 0.0, "source.center_x": 0.15,
                       "source.center_y": 0.0, "source.R_sersic": 0.15, "source.n_sersic": 1.0, "source.q": 0.9,
                       "source.phi": 0.0, "source.clumps": ()})
    return Target(str(number), cached.observe(truth), guess, truth)


@lru_cache(maxsize=8)
def hunt(number: int) -> Target:
    """A ring with a clump on it; its mass is given, its place is not."""
    rng = np.random.default_rng((SEED, number))
    mass, angle, away = rng.uniform(*CLUMP_MASS), rng.uniform(0, 2 * pi), rng.uniform(0.9, 1.1)
    base = RING.set({"lens.q": round(rng.uniform(0.75, 0.95), 2), "lens.phi": round(rng.uniform(-1.5, 1.5), 2),
                     "source.center_x": 0.05, "source.center_y": 0.04, "seed_noise": number + 1})
    ring = away * base.lens.theta_E
    there, opposite = (Clump(log10_mass=mass, center_x=side * ring * cos(angle), center_y=side * ring * sin(angle))
                       for side in (1, -0.5))
    truth = base.set({"substructure.clumps": (there,)})
    return Target(str(number), cached.observe(truth), base.set({"substructure.clumps": (opposite,)}), truth)


def share_in_ring(truth: Scene, mass: float) -> float:
    """The clump's share of the mass inside the ring; `mass` in Msun."""
    return 10 ** (truth.substructure.clumps[0].log10_mass - log10(mass))
