"""Images of jets by conditional diffusion: what is learnt, from what, and how."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lenslab.diffusion import denoise
from lenslab.diffusion.guidance import dropped
from lenslab.diffusion.process import PROCESSES
from lenslab.diffusion.unet import UNet
from lenslab.feed.order import elements, rows_of_set
from lenslab.jets.files import SAMPLE, Jets, read
from lenslab.nets.posterior import Flow
from lenslab.quantity import choice, count, file, number, switch
from lenslab.tasks.jets.conditions import JetConditions
from lenslab.tasks.jets.pixels import Pixels
from lenslab.tasks.noise_free.frame import chance_of
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training

SIZES = {"small": (32, 64, 96), "base": (64, 128, 224)}      # channels at a half, a quarter, an eighth of the side
POPULATION = "jets"
HIDDEN, TOTALS = 64, 3
UNLIKELY = 0.1                                               # weight of the totals' density beside the diffusion
HELD_OUT = 20_000_000                                        # keeps the chance of held-out losses apart


@dataclass(frozen=True)
class Config(Training):
    """What a diffusion model of jets needs beyond the optimiser's settings."""

    batch: int = count(32, 1, 65536, "Images in a batch, over all processes together.", "Batch")
    data: str = file("", "A set of jets that python -m lenslab dataset jets has made.", "Jets",
                     "the 2,000 jets that lenslab brings")
    process: str = choice("edm", tuple(PROCESSES), "How noise is added and what the network says: EDM, DDPM (the noise "
                          "itself) or flow (a velocity).", "Process")
    size: str = choice("small", tuple(SIZES), "Small samples at a usable pace on a CPU; base wants a GPU.", "Size")
    pixels: str = choice("32", ("32", "64"), "Pixels on a side of an image; 64 wants a GPU.", "Pixels")
    masks: bool = switch(False, "Let three channels more say which pixels are lit.", "Masks")
    totals: bool = switch(True, "Say beforehand how much energy there is in all.", "Totals")
    low_share: float = number(0.15, 0.0, 1.0, "", "Share of faint noise levels among those that it learns at: they "
                              "decide the faintest pixels.", "Faint noise")
    high_share: float = number(0.1, 0.0, 1.0, "", "Share of noise levels so high that only the conditions tell what is "
                               "to come.", "Loud noise")
    drop: float = number(0.1, 0.0, 1.0, "", "How often each condition is left open, by itself.", "Open conditions")
    drop_all: float = number(0.1, 0.0, 1.0, "", "How often all are left open at once, for guidance.", "All open")
    validation: int = count(240, 30, 10**6, "Jets that choose the best weights.", "Validation")
    test: int = count(300, 30, 10**6, "Jets that the finished network is judged by, and as many to compare with.",
                      "Test")


