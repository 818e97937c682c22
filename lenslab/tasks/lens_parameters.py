"""Where does a fit begin? A network that reads the smooth lens off an image, taught alone and without fits.

Images without substructure are twenty times as quick as images with it and a fit, and tell as much of the smooth lens.
A classifier that fits takes what was learnt over: train classify --network lens_residual --init this checkpoint.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lenslab.feed.chunks import chunks_beside
from lenslab.feed.stream import StreamFeed, held_out
from lenslab.fit import smooth_lens
from lenslab.nets.start import Start
from lenslab.population import find
from lenslab.quantity import count
from lenslab.tasks.classify.answers import AT_ONCE
from lenslab.tasks.classify.judge import HELD_OUT_SEED
from lenslab.tasks.lens_view import COORDINATES, LensView
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

    def __post_init__(self):
        super().__post_init__()
        find(self.population)


class Reader(nn.Module):
    """A Start by the name that it has in a classifier."""

    def __init__(self, config: Config):
        super().__init__()
        lens = smooth_lens(config.population, config.crop)
        self.start = Start(len(lens.names), deep=lens.free)
        self.card = dict(population=config.population, coordinates=list(lens.names))

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.start(sigmas)


def build(config: Config) -> nn.Module:
    return Reader(config)


def loss(model: Reader, sigmas: Tensor, truth: Tensor) -> Tensor:
    return model.start.loss(sigmas, truth)


def view_of(config: Config, seed: int, split: str) -> LensView:
    return LensView(config.population, seed, split, crop=config.crop, smooth=True, truth=True)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> sigmas (B / world, 1, H, W), coordinates (B / world, P) in spreads from their mean."""
    device = torch.device(device)
    chunks = chunks_beside(view_of(config, config.seed, "train"), device, config.workers)
    feed = StreamFeed(config.batch, config.seed, config.reuse, chunks, rank, world)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        shown = feed(step)
        return shown.inputs.to(device), shown.targets[COORDINATES].to(device)

    return draw


def evaluate(model: Reader, config: Config, device: torch.device, split: str = "validation") -> dict:
    """The loss, the root mean square error, in spreads, of all coordinates, and of each."""
    shown = held_out(view_of(config, HELD_OUT_SEED, split), config.test if split == "test" else config.validation,
                     config.workers)
    truth = shown.targets[COORDINATES]
    found = predict(model, shown.inputs, device)
    error = (found - truth).square().mean(0).sqrt().tolist()
    return dict(loss=float(nn.functional.smooth_l1_loss(found, truth)), error=float(np.mean(error)),
                errors=dict(zip(model.card["coordinates"], error, strict=True)), n=len(shown))


def predict(model: Reader, sigmas: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Coordinates (B, P) in spreads from their mean in the population, of images in sigmas (B, 1, H, W)."""
    with torch.no_grad(), torch.autocast(torch.device(device).type, enabled=False):
        return torch.cat([model(part.to(device)).cpu() for part in sigmas.split(AT_ONCE)])
