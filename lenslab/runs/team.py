"""Several processes that train one network (torchrun): each takes its rows of the joint batch, gradients are averaged.

torchrun sets RANK, LOCAL_RANK and WORLD_SIZE; without them a team is one process and every method is the identity.
The averaged gradient of equal shares is the gradient of the joint batch, as long as the loss is a mean over rows.
Batch normalisation sees the joint batch on GPUs (SyncBatchNorm); on processors each process normalises by its own rows.
"""

import os
from datetime import timedelta
from importlib import import_module

import torch
import torch.distributed as dist
from torch import nn

from lenslab.device import resolve_device


class Team:
    def __init__(self, device: str | torch.device | None = None):
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device = resolve_device(device)
        if self.world > 1 and self.device.type == "cuda":
            self.device = resolve_device(f"cuda:{int(os.environ.get('LOCAL_RANK', 0))}")
            torch.cuda.set_device(self.device)

    @property
    def main(self) -> bool:
        """The one that writes."""
        return self.rank == 0

    def __enter__(self) -> "Team":
        if self.world > 1:
            # An optimiser imports this when it is first made. If the group is made before, it becomes the default
            # argument of ten functions there and outlives destroy_process_group, with threads that hold tensors; where
            # Python has begun to end, that is std::terminate: "terminate called without an active exception".
            import_module("torch.distributed.nn.functional")
            # The others wait while the first validates, which may take long.
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo", timeout=timedelta(hours=6))
        return self

    def __exit__(self, *_) -> None:
        if self.world > 1:
            dist.destroy_process_group()

    def barrier(self) -> None:
        if self.world > 1:
            dist.barrier()

    def mean(self, *values: float) -> list[float]:
        """The mean of each number over the team."""
        if self.world == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64 if self.device.type == "cpu" else torch.float32,
                               device=self.device)
        dist.all_reduce(numbers)
        return (numbers / self.world).tolist()

    def prepare(self, model: nn.Module) -> nn.Module:
        """The network on its device, its batch normalisation made common where that can be."""
        if self.world > 1 and self.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return model.to(self.device)

    def average(self, model: nn.Module) -> None:
        """Gradients become their mean over the team.

        Not by DistributedDataParallel: it holds the process group beyond destroy_process_group, and whoever drops it
        then waits, with Python's lock in hand, for threads of the group that wait for this lock.
        """
        if self.world == 1:
            return
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        joint = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(joint)
        parts = (joint / self.world).split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
