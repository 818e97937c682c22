"""The figures by which a generator was judged, out of the card of its checkpoint, each with what it means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of lenslab.tasks.generate.judging; its floor, under NAME_floor, is what the simulator has against
    itself."""

    name: str
    title: str
    text: str
    digits: str = ".3g"


FIGURES = (
    Figure("frechet", "Fréchet distance", "How far the whole set lies from simulated ones, as a judge network sees "
           "both; the floor is what two sets of simulated images have."),
    Figure("kernel", "Kernel distance", "The same without taking clouds of images for ellipsoids; 0 is no difference.",
           ".2g"),
    Figure("auc_features", "Told apart, by the judge's features", "How well a classifier tells generated from "
           "simulated images; 0.5 is not at all.", ".3f"),
    Figure("auc_spectra", "Told apart, by power and brightness", "The same by how much detail there is at each scale.",
           ".3f"),
    Figure("power", "Power, largest error", "By how much detail is too strong or too weak at the worst scale.", ".0%"),
    Figure("precision", "Precision", "Share of generated images that look like some simulated one.", ".2f"),
    Figure("recall", "Recall", "Share of simulated images that look like some generated one.", ".2f"),
    Figure("density", "Density", "As precision, weighted by how many simulated images lie near.", ".2f"),
    Figure("coverage", "Coverage", "Share of simulated images with a generated one among their neighbours.", ".2f"),
    Figure("obedience", "Obedience", "How well the judge reads off generated images what they were asked for, as a "
           "share of what it reads off simulated ones; 1 is as well.", ".3f"),
    Figure("accuracy", "Class read off", "How often the judge names the dark matter that was asked for.", ".3f"),
    Figure("paired", "Error of a pair", "How far an image is from the simulator's of the same lens, in stretched "
           "brightness.", ".3f"),
    Figure("pixels", "Brightness of pixels", "How far pixels must be moved in brightness to have the simulator's "
           "histogram.", ".2g"),
    Figure("loss", "Loss", "What training makes small, on images that it does not learn from. It tells nothing of how "
           "images look.", ".4f"),
)


def places(card: dict) -> list[dict]:
    """Where a card keeps figures."""
    metrics, benchmark = (card.get(name) if isinstance(card.get(name), dict) else {} for name in
                          ("metrics", "benchmark"))
    return [benchmark, *(part for part in benchmark.values() if isinstance(part, dict)), metrics]


def number(part: dict, name: str) -> float | None:
    value = part.get(name)
    return float(value) if type(value) in (int, float) and abs(value) < 1e9 else None


def table(card: dict) -> list[dict[str, str]]:
    """A row for each figure that a card has."""
    rows = []
    for figure in FIGURES:
        part = next((part for part in places(card) if number(part, figure.name) is not None), None)
        if part is not None:
            floor = number(part, f"{figure.name}_floor")
            rows.append({"figure": figure.title, "generated": format(number(part, figure.name), figure.digits),
                         "simulator": "" if floor is None else format(floor, figure.digits), "meaning": figure.text})
    return rows


def was_judged(card: dict) -> bool:
    """Whether its images were held against simulated ones."""
    return any(number(part, "auc_spectra") is not None for part in places(card))
