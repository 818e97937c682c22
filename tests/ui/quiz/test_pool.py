"""Scores of a class: counted once, without names, gone after a day."""

import sqlite3
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lenslab.ui.frame import OPEN
from lenslab.ui.quiz import play, pool
from lenslab.ui.quiz.game import ROUNDS, Game
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "quiz.py"
GAME = Game("seed-64", "plain", 3)


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CLASSES", str(tmp_path / "classes.sqlite"))
    return tmp_path / "classes.sqlite"


def test_scores_are_pooled_and_a_player_counts_once():
    code, other = pool.new_class(GAME), pool.new_class(Game("seed-64", "plain", 4))
    right = [GAME.truth(number) for number in range(ROUNDS)]
    pool.add(code, "a", right, 7, 9)
    pool.add(code, "b", [GAME.classes[0]] * ROUNDS, None, 0)
    pool.add(code, "a", [GAME.classes[0]] * ROUNDS, 7, 9)     # the page is drawn again: the first stands
    pool.add(other, "a", right, None, 0)
    found = pool.pooled(code)
    assert sorted(found.guesses) == sorted([tuple(right), (GAME.classes[0],) * ROUNDS]) and found.network == (7, 9)
    assert pool.game_of(code) == GAME and len(pool.pooled(other).guesses) == 1


def test_nothing_is_left_after_a_day(monkeypatch, file):
    code = pool.new_class(GAME)
    pool.add(code, "a", [GAME.classes[0]] * ROUNDS, None, 0)
    now = time.time()
    monkeypatch.setattr(pool.time, "time", lambda: now + pool.DAY - 60)
    assert pool.game_of(code) == GAME
    monkeypatch.setattr(pool.time, "time", lambda: now + pool.DAY + 60)
    assert pool.game_of(code) is None and not pool.pooled(code).guesses
    rows = [sqlite3.connect(file).execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("classes", "scores")]
    assert rows == [0, 0]


@pytest.mark.parametrize("code", ["", "abcde", "ABCDEF", "AB DE", "A'; --", "ÄBCDE"])
def test_a_foreign_code_is_no_class_and_takes_no_score(code):
    pool.add(code, "a", [GAME.classes[0]] * ROUNDS, None, 0)
    assert pool.game_of(code) is None and not pool.pooled(code).guesses


def test_guesses_that_no_game_has_are_not_counted():
    code = pool.new_class(GAME)
    for guesses in ([GAME.classes[0]] * (ROUNDS - 1), ["no such class"] * ROUNDS):
        pool.add(code, "a", guesses, None, 0)
    assert not pool.pooled(code).guesses


def test_a_machine_takes_only_so_many_classes(monkeypatch):
    monkeypatch.setattr(pool, "MOST_CLASSES", 1)
    pool.new_class(GAME)
    with pytest.raises(ValueError, match="takes no more"):
        pool.new_class(GAME)


def test_a_class_plays_the_game_of_its_code_and_its_scores_are_added_up(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    game = Game("deeplense-2", "plain", 7)     # 25 points a lens are drawn in no time
    code, right = pool.new_class(game), [game.truth(number) for number in range(ROUNDS)]
    for guesses in (right, [*right[:-4], *(next(name for name in game.classes if name != truth)
                                           for truth in right[-4:])]):
        app = AppTest.from_file(str(PAGE), default_timeout=120)
        app.session_state[OPEN] = True
        app.query_params["class"] = code.lower()
        checked(app.run())
        assert app.session_state[play.GAME] == game and code in app.caption[0].value
        app.session_state[play.GUESSES], app.session_state[play.AT] = guesses, ROUNDS
        checked(app.run())
        checked(app.run())      # drawn again, and still counted once
    told = {metric.label: metric.value for metric in app.metric}
    assert told["Played"] == "2" and told["Right on average"] == "8.0 / 10"
    assert any("80% of 20 guesses" in item.value for item in app.markdown)


def test_a_code_that_no_class_has_is_said_and_a_game_is_played_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.query_params["class"] = "<b>x"
    checked(app.run())
    assert "No class has the code" in app.warning[0].value and "<b>" not in app.warning[0].value.lower()