class JetDenoiser(nn.Module):
    """A UNet and the process that it is asked by; and, where totals are told, a density over them given the conditions.

    width   of the conditions; where totals are told the UNet gets these and a sign that they are known besides
    """

    def __init__(self, unet: UNet, process: str, width: int, totals: bool):
        super().__init__()
        self.unet, self.process, self.width = unet, process, width
        self.reader = nn.Sequential(nn.Linear(width, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU()) \
            if totals else None
        self.totals = Flow(HIDDEN, TOTALS) if totals else None

    def forward(self, x: Tensor, time: Tensor, conditions: Tensor) -> Tensor:
        return self.unet(x, time, conditions)

    def draw(self, conditions: Tensor, noise: Tensor) -> Tensor:
        """Totals (B, 3) of conditions (B, width), from unit normal noise (B, 3)."""
        return self.totals.transport(self.reader(conditions), noise[:, None])[:, 0]

    def surprise(self, conditions: Tensor, totals: Tensor) -> Tensor:
        """How unlikely totals (B, 3) are, the mean over the batch."""
        return -self.totals.log_prob(self.reader(conditions), totals).mean()


def build(config: Config, card: dict | None = None) -> Trained:
    card = facts(config) if card is None else card
    pixels, conditions = Pixels.of_card(card.get("pixels")), JetConditions.of_card(card.get("conditions"))
    told, width = bool(pixels.totals), conditions.width
    unet = UNet(SIZES[config.size], width + told * (TOTALS + 1), channels=pixels.channels, side=pixels.side)
    return Trained(JetDenoiser(unet.to(memory_format=torch.channels_last), config.process, width, told), card)


def facts(config: Config) -> dict:
    """What a card must tell: pixels and conditions as measured on the jets of the training, and which those were."""
    jets = jets_of(config)
    mine = jets.take(parts_of(config, len(jets))["train"])
    return dict(population=POPULATION, jets=jets.header, conditions=JetConditions.of(mine).to_card(),
                pixels=Pixels.of(mine.hits, int(config.pixels), config.masks, config.totals).to_card())


def jets_of(config: Config) -> Jets:
    path = Path(config.data) if config.data else SAMPLE
    if not path.is_file():
        raise ValueError(f"There is no file {path}; make a set with python -m lenslab dataset jets, or leave data away "
                         "for the 2,000 jets that lenslab brings.")
    stat = path.stat()
    return kept_in_memory(path.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)
def kept_in_memory(path: Path, changed: int, size: int) -> Jets:
    return read(path)


def parts_of(config: Config, size: int) -> dict[str, np.ndarray]:
    """Places of the jets of each part: twice `test` for the last judgement, `validation`, the rest for training."""
    ends = 2 * config.test, 2 * config.test + config.validation
    if size < ends[1] + config.batch:
        raise ValueError(f"The set has {size} jets, of which validation and test take {ends[1]}: too few are left to "
                         "learn from. Make a larger set, or take less for validation and test.")
    return {name: np.arange(*span) for name, span in zip(
        ("test", "validation", "train"), ((0, ends[0]), ends, (ends[1], size)), strict=True)}


def loss(model: JetDenoiser, x0: Tensor, conditions: Tensor, sigma: Tensor, eps: Tensor, totals: Tensor) -> Tensor:
    """That of diffusion; and, where totals (B, 3) are told, how unlikely the model finds them."""
    value = denoise.loss(model, PROCESSES[model.process], x0, conditions, sigma, eps)
    if model.totals is None:
        return value
    return value + UNLIKELY * model.surprise(conditions[:, :model.width], totals)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> x0 (B / world, C, side, side), conditions (B / world, width and more), sigma (B / world,), eps as
    x0, totals (B / world, 3), NaN where none are told.

    The window of each jet is turned over in eta and in phi at random: which side is which means nothing.
    """
    device, jets = torch.device(device), jets_of(config)
    train, process = parts_of(config, len(jets))["train"], PROCESSES[config.process]
    card = facts(config)
    pixels, conditions = Pixels.of_card(card["pixels"]), JetConditions.of_card(card["conditions"])

    def draw(step: int) -> tuple[Tensor, ...]:
        positions = np.arange(config.batch * step, config.batch * (step + 1))[rank::world]
        shown = jets.take(train[rows_of_set(positions, len(train), config.seed)])
        flips = elements(4, config.batch, config.seed, step)[rank::world]
        chance = chance_of(config.seed, step, rank)
        images = shown.hits.images(pixels.side, np.stack([flips % 2, flips // 2], 1).astype(bool))
        energies = torch.from_numpy(images).to(device)
        x0 = pixels.stretch(energies)
        numbers, known = dropped(*conditions.standard(conditions.table(shown)), config.drop, config.drop_all, chance,
                                 conditions.group)
        sigma = process.sigmas(len(x0), chance, config.low_share, config.high_share)
        eps = torch.randn(x0.shape, generator=chance)
        asked, totals = with_totals_told(torch.cat([numbers, known.float()], 1).to(device), pixels, energies,
                                         known.any(1).to(device))
        return x0, asked, sigma.to(device), eps.to(device), totals

    return draw


def with_totals_told(asked: Tensor, pixels: Pixels, energies: Tensor, told: Tensor | None = None
                     ) -> tuple[Tensor, Tensor]:
    """What the UNet is asked for (B, width) and, where totals are told at all, more; and the totals of energies.

    told   (B,) bool: whether they are told of each; None: of all
    """
    if not pixels.totals:
        return asked, asked.new_full((len(asked), TOTALS), torch.nan)
    totals = pixels.totals_told(energies)
    sign = asked.new_ones(len(asked), 1) if told is None else told[:, None].to(asked)
    return torch.cat([asked, totals * sign, sign], 1), totals


def held_out_loss(trained: Trained, config: Config, split: str) -> dict:
    """The loss on jets of a part, at fixed noise levels and noise, all conditions known."""
    jets, device = jets_of(config), trained.device
    shown = jets.take(parts_of(config, len(jets))[split])
    pixels, conditions = Pixels.of_card(trained.card["pixels"]), JetConditions.of_card(trained.card["conditions"])
    process, chance, total = PROCESSES[trained.model.process], chance_of(HELD_OUT, len(shown)), 0.0
    sigma = process.sigmas(len(shown), chance, config.low_share, config.high_share)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for rows in torch.arange(len(shown)).split(AT_ONCE):
            some = shown.take(rows.numpy())
            energies = torch.from_numpy(some.hits.images(pixels.side))
            x0 = pixels.stretch(energies)
            eps = torch.randn(x0.shape, generator=chance)
            asked, totals = with_totals_told(conditions.network_input(conditions.table(some)), pixels, energies)
            total += len(rows) * float(loss(trained.model, *(part.to(device) for part in (
                x0, asked, sigma[rows], eps, totals))))
    return dict(loss=total / len(shown), n=len(shown))
