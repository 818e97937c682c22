"""How good are generated jets? Kinds of diffusion model side by side, each figure beside its floor.

    python -m lenslab dataset jets --size 60000 --split test --workers 2 --out runs/jets-test.h5
    python benchmarks/jets.py CHECKPOINT ... --data runs/jets-test.h5 [--n 30000] [--images] [--train FILE]
        [--plot FILE] [--json]

n simulated jets say what is asked for, n more are what images are compared with, and the first are compared with those
too (the floor); 30,000 are 10,000 of each flavour. With --images a small CNN tells images apart, which sees what trees
on observables miss. With --train the set that was learnt from: distance of generated jets to the nearest of it and its
flips, beside that of jets held out. With --plot closure in p_T and mass as a picture. The test set must be of another
split than that of the training. Without a checkpoint: how the images of the set itself respond.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch

from benchmarks.closure_plot import closure_svg
from benchmarks.parts import name_of
from lenslab import checkpoint
from lenslab.diffusion.classifier_test import delong
from lenslab.diffusion.neighbours import copy_share, nearest
from lenslab.jets.files import Jets, read
from lenslab.jets.observables import observe
from lenslab.tasks.jets import judging
from lenslab.tasks.jets.pixels import Pixels
from lenslab.tasks.jets.sampling import Way
from lenslab.tasks.trained import Trained, load

COPIES, BLOCK = 600, 2000
PASSES, BATCH = 8, 64              # of the CNN
ROWS = (("p_T closure", "pt_closure", "pt_closure_floor", "pt_closure_null"),
        ("its width", "pt_width", "pt_width_floor", "pt_width_null"),
        ("mass closure", "mass_closure", "mass_closure_floor", "mass_closure_null"),
        ("worst observable, in floors", "marginals", None, None),
        ("radial profile", "profile", "profile_floor", None),
        ("AUC of trees on observables", "auc_observables", "auc_observables_floor", None),
        ("AUC of a CNN on images", "auc_images", "auc_images_floor", None),
        ("Frechet distance of observables", "frechet", "frechet_floor", None),
        ("tagger quark/gluon", "tagger", "tagger_floor", None), ("tagger top", "tagger_top", "tagger_top_floor", None),
        ("nearest in training", "nearest", "nearest_held_out", None),
        ("share nearer than 1 % of held-out", "copies", None, None), ("broken images", "broken", None, None),
        ("CPU s a jet", "cpu_s", None, None))


def figures(path: Path, jets: Jets, n: int, images: bool, train: Path | None, way: Way) -> dict:
    """All of one checkpoint."""
    trained = load(path, task="jets")
    learnt = trained.card.get("jets", {})
    if all(learnt.get(name) == jets.header.get(name) for name in ("source", "seed", "split")):
        raise ValueError(f"{path.name} learnt from seed {learnt.get('seed')}, split {learnt.get('split')}, as the test "
                         "set is; take a set of another split.")
    here, other = (jets.take(np.arange(k * n, (k + 1) * n)) for k in range(2))
    begun = time.process_time()
    made = judging.made_for(trained, here, way)
    found = dict(cpu_s=(time.process_time() - begun) / n, showings=trained.card["steps"]
                 * trained.card["config"]["batch"]) | judging.figures(trained, here, other, made)
    if images:
        found |= told_apart(trained, made.images, here, other)
    if train is not None:
        found |= copied(trained, made.images[:COPIES], here, read(train))
    return found


def copied(trained: Trained, made: torch.Tensor, here: Jets, train: Jets) -> dict:
    """Distances to the training set and its flips, stretched."""
    pixels = Pixels.of_card(trained.card["pixels"])

    def blocks():
        for start in range(0, len(train), BLOCK):
            some = train.hits.take(np.arange(start, min(len(train), start + BLOCK)))
            for flip in range(4):
                flips = np.tile([bool(flip % 2), bool(flip // 2)], (len(some), 1))
                yield pixels.stretch(torch.from_numpy(some.images(pixels.side, flips)))

    true = torch.from_numpy(here.hits.take(np.arange(len(made))).images(pixels.side))
    mine, held = (nearest(pixels.stretch(images), blocks())[0] for images in (made, true))
    return dict(copies=copy_share(mine, held), nearest=float(np.median(mine)), nearest_held_out=float(np.median(held)))


def told_apart(trained: Trained, made: torch.Tensor, here: Jets, other: Jets) -> dict:
    """AUC of a small CNN that has learnt on two thirds of the images to tell generated from simulated ones."""
    pixels = Pixels.of_card(trained.card["pixels"])
    sides = [judging.alike(images) for images in (made.nan_to_num(0).numpy(), *(
        jets.hits.images(pixels.side) for jets in (here, other)))]
    mine, usual, reference = (pixels.stretch(torch.from_numpy(images))[:, :3] for images in sides)
    return dict(auc_images=cnn_auc(mine, reference), auc_images_floor=cnn_auc(usual, reference))


def cnn_auc(a: torch.Tensor, b: torch.Tensor, seed: int = 0) -> float:
    """AUC, on a third that it has not seen, of a CNN that tells rows of a (n, 3, H, W) from rows of b."""
    torch.manual_seed(seed)
    x, y = torch.cat([a, b]), torch.cat([torch.zeros(len(a)), torch.ones(len(b))])
    order = torch.randperm(len(x))
    learn, test = order[len(x) // 3:], order[:len(x) // 3]
    layers = [layer for before, after in ((3, 16), (16, 32), (32, 64)) for layer in (
        torch.nn.Conv2d(before, after, 3, stride=2, padding=1), torch.nn.ReLU())]
    net = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 1))
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3)
    for _ in range(PASSES):
        for rows in learn[torch.randperm(len(learn))].split(BATCH):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x[rows])[:, 0], y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        score = torch.cat([net(x[rows])[:, 0] for rows in test.split(1024)]).numpy()
    truth = y[test].numpy() > 0
    return delong(score[truth], score[~truth])[0]


def responses(jets: Jets, side: int = 32) -> dict[str, dict[str, list[float]]]:
    """Of each flavour 16, 50 and 84 % of what images say of a simulated set: p_T and mass over those of the generator's
    jet, tracks, lit pixels of ECAL."""
    found = {}
    for label, flavour in enumerate(jets.flavours):
        mine = jets.take(np.flatnonzero(jets.label == label))
        if len(mine):
            read_off = observe(mine.hits.images(side))
            rows = {"p_T": read_off["pt"] / mine.pt, "mass": read_off["mass"] / mine.mass,
                    "tracks": read_off["tracks"], "lit pixels of ECAL": read_off["hits_ecal"]}
            found[flavour] = {name: np.quantile(row, [0.16, 0.5, 0.84]).tolist() for name, row in rows.items()}
    return found


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def show(found: dict[str, dict]) -> None:
    """Figures in rows, checkpoints in columns, then floor and null; and closure, flavour by flavour."""
    first = next(iter(found.values()))
    print("| figure | " + " | ".join(found) + " | floor | null |\n" + "|---" * (len(found) + 3) + "|")
    for title, name, floor, null in ROWS:
        if name in first:
            print(f"| {title} | " + " | ".join(cell(one.get(name)) for one in found.values())
                  + f" | {cell(first.get(floor))} | {cell(first.get(null))} |")
    for name, (_, floor) in first["w1"].items():
        print(f"| W1 of {name} | " + " | ".join(f"{one['w1'][name][0]:.4f}" for one in found.values())
              + f" | {floor:.4f} | |")
    for name in first["peaks"]:
        print(f"| peak of {name}, GeV | " + " | ".join(f"{one['peaks'][name]:.1f}" for one in found.values())
              + f" | {first['peaks_floor'][name]:.1f} | |")
    for path, one in found.items():
        print(f"\n{path}, median mass in GeV: requested -> generated (simulated)")
        for flavour, by in one["closure"].items():
            (pt, true), (width, own) = by["pt"], by["width"]
            print(f"{flavour}: p_T {pt:.3f} ({true:.3f}) +- {width:.3f} ({own:.3f});"
                  + ", ".join(f" {a:.0f} -> {b:.0f} ({c:.0f})" for a, b, c in zip(
                      by["requested"], by["mass"], by["simulated"], strict=True)))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--n", type=int, default=30_000)
    parser.add_argument("--sampler", default=Way.sampler)
    parser.add_argument("--steps", type=int, default=Way.steps)
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--train", type=Path)
    parser.add_argument("--write", action="store_true", help="put the figures into the header, under metrics")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="closure of the first checkpoint as a picture")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    jets, found = read(settings.data), {}
    if not settings.checkpoints:
        own = responses(jets.take(np.arange(min(len(jets), settings.n))))
        lines = [f"| {flavour} | {name} | " + " | ".join(f"{value:.3f}" for value in row) + " |"
                 for flavour, rows in own.items() for name, row in rows.items()]
        print(json.dumps(own) if settings.json else "\n".join(
            ["| flavour | what | 16 % | 50 % | 84 % |", "|---|---|---|---|---|", *lines]))
        return 0
    if len(jets) < 2 * settings.n:
        raise ValueError(f"{settings.data} has {len(jets)} jets; {2 * settings.n} are needed, or a smaller --n.")
    for path in settings.checkpoints:
        name = name_of(path)
        found[name] = checkpoint.plain(figures(path, jets, settings.n, settings.images, settings.train,
                                                    Way(settings.sampler, settings.steps)))
        if settings.write:
            tensors, card = checkpoint.load(path)
            checkpoint.save(path, tensors, card | dict(metrics=card["metrics"] | found[name], split="test"))
        print(f"{name}: done", file=sys.stderr)
    if settings.plot:
        name, first = next(iter(found.items()))
        checkpoint.write_atomically(settings.plot, closure_svg(first["closure"], name).encode())
    if settings.json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
