"""What the network of `--network amortised` learns, from what, and how it is judged.

It learns on lenses without substructure, since what it says is the smooth lens. Its encoder begins with what a network
of the task lens_parameters, or of a classifier that fits, has learnt: --init that checkpoint.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.feed.chunks import chunks_beside
from lenslab.feed.examples import Examples
from lenslab.feed.order import elements
from lenslab.feed.stream import HELD_OUT_SEED, StreamFeed, held_out
from lenslab.fit import smooth_lens
from lenslab.fit.smooth import SPINS, SmoothLens, of_card, to_card
from lenslab.nets.lens_posterior import LOOKS, LensPosterior, Posterior, sigmas_of
from lenslab.physics.grid import middle
from lenslab.population import find
from lenslab.quantity import count, number
from lenslab.symmetry import GROUPS, turn_maps, turn_numbers
from lenslab.tasks.lens_view import COORDINATES, LensView
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training

SIGMAS = {"coverage_68": 1.0, "coverage_95": 1.96}     # half widths of the intervals that are asked for the truth


@dataclass(frozen=True)
class Config(Training):
    """What this training needs beyond the optimiser's settings: a population, by its name with switches if any."""

    population: str = "hst"
    looks: int = count(LOOKS, 1, 8, "How often the network lenses what it says and looks at what is left.", "Looks")
    physics: float = number(0.25, 0.0, 1.0, "", "Share of a batch whose images must be explained through the lens "
                            "equation too, beside their labels.", "Explained images")
    reuse: int = count(8, 1, 64, "How often each simulated image is shown, each time turned anew; more asks less of "
                       "the simulator.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    validation: int = count(480, 30, 10**6, "Images that choose the best weights.", "Validation")
    test: int = count(1000, 30, 10**6, "Images that the finished network is judged by.", "Test")


@dataclass(frozen=True)
class SeenView(LensView):
    """Inputs (n, 2, H, W) as nets.lens_posterior.seen gives them, of smooth lenses; their coordinates as targets."""

    smooth: bool = True
    truth: bool = True

    planes = 2

    def put(self, image: Tensor, sigma: Tensor, labels: np.ndarray, parameters: np.ndarray) -> Examples:
        given = sigmas_of(middle(image, self.crop), middle(sigma, self.crop))
        return Examples(given, labels, self.targets(parameters, given))


def build(config: Config, card: dict | None = None) -> Trained:
    if card is None:
        population = find(config.population)
        card = dict(population=config.population, definition=population.definition, symmetry=population.symmetry,
                    smooth_lens=to_card(smooth_lens(config.population)))
    lens = of_card(card.get("smooth_lens"))
    if not (lens.free and lens.amplitude):
        raise ValueError(f"All lenses of {lens.population} are alike, or their brightness is: there is no lens to be "
                         "read; choose hst or euclid.")
    return Trained(LensPosterior(lens, config.looks), card)


def loss(model: LensPosterior, given: Tensor, truth: Tensor, explained: Tensor) -> Tensor:
    return model.loss(given, truth, explained)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> given (B / world, 2, H, W), coordinates (B / world, P), and which images are to be explained.

    Images and coordinates are turned together.
    """
    device, symmetry = torch.device(device), find(config.population).symmetry
    lens = smooth_lens(config.population)
    chunks = chunks_beside(SeenView(config.population, config.seed), device, config.workers)
    feed = StreamFeed(config.batch, config.seed, config.reuse, chunks, rank, world)

    def draw(step: int) -> tuple[Tensor, ...]:
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), config.batch, config.seed, step)[rank::world]
        given = turn_maps(shown.inputs.to(device), symmetry, places)
        truth = turned(lens, shown.targets[COORDINATES].to(device), symmetry, places)
        return given, truth, torch.arange(len(given)) < round(config.physics * len(given))

    return draw


def turned(lens: SmoothLens, coordinates: Tensor, symmetry: str, places: np.ndarray) -> Tensor:
    """Coordinates (B, P) in standard deviations of images that are turned."""
    std, mean = lens.std.to(coordinates), lens.mean.to(coordinates)
    return lens.standard(turn_numbers(coordinates * std + mean, lens.names, SPINS, symmetry, places))


def evaluate(trained: Trained, config: Config, split: str = "validation") -> dict:
    """Of smooth lenses: the loss without the images' share, the median error of the Einstein radius as a share of it,
    and how often the truth lies where it should; by coordinate too."""
    shown = held_out(SeenView(config.population, HELD_OUT_SEED, split),
                     config.test if split == "test" else config.validation, config.workers)
    return judgement_of(trained, shown.inputs, shown.targets[COORDINATES])


def judgement_of(trained: Trained, given: Tensor, truth: Tensor) -> dict:
    found = predict(trained, given)
    lens = trained.model.lens
    sigma = found.covariance.diagonal(dim1=1, dim2=2).sqrt()
    off = ((found.mean - truth) / sigma).abs()
    inside = {name: (off < width).double().mean(0) for name, width in SIGMAS.items()}
    plain, true = (lens.plain(part) for part in (found.mean, truth))
    relative = {}
    if "theta_E" in lens.names:
        k = lens.names.index("theta_E")
        relative = dict(theta_E=float((plain[:, k] / true[:, k] - 1).abs().median()))
    rows = {name: {column: float(values[k]) for column, values in inside.items()}
            | {"error": float((found.mean - truth)[:, k].square().mean().sqrt())} for k, name in enumerate(lens.names)}
    return dict(loss=float(-found.log_prob(truth).mean() / len(lens.names)), **relative,
                **{name: float(share.mean()) for name, share in inside.items()}, n=len(given), coordinates=rows)


def predict(trained: Trained, given: Tensor) -> Posterior:
    """Of images (B, 2, H, W) as nets.lens_posterior.seen gives them, on the pixels of the network's camera."""
    with torch.no_grad():
        parts = [trained.model(part.to(trained.device)) for part in given.split(AT_ONCE)]
    return Posterior(torch.cat([part.mean.cpu() for part in parts]),
                     torch.cat([part.scale_tril.cpu() for part in parts]))
