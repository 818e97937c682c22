"""From conditions to images of jets: a trained network, a sampler, and chance that follows from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.diffusion import sample
from lenslab.diffusion.denoise import denoiser
from lenslab.diffusion.guidance import guided
from lenslab.diffusion.process import PROCESSES
from lenslab.tasks.generate.sampling import MOST_SEED, TOGETHER, Way
from lenslab.tasks.jets.conditions import JetConditions
from lenslab.tasks.jets.pixels import Pixels
from lenslab.tasks.jets.task import TOTALS
from lenslab.tasks.trained import Trained

OF_TOTALS = 999_999     # keeps their chance apart from that of the steps


@dataclass(frozen=True)
class JetSamples:
    """Images (B, 3, side, side) in GeV, and what was asked for: a table (B, 3) of JetConditions."""

    images: Tensor
    conditions: Tensor
    way: Way


def estimates(trained: Trained, table: Tensor, way: Way, first: int = 0) -> Iterator[Tensor]:
    """Estimates (B, 3, side, side) in GeV for a table (B, 3), one after each step; the last is the sample.

    first   number of the first image: the chance of image k follows from (seed, k) alone, in any batch
    """
    pixels, conditions = Pixels.of_card(trained.card["pixels"]), JetConditions.of_card(trained.card["conditions"])
    model, device = trained.model, trained.device
    process, low, high = PROCESSES[model.process], pixels.lowest.to(device), pixels.highest.to(device)
    asked, totals = conditions.network_input(table).to(device), None
    seeds = [way.seed * MOST_SEED + first + k for k in range(len(table))]
    if model.totals is not None:
        with torch.no_grad():
            totals = model.draw(asked, sample.normal(seeds, (TOTALS,), OF_TOTALS).to(device))
        asked = torch.cat([asked, totals, torch.ones_like(totals[:, :1])], 1)
    D = guided(*(denoiser(model, process, given, low, high) for given in (asked, torch.zeros_like(asked))),
               way.guidance)
    sigmas = sample.karras(way.steps, sample.LOWEST, process.highest)
    shape = pixels.channels, pixels.side, pixels.side
    for x0 in sample.from_noise(way.sampler, D, sigmas, seeds, shape, device):
        yield pixels.energies(x0, totals).cpu()


def in_parts(trained: Trained, table: Tensor, way: Way) -> Iterator[Tensor]:
    """Images (at most TOGETHER, 3, side, side) of a table (B, 3), part by part."""
    for rows in torch.arange(len(table)).split(TOGETHER):
        yield sample.last(estimates(trained, table[rows], way, int(rows[0])))


def predict(trained: Trained, table: Tensor, way: Way | None = None) -> JetSamples:
    """Images for a table (B, 3) of conditions."""
    way = Way() if way is None else way
    return JetSamples(torch.cat(list(in_parts(trained, table, way))), table, way)
