"""A task small enough for tests: logistic regression on draws of numpy.

Two Gaussian clouds at -mu and +mu: the best possible weights lie along mu, and the loss is convex.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from lenslab.quantity import number, switch
from lenslab.tasks.trained import Trained
from lenslab.tasks.training import Training

MEAN = np.array([1.0, -0.5, 0.25, 0.0])


@dataclass(frozen=True)
class Config(Training):
    pause: float = number(0.0, 0.0, 10.0, "s", "Time that drawing a batch takes.", "Pause")
    spoiled: float = number(0.0, 0.0, 1e6, "", "Step at which a batch is no number; 0 for none.", "Spoiled")
    dropout: bool = switch(False, "Drop inputs at random.", "Dropout")
    population: str = "clouds"


def build(config, card=None):
    model = nn.Sequential(nn.Dropout(0.5 if config.dropout else 0.0), nn.Linear(4, 1))
    return Trained(model, card or {"classes": ["minus", "plus"], "constants": {"scale": 1.0}})


def loss(model, x, y):
    return nn.functional.binary_cross_entropy_with_logits(model(x)[:, 0], y)


def draw(seed, size):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size)
    return (torch.tensor(rng.normal(size=(size, 4)) + MEAN * (2 * y - 1)[:, None], dtype=torch.float32),
            torch.tensor(y, dtype=torch.float32))


def batches(config, device, rank=0, world=1):
    def batch(step):
        time.sleep(config.pause)
        x, y = draw((config.seed, step), config.batch)
        if config.spoiled and step + 1 == config.spoiled:
            x = x * float("nan")
        return x[rank::world].to(device), y[rank::world].to(device)

    return batch


def evaluate(trained, config, split="validation"):
    model = trained.model
    x, y = (part.to(trained.device) for part in draw(10**6 if split == "validation" else 10**7, 2000))
    accuracy = ((model(x)[:, 0] > 0) == (y > 0)).double().mean().item()
    around = 1.96 * (accuracy * (1 - accuracy) / len(y)) ** 0.5
    return {"loss": loss(model, x, y).item(), "accuracy": accuracy,
            "intervals": {"accuracy": [accuracy - around, accuracy + around]}}


def predict(trained, x):
    return torch.sigmoid(trained.model(x)[:, 0])
