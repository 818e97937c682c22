"""Does a network learn of real lenses from their images alone? One is left out, and judged.

    LENSLAB_DATA=FOLDER python benchmarks/unlabelled.py [CHECKPOINT] [--steps 60] [--folder runs/unlabelled] [--json]

A network of the task reconstruct is tuned so many steps on simulated lenses with their labels, and at the same time on
all real lenses but one (and but its other filters) without any: their images must be explained through the lens
equation. The control has the same steps on the same simulated lenses and sees no real one. Both then say the Einstein
radius of the lens that was left out; beside it stand that of the fit (`refined`) and the published one. Gain: by how
much nearer to the fit the tuned network is than its control, as a share of the fit's. Lenses of quasars are left out:
their point images are no Sersic profile. The shipped checkpoint is not tuned on any of them. Killed, the same command
goes on where it was.
"""

import argparse
import json
import sys
from copy import deepcopy
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from torch import Tensor

from benchmarks.parts import Parts, weights
from lenslab import checkpoint
from lenslab.fit import observed
from lenslab.fit.observed import Target
from lenslab.nets.lens_posterior import LensPosterior, sigmas_of
from lenslab.sky import catalogue, read
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.reconstruct import NETWORKS, amortised, batches
from lenslab.tasks.reconstruct.task import Config
from lenslab.tasks.trained import Trained

QUASARS = ("he0435", "pg1115", "wgd2038")
BATCH, LR, WEIGHT = 16, 1e-4, 1.0
SEED = 1001                   # of the simulated lenses: others than those of the training


def family(name: str) -> str:
    """The same for all images of one lens: euclid_102019596..., cosmos_web_ring_..."""
    return Path(name).stem.rpartition("_")[0] or Path(name).stem


def target(trained: Trained, name: str) -> Target:
    return observed.target(read.read_real(name, dtype=torch.float32), amortised.smooth(trained.model.lens))


def arcs(trained: Trained, made: Target) -> Tensor:
    """What the network sees (1, 2, H, W) of a real lens, at the zoom at which it reads it."""
    zoom = amortised.read(trained, made)[2]
    return sigmas_of(*observed.arcs_as_seen_by(made, trained.model.lens.camera, zoom))


def tuned(model: LensPosterior, population: str, real: Tensor | None, steps: int) -> LensPosterior:
    """A copy, so many steps later. Its batch statistics stay: a handful of lenses is no statistic."""
    model = deepcopy(model).eval().requires_grad_(True)
    config = Config(population=population, batch=BATCH, seed=SEED, reuse=1, workers=0)
    draw, optimiser = batches(config, torch.device("cpu")), torch.optim.Adam(model.parameters(), lr=LR)
    for step in range(steps):
        value = model.loss(*draw(step))
        if real is not None:
            places = np.random.default_rng((SEED, step)).integers(len(GROUPS["D4"]), size=len(real))
            given = turn_maps(real, "D4", places)
            value = value + WEIGHT * model.unexplained(given, model(given))
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model.eval()


def radius(trained: Trained, model: LensPosterior, made: Target) -> tuple[float, float]:
    """Einstein radius and one sigma, arcsec."""
    best, covariance, _ = amortised.read(Trained(model, trained.card), made)
    k = made.problem.lens.names.index("theta_E")
    return float(best.state.place[0, k]), float(covariance[k, k].sqrt())


def fit(name: str) -> tuple[float, bool]:
    """The fit's, and whether it has converged."""
    *_, last = NETWORKS["refined"].steps(read.read_real(name, dtype=torch.float32))
    return last.theta_E, last.reconstruction.converged


def line(trained: Trained, control: LensPosterior, targets: dict[str, Target], name: str, steps: int) -> dict:
    """All that is said of one lens that was left out."""
    made = targets[name]
    others = torch.cat([arcs(trained, other) for word, other in targets.items() if family(word) != family(name)])
    fitted, converged = fit(name)
    published = catalogue.literature(name)
    said = {"before": trained.model, "control": control,
            "tuned": tuned(trained.model, trained.card["population"], others, steps)}
    found = {word: radius(trained, model, made) for word, model in said.items()}
    off = {word: abs(value / fitted - 1) for word, (value, _) in found.items()}
    return dict(lens=Path(name).stem, fit=fitted, converged=converged,
                published=None if published is None else published.theta_E, gain=off["control"] - off["tuned"],
                **{word: value for word, (value, _) in found.items()},
                **{f"{word}_sigma": sigma for word, (_, sigma) in found.items()})


def as_text(lines: list[dict]) -> str:
    out = [f"{'lens':44}{'fit':>8}{'conv.':>7}{'publ.':>8}{'before':>9}{'control':>9}{'tuned':>9}{'gain':>9}"]
    for one in lines:
        published = "-" if one["published"] is None else format(one["published"], ".3f")
        out.append(f"{one['lens'][:43]:44}{one['fit']:8.3f}{'yes' if one['converged'] else 'no':>7}{published:>8}"
                   f"{one['before']:9.3f}{one['control']:9.3f}{one['tuned']:9.3f}{100 * one['gain']:8.1f} %")
    if lines:
        nearer = sum(one["gain"] > 0 for one in lines)
        out.append(f"nearer to the fit than the control: {nearer} of {len(lines)}; median gain "
                   f"{100 * float(np.median([one['gain'] for one in lines])):.1f} %")
    return "\n".join(out)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="?", default=checkpoint.checkpoints_folder() / amortised.SHIPPED)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=Path("runs/unlabelled"))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    names = [name for name in catalogue.real_lenses() if not Path(name).stem.startswith(QUASARS)]
    if len(names) < 2:
        print("Set LENSLAB_DATA to a folder whose lenses/ holds FITS files of several lenses.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    settings.folder.mkdir(parents=True, exist_ok=True)
    trained = amortised.reader(settings.checkpoint)
    parts = Parts(settings.folder / f"{settings.checkpoint.stem}.json",
                  dict(steps=settings.steps, weights=weights(settings.checkpoint), names=names))
    if missing := [name for name in names if name not in parts]:
        targets = {name: target(trained, name) for name in names}
        control = tuned(trained.model, trained.card["population"], None, settings.steps)
        for name in missing:
            try:
                parts[name] = line(trained, control, targets, name, settings.steps)
            except ValueError as error:
                print(f"{name}: {error}", file=sys.stderr)
    lines = list(parts.values())
    print(json.dumps(lines) if settings.json else as_text(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
