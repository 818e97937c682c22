"""How well the maps of a network's explanations find substructure, as benchmarks/explain.py has put it into its card.

A card may come from anywhere: what is not of its type and range counts as not measured. Plain Python.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MapScore:
    """Of one method and class, on test images whose substructure shows."""

    n: int            # images
    pointing: float   # share of them whose strongest pixel lies within one PSF of the true signal
    share: float      # of a map's weight that lies there, mean over images
    chance: float     # either of them for pixels of the arc taken blindly


def score(card: dict, label: str, method: str) -> MapScore | None:
    """What the card says of a method's maps for a class; None where that was not measured."""
    found = at(card, "benchmark", "explanations", "classes", label)
    n = at(found, "n")
    values = [at(found, *path) for path in ((method, "pointing"), (method, "share"), ("chance", "share"))]
    means = [value[0] for value in values if isinstance(value, list) and value]
    good = [mean for mean in means if type(mean) in (int, float) and 0 <= mean <= 1]
    return MapScore(n, *map(float, good)) if type(n) is int and 0 < n < 10**9 and len(good) == 3 else None


def at(table: object, *path: str) -> object:
    """What lies at a path of nested tables; None where there is nothing."""
    for name in path:
        table = table.get(name) if isinstance(table, dict) else None
    return table


def command(file: str) -> str:
    """What measures it."""
    return f"python benchmarks/explain.py checkpoints/{file} --write"
