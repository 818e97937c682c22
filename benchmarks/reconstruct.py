"""How well and how fast is a lens had from one image? The reconstruction `refined` beside its targets.

    python benchmarks/reconstruct.py [SET ...] [--n 200] [--first 0] [--workers 2] [--json] [--keep FILE]

Sets, each n test images of its kind, the --first ones left out, seen with the PSF of their camera: `smooth` lenses of
hst, `galaxies` (hst:galaxies=on, those whose source is a real galaxy, none of which any network has seen; they ask for
LENSLAB_DATA), `substructure` (hst, every class but smooth), `pixels` (the smooth ones, their source as pixels). Of
each: CPU seconds an image; the median error of theta_E, beside that of a Gaussian with the curvature's sigma at the
fit that begins at the truth (Cramer-Rao with the population as prior; for galaxies, whose truth is no Sersic, at the
fit itself); how many chi^2 end within 20 of that fit's, at the same noise; how many fits call themselves not
converged; and how often the truth lies within one and within 1.96 sigma (68 and 95 % of a Gaussian), for each number
of the lens, over converged fits and over all. Intervals are of 95 %: shares by Wilson, medians by order statistics. A
run that was stopped goes on where it was.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch

from benchmarks.parts import Parts, weights
from lenslab.checkpoint import checkpoints_folder
from lenslab.device import one_thread
from lenslab.feed.stream import HELD_OUT_SEED
from lenslab.feed.workers import chunks_from
from lenslab.fit import compact, observed
from lenslab.fit.descent import descend
from lenslab.fit.problem import State
from lenslab.fit.refined import lens_places
from lenslab.images.observation import Observation
from lenslab.images.simulate import psf_kernel
from lenslab.insight.judgement import wilson
from lenslab.insight.metrics import median_interval
from lenslab.population import CHUNK, find
from lenslab.sets.draw import Items, items
from lenslab.tasks.reconstruct import Settings, reconstruct, starting_network
from lenslab.tasks.reconstruct.refined import STARTER, THOROUGH, usual

HST = "hst"
SETS = {"smooth": HST, "galaxies": "hst:galaxies=on", "substructure": HST, "pixels": HST}
WITHIN = 20.0        # of chi^2
GAUSSIAN = 0.6745    # median of abs(x) in sigmas
TWO = 1.96           # sigmas that hold 95 %


@lru_cache(maxsize=2)
def chunk_of(name: str, chunk: int) -> Items:
    return items(find(SETS[name]), chunk, HELD_OUT_SEED, "test", bare=name != "substructure")


@lru_cache(maxsize=2)
def network():
    return starting_network()


def rows_of(name: str, chunk: int) -> list[int]:
    """Items of a chunk that belong to a set."""
    population = find(SETS[name])
    if name == "substructure":
        labels = population.chunk(chunk, HELD_OUT_SEED, "test").labels
        return np.flatnonzero(labels != population.classes.index("smooth")).tolist()
    if name == "galaxies":
        return np.flatnonzero(np.isfinite(population.chunk(chunk, HELD_OUT_SEED, "test").truths["picture"])).tolist()
    return list(range(CHUNK))


def places(name: str, n: int, first: int = 0) -> list[int]:
    """Numbers of n images of a set among the items of its split, the set's own first ones left out."""
    found, chunk = [], 0
    while len(found) < first + n:
        found += [CHUNK * chunk + row for row in rows_of(name, chunk)]
        chunk += 1
    return found[first:first + n]


