"""Novelty: squared distances of bells are chi-squared, whatever their shape; held-out images set the threshold."""

import numpy as np
import pytest
import torch
from scipy import stats

from lenslab.insight.novelty import TABLE, Novelty, shrunk_covariance

F = 12


def bells(n: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, F)) + shift)


def affine(seed: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(F, F)) + 3 * np.eye(F)), torch.from_numpy(100 * rng.normal(size=F))


def test_distances_of_a_bell_are_chi_squared():
    A, b = affine()
    train, held = bells(20000, 1) @ A + b, bells(4000, 2) @ A + b
    distances = Novelty(F).fit(train, held).distance(held.float()).numpy()
    # Kolmogorov-Smirnov at 4,000 draws: 0.026 is passed by chance once in a hundred times
    assert stats.kstest(distances, stats.chi2(F).cdf).statistic < 0.026


def test_an_affine_map_of_the_features_changes_nothing():
    A, b = affine()
    A = 1e3 * A
    train, held, asked = bells(20000, 1), bells(2000, 2), bells(50, 3, 1.5)
    plain, mapped = Novelty(F).fit(train, held), Novelty(F).fit(train @ A + b, held @ A + b)
    # what is left is the shrinking, 1e-3 of the mean eigenvalue against the smallest one
    np.testing.assert_allclose(mapped.distance(asked @ A + b), plain.distance(asked), rtol=0.05)


def test_the_threshold_holds_one_held_out_image_in_a_hundred():
    held = bells(5000, 2)
    found = Novelty(F).fit(bells(5000, 1), held)
    assert float(found.outside(found.distance(held)).double().mean()) == pytest.approx(0.01, abs=1e-3)
    assert float(found.threshold) == pytest.approx(stats.chi2(F).ppf(0.99), rel=0.06)
    fresh = found.p_value(found.distance(bells(5000, 4)))
    # p-values of images of the same kind are uniform
    assert stats.kstest(fresh.numpy(), stats.uniform.cdf).statistic < 0.04


def test_p_values_fall_with_distance_and_never_claim_more_than_was_measured():
    found = Novelty(F).fit(bells(2000, 1), bells(500, 2))
    p = found.p_value(torch.tensor([0.0, 5.0, 12.0, 20.0, 1e9]))
    assert (p.diff() < 0).all()
    assert float(p[0]) == 1
    assert float(p[-1]) == pytest.approx(1 / 501)


def test_classes_far_apart_are_one_cloud_each():
    """Halfway between two classes lies nothing; one mean for both would call it the most ordinary of all."""
    labels = torch.arange(4000) % 2
    shift = 20.0 * labels[:, None]
    train, held = bells(4000, 1) + shift, bells(4000, 2) + shift
    halfway = bells(100, 3, 10.0)
    classes, one = Novelty(F, 2).fit(train, held, labels), Novelty(F).fit(train, held)
    assert classes.outside(classes.distance(halfway)).all()
    assert one.outside(one.distance(halfway)).double().mean() < 0.05


def test_a_feature_that_never_moved_is_news_when_it_does():
    train, held, asked = bells(2000, 1), bells(2000, 2), bells(100, 3)
    train[:, 0] = held[:, 0] = 0.0
    found = Novelty(F).fit(train, held)
    assert torch.isfinite(found.distance(held.float())).all()
    assert found.outside(found.distance(asked)).double().mean() > 0.9


def test_few_images_with_many_features_are_shrunk_as_ledoit_and_wolf_say():
    """For a true covariance of identity the best mixture is identity; the plain one is singular."""
    x = np.random.default_rng(1).normal(size=(30, 60))
    found = shrunk_covariance(x)
    plain = x.T @ x / len(x)
    assert np.linalg.norm(found - np.eye(60)) < 0.2 * np.linalg.norm(plain - np.eye(60))
    many = np.random.default_rng(2).normal(size=(50000, 3)) * [1.0, 2.0, 5.0]
    np.testing.assert_allclose(shrunk_covariance(many).diagonal(), [1, 4, 25], rtol=0.05)


def test_it_travels_in_a_state_dict_fitted_or_not():
    full, empty = Novelty(F, 3).fit(bells(300, 1), bells(300, 2), torch.arange(300) % 3), Novelty(F, 3)
    assert not empty.fitted
    assert not empty.outside(empty.distance(bells(5, 3))).any()
    with pytest.raises(ValueError, match="knows no distances"):
        empty.p_value(torch.ones(1))
    copy = Novelty(F, 3)
    copy.load_state_dict(full.state_dict())
    asked = bells(5, 4)
    assert copy.fitted and torch.equal(copy.distance(asked), full.distance(asked))
    copy.load_state_dict(empty.state_dict())
    assert not copy.fitted
    assert all(not value.is_floating_point() or value.dtype == torch.float32 for value in full.state_dict().values())
    assert full.table.shape == (TABLE,)


def test_bad_features_are_refused_in_words():
    with pytest.raises(ValueError, match=f"rows of {F} are needed"):
        Novelty(F).fit(bells(10, 1)[:, :3], bells(10, 2))
    with pytest.raises(ValueError, match="not all finite"):
        Novelty(F).fit(bells(10, 1) * float("nan"), bells(10, 2))
    with pytest.raises(ValueError, match="missing"):
        Novelty(F, 2).fit(bells(10, 1), bells(10, 2))
    with pytest.raises(ValueError, match="every one of 0 to 1"):
        Novelty(F, 2).fit(bells(10, 1), bells(10, 2), torch.zeros(10, dtype=torch.long))
