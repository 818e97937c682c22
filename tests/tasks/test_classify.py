"""The task of classification: what its networks see, what is kept with them, and what they are judged by."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from lenslab.checkpoint import FORMAT, save
from lenslab.feed.examples import Examples
from lenslab.images.observation import Observation
from lenslab.nets import CLASSIFIERS
from lenslab.population import find
from lenslab.tasks import TASKS, classify
from lenslab.tasks.classify import answers, judge, task
from lenslab.tasks.trained import Trained, load
from lenslab.tasks.training import plain

CPU = torch.device("cpu")


def items(inputs, labels):
    return Examples(inputs, labels)


def config(**changes):
    return classify.Config(**dict(width=4, batch=6, workers=0) | changes)


def saved(path, card=None, **changes):
    torch.manual_seed(1)
    settings = config(**changes)
    built = classify.build(settings)
    save(path, built.model.eval().state_dict(), built.card | dict(
        format=FORMAT, task="classify", config=plain(settings), metrics={"temperature": 2.5}) | (card or {}))
    return built


def observation(n=4, scale=1.0, seed=0, mask=None):
    rng = np.random.default_rng(seed)
    variance = torch.from_numpy(rng.uniform(0.5, 2, (n, 1, 64, 64)))
    image = torch.from_numpy(20 * rng.normal(size=(n, 1, 64, 64)))
    return Observation(image=scale * image, variance=scale**2 * variance, pixel_scale=0.08, mask=mask)


def test_a_task_has_its_six_names():
    assert TASKS["classify"].module is classify
    assert all(hasattr(classify, name) for name in ("Config", "build", "loss", "batches", "evaluate", "predict"))


@pytest.mark.parametrize("population", ["seed-64", "deeplense-1", "hst"])
def test_a_network_carries_classes_and_constants_of_its_population(population):
    built = classify.build(config(population=population, smoothing=2.0))
    model = built.model
    camera = find(population).camera
    assert built.card["classes"] == list(find(population).classes)
    assert built.card["constants"]["psf_fwhm"] == pytest.approx(camera.fwhm / camera.pixel_scale)
    assert model(torch.zeros(2, 1, camera.num_pix, camera.num_pix)).shape == (2, len(built.card["classes"]))


def test_loss_of_a_network_that_knows_nothing_is_the_logarithm_of_the_classes():
    model = classify.build(config()).model
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.zero_()
    value = classify.loss(model, torch.randn(7, 1, 64, 64), torch.arange(7) % 3)
    assert value.item() == pytest.approx(np.log(3), abs=1e-6)


def test_batches_are_turned_only_as_the_population_allows(monkeypatch):
    sigmas = torch.randn(12, 1, 8, 8)
    monkeypatch.setattr(task, "simulated", lambda *_: items(sigmas, np.arange(12) % 3))

    def kinds(**changes):
        draw, seen = classify.batches(config(images=12, **changes), CPU), set()
        for step in range(40):
            for image in draw(step)[0]:
                for place, original in enumerate(sigmas):
                    for mirrored in (False, True):
                        flat = original.flip(-1) if mirrored else original
                        seen |= {(k, mirrored) for k in range(4)
                                 if torch.equal(torch.rot90(flat, k, (-2, -1)), image)} if place < 12 else set()
        return seen

    assert kinds(population="deeplense-1") == {(0, False), (2, False)}
    assert kinds(population="seed-64") == {(k, mirrored) for k in range(4) for mirrored in (False, True)}
    assert kinds(population="seed-64", augment=False) == {(0, False)}


def test_batches_are_a_pure_function_of_seed_and_step(monkeypatch):
    sigmas = torch.randn(30, 1, 8, 8)
    monkeypatch.setattr(task, "simulated", lambda *_: items(sigmas, np.arange(30) % 3))
    draw = classify.batches(config(images=30), CPU)
    seen = [draw(step) for step in range(12)]
    again = classify.batches(config(images=30), CPU)
    for step in (11, 3, 0):
        assert all(torch.equal(a, b) for a, b in zip(again(step), seen[step], strict=True))
    other = classify.batches(config(images=30, seed=1), CPU)(0)
    assert not torch.equal(other[0], seen[0][0])
    parts = [classify.batches(config(images=30), CPU, rank=rank, world=2)(5) for rank in (0, 1)]
    for rank, part in enumerate(parts):
        assert torch.equal(part[0], seen[5][0][rank::2]) and torch.equal(part[1], seen[5][1][rank::2])


@pytest.mark.parametrize("network", CLASSIFIERS)
def test_a_checkpoint_gives_the_network_back(network, tmp_path):
    built = saved(tmp_path / "net.safetensors", network=network)
    loaded = load(tmp_path / "net.safetensors")
    seen = observation()
    with torch.no_grad():
        logits = built.model(answers.inputs_of(built, seen)).double().numpy()
    found = classify.predict(loaded, seen)
    assert found.classes == ("no_sub", "cdm", "axion")
    np.testing.assert_allclose(found.probabilities.numpy(), softmax(logits / 2.5, axis=1), atol=1e-7)


def test_answers_do_not_depend_on_the_unit(tmp_path):
    saved(tmp_path / "net.safetensors")
    model = load(tmp_path / "net.safetensors")
    one, other = (classify.predict(model, observation(scale=scale)).probabilities for scale in (1.0, 3e-7))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_pixels_that_are_masked_do_not_count(tmp_path):
    saved(tmp_path / "net.safetensors")
    model = load(tmp_path / "net.safetensors")
    mask = torch.ones(4, 1, 64, 64, dtype=torch.bool)
    mask[..., 10:20, 10:20] = False
    seen = observation(mask=mask)
    seen.image[~mask] = float("nan")
    blank = observation()
    blank.image[~mask] = 0
    assert torch.equal(classify.predict(model, seen).probabilities, classify.predict(model, blank).probabilities)


@pytest.mark.parametrize("card", [
    {"classes": ["a"]}, {"classes": ["a", "a", "b"]}, {"classes": "abc"}, {"classes": [1, 2, 3]},
    {"classes": ["a", "<b>b</b>", "c"]}, {"constants": {}},
    {"constants": dict(psf_fwhm=1e9, smoothing=1, softening=20, scale=5, crop=0)},
    {"constants": dict(psf_fwhm="2", smoothing=1, softening=20, scale=5, crop=0)},
    {"constants": dict(psf_fwhm=2, smoothing=1, softening=20, scale=5, crop=-3)}, {"num_pix": 10**6},
    {"symmetry": "D5"}, {"symmetry": ["D4"]}, {"population": 7},
    {"config": {"width": 10**6}}, {"config": {"nonsense": 1}}, {"config": []}, {"task": "reconstruct"}])
def test_a_card_that_makes_no_sense_is_refused_in_words(card, tmp_path):
    saved(tmp_path / "net.safetensors", card=card)
    with pytest.raises(ValueError, match=r"\.$"):
        load(tmp_path / "net.safetensors")


def test_temperature_comes_from_validation_images_whatever_is_judged(monkeypatch):
    """Validation labels are drawn from softmax(logits / 3), so that T = 3; test labels say the opposite."""
    rng = np.random.default_rng(0)
    logits = 6 * rng.normal(size=(6000, 3))
    fair = (rng.random(6000)[:, None] > np.cumsum(softmax(logits / 3, axis=1), axis=1)).sum(1).clip(0, 2)
    sets = {"validation": fair, "test": logits.argmin(1)}
    images = torch.from_numpy(logits)[:, None, None]

    class Reader(torch.nn.Module):
        needs_fit = False

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))      # says where the network is

        def forward(self, sigmas):
            return sigmas[:, 0, 0]

    monkeypatch.setattr(judge, "held_out", lambda view, *_: items(images, sets[view.split]))
    monkeypatch.setattr(judge, "what_is_usual", lambda *_: None)
    validated, tested = (
        classify.evaluate(Trained(Reader(), {"classes": ["a", "b", "c"]}), config(), split=split) for split in sets)
    assert validated["temperature"] == pytest.approx(3, rel=0.08) and tested["temperature"] == validated["temperature"]
    assert validated["ece"] < 0.03 < validated["ece_raw"]
    assert tested["accuracy"] == 0 and tested["macro_auc"] < 0.5
    assert sum(map(sum, tested["confusion"])) == tested["n"] == 6000
    expected = -np.log(softmax(logits, axis=1)[np.arange(6000), fair]).mean()
    assert validated["loss"] == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_trained_is_said_at_once():
    with pytest.raises(ValueError, match="choose from hst"):
        classify.build(classify.Config(population="nowhere"))
    with pytest.raises(ValueError, match="choose one of cnn"):
        classify.Config(network="oracle")
    with pytest.raises(ValueError, match="There is no file"):
        classify.batches(config(data="nowhere.h5"), CPU)
