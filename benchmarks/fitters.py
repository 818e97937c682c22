"""The reconstruction `refined` beside the field's own fitters, on the same images, with the same model and noise.

    python benchmarks/fitters.py [--n 30] [--galaxies 2] [--chains 3] [--limit 300] [--keep FILE] [--json]

Images: the first n smooth test images of hst:multipoles=off whose sources have no compact components, and so many whose
source is a real galaxy (hst:galaxies=on,multipoles=off; they ask for LENSLAB_DATA). Everybody fits a power law with
shear and one Sersic, at the noise that `refined` ends with, so that chi^2 means one thing. The fitters:

refined   this project's: a network begins, least squares through the lens go on
swarm     lenstronomy's particle swarm (100 particles, amplitude solved for, its own image model), begun anywhere in
          the population's ranges
adam      gradient descent through this project's simulator, from the four best starts that `refined` has
mcmc      lenstronomy's chain by emcee (100 walkers, 500 steps, the first half left out), begun about the answer of
          `refined` by its errors; on the first --chains images; left out where emcee is not installed

Swarm and Adam stop as soon as chi^2 is that of `refined` and 1 % more, or after --limit CPU seconds, which then is
their time. All times are CPU seconds of one process. A run that was stopped goes on where it was.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch

from benchmarks.parts import Parts, weights
from lenslab.checkpoint import checkpoints_folder
from lenslab.device import one_thread
from lenslab.feed.stream import HELD_OUT_SEED
from lenslab.fit import observed
from lenslab.fit.model import residual
from lenslab.fit.problem import FitProblem
from lenslab.fit.refined import lens_places, mean_of
from lenslab.images.observation import Observation
from lenslab.images.simulate import psf_kernel
from lenslab.insight.metrics import median_interval
from lenslab.population import CHUNK, find
from lenslab.scenes import DARK, Scenes
from lenslab.sets.draw import items
from lenslab.tasks.reconstruct import Settings, reconstruct, starting_network
from lenslab.tasks.reconstruct.refined import STARTER, starts, usual

PLAIN, GALAXIES = "hst:multipoles=off", "hst:multipoles=off,galaxies=on"
SETTINGS = Settings(lens_light="none", multipoles=False, compact=False)
NEAR = 1.01                # times the chi^2 of `refined` that is as good
PARTICLES = 100
WALKERS, STEPS = 100, 500
RATE, FROM = 0.02, 4       # of Adam, in standard deviations of the population; starts
LENS = dict(theta_E="theta_E", gamma="gamma", e1="e1", e2="e2", center_x="center_x", center_y="center_y")
SHEAR = dict(gamma1="gamma1", gamma2="gamma2")
SOURCE = dict(e1="source_e1", e2="source_e2", center_x="source_x", center_y="source_y")   # R and n: of logarithms


@dataclass(frozen=True)
class Case:
    """One image: what is fitted, the truth, and how well `refined` did."""

    problem: FitProblem      # at the noise of the model of `refined`
    places: torch.Tensor     # (T, Q) where it began, the best first
    mean: torch.Tensor       # (P,) its answer,
    std: torch.Tensor        # (P,) and its errors
    chi2: float
    seconds: float
    theta_E: float           # true, arcsec


def numbers(population: str, n: int) -> list[int]:
    """The first n items of a kind among the smooth test images of a population."""
    found, chunk = [], 0
    while len(found) < n:
        drawn = find(population).chunk(chunk, HELD_OUT_SEED, "test")
        if population == GALAXIES:
            rows = np.flatnonzero(np.isfinite(drawn.truths["picture"]))
        else:
            rows = np.concatenate([rows[alone(scenes)] for rows, scenes in drawn.groups])
        found += [CHUNK * chunk + int(row) for row in np.sort(rows)]
        chunk += 1
    return found[:n]


def alone(scenes: Scenes) -> np.ndarray:
    """(B,) whether a source has no compact components."""
    lit = [scenes[path] < DARK for path in scenes.values if path.startswith("source.clumps.")
           and path.endswith(".magnitude")]
    return ~torch.stack(lit).any(0).numpy() if lit else np.ones(len(scenes), bool)


def case_of(population: str, number: int) -> Case:
    camera, row = find(population).camera, number % CHUNK
    drawn = items(find(population), number // CHUNK, HELD_OUT_SEED, "test", bare=True).take(slice(row, row + 1))
    observation = Observation(image=drawn.image, variance=drawn.variance, pixel_scale=camera.pixel_scale,
                              psf=psf_kernel(camera), psf_supersampling=camera.supersampling)
    regressor, taught = starting_network()
    *_, last = reconstruct(observation, regressor, taught, settings=SETTINGS)
    found = last.reconstruction
    lens = usual(taught, SETTINGS)
    made = observed.target(observation, lens, components=0)
    model = found.model[None, None].float()
    problem = replace(made.problem, sigma=torch.where(found.used, made.noise_of(model), torch.inf))
    with torch.no_grad():
        places = lens_places(problem, starts(made, regressor, taught).float())
        order = torch.cat([residual(problem.lens, problem.image, problem.sigma, place[None]).square().sum(1)
                           for place in places]).argsort()
    left = ((problem.image - model) / problem.sigma).double()
    truth = float(drawn.parameters[0, find(population).paths.index("lens.theta_E")])
    return Case(problem, places[order], found.mean, found.covariance.diagonal().sqrt(), float(left.square().sum()),
                found.seconds, truth)


def adam(case: Case, limit: float) -> dict:
    """Coordinates in standard deviations of the population, the amplitude's logarithm as it is."""
    begun, problem = time.process_time(), case.problem
    lens, n = problem.lens, FROM
    width = torch.cat([lens.std.float(), torch.ones(1)])
    mean, pull = mean_of(lens, case.places), lens.pull(problem.width, case.places)
    at = (case.places[:n] / width).clone().requires_grad_()
    optimizer = torch.optim.Adam([at], lr=RATE)
    low, high = (torch.cat([edge.float(), torch.tensor([far])]) for edge, far in ((lens.low, -12.0), (lens.high, 12.0)))
    best, theta_E, steps = np.inf, float("nan"), 0
    image, sigma = (part.expand(n, -1, -1, -1) for part in (problem.image, problem.sigma))
    while best > NEAR * case.chi2 and time.process_time() - begun < limit:
        place = at * width
        chi2 = residual(lens, image, sigma, torch.minimum(torch.maximum(place, low), high)).square().sum(1)
        k = int(chi2.argmin())
        if (now := chi2[k].item()) < best:
            best, theta_E = now, place[k, lens.names.index("theta_E")].item()
        optimizer.zero_grad()
        (chi2 + ((place - mean).square() * pull).sum(1)).sum().backward()
        at.grad.nan_to_num_(0.0, 0.0, 0.0)
        optimizer.step()
        steps += 1
    return ended(case, best, theta_E, time.process_time() - begun, limit) | dict(steps=steps)


