"""What a checkpoint's card says of the images that its network makes or reads, and chance that follows from numbers."""

from dataclasses import dataclass

import numpy as np
import torch

from lenslab.population import find
from lenslab.symmetry import GROUPS
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.conditions import Conditions, conditions_of


@dataclass(frozen=True)
class Frame:
    """Noise-free images of a population, as a network knows them: `side` pixels of `pixel_scale` arcsec."""

    side: int
    pixel_scale: float
    symmetry: str
    conditions: Conditions
    brightness: Brightness


def facts(name: str) -> dict:
    """What a card must tell, so that no later change of a population changes an old network's answer."""
    population = find(name)
    camera = population.camera
    return dict(population=population.name, definition=population.definition, num_pix=camera.num_pix,
                pixel_scale=camera.pixel_scale, symmetry=population.symmetry,
                conditions=conditions_of(name).to_card(), brightness=Brightness().to_card())


def frame_of(card: dict) -> Frame:
    """The same of a card that may come from anywhere."""
    side, scale, symmetry = card.get("num_pix"), card.get("pixel_scale"), card.get("symmetry")
    if not (type(side) is int and 16 <= side <= 256 and side % 16 == 0 and type(scale) is float
            and 1e-3 <= scale <= 10 and isinstance(symmetry, str) and symmetry in GROUPS):
        raise ValueError("The card of this checkpoint does not say soundly which images it is for: frames have 16 to "
                         "256 pixels a side, a multiple of 16. Make it anew with python -m lenslab train.")
    return Frame(side, scale, symmetry, Conditions.of_card(card.get("conditions")),
                 Brightness.of_card(card.get("brightness")))


def chance_of(*key: int) -> torch.Generator:
    """Chance that follows from whole numbers."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return torch.Generator().manual_seed(seed)
