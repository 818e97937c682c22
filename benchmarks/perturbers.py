"""Is one small halo found beside a lens, where and how heavy, and do the maps of the potential show it?

    python benchmarks/perturbers.py [--n 500] [--workers 2] [--keep FILE] [--json]

n smooth test images of hst, each once as it is and once with one truncated NFW halo of 10^8.5 to 10^10 Msun (M200 at
infall, even in its logarithm) beneath its arcs, where they stand 3 sigmas above the noise; mass is conserved, so that
the ring keeps its size. Both are reconstructed as anybody's image is. The halo counts as found where the best small
mass (lenslab.fit.perturber) has more sigmas than 95 % of the smooth images show, lies within 0.2" and has within 0.3
dex what the halo holds in projection within 0.2", a part of its whole mass, since no image tells of more. Rows go by
the refitted sigmas, what the best smooth lens leaves of the image without noise (lenslab.fit.refit). Beside recall: AUC
of the single mass's significance and of the evidence for corrections of the potential, and the correlation of delta psi
with the halo's own potential in the arc mask, where constant, gradient and shear are taken off both. Intervals are of
95 %. A run that was stopped goes on where it was.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch

from benchmarks.parts import Parts, weights
from benchmarks.reconstruct import network, share
from lenslab.checkpoint import checkpoints_folder
from lenslab.feed.stream import HELD_OUT_SEED
from lenslab.feed.workers import chunks_from
from lenslab.fit.refit import left_over
from lenslab.images.realise import realise
from lenslab.images.simulate import noise_free, psf_kernel
from lenslab.insight.localise import mean_interval
from lenslab.insight.metrics import auc, auc_interval
from lenslab.physics.clumps import tnfws_potential
from lenslab.physics.grid import pixel_axis
from lenslab.physics.halos import tnfw_deflection
from lenslab.population import find
from lenslab.scene import Clump, Scene, Substructure
from lenslab.scenes import Scenes
from lenslab.sets.item import item, observation_of
from lenslab.tasks.reconstruct import Reconstruction, Settings, reconstruct
from lenslab.tasks.reconstruct.refined import STARTER, THOROUGH

HST = "hst"
MASSES = 8.5, 10.0       # log10 Msun
BRIGHT = 3.0             # sigmas of the arcs beneath which a halo is put
NEAR, ALIKE = 0.2, 0.3   # arcsec, and dex, within which a halo is found
FALSE = 0.05             # share of smooth images that may pass for one with a halo
RANGES = ((0, 3), (3, 6), (6, 10), (10, np.inf), (6, np.inf))
SETTINGS = Settings(lens_light="none", corrections=True, perturber=True)


def pair(number: int) -> tuple[Scene, Scene]:
    """A smooth lens and the same with one halo beneath its arcs."""
    smooth = item(find(HST), number, HELD_OUT_SEED).scene
    smooth = replace(smooth, substructure=Substructure())
    rng = np.random.default_rng([HELD_OUT_SEED, number])
    seen = observation_of(smooth)
    arcs = (noise_free(Scenes.of([smooth], dtype=torch.float32)) / seen.noise)[0, 0]
    rows = (arcs > min(BRIGHT, float(arcs.max()) / 2)).nonzero()
    y, x = (pixel_axis(arcs.shape[-1], seen.pixel_scale, dtype=torch.float64)[rows[rng.integers(len(rows))]]).tolist()
    clump = Clump(log10_mass=float(rng.uniform(*MASSES)), center_x=x, center_y=y)
    return smooth, replace(smooth, substructure=Substructure(clumps=(clump,)))


def reconstruction(scene: Scene) -> Reconstruction:
    camera = scene.camera
    seen = replace(observation_of(scene), psf=psf_kernel(camera), psf_supersampling=camera.supersampling, scenes=None)
    *_, last = reconstruct(seen, *network(), settings=SETTINGS)
    return last.reconstruction


def said(found: Reconstruction) -> dict:
    """What a reconstruction says of small masses; none where it shows no arcs."""
    told, k = found.perturbers, None if found.perturbers is None else found.perturbers.best
    return dict(evidence=found.corrections.evidence, converged=found.converged, seconds=found.seconds,
                significance=-9.0 if told is None else told.significance,
                single=-9.0 if told is None else told.evidence, alarm=1.0 if told is None else told.false_alarm,
                place=None if told is None else [float(told.x[k]), float(told.y[k])],
                mass=None if told is None else float(told.mass[k]))


def columns(number: int) -> dict:
    """Both images of a pair as plain values."""
    smooth, planted = pair(number)
    clump, scenes = planted.substructure.clumps[0], Scenes.of([planted], dtype=torch.float64)
    halos = realise(scenes).halos
    own = [getattr(halos, name)[0, 0] for name in ("Rs", "alpha_Rs", "r_trunc")]
    zero, near = torch.zeros((), dtype=torch.float64), torch.tensor(NEAR, dtype=torch.float64)
    bend = float(tnfw_deflection(near, zero, *own, zero, zero)[0])
    found = reconstruction(planted)
    return dict(log10_mass=clump.log10_mass, x=clump.center_x, y=clump.center_y, within=NEAR * bend,
                left=float(left_over(find(HST), scenes)[0]), smooth=said(reconstruction(smooth)), planted=said(found),
                correlation=correlation(found, halos))


def correlation(found: Reconstruction, halos) -> float:
    """Of delta psi with the potential of the halos, in the arc mask, less constant, gradient and shear of both."""
    side, scale = found.psi.shape[-1], found.observation.pixel_scale
    axis = pixel_axis(side, scale, dtype=torch.float64)
    x, y = axis.expand(side, -1), axis[:, None].expand(-1, side)
    truth = tnfws_potential(x[None], y[None], halos.Rs, halos.alpha_Rs, halos.r_trunc, halos.x, halos.y)[0]
    mask = found.arc_mask & found.corrections.psi.isfinite()
    free = torch.stack([torch.ones_like(x), x, y, x * x - y * y, x * y])[:, mask].T.numpy()
    one, other = (part.double()[mask].numpy() for part in (found.corrections.psi, truth))
    one, other = (part - free @ np.linalg.lstsq(free, part, rcond=None)[0] for part in (one, other))
    length = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / length) if length > 0 else 0.0


def measured(rows: list[dict]) -> dict:
    smooth, planted = ([row[word] for row in rows] for word in ("smooth", "planted"))
    alarm = np.array([one["significance"] for one in smooth])
    threshold = float(np.quantile(alarm, 1 - FALSE))
    left = np.array([row["left"] for row in rows])
    seen = np.array([one["significance"] > threshold for one in planted])
    off = np.array([np.hypot(one["place"][0] - row["x"], one["place"][1] - row["y"]) if one["place"] else np.inf
                    for one, row in zip(planted, rows, strict=True)])
    dex = np.array([abs(np.log10(one["mass"] / row["within"])) if one["mass"] and one["mass"] > 0 else np.inf
                    for one, row in zip(planted, rows, strict=True)])
    found, bins = seen & (off < NEAR) & (dex < ALIKE), []
    for low, high in RANGES:
        there = (left > low) & (left <= high)
        if not there.any():
            continue
        positive = np.r_[np.zeros(len(rows), bool), np.ones(int(there.sum()), bool)]
        line = dict(low=low, high=None if np.isinf(high) else high, n=int(there.sum()), found=share(found[there]),
                    seen=share(seen[there]), placed=share((seen & (off < NEAR))[there]),
                    correlation=mean_interval([rows[k]["correlation"] for k in np.flatnonzero(there)]))
        for word in ("significance", "evidence"):
            score = np.r_[[one[word] for one in smooth], [planted[k][word] for k in np.flatnonzero(there)]]
            line[f"auc_{word}"] = [auc(score, positive), *auc_interval(score, positive)]
        bins.append(line)
    return dict(n=len(rows), threshold=threshold, bins=bins,
                seconds=float(np.median([one["seconds"] for one in smooth + planted])))


def show(found: dict) -> None:
    print(f"{found['n']} images with a halo and {found['n']} without; 5 % of these show more than "
          f"{found['threshold']:.1f} sigmas. {found['seconds']:.1f} CPU s an image.\n\n| refitted sigmas | images | "
          "found | seen | seen in its place | AUC of the single mass | AUC of corrections | correlation of psi |\n"
          + "|---" * 8 + "|")
    for row in found["bins"]:
        about = f"{row['low']:g} to {row['high']:g}" if row["high"] else f"{row['low']:g} or more"
        print(f"| {about} | {row['n']} | " + " | ".join(
            f"{one[0]:.2f} [{one[1]:.2f}, {one[2]:.2f}]" for one in (
                row["found"], row["seen"], row["placed"], row["auc_significance"], row["auc_evidence"],
                row["correlation"])) + " |")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("runs/perturbers.json"))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    parts = Parts(settings.keep, dict(start=weights(checkpoints_folder() / STARTER), recipe=str(THOROUGH)))
    missing = [number for number in range(settings.n) if str(number) not in parts]
    for number, row in chunks_from(columns, missing, settings.workers):
        parts[str(number)] = row
        print(f"{sum(str(k) in parts for k in range(settings.n))} of {settings.n}", file=sys.stderr, flush=True)
    found = measured([parts[str(number)] for number in range(settings.n)])
    print(json.dumps(found)) if settings.json else show(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
