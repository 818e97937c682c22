"""The Odd page without a browser: a detector whose drawing is empty, so that what is bright is odd."""

from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.tasks import anomaly
from lenslab.tasks.training import plain
from lenslab.ui.frame import OPEN
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "odd.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Usual scores lie between 0 and 1e-6: whatever shines is odd."""
    folder = tmp_path_factory.mktemp("checkpoints")
    config = anomaly.Config(population="seed-64", width=4, latent=4)
    built = anomaly.build(config)
    with torch.no_grad():
        built.model.network.up[-1].weight.zero_()
        built.model.network.up[-1].bias.zero_()
        built.model.table.copy_(torch.linspace(0, 1e-6, len(built.model.table)))
    checkpoint.save(folder / "anomaly-seed-64.safetensors", built.model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="anomaly", network="", config=plain(config), complete=True,
        metrics=dict(auc=0.8, intervals=dict(auc=[0.7, 0.9]))))
    return folder


@pytest.fixture
def opened(folder, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(folder))
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state[OPEN] = True
    return checked(app.run())


def said(app) -> str:
    return "\n".join(one.value for one in (*app.markdown, *app.caption, *app.info, *app.warning))


def test_a_bright_lens_is_odd_to_who_draws_nothing(opened):
    assert "### Odd" in said(opened) and "None of 960 usual lenses" in said(opened)
    assert "autoencoder" in said(opened)
    opened.toggle(key="odd.form.truth").set_value(True).run()
    assert "The truth: **" in said(checked(opened))


def test_accepting_no_false_alarms_is_not_offered(opened):
    slider = opened.slider(key="odd.form.false")
    assert slider.min > 0 and slider.max <= 50
    slider.set_value(25.0).run()
    assert "### Odd" in said(checked(opened))


def test_a_shelf_goes_from_usual_to_odd(opened):
    words = [one.value for one in opened.caption if one.value.startswith("odder than")]
    assert len(words) == 12
    shares = [int(word.split()[2]) for word in words]
    assert shares == sorted(shares)


def test_without_a_network_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state[OPEN] = True
    assert "train anomaly" in checked(app.run()).code[0].value
