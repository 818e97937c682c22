"""The Train page without a browser: what it invites to, what it refuses, and what it says of runs."""

import json
import re
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lenslab.checkpoint import write_atomically
from lenslab.population import find
from lenslab.runs import jobs
from lenslab.tasks import TASKS
from lenslab.tasks.training import configure
from lenslab.ui.escape import JOINER, plain
from lenslab.ui.frame import OPEN
from lenslab.ui.train import form as train_form
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "train.py"
CONFIG = dict(network="cnn", population="seed-64", steps=100, batch=10, width=16, data="")
LINES = [dict(step=step, loss=1.1 - step / 100, lr=1e-3, gradient=0.5, rate=50.0, data_share=0.2, seconds=step * 0.2)
         for step in range(10, 60, 10)]


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """An empty folder of runs, and one of checkpoints."""
    monkeypatch.setenv("LENSLAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.delenv("LENSLAB_PUBLIC", raising=False)
    return tmp_path / "runs"


def a_run(runs: Path, name: str, phase: str, lines=LINES, message: str = "", config=CONFIG) -> None:
    """A run as its process leaves it; one that says running and holds no lock was killed."""
    folder = runs / name
    folder.mkdir(parents=True)
    status = dict(phase=phase, message=message, pid=1, host="elsewhere", changed=time.time(), task="classify")
    (folder / "status.json").write_text(json.dumps(status))
    (folder / "config.json").write_text(json.dumps(dict(task="classify", config=config, device="cpu")))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def a_checkpoint(runs: Path, name: str) -> None:
    """A judged network's card on a file of two numbers."""
    metrics = dict(accuracy=0.75, n=8, confusion=[[3, 1], [1, 3]], intervals=dict(accuracy=[0.5, 0.9]))
    header = json.dumps({"__metadata__": {"lenslab": json.dumps(dict(
        task="classify", classes=["smooth", "cdm"], metrics=metrics, split="test"))},
        "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    write_atomically(runs / name / "best.safetensors", len(header).to_bytes(8, "little") + header + bytes(8))


def open_page() -> AppTest:
    return checked(page().run())


def page() -> AppTest:
    """The page by itself: the app's frame warms up what only other pages need."""
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    return app


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def words(app: AppTest) -> str:
    """What the page says, as a reader sees it."""
    said = "\n".join(item.value for kind in (app.markdown, app.caption, app.info, app.warning, app.success)
                     for item in kind)
    return re.sub(r"\\([^\w\s])", r"\1", said.replace(JOINER, ""))


def test_an_empty_page_asks_a_question_and_invites_to_a_first_run(runs):
    app = open_page()
    assert app.title[0].value.endswith("?")
    assert "up to 2 minutes" in words(app)
    assert {"train.first", "train.start"} <= keys(app)
    assert "a guess" in words(app), "nothing was measured, and the page says so"


def test_the_first_run_is_one_that_the_task_accepts(runs, monkeypatch):
    begun = []
    monkeypatch.setattr(jobs, "start", lambda *given, **named: begun.append((given, named)))
    checked(open_page().button(key="train.first").click().run())
    (name, task, settings), named = begun[0]
    assert name == "first" and named["device"] == "auto"
    assert configure(TASKS[task].module.Config, settings).population == "seed-64"


def test_every_setting_has_a_sentence(runs):
    app = open_page()
    controls = [*app.number_input, *app.selectbox, *app.toggle, *app.text_input]
    assert len(controls) > 20
    assert all(control.help and control.help.endswith(".") for control in controls), [
        control.label for control in controls if not (control.help or "").endswith(".")]


@pytest.mark.parametrize("task", TASKS)
def test_the_form_has_a_control_with_a_sentence_for_each_setting_of_a_task(runs, task):
    """A task may grow settings: each must be declared, or have its own control on the form."""
    app = open_page()
    checked(app.selectbox(key="train.form.task").set_value(task).run())
    shown = {control.key: control for kind in (app.number_input, app.selectbox, app.toggle, app.text_input)
             for control in kind}
    for item in fields(TASKS[task].module.Config):
        assert "kind" in item.metadata or item.name == "population", f"{item.name} has no declaration"
        if "kind" in item.metadata:
            text = item.metadata["text"]
            assert text.endswith(".") and len(text.split()) > 3, f"{item.name} has no sentence"
            assert shown[f"train.form.{item.name}"].help == text
            assert shown[f"train.form.{item.name}"].label.startswith(item.metadata["label"])
        else:
            assert shown[f"train.form.{item.name}"].help.endswith(".")


@pytest.fixture
def galaxy_folder(tmp_path, monkeypatch) -> Path:
    """A folder of one galaxy, which falls to one of three splits."""
    (tmp_path / "data" / "sources").mkdir(parents=True)
    y, x = np.indices((32, 32)) - 15.5
    np.save(tmp_path / "data" / "sources" / "one.npy", np.exp(-np.hypot(x, y) / 4).astype(np.float32))
    monkeypatch.setenv("LENSLAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_real_galaxies_are_offered_where_the_folder_has_any(runs, galaxy_folder, monkeypatch):
    begun, key = [], "train.form.galaxies"
    monkeypatch.setattr(train_form.jobs, "start", lambda *given, **named: begun.append(given))
    app = open_page()
    assert key not in {toggle.key for toggle in app.toggle}, "seed-64 cannot have them"
    checked(app.selectbox(key="train.form.population").set_value("hst").run())
    checked(app.toggle(key=key).set_value(True).run())
    checked(app.button_group(key="train.form.switches").set_value(["slope"]).run())
    checked(app.button(key="train.start").click().run())
    assert "falls to the split" in app.warning[0].value and not begun, "one galaxy cannot teach and judge"
    monkeypatch.setattr(train_form, "check_sources", lambda text: None)
    checked(app.button(key="train.start").click().run())
    assert begun[0][2]["population"] == "hst:slope=off,galaxies=on"
    (galaxy_folder / "sources" / "one.npy").unlink()
    app = checked(app.run())
    assert key not in {toggle.key for toggle in app.toggle}
    checked(app.button(key="train.start").click().run())
    assert begun[1][2]["population"] == "hst:slope=off"


def test_a_switch_of_another_population_is_dropped(runs):
    app = open_page()
    checked(app.selectbox(key="train.form.population").set_value("hst").run())
    checked(app.button_group(key="train.form.switches").set_value(["slope"]).run())
    checked(app.selectbox(key="train.form.population").set_value("deeplense-1").run())
    assert app.button_group(key="train.form.switches").value == []


@pytest.mark.parametrize(("key", "value", "told"), [
    ("train.form.name", "../etc", "cannot be a name"), ("train.form.name", "a b", "cannot be a name"),
    ("train.form.data", "no/such.h5", "there is no file"),
    ("train.form.regressor", "no/such.safetensors", "there is no file"),
    ("train.form.name", "old", "already"),
])
def test_bad_settings_are_refused_in_words_and_start_nothing(runs, key, value, told):
    a_run(runs, "old", "stopped")
    app = open_page()
    checked(app.text_input(key=key).set_value(value).run())
    checked(app.button(key="train.start").click().run())
    assert told in app.warning[0].value
    assert [entry.name for entry in runs.iterdir()] == ["old"]


def test_a_public_demonstration_shows_runs_and_has_no_button_that_changes_one(runs, monkeypatch):
    monkeypatch.setenv("LENSLAB_PUBLIC", "1")
    app = open_page()
    assert "public demonstration" in app.info[0].value and not keys(app)
    a_run(runs, "seen", "stopped")
    app = open_page()
    assert "public demonstration" in app.info[0].value and "**seen**" in words(app)
    assert not keys(app) and not app.number_input and not app.text_input


HOSTILE = "![](http://evil.example/a.png) [You won](https://evil.example) in /home/me/runs/broken"


def test_the_message_of_a_run_is_shown_letter_by_letter(runs):
    a_run(runs, "broken", "failed", message=HOSTILE)
    assert any(item.value.endswith(plain(HOSTILE)) for item in open_page().markdown)


def test_a_public_demonstration_tells_no_message_no_log_and_no_path(runs, monkeypatch):
    monkeypatch.setenv("LENSLAB_PUBLIC", "1")
    a_run(runs, "broken", "failed", message=HOSTILE, config=CONFIG | dict(data="/home/me/sets/a.h5"))
    (runs / "broken" / "log.txt").write_text("Traceback: /home/me/lenslab")
    app = open_page()
    told = "\n".join([words(app), *(item.value for item in app.code), *(str(item.value) for item in app.dataframe)])
    assert "Failed." in told and "seed-64" in told
    assert "evil" not in told and "/home/me" not in told


def test_a_killed_run_is_interrupted_and_can_be_resumed_or_deleted(runs):
    a_run(runs, "orphan", "running")
    app = open_page()
    assert "Interrupted" in words(app)
    assert {"train.resume", "train.delete"} <= keys(app) and "train.stop" not in keys(app)
    checked(app.button(key="train.delete").click().run())
    assert not (runs / "orphan").exists() and "orphan is deleted." in words(app)
    assert "train.first" in keys(app)


def test_a_failed_run_says_why(runs):
    a_run(runs, "broken", "failed", message="Loss became nan at step 7; try lr below 10.")
    assert "Loss became nan at step 7; try lr below 10." in words(open_page())


def test_a_finished_run_shows_its_test_scores_and_is_kept_under_a_name_once(runs, tmp_path):
    a_run(runs, "done", "finished")
    a_checkpoint(runs, "done")
    app = open_page()
    assert "Accuracy 0.750 (0.500 to 0.900)" in words(app) and "8 test images" in words(app)
    assert "train.resume" not in keys(app)
    checked(app.text_input(key="train.keep.done").set_value("mine").run())
    checked(app.button(key="train.keep").click().run())
    assert "Kept as mine" in words(app)
    assert (tmp_path / "checkpoints" / "mine.safetensors").read_bytes() == (
        runs / "done" / "best.safetensors").read_bytes()
    checked(app.button(key="train.keep").click().run())
    assert "'mine' already" in app.warning[0].value


def test_a_damaged_checkpoint_and_half_a_record_do_not_break_the_page(runs):
    a_run(runs, "hurt", "finished")
    (runs / "hurt" / "best.safetensors").write_bytes(b"\xff" * 40)
    (runs / "hurt" / "metrics.jsonl").write_bytes(b'{"step": 1, "loss": null}\n{"step": 2, "lo')
    (runs / "stray").mkdir()
    app = open_page()
    assert app.selectbox(key="train.run").options == ["hurt · finished"]


def test_runs_are_compared_and_another_quantity_is_drawn(runs):
    a_run(runs, "one", "stopped")
    a_run(runs, "two", "stopped")
    app = open_page()
    other = ({"one", "two"} - {app.selectbox(key="train.run").value}).pop()
    checked(app.button_group(key="train.beside").set_value([other]).run())
    checked(app.selectbox(key="train.quantity").set_value("rate").run())
    assert app.button_group(key="train.beside").value == [other]
    checked(app.selectbox(key="train.run").set_value(other).run())
    assert app.button_group(key="train.beside").value == []


def test_what_was_chosen_outlives_a_change_of_page(runs):
    app = open_page()
    checked(app.number_input(key="train.form.steps").set_value(500).run())
    kept = app.session_state["train.kept"]
    assert kept["steps"] == 500
    again = page()
    again.session_state["train.kept"] = kept
    assert checked(again.run()).number_input(key="train.form.steps").value == 500


def test_the_runs_that_were_watched_are_the_same_after_another_page(runs):
    for name in ("one", "two", "three"):
        a_run(runs, name, "stopped")
    app = open_page()
    checked(app.selectbox(key="train.run").set_value("two").run())
    checked(app.button_group(key="train.beside").set_value(["one"]).run())
    checked(app.selectbox(key="train.quantity").set_value("rate").run())
    again = page()
    again.session_state["train.kept"] = app.session_state["train.kept"]  # all that Streamlit leaves: keys of no control
    again.run()
    assert checked(again).selectbox(key="train.run").value == "two"
    assert again.button_group(key="train.beside").value == ["one"]
    assert again.selectbox(key="train.quantity").value == "rate"


def test_the_first_run_learns_what_the_empty_page_promises(runs):
    first, told = TASKS["classify"].presets[0], words(open_page())
    kinds = find(first.settings["population"]).kinds
    for word, kind in (("no substructure", "none"), ("cold dark matter", "deeplense_cdm"), ("waves", "fdm"),
                       ("vortex", "vortex")):
        assert (word in told) == (kind in kinds), word


@pytest.mark.parametrize("task", TASKS)
def test_every_task_begins_with_a_preset_of_a_few_minutes(runs, monkeypatch, task):
    """Its settings are what the task takes, and what Start training starts while nothing is changed."""
    begun, preset = [], TASKS[task].presets[0]
    assert 0 < preset.minutes <= 5 and preset.sentence.endswith(".")
    config = configure(TASKS[task].module.Config, preset.settings)
    monkeypatch.setattr(train_form.jobs, "start", lambda *given, **named: begun.append(given))
    app = open_page()
    checked(app.selectbox(key="train.form.task").set_value(task).run())
    checked(app.button(key="train.start").click().run())
    assert begun[0][1] == task and configure(TASKS[task].module.Config, begun[0][2]) == config


def test_the_defaults_are_a_choice_beside_the_presets_and_what_was_changed_stays(runs):
    app = open_page()
    checked(app.number_input(key="train.form.batch").set_value(16).run())
    assert app.number_input(key="train.form.steps").value == TASKS["classify"].presets[0].settings["steps"]
    checked(app.number_input(key="train.form.seed").set_value(3).run())
    assert app.number_input(key="train.form.batch").value == 16
    checked(app.selectbox(key="train.form.preset").set_value(train_form.DEFAULTS).run())
    defaults = TASKS["classify"].module.Config()
    assert app.selectbox(key="train.form.population").value == defaults.population
    assert app.number_input(key="train.form.steps").value == defaults.steps
    assert app.number_input(key="train.form.batch").value == defaults.batch