def lenstronomy_likelihood(case: Case):
    """lenstronomy's likelihood of the image and its parameters; limits are those of our fit."""
    from lenstronomy.Sampling.likelihood import LikelihoodModule
    from lenstronomy.Sampling.parameters import Param

    lens, camera = case.problem.lens, case.problem.lens.camera
    corner = -(camera.num_pix - 1) / 2 * camera.pixel_scale
    image = dict(image_data=case.problem.image[0, 0].double().numpy(),
                 noise_map=case.problem.sigma[0, 0].double().nan_to_num(1e6, 1e6).numpy(), ra_at_xy_0=corner,
                 dec_at_xy_0=corner, transform_pix2angle=np.eye(2) * camera.pixel_scale)
    seen = find(PLAIN).camera
    psf = dict(psf_type="GAUSSIAN", fwhm=seen.fwhm, pixel_size=seen.pixel_scale, truncation=seen.psf_truncation)
    numerics = dict(supersampling_factor=camera.supersampling, supersampling_convolution=True)
    model = dict(lens_model_list=["EPL", "SHEAR"], source_light_model_list=["SERSIC_ELLIPSE"])
    edges = []
    for edge in (lens.low, lens.high):
        at = dict(zip(lens.names, edge.tolist(), strict=True))
        edges.append(([{k: at[v] for k, v in part.items()} for part in (LENS, SHEAR)],
                      [{k: at[v] for k, v in SOURCE.items()} | dict(R_sersic=np.exp(at["log_R"]),
                                                                     n_sersic=np.exp(at["log_n"]))]))
    param = Param(model, kwargs_fixed_lens=[{}, dict(ra_0=0, dec_0=0)], kwargs_fixed_source=[{}],
                  kwargs_lower_lens=edges[0][0], kwargs_upper_lens=edges[1][0], kwargs_lower_source=edges[0][1],
                  kwargs_upper_source=edges[1][1], linear_solver=True)
    likelihood = LikelihoodModule(dict(multi_band_list=[[image, psf, numerics]], multi_band_type="single-band"), model,
                                  param, image_likelihood=True, check_bounds=True)
    return likelihood, param


def swarm(case: Case, limit: float, seed: int) -> dict:
    from lenstronomy.Sampling.Samplers.pso import ParticleSwarmOptimizer

    begun = time.process_time()
    likelihood, param = lenstronomy_likelihood(case)
    low, high = param.param_limits()
    np.random.seed(seed)                       # lenstronomy draws from numpy's own stream
    birds = ParticleSwarmOptimizer(likelihood.logL, low, high, PARTICLES)
    steps = 0
    for _ in birds.sample(max_iter=10**6, m=0, n=0, verbose=False):
        steps += 1
        if -2 * birds.global_best.fitness <= NEAR * case.chi2 or time.process_time() - begun > limit:
            break
    theta_E = param.args2kwargs(birds.global_best.position)["kwargs_lens"][0]["theta_E"]
    return ended(case, -2 * birds.global_best.fitness, theta_E, time.process_time() - begun, limit) | dict(steps=steps)


