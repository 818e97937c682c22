"""How strong must substructure be for a classifier to see it, and how strong for anybody?

    python benchmarks/detectability.py CHECKPOINT [--n 120] [--strengths 5] [--S 4] [--device cuda] [--json] [--write]

AUC of each dark matter against bare lenses over its strength and S, beside the ceiling from lambda, for the smooth
lenses as the population draws them and with slope and multipoles fixed. With --write the maps go into the header of the
checkpoint, whose tensors stay as they are. A run that was stopped goes on where it was: finished parts lie beside the
checkpoint in CHECKPOINT.detectability.json until all is done (another place: --keep FILE).
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np

from lenslab import checkpoint
from lenslab.device import resolve_device
from lenslab.insight import detectability
from lenslab.insight.detectability import Grid
from lenslab.population import CHUNK
from lenslab.tasks import classify


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measured(path: Path, grid: Grid, n: int, device, keep: Path) -> dict:
    """{map: {key: values}} of all chunks, those that `keep` holds already not done again."""
    model = classify.load(path, device)
    classes = model.card["classes"]
    about = dict(network=hashlib.sha256(path.read_bytes()).hexdigest(), grid=repr(grid), n=n)
    done = json.loads(keep.read_text()) if keep.exists() else {}
    if done.get("about") != about:
        done = dict(about=about, parts={})

    def answer(observation):
        found = classify.predict(model, observation)
        assert list(found.classes) == classes
        return found.probabilities.cpu().numpy()

    cells, begun = {}, time.perf_counter()
    for which, population in detectability.variants(grid.population).items():
        joined = cells[which] = {}
        for chunk in range(-(-n // CHUNK)):
            name, size = f"{which}/{chunk}", min(CHUNK, n - chunk * CHUNK)
            if name not in done["parts"]:
                found = {}
                for key, values in detectability.pieces(grid, population, chunk, answer, n=size, device=device):
                    found[key] = values
                    say(f"{time.perf_counter() - begun:7.0f} s  {population}, lenses {chunk * CHUNK} to "
                        f"{chunk * CHUNK + size - 1}: {key}, median lambda {np.median(values['lambdas']):.2f}")
                done["parts"][name] = found
                checkpoint.write_atomically(keep, json.dumps(done).encode())
            for key, values in done["parts"][name].items():
                whole = joined.setdefault(key, dict(answers=[], lambdas=[]))
                whole["answers"] += values["answers"]
                whole["lambdas"] += values["lambdas"]
    return detectability.table(grid, tuple(classes), cells)


def show(found: dict) -> None:
    print(f"{found['population']}, {found['n']} lenses a cell; AUC against bare lenses / ceiling")
    for kind in found["kinds"]:
        for which, maps in kind["maps"].items():
            head = "".join(f"{value:>14.3g}" for value in kind["strength"])
            print(f"\n{kind['class']}, smooth lens {which}; {kind['path']}:\n{'S':>6}{head}")
            for S, network, best in zip(found["S"], maps["auc"], maps["ceiling"], strict=True):
                print(f"{S:6.0f}" + "".join(f"{a:>7.3f}/{b:<6.3f}" for a, b in zip(network, best, strict=True)))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=CHUNK, help="smooth lenses, each in every cell (default %(default)s)")
    parser.add_argument("--strengths", type=int, default=5)
    parser.add_argument("--S", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the maps into the header of the checkpoint")
    settings = parser.parse_args(words)
    path = settings.checkpoint
    card = checkpoint.read_card(path)
    grid = Grid.of(str(card.get("population")), settings.strengths, settings.S)
    keep = settings.keep or path.with_name(f"{path.stem}.detectability.json")
    device = resolve_device(None if settings.device == "auto" else settings.device)
    found = measured(path, grid, settings.n, device, keep)
    if settings.write:
        tensors, card = checkpoint.load(path)
        checkpoint.save(path, tensors, card | dict(detectability=found))
        keep.unlink(missing_ok=True)   # the file is another one now, and the parts are of the old one
        say(f"written into {path}")
    print(json.dumps(found)) if settings.json else show(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
