"""The quiz: the same game for everybody who has its link, and a score that is what was guessed."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.insight.significance import EASIER, promise
from lenslab.population import find
from lenslab.tasks import classify
from lenslab.tasks.training import configure
from lenslab.ui import cached
from lenslab.ui.classify import answers as asked
from lenslab.ui.frame import OPEN
from lenslab.ui.pick import networks
from lenslab.ui.quiz import game as quiz_game
from lenslab.ui.quiz import play as quiz
from lenslab.ui.quiz.game import ROUNDS, Game
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "quiz.py"
GAME = Game("deeplense-2", "plain", 7)     # 25 points a lens are drawn in no time


@pytest.fixture(autouse=True)
def no_networks(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))


def open_page(**query) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    for name, value in (query or dict(population="deeplense-2", level="plain", seed="7")).items():
        app.query_params[name] = value
    return checked(app.run())


def words(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.markdown, app.caption, app.info, app.warning, app.success)
                     for item in kind)


def scored(app: AppTest) -> str:
    return next(metric.value for metric in app.metric if metric.label == "You")


def test_a_game_is_the_same_for_all_and_holds_every_class_about_as_often():
    for population in ("seed-64", "hst"):
        game, same = Game(population, "fair", 12), Game(population, "fair", 12)
        assert (game.labels() == same.labels()).all() and (game.numbers() == same.numbers()).all()
        counts = np.bincount(game.labels(), minlength=len(game.classes))
        assert counts.sum() == ROUNDS and counts.max() - counts.min() <= 1
        assert len(set(game.numbers())) == ROUNDS
    seeds = [tuple(Game("hst", "fair", seed).labels()) for seed in range(20)]
    assert len(set(seeds)) == 20


def test_the_level_changes_how_heavy_and_how_noisy_and_not_which_lens():
    real, plain = (quiz_game.scene_of(Game("deeplense-2", level, 7), 0) for level in ("real", "plain"))
    assert plain.source == real.source and plain.lens == real.lens
    assert plain.substructure.kind == real.substructure.kind
    assert plain.camera.exposure_time == pytest.approx(4 * real.camera.exposure_time), "half the noise"
    assert plain.deflection == pytest.approx(4 * real.deflection)


def test_the_truth_is_the_class_that_was_drawn():
    kinds = dict(zip(find("deeplense-2").classes, find("deeplense-2").kinds, strict=True))
    for number in range(3):
        assert quiz_game.scene_of(GAME, number).substructure.kind == kinds[GAME.truth(number)]


def test_the_score_counts_right_guesses():
    truth = [GAME.truth(number) for number in range(ROUNDS)]
    assert quiz_game.score(GAME, truth) == ROUNDS
    wrong = [next(name for name in GAME.classes if name != label) for label in truth]
    assert quiz_game.score(GAME, wrong) == 0
    assert quiz_game.score(GAME, [*truth[:3], *wrong[3:5]]) == 3


@pytest.mark.parametrize(("population", "level", "seed", "said"), [
    ("nowhere", "plain", "1", "No population"), ("seed-64", "x", "1", "No level"), ("seed-64", "plain", "-1", "whole"),
    ("seed-64", "plain", "99999", "whole number"), ("seed-64", "plain", "1" * 40, "whole number")])
def test_a_link_that_names_no_game_is_refused_in_words(population, level, seed, said):
    with pytest.raises(ValueError, match=said):
        Game.of_link(population, level, seed)


def test_a_bad_link_plays_another_game_and_says_so():
    app = open_page(population="nowhere", level="plain", seed="1")
    assert "names no game" in app.warning[0].value


def a_rival(folder: Path, **card) -> None:
    """A network that says axion whatever it sees."""
    config = configure(classify.Config, dict(population="deeplense-2", network="cnn", width=4))
    built = classify.build(config)
    model = built.model
    with torch.no_grad():
        model.head[-1].weight.zero_()
        model.head[-1].bias.copy_(torch.tensor([float(name == "axion") for name in built.card["classes"]]))
    checkpoint.save(folder / "classify-deeplense-2.safetensors", model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="classify", network="cnn", config=asdict(config), metrics={}) | card)


def test_a_network_is_not_asked_about_what_it_never_learnt_from(tmp_path, monkeypatch):
    """Every image but the first three is strange to it: of these alone its answers count."""
    a_rival(tmp_path)
    strange = {id(quiz_game.image(GAME, number).observation): number for number in range(ROUNDS)}
    monkeypatch.setattr(asked, "inputs_of", lambda network, shown: torch.full(
        (1, 1, 64, 64), float(strange[id(shown.observation)])))
    monkeypatch.setattr(asked, "novelty", lambda trained, inputs: 0.5 if float(inputs.mean()) < 3 else 0.001)
    network, = networks.networks_of("classify")[0]["deeplense-2"]
    truth = [GAME.truth(number) for number in range(ROUNDS)]
    assert quiz.said(GAME, truth, network) == ["axion"] * 3 + [None] * 7
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["quiz.game"], app.session_state["quiz.guesses"], app.session_state["quiz.at"] = GAME, truth[:5], 4
    checked(app.run())
    right = truth[:3].count("axion")
    assert next(item.value for item in app.metric if item.label == "Network") == f"{right} of 3"
    assert app.warning[0].value.startswith("**No answer.**") and "as a telescope would see it" in app.warning[0].value
    app.session_state["quiz.guesses"], app.session_state["quiz.at"] = truth, ROUNDS
    checked(app.run())
    assert f"you had 3 right, the network {right}" in words(app)


def test_a_kept_network_does_not_choose_everybodys_quiz(tmp_path):
    a_rival(tmp_path)
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    checked(app.run())
    assert app.session_state["quiz.game"].population == "deeplense-2-mended"


def test_without_a_network_the_visitor_plays_alone_and_reads_how_to_make_one():
    app = open_page()
    assert app.title[0].value.endswith("?")
    assert {"You", "By chance"} == {metric.label for metric in app.metric}
    truth = GAME.truth(0)
    checked(app.button(key=f"quiz.guess.{truth}").click().run())
    assert scored(app) == "1 of 1" and "Right" in words(app)
    assert "python -m lenslab train classify" in app.code[0].value


def test_a_wrong_guess_is_explained_and_the_next_image_comes():
    app = open_page()
    wrong = next(name for name in GAME.classes if name != GAME.truth(0))
    checked(app.button(key=f"quiz.guess.{wrong}").click().run())
    assert scored(app) == "0 of 1" and "Not quite" in words(app)
    checked(app.button(key="quiz.next").click().run())
    assert {f"quiz.guess.{name}" for name in GAME.classes} <= {button.key for button in app.button}
    assert dict(app.query_params)["seed"] in ("7", ["7"])


def test_the_quiz_has_no_scale_of_its_own_for_what_could_be_seen():
    at = next(k for k in range(ROUNDS) if quiz_game.scene_of(GAME, k).substructure.kind != "none")
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["quiz.game"], app.session_state["quiz.at"] = GAME, at
    app.session_state["quiz.guesses"] = [GAME.truth(number) for number in range(at + 1)]
    checked(app.run())
    _, total = cached.significance(quiz_game.scene_of(GAME, at))
    assert f"{promise(total)} {EASIER}" in words(app)


def test_the_game_ends_with_a_score_and_can_be_played_again():
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["quiz.game"] = GAME
    app.session_state["quiz.guesses"] = [GAME.truth(number) for number in range(7)] + [
        next(name for name in GAME.classes if name != GAME.truth(number)) for number in range(7, ROUNDS)]
    app.session_state["quiz.at"] = ROUNDS
    checked(app.run())
    assert "7 of 10 right" in words(app)
    checked(app.button(key="quiz.more").click().run())
    assert app.session_state["quiz.game"].seed == 8 and app.session_state["quiz.guesses"] == []
