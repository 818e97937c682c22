"""A study of settings: the best is found, bad trials are pruned, a kill loses nothing, several searches share one."""

import json
from types import ModuleType

import pytest
from optuna.trial import TrialState

from lenslab import tasks
from lenslab.runs import search
from tests.runs import toy

SHORT = dict(steps=24, batch=16, warmup=2, validate_every=4, ema=0.5)


@pytest.fixture(autouse=True)
def with_toy(monkeypatch):
    """The toy with a learning rate to be searched: only large ones learn in so few steps."""
    module = ModuleType("lenslab.tasks.toy")
    module.__dict__.update({name: getattr(toy, name) for name in ("Config", "build", "loss", "batches", "evaluate")})
    module.searched = lambda settings: {"lr": (1e-5, 1.0), "optimizer": ("adamw", "sgd")}
    monkeypatch.setattr(tasks, "TASKS", {"toy": type("Row", (), {"module": module})})
    return module


def states(folder) -> list[TrialState]:
    return [trial.state for trial in search.opened(folder).trials]


def test_the_best_of_a_study_is_its_least_loss(tmp_path):
    shown = []
    best = search.search("toy", tmp_path, 8, SHORT, report=shown.append)
    ended = [trial for trial in search.opened(tmp_path).trials if trial.state == TrialState.COMPLETE]
    assert best.value == min(trial.value for trial in ended) and best.params["lr"] > 0.01
    assert len(shown) == 8 and {trial.state for trial in shown} <= set(search.DONE)
    table = json.loads((tmp_path / "best.json").read_text())
    assert table["settings"] == best.params and table["trials"] == 8
    assert (tmp_path / table["folder"] / "best.safetensors").exists()
    assert {"Trials as they came", "Settings of each"} <= search.pictures(tmp_path).keys()


def test_trials_that_go_badly_are_pruned(tmp_path, with_toy):
    study = search.opened(tmp_path)
    for lr in (0.3, 0.4, 0.5, 0.6, 1e-5):
        study.enqueue_trial({"lr": lr, "optimizer": "adamw"})
    search.search("toy", tmp_path, 5, SHORT)
    assert states(tmp_path) == [TrialState.COMPLETE] * 4 + [TrialState.PRUNED]
    config = json.loads((tmp_path / "trial-0004" / "config.json").read_text())["config"]
    assert config["lr"] == 1e-5 and config["steps"] == 24


def test_a_stopped_study_goes_on_where_it_was(tmp_path):
    asked = []
    search.search("toy", tmp_path, 4, SHORT, stopped=lambda: asked.append(1) or len(asked) > 40)
    before = [trial for trial in search.opened(tmp_path).trials if trial.state in search.DONE]
    assert 0 < len(before) < 4
    search.search("toy", tmp_path, 4, SHORT)
    after = {trial.number: trial for trial in search.opened(tmp_path).trials if trial.state in search.DONE}
    assert len(after) == 4
    assert all(after[trial.number].value == trial.value for trial in before)


def test_a_trial_whose_process_died_is_done_again_in_its_folder(tmp_path):
    study = search.opened(tmp_path)
    trial = study.ask()
    trial.suggest_float("lr", 1e-5, 1.0, log=True)
    trial.suggest_categorical("optimizer", ("adamw", "sgd"))
    trial.set_user_attr("folder", "trial-0000")          # and then nothing more is heard of it
    search.search("toy", tmp_path, 1, SHORT)
    first, second = search.opened(tmp_path).trials
    assert (first.state, second.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert second.params == first.params and second.user_attrs["folder"] == "trial-0000"


def test_what_cannot_be_searched_is_told(tmp_path, with_toy):
    with pytest.raises(ValueError, match="lr"):
        search.search("toy", tmp_path, 1, SHORT | {"lr": -1})
    del with_toy.searched
    with pytest.raises(ValueError, match="not declared"):
        search.search("toy", tmp_path, 1, SHORT)
