"""The Measure page without a browser: a network whose posteriors were set by hand, and what the page says of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.tasks import measure
from lenslab.tasks.measure.quantities import quantities_of
from lenslab.tasks.training import plain
from lenslab.ui.frame import OPEN
from lenslab.ui.measure.words import digits, pair, sentence
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "measure.py"
POPULATION = "seed-64"
QUANTITIES = quantities_of(POPULATION)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network that says: axion, 94 %; its mass in the middle of the prior, a tenth as uncertain; of all else nothing.
    """
    folder = tmp_path_factory.mktemp("checkpoints")
    config = measure.Config(head="point", width=4, population=POPULATION)
    built = measure.build(config)
    with torch.no_grad():
        built.model.classes.weight.zero_()
        built.model.classes.bias.copy_(torch.tensor([0.0, 0.0, np.log(30.0)]))
        for block, density in zip(QUANTITIES.blocks, built.model.densities, strict=True):
            density.say.weight.zero_()
            density.say.bias.zero_()
            if block == "axion":
                density.say.bias[1] = float(np.log(np.expm1(0.09)) - np.log(np.e - 1))
    checkpoint.save(folder / "measure-seed-64.safetensors", built.model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="measure", network="cnn", config=plain(config), complete=True,
        metrics=dict(gain=0.5, mae={"log10_m22": 0.1}, r2={"log10_m22": 0.9}, coverage68={"log10_m22": 0.68},
                     coverage95={"log10_m22": 0.95})))
    return folder


@pytest.fixture
def opened(folder, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(folder))
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state[OPEN] = True
    return app


def said(app) -> str:
    return "\n".join(one.value for one in (*app.markdown, *app.caption, *app.info, *app.warning))


def test_it_says_what_the_network_says(opened):
    words = said(checked(opened.run()))
    item = next(item for item in QUANTITIES.quantities if item.key == "log10_m22")
    assert "It takes this image for: Axion 94 %" in words
    low, high = item.value(np.array([-0.0994, 0.0994]))      # of a bell of width 0.1, the central 68 %
    assert pair(item, low, high) in words or f"{digits(10**(low - 22) / 1e-23, 1)}" in words
    assert "narrows it" in words


def test_of_another_kind_it_knows_no_more_than_before(opened):
    opened.run()
    opened.selectbox(key="measure.form.taken").set_value("cdm").run()
    assert "Share of the mass in clumps" in said(checked(opened))
    assert "hardly more than was known before" in said(opened)


@pytest.mark.parametrize(("look", "words"), [
    ("How honest it is", "Another network"), ("Many lenses", "Add lenses"), ("Where it reads", "move the middle"),
    ("Turn the truth", "")])
def test_looks_open(opened, look, words):
    opened.session_state["measure.look"] = look
    assert words in said(checked(opened.run()))


def test_a_truth_is_turned_and_what_is_said_follows(opened):
    opened.session_state["measure.form.taken"] = "lens"
    opened.session_state["measure.look"] = "Turn the truth"
    assert "only this one number changes" in said(checked(opened.run()))


def test_lenses_are_added_to_a_sky(opened):
    opened.session_state["measure.look"] = "Many lenses"
    opened.session_state["measure.form.sky.number"] = 5
    checked(opened.run())
    opened.button(key="measure.sky.go").click().run()
    for _ in range(8):
        if opened.session_state["measure.sky"].number >= 5:
            break
        opened.run()
    checked(opened)
    sky = opened.session_state["measure.sky"]
    assert sky.number == 5 and "5 lenses together" in said(opened)


def test_without_a_network_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state[OPEN] = True
    assert "train measure" in checked(app.run()).code[0].value


def test_numbers_are_written_as_people_write_them():
    by_key = {item.key: item for name in ("hst", "deeplense-1") for item in quantities_of(name).quantities}
    assert pair(by_key["log10_m_axion"], -23, np.log10(3.4e-23)) == "1.0 and 3.4 × 10⁻²³ eV"
    assert pair(by_key["log10_m22"], 0, 0.30103) == "1.0 and 2.0 × 10⁻²² eV"
    assert pair(by_key["log10_f_sub"], -2, -1.5) == "1.0 and 3.2 % of the mass"
    assert pair(by_key["theta_E"], 1.0201, 1.0417) == "1.020 and 1.042″"
    assert [digits(value) for value in (0.0342, 1.24, 344, 0)] == ["0.034", "1.2", "340", "0"]
    flat = by_key["log10_m_axion"].at(np.linspace(0, 1, 999))
    assert "hardly more" in sentence(by_key["log10_m_axion"], flat)
