"""The table of jets: what tells images apart, and what it refuses."""

import numpy as np
import pytest
import torch

from benchmarks import jets as bench
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
