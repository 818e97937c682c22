"""The seed study: its arithmetic by hand, and one of two seeds from end to end with tiny numbers."""

import json

import numpy as np
import pytest

from benchmarks import seed_study
from lenslab.sets import dataset


def run(accuracy, auc, confusion):
    return dict(card=dict(classes=["a", "b"], metrics=dict(accuracy=accuracy, macro_auc=auc, ece=0.1, n=10,
                                                          auc={"a": auc, "b": auc}, confusion=confusion)), curve=[])


def test_differences_are_paired_by_seed(monkeypatch):
    """Seeds scatter by 0.1, but the channel adds 0.02 to each, give or take 0.001: only the pairing shows it."""
    monkeypatch.setattr(seed_study, "parameters", lambda card: 7)
    base, gain = np.array([0.5, 0.6, 0.7, 0.6, 0.55]), np.array([0.019, 0.020, 0.021, 0.020, 0.020])
    runs = {"cnn": [run(value, value, [[1, 2], [3, 4]]) for value in base],
            "cnn_residual": [run(value, value, [[5, 0], [0, 5]]) for value in base + gain]}
    found = seed_study.summary(runs, "p", 5, 5, 1)
    pair, = found["differences"]
    half = 2.7764451 * np.std(gain, ddof=1) / np.sqrt(5)
    assert pair["macro_auc"]["mean"] == pytest.approx(0.02)
    assert pair["macro_auc"]["high"] - pair["macro_auc"]["mean"] == pytest.approx(half, rel=1e-6)
    assert seed_study.verdict(pair["macro_auc"]) == "helps"
    assert found["networks"]["cnn"]["accuracy"]["low"] < 0.55 and found["networks"]["cnn"]["accuracy"]["high"] > 0.62
    assert found["networks"]["cnn"]["confusion"] == [[5, 10], [15, 20]]


def test_a_verdict_is_no_more_than_its_interval_allows():
    assert seed_study.verdict(dict(mean=0.01, low=-0.001, high=0.03)) == "no difference shown"
    assert seed_study.verdict(dict(mean=-0.02, low=-0.03, high=-0.01)) == "harms"
    assert seed_study.verdict(dict(mean=0.5, low=None, high=None)) == "one seed says nothing"


def test_a_race_is_to_the_lowest_loss_that_both_reach():
    """By hand: the first reaches 0.5 after 20 steps, the second after 30 (it never gets lower); then paired by seed."""
    def curve(*losses):
        return [dict(step=10 * (k + 1), val_loss=loss) for k, loss in enumerate(losses)]
    found = seed_study.race([curve(0.9, 0.4, 0.3), curve(0.6, 0.6, 0.2)], [curve(0.9, 0.6, 0.5), curve(0.7, 0.3, 0.4)])
    assert found["one"]["mean"] == (20 + 30) / 2 and found["other"]["mean"] == (30 + 20) / 2
    assert found["difference"]["mean"] == 0 and seed_study.race([[]], [curve(0.5)]) is None


def test_cdm_and_axion_taken_for_each_other_are_counted():
    confusion = [[5, 1, 1], [2, 6, 3], [4, 7, 8]]
    assert seed_study.mixed(confusion, ["no_sub", "cdm", "axion"]) == dict(wrong=10, of=30)
    assert seed_study.mixed([[1, 2], [3, 4]], ["a", "b"]) is None


def test_the_study_from_end_to_end(tmp_path, capsys):
    words = ["--run", str(tmp_path / "study"), "--population", "deeplense-2", "--per-class", "8", "--seeds", "2",
             "--epochs", "2", "--validation", "30", "--test", "60", "--width", "4", "--threads", "1", "--json"]
    assert seed_study.main(words) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out.splitlines()[-1])
    assert found["n_test"] == 60 and set(found["networks"]) == set(seed_study.NETWORKS)
    for network in found["networks"].values():
        confusion = np.array(network["confusion"])
        assert confusion.sum() == 120
        assert np.trace(confusion) / 120 == pytest.approx(network["accuracy"]["mean"])
    assert len(found["differences"]) == 3 and "truth (rows)" in shown.out
    figures = json.loads((tmp_path / "study" / "figures.json").read_text())
    curves = figures["networks"]["physics_cnn"]["curves"]
    assert [[line["step"] for line in curve] for curve in curves] == [[1, 2], [1, 2]]
    assert all("val_loss" in line for curve in curves for line in curve)
    sets = [dataset.read(tmp_path / "study" / f"train-8-{seed}.h5") for seed in (0, 1)]
    assert not (sets[0].images() == sets[1].images()).all()      # a seed has images of its own
    for made in sets:
        made.close()
    assert seed_study.main(words[:-1]) == 0                       # finished trainings are not done again
    assert "0 s" in capsys.readouterr().err
