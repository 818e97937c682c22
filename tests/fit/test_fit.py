"""Fits of smooth lenses: the minimum is that of scipy, errors are what the scatter is, and chi^2 is that of noise."""

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from scipy.stats import chi2

from lenslab.fit import fit, refit, smooth_lens
from lenslab.fit.model import residual
from lenslab.images import ceiling
from lenslab.images.model import without_substructure
from lenslab.images.simulate import noise_free
from lenslab.physics.grid import middle
from lenslab.population import CHUNK, find
from lenslab.sets.draw import items, scenes_of

CROP = {"deeplense-1": 96, "seed-64": 0, "deeplense-2": 0}


def smooth_items(name, n):
    """The first n images without substructure, their noise and their true coordinates."""
    population, lens = find(name), smooth_lens(name, CROP[name])
    drawn = items(population, 0, 0, "validation")
    rows = np.flatnonzero(drawn.labels == 0)[:n]
    image, sigma = (middle(part, CROP[name])[rows] for part in (drawn.image, drawn.variance.sqrt()))
    return lens, image, sigma, lens.of_table(population.paths, drawn.parameters[rows])


@pytest.fixture(scope="module")
def seed_64():
    lens, image, sigma, truth = smooth_items("seed-64", 40)
    return lens, image, sigma, truth, fit(lens, image, sigma, truth, steps=6)


def test_what_a_population_varies_is_free_and_nothing_else():
    assert smooth_lens("deeplense-1").names == ("source_x", "source_y")
    assert smooth_lens("deeplense-1").amplitude == "camera.exposure_time"
    assert smooth_lens("deeplense-2").amplitude == ""
    free = smooth_lens("hst")
    assert set(free.names) >= {"theta_E", "e1", "gamma1", "gamma", "a3_x", "a4_y", "source_x", "log_R", "log_n"}
    assert "gamma" not in smooth_lens("hst:slope=off").names and "a3_x" not in smooth_lens("hst:multipoles=off").names
    assert free.amplitude == "source.magnitude"


@pytest.mark.parametrize("name", ["deeplense-1", "seed-64", "hst"])
def test_coordinates_give_back_the_scenes_they_came_from(name):
    """Settings to coordinates to settings: the images' own numbers, angles up to their period."""
    lens, population = smooth_lens(name), find(name)
    drawn = items(population, 0, 1)
    rows = np.flatnonzero(drawn.labels == 0)
    place = lens.of_table(population.paths, drawn.parameters[rows]).double()
    scenes = lens.scenes(place, torch.zeros(len(rows), dtype=torch.float64))
    wide = dict(zip(population.paths, drawn.parameters[rows].T, strict=True))
    for path in ("lens.theta_E", "lens.q", "lens.gamma1", "source.center_x", "source.R_sersic", "lens.a3_a"):
        assert scenes[path].numpy() == pytest.approx(wide[path], rel=1e-5, abs=1e-6)
    e1 = scenes.ellipticity("lens")[0].numpy()
    c = (1 - wide["lens.q"]) / (1 + wide["lens.q"])
    assert e1 == pytest.approx(c * np.cos(2 * wide["lens.phi"]), abs=1e-6)


def test_chi_square_of_a_smooth_lens_is_that_of_its_noise(seed_64):
    """Sum over 40 images of 4,096 pixels less their parameters; the noise is estimated, which costs a few percent."""
    lens, image, _, _, found = seed_64
    freedom = len(image) * (image[0].numel() - len(lens.names) - 1)
    low, high = chi2.ppf([1e-4, 1 - 1e-4], freedom) / freedom
    assert low - 0.03 < float(found.chi2.sum()) / freedom < high + 0.03


def test_errors_are_what_the_scatter_is(seed_64):
    """(fit - truth) / error has deviation 1: 40 images give it to 1/sqrt(80). Its mean is 0 but for what a noise that
    is estimated from the image does: pixels that came out low count for more, which makes sources a little small."""
    lens, _, _, truth, found = seed_64
    error = found.covariance.diagonal(dim1=1, dim2=2).sqrt()[:, :len(lens.names)]
    pull = (found.coordinates - truth) / error
    assert (pull.std(0) - 1).abs().max() < 0.4 and pull.mean(0).abs().max() < 0.9


