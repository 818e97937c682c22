"""`python -m lenslab evaluate`: what a checkpoint scores, on simulated images or on a file."""

import argparse
import json
import sys
import zipfile
from dataclasses import fields
from pathlib import Path


def add_evaluate(commands) -> None:
    one = commands.add_parser(
        "evaluate", help="judge a checkpoint", description="Judge a network on images that it has not seen.",
        epilog="An npz file holds one (N, H, W) array of numbers for each class, named as the class, in the unit of "
               "the simulator. It has no metadata: the camera of the population is assumed.")
    one.add_argument("checkpoint", type=Path, help="NAME.safetensors")
    one.add_argument("--population", help="simulate test images of this population; with an npz file: whose camera "
                                          "took them (default: the population that the network was trained on)")
    one.add_argument("--data", type=Path, help="an HDF5 set of python -m lenslab dataset, or an npz file; of jets a "
                     "set of jets")
    one.add_argument("--n", type=positive, help="images at most (default: 3000 simulated ones, or the whole file)")
    one.add_argument("--workers", type=positive, default=1, help="processes that simulate (default 1)")
    one.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps or auto")
    one.add_argument("--json", action="store_true", help="end with one JSON object on a line of its own")


def positive(word: str) -> int:
    if not (word.isdecimal() and 0 < int(word) <= 10**7):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number between 1 and 10000000")
    return int(word)


def evaluate(checkpoint: Path, population: str | None = None, data: Path | None = None, n: int | None = None,
             workers: int = 1, device: str = "auto", json: bool = False) -> None:
    from lenslab.checkpoint import plain
    from lenslab.device import resolve_device
    from lenslab.tasks import trained

    network = trained.load(checkpoint, resolve_device(None if device == "auto" else device))
    if network.card["task"] == "classify":
        found = plain(judge_classifier(network, checkpoint.name, population, data, n, workers))
    elif network.card["task"] == "measure":
        from lenslab.runs.measured import judge_measurer

        found = plain(judge_measurer(network, checkpoint.name, population, data, n, workers))
    elif population or (data and network.card["task"] != "jets"):
        raise ValueError(f"{checkpoint.name} is a checkpoint of the task {network.card['task']!r}, which is judged on "
                         "images of its own population; leave --population and --data away.")
    else:
        found = plain(judge_network(network, checkpoint.name, n, workers, data))
    if json:
        print(as_line(found))
    else:
        print(as_table(found))


def judge_network(network, name: str, n: int | None, workers: int, data: Path | None = None) -> dict:
    """The scores of a network of any task, as its training judged it in the end; a set is one of jets."""
    from lenslab.tasks import TASKS
    from lenslab.tasks.training import configure

    module = TASKS[network.card["task"]].module
    own = {item.name for item in fields(module.Config)}
    asked = {"workers": workers} | ({"test": n} if n else {}) | ({"data": str(data)} if data else {})
    settings = network.card["config"] | {name: value for name, value in asked.items() if name in own}
    found = module.evaluate(network, configure(module.Config, settings), split="test")
    more = {"task": network.card["task"], "checkpoint": name, "population": network.card.get("population"),
            "data": data.name if data else None}
    return {key: value for key, value in found.items() if key not in ("card", "novelty")} | more


def judge_classifier(network, checkpoint: str, population: str | None, data: Path | None, n: int | None,
                     workers: int) -> dict:
    """The scores of a classifier as plain values; what was assumed or left out is said on stderr."""
    import numpy as np
    import torch

    from lenslab.insight.metrics import RESAMPLES
    from lenslab.population import find
    from lenslab.tasks.classify import answers, judge

    card = network.card
    classes, name = tuple(card["classes"]), population or card["population"]
    if data is None:
        parts = simulated_parts(find(name), n or 3000, workers)
    elif zipfile.is_zipfile(data):
        parts = npz_parts(data, classes, find(name), n)
    else:
        parts = set_parts(data, card, n)
    logits, labels, strangers = [np.empty((0, len(classes)))], [np.empty(0, np.int64)], set()
    for image, sigma, names in parts:
        known = np.array([name in classes for name in names], bool)
        strangers |= {str(name) for name in names[~known]}
        if known.any():
            at = torch.from_numpy(known)
            logits.append(answers.logits_of(network, answers.complete(network, image[at], sigma[at])))
            labels.append(np.array([classes.index(name) for name in names[known]]))
    logits, labels = np.concatenate(logits), np.concatenate(labels)
    if strangers:
        say(f"left out, being no class of this network ({', '.join(classes)}): {', '.join(sorted(strangers))}")
    if not len(labels):
        raise ValueError(f"There is no image of a class of this network; it knows {', '.join(classes)}.")
    missing = [name for k, name in enumerate(classes) if not (labels == k).any()]
    if missing:
        say(f"no images of {', '.join(missing)}: macro AUC is over the classes present")
    temperature = answers.temperature_of(network)
    scores = judge.judgement_of(logits, labels, classes, temperature, RESAMPLES)
    return scores | dict(temperature=temperature, task="classify", classes=list(classes), checkpoint=checkpoint,
                         population=name, data=data.name if data else None)


