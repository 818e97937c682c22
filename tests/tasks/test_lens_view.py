"""What networks get of a population: the same pixels wherever they are made, and fits beside them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lenslab import checkpoint
from lenslab.feed import chunks
from lenslab.feed.stream import simulated
from lenslab.fit import smooth_lens
from lenslab.physics.grid import middle
from lenslab.population import find
from lenslab.runs.train import Session
from lenslab.sets import dataset
from lenslab.tasks import classify
from lenslab.tasks.classify.fitted import FittedView
from lenslab.tasks.lens_parameters import load_regressor
from lenslab.tasks.lens_view import COORDINATES, LensView, SetItems, image_and_noise

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "small.h5"
    dataset.write("seed-64", 100, path, seed=3)
    return path


def test_simulated_beside_or_before_or_kept_on_disk_an_item_has_the_same_pixels(small_set):
    """One thread each, so that sums are added in one order: equal to the last bit."""
    view = LensView("seed-64", 3)
    source = chunks.ProcessChunks(view, CPU, workers=1)
    source.order([0])
    beside = source.take(0)
    source.close()
    before = simulated(view, 100).inputs
    assert torch.equal(beside.inputs[:100], before)
    on_disk = SetItems(str(small_set), view)
    rows = np.array([7, 3, 99, 3])
    torch.testing.assert_close(on_disk.take(rows).inputs, before[rows], rtol=1e-6, atol=1e-6)
    on_disk.kept = None                       # too large for memory: read row by row
    torch.testing.assert_close(on_disk.take(rows).inputs, before[rows], rtol=1e-6, atol=1e-6)
    assert (on_disk.labels == beside.labels[:100]).all()


def test_the_residual_of_a_fit_comes_with_the_image_wherever_it_is_made(small_set):
    """From near the truth a few steps end in the minimum, but for a few that begin far off: where nothing is added to
    the lens, chi^2 is that of noise."""
    view = FittedView("seed-64", 3, crop=48)
    here = simulated(view, 100)
    assert here.inputs.shape == (100, 2, 48, 48)
    on_disk = SetItems(str(small_set), view)
    torch.testing.assert_close(on_disk.kept.inputs, here.inputs, rtol=1e-3, atol=1e-3)
    chi2 = here.inputs[here.labels == 0, 1].square().mean((1, 2))
    assert chi2.median().item() == pytest.approx(1, abs=0.05) and 0.7 < (chi2 < 1.2).float().mean() < 1
    whole = simulated(LensView("seed-64", 3), 100).inputs
    assert torch.equal(here.inputs[:, 0], whole[:, 0, 8:-8, 8:-8])
    assert here.targets[COORDINATES].std(0).min() > 0.7 and here.targets[COORDINATES].std(0).max() < 1.3


def test_sigmas_have_unit_noise(small_set):
    """Corners of the frame hold no arc: their deviation is 1, to 1/sqrt(2 N) of 6400 pixels and faint wings."""
    corner = SetItems(str(small_set), LensView("seed-64", 3)).kept.inputs[..., :8, :8]
    assert corner.std().item() == pytest.approx(1, abs=0.05)


def test_a_worker_that_dies_is_a_sentence():
    source = chunks.ProcessChunks(LensView("seed-64", 3), CPU, workers=1)
    source.order([0, 1])
    source.processes[0].kill()
    with pytest.raises(ValueError, match="take fewer workers"):
        source.take(1)
    source.close()


def test_a_set_of_another_definition_is_refused(small_set, monkeypatch):
    monkeypatch.setattr(dataset, "find", lambda name: find("deeplense-2"))
    with pytest.raises(ValueError, match="earlier lenslab"):
        dataset.population_of(str(small_set))


def test_a_set_is_good_still_when_its_population_is_described_in_other_words(small_set, monkeypatch):
    population = find(dataset.population_of(str(small_set)).name)
    monkeypatch.setattr(dataset, "find", lambda name: replace(population, about="Said otherwise."))
    assert dataset.population_of(str(small_set)).about == "Said otherwise."


def test_fits_of_training_begin_where_a_taught_start_says(tmp_path):
    """They are then those of the finished network, to the last bit; any other checkpoint is refused in a sentence."""
    settings = dict(network="lens_residual", population="seed-64", crop=48, width=4)
    network = classify.build(classify.Config(**settings)).model.eval()
    network.regressor.square_error.fill_(0.1)
    path = tmp_path / "start.safetensors"
    checkpoint.save(path, network.state_dict(), dict(task="classify", population="seed-64"))
    view = FittedView("seed-64", 3, crop=48, regressor=str(path))
    columns = view.columns(0)
    given = network.complete(*(middle(part, 48) for part in image_and_noise(find("seed-64"), columns)))[0]
    assert torch.equal(torch.from_numpy(columns["residual"]), given[:, 1:])

    learner = classify.build(classify.Config(**settings, regressor=str(path))).model
    assert torch.equal(learner.regressor.layers[1].weight, network.regressor.layers[1].weight)
    shown = view.examples(columns).first(12)
    classify.loss(learner, shown.inputs, torch.from_numpy(shown.labels), shown.inputs[:, :1],
                  shown.targets[COORDINATES]).backward()
    assert all(tensor.grad is None for tensor in learner.regressor.parameters())

    other = classify.build(classify.Config(**settings)).model
    checkpoint.save(tmp_path / "other.safetensors", other.state_dict(), dict(task="classify", population="seed-64"))
    sitting = SimpleNamespace(learner=SimpleNamespace(model=learner), config=classify.Config(**settings), task=classify,
                              facts=dict(population="seed-64"))
    Session.begin_from(sitting, tmp_path / "other.safetensors")
    assert torch.equal(learner.head[-1].weight, other.head[-1].weight)
    assert all(torch.equal(tensor, network.regressor.state_dict()[name])
               for name, tensor in learner.regressor.state_dict().items()), "what is held stays"

    with pytest.raises(ValueError, match="cannot begin these fits"):
        load_regressor(str(path), smooth_lens("hst"))
