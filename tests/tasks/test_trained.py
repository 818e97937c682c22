"""A checkpoint stands alone: what its population means later changes no answer, and what is damaged is a sentence."""

from dataclasses import replace

import pytest
import torch

from lenslab import population
from lenslab.checkpoint import FORMAT, save, tensors_of
from lenslab.fit import smooth
from lenslab.images.observation import Observation
from lenslab.insight.novelty import Novelty
from lenslab.population.record import uniform
from lenslab.runs.renew import renew
from lenslab.tasks import classify
from lenslab.tasks.trained import load
from lenslab.tasks.training import plain


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A network that fits, with weights of chance, and what is usual for it."""
    path = tmp_path_factory.mktemp("trained") / "net.safetensors"
    torch.manual_seed(0)
    config = classify.Config(network="lens_residual", population="hst", width=4)
    built = classify.build(config)
    features = built.model.head[-1].in_features
    novelty = Novelty(features, 5).fit(torch.randn(60, features), torch.randn(40, features), torch.arange(60) % 5)
    save(path, tensors_of(built.model, novelty), built.card | dict(format=FORMAT, task="classify", config=plain(config),
                                                                  metrics={"temperature": 1.5}))
    return path


def ring():
    axis = torch.arange(64) - 31.5
    image = 20 * torch.exp(-0.5 * ((torch.hypot(axis[:, None], axis) - 14) / 2) ** 2) * (1 + 0.3 * axis / 32)
    return Observation(image[None, None], torch.ones(1, 1, 64, 64), 0.08)


def test_a_changed_law_of_its_population_changes_no_answer(file, monkeypatch):
    before = classify.predict(load(file), ring()).probabilities
    made = population.POPULATIONS["hst"][0]

    def other(name, switches):
        hst = made(name, switches)
        return replace(hst, laws=hst.laws | {"lens.q": uniform(0.9, 1.0)}, camera=replace(hst.camera, fwhm=0.4))

    monkeypatch.setitem(population.POPULATIONS, "hst", (other, *population.POPULATIONS["hst"][1:]))
    caches = population.find, smooth.smooth_lens
    for cache in caches:
        cache.cache_clear()
    try:
        assert population.find("hst").camera.fwhm == 0.4
        assert classify.facts(classify.Config(network="lens_residual", population="hst"))["constants"]["psf_fwhm"] == 5
        assert torch.equal(classify.predict(load(file), ring()).probabilities, before)
    finally:
        monkeypatch.undo()
        for cache in caches:
            cache.cache_clear()


def test_loading_asks_no_population(file, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a population was asked")

    for place in (population, smooth, classify.task):
        monkeypatch.setattr(place, "find", refused)
    monkeypatch.setattr(smooth, "smooth_lens", refused)
    found = load(file)
    assert found.card["definition"]["name"] == "hst" and found.novelty is not None and not found.model.training


def test_a_file_of_the_first_format_names_the_command_that_carries_it_over(file, tmp_path, capsys):
    now = load(file)
    tensors = tensors_of(now.model, now.novelty)
    names = {name.replace("regressor.", "start."): tensor for name, tensor in tensors.items()}
    settings = {("starts" if name == "regressor" else name): value for name, value in now.card["config"].items()}
    old = {name: value for name, value in now.card.items() if name not in ("format", "definition", "smooth_lens")}
    path = tmp_path / "old.safetensors"
    save(path, names, old | dict(config=settings))
    with pytest.raises(ValueError, match="python -m lenslab renew old.safetensors"):
        load(path)
    renew([path])
    assert torch.equal(classify.predict(load(path), ring()).probabilities, classify.predict(now, ring()).probabilities)
    assert load(path).card == now.card and "carried over" in capsys.readouterr().out
    renew([path])
    assert "already" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [
    {"smooth_lens": None}, {"smooth_lens": {}}, {"smooth_lens": {"names": ["theta_E"] * 3}},
    {"task": "reconstruct"}, {"task": ["classify"]}, {"config": None}])
def test_a_damaged_card_is_refused_in_a_sentence(file, tmp_path, damage):
    now = load(file)
    save(tmp_path / "bad.safetensors", tensors_of(now.model, now.novelty), now.card | damage)
    with pytest.raises(ValueError, match=r"\.$"):
        load(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("part, value", [
    ("std", 0.0), ("std", float("1e999")), ("low", 9.0), ("names", "oracle"), ("amplitude", "lens.theta_E"),
    ("compact", "yes"), ("fixed", {})])
def test_a_smooth_lens_that_makes_no_sense_is_refused(file, part, value):
    card = load(file).card["smooth_lens"]
    if part in ("std", "low") or part == "names":
        value = [value, *card[part][1:]]
    with pytest.raises(ValueError, match=r"\.$"):
        smooth.of_card(card | {part: value})


def test_what_is_usual_must_be_sound(file, tmp_path):
    now = load(file)
    tensors = tensors_of(now.model, now.novelty)
    tensors["novelty.whitening"] = torch.eye(3)
    save(tmp_path / "bad.safetensors", tensors, now.card)
    with pytest.raises(ValueError, match="what is usual"):
        load(tmp_path / "bad.safetensors")
