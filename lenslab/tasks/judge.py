"""The judge of generated lenses: reads off a noise-free image the conditions that it was made for.

No network of others can judge such images: features of photographs of the everyday world know nothing of rings. This
one learns on simulated images alone, and what it reads off generated ones is set beside what it reads off simulated.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lenslab.diffusion.recovery import recovery as r2_by_group
from lenslab.feed.chunks import chunks_beside
from lenslab.feed.order import elements
from lenslab.feed.stream import HELD_OUT_SEED, StreamFeed, held_out
from lenslab.nets.condition_reader import ConditionReader
from lenslab.population import find
from lenslab.quantity import count
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.conditions import CLASS, Conditions, conditions_of
from lenslab.tasks.noise_free.frame import chance_of, facts, frame_of
from lenslab.tasks.noise_free.view import CONDITIONS, NoiseFree
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training

NOISE = 0.02          # of stretched brightness, so that nothing is read off what no camera could see
CLASS_WEIGHT = 0.3    # of the cross-entropy beside the error of the numbers


@dataclass(frozen=True)
class Config(Training):
    """What this training needs beyond the optimiser's settings."""

    population: str = "hst"
    reuse: int = count(8, 1, 64, "How often each simulated image is shown, each time turned anew.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    validation: int = count(960, 30, 10**6, "Images that choose the best weights.", "Validation")
    test: int = count(2400, 30, 10**6, "Images that the finished network is judged by.", "Test")


@dataclass(frozen=True)
class Reading:
    """What is read off images.

    numbers    (B, P - C)  standardised, as lenslab.tasks.noise_free.conditions has them before the classes
    logits     (B, C)      of the classes
    features   (B, F)
    """

    numbers: Tensor
    logits: Tensor
    features: Tensor


def build(config: Config, card: dict | None = None) -> Trained:
    card = facts(config.population) if card is None else card
    frame = frame_of(card)
    n_classes = len(frame.conditions.classes)
    return Trained(ConditionReader(len(frame.conditions.names) - n_classes, n_classes, frame.side), card)


def loss(model: ConditionReader, x: Tensor, numbers: Tensor, known: Tensor, labels: Tensor) -> Tensor:
    """Huber's error of the numbers that an item has (known, as numbers (B, P - C)), and the cross-entropy of its class.
    """
    found, logits, _ = model(x)
    wrong = F.smooth_l1_loss(found.float(), numbers, reduction="none")
    return (wrong * known).sum() / known.sum() + CLASS_WEIGHT * F.cross_entropy(logits.float(), labels)


def target(conditions: Conditions, table: Tensor) -> tuple[Tensor, Tensor]:
    """Standardised numbers (B, P - C) of a plain table (B, P), and which of them an item has (B, P - C)."""
    numbers, known = conditions.standard(table)
    plain = len(conditions.names) - len(conditions.classes)
    return numbers[:, :plain], known[:, list(conditions.group_of)][:, :plain]


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> x (B / world, 1, H, W), numbers and known (B / world, P - C), labels (B / world,)."""
    device, symmetry = torch.device(device), find(config.population).symmetry
    conditions, brightness = conditions_of(config.population), Brightness()
    view = NoiseFree(config.population, config.seed)
    feed = StreamFeed(config.batch, config.seed, config.reuse, chunks_beside(view, device, config.workers), rank, world)

    def draw(step: int) -> tuple[Tensor, ...]:
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), config.batch, config.seed, step)[rank::world]
        x = turn_maps(brightness.stretch(shown.inputs.to(device)), symmetry, places)
        x = x + NOISE * torch.randn(x.shape, generator=chance_of(config.seed, step, rank)).to(device)
        table = conditions.turn(shown.targets[CONDITIONS].to(device), symmetry, places)
        return x, *target(conditions, table), torch.from_numpy(shown.labels).to(device)

    return draw


def evaluate(trained: Trained, config: Config, split: str = "validation") -> dict:
    """The loss, R^2 of all numbers together and of each condition, and the share of right classes."""
    size = config.test if split == "test" else config.validation
    shown = held_out(NoiseFree(config.population, HELD_OUT_SEED, split), size, config.workers)
    frame = frame_of(trained.card)
    conditions, reading = frame.conditions, predict(trained, frame.brightness.stretch(shown.inputs))
    numbers, known = target(conditions, shown.targets[CONDITIONS])
    labels = torch.from_numpy(shown.labels)
    wrong = F.smooth_l1_loss(reading.numbers, numbers, reduction="none")
    value = (wrong * known).sum() / known.sum() + CLASS_WEIGHT * F.cross_entropy(reading.logits, labels)
    each = recovery(conditions, reading, shown.targets[CONDITIONS])
    return dict(loss=float(value), r2=sum(each.values()) / len(each), r2_by_condition=each, n=size,
                accuracy=float((reading.logits.argmax(1) == labels).float().mean()))


def recovery(conditions: Conditions, reading: Reading, table: Tensor) -> dict[str, float]:
    """R^2 of each condition as it is read off images, against plain numbers (B, P) that they were made for.

    Both numbers of a vector or an ellipticity count as one; only items that have a condition count, and a condition
    that fewer than 30 have is left out (lenslab.diffusion.recovery).
    """
    numbers, known = target(conditions, table)
    groups = {path: conditions.at(path) for path in conditions.groups if path != CLASS}
    found = r2_by_group(numbers.numpy(), reading.numbers.numpy(), groups, known.numpy())
    return {path: value for path, value in found.items() if np.isfinite(value)}


def predict(trained: Trained, x: Tensor, seed: int = 0) -> Reading:
    """What is read off images of stretched brightness (B, 1, H, W), with the little noise that was learnt with."""
    noise = torch.randn(x.shape, generator=chance_of(seed))
    parts = []
    with torch.no_grad(), torch.autocast(trained.device.type, enabled=False):
        for rows in torch.arange(len(x)).split(AT_ONCE):
            parts.append([part.cpu() for part in trained.model((x[rows] + NOISE * noise[rows]).to(trained.device))])
    return Reading(*(torch.cat(column) for column in zip(*parts, strict=True)))
