"""All that changes while a network is trained, and how it goes to a state and back without a bit lost."""

import copy
import hashlib
import math
import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lenslab.tasks.training import PRECISIONS, Training


class Learner:
    """Network, running mean of its weights, optimiser, and what was counted so far."""

    def __init__(self, model: nn.Module, config: Training):
        self.model, self.config = model, config
        self.mean = copy.deepcopy(model).eval().requires_grad_(False) if config.ema else None
        make = {"adamw": torch.optim.AdamW, "sgd": momentum_sgd}[config.optimizer]
        self.optimizer = make(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        self.count = dict(step=0, best=None, stale=0, ended=False, seconds=0.0, cpu=0.0, sum=0.0, summed=0)

    @property
    def judged(self) -> nn.Module:
        """What is validated and kept."""
        return self.model if self.mean is None else self.mean

    def follow(self, value: Tensor, average: Callable[[nn.Module], None] = lambda model: None) -> float:
        """One step down the gradient of a loss, averaged over those who share it; returns its length before it is
        clipped.

        A gradient that is not finite is refused before it touches a weight.
        """
        config, step = self.config, self.count["step"]
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        average(self.model)
        length = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or math.inf).item()
        if not math.isfinite(length):
            raise FloatingPointError(f"The gradient became {length} at step {step + 1}; try lr below {config.lr:g}.")
        for group in self.optimizer.param_groups:
            group["lr"] = rate(config, step, self.count["cpu"])
        self.optimizer.step()
        if self.mean is not None:
            self.remember(min(config.ema, (1 + step) / (10 + step)))
        self.count["step"] = step + 1
        return length

    @property
    def norms(self) -> list[nn.Module]:
        """Layers of the mean network whose statistics are of other weights than its own: batch normalisation, where
        it learns."""
        pairs = [] if self.mean is None else zip(self.mean.modules(), self.model.modules(), strict=True)
        return [mean for mean, moving in pairs
                if isinstance(mean, nn.modules.batchnorm._BatchNorm)
                and moving.weight is not None and moving.weight.requires_grad]

    @torch.no_grad()
    def settle(self, loss, batches: list) -> None:
        """Batch statistics for the mean of the weights, from a few batches (Izmailov et al. 2018, 1803.05407).

        With those of the moving weights, which scatter about their mean, a classifier that was right 96 times of 100
        was right 92 times and far too sure.
        """
        momenta = [layer.momentum for layer in self.norms]
        for layer in self.norms:
            layer.reset_running_stats()
            layer.momentum = None            # the plain mean over the batches
            layer.train()
        for batch in batches:
            loss(self.mean, *batch)
        for layer, momentum in zip(self.norms, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()

    @torch.no_grad()
    def remember(self, memory: float) -> None:
        """mean <- memory * mean + (1 - memory) * weights; buffers are copied, see `settle` for those that must not be.
        """
        for old, new in zip(self.mean.parameters(), self.model.parameters(), strict=True):
            old.lerp_(new, 1 - memory)
        for old, new in zip(self.mean.buffers(), self.model.buffers(), strict=True):
            old.copy_(new)

    def state(self) -> tuple[dict, dict]:
        """Tensors and plain values. No state of a random generator: every step seeds its own (`seed_step`)."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        if self.mean is not None:
            tensors |= {f"mean.{name}": tensor for name, tensor in self.mean.state_dict().items()}
        for index, entry in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in entry.items() if value is not None}
        return tensors, dict(self.count)

    def restore(self, tensors: dict, card: dict) -> None:
        parts = {"model": {}, "mean": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        try:
            self.model.load_state_dict(parts["model"])
            if self.mean is not None:
                self.mean.load_state_dict(parts["mean"])
        except RuntimeError as error:
            raise ValueError("The state of this run is of another network than its settings build now: the code has "
                             f"changed ({str(error).splitlines()[0]}). Begin anew with --restart.") from None
        entries = {}
        for name, tensor in parts["optimizer"].items():
            index, _, key = name.partition(".")
            entries.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({"state": entries,
                                        "param_groups": self.optimizer.state_dict()["param_groups"]})
        self.count = {name: card.get(name, fresh) for name, fresh in self.count.items()}     # older states have no cpu


def momentum_sgd(parameters, **settings) -> torch.optim.SGD:
    return torch.optim.SGD(parameters, momentum=0.9, **settings)


def rate(config: Training, step: int, cpu: float = 0.0) -> float:
    """Learning rate of a step (from 0): a straight rise over the warm-up, then half a cosine down to its final share.

    Where the minutes of a training end before its steps, the cosine follows its CPU seconds.
    Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5 with one period; the rise as in Goyal et al. 2017.
    """
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = min(1.0, max((step - config.warmup) / max(1, config.steps - config.warmup), used(config, cpu)))
    return config.lr * (config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * done)) / 2)


def used(config: Training, cpu: float) -> float:
    """Share of its minutes that a training has had."""
    return cpu / (60 * config.minutes) if config.minutes else 0.0


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch for one step: dropout is a function of (seed, step, rank), whatever ran before."""
    torch.manual_seed(int.from_bytes(hashlib.sha256(f"{seed}/{step}/{rank}".encode()).digest()[:8], "little") >> 1)


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """bfloat16 where `auto` finds it in hardware: GPUs since Ampere, processors with AVX512-BF16 or AMX.

    Emulated bfloat16 is slower than float32 (seven times, on a processor with AVX2 alone), and torch emulates without
    a word. ARM stays at float32: some have bfloat16, and nobody has timed it there. LENSLAB_PRECISION overrules what
    `auto` finds. The loss is computed under autocast, the weights stay float32.
    """
    if name == "auto":
        name = os.environ.get("LENSLAB_PRECISION", "").strip().lower() or name
        if name not in PRECISIONS:
            raise ValueError(f"{name[:40]!r} is no precision (LENSLAB_PRECISION); choose {', '.join(PRECISIONS)}.")
    if name == "auto" and device.type == "cuda":
        here = torch.cuda.get_device_capability(device) >= (8, 0) or torch.version.hip is not None
    elif name == "auto" and device.type == "cpu":
        able = torch.cpu.get_capabilities()
        here = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    else:
        here = name == "bfloat16"
    return torch.bfloat16 if here else torch.float32
