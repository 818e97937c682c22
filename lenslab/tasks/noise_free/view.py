"""What a diffusion model learns from: noise-free images of a population, and the conditions that they obey."""

from dataclasses import dataclass

import numpy as np
import torch

from lenslab.feed.examples import Columns, Examples
from lenslab.population import find
from lenslab.sets.draw import Items, items_together
from lenslab.tasks.noise_free.conditions import S, conditions_of

CONDITIONS = "conditions"     # the target: plain numbers (n, P), NaN where an item has none


@dataclass(frozen=True)
class NoiseFree:
    """How chunks of a population become examples (a lenslab.feed.examples.View).

    Inputs are images before the camera's noise (n, 1, H, W), in units of the rms of an empty pixel.
    """

    population: str
    seed: int
    split: str = "train"

    def columns(self, chunk: int) -> Columns:
        made = self.items_of([chunk], "cpu")[0]
        return dict(image=self.images(made).numpy(), label=made.labels, conditions=self.table(made))

    def examples(self, columns: Columns) -> Examples:
        return Examples(torch.from_numpy(columns["image"]), columns["label"],
                        {CONDITIONS: torch.from_numpy(columns["conditions"])})

    def on(self, chunk: int, device: torch.device) -> Examples:
        return self.together([chunk], device)[0]

    def together(self, chunks: list[int], device: torch.device) -> list[Examples]:
        return [Examples(self.images(made), made.labels, {CONDITIONS: torch.from_numpy(self.table(made)).to(device)})
                for made in self.items_of(chunks, device)]

    def items_of(self, chunks: list[int], device) -> list[Items]:
        return items_together(find(self.population), chunks, self.seed, self.split, device=device, noise=False)

    def images(self, made: Items) -> torch.Tensor:
        return made.image / made.background[:, None, None, None]

    def table(self, made: Items) -> np.ndarray:
        columns = dict(zip(find(self.population).paths, made.parameters.T, strict=True))
        return conditions_of(self.population).table(columns | {S: made.truths[S]}, made.labels)
