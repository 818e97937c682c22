"""Measuring networks: stored fits, answers of weights set by hand, and a judgement that tells them."""

import numpy as np
import pytest
import torch

from lenslab.feed.order import CHUNK
from lenslab.tasks import measure
from lenslab.tasks.measure.ideal import too_narrow
from lenslab.tasks.measure.judge import by_key, scores, temperatures
from lenslab.tasks.measure.quantities import quantities_of
from lenslab.tasks.measure.task import build, estimate_of
from lenslab.tasks.measure.view import TRUTH, MeasureView, Store

CONFIG = measure.Config(head="point", workers=0)
SEED64 = quantities_of("seed-64")


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    return build(CONFIG)


def test_chunks_are_made_once(tmp_path, monkeypatch):
    view = MeasureView("seed-64", 0, "test", fits=str(tmp_path))
    first = view.columns(0)
    monkeypatch.setattr(MeasureView, "fitted_columns", None)      # a second making would fail
    again = view.columns(0)
    assert all(np.array_equal(first[name], again[name], equal_nan=True) for name in first)
    assert view.store.number == 1
    shown = view.examples(again)
    assert shown.inputs.shape == (CHUNK, 1, 64, 64) and shown.targets[TRUTH].shape == (CHUNK, 3)


def test_a_damaged_chunk_is_told(tmp_path):
    store = Store(tmp_path)
    store.path(0).write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match="delete it"):
        store.read(0)


def test_a_network_that_says_nothing_gives_back_the_prior(trained):
    with torch.no_grad():
        for density in trained.model.densities:
            density.say.weight.zero_()
            density.say.bias.zero_()
    found = estimate_of(trained, torch.randn(3, CONFIG.features), 4000)
    for k, item in enumerate(SEED64.quantities):
        quartiles = np.quantile(found.samples[0, :, k].numpy(), [0.25, 0.5, 0.75])
        spread = item.limits[1] - item.limits[0]
        assert quartiles == pytest.approx(item.at(np.array([0.25, 0.5, 0.75])), abs=0.03 * spread)
    assert found.probabilities.sum(1).numpy() == pytest.approx(1)


def test_what_is_known_to_a_hair_is_judged_so(trained):
    """Features that are the scores themselves, and heads that repeat them with an error of 0.1 that is the truth."""
    rng = np.random.default_rng(0)
    truth = SEED64.values(torch.from_numpy(rng.standard_normal((3000, 3))))
    labels = rng.integers(0, 3, 3000)
    for block, places in SEED64.blocks.items():
        if block != "lens":
            truth[torch.from_numpy(labels != SEED64.classes.index(block))[:, None] & torch.tensor(
                [k in places for k in range(3)])] = torch.nan
    features = torch.zeros(3000, CONFIG.features)
    exact = SEED64.scores(truth).nan_to_num(0).float()
    features[:, :3] = exact + 0.1 * torch.from_numpy(rng.standard_normal((3000, 3))).float()
    with torch.no_grad():
        for density, places in zip(trained.model.densities, SEED64.blocks.values(), strict=True):
            density.say.weight.zero_()
            density.say.bias.zero_()
            density.say.weight[0, places[0]] = 1
            density.say.bias[1] = float(np.log(np.expm1(0.09)) - np.log(np.e - 1))     # softplus to 0.09, and 0.01
    found = scores(trained, features, truth, labels, resamples=50)
    for key in SEED64.keys:
        assert found["r2"][key] > 0.98
        assert found["coverage68"][key] == pytest.approx(0.68, abs=0.05)
        low, high = found["intervals"][f"mae.{key}"]
        assert low < found["mae"][key] < high
    # ln of a bell of width 0.1 about the truth over the unit normal, in the mean: -ln 0.1
    assert found["gain"] == pytest.approx(-np.log(0.1), abs=0.08)
    widths = temperatures(trained.model, features, SEED64.scores(truth).float())
    assert widths.numpy() == pytest.approx(1, abs=0.08)
    with torch.no_grad():
        for density in trained.model.densities:
            density.say.bias[1] = float(np.log(np.expm1(0.04)) - np.log(np.e - 1))     # too sure by a factor of two
    assert temperatures(trained.model, features, SEED64.scores(truth).float()).numpy() == pytest.approx(2, abs=0.1)


def test_quantities_of_several_classes_count_together():
    from lenslab.tasks.measure.task import Estimate
    quantities = quantities_of("hst")
    truth = np.full((80, 12), np.nan)
    truth[:40, 6], truth[40:, 7] = -1.5, -2.0           # f_sub of cold and of warm dark matter
    samples = torch.from_numpy(np.tile(np.linspace(-2.3, -1, 100)[None, :, None], (80, 1, 12)))
    found = by_key(Estimate(samples, torch.full((80, 5), 0.2), quantities), truth)
    assert found["number"] == {"log10_f_sub": 80}
    assert found["mae"]["log10_f_sub"] == pytest.approx((0.15 + 0.35) / 2, abs=1e-6)
    assert found["claimed"]["log10_f_sub"] == pytest.approx(1.3 / 4, rel=0.02)    # a quarter of its width


def test_who_claims_more_than_images_tell_is_named():
    """By the errors that posteriors expect of themselves; of what nobody has measured nothing is said."""
    claimed = dict(log10_m22=0.15, log10_f_sub=0.29, theta_E=0.001)
    card = dict(population="hst", metrics=dict(claimed=claimed))
    assert too_narrow(card) == ("log10_m22",)
    assert too_narrow(card | dict(population="seed-64")) == too_narrow(card | dict(metrics={})) == ()


def test_every_parameter_learns(trained):
    fresh = build(measure.Config(head="mixture", workers=0))
    draw = measure.batches(measure.Config(head="mixture", workers=0, batch=24, reuse=8), torch.device("cpu"))
    measure.loss(fresh.model.train(), *draw(0)).backward()
    assert all(weight.grad is not None and bool(weight.grad.abs().sum() > 0) for weight in fresh.model.parameters())


def test_a_network_that_fits_asks_for_its_classifier():
    with pytest.raises(ValueError, match="classifier="):
        build(measure.Config(network="lens_residual", population="hst"))
