"""Simulated jets that are most like what is asked for: what generated ones stand beside."""

import numpy as np
import torch
from torch import Tensor

from lenslab.jets.files import Jets
from lenslab.tasks.jets.conditions import JetConditions


def nearest(jets: Jets, conditions: JetConditions, row: Tensor, n: int) -> np.ndarray:
    """Places of the n jets nearest to a request (3,), in the standardised numbers that it sets; of its flavour alone.

    What is open tells none from another: then jets are taken as they come, kinds in turns.
    """
    if jets.flavours != conditions.flavours:
        raise ValueError(f"The set has jets of {', '.join(jets.flavours)}, the network learnt from "
                         f"{', '.join(conditions.flavours)}; they cannot stand beside each other.")
    numbers, _ = conditions.standard(conditions.table(jets))
    asked, known = conditions.standard(row[None])
    away = torch.where(known[:, conditions.group], numbers - asked, 0).square()
    of_flavour = known[0, 0] & (torch.from_numpy(jets.label) != int(row[0].nan_to_num(0)))
    distance = away[:, len(conditions.flavours):].sum(1) + torch.where(of_flavour, torch.inf, 0.0)
    order = torch.argsort(distance, stable=True)[:n]
    return order[distance[order].isfinite()].numpy()
