"""The table of jets: what tells images apart, and what it refuses."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from benchmarks import jets as bench
from benchmarks.closure_plot import closure_svg
from lenslab.jets import files
from lenslab.tasks import jets
from lenslab.tasks.generate.sampling import Way


def test_the_cnn_sees_a_difference_and_none_where_there_is_none():
    chance = torch.Generator().manual_seed(0)
    a, b = (torch.rand(90, 3, 16, 16, generator=chance) for _ in range(2))
    assert abs(bench.cnn_auc(a, b) - 0.5) < 4 * (1 / 12 * 2 / 30)**0.5
    assert bench.cnn_auc(a, b * torch.linspace(0, 1, 16)) > 0.95


def test_a_set_that_was_learnt_from_is_no_test(monkeypatch, tmp_path):
    built = jets.build(jets.Config(validation=30, test=60))
    monkeypatch.setattr(bench, "load", lambda path, task: built)
    with pytest.raises(ValueError, match="another split"):
        bench.figures(tmp_path / "x.safetensors", files.read(files.SAMPLE), 30, False, None, Way())


def test_copies_are_found_turned_over_too():
    sample = files.read(files.SAMPLE)
    train, here = sample.take(np.arange(40)), sample.take(np.arange(40, 80))
    built = jets.build(jets.Config(validation=30, test=60))
    flips = np.tile([True, False], (20, 1))
    made = torch.from_numpy(train.hits.take(np.arange(20)).images(32, flips))
    found = bench.copied(built, made, here, train)
    assert found["copies"] == 1 and found["nearest"] == pytest.approx(0, abs=1e-6) and found["nearest_held_out"] > 0.1


def test_a_closure_plot_puts_every_mark_where_its_number_is():
    one = dict(pt=[0.98, 1.0], width=[0.03, 0.03], requested=[50.0, 100.0], mass=[50.0, 100.0], simulated=[45.0, 90.0])
    root = ElementTree.fromstring(closure_svg(dict(gluon=one), "edm"))
    marks = [(float(mark.get("cx")), float(mark.get("cy")), mark.get("fill") != "white")
             for mark in root.iter("{http://www.w3.org/2000/svg}circle")]
    (x0, y0, filled), (x1, y1, hollow), *masses = marks
    assert filled and not hollow and x0 < x1 and y0 > y1                # 0.98 lies below 1
    (_, a, _), (_, b, _), (c, d, _), (e, f, _) = masses                 # simulated, then generated
    assert c < e and d - f == pytest.approx((a - b) * 50 / 45, rel=0.01)


def test_a_set_tells_how_its_own_images_respond(capsys):
    """Medians near those of the docs on jets: 0.98, 0.97 and 0.965 of the momentum, within the errors of 60 jets."""
    assert bench.main(["--data", str(files.SAMPLE), "--n", "180", "--json"]) == 0
    own = json.loads(capsys.readouterr().out)
    medians = [own[flavour]["p_T"][1] for flavour in ("quark", "gluon", "top")]
    assert medians == pytest.approx([0.98, 0.97, 0.96], abs=0.02)
    assert own["quark"]["tracks"][1] < own["gluon"]["tracks"][1]
