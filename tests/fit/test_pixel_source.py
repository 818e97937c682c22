"""A source of pixels: the linear inversion is that of its normal equations, and its evidence knows the strength."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from lenslab.fit.pixel_source import most_likely, penalty, pixel_source
from lenslab.fit.problem import FitProblem, State
from lenslab.images.model import source_light
from lenslab.population import find
from lenslab.scenes import Scenes
from lenslab.sets.draw import items
from lenslab.tasks.reconstruct import starting_network


def toy(strength=0.3, seed=0, side=6, n=80):
    rng = np.random.default_rng(seed)
    H = penalty(side)
    D = torch.from_numpy(rng.normal(size=(n, side**2)))
    s = torch.from_numpy(rng.multivariate_normal(np.zeros(side**2), np.linalg.inv(H.numpy()) / strength))
    return D, D @ s + torch.from_numpy(rng.normal(size=n)), H, s


def test_the_evidence_is_that_of_a_gaussian_and_its_source_solves_the_normal_equations():
    D, d, H, _ = toy()
    s, covariance, strength, evidence, freedom = most_likely(D, d, H)
    normal = D.mT @ D + strength * H
    torch.testing.assert_close(s, torch.linalg.solve(normal, D.mT @ d))
    torch.testing.assert_close(covariance, torch.linalg.inv(normal))
    prior = D @ torch.linalg.inv(H) @ D.mT / strength + torch.eye(len(d), dtype=torch.float64)
    assert evidence == pytest.approx(multivariate_normal(np.zeros(len(d)), prior.numpy()).logpdf(d.numpy()), rel=1e-8)
    assert freedom == pytest.approx(float(torch.trace(D @ covariance @ D.mT)), rel=1e-8)


def test_strength_is_found_and_errors_cover_the_truth():
    """40 sources drawn from the prior: 1,440 pulls have variance 1, and the median strength is the true one."""
    strengths, pulls = [], []
    for seed in range(40):
        D, d, H, truth = toy(seed=seed)
        s, covariance, strength, _, _ = most_likely(D, d, H)
        strengths.append(strength)
        pulls.append((s - truth) / covariance.diagonal().sqrt())
    assert 0.8 < float(torch.stack(pulls).square().mean()) < 1.25
    assert 0.15 < float(np.median(strengths)) < 0.6


def test_behind_the_true_lens_the_source_is_found_and_a_source_seen_once_is_refused():
    population = find("hst:galaxies=off")
    drawn = items(population, 0, 0, "validation")
    row = int(np.flatnonzero(drawn.labels == 0)[0])
    lens = starting_network()[1]
    place = torch.cat([lens.of_table(population.paths, drawn.parameters[row:row + 1]), torch.zeros(1, 1)], 1)
    nothing = place[:, :0]
    problem = FitProblem(lens, drawn.image[row:row + 1], drawn.variance[row:row + 1].sqrt(), nothing)
    found = pixel_source(problem, State(place, nothing, nothing))
    assert 0.85 < found.chi2 / (problem.image.numel() - found.effective_freedom) < 1.1
    true = dict(zip(population.paths, drawn.parameters[row], strict=True))
    axis = torch.linspace(-found.half_width, found.half_width, len(found.brightness), dtype=torch.float64)
    values = {path: torch.tensor([value], dtype=torch.float64) for path, value in true.items() if np.isfinite(value)}
    scenes = Scenes.from_values(lens.template, values, np.zeros((1, 2), np.int64))
    seen = source_light(scenes, (axis + found.center[0])[None, None], (axis + found.center[1])[None, :, None])[0]
    assert np.corrcoef(seen.flatten().sqrt(), found.brightness.clamp_min(0).flatten().sqrt())[0, 1] > 0.9
    place[0, lens.names.index("theta_E")] = 0.05
    with pytest.raises(ValueError, match="shows its source but once"):
        pixel_source(problem, State(place, nothing, nothing))
