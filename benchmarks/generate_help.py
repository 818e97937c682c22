"""Do generated images help a classifier that has few? Beside as many fresh simulations.

    python benchmarks/generate_help.py [--n 300 3000] [--seeds 5] [--minutes 10] [--steps 600] [--run FOLDER] [--json]

On seed-64: a generator learns from N images alone (so many CPU minutes); a `cnn` then learns from N images, turned and
mirrored (the floor), from those and N generated ones, and from those and N fresh simulations (the ceiling), each with
several seeds, the same steps and the same 1,200 test images. Macro AUC, mean over seeds, and 95 % of the paired
differences from the floor (bootstrap over seeds). Finished parts lie in FOLDER/help.json; a run goes on where it was.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from torch import Tensor

from benchmarks.parts import Parts
from lenslab.feed.order import elements, rows_of_set
from lenslab.feed.stream import HELD_OUT_SEED, held_out, simulated
from lenslab.insight.metrics import scores
from lenslab.population import find
from lenslab.runs.folder import RunFolder
from lenslab.runs.train import train
from lenslab.sets.item import estimated
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks import classify, generate
from lenslab.tasks.classify.answers import probabilities_of
from lenslab.tasks.classify.judge import view_of
from lenslab.tasks.generate import asked as asking
from lenslab.tasks.generate.sampling import predict
from lenslab.tasks.noise_free.frame import frame_of
from lenslab.tasks.trained import load

POPULATION, TEST, BATCH, RATE = "seed-64", 1200, 64, 2e-3
SIDES = "alone", "generated", "simulated"
FRESH = 10_000         # seed of what is generated and of fresh simulations: no image of the N is among them


def generator_of(n: int, minutes: float, folder: Path) -> Path:
    """A diffusion model that has seen n images and no more."""
    config = generate.Config(population=POPULATION, images=n, minutes=minutes, steps=10**6, warmup=50, ema=0.998,
                             validate_every=10**6, validation=60, test=60)
    with RunFolder(folder) as run:
        train(generate, config, run)
    return folder / "best.safetensors"


def made_by(path: Path, n: int) -> tuple[Tensor, np.ndarray]:
    """n generated images in sigmas (n, 1, H, W), with their camera's noise, and their classes."""
    trained = load(path, task="generate")
    lenses = asking.lenses_of(find(POPULATION), n, FRESH, {})
    images = predict(trained, asking.table_of(frame_of(trained.card).conditions, lenses)).images
    taken = asking.photographed(lenses, images)
    sigma = torch.cat([estimated(scenes, taken[rows]) for rows, scenes in asking.grouped(lenses)]).sqrt()
    order = np.concatenate([rows for rows, _ in asking.grouped(lenses)])
    return taken[order] / sigma, np.array([lenses[k].label for k in order])


def fitted(config: classify.Config, given: Tensor, labels: np.ndarray, steps: int) -> torch.nn.Module:
    """A network taught on a fixed set, each showing turned anew."""
    torch.manual_seed(config.seed)
    model, symmetry = classify.build(config).model, find(POPULATION).symmetry
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    model.train()
    for step in range(steps):
        rows = rows_of_set(np.arange(BATCH * step, BATCH * (step + 1)), len(labels), config.seed)
        places = elements(len(GROUPS[symmetry]), BATCH, config.seed, step)
        value = classify.loss(model, turn_maps(given[rows], symmetry, places), torch.from_numpy(labels[rows]))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def measured(model: torch.nn.Module, given: Tensor, labels: np.ndarray) -> float:
    with torch.no_grad():
        logits = torch.cat([model(part) for part in given.split(240)]).double().numpy()
    return float(scores(probabilities_of(logits, 1.0), labels, find(POPULATION).classes).macro_auc)


def figures(sizes: list[int], seeds: int, minutes: float, steps: int, folder: Path) -> dict:
    parts = Parts(folder / "help.json", dict(minutes=minutes, steps=steps))
    config = classify.Config(population=POPULATION, workers=0)
    test = held_out(view_of(config, HELD_OUT_SEED, "test"), TEST, 1)
    for n in sizes:
        missing = [f"{n} {side} {seed}" for side in SIDES for seed in range(seeds)]
        if all(name in parts for name in missing):
            continue
        own = simulated(view_of(config, 0, "train"), n)
        others = {"alone": None, "simulated": simulated(view_of(config, FRESH, "train"), n)}
        made, labels = made_by(generator_of(n, minutes, folder / f"generator-{n}"), n)
        for side in SIDES:
            more = others.get(side)
            given, truth = (own.inputs, own.labels) if side == "alone" else (
                torch.cat([own.inputs, made if more is None else more.inputs]),
                np.concatenate([own.labels, labels if more is None else more.labels]))
            for seed in range(seeds):
                name = f"{n} {side} {seed}"
                if name not in parts:
                    one = classify.Config(population=POPULATION, workers=0, seed=seed)
                    parts[name] = measured(fitted(one, given, truth, steps), test.inputs, test.labels)
                    print(f"{name}: {parts[name]:.4f}", file=sys.stderr, flush=True)
    return {str(n): {side: [parts[f"{n} {side} {seed}"] for seed in range(seeds)] for side in SIDES} for n in sizes}


def gain(side: list[float], floor: list[float]) -> list[float]:
    """Mean difference from the floor, and its 95 % over seeds."""
    off, rng = np.array(side) - np.array(floor), np.random.default_rng(0)
    draws = off[rng.integers(0, len(off), (2000, len(off)))].mean(1)
    return [float(off.mean()), *np.percentile(draws, [2.5, 97.5]).tolist()]


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[300, 3000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--run", type=Path, default=Path("runs/generate-help"))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    settings.run.mkdir(parents=True, exist_ok=True)
    found = figures(settings.n, settings.seeds, settings.minutes, settings.steps, settings.run)
    if settings.json:
        print(json.dumps(found))
        return 0
    print("| images | learnt from | macro AUC | more than the floor |\n|---|---|---|---|")
    for n, sides in found.items():
        for side, values in sides.items():
            mean, low, high = gain(values, sides["alone"])
            more = "" if side == "alone" else f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
            told = "those alone" if side == "alone" else f"and {n} {side}"
            print(f"| {n} | {told} | {np.mean(values):.4f} | {more} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
