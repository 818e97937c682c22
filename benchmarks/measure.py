"""Which posterior, which network? Heads on lens_residual and networks with one head, the same minutes and images.

    python benchmarks/measure.py CLASSIFIER --fits FOLDER [--minutes 10] [--images 4800] [--validation 960]
        [--test 5000] [--only NAME ...] [--run FOLDER]

CLASSIFIER is a lens_residual of the population (it begins the fits), FOLDER what python -m lenslab fits has stored.
Each row is a training of so many minutes on the same images, made or read beforehand, and is judged on the same test
images: mean error of the median of each number of the dark matter with its 95 % interval (bootstrap), how much of its
spread is explained, and how often the central 68 and 95 % hold the truth. Finished rows lie in FOLDER/measure.json; a
run goes on where it was.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

from benchmarks.parts import Parts
from lenslab import checkpoint
from lenslab.runs.folder import RunFolder
from lenslab.runs.train import train
from lenslab.tasks import measure

HEADS = "point", "mixture", "flow"
NETWORKS = "cnn", "physics_cnn", "resnet", "vit", "lensiformer", "lenspinn"
HEAD = "mixture"       # that of the rows that compare networks
SETTINGS = dict(steps=10**6, batch=64, lr=1.5e-3, warmup=50, ema=0.995, validate_every=100, seed=0, workers=0)


def rows() -> dict[str, dict]:
    """Settings of each row by its name."""
    heads = {f"lens_residual, {head}": dict(network="lens_residual", head=head) for head in HEADS}
    return heads | {f"{network}, {HEAD}": dict(network=network, head=HEAD) for network in NETWORKS}


def figures(classifier: Path, fits: Path, same: dict, only: list[str], folder: Path) -> dict:
    """Metrics of each row; `same` are the settings that all rows share."""
    population = checkpoint.read_card(classifier)["population"]
    parts = Parts(folder / "measure.json", same | dict(population=population))
    for name, settings in rows().items():
        if name in parts or (only and name not in only):
            continue
        config = measure.Config(**SETTINGS, **settings, **same, population=population, classifier=str(classifier),
                                fits=str(fits))
        with RunFolder(folder / name.replace(", ", "-")) as run:
            metrics = train(measure, config, run)["metrics"]
            parts[name] = metrics | dict(steps=run.load_state()[1]["step"])
        print(f"{name}: gain {metrics['gain']:.3f}", file=sys.stderr, flush=True)
    return dict(parts)


def table(found: dict) -> str:
    keys = [key for key in next(iter(found.values()))["mae"] if key.startswith("log10")]
    head = "| network, posterior | gain, nats | " + " | ".join(
        f"{key}: error, R², 68 %, 95 %" for key in keys) + " |\n|" + "---|" * (len(keys) + 2)
    lines = []
    for name, metrics in found.items():
        cells = []
        for key in keys:
            low, high = metrics["intervals"][f"mae.{key}"]
            cells.append(f"{metrics['mae'][key]:.3f} [{low:.3f}, {high:.3f}], {metrics['r2'][key]:.2f}, "
                         f"{metrics['coverage68'][key]:.2f}, {metrics['coverage95'][key]:.2f}")
        lines.append(f"| {name} | {metrics['gain']:.3f} | " + " | ".join(cells) + " |")
    return "\n".join([head, *lines])


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--fits", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--images", type=int, default=4800, help="that all rows learn from")
    parser.add_argument("--validation", type=int, default=960)
    parser.add_argument("--test", type=int, default=5000)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="rows such as 'lens_residual, flow'")
    parser.add_argument("--run", type=Path, default=Path("runs/measure-table"))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    settings.run.mkdir(parents=True, exist_ok=True)
    same = {name: getattr(settings, name) for name in ("minutes", "images", "validation", "test")}
    found = figures(settings.classifier, settings.fits, same, settings.only, settings.run)
    print(json.dumps(found) if settings.json else table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
