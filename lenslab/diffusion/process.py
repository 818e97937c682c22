"""Processes: how a network F is asked at noise sigma, what it should say, and which sigmas it learns at.

x = x0 + sigma eps for all of them; a process is a row. With sigma_data = 1:

edm    Karras et al. 2022 (2206.00364), eq. 7 and table 1: F is a mixture of x0 and noise of unit variance
ddpm   Ho et al. 2020 (2006.11239), F is the noise, at the times of the cosine schedule of Nichol & Dhariwal 2021
       (2102.09672) with offset 0: alpha = cos, so that sigma = tan(pi t/2)
flow   Lipman et al. 2022 (2210.02747), rectified flow of Liu et al. 2022 (2209.03003): F is the velocity eps - x0 of
       (1 - t) x0 + t eps, t = sigma/(1 + sigma); times logit-normal (Esser et al. 2024, 2403.03206)
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

# sigma: below the first nothing is seen, at the second nothing is left of the data. All pixels of an image together
# show its brightness up to sigma = its norm, 64 for unit spread and 64 x 64 pixels, 250 for the brightest. Begun at 40,
# where training images still told theirs, pure noise passed for a dim image: samples were 15 % too faint.
LOWEST, HIGHEST = 0.002, 400.0
LOW_NOISE = 0.002, 0.5             # ranges of the shares of sigmas that a law may be mixed with
HIGH_NOISE = 5.0, HIGHEST
LATEST = 0.9995                    # time t of ddpm at which sigma is still a number


@dataclass(frozen=True)
class Process:
    """A row. s is sigma (B, 1, 1, 1), or (B,) where it is a time or a law's; x, x0, eps, F (B, C, H, W).

    c_in(s)           what x is multiplied by before the network sees it: unit variance comes in
    time(s)           what the network is told of s, of order 1
    target(x0, eps, s)  what F should be
    denoised(x, F, s)   the estimate D of x0
    law(n, generator)   sigmas (n,) of training
    highest             sigma at which sampling begins: an error of F is one of sigma times that of D where F is the
                        noise, so that no D can be had from it at the loudest levels
    """

    title: str
    c_in: Callable[[Tensor], Tensor]
    time: Callable[[Tensor], Tensor]
    target: Callable[[Tensor, Tensor, Tensor], Tensor]
    denoised: Callable[[Tensor, Tensor, Tensor], Tensor]
    law: Callable[[int, torch.Generator], Tensor]
    highest: float = HIGHEST

    def sigmas(self, n: int, generator: torch.Generator, low_share: float = 0.0, high_share: float = 0.0) -> Tensor:
        """(n,) from the law; `low_share` of them log-uniform in LOW_NOISE instead, `high_share` in HIGH_NOISE.

        The law of EDM hardly asks below 0.02, where the power at the finest scales is decided, nor above 40, where only
        the conditions tell how bright an image is.
        """
        sigma = self.law(n, generator).clamp(LOWEST, HIGHEST)
        faint, loud = (log_uniform(n, generator, *limits) for limits in (LOW_NOISE, HIGH_NOISE))
        chance = torch.rand(n, generator=generator)
        return torch.where(chance < low_share, faint, torch.where(chance > 1 - high_share, loud, sigma))


def log_uniform(n: int, generator: torch.Generator, low: float, high: float) -> Tensor:
    return (log(low) + log(high / low) * torch.rand(n, generator=generator)).exp()


def unit(s: Tensor) -> Tensor:
    """1/sqrt(1 + s^2), which gives x unit variance."""
    return (1 + s * s).rsqrt()


PROCESSES = {
    "edm": Process("EDM", c_in=unit, time=lambda s: s.log() / 4,
                   target=lambda x0, eps, s: (s * x0 - eps) * unit(s),
                   denoised=lambda x, F, s: x / (1 + s * s) + s * unit(s) * F,
                   law=lambda n, generator: (0.5 + 1.4 * torch.randn(n, generator=generator)).exp()),
    "ddpm": Process("DDPM, cosine", c_in=unit, time=lambda s: 2 / pi * s.atan(),
                    target=lambda x0, eps, s: eps,
                    denoised=lambda x, F, s: x - s * F,
                    law=lambda n, generator: (pi / 2 * LATEST * torch.rand(n, generator=generator)).tan(),
                    highest=40.0),
    "flow": Process("Rectified flow", c_in=lambda s: 1 / (1 + s), time=lambda s: s / (1 + s),
                    target=lambda x0, eps, s: eps - x0,
                    denoised=lambda x, F, s: (x - s * F) / (1 + s),
                    law=lambda n, generator: torch.randn(n, generator=generator).exp()),
}