def simulated_parts(population, n: int, workers: int):
    """(images, noise, class names) of fresh images of the split that no training sees."""
    import numpy as np

    from lenslab.feed.stream import HELD_OUT_SEED
    from lenslab.feed.workers import chunks_from
    from lenslab.population import CHUNK
    from lenslab.tasks.lens_view import LensView, image_and_noise

    say(f"simulating {n} images of {population.name}, split test")
    view = LensView(population.name, HELD_OUT_SEED, "test")
    made = dict(chunks_from(view.columns, list(range(-(-n // CHUNK))), workers))
    for chunk in sorted(made):
        rows = slice(0, n - CHUNK * chunk)
        image, sigma = image_and_noise(population, made[chunk])
        yield image[rows], sigma[rows], np.array(population.classes)[made[chunk]["label"]][rows]


def set_parts(path: Path, card: dict, n: int | None):
    """(images, noise, class names) of an HDF5 set, whose own background and exposure give the noise."""
    import numpy as np

    from lenslab.sets import dataset

    with dataset.read(path) as images:
        scale = images.camera.pixel_scale
        if isinstance(card.get("pixel_scale"), float) and abs(scale / card["pixel_scale"] - 1) > 0.01:
            say(f"{path.name} has pixels of {scale:g} arcsec, the network was trained on {card['pixel_scale']:g}")
        if images.header["population"] != card.get("population"):
            say(f"{path.name} holds {images.header['population']}, the network was trained on {card.get('population')}")
        total = min(len(images), n or len(images))
        names = np.array(images.classes)[images.labels[:total]]
        for start in range(0, total, 1024):
            rows = slice(start, min(start + 1024, total))
            yield images.images(rows), images.variance(rows).sqrt(), names[rows]


def npz_parts(path: Path, classes: tuple[str, ...], population, n: int | None):
    """(images, noise, class names) of an npz file; of n images every class gives its share."""
    import numpy as np
    import torch

    from lenslab.images.simulate import background
    from lenslab.scene import Scene
    from lenslab.scenes import Scenes
    from lenslab.sets.stacks import pieces, stacks, with_noise

    camera = population.camera
    rms = float(background(Scenes.of([Scene(camera=camera)], dtype=torch.float64)))
    found, others = stacks(path, classes)
    if others:
        say(f"ignored, being no class of this network ({', '.join(classes)}): {', '.join(map(printable, others))}")
    say(f"{path.name} has no metadata: the camera of {population.name} is assumed")
    unknown = 0
    for place, (name, stack) in enumerate(found.items()):
        if stack.shape[1:] != (camera.num_pix, camera.num_pix):
            say(f"{name} has {stack.shape[1]} x {stack.shape[2]} pixels, {population.name} {camera.num_pix} on a side")
        share = None if n is None else n // len(found) + (place < n % len(found))
        for images in pieces(path, stack, share):
            unknown += int((~images.isfinite()).sum())
            yield *with_noise(camera, rms, images), np.full(len(images), name)
    if unknown:
        say(f"{unknown} pixels were not finite and count as empty")


def say(text: str) -> None:
    print(f"lenslab: {text}", file=sys.stderr)


def printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:60]


def as_line(found: dict) -> str:
    return json.dumps(found, allow_nan=False)


def as_table(found: dict) -> str:
    """The same for the eye: the metrics that the task declares, and what a task has beside them."""
    from lenslab.tasks import TASKS

    intervals = found.get("intervals", {})

    def row(name, value, unit=""):
        limits = intervals.get(name)
        around = f"  [{limits[0]:.4f}, {limits[1]:.4f}]" if limits else ""
        return f"{name:24} {'-' if value is None else format(value, '.4f')}{around}{f'  {unit}' if unit else ''}"

    lines = [f"{found['checkpoint']} on {found['data'] or found['population']}, n = {found['n']}"
             + (", 95 % intervals" if intervals else "")]
    lines += [row(metric.name, found[metric.name], metric.unit) for metric in TASKS[found["task"]].metrics
              if metric.name in found]
    for key in found.get("mae", {}):
        lines += [row(f"{name}.{key}", found[name][key]) for name in ("mae", "rmse", "r2", "coverage68", "coverage95")]
    for name, value in found.get("auc", {}).items():
        lines.append(row(f"auc.{name}", value))
    if "confusion" in found:
        width = max(map(len, found["classes"])) + 2
        lines += ["", "truth (rows) and answer", " " * width + "".join(f"{name:>{width}}" for name in found["classes"])]
        lines += [f"{name:{width}}" + "".join(f"{count:>{width}}" for count in counts)
                  for name, counts in zip(found["classes"], found["confusion"], strict=True)]
    return "\n".join(lines)
