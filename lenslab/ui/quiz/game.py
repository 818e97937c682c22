"""The quiz as a game: which images come, who guessed what. A game is its link, so that a class sees the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lenslab.images.realise import realise
from lenslab.population import POPULATIONS, find
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.sets import what_if
from lenslab.sets.item import index_of, item
from lenslab.ui.pick import image as images

ROUNDS = 10
MAX_SEED = 9999
AMONG = 2000     # items of each class that may come
LEVELS = {  # name: factors on the mass of the substructure, and on the noise
    "plain": ((4.0, 3.0, 2.0, 1.5), 0.5),
    "fair": ((2.0, 1.5), 0.7),
    "real": ((), 1.0),
}
FIRST = "deeplense-2-mended"   # whatever has been kept since: of the shipped networks its bears heavy clumps best
USUAL = (FIRST, "deeplense-1", "deeplense-2", "hst", "seed-64")  # played without any network, too


@dataclass(frozen=True)
class Game:
    """Ten images, the same for everybody who has the link."""

    population: str
    level: str
    seed: int

    def __post_init__(self):
        if self.population not in POPULATIONS and self.population.split(":")[0] not in POPULATIONS:
            raise ValueError(f"No population {self.population[:40]!r}; choose from {', '.join(POPULATIONS)}.")
        if self.level not in LEVELS:
            raise ValueError(f"No level {self.level[:40]!r}; choose from {', '.join(LEVELS)}.")
        if not (isinstance(self.seed, int) and 0 <= self.seed <= MAX_SEED):
            raise ValueError(f"The game's number is {self.seed!r}; give a whole number from 0 to {MAX_SEED}.")

    @staticmethod
    def of_link(population: str, level: str, seed: str) -> "Game":
        """The game of a link; ValueError says what is wrong with it."""
        if not (seed.isascii() and seed.isdigit() and len(seed) <= 9):
            raise ValueError(f"The game's number is {seed[:20]!r}; give a whole number from 0 to {MAX_SEED}.")
        find(population)
        return Game(population, level, int(seed))

    @property
    def classes(self) -> tuple[str, ...]:
        return find(self.population).classes

    def labels(self) -> np.ndarray:
        """(ROUNDS,) true classes: each as often as the others, as nearly as may be, in random order."""
        n = len(self.classes)
        rng = np.random.default_rng((self.seed, 1))
        rest = rng.permutation(n)[:ROUNDS % n]      # who comes once more
        return rng.permutation(np.concatenate([np.tile(np.arange(n), ROUNDS // n), rest]))

    def numbers(self) -> np.ndarray:
        """(ROUNDS,) which item of its class comes, none twice."""
        return np.random.default_rng((self.seed, 2)).choice(AMONG, ROUNDS, replace=False)

    def truth(self, number: int) -> str:
        return self.classes[int(self.labels()[number])]


@lru_cache(maxsize=64)
def scene_of(game: Game, number: int) -> Scene:
    """What is true of image `number` of a game."""
    population, label = find(game.population), int(game.labels()[number])
    index = index_of(population, label, int(game.numbers()[number]))
    scene = item(population, index).scene
    factors, noise = LEVELS[game.level]
    scene = what_if.changed(scene, noise=noise)
    return heaviest(scene, factors)


def heaviest(scene: Scene, factors: Sequence[float]) -> Scene:
    """The scene with its substructure as heavy as the first factor that the lens can bear."""
    for factor in factors:
        heavy = what_if.changed(scene, substructure=factor)
        try:
            realise(Scenes.of([heavy]))
        except ValueError:
            continue
        return heavy
    return scene


@lru_cache(maxsize=24)
def image(game: Game, number: int) -> images.Shown:
    """Image `number` of a game."""
    return images.of_scene(scene_of(game, number), game.population, f"Image {number + 1} of {ROUNDS}.")


def score(game: Game, guesses: Sequence[str | None]) -> int:
    """How many of the first guesses are right; None is no guess."""
    return sum(guess == game.truth(number) for number, guess in enumerate(guesses))
