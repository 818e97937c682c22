"""Images on their way out of noise, beside what the simulator makes of the same lenses."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lenslab.images.simulate import expose
from lenslab.physics.noise import SeededDraws
from lenslab.scenes import group
from lenslab.tasks.generate.asked import Asked, rms_of, table_of, twins
from lenslab.tasks.generate.sampling import Way, estimates
from lenslab.tasks.noise_free.conditions import Conditions
from lenslab.ui.forming import key_of
from lenslab.ui.gate import Turn
from lenslab.ui.generate.form import FORM
from lenslab.ui.pick.networks import Network, trained_of
from lenslab.ui.underway import Underway, underway

TOGETHER = 4      # images that form at once: few, so that the first are soon there


@dataclass(frozen=True)
class Order:
    """Images to be made.

    alike   all of them begin with the same noise, so that nothing differs but what is asked for
    """

    network: Network
    asked: tuple[Asked, ...]
    left_open: tuple[str, ...]
    way: Way
    alike: bool = False


@dataclass(eq=False)
class Forming(Underway):
    """What there is of an order by now; written by the gate's thread, read by pages.

    twins     (n, 1, H, W) the simulator's noise-free images, as all here in units of an empty pixel's rms
    steps     estimates (n, 1, H, W) after each step, NaN where an image is not so far
    lit       the lenses with the source as bright as was asked for
    seconds   {generator, simulator}: of all images together
    before    what is shown until there is anything of this one
    """

    order: Order
    before: "Forming | None" = None
    twins: Tensor | None = None
    lit: tuple[Asked, ...] = ()
    table: Tensor | None = None
    steps: list[Tensor] = field(default_factory=list)
    reached: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""

    @property
    def n(self) -> int:
        return len(self.order.asked)

    @property
    def seen(self) -> "Forming | None":
        """Itself once it has anything to show, else what is shown until then."""
        if self.twins is None:
            return self.before
        self.before = None
        return self

    @property
    def complete(self) -> bool:
        return self.reached == self.n

    def images(self, step: int | None = None) -> Tensor:
        """(n, 1, H, W) as far as they are, or as they were after a step."""
        if step is not None:
            return self.steps[step]
        found = torch.full_like(self.twins, torch.nan)
        for later in self.steps:
            found = torch.where(later.isfinite(), later, found)
        return found

    def make(self, turn: Turn) -> None:
        """Simulate, then sample a few at a time."""
        order = self.order
        trained = trained_of(order.network)
        self.table = table_of(Conditions.of_card(trained.card["conditions"]), order.asked, order.left_open)
        start = time.perf_counter()
        made, lit = twins(order.asked)
        self.seconds["simulator"], self.lit = time.perf_counter() - start, tuple(lit)
        self.device, self.twins = device_name(trained.device), made
        start = time.perf_counter()
        for rows in torch.arange(self.n).split(1 if order.alike else TOGETHER):
            first = 0 if order.alike else int(rows[0])
            for step, x0 in enumerate(estimates(trained, self.table[rows], order.way, first)):
                turn.check()
                if step == len(self.steps):
                    self.steps.append(torch.full_like(made, torch.nan))
                later = self.steps[step].clone()
                later[rows] = x0
                self.steps[step] = later
                turn.progress = (self.reached + len(rows) * (step + 1) / order.way.steps) / self.n
            self.reached += len(rows)
            self.seconds["generator"] = time.perf_counter() - start


@dataclass(frozen=True)
class Pictures:
    """Images (n, H, W) in counts/s, and their difference in sigmas of the camera's noise, which is never noisy."""

    generated: np.ndarray
    simulated: np.ndarray
    difference: np.ndarray


def pictures(forming: Forming, noisy: bool, step: int | None = None) -> Pictures:
    """As the camera sees them, or before its noise."""
    rms = rms_of(forming.lit).float()[:, None, None, None]
    made, true = forming.images(step) * rms, forming.twins * rms
    taken, sigma = camera(forming.lit, true)
    difference = ((made - true) / sigma)[:, 0].numpy()
    if noisy:
        made, true = camera(forming.lit, made, forming.order.way.seed + 1)[0], taken
    return Pictures(made[:, 0].numpy(), true[:, 0].numpy(), difference)


def camera(lit: tuple[Asked, ...], model: Tensor, seed: int | None = None) -> tuple[Tensor, Tensor]:
    """Images (n, 1, H, W) with noise, counts/s, and one sigma of it; chance from a seed, else from the scenes' own."""
    image, sigma = torch.empty_like(model), torch.empty_like(model)
    for rows, scenes in group([one.scene for one in lit], dtype=model.dtype):
        seeds = scenes.seeds[:, 1] if seed is None else [seed * 1_000_003 + row for row in rows]
        noisy, _, variance = expose(scenes, model[rows], SeededDraws(seeds))
        image[rows], sigma[rows] = noisy, variance.sqrt()
    return image, sigma


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"cpu": "the processor", "mps": "Apple's GPU"}.get(device.type, str(device))


def start(slot: str, order: Order) -> Forming:
    """What there is of an order; a new one is begun, and shows what stood in its place until it has something."""
    return underway(key_of(FORM, slot), order, lambda before: Forming(order, before and before.seen))
