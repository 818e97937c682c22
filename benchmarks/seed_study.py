"""Does the residual channel help? Baseline against physics-informed on little data: `python benchmarks/seed_study.py`.

Population seed-64, 500 images a class for each training, at least 5 seeds. A seed stands for all that chance decides:
the training images, the first weights, the order of batches, dropout. Networks of one seed share the training set, and
all are judged on the same 3,000 test images; the weights kept are those of the lowest validation loss, so that test
images choose nothing. Intervals are Student's t over the seeds, and differences are paired by seed.

    cnn                  the baseline: 3 blocks of convolution, ReLU, max-pooling
    cnn_residual         the same with the residual channel, and nothing else changed
    physics_cnn          residual channel, batch norm, stronger dropout
    physics_cnn_image    the same without the residual channel

"Physics-informed against baseline" changes three things at once; only the pairs that differ by the channel alone say
what the channel is worth. Killed, the same command goes on where it was. In the folder of the study: the sets, a run
folder for each training, figures.json (curves, confusion matrices, scores) and curves.svg.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from lenslab.checkpoint import read_card, write_atomically
from lenslab.insight.metrics import mean_interval
from lenslab.population import find
from lenslab.runs.folder import RunFolder, read_lines
from lenslab.runs.train import train
from lenslab.sets import dataset
from lenslab.tasks import classify

NETWORKS = ("cnn", "cnn_residual", "physics_cnn", "physics_cnn_image")
PAIRS = (("cnn_residual", "cnn", "the residual channel, in the baseline"),
         ("physics_cnn", "physics_cnn_image", "the residual channel, in the physics-informed network"),
         ("physics_cnn", "cnn", "physics-informed against baseline (three changes at once)"))
MEASURES = ("accuracy", "macro_auc")
CURVE = ("step", "loss", "val_loss", "val_accuracy", "val_macro_auc")


def training_set(folder: Path, population: str, per_class: int, seed: int, workers: int) -> Path:
    """The set of one seed, written once: every run of len(classes) items holds each class once."""
    size = per_class * len(find(population).classes)
    path = folder / f"train-{per_class}-{seed}.h5"
    if not path.exists():
        dataset.write(population, size, path, seed=seed, split="train", workers=workers)
    with dataset.read(path) as made:
        assert (np.bincount(made.labels) == per_class).all(), path
    return path


def trained(folder: Path, config: classify.Config, device: str) -> dict:
    """The card of a finished training and its curve; one that is finished already is not done again."""
    best = folder / "best.safetensors"
    card = read_card(best) if best.exists() else {}
    if not card.get("complete"):
        with RunFolder(folder) as run:
            train(classify, config, run, device=device)
        card = read_card(best)
    curve = [{name: line[name] for name in CURVE if name in line} for line in read_lines(folder / "metrics.jsonl")]
    return dict(card=card, curve=curve)


def study(folder: Path, *, population: str = "seed-64", per_class: int = 500, seeds: int = 5, epochs: int = 60,
          networks=NETWORKS, width: int = 8, batch: int = 50, validation: int = 960, test: int = 3000,
          workers: int = 1, device: str = "cpu", say=lambda text: None) -> dict:
    """Every training of the study, and what they say together."""
    folder.mkdir(parents=True, exist_ok=True)
    per_epoch = -(-per_class * len(find(population).classes) // batch)
    runs = {name: [] for name in networks}
    for seed in range(seeds):
        data = training_set(folder, population, per_class, seed, workers)
        for name in networks:
            began = time.monotonic()
            config = classify.Config(
                network=name, population=population, data=str(data), width=width, batch=batch, seed=seed,
                steps=epochs * per_epoch, validate_every=per_epoch, log_every=per_epoch, warmup=2 * per_epoch,
                lr=2e-3, ema=0.98, validation=validation, test=test, workers=workers, precision="float32")
            runs[name].append(trained(folder / f"{name}-{seed}", config, device))
            metrics = runs[name][-1]["card"]["metrics"]
            say(f"{name} seed {seed}: accuracy {metrics['accuracy']:.4f}, macro AUC {metrics['macro_auc']:.4f}, "
                f"best after {runs[name][-1]['card']['steps'] // per_epoch} of {epochs} epochs, "
                f"{time.monotonic() - began:.0f} s")
    return summary(runs, population, per_class, seeds, epochs)


def summary(runs: dict[str, list[dict]], population: str, per_class: int, seeds: int, epochs: int) -> dict:
    """Means over the seeds with their intervals, and paired differences with theirs."""
    def column(name, measure):
        return np.array([run["card"]["metrics"][measure] for run in runs[name]])

    networks = {}
    for name, made in runs.items():
        networks[name] = {measure: interval(column(name, measure)) for measure in MEASURES}
        networks[name] |= dict(
            ece=float(column(name, "ece").mean()), parameters=parameters(made[0]["card"]),
            auc={key: float(np.mean([run["card"]["metrics"]["auc"][key] for run in made]))
                 for key in made[0]["card"]["metrics"]["auc"]},
            confusion=np.sum([run["card"]["metrics"]["confusion"] for run in made], axis=0).tolist(),
            curves=[run["curve"] for run in made],
            by_seed={measure: column(name, measure).tolist() for measure in MEASURES})
        networks[name]["mixed"] = mixed(networks[name]["confusion"], made[0]["card"]["classes"])
    differences = [
        dict(one=one, other=other, about=about, steps=race(*([run["curve"] for run in runs[name]]
                                                             for name in (one, other))),
             **{measure: interval(column(one, measure) - column(other, measure)) for measure in MEASURES})
        for one, other, about in PAIRS if one in runs and other in runs]
    first = next(iter(runs.values()))[0]["card"]
    return dict(population=population, classes=first["classes"], per_class=per_class, seeds=seeds, epochs=epochs,
                n_test=first["metrics"]["n"], networks=networks, differences=differences)


def interval(values: np.ndarray) -> dict:
    mean, low, high = mean_interval(values)
    return dict(mean=mean, low=low if np.isfinite(low) else None, high=high if np.isfinite(high) else None)


def parameters(card: dict) -> int:
    model = classify.build(classify.Config(**card["config"]), card).model
    return sum(tensor.numel() for tensor in model.parameters())


def race(one: list[list[dict]], other: list[list[dict]]) -> dict | None:
    """Steps that two networks need to the same validation loss, seed by seed: the lowest that both of them reach.

    Their curves, a list of lines for each seed. None without a curve.
    """
    steps = []
    for pair in zip(one, other, strict=True):
        curves = [[(line["step"], line["val_loss"]) for line in curve if "val_loss" in line] for curve in pair]
        if not all(curves):
            return None
        level = max(min(loss for _, loss in curve) for curve in curves)
        steps.append([next(step for step, loss in curve if loss <= level) for curve in curves])
    first, second = np.array(steps, float).T
    return dict(one=interval(first), other=interval(second), difference=interval(first - second))


def mixed(confusion: list[list[int]], classes: list[str]) -> dict | None:
    """How many images of cdm and axion are taken for each other, of how many; None where a class is missing."""
    if not {"cdm", "axion"} <= set(classes):
        return None
    a, b = classes.index("cdm"), classes.index("axion")
    return dict(wrong=confusion[a][b] + confusion[b][a], of=sum(confusion[a]) + sum(confusion[b]))


def verdict(difference: dict) -> str:
    """What the interval of a difference allows to be said."""
    if difference["low"] is None:
        return "one seed says nothing"
    if difference["low"] > 0:
        return "helps"
    return "harms" if difference["high"] < 0 else "no difference shown"


def shown(value: dict, signed: bool = False) -> str:
    sign = "+" if signed else ""
    around = "" if value["low"] is None else f" [{value['low']:{sign}.4f}, {value['high']:{sign}.4f}]"
    return f"{value['mean']:{sign}.4f}{around}"


def steps_of(value: dict) -> str:
    around = "" if value["low"] is None else f" [{value['low']:+.0f}, {value['high']:+.0f}]"
    return f"{value['mean']:+.0f}{around}"


def table(found: dict) -> str:
    """The study for the eye, in Markdown."""
    lines = [f"{found['population']}, {found['per_class']} images a class, {found['seeds']} seeds, "
             f"{found['epochs']} epochs, {found['n_test']} test images; chance is "
             f"{1 / len(found['classes']):.4f} in accuracy and 0.5 in AUC. Intervals: 95 %, over the seeds.", "",
             "| network | parameters | accuracy | macro AUC | " + " | ".join(f"AUC {c}" for c in found["classes"])
             + " | ECE |", "|---" * (5 + len(found["classes"])) + "|"]
    for name, network in found["networks"].items():
        by_class = " | ".join(f"{network['auc'].get(c, float('nan')):.4f}" for c in found["classes"])
        lines.append(f"| {name} | {network['parameters']} | {shown(network['accuracy'])} | "
                     f"{shown(network['macro_auc'])} | {by_class} | {network['ece']:.3f} |")
    lines += ["", "| difference, paired by seed | accuracy | macro AUC | the channel, by AUC |", "|---" * 4 + "|"]
    for pair in found["differences"]:
        lines.append(f"| {pair['one']} - {pair['other']}: {pair['about']} | {shown(pair['accuracy'], True)} | "
                     f"{shown(pair['macro_auc'], True)} | {verdict(pair['macro_auc'])} |")
    for pair in found["differences"]:
        if pair["steps"]:
            one, other, apart = (pair["steps"][key] for key in ("one", "other", "difference"))
            lines += ["", f"Converges faster? Steps to the lowest validation loss that both reach: {pair['one']} "
                      f"{one['mean']:.0f}, {pair['other']} {other['mean']:.0f}, difference {steps_of(apart)}."]
    for name, network in found["networks"].items():
        if network["mixed"]:
            lines += ["", f"Less confusion of CDM and axion? {name}: {network['mixed']['wrong']} of "
                      f"{network['mixed']['of']} taken for each other."]
    for name, network in found["networks"].items():
        lines += ["", f"{name}: truth (rows) and answer, all seeds together",
                  " " * 10 + "".join(f"{c:>10}" for c in found["classes"])]
        lines += [f"{c:10}" + "".join(f"{count:>10}" for count in counts)
                  for c, counts in zip(found["classes"], network["confusion"], strict=True)]
    return "\n".join(lines)


COLOURS = {"cnn": "#5b6770", "cnn_residual": "#2f6fb0", "physics_cnn": "#b5541c", "physics_cnn_image": "#7b5ea7"}
WIDE, HIGH, LEFT, BOTTOM = 720, 360, 60, 40     # of the picture, px


def picture(found: dict) -> str:
    """Validation loss against epochs as SVG: a thin line a seed, a thick one their mean."""
    curves = {name: np.array([[line["val_loss"] for line in curve if "val_loss" in line]
                              for curve in network["curves"]]) for name, network in found["networks"].items()}
    top, bottom = max(lines.max() for lines in curves.values()), min(lines.min() for lines in curves.values())

    def place(values: np.ndarray) -> str:
        x = LEFT + (WIDE - LEFT - 170) * np.arange(len(values)) / max(1, len(values) - 1)
        y = 20 + (HIGH - BOTTOM - 20) * (top - values) / max(top - bottom, 1e-9)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    def text(x: float, y: float, words: str, **style) -> str:
        extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in style.items())
        return f'<text x="{x}" y="{y}"{extra}>{words}</text>'

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" '
             'font-size="13" fill="#5b6770">', f'<rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>']
    for level in np.linspace(bottom, top, 5):
        y = 20 + (HIGH - BOTTOM - 20) * (top - level) / max(top - bottom, 1e-9)
        parts += [f'<line x1="{LEFT}" x2="{WIDE - 170}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e6e8"/>',
                  text(LEFT - 8, round(y + 4, 1), f"{level:.2f}", text_anchor="end")]
    for row, (name, lines) in enumerate(curves.items()):
        colour = COLOURS[name]
        parts += [f'<polyline points="{place(line)}" fill="none" stroke="{colour}" stroke-opacity="0.3"/>'
                  for line in lines]
        parts += [f'<polyline points="{place(lines.mean(0))}" fill="none" stroke="{colour}" stroke-width="2.5"/>',
                  text(WIDE - 160, 40 + 22 * row, name, fill=colour, font_weight="bold")]
    middle = (LEFT + WIDE - 170) / 2
    parts += [text(middle, HIGH - 10, f"epoch, 1 to {found['epochs']}", text_anchor="middle"),
              text(LEFT, 12, "validation loss (cross-entropy, nats)"), "</svg>"]
    return "\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, default=Path("runs/seed-study"), help="folder of the study")
    parser.add_argument("--population", default="seed-64")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    for name, default in (("per-class", 500), ("seeds", 5), ("epochs", 60), ("validation", 960), ("test", 3000),
                          ("width", 8), ("workers", 1), ("threads", min(2, os.cpu_count() or 1))):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    settings = vars(parser.parse_args(arguments))
    as_json, folder = settings.pop("json"), settings.pop("run")
    torch.set_num_threads(settings.pop("threads"))
    began = time.monotonic()
    found = study(folder, **settings, say=lambda text: print(text, file=sys.stderr, flush=True))
    found["minutes"] = (time.monotonic() - began) / 60
    write_atomically(folder / "figures.json", json.dumps(found, allow_nan=False).encode())
    write_atomically(folder / "curves.svg", picture(found).encode())
    print(table(found))
    if as_json:
        for network in found["networks"].values():
            del network["curves"]
        print(json.dumps(found, allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
