"""What can be measured of a lens: quantities with units and the prior that they are drawn from, by population.

Each has a key, as shell and files name it, and belongs to a block: numbers whose posterior is one density. The smooth
lens is a block that every image has; the numbers of a kind of dark matter are one that its images have.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from lenslab.images.realise import realise
from lenslab.insight import cards
from lenslab.population import CHUNK, Draw, Law, Population, find
from lenslab.symmetry import Spins, turn_numbers

SMOOTH = "lens"          # the block of the smooth lens; those of dark matter are called as their classes
MEASURED = 20            # chunks behind a prior that no single law gives
QUANTILES = 129          # that are kept of it
EDGE = 1e-4              # of the prior that lies beyond what was drawn, on either side
MOST = 64                # quantities, at most, in a card from anywhere
DRAWN_MASS = "substructure.drawn_mass"      # of point masses, Msun: it stands in no scene, but follows from its seed


@dataclass(frozen=True)
class Kind:
    """A quantity by itself; `log`: the key's number is the decimal logarithm of what stands at the path."""

    key: str
    title: str
    unit: str
    path: str
    log: bool = False


SMOOTH_KINDS = (
    Kind("theta_E", "Einstein radius", "arcsec", "lens.theta_E"),
    Kind("gamma", "Slope of the mass", "", "lens.gamma"),
    Kind("e1", "Ellipticity of the mass, along x", "", "lens.e1"),
    Kind("e2", "Ellipticity of the mass, along the diagonal", "", "lens.e2"),
    Kind("gamma1", "Shear along x", "", "lens.gamma1"),
    Kind("gamma2", "Shear along the diagonal", "", "lens.gamma2"),
)
DARK_KINDS = (
    Kind("log10_f_sub", "Share of the mass in clumps", "log10 of the share", "substructure.f_sub", True),
    Kind("log10_m_sub", "Mass in clumps", "log10 Msun", DRAWN_MASS, True),
    Kind("log10_m_hm", "Half-mode mass", "log10 Msun", "substructure.log10_m_hm"),
    Kind("log10_m22", "Mass of the fuzzy particle", "log10 1e-22 eV", "substructure.m22", True),
    Kind("log10_f_vortex", "Share of the mass in the vortex", "log10 of the share", "substructure.f_vortex", True),
    Kind("log10_string_density", "Density of vortex lines", "log10 of 1/kpc^2", "substructure.string_density", True),
    Kind("log10_m_axion", "Mass of the axion", "log10 eV", "substructure.log10_m_axion"),
)
KINDS = {kind.key: kind for kind in (*SMOOTH_KINDS, *DARK_KINDS)}
SPINS: Spins = {("e1", "e2"): 2, ("gamma1", "gamma2"): 2}


@dataclass(frozen=True)
class Quantity:
    """A quantity as one population has it.

    block       SMOOTH, or the class whose images have it
    quantiles   of its prior, at equal steps of probability from 0 to 1; two are a uniform law
    """

    kind: Kind
    block: str
    quantiles: tuple[float, ...]

    @property
    def key(self) -> str:
        return self.kind.key

    @property
    def limits(self) -> tuple[float, float]:
        return self.quantiles[0], self.quantiles[-1]

    def cdf(self, value: np.ndarray) -> np.ndarray:
        """The prior's distribution function."""
        return np.interp(value, self.quantiles, np.linspace(0, 1, len(self.quantiles)))

    def at(self, u: np.ndarray) -> np.ndarray:
        """Its inverse."""
        return np.interp(u, np.linspace(0, 1, len(self.quantiles)), self.quantiles)

    def density(self, value: np.ndarray) -> np.ndarray:
        """The prior's density, 0 beyond its limits."""
        steps, edges = 1 / (len(self.quantiles) - 1), np.array(self.quantiles)
        place = np.clip(np.searchsorted(edges, value, "right") - 1, 0, len(edges) - 2)
        inside = (value >= edges[0]) & (value <= edges[-1])
        return np.where(inside, steps / np.diff(edges)[place], 0.0)

    def score(self, value: np.ndarray) -> np.ndarray:
        """Normal scores: the prior becomes the unit normal."""
        return ndtri(EDGE / 2 + (1 - EDGE) * self.cdf(value))

    def value(self, score: np.ndarray) -> np.ndarray:
        """The way back."""
        return self.at(np.clip((ndtr(score) - EDGE / 2) / (1 - EDGE), 0, 1))


