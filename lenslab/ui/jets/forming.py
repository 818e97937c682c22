"""Jets on their way out of noise, and many of them for a comparison."""

import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lenslab.jets.observables import Observed, observe
from lenslab.tasks.generate.sampling import Way
from lenslab.tasks.jets.judging import alike
from lenslab.tasks.jets.nearest import nearest
from lenslab.tasks.jets.sampling import estimates
from lenslab.ui.forming import key_of
from lenslab.ui.gate import Turn
from lenslab.ui.generate.samples import device_name
from lenslab.ui.jets.form import FORM, Choice
from lenslab.ui.jets.networks import conditions_of, side_of, simulated
from lenslab.ui.pick.networks import Network, trained_of
from lenslab.ui.underway import Underway, underway

TOGETHER = 4                  # jets that form at once: few, so that the first are soon there
CHANCE = 20261128             # which of the simulated jets a comparison takes


@dataclass(frozen=True)
class Order:
    """Jets to be made: of each flavour's place, p_T and mass, None where it is open."""

    network: Network
    rows: tuple[tuple[float | None, ...], ...]
    way: Way

    @property
    def table(self) -> Tensor:
        """(n, 3) of JetConditions."""
        return torch.tensor([[float("nan") if value is None else value for value in row] for row in self.rows])


@dataclass(eq=False)
class Forming(Underway):
    """What there is of an order by now; written by the gate's thread, read by pages.

    images    (n, 3, side, side) GeV, the latest estimates; NaN where a jet is not begun
    before    what is shown until there is anything of this one
    """

    order: Order
    before: "Forming | None" = None
    images: Tensor | None = None
    reached: int = 0
    seconds: float = 0.0
    device: str = ""

    @property
    def n(self) -> int:
        return len(self.order.rows)

    @property
    def complete(self) -> bool:
        return self.reached == self.n

    @property
    def visible(self) -> "Forming | None":
        """Itself once it has anything to show, else what is shown until then."""
        if self.images is None:
            return self.before
        self.before = None
        return self

    def make(self, turn: Turn) -> None:
        trained, table = trained_of(self.order.network), self.order.table
        self.device, start = device_name(trained.device), time.perf_counter()
        side = side_of(self.order.network)
        for rows in torch.arange(self.n).split(TOGETHER):
            for step, E in enumerate(estimates(trained, table[rows], self.order.way, int(rows[0]))):
                turn.check()
                images = torch.full((self.n, E.shape[1], side, side), torch.nan) if self.images is None else \
                    self.images.clone()
                images[rows] = E
                self.images = images
                turn.progress = (self.reached + len(rows) * (step + 1) / self.order.way.steps) / self.n
            self.reached += len(rows)
            self.seconds = time.perf_counter() - start


def start(slot: str, order: Order) -> Forming:
    """What there is of an order."""
    return underway(key_of(FORM, slot), order, lambda before: Forming(order, before and before.visible))


def order_of(choice: Choice) -> Order:
    """The same request as often as asked."""
    row = choice.conditions.row(dict(choice.asked)).tolist()
    return Order(choice.network, (tuple(None if value != value else value for value in row),) * choice.n, choice.way)


def rows_beside(order: Order) -> np.ndarray:
    """Places of the simulated jets nearest to the request of an order."""
    return nearest(simulated(), conditions_of(order.network), order.table[0], len(order.rows))


def beside(order: Order) -> np.ndarray:
    """Their images (m, 3, side, side) in GeV."""
    return images_of(tuple(rows_beside(order).tolist()), side_of(order.network))


@lru_cache(maxsize=64)
def images_of(rows: tuple[int, ...], side: int) -> np.ndarray:
    return alike(simulated().hits.take(np.array(rows)).images(side))


def rows_alike(flavour: str | None, n: int) -> np.ndarray:
    """Places of n simulated jets of a flavour, or of all, by fixed chance."""
    jets = simulated()
    rows = np.random.default_rng(CHANCE).permutation(len(jets))
    return (rows if flavour is None else rows[jets.label[rows] == jets.flavours.index(flavour)])[:n]


def crowd(choice: Choice, flavour: str | None, n: int) -> tuple[Order, np.ndarray]:
    """An order for as many jets as there are simulated ones, each asked to be what that one is; and those places."""
    rows = rows_alike(flavour, n)
    table = choice.conditions.table(simulated().take(rows)).tolist()
    return Order(choice.network, tuple(map(tuple, table)), choice.way), rows


@lru_cache(maxsize=16)
def observables_of(rows: tuple[int, ...], side: int) -> Observed:
    """Of simulated jets."""
    return observe(images_of(rows, side))


def read_off(images: np.ndarray) -> Observed:
    """Of generated images (n, 3, side, side) in GeV, cut as simulated ones are."""
    return observe(alike(np.nan_to_num(images)))
