"""Studies of settings on the Train page: what stands in their folders, and what does not."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lenslab.runs import jobs, search
from lenslab.ui.frame import OPEN
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "train.py"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A study of five trials whose loss is their rate."""
    monkeypatch.setenv("LENSLAB_RUNS", str(tmp_path))
    folder = tmp_path / "first-study"
    folder.mkdir()
    study = search.opened(folder)
    for lr in (0.5, 0.1, 0.3, 0.2, 0.4):
        study.enqueue_trial({"lr": lr})
        trial = study.ask()
        study.tell(trial, trial.suggest_float("lr", 0.0, 1.0))
    search.note(study, folder)
    return folder


def page() -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state[OPEN] = True
    app.session_state["train.studies"] = True
    return app


def said(app) -> str:
    return "\n".join(one.value for one in (*app.markdown, *app.caption))


def test_a_study_is_shown_with_its_best_trial_and_is_no_run(folder):
    assert jobs.studies() == ["first-study"] and jobs.listed() == []
    assert "Best of **5** trials: lr 0.1." in said(checked(page().run()))


def test_a_journal_that_cannot_be_read_is_told(folder):
    (folder / "study.log").write_text("{nonsense\n")
    assert "cannot be read" in said(checked(page().run()))


def test_without_a_study_nothing_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_RUNS", str(tmp_path))
    assert "trials" not in said(checked(page().run()))
