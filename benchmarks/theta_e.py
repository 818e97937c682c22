"""What does a network with a lens inside take theta_E to be, and does it need it?

    python benchmarks/theta_e.py CHECKPOINT [--n 1200] [--write] [--json]

On the first n test images: theta_E inside the network against the truth (median of the differences, half of what lies
between their 16th and 84th percentiles, correlation where the population varies it), and the macro AUC with

    own       what the network takes it to be
    true      that of the simulation
    random    any that it could say, uniform, drawn anew for each image

with 95 % bootstrap intervals, those of the differences from `own` paired by image. Physics that is worth something is
worth less at random. With --write they go into the header, and from there into checkpoints/README.md.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch

from lenslab import checkpoint
from lenslab.feed.stream import HELD_OUT_SEED
from lenslab.feed.workers import columns_from
from lenslab.insight import table
from lenslab.insight.metrics import macro_auc_gain, scores
from lenslab.nets.lens_net import THETA_E, LensNet
from lenslab.population import find
from lenslab.tasks.classify.answers import complete, probabilities_of
from lenslab.tasks.lens_view import LensView, image_and_noise
from lenslab.tasks.trained import load

AT_ONCE = 120


def figures(path: Path, n: int, workers: int) -> dict:
    """Differences in arcsec, and AUCs."""
    trained = load(path, task="classify")
    model = trained.model
    if not isinstance(model, LensNet):
        raise ValueError(f"{path} holds no lens: {trained.card['network']} has no theta_E of its own. Take a "
                         "lensiformer or a lenspinn.")
    population = find(trained.card["population"])
    view = LensView(population.name, HELD_OUT_SEED, "test")
    seen = columns_from(view.columns, n, workers)
    given = complete(trained, *image_and_noise(population, seen))
    truth = torch.from_numpy(seen["parameters"][:, population.paths.index("lens.theta_E")]).float()
    low, high = (limit * model.encoder.side for limit in THETA_E)
    anything = low + (high - low) * torch.rand(n, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own = torch.cat([model.lens_parameters(part)["theta_E"] for part in given.split(AT_ONCE)])
        answers = {name: np.concatenate([probabilities_of(model(*pair).double().numpy(), 1.0) for pair in zip(
            given.split(AT_ONCE), theta_E.split(AT_ONCE), strict=True)]) for name, theta_E in (
                ("own", own), ("true", truth), ("random", anything))}
    off = (own - truth).numpy()
    found = dict(n=n, bias=float(np.median(off)), scatter=float(np.diff(np.percentile(off, [16, 84]))[0] / 2),
                 correlation=float(np.corrcoef(own, truth)[0, 1]) if min(own.std(), truth.std()) > 1e-6 else None)
    labels = seen["label"]
    classes = tuple(trained.card["classes"])
    found |= {name: scores(answer, labels, classes, resamples=0).macro_auc for name, answer in answers.items()}
    return found | {f"{name} - own": list(macro_auc_gain(answers[name], answers["own"], labels))
                    for name in ("true", "random")}


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=1200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    torch.set_num_threads(1)
    try:
        found = figures(settings.checkpoint, settings.n, settings.workers)
    except ValueError as error:
        print(f"theta_e.py: {error}", file=sys.stderr)
        return 2
    print(f"{settings.checkpoint.stem}, {found['n']} test images: theta_E inside less the truth {found['bias']:+.3f}\" "
          f"(scatter {found['scatter']:.3f}\")"
          + ("" if found["correlation"] is None else f", correlation {found['correlation']:.2f}"))
    for name in ("own", "true", "random"):
        gain = found.get(f"{name} - own")
        against = f", against own {gain[0]:+.4f} [{gain[1]:+.4f}, {gain[2]:+.4f}]" if gain else ""
        print(f"  {name:7} macro AUC {found[name]:.4f}{against}")
    if settings.write:
        checkpoint.remark(settings.checkpoint, theta_E=found)
        table.write_table()
    if settings.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
