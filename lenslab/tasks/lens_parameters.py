"""Reads the smooth lens off an image: a LensRegressor taught alone, on lenses without substructure.

Beside a classifier that fits, one learns from images that are fitted: a few a second. Alone it learns at hundreds,
since images without substructure need neither halos nor waves nor a fit, and tell as much of the smooth lens.
A classifier that fits takes what was learnt over: train classify --network lens_residual --init this checkpoint.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from lenslab import checkpoint
from lenslab.feed.chunks import chunks_beside
from lenslab.feed.stream import HELD_OUT_SEED, StreamFeed, held_out
from lenslab.fit import smooth_lens
from lenslab.fit.smooth import SmoothLens, of_card, to_card
from lenslab.nets.lens_regressor import LensRegressor
from lenslab.population import find
from lenslab.quantity import count
from lenslab.tasks.lens_view import COORDINATES, LensView
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training


@dataclass(frozen=True)
class Config(Training):
    """What this training needs beyond the optimiser's settings: a population, by its name with switches if any."""

    population: str = "hst"
    reuse: int = count(2, 1, 64, "How often each simulated image is shown; more asks less of the simulator.",
                       "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    crop: int = count(0, 0, 1024, "Pixels on a side of the middle of the frame that the network sees; 0 is all of it.",
                      "Crop")
    validation: int = count(960, 30, 10**6, "Images that choose the best weights.", "Validation")
    test: int = count(1200, 30, 10**6, "Images that the finished network is judged by.", "Test")


class Reader(nn.Module):
    """A LensRegressor by the name that it has in a classifier, so that one's weights are the other's."""

    def __init__(self, n_coordinates: int, deep: bool):
        super().__init__()
        self.regressor = LensRegressor(n_coordinates, deep)

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.regressor(sigmas)


def build(config: Config, card: dict | None = None) -> Trained:
    if card is None:
        card = dict(population=config.population, definition=find(config.population).definition,
                    smooth_lens=to_card(smooth_lens(config.population, config.crop)))
    lens = of_card(card.get("smooth_lens"))
    return Trained(Reader(len(lens.names), lens.free), card)


def loss(model: Reader, sigmas: Tensor, truth: Tensor) -> Tensor:
    return model.regressor.loss(sigmas, truth)


def view_of(config: Config, seed: int, split: str) -> LensView:
    return LensView(config.population, seed, split, crop=config.crop, smooth=True, truth=True)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> sigmas (B / world, 1, H, W), coordinates (B / world, P) in population standard deviations."""
    device = torch.device(device)
    chunks = chunks_beside(view_of(config, config.seed, "train"), device, config.workers)
    feed = StreamFeed(config.batch, config.seed, config.reuse, chunks, rank, world)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        shown = feed(step)
        return shown.inputs.to(device), shown.targets[COORDINATES].to(device)

    return draw


def evaluate(trained: Trained, config: Config, split: str = "validation") -> dict:
    """The loss, the root mean square error, in population standard deviations, of all coordinates, and of each."""
    shown = held_out(view_of(config, HELD_OUT_SEED, split), config.test if split == "test" else config.validation,
                     config.workers)
    truth, found = shown.targets[COORDINATES], predict(trained, shown.inputs)
    error = (found - truth).square().mean(0).sqrt().tolist()
    return dict(loss=float(nn.functional.smooth_l1_loss(found, truth)), error=float(np.mean(error)),
                errors=dict(zip(trained.card["smooth_lens"]["names"], error, strict=True)), n=len(shown))


def predict(trained: Trained, sigmas: Tensor) -> Tensor:
    """Coordinates (B, P), in population standard deviations from the mean, of images in sigmas (B, 1, H, W)."""
    device = trained.device
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        return torch.cat([trained.model(part.to(device)).cpu() for part in sigmas.split(AT_ONCE)])


@lru_cache(maxsize=2)
def load_regressor(path: str, lens: SmoothLens) -> LensRegressor:
    """The LensRegressor in a checkpoint of this task or of a classifier that fits; of another a ValueError says so."""
    tensors, card = checkpoint.load(path)
    own = {name.removeprefix("regressor."): tensor for name, tensor in tensors.items() if name.startswith("regressor.")}
    regressor = LensRegressor(len(lens.names), lens.free)
    try:
        regressor.load_state_dict(own)
    except RuntimeError:
        raise ValueError(f"{path} cannot begin these fits: it is a checkpoint for {str(card.get('task'))[:40]!r} on "
                         f"{str(card.get('population'))[:40]!r}; give one of python -m lenslab train lens_parameters, "
                         "or of a lens_residual, for this population and crop.") from None
    return regressor.eval().requires_grad_(False)
