"""Clumps of a source: Gaussians of the flux they are said to have, found where a source has them and nowhere else."""

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from lenslab.fit import clumps as clumps_of
from lenslab.fit import fit, smooth_lens
from lenslab.fit.clumps import Clumps
from lenslab.fit.model import residual, scenes_at, tangents
from lenslab.images.draw import items
from lenslab.population import find

N = 12


@pytest.fixture(scope="module")
def hst():
    """Smooth lenses of hst: those whose source is a profile alone, and those whose source has clumps."""
    population, lens = find("hst"), smooth_lens("hst")
    drawn = items(population, 0, 3, "validation")
    bright = [population.paths.index(f"source.clumps.{k}.magnitude") for k in range(5)]
    smooth = drawn.labels == 0
    clumpy = (drawn.parameters[:, bright] < 60).any(1)
    made = {}
    for name, chosen in (("bare", smooth & ~clumpy), ("clumpy", smooth & clumpy)):
        rows = np.flatnonzero(chosen)[:N]
        image, sigma = drawn.image[rows], drawn.variance[rows].sqrt()
        made[name] = image, sigma, lens.of_table(population.paths, drawn.parameters[rows])
    return lens, made


def plane(width, n):
    axis = (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) * width / n
    return axis[None, None, :].expand(1, n, n), axis[None, :, None].expand(1, n, n), (width / n) ** 2


def test_each_gaussian_has_the_flux_of_its_weight(hst):
    """Summed over a plane that is fine enough, a weight is its flux over that of the profile."""
    lens, made = hst
    place = torch.cat([made["bare"][2][:1], torch.zeros(1, 1)], 1).double()
    scenes = scenes_at(lens, place)
    x, y, area = plane(8 * float(scenes["source.R_sersic"]), 400)
    x, y = x + scenes["source.center_x"], y + scenes["source.center_y"]
    flux = 10 ** (0.4 * (scenes["camera.zero_point"] - scenes["source.magnitude"]))
    clumps = Clumps(scenes, x, y)
    light = torch.cat(list(clumps.rows()), 1)
    assert light.shape[1] == clumps_of.number()
    assert (light.sum((2, 3)) * area / flux).numpy() == pytest.approx(1, abs=1e-6)
    weights = torch.randn(1, light.shape[1], dtype=torch.float64)
    torch.testing.assert_close(clumps.light(weights), (weights[..., None, None] * light).sum(1))


def test_their_sum_is_flat_where_their_grid_is():
    axis, _, sigma = clumps_of.nodes(torch.zeros((), dtype=torch.float64))
    places = torch.linspace(-0.5, 0.5, 101, dtype=torch.float64)
    total = torch.exp(-0.5 * ((places[:, None] - axis) / sigma) ** 2).sum(1)
    assert float(total.max() / total.min() - 1) < 0.01


def test_tangents_are_the_changes_of_the_image(hst):
    """Against central differences of what is left, coordinates and weights alike."""
    lens, made = hst
    image, sigma, truth = (part[:2].double() for part in made["clumpy"])
    place = torch.cat([truth, torch.zeros(2, 1, dtype=torch.float64)], 1)
    weights = 0.02 * torch.rand(2, clumps_of.number(), generator=torch.Generator().manual_seed(0)).double()
    found, Q = tangents(lens, sigma, place, weights=weights), place.shape[1]
    for k in (lens.names.index("theta_E"), lens.names.index("source_x"), lens.names.index("log_R"), Q, Q + 80):
        ends = []
        for sign in (1, -1):
            moved = torch.cat([place, weights], 1)
            moved[:, k] += sign * 1e-6
            ends.append(residual(lens, image, sigma, moved[:, :Q], moved[:, Q:]))
        change = (ends[1] - ends[0]) / 2e-6
        assert float((found[:, :, k] - change).norm() / change.norm()) < 0.05


def test_a_source_without_clumps_keeps_the_chi_square_of_its_noise(hst):
    """What they may take of the noise is less than their number by far."""
    lens, made = hst
    image, sigma, truth = made["bare"]
    found = fit(lens, image, sigma, truth, steps=2, rounds=2)
    alone = fit(lens, image, sigma, truth, steps=8, rounds=0)
    assert alone.clumps.shape == (len(image), 0)
    taken = (alone.chi2 - found.chi2).mean()
    assert -5 < float(taken) < clumps_of.number() / 2


def test_clumps_that_a_source_has_are_found(hst):
    """From the true lens: chi^2 is that of noise for most, and the flux in clumps is theirs, 10 to 50 %."""
    lens, made = hst
    image, sigma, truth = made["clumpy"]
    alone = fit(lens, image, sigma, truth, steps=8, rounds=0)
    found = fit(lens, image, sigma, truth, steps=0, rounds=3)
    freedom = image[0].numel()
    high = chi2.ppf(0.9999, freedom)
    assert (found.chi2 < high).float().mean() >= 0.75 and (alone.chi2 < high).float().mean() < 0.6
    assert (found.chi2 < alone.chi2 + 20).float().mean() >= 0.75


def test_a_population_of_plain_profiles_is_fitted_without_them():
    assert smooth_lens("hst").clumpy and not smooth_lens("deeplense-1").clumpy and not smooth_lens("seed-64").clumpy


def test_an_image_that_is_no_lens_is_fitted_without_complaint(hst):
    """A flat sheet of light, noise alone, and pixels of which nothing is known: finite, and no worse than the start."""
    lens, made = hst
    truth = made["bare"][2][:3]
    image = torch.stack([torch.full((1, 64, 64), 50.0), torch.randn(1, 64, 64), torch.zeros(1, 64, 64)])
    sigma = torch.ones(3, 1, 64, 64)
    sigma[2] = 1e6
    found = fit(lens, image, sigma, truth, steps=2, rounds=2)
    assert all(bool(part.isfinite().all()) for part in (found.coordinates, found.residual, found.clumps, found.chi2))
