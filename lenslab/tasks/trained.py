"""What a checkpoint gives back: a network, its card, and what is usual for it. `load` serves every task."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from lenslab import tasks
from lenslab.checkpoint import FORMAT, NOVELTY, load_into, read_card, tensors_under
from lenslab.insight.novelty import Novelty
from lenslab.tasks.training import configure

AT_ONCE = 256          # items in one forward pass


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with all that its answers depend on.

    card      of a checkpoint; of a network that is still being trained what `build` has put there: classes, camera,
              constants, the definition of its population, the smooth lens that it fits
    novelty   how unlike its training an input is (lenslab.insight.novelty); None where that was not learnt
    """

    model: nn.Module
    card: dict
    novelty: Novelty | None = None

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device


def load(path, device: torch.device | str = "cpu", task: str | None = None) -> Trained:
    """The network of a checkpoint, ready to answer; ValueError where it is of another task, or cannot be read.

    Neither populations nor anything else that may change later is asked: all comes from the file.
    """
    path = Path(path)
    card = read_card(path)
    name = str(card.get("task"))
    if name not in tasks.TASKS or task not in (None, name) or not isinstance(card.get("config"), dict):
        wanted = f"python -m lenslab train {task}" if task else "python -m lenslab train"
        raise ValueError(f"{path.name} is a checkpoint for {name[:40]!r}; choose one made by {wanted}.")
    if card.get("format") != FORMAT:
        raise ValueError(f"{path.name} was made by an earlier lenslab; carry it over with python -m lenslab renew "
                         f"{path.name}.")
    module = tasks.TASKS[name].module
    built = module.build(configure(module.Config, card["config"]), card)
    load_into(built.model, path)
    return Trained(built.model.to(device).eval(), card, novelty_in(path, device))


def novelty_in(path: Path, device: torch.device | str) -> Novelty | None:
    """What is usual for the network of a checkpoint; None where it has not learnt that."""
    tensors = tensors_under(path, NOVELTY)
    if not tensors:
        return None
    try:
        novelty = Novelty(*reversed(tensors["means"].shape))
        novelty.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError, ValueError):
        raise ValueError(f"{path.name} does not say soundly what is usual for its network; take another copy of it.") \
            from None
    return novelty.to(device) if bool(novelty.fitted) else None
