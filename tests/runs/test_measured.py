"""`python -m lenslab evaluate` of a network that measures: simulated images, a set, and npz files with truths."""

import json

import numpy as np
import pytest
import torch

from lenslab.checkpoint import FORMAT, save
from lenslab.population import find
from lenslab.runs.evaluate import evaluate
from lenslab.sets import dataset
from lenslab.tasks import measure
from lenslab.tasks.measure.quantities import truths_of_chunk
from lenslab.tasks.training import plain

POPULATION = "deeplense-2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of chance, a set of one chunk, and its images by class with their truths."""
    folder = tmp_path_factory.mktemp("measured")
    torch.manual_seed(0)
    config = measure.Config(width=4, population=POPULATION, head="point")
    built = measure.build(config)
    save(folder / "net.safetensors", built.model.state_dict(), built.card | dict(
        format=FORMAT, task="measure", config=plain(config)))
    dataset.write(POPULATION, 120, folder / "set.h5", seed=0, split="test")
    truth = truths_of_chunk(POPULATION, 0, 0, "test")
    with dataset.read(folder / "set.h5") as made:
        images = {name: made.images().numpy()[made.labels == k, 0] for k, name in enumerate(made.classes)}
    np.savez(folder / "plain.npz", **images)
    known = {"log10_m_sub": truth[np.isfinite(truth[:, 0]), 0], "axion_mass": 10 ** truth[np.isfinite(truth[:, 1]), 1]}
    np.savez(folder / "set.npz", **images, **known)
    np.savez(folder / "short.npz", **images, axion_mass=known["axion_mass"][:-1])
    return folder


def judge(capsys, folder, **settings):
    evaluate(folder / "net.safetensors", json=True, **settings)
    captured = capsys.readouterr()
    return json.loads(captured.out.splitlines()[-1]), captured.err


def test_a_file_with_truths_scores_what_the_simulation_scores(folder, capsys):
    simulated, _ = judge(capsys, folder, n=120)
    by_file, _ = judge(capsys, folder, data=folder / "set.npz")
    for name in ("mae", "r2", "coverage68"):
        assert set(by_file[name]) == {"log10_m_sub", "log10_m_axion"}
        assert by_file[name]["log10_m_axion"] == pytest.approx(simulated[name]["log10_m_axion"], abs=0.02)
    assert by_file["n"] == 120 and by_file["number"] == {"log10_m_sub": 40, "log10_m_axion": 40}
    low, high = by_file["intervals"]["mae.log10_m_axion"]
    assert low < by_file["mae"]["log10_m_axion"] < high


def test_a_set_brings_its_own_truths(folder, capsys):
    found, _ = judge(capsys, folder, data=folder / "set.h5")
    assert list(found["mae"]) == ["log10_m_axion"]          # drawn masses stand in no column
    evaluate(folder / "net.safetensors", data=folder / "set.h5")
    assert "mae.log10_m_axion" in capsys.readouterr().out


def test_without_truths_it_answers_and_says_that_no_score_is_possible(folder, capsys):
    found, said = judge(capsys, folder, data=folder / "plain.npz")
    assert "no score is possible" in said and "mae" not in found
    low, high = find(POPULATION).dark["axion"]["log10_m_axion"].limits
    for answer in found["answers"]:
        if answer["class"] == "axion":
            told = answer["log10_m_axion"]
            assert low <= told["low68"] <= told["median"] <= told["high68"] <= high
        else:
            assert "log10_m_axion" not in answer


def test_truths_that_do_not_fit_the_images_are_refused(folder):
    with pytest.raises(ValueError, match="39 values, and there are 40 images of axion"):
        evaluate(folder / "net.safetensors", data=folder / "short.npz")