@dataclass(frozen=True)
class Quantities:
    """All of a population: Q quantities, block after block; what shares a key in several classes is one in each."""

    classes: tuple[str, ...]
    quantities: tuple[Quantity, ...]

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Places of the quantities of each block."""
        found: dict[str, tuple[int, ...]] = {}
        for place, item in enumerate(self.quantities):
            found[item.block] = (*found.get(item.block, ()), place)
        return found

    @property
    def keys(self) -> tuple[str, ...]:
        """Each once, in order."""
        return tuple(dict.fromkeys(item.key for item in self.quantities))

    def places(self, key: str) -> tuple[int, ...]:
        """Of a key, one for each block that has it."""
        return tuple(k for k, item in enumerate(self.quantities) if item.key == key)

    def scores(self, table: Tensor) -> Tensor:
        """Values (n, Q) as normal scores; NaN, of what an item has not, stays."""
        return self.each(table, Quantity.score)

    def values(self, scores: Tensor) -> Tensor:
        """The way back, of any shape (..., Q)."""
        return self.each(scores, Quantity.value)

    def each(self, table: Tensor, turn) -> Tensor:
        columns = [torch.from_numpy(turn(item, table[..., k].double().cpu().numpy()))
                   for k, item in enumerate(self.quantities)]
        return torch.stack(columns, -1).to(table)

    def turn(self, table: Tensor, symmetry: str, places: np.ndarray) -> Tensor:
        """Values (n, Q) of turned images."""
        names = tuple(item.key if item.block == SMOOTH else f"{item.block}/{item.key}" for item in self.quantities)
        return turn_numbers(table, names, SPINS, symmetry, places)

    def to_card(self) -> dict:
        return dict(classes=list(self.classes), quantities=[
            dict(key=item.key, block=item.block, title=item.kind.title, unit=item.kind.unit,
                 quantiles=list(item.quantiles)) for item in self.quantities])

    @staticmethod
    def of_card(card: object) -> "Quantities":
        """Those of a checkpoint, which may come from anywhere."""
        try:
            classes = tuple(card["classes"])
            found = tuple(Quantity(KINDS[entry["key"]], entry["block"], tuple(map(float, entry["quantiles"])))
                          for entry in card["quantities"])
            blocks = {item.block for item in found}
            sound = cards.are_classes(card["classes"]) and 1 <= len(found) <= MOST and blocks <= {SMOOTH, *classes} \
                and len({(item.key, item.block) for item in found}) == len(found) and all(
                    2 <= len(item.quantiles) <= 1025 and np.isfinite(item.quantiles).all()
                    and (np.diff(item.quantiles) > 0).all() for item in found)
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ValueError("The card of this checkpoint does not say soundly what it measures; make it anew with "
                             "python -m lenslab train measure.")
        return Quantities(classes, found)


@cache
def quantities_of(name: str) -> Quantities:
    """What varies from image to image of a population and has a key."""
    population = find(name)
    owners = [(kind, SMOOTH) for kind in SMOOTH_KINDS]
    for label in population.classes:      # class after class: a block is a run of quantities
        owners += [(kind, label) for kind in DARK_KINDS if has(population, label, kind)]
    empirical = [kind for kind, block in owners if law_of(population, kind, block) is None]
    drawn = [truths(population, population.chunk(k, 0), tuple(owners)) for k in range(MEASURED)] if empirical else []
    found = []
    for place, (kind, block) in enumerate(owners):
        law = law_of(population, kind, block)
        if law is not None:
            low, high = (np.log10(law.a), np.log10(law.b)) if kind.log else (law.a, law.b)
            quantiles = np.array([low, high])
        else:
            values = np.concatenate([table[:, place] for table in drawn])
            quantiles = np.unique(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, QUANTILES)))
        if len(quantiles) in (2, QUANTILES) and quantiles[-1] - quantiles[0] > 1e-9:
            found.append(Quantity(kind, block, tuple(float(f"{value:.7g}") for value in quantiles)))
    return Quantities(population.classes, tuple(found))


def has(population: Population, label: str, kind: Kind) -> bool:
    """Whether images of a class have a quantity that differs among them."""
    laws = population.dark.get(label, {})
    if kind.path == DRAWN_MASS:
        return population.kinds[population.classes.index(label)] == "deeplense_cdm" and "f_sub" not in laws
    name = kind.path.removeprefix("substructure.")
    return name in laws and laws[name].kind != "fixed"


def law_of(population: Population, kind: Kind, block: str) -> Law | None:
    """The law of a key's number where it is uniform; None where only draws tell how it is distributed."""
    laws = population.laws if block == SMOOTH else population.dark.get(block, {})
    law = laws.get(kind.path if block == SMOOTH else kind.path.removeprefix("substructure."))
    return law if law is not None and law.kind == ("log_uniform" if kind.log else "uniform") else None


def truths(population: Population, drawn: Draw, owners: tuple[tuple[Kind, str], ...]) -> np.ndarray:
    """(n, len(owners)) what is true of drawn items; NaN where an item has no such number."""
    out = np.full((len(drawn.labels), len(owners)), np.nan)
    for rows, scenes in drawn.groups:
        label = population.classes[int(drawn.labels[rows[0]])]
        columns = {path: values.double().cpu().numpy() for path, values in scenes.values.items()}
        columns |= dict(zip(("lens.e1", "lens.e2"), (part.double().cpu().numpy()
                                                     for part in scenes.ellipticity("lens")), strict=True))
        for place, (kind, block) in enumerate(owners):
            if block not in (SMOOTH, label):
                continue
            if kind.path == DRAWN_MASS:
                values = realise(scenes).points.mass.double().sum(1).numpy()
            else:
                values = columns[kind.path]
            out[rows, place] = np.log10(values) if kind.log else values
    return out


def truths_of_chunk(name: str, chunk: int, seed: int, split: str) -> np.ndarray:
    """(CHUNK, Q) of a chunk of a population's items, without rendering them."""
    population = find(name)
    owners = tuple((item.kind, item.block) for item in quantities_of(name).quantities)
    table = truths(population, population.chunk(chunk, seed, split), owners)
    assert len(table) == CHUNK
    return table


