"""What a generated image can be asked for: numbers of its Scene, each of which may be left open.

A condition is one number, a place (two, which turn as a vector) or an ellipticity (two, of spin 2: no angle, hence no
seam). Networks get them standardised, 0 where they are open, and beside them which ones are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lenslab.population import Population, find
from lenslab.scenes import DARK
from lenslab.symmetry import Spins, turn_numbers

CLASS, S = "class", "signal_to_noise"
MEASURED = 2400       # drawn items that give mean, spread and range
SLACK = 0.02          # of a condition's range, beyond which it was never seen
MOST = 64             # conditions in a card


@dataclass(frozen=True)
class Kind:
    """A kind of condition, whatever its population.

    columns   names of its numbers; spin: how they turn; log: its logarithm is what a network gets
    """

    path: str
    title: str
    unit: str
    columns: tuple[str, ...]
    spin: int = 0
    log: bool = False


def one(path: str, title: str, unit: str = "", log: bool = False) -> Kind:
    return Kind(path, title, unit, (path,), 0, log)


DARK_KINDS = {
    "f_sub": one("substructure.f_sub", "Subhalo mass fraction", log=True),
    "log10_m_hm": one("substructure.log10_m_hm", "Half-mode mass", "log10 Msun"),
    "m22": one("substructure.m22", "Particle mass", "1e-22 eV", log=True),
    "f_dm": one("substructure.f_dm", "Dark fraction"),
    "f_vortex": one("substructure.f_vortex", "Vortex mass fraction", log=True),
    "log10_m_axion": one("substructure.log10_m_axion", "Axion mass", "log10 eV"),
}
VORTEX = (
    Kind("substructure.vortex", "Place of the vortex, from the lens", "arcsec",
         ("substructure.vortex_x", "substructure.vortex_y"), 1),
    Kind("substructure.vortex_phi", "Direction of the vortex", "", ("substructure.vortex_e1", "substructure.vortex_e2"),
         2),
)
SMOOTH_KINDS = (
    one("lens.theta_E", "Einstein radius", "arcsec"),
    Kind("lens.ellipticity", "Ellipticity of the lens", "", ("lens.e1", "lens.e2"), 2),
    Kind("lens.shear", "Shear", "", ("lens.gamma1", "lens.gamma2"), 2),
    one("lens.gamma", "Density slope"),
    Kind("lens.center", "Place of the lens", "arcsec", ("lens.center_x", "lens.center_y"), 1),
    Kind("source.center", "Place of the source, from the lens", "arcsec", ("source.center_x", "source.center_y"), 1),
    one("source.R_sersic", "Size of the source", "arcsec", log=True),
    one("source.n_sersic", "Sersic index of the source"),
    Kind("source.ellipticity", "Ellipticity of the source", "", ("source.e1", "source.e2"), 2),
    one("source.clumps.light", "Share of the source's light in clumps"),
    one(S, "Signal to noise", log=True),
    one("z_lens", "Redshift of the lens"),
    one("z_source", "Redshift of the source"),
)


@dataclass(frozen=True)
class Condition:
    """A kind of condition as one population has it.

    mean, scale   what its numbers (their logarithm, with kind.log) are standardised by: parts of a vector or of spin 2
                  have mean 0 and one scale, so that symmetries act on standardised numbers as on plain ones
    low, high     plain values that were seen
    classes       those that have it; empty: all
    """

    kind: Kind
    mean: float
    scale: float
    low: float
    high: float
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conditions:
    """All conditions of a population, P numbers in G groups; the class, one number for each, comes last."""

    classes: tuple[str, ...]
    conditions: tuple[Condition, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the P numbers."""
        return tuple(name for item in self.conditions for name in item.kind.columns) + tuple(
            f"{CLASS}.{name}" for name in self.classes)

    @property
    def groups(self) -> tuple[str, ...]:
        """Paths of the G groups, each of which is known or open as a whole."""
        return tuple(item.kind.path for item in self.conditions) + (CLASS,)

    @property
    def group_of(self) -> tuple[int, ...]:
        """(P,) the group of each number."""
        sizes = [len(item.kind.columns) for item in self.conditions] + [len(self.classes)]
        return tuple(k for k, size in enumerate(sizes) for _ in range(size))

    @property
    def width(self) -> int:
        """Numbers that a network gets: P standardised ones, and G that tell which groups are known."""
        return len(self.names) + len(self.groups)

    @property
    def spins(self) -> Spins:
        return {item.kind.columns: item.kind.spin for item in self.conditions if item.kind.spin}

    @property
    def log(self) -> tuple[bool, ...]:
        """(P,) whose logarithm is taken."""
        return tuple(item.kind.log for item in self.conditions for _ in item.kind.columns) + (
            False,) * len(self.classes)

    @property
    def mean(self) -> Tensor:
        """(P,)"""
        n = len(self.classes)
        return torch.tensor([item.mean for item in self.conditions for _ in item.kind.columns] + [1 / n] * n)

    @property
    def scale(self) -> Tensor:
        """(P,)"""
        n = len(self.classes)
        return torch.tensor([item.scale for item in self.conditions for _ in item.kind.columns] + [
            (1 / n * (1 - 1 / n)) ** 0.5] * n)

    def at(self, path: str) -> list[int]:
        """Places of a group's numbers among the P."""
        group = self.groups.index(path)
        return [k for k, mine in enumerate(self.group_of) if mine == group]

    def table(self, columns: Mapping[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
        """Plain numbers (n, P) float32, NaN where a class has none of its kind, from columns of scenes (n,) each.

        columns   {path: (n,)} with S under "signal_to_noise"
        """
        out = np.full((len(labels), len(self.names)), np.nan)
        for item in self.conditions:
            mine = np.isin(labels, [self.classes.index(name) for name in item.classes or self.classes])
            values = np.stack(plain_values(item.kind, columns), 1)
            out[np.ix_(mine, self.at(item.kind.path))] = values[mine]
        out[:, self.at(CLASS)] = np.eye(len(self.classes))[labels]
        return out.astype(np.float32)

    def standard(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Plain numbers (n, P) standardised, 0 where they are NaN, and which groups are known (n, G) bool."""
        log = torch.tensor(self.log, device=table.device)
        values = torch.where(log, table.clamp_min(1e-12).log(), table)
        values = (values - self.mean.to(table)) / self.scale.to(table)
        known = torch.stack([table[:, self.at(path)].isfinite().all(1) for path in self.groups], 1)
        return torch.where(values.isfinite(), values, 0), known

    def turn(self, table: Tensor, symmetry: str, places: np.ndarray) -> Tensor:
        """Plain or standardised numbers (n, P) of turned images."""
        return turn_numbers(table, self.names, self.spins, symmetry, places)

    def to_card(self) -> dict:
        return dict(classes=list(self.classes), conditions=[
            dict(path=item.kind.path, mean=item.mean, scale=item.scale, low=item.low, high=item.high,
                 classes=list(item.classes)) for item in self.conditions])

    @staticmethod
    def of_card(card: object) -> "Conditions":
        """Those of a checkpoint, which may come from anywhere."""
        try:
            classes = tuple(card["classes"])
            found = tuple(Condition(KINDS[entry["path"]], *(float(entry[name]) for name in (
                "mean", "scale", "low", "high")), tuple(entry["classes"])) for entry in card["conditions"])
            sound = 1 <= len(classes) <= MOST and len(set(classes)) == len(classes) and len(found) <= MOST and all(
                isinstance(name, str) and 0 < len(name) <= 64 for name in classes) and all(
                np.isfinite([item.mean, item.low, item.high]).all() and 1e-6 < item.scale < 1e6 and
                set(item.classes) <= set(classes) for item in found)
            sound = sound and len({item.kind.path for item in found}) == len(found)
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound:
            raise ValueError("The card of this checkpoint has no sound conditions; make the checkpoint anew with "
                             "python -m lenslab train generate.")
        return Conditions(classes, found)


KINDS = {kind.path: kind for kind in (*SMOOTH_KINDS, *DARK_KINDS.values(), *VORTEX)}


def plain_values(kind: Kind, columns: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The numbers of a condition, (n,) each, from columns of scenes."""
    if kind.path.endswith("ellipticity"):
        owner = kind.path.partition(".")[0]
        e = (1 - columns[f"{owner}.q"]) / (1 + columns[f"{owner}.q"])
        return [e * np.cos(2 * columns[f"{owner}.phi"]), e * np.sin(2 * columns[f"{owner}.phi"])]
    if kind.path == "substructure.vortex_phi":
        return [np.cos(2 * columns[kind.path]), np.sin(2 * columns[kind.path])]
    if kind.path in ("source.center", "substructure.vortex"):
        return [columns[name] - columns[f"lens.center_{name[-1]}"] for name in kind.columns]
    if kind.path == "source.clumps.light":
        return [clumps_share(columns)]
    return [columns[name] for name in kind.columns]


def clumps_share(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) how much of the source's light its clumps hold."""
    smooth = columns["source.magnitude"]
    clumps = np.zeros(len(smooth))
    for path, magnitude in columns.items():
        if path.startswith("source.clumps.") and path.endswith(".magnitude"):
            lit = np.isfinite(magnitude) & (magnitude < DARK)
            clumps += np.where(lit, 10 ** (-0.4 * (np.where(lit, magnitude, DARK) - smooth)), 0)
    return clumps / (1 + clumps)


@cache
def conditions_of(name: str) -> Conditions:
    """What images of a population can be asked for: all that varies in it."""
    population = find(name)
    drawn = population.draw(MEASURED, 0)
    rows = {label: [] for label in range(len(population.classes))}
    for at, scenes in drawn.groups:
        columns = {path: value.numpy() for path, value in scenes.values.items()}
        columns[S] = drawn.truths.get(S, np.full(MEASURED, np.nan))[at]
        rows[int(drawn.labels[at[0]])].append(columns)
    found = []
    for kind, classes in kinds_of(population):
        labels = [population.classes.index(name) for name in classes] or list(rows)
        parts = [np.stack(plain_values(kind, columns), 1) for label in labels for columns in rows[label]]
        values = np.concatenate(parts)
        values = np.log(values) if kind.log else values
        spread = float(values.std())
        if not spread > 1e-9:      # the same for all, or set by no law
            continue
        mean, low, high = 0.0 if kind.spin else float(values.mean()), float(values.min()), float(values.max())
        if kind.spin:
            spread, low, high = float((values**2).mean() ** 0.5), -float(np.abs(values).max()), float(
                np.abs(values).max())
        low, high = low - SLACK * (high - low), high + SLACK * (high - low)
        low, high = (float(np.exp(low)), float(np.exp(high))) if kind.log else (low, high)
        found.append(Condition(kind, *(float(f"{value:.4g}") for value in (mean, spread, low, high)), classes))
    return Conditions(population.classes, tuple(found))


def kinds_of(population: Population) -> list[tuple[Kind, tuple[str, ...]]]:
    """Kinds of condition that a population may have, with the classes that have them; () is all."""
    found = [(kind, ()) for kind in SMOOTH_KINDS]
    for name, kind in DARK_KINDS.items():
        owners = tuple(label for label, laws in population.dark.items() if name in laws and laws[name].kind != "fixed")
        found += [(kind, owners)] * bool(owners)
    lines = tuple(label for label, kind in zip(population.classes, population.kinds, strict=True)
                  if kind == "vortex" and "string_density" not in population.dark[label])    # else they lie anywhere
    return found + [(kind, lines) for kind in VORTEX if lines]