def ended(case: Case, chi2: float, theta_E: float, seconds: float, limit: float) -> dict:
    reached = chi2 <= NEAR * case.chi2
    return dict(chi2=chi2, theta_E=theta_E, reached=reached, seconds=seconds if reached else limit)


def chain(case: Case) -> dict:
    from lenstronomy.Sampling.sampler import Sampler

    begun = time.process_time()
    likelihood, param = lenstronomy_likelihood(case)
    at, width = (dict(zip(case.problem.lens.names, row.tolist(), strict=True)) for row in (case.mean, case.std))
    sides = []
    for row, scale in ((at, None), (width, at)):
        R, n = (np.exp((scale or row)[name]) * (row[name] if scale else 1.0) for name in ("log_R", "log_n"))
        sides.append(param.kwargs2args(kwargs_lens=[{k: row[v] for k, v in LENS.items()},
                                                    {k: row[v] for k, v in SHEAR.items()}],
                                       kwargs_source=[{k: row[v] for k, v in SOURCE.items()}
                                                      | dict(R_sersic=R, n_sersic=n)]))
    samples, logL = Sampler(likelihood).mcmc_emcee(WALKERS, STEPS - STEPS // 2, STEPS // 2, *map(np.array, sides),
                                                   progress=False)[:2]
    theta_E = np.array(samples)[:, param.num_param()[1].index("theta_E_lens0")]
    return dict(chi2=float(-2 * np.max(logL)), theta_E=float(theta_E.mean()), std=float(theta_E.std()), reached=True,
                seconds=time.process_time() - begun)


def rows_of(population: str, number: int, chains: bool, limit: float, done: dict) -> dict:
    """What each fitter made of one image, beside what is `done`."""
    case = case_of(population, number)
    row = dict(done) | dict(truth=case.theta_E, refined=dict(
        chi2=case.chi2, theta_E=float(case.mean[case.problem.lens.names.index("theta_E")]),
        std=float(case.std[case.problem.lens.names.index("theta_E")]), reached=True, seconds=case.seconds))
    with one_thread():
        row.setdefault("adam", adam(case, limit))
        if "swarm" not in row:
            row["swarm"] = swarm(case, limit, number)
        if chains and "mcmc" not in row:
            row["mcmc"] = chain(case)
    return row


def show(rows: list[dict], words: str) -> dict:
    """A table, and its figures as plain values."""
    print(f"\n{words}, n = {len(rows)}\n\n| fitter | n | CPU s, median, over refined's | reached chi2 + 1 % | error of "
          "theta_E, median | chi2 over refined's, median |\n|---|---|---|---|---|---|")
    figures = {}
    for name in ("refined", "swarm", "adam", "mcmc"):
        some = [row for row in rows if name in row]
        if not some:
            continue
        off = [abs(row[name]["theta_E"] / row["truth"] - 1) for row in some]
        figures[name] = dict(n=len(some), seconds=median_interval([row[name]["seconds"] for row in some]),
                             reached=sum(row[name]["reached"] for row in some), error=median_interval(off),
                             chi2=float(np.median([row[name]["chi2"] / row["refined"]["chi2"] for row in some])),
                             slower=float(np.median([row[name]["seconds"] / row["refined"]["seconds"]
                                                     for row in some])))
        one = figures[name]
        print(f"| {name} | {one['n']} | {one['seconds'][0]:.1f} [{one['seconds'][1]:.1f}, {one['seconds'][2]:.1f}], "
              f"{one['slower']:.0f} x | {one['reached']} | {100 * one['error'][0]:.2f} "
              f"[{100 * one['error'][1]:.2f}, {100 * one['error'][2]:.2f}] % | {one['chi2']:.3f} |")
    return figures


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=30)
    parser.add_argument("--galaxies", type=int, default=2)
    parser.add_argument("--chains", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300.0, help="CPU seconds of swarm and Adam on an image")
    parser.add_argument("--keep", type=Path, default=Path("runs/fitters.json"))
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(words)
    torch.set_num_threads(1)
    if settings.chains and find_spec("emcee") is None:
        print("emcee is not installed (pip install emcee): no chains.", file=sys.stderr)
        settings.chains = 0
    parts = Parts(settings.keep, dict(start=weights(checkpoints_folder() / STARTER), limit=settings.limit))
    found = {}
    for population, n, about in ((PLAIN, settings.n, "Sersic sources"), (GALAXIES, settings.galaxies,
                                                                           "real galaxies as sources")):
        rows = []
        for k, number in enumerate(numbers(population, n)):
            name, chains = f"{population} {number}", population == PLAIN and k < settings.chains
            if name not in parts or (chains and "mcmc" not in parts[name]):
                parts[name] = rows_of(population, number, chains, settings.limit, parts.get(name, {}))
                print(name, parts[name], file=sys.stderr, flush=True)
            rows.append(parts[name])
        if rows:
            found[about] = show(rows, about)
    if settings.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
