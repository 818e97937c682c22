"""How strong must substructure be for a classifier to see it, and how strong for anybody?

    python benchmarks/detectability.py CHECKPOINT [--n 120] [--strengths 5] [--S 4] [--device cuda] [--json] [--write]
    python benchmarks/detectability.py CHECKPOINT --refit [--json] [--write]

AUC of each dark matter against bare lenses over its strength and S, beside the ceiling from lambda, for the smooth
lenses as the population draws them and with slope and multipoles fixed; of the former also what is left when they are
fitted anew, at the middle S. --refit takes the maps that the header has, and adds these fits alone. With --write the
maps go into the header of the checkpoint, whose tensors stay as they are. A run that was stopped goes on where it was:
finished parts lie beside the checkpoint in CHECKPOINT.detectability.json until all is done (another place: --keep).
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch

from benchmarks.parts import Parts, weights
from lenslab import checkpoint
from lenslab.device import one_thread, resolve_device
from lenslab.insight import cards, detectability
from lenslab.insight.detectability import Grid
from lenslab.population import CHUNK, find
from lenslab.tasks import classify
from lenslab.tasks.trained import load

CPU = torch.device("cpu")   # where smooth lenses are fitted


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measured(path: Path, grid: Grid, n: int, device, parts: Parts) -> dict:
    """The maps, without what `parts` holds already being done again."""
    trained = load(path, device, "classify")
    classes = trained.card["classes"]

    def answer(observation):
        found = classify.predict(trained, observation)
        assert list(found.classes) == classes
        return found.probabilities.cpu().numpy()

    cells, begun = {}, time.perf_counter()
    for which, population in detectability.variants(grid.population).items():
        joined = cells[which] = {}
        for chunk, size in chunks(n):
            name = f"{which}/{chunk}"
            if name not in parts:
                found = {}
                for key, values in detectability.pieces(grid, population, chunk, answer, n=size, device=device):
                    found[key] = values
                    say(f"{time.perf_counter() - begun:7.0f} s  {population}, lenses {chunk * CHUNK} to "
                        f"{chunk * CHUNK + size - 1}: {key}, median lambda {np.median(values['lambdas']):.2f}")
                parts[name] = found
            for key, values in parts[name].items():
                whole = joined.setdefault(key, dict(answers=[], lambdas=[]))
                whole["answers"] += values["answers"]
                whole["lambdas"] += values["lambdas"]
    return detectability.table(grid, tuple(classes), cells)


def refitted(found: dict, parts: Parts) -> dict:
    """The same maps with what smooth lenses leave that are fitted anew."""
    grid, left = Grid.of_maps(found), {}
    for chunk, size in chunks(found["n"]):
        with one_thread():
            known = {name.removeprefix(f"refit/{chunk}/") for name in parts}
            for key, values in detectability.refits(grid, chunk, n=size, known=known):
                parts[f"refit/{chunk}/{key}"] = values
                say(f"fitted anew at S {grid.middle:.0f}, lenses {chunk * CHUNK} to {chunk * CHUNK + size - 1}: {key}, "
                    f"median lambda {np.median(values):.2f}")
        for key, _ in detectability.sorts(grid, find(grid.population)):
            left.setdefault(key, []).extend(parts[f"refit/{chunk}/{key}"])
    return detectability.with_refits(found, left)


def chunks(n: int) -> list[tuple[int, int]]:
    """(chunk, how many of it) of the first n lenses."""
    return [(chunk, min(CHUNK, n - chunk * CHUNK)) for chunk in range(-(-n // CHUNK))]


def show(found: dict) -> None:
    print(f"{found['population']}, {found['n']} lenses a cell; AUC against bare lenses / ceiling (at most) / refitted")
    for kind in found["kinds"]:
        for which, maps in kind["maps"].items():
            head = "".join(f"{value:>20.3g}" for value in kind["strength"])
            print(f"\n{kind['class']}, smooth lens {which}; {kind['path']}:\n{'S':>6}{head}")
            for k, S in enumerate(found["S"]):
                row = zip(*(maps[word][k] for word in ("auc", "ceiling", "refitted") if word in maps), strict=True)
                print(f"{S:6.0f}" + "".join(f"{'/'.join(f'{value:.3f}' for value in cell):>20}" for cell in row))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=CHUNK, help="smooth lenses, each in every cell (default %(default)s)")
    parser.add_argument("--strengths", type=int, default=5)
    parser.add_argument("--S", type=int, default=4)
    parser.add_argument("--refit", action="store_true", help="of the maps in the header only what is fitted anew")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the maps into the header of the checkpoint")
    settings = parser.parse_args(words)
    path = settings.checkpoint
    card = checkpoint.read_card(path)
    if settings.refit and not card.get("detectability"):
        parser.error(f"{path.name} has no maps yet; leave --refit away, and they are made with these fits.")
    found = cards.sound_maps(card.get("detectability"), card["classes"]) if settings.refit else None
    grid = Grid.of_maps(found) if found else Grid.of(str(card.get("population")), settings.strengths, settings.S)
    n = found["n"] if found else settings.n
    parts = Parts(settings.keep or path.with_name(f"{path.stem}.detectability.json"),
                  dict(weights=weights(path), temperature=cards.metrics_of(card).get("temperature"),
                       grid=repr(grid), n=n))
    device = resolve_device(None if settings.device == "auto" else settings.device)
    found = refitted(found or measured(path, grid, n, device, parts), parts)
    if settings.write:
        tensors, card = checkpoint.load(path)
        checkpoint.save(path, tensors, card | dict(detectability=found))
        parts.forget()
        say(f"written into {path}")
    print(json.dumps(found)) if settings.json else show(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
