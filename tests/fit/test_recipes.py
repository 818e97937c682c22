"""Classifiers keep the fit that they were taught with: its numbers stand in their cards, and no later ones count."""

from dataclasses import replace

import pytest
import torch

from lenslab.checkpoint import checkpoints_folder, read_card
from lenslab.fit import recipes
from lenslab.fit.recipes import FIRST, FitRecipe, of_card, to_card
from lenslab.images.observation import Observation
from lenslab.tasks import classify
from lenslab.tasks.trained import load

SHIPPED = [path.name for path in sorted(checkpoints_folder().glob("classify-*.safetensors"))
           if "smooth_lens" in read_card(path)]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_classifier_names_its_fit_and_gives_its_numbers(name):
    card = read_card(checkpoints_folder() / name)
    assert card["fit_recipe"]["name"] == "first" and of_card(card["fit_recipe"]) == FIRST


def test_a_card_gives_a_recipe_back_and_one_without_has_the_first():
    other = FitRecipe(starts=5, again=(0.2,), prior=1.5)
    assert of_card(to_card(other)) == other and to_card(other)["name"] == "" and of_card(None) == FIRST


@pytest.mark.parametrize("change", [dict(starts=0), dict(prior=float("nan")), dict(again=[0.1] * 99), dict(steps=2.5),
                                    dict(held="1"), dict(more=1)])
def test_a_recipe_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match="makes no sense"):
        of_card(to_card(FIRST) | change)


def test_answers_of_a_shipped_classifier_stay_bit_by_bit_where_today_s_recipe_changes(monkeypatch):
    """What is loaded fits by its card, whatever a new network would be built with."""
    axis = torch.arange(64) - 31.5
    radius = torch.hypot(axis[:, None], axis)
    image = torch.exp(-0.5 * ((radius - 9) / 2) ** 2) * (1 + 0.3 * axis / 32)
    seen = Observation(image[None, None], torch.full((1, 1, 64, 64), 1e-4), 0.101)
    path = checkpoints_folder() / "classify-deeplense-2.safetensors"
    before = classify.predict(load(path), seen).probabilities
    other = replace(FIRST, starts=1, steps=1, prior=0.2)
    monkeypatch.setattr(recipes, "FIRST", other)
    new = classify.facts(classify.Config(network="lens_residual", population="deeplense-2"))
    assert new["fit_recipe"]["starts"] == 1
    assert torch.equal(classify.predict(load(path), seen).probabilities, before)
    changed = load(path)
    changed.model.recipe = other
    assert not torch.equal(classify.predict(changed, seen).probabilities, before)