def test_the_minimum_is_the_one_that_scipy_finds(seed_64):
    lens, image, sigma, truth, found = seed_64
    lens64 = lens
    mean, width = lens.mean.double(), 2 * lens.std.double()
    for row in range(2):
        one, noise = image[row:row + 1].double(), sigma[row:row + 1].double()

        def left(p, one=one, noise=noise):
            place = torch.from_numpy(p)[None]
            prior = (place[0, :-1] - mean) / width
            return torch.cat([residual(lens64, one, noise, place)[0], prior]).numpy()

        start = torch.cat([truth[row].double(), found.amplitude[row:row + 1].double()]).numpy()
        best = least_squares(left, start, x_scale=np.r_[lens.std.numpy(), 0.1])
        error = found.covariance[row].diagonal().sqrt().numpy()
        ours = torch.cat([found.coordinates[row], found.amplitude[row:row + 1]]).numpy()
        assert (np.abs(ours - best.x) / error).max() < 0.1


def test_starts_that_are_off_lead_to_the_same_minimum():
    """0.3" off in a frame whose source lies within 0.35": the fit of Model I has one minimum there."""
    lens, image, sigma, truth = smooth_items("deeplense-1", 6)
    near = fit(lens, image, sigma, truth, steps=6)
    far = fit(lens, image, sigma, truth + 0.2 * torch.tensor([[1.0, -1.0]]), steps=12)
    assert (far.chi2 - near.chi2).abs().max() < 0.5
    assert (far.coordinates - near.coordinates).abs().max() < 1e-3


def test_the_unit_of_an_image_does_not_matter_where_its_brightness_is_free(seed_64):
    lens, image, sigma, truth, found = seed_64
    other = fit(lens, 30 * image[:4], 30 * sigma[:4], truth[:4], steps=6)
    torch.testing.assert_close(other.residual, found.residual[:4], rtol=0, atol=0.02)
    assert float((other.amplitude - found.amplitude[:4] - np.log(30)).abs().max()) < 1e-3


def test_pixels_of_which_nothing_is_known_weigh_nothing(seed_64):
    lens, image, sigma, truth, _ = seed_64
    spoilt, blind = image[:4].clone(), sigma[:4].clone()
    spoilt[..., :20, :20], blind[..., :20, :20] = 1e3 * float(sigma.mean()), 1e6 * float(sigma.mean())
    whole, part = fit(lens, image[:4], blind, truth[:4], 4), fit(lens, spoilt, blind, truth[:4], 4)
    torch.testing.assert_close(part.coordinates, whole.coordinates, rtol=1e-3, atol=1e-4)


def test_what_a_smooth_lens_leaves_without_noise_is_nothing_of_itself_and_less_than_all_of_the_rest():
    """Of a smooth lens the prior's pull alone; of another no more than the true smooth lens leaves of it."""
    population = find("seed-64")
    left, whole = refit.of_chunk(population, 0, 0, "test"), np.empty(CHUNK)
    drawn = scenes_of(population, CHUNK, 0, "test")
    for rows, scenes in drawn.groups:
        mean, variance = ceiling.expected(scenes, noise_free(scenes))
        change = (mean - ceiling.expected(scenes, noise_free(without_substructure(scenes)))[0]) / variance.sqrt()
        whole[rows] = change.square().sum((1, 2, 3)).sqrt().numpy()
        if scenes.template.substructure.kind == "none":
            assert refit.left_over(population, scenes).max() < 0.1
    smooth = drawn.labels == 0
    assert (left[smooth] == 0).all() and (left[~smooth] < 1.01 * whole[~smooth]).all()
    assert (left[~smooth] < 0.9 * whole[~smooth]).mean() > 0.8
