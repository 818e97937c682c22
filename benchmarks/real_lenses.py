"""What classifiers say of the real lenses in the folder that LENSLAB_DATA names, warnings included.

    LENSLAB_DATA=FOLDER python benchmarks/real_lenses.py [CHECKPOINT ...] [--json]

Images are prepared as on the Classify page: centred on the lens, its light subtracted by a fit, resampled to the pixels
and the PSF of the network's population. Novelty is the share of held-out images that lie at least as far from what the
network was trained on: where it is below 0.01 the page warns, and an answer means nothing.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

from lenslab import checkpoint
from lenslab.insight.novelty import LEVEL
from lenslab.population import find
from lenslab.sky import catalogue, read
from lenslab.sky.prepare import prepare_for
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import load


def rows_of(path: Path) -> list[dict]:
    """A row for each lens."""
    trained = load(path, task="classify")
    population = find(trained.card["population"])
    rows = []
    for name in catalogue.real_lenses():
        made = prepare_for(read.read_real(name), population)
        given = answers.inputs_of(trained, made.observation)     # a fit, for some: made once
        found = answers.probabilities_of(answers.logits_of(trained, given), answers.temperature_of(trained))
        novelty = answers.novelty_of(trained, given)
        rows.append(dict(network=path.stem, lens=Path(name).stem, novelty=None if novelty is None else float(novelty),
                         probabilities=dict(zip(trained.card["classes"], found[0].tolist(), strict=True)),
                         signal=made.signal, warnings=list(made.warnings)))
    return rows


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="*", help="all that are shipped, unless some are named")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    if not catalogue.real_lenses():
        print("Set LENSLAB_DATA to a folder whose lenses/ holds FITS files.", file=sys.stderr)
        return 2
    paths = settings.checkpoints or [path for path, card in checkpoint.list_checkpoints()
                                     if card.get("task") == "classify"]
    rows = [row for path in paths for row in rows_of(path)]
    if settings.json:
        print(json.dumps(rows))
        return 0
    print("| network | lens | S | answer | novelty | warnings |\n|---|---|---|---|---|---|")
    for row in rows:
        likely = ", ".join(f"{name} {value:.2f}" for name, value in row["probabilities"].items() if value >= 0.05)
        known = "" if row["novelty"] is None else f"{row['novelty']:.4f}" + (
            " (warned)" if row["novelty"] < 1 - LEVEL else "")
        print(f"| {row['network']} | {row['lens']} | {row['signal']:.0f} | {likely} | {known} | "
              f"{' '.join(row['warnings'])} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
