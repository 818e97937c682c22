"""The Model page without a browser: an invitation, a whole card, half a card, a forged one, and the way to Classify."""

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.checkpoint import write_atomically
from lenslab.insight import judgement
from lenslab.population import find
from lenslab.sets.item import item, observation_of
from lenslab.tasks import TASKS
from lenslab.ui.escape import plain
from lenslab.ui.frame import OPEN
from lenslab.ui.model import beside
from lenslab.ui.model import errors as model_errors
from lenslab.ui.model import facts as model_facts
from tests.ui.classify.test_page import a_checkpoint as a_classifier
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "model.py"
CLASSES = ("no_sub", "cdm", "axion")
MAP = dict(auc=[[0.6, 0.9]], interval=[[[0.5, 0.7], [0.8, 1.0]]], ceiling=[[0.7, 1.0]], significance=[[1.0, 9.0]])
MAPS = dict(population="seed-64", n=24, S=[300.0], kinds=[{"class": "cdm", "path": "substructure.f_sub",
                                                          "strength": [0.05, 0.3], "maps": {"own": MAP}}])
METRICS = dict(accuracy=0.75, macro_auc=0.9, ece=0.01, n=9, confusion=[[2, 1, 0], [0, 3, 0], [1, 0, 2]],
               intervals=dict(accuracy=[0.5, 0.9]))
CARD = dict(task="classify", network="cnn", population="seed-64", classes=list(CLASSES), metrics=METRICS, split="test",
            config=dict(batch=64, reuse=4, images=0), steps=5000, duration=600.0, device="cuda", complete=True)


def judged() -> dict:
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    powers = rng.random((90, 3)) + 0.5 * np.eye(3)[labels]
    truths = {"lens.theta_E": rng.uniform(0.8, 1.6, 90)}
    return judgement.judge(powers / powers.sum(1, keepdims=True), labels, CLASSES, truths,
                           judgement.Held("seed-64", "test", 0))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    return tmp_path


def a_checkpoint(folder: Path, name: str, card: dict) -> None:
    """A card on a file of two numbers."""
    header = json.dumps({"__metadata__": {"lenslab": json.dumps(checkpoint.plain(card))},
                         "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    write_atomically(folder / f"{name}.safetensors", len(header).to_bytes(8, "little") + header + bytes(8))


def open_page(part: str | None = None, **query) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=200)
    app.session_state[OPEN] = True
    if part:
        app.session_state["model.part"] = part
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def words(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.markdown, app.caption, app.info, app.warning, app.code)
                     for item in kind)


def test_without_a_checkpoint_the_page_names_the_command_that_makes_one(folder):
    app = open_page()
    assert app.title[0].value.endswith("?")
    assert "python -m lenslab train classify" in app.code[0].value and not app.selectbox


def test_a_card_is_told_in_words_and_its_numbers_have_intervals(folder):
    a_checkpoint(folder, "classify-seed-64", CARD | dict(judgement=judged()))
    app = open_page()
    told = words(app)
    assert "to tell apart *No substructure*, *Cold (CDM)* and *Axion*" in told
    assert "320,000 showings of 80,000 simulated images" in told
    assert "10 min on cuda" in told and "complete" in told and "9 test images" in told
    assert {item.label: item.value for item in app.metric} == {
        "Macro AUC": "0.900", "Accuracy": "0.750", "Calibration error": "0.010"}
    assert app.metric[1].delta == "0.500 to 0.900"


@pytest.mark.parametrize("part", ["Overview", "Where it fails", "Detectability"])
def test_every_part_of_a_whole_card_is_drawn(folder, part):
    a_checkpoint(folder, "classify-seed-64", CARD | dict(judgement=judged(), detectability=MAPS))
    app = open_page(part)
    assert "does not hold" not in words(app) and not app.warning


def test_the_verdict_goes_by_the_refitted_lambda_and_so_do_the_maps(folder):
    row = dict(low=6, high=None, auc=0.944, interval=[0.91, 0.97], n=150, smooth=200)
    refitted = MAP | dict(refitted=[[0.55, 0.9]], left=[[0.3, 4.0]])
    maps = MAPS | dict(kinds=[MAPS["kinds"][0] | dict(maps=dict(own=refitted, fixed=MAP))])
    a_checkpoint(folder, "classify-seed-64", CARD | dict(detectability=maps, benchmark=dict(
        detection=dict(n=1000, refitted=[row], ceiling=[row | dict(auc=0.83)]))))
    told = words(open_page("Detectability"))
    assert "Of 800 test lenses with substructure 150 keep more than 6 σ" in told
    assert "AUC 0.944 (0.910 to 0.970)" in told and "Where the refitted observer is dark" in told
    a_checkpoint(folder, "classify-seed-64", CARD | dict(detectability=MAPS, benchmark=dict(detection=[row])))
    told = words(open_page("Detectability"))
    assert "fitted anew: these" not in told and "Where the ceiling is dark" in told


@pytest.mark.parametrize("part, script", [("Overview", "judgement"), ("Where it fails", "judgement"),
                                          ("Detectability", "detectability"), ("Worst errors", "judgement")])
