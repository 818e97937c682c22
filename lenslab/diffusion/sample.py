"""Samplers: from noise to data along falling sigmas, by a denoiser D(x, sigma) alone.

Each is its paper's algorithm as a generator of the estimates of x0 that it makes on the way, so that a page can show
them; the last one is the sample. `x` begins as sigmas[0] times normal numbers, and the last sigma is 0.

euler      Song et al. 2020 (2010.02502): DDIM, in this variable of time Euler's step
heun       Karras et al. 2022 (2206.00364), algorithm 1: second order, two estimates a step
dpmpp_2m   Lu et al. 2022 (2211.01095), DPM-Solver++(2M), algorithm 2 with lambda = -ln sigma: second order, one
           estimate a step
ancestral  Song et al. 2021 (2011.13456), the variance-exploding ancestral step: fresh noise at each
renewed    Song et al. 2023 (2303.01469), algorithm 1: of a consistency model, which answers in one step; each further
           one begins at its answer with fresh noise
"""

from collections.abc import Callable, Iterator, Sequence
from math import expm1, log

import torch
from torch import Tensor

from lenslab.diffusion.denoise import Denoise
from lenslab.diffusion.process import HIGHEST, LOWEST


def karras(steps: int, low: float = LOWEST, high: float = HIGHEST, rho: float = 7.0) -> list[float]:
    """steps + 1 falling sigmas, the last one 0: Karras et al. 2022, eq. 5."""
    top, bottom = high ** (1 / rho), low ** (1 / rho)
    return [(top + k / max(1, steps - 1) * (bottom - top)) ** rho for k in range(steps)] + [0.0]


def normal(seeds: Sequence[int], shape: tuple[int, ...], step: int = 0) -> Tensor:
    """(B, *shape) normal numbers, each image's from its own seed: the same in any batch and on any device."""
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed * 1_000_003 + step))
                        for seed in seeds])


def euler(D: Denoise, x: Tensor, sigmas: Sequence[float]) -> Iterator[Tensor]:
    for now, then in zip(sigmas[:-1], sigmas[1:], strict=True):
        x0 = D(x, now)
        yield x0
        x = x0 + then / now * (x - x0)


def heun(D: Denoise, x: Tensor, sigmas: Sequence[float]) -> Iterator[Tensor]:
    for now, then in zip(sigmas[:-1], sigmas[1:], strict=True):
        x0 = D(x, now)
        yield x0
        slope = (x - x0) / now
        ahead = x + (then - now) * slope
        if then > 0:
            ahead = x + (then - now) * 0.5 * (slope + (ahead - D(ahead, then)) / then)
        x = ahead


def dpmpp_2m(D: Denoise, x: Tensor, sigmas: Sequence[float]) -> Iterator[Tensor]:
    before, h_before = None, 0.0
    for now, then in zip(sigmas[:-1], sigmas[1:], strict=True):
        x0 = D(x, now)
        yield x0
        if then == 0:
            return
        h = log(now / then)
        best = x0 if before is None else x0 + h / (2 * h_before) * (x0 - before)
        x = then / now * x - expm1(-h) * best
        before, h_before = x0, h


def ancestral(D: Denoise, x: Tensor, sigmas: Sequence[float],
              noise: Callable[[int], Tensor] | None = None) -> Iterator[Tensor]:
    """noise(step): normal numbers of the shape of x; by default torch's own."""
    for step, (now, then) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        x0 = D(x, now)
        yield x0
        up = (then**2 * (now**2 - then**2) / now**2) ** 0.5
        fresh = torch.randn_like(x) if noise is None else noise(step).to(x)
        x = x0 + (then**2 - up**2) ** 0.5 / now * (x - x0) + up * fresh


def renewed(D: Denoise, x: Tensor, sigmas: Sequence[float],
            noise: Callable[[int], Tensor] | None = None) -> Iterator[Tensor]:
    """noise(step) as of `ancestral`."""
    for step, (now, then) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
        x0 = D(x, now)
        yield x0
        x = x0 + then * (torch.randn_like(x) if noise is None else noise(step).to(x))


SAMPLERS = {"dpmpp_2m": dpmpp_2m, "heun": heun, "euler": euler, "ancestral": ancestral, "renewed": renewed}
FRESH = ("ancestral", "renewed")     # samplers that take noise(step)


def last(estimates: Iterator[Tensor]) -> Tensor:
    """The sample."""
    for x0 in estimates:
        found = x0
    return found


def from_noise(sampler: str, D, sigmas: Tensor, seeds: list[int], shape: tuple[int, ...], device) -> Iterator[Tensor]:
    """Estimates (B, *shape) of a sampler of SAMPLERS, from the noise of each seed on."""
    x = sigmas[0] * normal(seeds, shape).to(device)
    fresh = dict(noise=lambda step: normal(seeds, shape, step + 1)) if sampler in FRESH else {}
    with torch.no_grad(), torch.autocast(torch.device(device).type, enabled=False):
        yield from SAMPLERS[sampler](D, x, sigmas, **fresh)
