"""How good are generated lenses? Kinds of diffusion model side by side, each figure beside its floor.

    python benchmarks/generate.py CHECKPOINT ... [--n 1000] [--workers 1] [--samplers 256] [--write] [--json]

n test images a side, noise-free (lenslab.tasks.generate.judging): a generator makes images for the conditions of one
set, which are compared with another, as the simulator's own are (the floor). Nearest: distance to the training images
and their turns, beside that of held-out ones. With --samplers also how far each sampler's images lie from those of
Heun with 64 steps, and what they cost; with --n 0 that alone. With --write the figures go into the header, under
"metrics".
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import torch

from benchmarks.parts import name_of
from lenslab import checkpoint
from lenslab.feed.stream import HELD_OUT_SEED, held_out
from lenslab.tasks.generate import judging
from lenslab.tasks.generate.sampling import Way, in_parts, predict, usual_way
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.view import CONDITIONS, NoiseFree
from lenslab.tasks.trained import Trained, load

WAYS = (("dpmpp_2m", 8), ("dpmpp_2m", 12), ("dpmpp_2m", 16), ("dpmpp_2m", 25), ("heun", 18), ("euler", 50),
        ("ancestral", 50))
TRUTH = "heun", 64
ROWS = (("Frechet distance", "frechet", "frechet_floor"), ("kernel distance", "kernel", "kernel_floor"),
        ("two-sample AUC, features", "auc_features", "auc_features_floor"),
        ("two-sample AUC, spectra and moments", "auc_spectra", "auc_spectra_floor"),
        ("worst error of the mean power", "power", "power_floor"), ("Wasserstein of pixels", "pixels", "pixels_floor"),
        ("precision", "precision", "precision_floor"), ("recall", "recall", "recall_floor"),
        ("density", "density", "density_floor"), ("coverage", "coverage", "coverage_floor"),
        ("class accuracy of the judge", "accuracy", "accuracy_floor"), ("obedience", "obedience", None),
        ("paired RMSE", "paired", "shuffled"), ("nearest in training", "nearest", "nearest_held_out"),
        ("share nearer than 1 % of held-out", "copies", None), ("diffusion loss", "loss", None))


def figures(path: Path, n: int, workers: int) -> dict:
    """All of one checkpoint."""
    trained = load(path, task="generate")
    judge = judging.judge_of(trained.card["population"])
    begun = time.process_time()
    found = judging.figures(trained, judge, n, workers=workers)
    config = trained.card["config"]
    table = held_out(NoiseFree(trained.card["population"], HELD_OUT_SEED, "test"), 2 * n, workers).targets[CONDITIONS]
    images = predict(trained, table[:min(n, judging.COPIES)]).images
    found |= judging.copies(trained, images, config["seed"], workers)
    return found | dict(n=n, cpu_s=time.process_time() - begun, loss=trained.card["metrics"].get("loss"),
                        showings=trained.card["steps"] * config["batch"])


def samplers(trained: Trained, n: int) -> list[dict]:
    """RMSE (stretched) of each way to the images of TRUTH, from the same noise, and CPU seconds an image."""
    shown = held_out(NoiseFree(trained.card["population"], HELD_OUT_SEED, "test"), n, 1)
    table, brightness = shown.targets[CONDITIONS], Brightness.of_card(trained.card["brightness"])

    def drawn(sampler: str, steps: int) -> tuple[torch.Tensor, float]:
        begun = time.process_time()
        made = torch.cat(list(in_parts(trained, table, Way(sampler, steps))))
        return brightness.stretch(made), (time.process_time() - begun) / n

    truth, _ = drawn(*TRUTH)
    rows = []
    for way in WAYS:
        made, cost = drawn(*way)
        rows.append(dict(sampler=way[0], steps=way[1], rmse=judging.rms(made - truth), cpu_s=cost))
    return rows


def pace(trained: Trained, n: int = 4, times: int = 5) -> float:
    """Seconds of wall clock for n images as the page asks for them, the median."""
    shown = held_out(NoiseFree(trained.card["population"], HELD_OUT_SEED, "test"), 120, 1)
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        predict(trained, shown.targets[CONDITIONS][:n], usual_way(trained))
        spent.append(time.perf_counter() - begun)
    return sorted(spent)[times // 2]


def cell(found: dict, name: str | None) -> str:
    value, limits = found.get(name), found.get("intervals", {}).get(name)
    if value is None:
        return ""
    return f"{value:.3f}" + (f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else "")


def show(all_found: dict[str, dict]) -> None:
    """Figures in rows, checkpoints in columns, the floor last; then what is obeyed, condition by condition."""
    names = list(all_found)
    first = all_found[names[0]]
    print("| figure | " + " | ".join(names) + " | floor |\n" + "|---" * (len(names) + 2) + "|")
    print("| showings | " + " | ".join(f"{found['showings']:,}" for found in all_found.values()) + " | |")
    for title, name, floor in ROWS:
        print(f"| {title} | " + " | ".join(cell(found, name) for found in all_found.values())
              + f" | {cell(first, floor)} |")
    for path in first.get("recovery", {}):
        print(f"| R2 of {path} | " + " | ".join(f"{found['recovery'][path][0]:.3f}" for found in all_found.values())
              + f" | {first['recovery'][path][1]:.3f} |")
    for name in first.get("class_auc", {}):
        print(f"| AUC of {name} against smooth | " + " | ".join(
            f"{found['class_auc'][name][0]:.3f}" for found in all_found.values())
            + f" | {first['class_auc'][name][1]:.3f} |")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--samplers", type=int, default=0, metavar="N")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    found = {}
    for path in settings.checkpoints:
        name = name_of(path)
        found[name] = checkpoint.plain(figures(path, settings.n, settings.workers)) if settings.n else {}
        if settings.samplers:
            trained = load(path, task="generate")
            found[name] |= dict(samplers=samplers(trained, settings.samplers), four_images_s=pace(trained))
        if settings.write:
            tensors, card = checkpoint.load(path)
            checkpoint.save(path, tensors, card | dict(metrics=card["metrics"] | found[name], split="test"))
        print(f"{name}: done", file=sys.stderr)
    if settings.json:
        print(json.dumps(found))
        return 0
    if settings.n:
        show(found)
    for name, one in found.items():
        if "samplers" in one:
            print(f"\n{name}: 4 images in {one['four_images_s']:.2f} s\n\n| sampler | steps | RMSE to Heun-64 | CPU s "
                  "an image |\n|---|---|---|---|")
            for row in one["samplers"]:
                print(f"| {row['sampler']} | {row['steps']} | {row['rmse']:.4f} | {row['cpu_s']:.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