def test_what_is_missing_names_the_command_that_makes_it(folder, part, script):
    a_checkpoint(folder, "classify-seed-64", CARD)
    app = open_page(part)
    assert app.code[0].value == f"python benchmarks/{script}.py checkpoints/classify-seed-64.safetensors --write"
    assert (Path(__file__).parents[3] / "benchmarks" / f"{script}.py").exists()


def test_a_forged_card_is_told_and_breaks_nothing(folder):
    a_checkpoint(folder, "forged", CARD | dict(
        judgement={"n": "many"}, detectability=[1], metrics=dict(METRICS, confusion=[[1]], n="all", accuracy="good"),
        config=7, duration="long", steps=None, network="[x](http://y) <b>", population=None))
    a_checkpoint(folder, "nameless", CARD | dict(classes="abc"))
    (folder / "hurt.safetensors").write_bytes(b"\xff" * 40)
    app = open_page()
    told = "\n".join(item.value for item in app.warning)
    assert app.selectbox[0].options == ["forged"]
    assert told.count("cannot be read") == 2 and plain("nameless.safetensors: its card names no classes") in told
    assert plain("hurt.safetensors") in told and "](http" not in words(app) and "<b>" not in words(app)


def test_the_address_names_the_network_and_the_best_stands_first(folder):
    for name in ("classify-seed-64-cnn", "classify-seed-64"):
        a_checkpoint(folder, name, CARD)
    assert open_page().selectbox[0].options == ["classify-seed-64", "classify-seed-64-cnn"]
    assert open_page(network="classify-seed-64-cnn").selectbox[0].value == "classify-seed-64-cnn"
    assert open_page(network="elsewhere").selectbox[0].value == "classify-seed-64"


def test_an_error_is_drawn_from_its_place_and_opens_in_classify(folder, monkeypatch):
    found = judged()
    a_checkpoint(folder, "classify-seed-64", CARD | dict(judgement=found))
    went = []
    monkeypatch.setattr(model_errors.st, "switch_page", went.append)
    monkeypatch.setattr(model_errors, "PAGE", 2)             # pictures, each a rendering
    app = open_page("Worst errors")
    place = found["worst"][0]
    observation, _ = model_errors.picture("seed-64", "test", 0, place["index"])
    asked = observation_of(item(find("seed-64"), place["index"], 0, "test").scene)
    assert (observation.image == asked.image).all()
    checked(app.button(key="model.open.0").click().run())
    assert app.session_state["classify.item"] == ("seed-64", "test", 0, place["index"])
    assert went == ["pages/classify.py"]


def test_numbers_are_rounded_as_a_reader_keeps_them():
    assert [model_facts.rounded(value) for value in (950, 71523, 1.234e6)] == ["950", "72,000", "1.23 million"]


def two_that_always_say(folder: Path, **more) -> None:
    """Networks of deeplense-2 of which one calls all axion, the other all cold."""
    for answer in ("axion", "cdm"):
        a_classifier(folder, f"all-{answer}", answer, **more)


def test_two_networks_stand_side_by_side_with_their_figures_and_curves(folder):
    two_that_always_say(folder, judgement=judged(), split="test", metrics=METRICS)
    app = open_page(network="all-axion", beside="all-cdm")
    rows, = (frame.value for frame in app.dataframe)
    assert list(rows.columns) == ["", "all-axion", "all-cdm", "ahead"]
    assert list(rows["all-cdm"]) == ["0.900", "0.750 (0.500 to 0.900)", "0.010"] and set(rows["ahead"]) == {
        "even", "too close to tell"}
    assert app.session_state["model.part"] == "Side by side" and "Solid: **all\\-axion**" in words(app)


def test_the_images_on_which_they_differ_are_those_that_one_gets_right_alone(folder, monkeypatch):
    """One always says axion, the other cold: each alone is right on just the images of its class."""
    two_that_always_say(folder)
    monkeypatch.setattr(beside, "N", 7)
    app = open_page(network="all-axion", beside="all-cdm")
    checked(app.button(key="model.beside.go").click().run())
    population = find("deeplense-2")
    labels = [population.classes[label] for label in population.draw(7, 0, "test").labels]
    told = words(app).replace("\\", "")
    assert f"**all-axion** alone is right on {labels.count('axion')}" in told
    assert f"**all-cdm** alone on {labels.count('cdm')}" in told
    assert f"{labels.count('no_sub')} wrongly" in told and "They differ on 7" in told
    assert sum((button.key or "").startswith("model.beside.open.") for button in app.button) == beside.SHOWN


def test_networks_of_other_lenses_are_put_to_no_common_image(folder):
    a_checkpoint(folder, "one", CARD)
    a_checkpoint(folder, "two", CARD | dict(population="hst"))
    app = open_page(network="one", beside="two")
    assert "not learnt to name the same kinds" in words(app) and "different populations" in words(app)
    assert "model.beside.go" not in {button.key for button in app.button}


def test_a_network_of_another_task_is_told_by_the_metrics_of_its_own(folder):
    metrics = dict(error=0.25, loss=1.0, n=9)
    a_checkpoint(folder, "reader", dict(task="lens_parameters", population="hst", metrics=metrics, config={},
                                        split="test"))
    app = open_page()
    assert {item.label: (item.value, item.delta) for item in app.metric} == {
        "Error": ("0.250", "population standard deviations")}
    assert TASKS["lens_parameters"].title in words(app) and not app.warning
