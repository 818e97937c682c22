"""The scores of explanations: a network that is a matched filter, so that its evidence is the true signal itself."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import explain as benchmark
from lenslab import checkpoint
from lenslab.images.ceiling import residuals
from lenslab.images.observation import Observation
from lenslab.insight import map_scores
from lenslab.population import find
from lenslab.sets.draw import scenes_of
from lenslab.tasks import classify
from lenslab.tasks.trained import Trained


class Filter(nn.Module):
    """Logit of class 1: the image times a template, summed."""

    channel_names, needs_fit = ("image",), False

    def __init__(self, template: torch.Tensor):
        super().__init__()
        self.template, self.evidence, self.head = nn.Parameter(template), nn.Identity(), nn.Linear(1, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[0.0], [1.0]]))
            self.head.bias.zero_()

    def see(self, given):
        return given

    def embed(self, seen):
        return self.evidence(seen * self.template).sum((1, 2, 3))[:, None]

    def forward(self, given):
        return self.head(self.embed(self.see(given)))


def trained(model):
    return Trained(model, dict(constants=dict(psf_fwhm=1.0, crop=0), classes=["smooth", "dark"]))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    smooth, signal = np.zeros((6, 24, 24)), np.zeros((6, 24, 24))
    smooth[:, 8:16] = 10.0                                 # the arc: 8 of 24 rows
    signal[:, 10, 4:7] = 3.0                               # what substructure adds, 3 pixels of it
    image = torch.from_numpy(smooth + signal + 0.01 * rng.normal(size=smooth.shape)).float()[:, None]
    images = benchmark.Images(Observation(image, torch.ones_like(image), 0.1), signal, 1.0)
    return benchmark.scored(trained(Filter(torch.from_numpy(signal[0]).float() / 100)), images, 1)


def test_a_matched_filter_points_at_the_signal_by_gradients(table):
    """Integrated gradients are image times template: nothing beside the three pixels. Chance by hand: of the 192 of
    the arc 11 lie within one pixel of them, which is 3 and their 8 neighbours along the axes."""
    mine = table["integrated_gradients"]
    assert mine["share"][0] == pytest.approx(1) and mine["pointing"][0] == 1 and mine["empty"] == 0
    assert table["chance"]["share"][0] == table["chance"]["pointing"][0] == pytest.approx(11 / 192)
    assert mine["over.share"][0] == pytest.approx(1 - 11 / 192)


def test_its_order_takes_the_probability_away_as_fast_as_the_true_one(table):
    """The logit falls by 3 * 3 * 3 / 100 = 0.27 with the signal, from 3 * 13 * 3 / 100 = 1.17 to 0.9."""
    p = table["probability"]
    assert p["image"][0] == pytest.approx(1 / (1 + np.exp(-1.17)), abs=1e-3)
    assert p["without_substructure"][0] == pytest.approx(1 / (1 + np.exp(-0.9)), abs=1e-3)
    assert p["empty_sky"][0] == pytest.approx(0.5)
    mine, best, chance = (table[name] for name in ("integrated_gradients", "best", "chance"))
    assert mine["deleted"][0] == pytest.approx(best["deleted"][0]) and mine["deleted"][0] < chance["deleted"][0]
    assert mine["inserted"][0] == pytest.approx(best["inserted"][0]) and mine["over.inserted"][0] > 0


def test_brightness_alone_finds_the_arc_and_shuffled_weights_are_told_apart(table):
    assert table["image"]["on_arc"][0] == pytest.approx((192 * 10 * 11 / 192 + 9) / (1920 + 9), abs=0.01)
    assert table["integrated_gradients"]["sanity"][0] < 0.5


def test_signal_and_rows_are_those_of_the_test_images():
    population = find("seed-64")
    label = population.classes.index("axion")
    drawn = scenes_of(population, 3, benchmark.SEED, "test")
    (rows, scenes), = [group for group in drawn.groups if (drawn.labels[group[0]] == label).any()]
    expected = residuals(scenes)[0, 0].numpy()
    found, signal = benchmark.signals_of(SimpleNamespace(chunk=lambda *_: drawn), label, 0)
    assert list(found) == list(rows)
    np.testing.assert_allclose(signal[0], expected, rtol=1e-6, atol=1e-6)


def test_signal_of_a_middle_part():
    signal = np.arange(2 * 7 * 8).reshape(2, 7, 8)
    assert (benchmark.middle(signal, (3, 3)) == signal[:, 2:5, 2:5]).all()


def test_scores_are_written_where_the_page_finds_them(table, tmp_path, monkeypatch, capsys):
    config = classify.Config(network="cnn", width=4, population="seed-64")
    built, path = classify.build(config), tmp_path / "tiny.safetensors"
    checkpoint.save(path, built.model.state_dict(), built.card | dict(format=checkpoint.FORMAT, task="classify",
                                                                      network="cnn", config=checkpoint.plain(
        {name: getattr(config, name) for name in ("network", "width", "population")})))
    seen = Observation(torch.zeros(6, 1, 64, 64), torch.ones(6, 1, 64, 64), 0.1)
    monkeypatch.setattr(benchmark, "images_of", lambda *_: benchmark.Images(seen, np.zeros((6, 64, 64)), 1.0))
    monkeypatch.setattr(benchmark, "scored", lambda *_: table)
    monkeypatch.setattr(benchmark, "milliseconds", lambda *_: {})
    assert benchmark.main([str(path), "--n", "6", "--write"]) == 0
    for label in ("cdm", "axion"):
        found = map_scores.score(checkpoint.read_card(path), label, "integrated_gradients")
        assert found == map_scores.MapScore(6, 1.0, pytest.approx(1), pytest.approx(11 / 192))
    assert map_scores.score(checkpoint.read_card(path), "no_sub", "integrated_gradients") is None
    with pytest.raises(SystemExit):    # scores held against an empty sky are not those of the page
        benchmark.main([str(path), "--sky", "--write"])
    assert "--write is for what the page shows" in capsys.readouterr().err
