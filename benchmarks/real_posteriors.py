"""What measuring networks and detectors of anomalies say of real lenses, with their warnings.

    LENSLAB_DATA=FOLDER python benchmarks/real_posteriors.py [CHECKPOINT ...] [--write] [--json]

CHECKPOINTs are of the tasks measure and anomaly; those of hst that are shipped, unless some are named. Images are
prepared as on the pages Measure and Odd: centred on the lens, its light subtracted by a fit, resampled to the pixels
and the PSF of the population. Numbers are medians with the central 68 %: of the smooth lens, and of the kind of dark
matter that the network takes the lens for. Novelty is the share of held-out images that lie at least as far from what
the network learnt from: below 0.01 the page gives no answer, and here it is said so. p is the share of usual lenses
that look at least as odd. With --write the table becomes a section of docs/real_lenses.md.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np

from benchmarks.sections import put_section
from lenslab import checkpoint
from lenslab.insight.novelty import LEVEL
from lenslab.population import find
from lenslab.sky import catalogue, read
from lenslab.sky.prepare import prepare_for
from lenslab.tasks.anomaly.task import predict as oddness
from lenslab.tasks.classify import answers
from lenslab.tasks.measure.quantities import SMOOTH, Quantities
from lenslab.tasks.measure.task import estimate_of, features_of
from lenslab.tasks.trained import load

FILE, HEADING = Path(__file__).resolve().parent.parent / "docs" / "real_lenses.md", "What is the dark matter made of?"
SAMPLES = 2000
REGION = 0.5, 0.16, 0.84


def measured(trained, observation) -> dict:
    """Classes, numbers (median, low, high) and novelty of one image."""
    quantities = Quantities.of_card(trained.card["measures"])
    inputs = answers.inputs_of(trained, observation)
    said = estimate_of(trained, features_of(trained.model, inputs), SAMPLES)
    novelty = answers.novelty_of(trained, inputs)
    taken_for = quantities.classes[int(said.probabilities[0].argmax())]
    values = {quantities.quantities[k].key: np.quantile(said.samples[0, :, k].numpy(), REGION).tolist()
              for block in (SMOOTH, taken_for) for k in quantities.blocks.get(block, ())}
    return dict(probabilities=dict(zip(quantities.classes, said.probabilities[0].tolist(), strict=True)),
                novelty=None if novelty is None else float(novelty[0]), taken_for=taken_for, values=values)


def row_of(name: str, trained: dict[str, object]) -> dict:
    """All that is said of one lens."""
    row, observation = dict(lens=Path(name).stem), read.read_real(name)
    prepared = {population: prepare_for(observation, find(population))
                for population in {network.card["population"] for network in trained.values()}}
    for path, network in trained.items():
        made = prepared[network.card["population"]]
        row |= dict(signal=made.signal, warnings=list(made.warnings))
        row[path] = measured(network, made.observation) if network.card["task"] == "measure" else dict(
            p=float(oddness(network, made.observation).p[0]))
    return row


def as_text(rows: list[dict], tasks: dict[str, str]) -> str:
    """A table for each measuring network, with the detectors of its row beside it."""
    detectors = [path for path, task in tasks.items() if task == "anomaly"]
    parts = []
    for path in (path for path, task in tasks.items() if task == "measure"):
        lines = ["| lens | S | novelty | taken for | theta_E, arcsec | numbers of that kind, median [68 %] | "
                 + "".join(f"p of {word} | " for word in detectors) + "verdict |",
                 "|" + "---|" * (7 + len(detectors))]
        lines += [line(row, path, detectors) for row in rows]
        parts.append(f"By `{path}`:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def line(row: dict, path: str, detectors: list[str]) -> str:
    said = row[path]
    likely = ", ".join(f"{name} {value:.2f}" for name, value in said["probabilities"].items() if value >= 0.1)
    numbers = {key: f"{middle:.2f} [{low:.2f}, {high:.2f}]" for key, (middle, low, high) in said["values"].items()}
    dark = ", ".join(f"{key} {words}" for key, words in numbers.items() if key.startswith("log10"))
    novel = "" if said["novelty"] is None else f"{said['novelty']:.3f}"
    outside = said["novelty"] is not None and said["novelty"] < 1 - LEVEL
    verdict = "no answer: it lies outside of what the network learnt from" if outside else " ".join(
        row["warnings"]) or "may be asked"
    odd = "".join(f"{row[word]['p']:.3f} | " for word in detectors)
    return (f"| {row['lens']} | {row['signal']:.0f} | {novel} | {likely} | {numbers.get('theta_E', '')} | {dark} | "
            f"{odd}{verdict} |")


def shipped(task: str) -> list[Path]:
    return [path for path, card in checkpoint.list_checkpoints()
            if card.get("task") == task and card.get("population") == "hst"]


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="*", help="those of hst that are shipped, unless named")
    parser.add_argument("--write", action="store_true", help="to docs/real_lenses.md")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    if not catalogue.real_lenses():
        print("Set LENSLAB_DATA to a folder whose lenses/ holds FITS files.", file=sys.stderr)
        return 2
    trained = {path.stem: load(path) for path in settings.checkpoints or shipped("measure") + shipped("anomaly")}
    tasks = {path: one.card["task"] for path, one in trained.items()}
    if "measure" not in tasks.values() or not set(tasks.values()) <= {"measure", "anomaly"}:
        print("Give a checkpoint of the task measure, and of anomaly as you like.", file=sys.stderr)
        return 2
    rows = [row_of(name, trained) for name in catalogue.real_lenses()]
    print(json.dumps(rows) if settings.json else (text := as_text(rows, tasks)))
    if settings.write and not settings.json:
        put_section(FILE, HEADING, "Made by `LENSLAB_DATA=FOLDER python benchmarks/real_posteriors.py --write`. S is "
                    "the signal to noise of the arcs as the network gets them; novelty the share of held-out images "
                    "that lie at least as far from what it learnt from.\n\n" + text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
