"""From conditions to images: a trained network, a sampler, and chance that follows from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.diffusion import sample
from lenslab.diffusion.denoise import denoiser
from lenslab.diffusion.guidance import guided
from lenslab.diffusion.process import PROCESSES
from lenslab.tasks.generate.task import network_input
from lenslab.tasks.noise_free.frame import frame_of
from lenslab.tasks.trained import Trained

TOGETHER = 64          # images that are denoised at once
MOST_SEED = 1_000_000  # images of one seed
MOST_STEPS, MOST_GUIDANCE = 200, 10.0
RENEW_ABOVE = 0.5      # sigma to which a consistency model's answers are given noise again
SAMPLER_TITLES = {"dpmpp_2m": "DPM-Solver++(2M)", "heun": "Heun", "euler": "Euler (DDIM)", "ancestral": "Ancestral",
                  "renewed": "Consistency"}


@dataclass(frozen=True)
class Way:
    """How images are drawn.

    guidance   1: as asked for; more: more like what is asked for than the average image of its kind; 0: not asked
    """

    sampler: str = "dpmpp_2m"
    steps: int = 16
    guidance: float = 1.0
    seed: int = 0

    def __post_init__(self):
        if self.sampler not in sample.SAMPLERS:
            raise ValueError(f"There is no sampler {str(self.sampler)[:40]!r}; choose one of "
                             f"{', '.join(sample.SAMPLERS)}.")
        if not (isinstance(self.steps, int) and 1 <= self.steps <= MOST_STEPS):
            raise ValueError(f"{self.steps} steps were asked for; give a whole number from 1 to {MOST_STEPS}.")
        if not 0 <= self.guidance <= MOST_GUIDANCE:
            raise ValueError(f"Guidance is {self.guidance:g}; give a number from 0 to {MOST_GUIDANCE:g}.")
        if not (isinstance(self.seed, int) and 0 <= self.seed < 2**31):
            raise ValueError(f"The seed is {self.seed}; give a whole number from 0 to {2**31 - 1}.")


@dataclass(frozen=True)
class Samples:
    """Images (B, 1, H, W) before the camera's noise, in units of the rms of an empty pixel, and what was asked for.

    conditions   (B, P) plain numbers, NaN where they were left open
    """

    images: Tensor
    conditions: Tensor
    way: Way


def usual_way(trained: Trained) -> Way:
    """What a network is best asked by."""
    return Way("renewed", 2) if trained.model.consistent else Way()


def estimates(trained: Trained, table: Tensor, way: Way, first: int = 0) -> Iterator[Tensor]:
    """Estimates (B, 1, H, W) of the images of plain conditions (B, P), one after each step; the last is the sample.

    first   number of the first image: the chance of image k follows from (seed, k) alone, in any batch
    """
    frame, model, device = frame_of(trained.card), trained.model, trained.device
    process, brightness = PROCESSES[model.process], frame.brightness
    asked = network_input(frame.conditions, table).to(device)
    nothing = torch.zeros_like(asked)

    def denoise(given: Tensor):
        return denoiser(model.for_conditions(given), process, given, brightness.lowest, brightness.highest)

    D = guided(denoise(asked), denoise(nothing), way.guidance)
    low = RENEW_ABOVE if way.sampler == "renewed" else sample.LOWEST
    sigmas = sample.karras(way.steps, low, process.highest)
    seeds = [way.seed * MOST_SEED + first + k for k in range(len(table))]
    shape = 1, frame.side, frame.side
    for x0 in sample.from_noise(way.sampler, D, sigmas, seeds, shape, device):
        yield brightness.counts(x0).cpu()


def in_parts(trained: Trained, table: Tensor, way: Way) -> Iterator[Tensor]:
    """Images (at most TOGETHER, 1, H, W) of plain conditions (B, P), part by part."""
    for rows in torch.arange(len(table)).split(TOGETHER):
        yield sample.last(estimates(trained, table[rows], way, int(rows[0])))


def predict(trained: Trained, table: Tensor, way: Way | None = None) -> Samples:
    """Images of plain conditions (B, P)."""
    way = usual_way(trained) if way is None else way
    return Samples(torch.cat(list(in_parts(trained, table, way))), table, way)
