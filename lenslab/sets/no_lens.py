"""Things that are no lens, before the camera of a population: what should look odd to whoever knows lenses alone.

Drawn by rule, not by physics: spirals with arms along logarithmic curves, two galaxies in a merger with their tails,
two rings at once, empty sky with noise. Each has the noise of its camera and a signal to noise like that of lenses.
"""

import numpy as np
import torch

from lenslab.images.observation import Observation
from lenslab.images.simulate import expose, photographed, ray_axis
from lenslab.physics import noise as noises
from lenslab.population import Population
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.sets.draw import flux_for
from lenslab.sets.item import as_estimated

KINDS = {"spiral": "a spiral galaxy", "merger": "two galaxies in a merger", "two_rings": "two lenses at once",
         "noise": "empty sky"}
BRIGHT = 100.0, 400.0     # signal to noise, where a population does not say
REACH = 0.45              # of the frame's half side, that a thing fills


def things(population: Population, kind: str, n: int, seed: int = 0) -> Observation:
    """n images of a kind of KINDS, with the noise that an observer would estimate."""
    if kind not in KINDS:
        raise ValueError(f"No kind {kind[:40]!r} of things that are no lens; choose from {', '.join(KINDS)}.")
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    scenes = Scenes.of([Scene(camera=population.camera)] * n, dtype=torch.float64)
    axis = ray_axis(scenes).numpy()
    x, y = np.meshgrid(axis, axis)
    light = torch.from_numpy(np.stack([DRAWN[kind](x / axis.max(), y / axis.max(), rng) for _ in range(n)]))
    model = photographed(population.camera, light)
    if kind != "noise":
        law = population.laws.get("signal_to_noise")
        wanted = law.at(rng.random(n)) if law is not None else rng.uniform(*BRIGHT, n)
        log_flux, _ = flux_for(scenes, model, None, wanted)
        model = model * log_flux.exp()[:, None, None, None]
    seeds = rng.integers(0, 2**53, n)
    image, expected, variance = expose(scenes, model, noises.SeededDraws(seeds))
    seen = Observation(image.float(), variance.float(), population.camera.pixel_scale, model=expected.float(),
                       scenes=scenes.to(dtype=torch.float32))
    return as_estimated(seen, scenes.to(dtype=torch.float32))


def spiral(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An exponential disc with two arms r ~ exp(phi tan(pitch)), seen at an angle, and a bulge."""
    x, y = tilted(x, y, rng, rng.uniform(0.5, 1))
    r, phi = np.hypot(x, y) + 1e-6, np.arctan2(y, x)
    size, pitch = REACH * rng.uniform(0.25, 0.45), np.tan(np.radians(rng.uniform(12, 28)))
    arms = 1 + 0.85 * np.cos(2 * (phi * rng.choice([-1, 1]) - np.log(r / size) / pitch))
    return np.exp(-r / size) * arms + 2 * np.exp(-((r / (0.15 * size)) ** 2))


def merger(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two discs side by side, with a tail from each."""
    apart, angle = REACH * rng.uniform(0.25, 0.55), rng.uniform(0, 2 * np.pi)
    total = np.zeros_like(x)
    for sign in (-1, 1):
        u, v = x - sign * apart * np.cos(angle), y - sign * apart * np.sin(angle)
        p, q = tilted(u, v, rng, rng.uniform(0.4, 1))
        total += rng.uniform(0.4, 1) * np.exp(-np.hypot(p, q) / (REACH * rng.uniform(0.1, 0.25)))
        curl, length = rng.uniform(2, 4) * sign, np.linspace(0, 1, 24)
        for t in length:
            at = angle + curl * t
            far = apart * sign * (1 + 1.3 * t)
            total += 0.06 * (1 - t) * np.exp(-((x - far * np.cos(at)) ** 2 + (y - far * np.sin(at)) ** 2)
                                             / (2 * (0.05 * REACH * 2) ** 2))
    return total


def two_rings(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two rings about two places, which no single lens makes."""
    total, angle = np.zeros_like(x), rng.uniform(0, 2 * np.pi)
    for sign in (-1, 1):
        at = sign * REACH * rng.uniform(0.35, 0.6)
        r = np.hypot(x - at * np.cos(angle), y - at * np.sin(angle))
        radius, width = REACH * rng.uniform(0.3, 0.6), REACH * rng.uniform(0.05, 0.1)
        phi = np.arctan2(y - at * np.sin(angle), x - at * np.cos(angle))
        total += (1 + 0.6 * np.cos(phi - rng.uniform(0, 2 * np.pi))) * np.exp(-((r - radius) ** 2) / (2 * width**2))
    return total


def empty(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.zeros_like(x)


def tilted(x: np.ndarray, y: np.ndarray, rng: np.random.Generator, q: float) -> tuple[np.ndarray, np.ndarray]:
    """Turned by chance and squeezed to an axis ratio."""
    phi = rng.uniform(0, np.pi)
    return x * np.cos(phi) + y * np.sin(phi), (y * np.cos(phi) - x * np.sin(phi)) / q


DRAWN = {"spiral": spiral, "merger": merger, "two_rings": two_rings, "noise": empty}


