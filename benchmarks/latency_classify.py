"""How long the Classify page waits for a network: `python benchmarks/latency_classify.py [CHECKPOINT ...] [--json]`.

For each checkpoint, in a process with as many threads as --threads says: from an image at hand to its probabilities (a
fit of a smooth lens included where the network needs one, and the eight turned looks behind the whiskers), and to its
Grad-CAM beyond that. Images are items of the checkpoint's own population; each is new to the caches. The first image
warms up and is not counted. `answer_cpu` is what an answer asked of all cores, whoever else was at work on them.
Without checkpoints, those in the folder of checkpoints; `--untrained NETWORK:POPULATION` times a network of fresh
weights, which takes as long as a trained one.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

from lenslab import checkpoint
from lenslab.insight.explain import METHODS, explain
from lenslab.nets import CLASSIFIERS
from lenslab.population import find
from lenslab.sets.item import item, observation_of
from lenslab.tasks import classify
from lenslab.tasks.training import configure
from lenslab.ui.classify.answers import answer, inputs_of
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import sound, trained_of

GOALS = {"answer": 150.0, "answer_fit": 500.0, "grad_cam": 350.0}   # ms


def untrained(word: str, folder: str) -> Path:
    """A checkpoint of a network as it is built."""
    network, _, population = word.partition(":")
    config = configure(classify.Config, dict(network=network, population=population or "seed-64"))
    built = classify.build(config)
    path = Path(folder) / f"classify-{config.population}-{network}.safetensors"
    checkpoint.save(path, built.model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="classify", network=network, config=asdict(config), metrics={}))
    return path


def measured(path: Path, images: int) -> dict:
    """Medians in ms over some images, and the 90th percentile of the answer."""
    network = sound(path, checkpoint.read_card(path))
    population = find(network.population)
    times: dict[str, list[float]] = {name: [] for name in ("answer", "answer_cpu", *METHODS)}
    for index in range(images + 1):
        shown = Shown(observation_of(item(population, index, 1).scene), "")
        begun, worked = time.perf_counter(), time.process_time()
        found = answer(network, shown)
        spent = {"answer": time.perf_counter() - begun, "answer_cpu": time.process_time() - worked}
        model, seen = trained_of(network).model, inputs_of(network, shown)
        for method in METHODS:
            begun = time.perf_counter()
            explain(model, seen, int(found.probabilities.argmax()), method)
            spent[method] = time.perf_counter() - begun
        for name, seconds in spent.items():
            times[name].append(1e3 * seconds)
    goal = GOALS["answer_fit" if CLASSIFIERS[network.card["network"]][0].needs_fit else "answer"]
    medians = {name: round(float(np.median(values[1:])), 1) for name, values in times.items()}
    return dict(checkpoint=path.stem, **medians, answer_p90=round(float(np.percentile(times["answer"][1:], 90)), 1),
                goal_answer=goal, goal_grad_cam=GOALS["grad_cam"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="*", type=Path)
    parser.add_argument("--untrained", nargs="*", default=[], metavar="NETWORK:POPULATION")
    parser.add_argument("--images", type=int, default=10, help="images that are counted")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given_words = parser.parse_args()
    torch.set_num_threads(given_words.threads)
    with TemporaryDirectory() as folder:
        paths = [*given_words.checkpoints, *(untrained(word, folder) for word in given_words.untrained)]
        paths = paths or [path for path, card in checkpoint.list_checkpoints() if card.get("task") == "classify"]
        if not paths:
            raise SystemExit("There is no checkpoint of a classifier; name one, or give --untrained cnn:seed-64.")
        rows = [measured(path, given_words.images) for path in paths]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"ms, medians of {given_words.images} images, {given_words.threads} threads; load of the machine {load:.1f} "
          f"on {os.cpu_count()} cores")
    names = [name for name in rows[0] if name != "checkpoint"]
    print(f"{'':36}" + "".join(f"{name:>21}" for name in names))
    for row in rows:
        print(f"{row['checkpoint']:36}" + "".join(f"{row[name]:>21}" for name in names))
    if given_words.json:
        print(json.dumps(dict(rows=rows, threads=given_words.threads, load=round(load, 2))))


if __name__ == "__main__":
    main()
