"""Sources as Gaussians and compact Sersics: of the flux they are said to have, found where a source has them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from lenslab.fit import compact, fit, potential_corrections, smooth_lens, source_gaussians
from lenslab.fit.compact import CompactSersics
from lenslab.fit.model import Beyond, residual, tangents
from lenslab.fit.rays import scenes_at
from lenslab.fit.recipes import FIRST
from lenslab.fit.source_gaussians import SourceGaussians
from lenslab.images import ceiling
from lenslab.images.simulate import noise_free
from lenslab.population import find
from lenslab.sets.draw import items, scenes_of

N = 8


@pytest.fixture(scope="module")
def hst():
    """Smooth lenses of hst: those whose source is a profile alone, and those whose source has clumps."""
    population, lens = find("hst"), smooth_lens("hst")
    drawn = items(population, 0, 3, "validation")
    bright = [population.paths.index(f"source.clumps.{k}.magnitude") for k in range(5)]
    smooth = drawn.labels == 0
    clumpy = (drawn.parameters[:, bright] < 60).any(1)
    made = {}
    for name, chosen in (("bare", smooth & ~clumpy), ("compact", smooth & clumpy)):
        rows = np.flatnonzero(chosen)[:N]
        image, sigma = drawn.image[rows], drawn.variance[rows].sqrt()
        made[name] = (image, sigma, lens.of_table(population.paths, drawn.parameters[rows]),
                      compact.of_table(population.paths, drawn.parameters[rows]))
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
    weights = torch.randn(1, source_gaussians.number(), dtype=torch.float64)
    clumps = SourceGaussians(scenes, x, y, weights)
    light = torch.cat(list(clumps.columns()), 1)
    assert light.shape[1] == source_gaussians.number()
    assert (light.sum((2, 3)) * area / flux).numpy() == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(clumps.light, (weights[..., None, None] * light).sum(1))


def test_their_sum_is_flat_where_their_grid_is():
    axis, _, sigma = source_gaussians.nodes(torch.zeros((), dtype=torch.float64))
    places = torch.linspace(-0.5, 0.5, 101, dtype=torch.float64)
    total = torch.exp(-0.5 * ((places[:, None] - axis) / sigma) ** 2).sum(1)
    assert float(total.max() / total.min() - 1) < 0.01


def test_compact_a_table_draw_the_source_that_it_describes():
    """Against the simulator: images without noise of smooth lenses whose sources have clumps, to a tenth of a sigma."""
    population, lens = find("hst"), smooth_lens("hst")
    drawn = scenes_of(population, 40, 5)
    for rows, scenes in drawn.groups:
        if drawn.labels[rows[0]] or "source.clumps.0.magnitude" not in scenes.values:
            continue
        table = np.stack([scenes[path].numpy() if path in scenes.values else np.zeros(len(rows))
                          for path in population.paths], 1)
        truth, values = lens.of_table(population.paths, table).double(), compact.of_table(population.paths, table)
        typical = population.paths.index("source.magnitude")
        amplitude = 0.4 * np.log(10) * (lens.fixed["source.magnitude"] - torch.from_numpy(table[:, typical]))
        with torch.no_grad():
            mean, variance = ceiling.expected(scenes, noise_free(scenes))
            place = torch.cat([truth, amplitude[:, None]], 1)
            left = residual(lens, mean, variance.sqrt(), place, Beyond(CompactSersics, values.double()))
        assert left.abs().max() < 0.1
        return
    raise AssertionError("no smooth lens with clumps among these")


@pytest.mark.parametrize("kind", [SourceGaussians, CompactSersics])
def test_tangents_are_the_changes_of_the_image(hst, kind):
    """Against central differences of what is left, coordinates and what lies beyond alike."""
    lens, made = hst
    image, sigma, truth, known = (part[:2].double() for part in made["compact"])
    place = torch.cat([truth, torch.zeros(2, 1, dtype=torch.float64)], 1)
    faint = 0.02 * torch.rand(2, source_gaussians.number(), generator=torch.Generator().manual_seed(0)).double()
    values = faint if kind is SourceGaussians else known
    found, Q = tangents(lens, sigma, place, beyond=Beyond(kind, values)), place.shape[1]
    for k in (*map(lens.names.index, ("theta_E", "source_x", "log_R", "log_n", "source_e1")), *range(Q, Q + 7)):
        ends = []
        for sign in (1, -1):
            moved = torch.cat([place, values], 1)
            moved[:, k] += sign * 1e-6
            ends.append(residual(lens, image, sigma, moved[:, :Q], Beyond(kind, moved[:, Q:])))
        change = (ends[1] - ends[0]) / 2e-6
        assert float((found[:, :, k] - change).norm() / change.norm()) < (0.05 if k == 0 else 5e-3), k


def test_knots_begin_where_the_gaussians_are_bright():
    """Two Gaussians, one of them two nodes wide: the brighter one comes first, and what is left is faint."""
    axis, used, _ = source_gaussians.nodes(torch.zeros(()))
    grid = torch.zeros(source_gaussians.NODES, source_gaussians.NODES)
    grid[4, 10], grid[4, 11], grid[10, 5] = 0.2, 0.2, 0.1
    found = compact.at_peaks(grid.flatten()[used][None])[0].reshape(compact.NUMBER, -1)
    middle = float(axis[10] + axis[11]) / 2
    torch.testing.assert_close(found[0, [0, 1, 6]], torch.tensor([middle, float(axis[4]), 0.4]))
    torch.testing.assert_close(found[1, [0, 1, 6]], torch.tensor([float(axis[5]), float(axis[10]), 0.1]))
    assert (found[2:, 6] == compact.FAINTEST).all()


def test_a_source_without_clumps_keeps_the_chi_square_of_its_noise(hst):
    """CompactSersics may take of the noise what so many numbers can, and little more."""
    lens, made = hst
    image, sigma, truth, _ = made["bare"]
    found = fit(lens, image, sigma, truth, steps=2, rounds=3)
    alone = fit(lens, image, sigma, truth, steps=8, rounds=0)
    assert alone.compact.shape == (len(image), 0, 7) and found.compact.shape == (len(image), compact.NUMBER, 7)
    taken = (alone.chi2 - found.chi2).mean()
    assert -5 < float(taken) < 2 * compact.NUMBER * 7


def test_clumps_that_a_source_has_are_found(hst):
    """From the true lens, and no word of its source: chi^2 is that of noise for all but a few, and near the one of a
    fit that begins at the true clumps."""
    lens, made = hst
    image, sigma, truth, known = made["compact"]
    alone = fit(lens, image, sigma, truth, steps=8, rounds=0)
    found, told = fit(lens, image, sigma, truth, steps=0), fit(lens, image, sigma, truth, 0, 6, known)
    high = chi2.ppf(0.9999, image[0].numel())
    assert (found.chi2 < high).float().mean() >= 0.8 and (alone.chi2 < high).float().mean() < 0.6
    assert (found.chi2 < told.chi2 + 30).float().mean() >= 0.7


def test_clumps_are_sought_better_while_the_profile_is_in_doubt(hst):
    """A tenth of a spread off in every coordinate. Believed to the noise, a profile bends the mass until that explains
    the clumps, and what is sought behind such a lens is further from noise."""
    lens, made = hst
    image, sigma, truth, known = made["compact"]
    off = torch.randn(truth.shape, generator=torch.Generator().manual_seed(3)).to(truth)
    start = lens.within_limits(truth + 0.1 * lens.std.to(truth) * off)
    told = fit(lens, image, sigma, truth, 0, 6, known).chi2
    found = fit(lens, image, sigma, start, steps=3).chi2
    alone = fit(lens, image, sigma, start, steps=8, rounds=0)
    after = fit(lens, image, sigma, alone.coordinates, steps=0).chi2
    assert float((found - told).clamp(0, 500).mean()) < float((after - told).clamp(0, 500).mean())


def test_where_more_than_noise_is_left_clumps_are_sought_again(hst):
    """Never for the worse, and what one search left alone is the same to the bit."""
    lens, made = hst
    image, sigma, truth, _ = made["compact"]
    off = torch.randn(truth.shape, generator=torch.Generator().manual_seed(3)).to(truth)
    start = lens.within_limits(truth + 0.3 * lens.std.to(truth) * off)
    found = fit(lens, image, sigma, start, steps=3)
    once = fit(lens, image, sigma, start, steps=3, recipe=replace(FIRST, again=()))
    noise = once.chi2 <= image[0].numel() + FIRST.noise * (2 * image[0].numel()) ** 0.5
    assert 0 < int(noise.sum()) < len(image), "some of each"
    assert torch.equal(found.residual[noise], once.residual[noise]) and (found.chi2 <= once.chi2).all()
    assert (found.chi2 < once.chi2 - 100).any()


def test_a_population_of_plain_profiles_is_fitted_without_them():
    assert smooth_lens("hst").compact and not smooth_lens("deeplense-1").compact and not smooth_lens("seed-64").compact


def test_an_image_that_is_no_lens_is_fitted_without_complaint(hst):
    """A flat sheet of light, noise alone, and pixels of which nothing is known: finite, and no worse than the start."""
    lens, made = hst
    truth = made["bare"][2][:3]
    image = torch.stack([torch.full((1, 64, 64), 50.0), torch.randn(1, 64, 64), torch.zeros(1, 64, 64)])
    sigma = torch.ones(3, 1, 64, 64)
    sigma[2] = 1e6
    found = fit(lens, image, sigma, truth, steps=2, rounds=2)
    ripple = potential_corrections(lens, sigma, found)
    made = found.coordinates, found.residual, found.compact, found.chi2, ripple.planes
    assert all(bool(part.isfinite().all()) for part in made)
