"""What a training gets of n items, inputs, named targets, labels, and what makes that of simulated columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Examples:
    """n items as a training gets them.

    inputs    (n, K, H, W)  what the network is given
    labels    (n,) int64    the class of each
    targets   {name: (n, ...)}  what else is true of them; a task without any leaves it empty
    """

    inputs: Tensor
    labels: np.ndarray
    targets: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> "Examples":
        """Rows in any order, by an index array."""
        at = torch.from_numpy(np.asarray(rows)).to(self.inputs.device)
        return Examples(self.inputs[at], self.labels[rows], {name: part[at] for name, part in self.targets.items()})

    def first(self, n: int) -> "Examples":
        return Examples(self.inputs[:n], self.labels[:n], {name: part[:n] for name, part in self.targets.items()})

    @staticmethod
    def joined(parts: Sequence["Examples"]) -> "Examples":
        """One after the other; all have the same targets."""
        return Examples(torch.cat([part.inputs for part in parts]), np.concatenate([part.labels for part in parts]),
                        {name: torch.cat([part.targets[name] for part in parts]) for name in parts[0].targets})


class View(Protocol):
    """How chunks of CHUNK items become examples; hashable, and plain enough to travel to processes.

    columns(chunk)         arrays by name, (CHUNK, ...) each: made where the item is simulated, in a worker
    examples(columns)      the examples of those, in the process that trains
    on(chunk, device)      both at once, on a GPU; together(chunks, device) for several chunks in one go
    """

    def columns(self, chunk: int) -> Columns: ...
    def examples(self, columns: Columns) -> Examples: ...
    def on(self, chunk: int, device: torch.device) -> Examples: ...
    def together(self, chunks: list[int], device: torch.device) -> list[Examples]: ...
