"""A network and its process as one estimate of what lies under noise, and the losses that teach it.

A network is called as network(x, time, conditions): x (B, C, H, W) of unit variance, time (B,), conditions (B, P).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lenslab.diffusion.process import LOWEST, Process

Denoise = Callable[[Tensor, float], Tensor]     # D(x, sigma): the estimate of x0


def wide(s: Tensor) -> Tensor:
    """(B,) as (B, 1, 1, 1)."""
    return s[:, None, None, None]


def estimate(network, process: Process, x: Tensor, sigma: Tensor, conditions: Tensor) -> Tensor:
    """D (B, C, H, W) at sigma (B,); its output is float32 whatever the network computes in."""
    s = wide(sigma)
    return process.denoised(x, network(x * process.c_in(s), process.time(sigma), conditions).float(), s)


def denoiser(network, process: Process, conditions: Tensor, low: float | Tensor | None = None,
             high: float | Tensor | None = None) -> Denoise:
    """D(x, sigma) of a network for a batch of conditions, for samplers; nothing in the data is below `low` or above
    `high`, two numbers or two tensors (C, 1, 1)."""
    def D(x: Tensor, sigma: float) -> Tensor:
        found = estimate(network, process, x, torch.full((len(x),), float(sigma), device=x.device), conditions)
        return found if low is None and high is None else found.clamp(low, high)

    return D


def loss(network, process: Process, x0: Tensor, conditions: Tensor, sigma: Tensor, eps: Tensor) -> Tensor:
    """Mean square error of F: for every process the weight that makes all noise levels count about alike."""
    s = wide(sigma)
    F = network((x0 + s * eps) * process.c_in(s), process.time(sigma), conditions).float()
    return (F - process.target(x0, eps, s)).square().mean()


def consistency_loss(network, process: Process, x0: Tensor, conditions: Tensor, sigma: Tensor, eps: Tensor,
                     stage: int) -> Tensor:
    """Teaches D to say the same all along a path, so that one step from pure noise will do.

    Easy consistency tuning (Geng et al. 2024, 2406.14548), begun from a trained diffusion: D at sigma is drawn to what
    D says, without gradient, at r = sigma (1 - n/2^stage) of the same path, n = 1 + 8 sigmoid(-sigma). With each stage
    r comes nearer; at stage 0 it is 0, where D is x0 itself, and the loss is that of diffusion. Weight 1/(sigma - r),
    pseudo-Huber with their constant, 0.06 a pixel.
    """
    nearer = (1 - (1 + 8 * torch.sigmoid(-sigma)) / 2.0**stage).clamp_min(0)
    r = torch.where(sigma * nearer > LOWEST, sigma * nearer, 0)
    D = estimate(network, process, x0 + wide(sigma) * eps, sigma, conditions)
    with torch.no_grad():
        there = estimate(network, process, x0 + wide(r) * eps, r.clamp_min(LOWEST), conditions)
        there = torch.where(wide(r) > 0, there, x0)
    c = 0.06 * x0[0].numel() ** 0.5
    distance = ((D - there).square().sum((1, 2, 3)) + c * c).sqrt() - c
    return (distance / (sigma - r)).mean()