def observation_of(name: str, number: int) -> Observation:
    """One image as an observer has it: noise estimated from the image, the PSF of the camera known."""
    drawn, camera = chunk_of(name, number // CHUNK).take(slice(number % CHUNK, number % CHUNK + 1)), \
        find(SETS[name]).camera
    return Observation(image=drawn.image, variance=drawn.variance, pixel_scale=camera.pixel_scale,
                       psf=psf_kernel(camera), psf_supersampling=camera.supersampling, name=f"{name} {number}")


@dataclass(frozen=True)
class Fitted:
    """Reconstructions of a set's images as plain columns; travels to processes."""

    name: str

    def columns(self, number: int) -> dict:
        drawn = chunk_of(self.name, number // CHUNK).take(slice(number % CHUNK, number % CHUNK + 1))
        regressor, taught = network()
        settings = Settings(lens_light="none", source="pixels" if self.name == "pixels" else "sersic")
        observation = observation_of(self.name, number)
        *_, last = reconstruct(observation, regressor, taught, settings=settings)
        found = last.reconstruction
        truth = taught.of_table(find(SETS[self.name]).paths, drawn.parameters)[0].double()
        keep = [taught.names.index(name) for name in found.names]
        mass = [k for k, name in enumerate(found.names) if name in taught.mass_names]
        S = drawn.truths["signal_to_noise"][0]
        row = dict(seconds=found.seconds, S=S, names=[found.names[k] for k in mass], mean=found.mean[mass].tolist(),
                   std=found.covariance.diagonal().sqrt()[mass].tolist(), truth=truth[keep][mass].tolist(),
                   converged=found.converged, why=found.why, reduced_chi2=found.reduced_chi2)
        if found.pixel_source is not None:
            row["pixel_chi2"] = found.pixel_source.chi2
        return row | self.from_the_truth(observation, settings, drawn, found)

    def from_the_truth(self, observation: Observation, settings: Settings, drawn: Items, found) -> dict:
        """chi^2 of the fit and of one that begins at the true lens and source, at the noise of the fit's model, and
        the curvature's sigma of theta_E."""
        stretch, k = THOROUGH.stretch, found.names.index("theta_E")
        if self.name == "galaxies":
            return dict(sigma=float(found.covariance[k, k].sqrt()) / stretch)
        lens, paths = usual(network()[1], settings), find(SETS[self.name]).paths
        made = observed.target(observation, lens, components=0)
        model = found.model[None, None].float()
        sigma = torch.where(found.used, made.noise_of(model), torch.inf)
        problem = replace(made.problem, sigma=sigma)
        with one_thread(), torch.inference_mode():
            place = lens_places(problem, lens.of_table(paths, drawn.parameters))
            state = State(place, compact.of_table(paths, drawn.parameters), problem.glow)
            best = descend(problem, state, THOROUGH.last)
        left = torch.where(found.used, (problem.image - model) / sigma, 0.0)
        return dict(sigma=float(torch.linalg.inv(best.normal[0])[k, k].sqrt()),
                    chi2=float(left.double().square().sum()), chi2_of_truth=float(best.left.double().square().sum()))


def measured(rows: list[dict]) -> dict:
    """Figures of a set as plain values; pairs and triples end with their interval."""
    names, converged = rows[0]["names"], np.array([row["converged"] for row in rows])
    mean, std, truth = (np.array([row[word] for row in rows]) for word in ("mean", "std", "truth"))
    pulls, k = (mean - truth) / std, names.index("theta_E")
    off = np.abs(mean - truth)[:, k] / truth[:, k]
    sigma = np.array([row["sigma"] for row in rows]) / truth[:, k]
    floor = GAUSSIAN * np.median(sigma)
    seconds = np.array([row["seconds"] for row in rows])
    found = dict(n=len(rows), seconds=median_interval(seconds), seconds_mean=float(seconds.mean()),
                 error=median_interval(off), floor=float(floor),
                 ratio=[value / floor for value in median_interval(off)],
                 S_sigma=float(np.median(sigma * [row["S"] for row in rows])),
                 flagged=share(~converged), reduced_chi2=median_interval([row["reduced_chi2"] for row in rows]))
    if "chi2" in rows[0]:
        found["within"] = share(np.array([row["chi2"] - row["chi2_of_truth"] < WITHIN for row in rows]))
    if "pixel_chi2" in rows[0]:
        found["pixel_chi2_less"] = float(np.median([row["pixel_chi2"] - row["chi2"] for row in rows]))
    found["coverage"] = {name: [[share(np.abs(pulls[some, j]) < limit) for limit in (1, TWO)]
                                for some in (converged, np.ones_like(converged))] for j, name in enumerate(names)}
    return found


def share(true: np.ndarray) -> list[float]:
    """Of a boolean array, with its interval; nothing of none."""
    if not len(true):
        return [float("nan")] * 3
    low, high = wilson(true.sum(), len(true))
    return [float(true.mean()), float(low), float(high)]


def show(name: str, found: dict) -> None:
    seconds, error, ratio, flagged = (found[word] for word in ("seconds", "error", "ratio", "flagged"))
    print(f"\n{name}, n = {found['n']}\n\n| figure | measured |\n|---|---|")
    print(f"| CPU s an image, median | {seconds[0]:.2f} [{seconds[1]:.2f}, {seconds[2]:.2f}] (mean "
          f"{found['seconds_mean']:.2f}) |")
    print(f"| median error of theta_E | {percent(error, 2)} |")
    print(f"| the same over the curvature's {100 * found['floor']:.2f} % | {ratio[0]:.2f} [{ratio[1]:.2f}, "
          f"{ratio[2]:.2f}] |")
    print(f"| curvature's sigma of theta_E / theta_E, times S | {found['S_sigma']:.2f} |")
    if "within" in found:
        print(f"| chi2 within {WITHIN:g} of the fit begun at the truth | {percent(found['within'])} |")
    if "pixel_chi2_less" in found:
        print(f"| chi2 of the pixelised source less that of Sersics, median | {found['pixel_chi2_less']:.0f} |")
    print(f"| flagged not converged | {percent(flagged)} |")
    print(f"| chi2 a pixel of the arcs, median | {found['reduced_chi2'][0]:.3f} |")
    print("\n| truth within | 1 sigma, converged | 2 sigma (95 %), converged | 1 sigma, all | 2 sigma, all |\n"
          "|---|---|---|---|---|")
    for name, pairs in found["coverage"].items():
        print(f"| {name} | " + " | ".join(percent(one) for pair in pairs for one in pair) + " |")


def percent(triple, digits: int = 0) -> str:
    value, low, high = (100 * part for part in triple)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}] %"


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all unless some are named")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="images of each set to leave out, such as those that a "
                        "rule was chosen on")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("runs/reconstruct.json"))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    if strange := set(settings.sets) - set(SETS):
        parser.error(f"no set {sorted(strange)[0]!r}; choose from {', '.join(SETS)}")
    parts = Parts(settings.keep, dict(start=weights(checkpoints_folder() / STARTER), recipe=str(THOROUGH)))
    answers = {}
    for name in settings.sets or SETS:
        numbers = places(name, settings.n, settings.first)
        missing = [number for number in numbers if f"{name} {number}" not in parts]
        for number, row in chunks_from(Fitted(name).columns, missing, settings.workers):
            parts[f"{name} {number}"] = row
            print(f"{name}: {sum(f'{name} {k}' in parts for k in numbers)} of {len(numbers)}", file=sys.stderr,
                  flush=True)
        answers[name] = measured([parts[f"{name} {number}"] for number in numbers])
        if not settings.json:
            show(name, answers[name])
    if settings.json:
        print(json.dumps(answers))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
