"""How the noise of an image follows its brightness, read off its own noise map, so that a model's noise can be told.

Photons make variance grow in proportion to light, whatever the unit: variance = dark + slope * light. Where a map
shows no such slope, as a constant one does, the noise of a model is that of the image.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BRIGHT = 3.0      # sigmas of the dark from which on a pixel tells the slope
FEW = 20          # pixels that can tell it
LEAST = 0.25      # share of the image's own variance, or of the dark's, below which no model's goes


def noise_law(image: Tensor, variance: Tensor, known: Tensor, beside: Tensor | float = 0.0
              ) -> Callable[[Tensor], Tensor]:
    """sigma (B, 1, N, N) of model images (B, 1, N, N); infinite where nothing is known.

    image, variance   (1, 1, N, N)   as they were taken, before anything was subtracted
    known             (1, 1, N, N)   bool
    beside            (1, 1, N, N)   variance that is not of the camera: what a model is known to be wrong by
    """
    dark = variance[known].double().quantile(0.1)
    light = image.clamp_min(0)
    bright = known & (light > BRIGHT * dark.sqrt())
    slope = 0.0
    if int(bright.sum()) >= FEW:
        d, v = light[bright].double(), variance[bright].double() - dark
        slope = float(((d * v).sum() / d.square().sum()).clamp_min(0))

    def sigma(model: Tensor) -> Tensor:
        changed = variance + slope * (model.clamp_min(0) - light)
        least = LEAST * torch.minimum(variance, dark.to(variance))
        return torch.where(known, (torch.maximum(changed, least) + beside).sqrt(), torch.inf)

    return sigma
