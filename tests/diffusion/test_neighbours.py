"""Shares of modes dropped and added, what one law gives in any number of columns, and copies."""

import numpy as np
import pytest
import torch

from lenslab.diffusion import neighbours as module
from lenslab.diffusion.neighbours import copy_share, nearest, neighbours


def modes(n, centres, seed):
    """n rows round each of these centres on the first axis, far apart against their spread of 1."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n, 2)) + [100.0 * centre, 0] for centre in centres])


def test_a_dropped_mode_costs_recall_and_coverage_and_no_precision():
    whole, half = modes(400, [0, 1], 0), modes(800, [0], 1)
    floor = neighbours(modes(400, [0, 1], 2), whole)
    got = neighbours(half, whole)
    assert got.recall == pytest.approx(floor.recall / 2, abs=0.03) and got.precision > 0.97 * floor.precision
    assert got.coverage == pytest.approx(0.5, abs=0.02)      # twice as many fall in the half that is made


def test_an_invented_mode_costs_precision_and_density_and_no_recall():
    whole, floor = modes(800, [0], 0), neighbours(modes(800, [0], 2), modes(800, [0], 0))
    got = neighbours(modes(800, [0, 1], 1), whole)
    assert got.precision == pytest.approx(floor.precision / 2, abs=0.02) and got.recall > 0.97 * floor.recall
    assert got.density == pytest.approx(0.5, abs=0.05)


def test_every_ball_has_the_radius_of_its_own_set():
    """Counted one by one; the generated stand ten times as close, so that their balls are the smaller."""
    rng, k = np.random.default_rng(0), 2
    made, real = 0.1 * rng.normal(size=15), rng.normal(size=12)

    def reach(x, row):
        return sorted(abs(x - row))[k]

    hits = np.array([[abs(g - r) <= reach(real, r) for r in real] for g in made])
    back = np.array([[abs(g - r) <= reach(made, g) for g in made] for r in real])
    got = neighbours(made, real, k)
    assert (got.precision, got.recall) == (hits.any(1).mean(), back.any(1).mean()) and got.recall < got.coverage
    assert (got.density, got.coverage) == (hits.sum() / (k * 15), hits.any(0).mean())


@pytest.mark.parametrize("n, m, d", [(300, 300, 1), (200, 600, 8)])
def test_one_law_gives_the_density_and_coverage_that_counting_says(n, m, d):
    """A row is bare where its k nearest among its n - 1 own and m others are all its own."""
    rng, bare = np.random.default_rng(d), 1.0
    for i in range(1, 6):
        bare *= (n - i) / (n + m - i)
    found = [neighbours(rng.normal(size=(m, d)), rng.normal(size=(n, d))) for _ in range(30)]
    assert np.mean([one.coverage for one in found]) == pytest.approx(1 - bare, abs=0.006)
    assert np.mean([one.density for one in found]) == pytest.approx(1, abs=0.05)


def test_blocks_change_nothing_and_few_rows_are_refused(monkeypatch):
    a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    whole = neighbours(a, b)
    monkeypatch.setattr(module, "AT_ONCE", 7)
    assert neighbours(a, b) == whole
    with pytest.raises(ValueError, match="give at least 6 a side"):
        neighbours(a[:5], b)


def test_memorised_copies_are_found_wherever_they_stand():
    draw = torch.Generator().manual_seed(0)
    training, held, fresh = (5 + torch.randn(n, 8, 8, generator=draw) for n in (900, 300, 300))
    fresh[::10] = training[500:530]                     # a tenth is copied
    distance, place = nearest(fresh, training.split(128))
    assert (distance[::10] == 0).all() and place[::10].tolist() == list(range(500, 530))
    assert copy_share(distance, nearest(held, training.split(200))[0]) == pytest.approx(0.11, abs=0.02)
    brute = (fresh[:20, None] - training[None]).square().mean((2, 3)).sqrt()
    np.testing.assert_allclose(distance[:20], brute.min(1).values, rtol=1e-5, atol=1e-7)
    assert place[:20].tolist() == brute.argmin(1).tolist()


def test_fresh_images_are_closer_about_as_often_as_the_quantile_says():
    draw = torch.Generator().manual_seed(1)
    training, held, fresh = (torch.randn(n, 4, 4, generator=draw) for n in (500, 2000, 2000))
    near, bar = (nearest(x.numpy(), [training.numpy()])[0] for x in (fresh, held))
    assert copy_share(near, bar, 0.05) == pytest.approx(0.05, abs=0.02)
    with pytest.raises(ValueError, match="training set is empty"):
        nearest(fresh, [])
