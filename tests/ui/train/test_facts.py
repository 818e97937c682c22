"""What the page says of a run follows from its records."""

import subprocess
import sys
from pathlib import Path

import pytest

from lenslab.runs.jobs import Job
from lenslab.ui.train import facts as facts

CONFIG = dict(population="seed-64", network="cnn", width=16, data="", steps=1000, batch=10)


def a_job(name: str = "a", status: str = "finished", **changes) -> Job:
    config = CONFIG | changes.pop("config", {})
    return Job(name, Path("nowhere"), status, task="classify", device="cpu", config=config,
               **{"step": 100, "steps": config["steps"], **changes})


@pytest.fixture
def paces(monkeypatch):
    """{name: seconds for a hundred steps} of runs whose curves are made up."""
    table = {}
    monkeypatch.setattr(facts, "lines_of", lambda job: [dict(step=100, seconds=table[job.name])])
    return table


def test_time_left_is_steps_left_at_the_recent_pace():
    lines = [dict(step=step, seconds=100.0 + 2 * (step - 50) if step > 50 else 2.0 * step, loss=1.0)
             for step in range(10, 110, 10)]
    assert facts.progress(a_job(), lines).left == pytest.approx(2 * 900)
    assert facts.progress(a_job(), [dict(step=50, seconds=25.0)]).left == pytest.approx(0.5 * 950)
    assert facts.progress(a_job(), []).left is None


def test_minutes_of_the_processor_tell_how_far_a_run_is_where_they_end_it():
    """A tenth of its share in 60 s: eight more such are left, whatever its steps say."""
    lines = [dict(step=10, seconds=30.0, done=0.1), dict(step=20, seconds=90.0, done=0.2)]
    at = facts.progress(a_job(), lines)
    assert at.done == 0.2 and at.left == pytest.approx(60 * 8)


def test_steps_that_minutes_allow_are_expected_in_two_digits():
    lines = [dict(step=512, done=0.25)]
    assert facts.planned(a_job(steps=10**6, config=dict(minutes=10.0)), lines) == 2000
    assert facts.planned(a_job(steps=600, config=dict(minutes=10.0)), lines) == 600, "its steps end it first"
    assert facts.planned(a_job(steps=600), lines) == 600 and facts.planned(a_job(steps=600), []) == 600
    finished = [dict(step=5514, done=1.0)]
    assert facts.planned(a_job(steps=10**6, config=dict(minutes=10.0)), finished) == 5514, "none is drawn outside"


def test_the_newest_validation_is_told_and_what_is_not_a_number_is_not():
    lines = [dict(step=10, loss=1.0, val_accuracy=0.4), dict(step=20, loss=None, lr=True)]
    at = facts.progress(a_job(), lines)
    assert at.judged[0].name == "accuracy" and at.judged[1] == 0.4 and at.loss is None and at.lr is None


def test_an_estimate_scales_the_pace_of_the_same_network_on_the_same_population(paces):
    paces.update(a=50.0, b=500.0, c=5.0)
    known = [a_job("c", config=dict(population="hst")), a_job("b", config=dict(network="physics_cnn")), a_job("a")]
    found = facts.estimate("classify", CONFIG | dict(steps=2000, batch=20), "cpu", known)
    assert found.seconds == pytest.approx(facts.STARTUP + 2000 * 20 * 50.0 / (100 * 10))
    assert "**a** on this device." in found.basis


def test_an_estimate_from_another_kind_of_run_says_so(paces):
    paces.update(c=5.0)
    told = facts.estimate("classify", CONFIG, "cpu", [a_job("c", config=dict(population="hst"))]).basis
    assert "another population" in told and "another network" not in told
    assert "a guess" in facts.estimate("classify", CONFIG, "cuda", [a_job("c")]).basis, "another device"
    assert "a guess" in facts.estimate("else", CONFIG, "cpu", [a_job("c")]).basis, "another task"


def test_a_suggested_name_is_free():
    assert facts.suggested_name(CONFIG, "classify", []) == "cnn-seed-64-1"
    assert facts.suggested_name(dict(population="hst:slope=off"), "segment", ["segment-hst-1"]) == "segment-hst-2"


def test_what_is_the_matter_in_words(tmp_path):
    assert "2 trainings before it" in facts.sentence(a_job(status="waiting", place=2))
    assert "first images" in facts.sentence(a_job(status="running", step=0))
    assert "goes on" in facts.sentence(a_job(status="interrupted"))
    (tmp_path / "stop").touch()
    assert "Stopping" in facts.sentence(Job("a", tmp_path, "running", step=3))


def test_records_and_curves_are_read_and_drawn_without_torch():
    """In a process of its own, where no other test has loaded it; the page's other half, the form, does need it."""
    program = ("import sys, lenslab.ui.train.facts as facts, lenslab.ui.train.watch as watch; facts.runs(); "
               "watch.training.curves([watch.training.Curve('one', [], 1)]); sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3]).returncode == 0
