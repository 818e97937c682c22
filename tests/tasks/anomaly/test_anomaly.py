"""Detectors: what is usual is set by held-out smooth lenses, and the judgement is that of the scores."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from lenslab import checkpoint
from lenslab.population import find
from lenslab.runs.folder import RunFolder
from lenslab.runs.train import train
from lenslab.tasks import anomaly, measure
from lenslab.tasks.anomaly.judge import judgement_of, settle
from lenslab.tasks.anomaly.task import build, usual, view_of

CONFIG = anomaly.Config(population="seed-64", workers=0, width=4, latent=4)


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    return build(CONFIG)


def test_p_is_even_for_usual_images(trained):
    chance = torch.Generator().manual_seed(0)
    settle(trained, torch.randn(20000, generator=chance, dtype=torch.float64))
    p = trained.model.p(torch.randn(4000, generator=chance, dtype=torch.float64)).numpy()
    assert np.quantile(p, [0.05, 0.5, 0.95]) == pytest.approx([0.05, 0.5, 0.95], abs=0.02)
    assert 0 < float(trained.model.p(torch.tensor([99.0], dtype=torch.float64))) < 0.002


def test_auc_and_finds_are_those_of_two_bells(trained):
    """Scores N(0, 1) of smooth lenses and N(1, 1) of one class: AUC Phi(1/sqrt 2), found beyond the 95 % of the first.
    """
    rng = np.random.default_rng(1)
    settle(trained, torch.from_numpy(rng.standard_normal(40000)))
    labels = np.repeat([0, 1, 2], 3000)
    scores = torch.from_numpy(rng.standard_normal(9000) + np.array([0.0, 1.0, 0.0])[labels])
    found = judgement_of(trained, scores, labels, ("no_sub", "cdm", "axion"), 0, resamples=30)
    assert found["auc_by_class"]["cdm"] == pytest.approx(norm.cdf(2**-0.5), abs=0.015)
    assert found["auc_by_class"]["axion"] == pytest.approx(0.5, abs=0.02)
    assert found["false_alarms"] == pytest.approx(0.05, abs=0.012)
    assert found["found_by_class"]["cdm"] == pytest.approx(norm.sf(norm.isf(0.05) - 1), abs=0.03)
    low, high = found["intervals"]["auc"]
    assert low < found["auc"] < high


def test_training_sees_smooth_lenses_alone():
    """The images of the set that it learns from are those of the population without their substructure."""
    view = view_of(CONFIG, 0, "train", alone=True)
    with_all = view_of(CONFIG, 0, "train", alone=False)
    columns, others = view.columns(0), with_all.columns(0)
    smooth = columns["label"] == find("seed-64").classes.index("no_sub")
    assert np.array_equal(columns["image"][smooth], others["image"][smooth])
    assert not np.array_equal(columns["image"][~smooth], others["image"][~smooth])
    assert len(usual(CONFIG, 0, "train", 50)) == 50


def test_a_flow_learns_in_the_features_of_a_network_that_measures(tmp_path):
    """With the mean of the weights kept beside, whose features' norm has no weights to learn."""
    config = measure.Config(head="point", width=4, features=8, population="seed-64")
    built = measure.build(config)
    path = tmp_path / "measure.safetensors"
    checkpoint.save(path, built.model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="measure", network="cnn", config=checkpoint.plain(vars(config)), metrics={}))
    asked = anomaly.Config(kind="flow", population="seed-64", measurer=str(path), images=24, validation=30, test=30,
                           batch=16, steps=2, warmup=0, ema=0.9, validate_every=2, workers=0)
    with RunFolder(tmp_path / "run") as run:
        found = train(anomaly, asked, run)
    assert found["status"] == "finished" and 0 <= found["metrics"]["auc"] <= 1


def test_what_a_kind_needs_is_asked_for():
    with pytest.raises(ValueError, match="classifier="):
        build(anomaly.Config(kind="residual", population="deeplense-1"))
    with pytest.raises(ValueError, match="measurer="):
        build(anomaly.Config(kind="flow", population="deeplense-1"))
