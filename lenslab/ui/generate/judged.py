"""The figures by which a generator was judged, out of the card of its checkpoint, each with what it means."""

from lenslab.tasks import metrics_of

FLOOR = "_floor"       # the same figure of the simulator against itself


def places(card: dict) -> list[dict]:
    """Where a card keeps figures."""
    metrics, benchmark = (card.get(name) if isinstance(card.get(name), dict) else {} for name in
                          ("metrics", "benchmark"))
    return [benchmark, *(part for part in benchmark.values() if isinstance(part, dict)), metrics]


def number(part: dict, name: str) -> float | None:
    value = part.get(name)
    return float(value) if type(value) in (int, float) and abs(value) < 1e9 else None


def table(card: dict, task: str = "generate") -> list[dict[str, str]]:
    """A row for each figure that a card of a task has."""
    rows = []
    for metric in metrics_of(task):
        part = next((part for part in places(card) if number(part, metric.name) is not None), None)
        if part is not None and metric.better:
            floor = number(part, metric.name + FLOOR)
            rows.append({"figure": metric.label, "generated": f"{number(part, metric.name):.3g}",
                         "simulator": "" if floor is None else f"{floor:.3g}", "meaning": metric.text})
    return rows


def was_judged(card: dict) -> bool:
    """Whether its images were held against simulated ones."""
    return any(number(part, "auc_spectra") is not None for part in places(card))
