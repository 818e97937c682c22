"""Do generated lenses obey the lens equation, and do their artefacts mimic dark matter?

    python benchmarks/generate_physics.py CHECKPOINT [--n 200] [--dark 200] [--seed 0] [--json] [--write]

Lens equation: n smooth lenses are asked for, each is taken by its camera with a signal to noise of 200, and a smooth
lens is fitted to it (lenslab.fit, begun at what was asked for). Beside it the simulator's images of the same lenses.
chi^2 a pixel: 1 where nothing is left. Slope: of the fitted over the requested theta_E.

Artefacts: `--dark` lenses of each class, smooth, fdm and vortex, with a signal to noise of 500: the evidence for
corrections of the potential after that fit (lenslab.fit.potential_corrections), whose 95 % quantile on the simulator's
smooth lenses is the alarm. Intervals: 95 %, bootstrap. With --write all goes into the header, under "benchmark".
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from torch import Tensor

from lenslab import checkpoint
from lenslab.fit import Fit, SmoothLens, fit, potential_corrections, smooth_lens
from lenslab.insight.metrics import auc, auc_interval
from lenslab.population import find
from lenslab.scenes import Scenes, flatten
from lenslab.sets.item import estimated
from lenslab.tasks.generate import asked as asking
from lenslab.tasks.generate.asked import Asked
from lenslab.tasks.generate.sampling import predict
from lenslab.tasks.noise_free.conditions import CLASS, Conditions, S
from lenslab.tasks.trained import Trained, load

LENS_S, DARK_S = 200.0, 500.0
ALARM = 0.05          # share of the simulator's smooth lenses that are flagged
RESAMPLES = 1000


def both(trained: Trained, kind: str, n: int, signal: float, seed: int) -> tuple[list[Asked], dict[str, Tensor]]:
    """Lenses of a class, and images of them as their cameras take them (n, 1, H, W): generated, simulated."""
    population = find(trained.card["population"])
    lenses = asking.lenses_of(population, n, seed, {CLASS: kind, S: signal})
    table = asking.table_of(Conditions.of_card(trained.card["conditions"]), lenses)
    simulated, lit = asking.twins(lenses)
    made = predict(trained, table).images
    other = [replace(one, scene=replace(one.scene, seed_noise=one.scene.seed_noise + 1)) for one in lit]
    return lit, {"generated": asking.photographed(lit, made), "simulated": asking.photographed(other, simulated)}


def fitted(name: str, lenses: list[Asked], image: Tensor) -> tuple[SmoothLens, Tensor, Fit]:
    """The smooth lenses of a population, the noise of the images, and the lens of each, begun at what was asked for."""
    lens, paths = smooth_lens(name), find(name).paths
    table = np.array([[flat.get(path, np.nan) for path in paths] for flat in (flatten(one.scene) for one in lenses)])
    scenes = Scenes.of([replace(one.scene, source=replace(one.scene.source, clumps=())) for one in lenses],
                       dtype=torch.float32)
    sigma = estimated(scenes, image).sqrt()
    return lens, sigma, fit(lens, image, sigma, lens.of_table(paths, table))


def lens_equation(trained: Trained, n: int, seed: int) -> dict:
    """chi^2 a pixel, and what a fit finds of theta_E."""
    lenses, images = both(trained, "smooth", n, LENS_S, seed)
    asked = np.array([one.scene.lens.theta_E for one in lenses])
    out = {}
    for side, image in images.items():
        lens, _, found = fitted(trained.card["population"], lenses, image)
        theta = found.coordinates[:, lens.names.index("theta_E")].numpy()
        chi2 = (found.chi2 / image[0].numel()).numpy()
        slope = np.polyfit(asked, theta, 1)[0]
        low, high = np.percentile(bootstrap(lambda at, theta=theta: np.polyfit(asked[at], theta[at], 1)[0], n),
                                  [2.5, 97.5])
        out[side] = dict(chi2=np.percentile(chi2, [16, 50, 84]).tolist(), slope=float(slope),
                         slope_interval=[float(low), float(high)],
                         scatter=float(np.diff(np.percentile(theta - asked, [16, 84]))[0] / 2),
                         bias=float(np.median(theta - asked)))
    return out | dict(n=n, S=LENS_S)


def artefacts(trained: Trained, n: int, seed: int) -> dict:
    """What the evidence for corrections says of lenses that were asked to be smooth, and of those that were not."""
    evidence: dict[str, dict[str, np.ndarray]] = {"generated": {}, "simulated": {}}
    for kind in ("smooth", "fdm", "vortex"):
        lenses, images = both(trained, kind, n, DARK_S, seed)
        for side, image in images.items():
            lens, sigma, found = fitted(trained.card["population"], lenses, image)
            evidence[side][kind] = potential_corrections(lens, sigma, found).evidence.numpy()
    alarm = np.quantile(evidence["simulated"]["smooth"], 1 - ALARM)
    out: dict = dict(n=n, S=DARK_S, alarm=float(alarm))
    for side, kinds in evidence.items():
        flagged = kinds["smooth"] > alarm
        share = bootstrap(lambda at, flagged=flagged: flagged[at].mean(), n)
        out[side] = dict(flagged=float(flagged.mean()), flagged_interval=np.percentile(share, [2.5, 97.5]).tolist())
        for kind in ("fdm", "vortex"):
            score = np.concatenate([kinds[kind], kinds["smooth"]])
            truth = np.repeat([True, False], n)
            out[side][kind] = dict(auc=auc(score, truth), interval=list(auc_interval(score, truth)))
    return out


def bootstrap(figure, n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([figure(rng.integers(0, n, n)) for _ in range(RESAMPLES)])


def show(found: dict) -> None:
    if "lens_equation" in found:
        print("| | chi^2 a pixel: 16, 50, 84 % | slope of theta_E | scatter, arcsec | bias, arcsec |")
        print("|---" * 5 + "|")
        for side in ("generated", "simulated"):
            one = found["lens_equation"][side]
            print(f"| {side} | {', '.join(f'{value:.3f}' for value in one['chi2'])} | {one['slope']:.4f} "
                  f"[{one['slope_interval'][0]:.4f}, {one['slope_interval'][1]:.4f}] | {one['scatter']:.4f} | "
                  f"{one['bias']:.4f} |")
    if "artefacts" in found:
        print("\n| | smooth lenses flagged | AUC of fdm | AUC of vortex |\n|---|---|---|---|")
        for side in ("generated", "simulated"):
            one = found["artefacts"][side]
            cells = [f"{one[kind]['auc']:.3f} [{one[kind]['interval'][0]:.3f}, {one[kind]['interval'][1]:.3f}]"
                     for kind in ("fdm", "vortex")]
            print(f"| {side} | {one['flagged']:.3f} [{one['flagged_interval'][0]:.3f}, "
                  f"{one['flagged_interval'][1]:.3f}] | {' | '.join(cells)} |")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=200, help="of the lens equation; 0 leaves it away")
    parser.add_argument("--dark", type=int, default=200, help="of each class; 0 leaves the artefacts away")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    settings = parser.parse_args(words)
    trained, found = load(settings.checkpoint, task="generate"), {}
    if settings.n:
        found["lens_equation"] = lens_equation(trained, settings.n, settings.seed)
    if settings.dark:
        found["artefacts"] = artefacts(trained, settings.dark, settings.seed)
    found = checkpoint.plain(found)
    if settings.write:
        checkpoint.remark(settings.checkpoint, **found)
    if settings.json:
        print(json.dumps(found))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
