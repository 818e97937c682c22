"""The table of checkpoints/README.md: what the headers of the files tell, a row for each."""

import os
from pathlib import Path

from lenslab.checkpoint import checkpoints_folder, duration_words, list_checkpoints, parameters, write_atomically
from lenslab.insight import cards

COLUMNS = ("name", "network", "population", "macro AUC", "AUC by class", "accuracy", "ECE", "test images", "parameters",
           "training images", "time", "device", "ms", "floor", "ceiling", "lambda > 6", "theta_E inside",
           "leak", "complete")

ABOUT = """Made from the headers by `python benchmarks/classifiers.py --write`. Intervals: 95 %, bootstrap over test
images. ECE is that of the calibrated probabilities. Training images: different ones, before they are turned. Time: of
training, over every sitting. ms: of one image on one thread. Floor: AUC of chi^2 of the best smooth lens; ceiling: at
most what an observer reaches who knows the substructure and must fit all of the lens and the source, so that a network
of a population with one lens for all may lie above it; both smooth against the rest. lambda > 6: AUC of smooth lenses
against those that keep more than 6 sigmas of their substructure when a smooth lens is fitted anew, and how many of the
images with substructure these are (`benchmarks/detection.py CHECKPOINT --write`).
"10 min of CPU": trained at a fixed budget. theta_E inside: median and scatter of what a network with a lens of its own
takes the Einstein radius to be, less the truth, and its macro AUC when any other is put in its place
(`benchmarks/theta_e.py CHECKPOINT --write`). leak: AUC of total flux and ring radius alone, mean and worst class
(`benchmarks/leak_audit.py --write`)."""

OTHERS = ("name", "task", "population", "kind", "figures", "test images", "parameters", "showings", "time", "device",
          "complete")
OTHERS_ABOUT = """Figures as `python -m lenslab evaluate` gives them; docs/results.md sets them beside their floors.
Showings: images that were learnt from, each time they were shown."""
MOST_FIGURES = 8


def table(folder: str | os.PathLike | None = None) -> str:
    """The text of checkpoints/README.md: a row for each file, made from the headers alone."""
    listed = list_checkpoints(folder)
    others = [(path, card) for path, card in listed if card.get("task") not in (None, "classify")]
    rows = ["# Checkpoints", "", ABOUT, "", *head(COLUMNS)]
    for path, card in listed:
        if "problem" in card:
            rows.append(line([path.stem, card["problem"], *[""] * (len(COLUMNS) - 2)]))
        elif card.get("task") == "classify":
            rows.append(line(row(path, card)))
    if others:
        rows += ["", "## Networks of other tasks", "", OTHERS_ABOUT, "", *head(OTHERS)]
        rows += [line(other_row(path, card)) for path, card in others]
    return "\n".join(rows) + "\n"


def head(columns: tuple[str, ...]) -> list[str]:
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


def line(cells: list) -> str:
    return "| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def other_row(path: Path, card: dict) -> list:
    """A line of the second table; what a card does not tell stays empty."""
    metrics = cards.metrics_of(card)
    config = card["config"] if isinstance(card.get("config"), dict) else {}
    found = [f"{name} {number(value, 3)}" for name, value in metrics.items() if number(value) and name != "n"
             and not name.endswith("_floor")]
    return [path.stem, card.get("task", ""), card.get("population", ""), config.get("process", card.get("network", "")),
            ", ".join(found[:MOST_FIGURES]), metrics.get("n", ""), parameters(path),
            number_of(card.get("steps")) * number_of(config.get("batch")) or "", duration_words(card.get("duration")),
            card.get("device", ""), "yes" if card.get("complete") else "no"]


def row(path: Path, card: dict) -> list[str]:
    """One line of the table; what a card does not tell stays empty."""
    def part(name: str) -> dict:
        return card[name] if isinstance(card.get(name), dict) else {}

    metrics, config, bench = cards.metrics_of(card), part("config"), part("benchmark")
    auc = metrics["auc"] if isinstance(metrics.get("auc"), dict) else {}

    def measured(name: str, digits: int = 4) -> str:
        return bounded(*cards.metric(card, name), digits)

    shown = config.get("images") or number_of(card.get("steps")) * number_of(config.get("batch")) // max(
        1, number_of(config.get("reuse")))
    return [path.stem, card.get("network", ""), card.get("population", ""), measured("macro_auc"),
            ", ".join(f"{name} {number(value)}" for name, value in auc.items()), measured("accuracy"),
            measured("ece", 3), metrics.get("n", ""), parameters(path), card.get("training_images") or shown or "",
            budget(config) or duration_words(card.get("duration")), card.get("device", ""), number(bench.get("ms"), 0),
            number(metrics.get("floor"), 3), number(bench.get("ceiling"), 3), detected(card),
            inside(bench.get("theta_E")), leak(bench.get("leak")), "yes" if card.get("complete") else "no"]


def detected(card: dict) -> str:
    """What benchmarks/detection.py left of strong substructure in a card."""
    strong = cards.strong(card)
    return f"{bounded(strong['auc'], strong['interval'], 3)}, {strong['n']} of {strong['of']}" if strong else ""


def budget(config: dict) -> str:
    """The minutes that ended a training, where they did."""
    minutes = config.get("minutes")
    return f"{minutes:g} min of CPU" if isinstance(minutes, int | float) and minutes > 0 else ""


def inside(found) -> str:
    """What benchmarks/theta_e.py left in a card."""
    found = found if isinstance(found, dict) else {}
    names = "bias", "scatter", "own", "random"
    if not all(isinstance(found.get(name), float) for name in names):
        return ""
    bias, scatter, own, other = (found[name] for name in names)
    return f'{bias:+.3f}" ± {scatter:.3f}"; AUC {own:.3f}, any other {other:.3f}'


def leak(found) -> str:
    """What benchmarks/leak_audit.py found of the population."""
    pair = [found.get("macro"), found.get("worst")] if isinstance(found, dict) else []
    return f"{pair[0]:.3f} ({pair[1]:.3f})" if cards.is_pair(pair) else ""


def bounded(value, limits, digits: int = 4) -> str:
    """A number with its interval."""
    return number(value, digits) + (f" [{limits[0]:.{digits}f}, {limits[1]:.{digits}f}]" if limits else "")


def number(value, digits: int = 4) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def number_of(value) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def write_table(folder: str | os.PathLike | None = None) -> None:
    folder = Path(folder or checkpoints_folder())
    write_atomically(folder / "README.md", table(folder).encode())
