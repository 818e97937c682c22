"""What a classifier says: from images and their noise to logits, calibrated probabilities, and how unusual they are."""

import numpy as np
import torch
from torch import Tensor

from lenslab.images.observation import Observation
from lenslab.insight import metrics
from lenslab.physics.grid import middle
from lenslab.tasks.trained import AT_ONCE, Trained

UNKNOWN = 1e6          # times the usual noise: pixels of which nothing is known


def complete(trained: Trained, image: Tensor, sigma: Tensor) -> Tensor:
    """What a network is given (B, K, H, W) of images and their noise (B, 1, H, W) in the unit of its camera."""
    model = trained.model
    image, sigma = (middle(part, trained.card["constants"]["crop"]).to(trained.device) for part in (image, sigma))
    if not model.needs_fit:
        return (image / sigma).cpu()
    side = model.lens.camera.num_pix
    if image.shape[-2:] != (side, side):
        raise ValueError(f"This network fits lenses to frames of {side} x {side} pixels, and the image has "
                         f"{image.shape[-1]} x {image.shape[-2]}; bring it to the grid of {model.lens.population}.")
    return torch.cat([model.complete(*pair)[0] for pair in zip(image.split(AT_ONCE), sigma.split(AT_ONCE),
                                                               strict=True)]).cpu()


def inputs_of(trained: Trained, observation: Observation) -> Tensor:
    """What the network is given (B, K, H, W) float32 of images on its own pixel grid; 0 sigmas where nothing is known.

    For a network that fits, what is not known weighs nothing in the fit.
    """
    image, sigma = observation.image.float(), observation.variance.sqrt().float()
    if observation.mask is not None:
        image = torch.where(observation.mask, image, torch.zeros_like(image))
        sigma = torch.where(observation.mask, sigma, UNKNOWN * sigma[observation.mask].median())
    return complete(trained, image, sigma)


def logits_of(trained: Trained, inputs: Tensor) -> np.ndarray:
    """(N, C) float64, piece by piece; in float32 always, so that answers are the same anywhere."""
    device = trained.device
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        parts = [trained.model(part.to(device)).double().cpu() for part in inputs.split(AT_ONCE)]
    return torch.cat(parts).numpy()


def probabilities_of(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / T), (N, C) float64."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def features_of(trained: Trained, inputs: Tensor) -> Tensor:
    """What the last layer is given (N, F), on the CPU."""
    model, device = trained.model, trained.device
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        return torch.cat([model.head[:-1](model.embed(model.see(part.to(device)))).cpu()
                          for part in inputs.split(AT_ONCE)])


def novelty_of(trained: Trained, inputs: Tensor) -> Tensor | None:
    """Share (B,) of held-out images that lie at least as far from what is usual; None where that was not learnt."""
    novelty = trained.novelty
    if novelty is None:
        return None
    return novelty.p_value(novelty.distance(features_of(trained, inputs).to(trained.device))).cpu()


def temperature_of(trained: Trained) -> float:
    """That of a network's card; 1 where it has none."""
    measured = trained.card.get("metrics")
    value = measured.get("temperature") if isinstance(measured, dict) else None
    low, high = metrics.TEMPERATURES
    return float(np.clip(value, low, high)) if isinstance(value, int | float) else 1.0
