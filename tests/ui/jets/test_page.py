"""The Jets page without a browser: what is asked for, what is refused, what stands beside, and what files hold.

The network has seen no training: what its jets look like is not the matter here.
"""

import io
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from pyarrow import parquet
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.jets import files
from lenslab.jets.observables import observe
from lenslab.jets.open_data import Reading, pieces, to_e2e
from lenslab.tasks import jets as task
from lenslab.tasks.generate.sampling import Way
from lenslab.tasks.jets.nearest import nearest
from lenslab.tasks.jets.sampling import predict
from lenslab.tasks.trained import load
from lenslab.tasks.training import plain as plain_settings
from lenslab.ui.escape import plain
from lenslab.ui.frame import OPEN
from lenslab.ui.gate import Gate
from lenslab.ui.jets import export, own
from lenslab.ui.jets.form import Choice
from lenslab.ui.jets.forming import Forming, Order, beside, crowd, rows_beside
from lenslab.ui.jets.networks import conditions_of, jet_networks
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "jets.py"
NAME = "generate-jets"


def a_checkpoint(folder: Path, name: str = NAME, **card) -> Path:
    config = task.Config()
    torch.manual_seed(0)
    built = task.build(config)
    with torch.no_grad():       # layers begin at zero: without a little chance no image would heed what is asked
        for weights in built.model.parameters():
            if not weights.any():
                weights.normal_(std=0.05)
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, built.model.state_dict(), built.card | dict(
        format=checkpoint.FORMAT, task="jets", network="", config=plain_settings(config),
        metrics=dict(loss=0.5)) | card)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One network for all tests here."""
    home = tmp_path_factory.mktemp("jets")
    a_checkpoint(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSLAB_CHECKPOINTS", str(home))
        patch.setenv("LENSLAB_DEVICE", "cpu")
        patch.delenv("LENSLAB_PUBLIC", raising=False)
        yield home


@pytest.fixture(scope="module")
def network(folder):
    return jet_networks()[0][0]


@pytest.fixture(scope="module")
def sample() -> files.Jets:
    return files.read(files.SAMPLE)


def open_page(**query) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["jets.kept"] = {f"steps.{NAME}": 1, "n": 2}
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def settled(app: AppTest, slot: str = "samples") -> AppTest:
    """Once its jets are done."""
    end = time.monotonic() + 60
    while not app.session_state[f"jets.formed.{slot}"].over and time.monotonic() < end:
        time.sleep(0.02)
    return checked(app.run())


def warned(app: AppTest) -> str:
    return "\n".join(item.value for item in app.warning)


def done(order: Order) -> Forming:
    """All jets of an order."""
    forming, gate = Forming(order), Gate()
    forming.turn = gate.ask(forming.work)
    assert forming.turn.done.wait(60) and forming.refusal is None
    return forming


def test_without_a_network_the_page_tells_what_a_jet_is_and_how_one_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    app = open_page()
    assert "jet" in app.markdown[0].value and "python -m lenslab train jets" in app.code[0].value
    (tmp_path / f"{NAME}.safetensors").write_bytes(a_checkpoint(tmp_path, "other", pixels=dict(side=7)).read_bytes())
    networks, problems = jet_networks()
    assert not networks and len(problems) == 2 and all("pixels" in problem for problem in problems)


def test_sliders_ask_for_another_jet_and_the_address_follows(folder):
    app = settled(open_page())
    assert app.session_state["jets.formed.samples"].order.rows == ((2.0, 500.0, 173.0),) * 2
    checked(app.segmented_control(key="jets.form.flavour").set_value("quark").run())
    most = app.slider(key="jets.form.mass").max
    checked(app.slider(key="jets.form.pt").set_value(450.0).run())
    settled(app)
    assert app.slider(key="jets.form.mass").max < most     # a quark's mass is a share of its momentum
    assert app.session_state["jets.formed.samples"].order.rows[0][:2] == (0.0, 450.0)
    assert dict(app.query_params) | {"mass": ""} == {"model": NAME, "flavour": "quark", "pt": "450", "mass": "", "n":
                                                     "2", "steps": "1"}
    checked(app.toggle(key="jets.form.pt.on").set_value(False).run())
    checked(app.segmented_control(key="jets.form.flavour").set_value("any").run())
    assert settled(app).session_state["jets.formed.samples"].order.rows[0] == (None, None, None)
    assert not {"pt", "mass", "flavour"} & dict(app.query_params).keys()


@pytest.mark.parametrize(("query", "told"), [
    ({"pt": "900"}, "learnt from"), ({"pt": "fast"}, "no number"), ({"flavour": "charm"}, "There is no flavour"),
    ({"mass": "100"}, "set pt as well"), ({"pt": "500", "mass": "1e9"}, "jets of 500 GeV"), ({"spin": "1"}, "It sets"),
    ({"n": "5000"}, "from 1 to 16"), ({"steps": "1e9"}, "from 1 to"), ({"sampler": "magic"}, "There is no sampler")])
def test_a_bad_link_says_so_and_the_page_stands(folder, query, told):
    app = open_page(**query)
    assert plain(told) in warned(app)
    assert app.session_state["jets.formed.samples"].order.rows[0] == (2.0, 500.0, 173.0)


def test_a_link_brings_what_it_asks_for(folder):
    app = open_page(flavour="gluon", pt="480", mass="60", seed="5", n="1")
    held = app.session_state["jets.formed.samples"].order
    assert not warned(app) and held.rows == ((1.0, 480.0, 60.0),) and held.way.seed == 5


def test_jets_are_those_of_the_shell_and_stand_beside_the_nearest_simulated(network, sample):
    order = Order(network, ((2.0, 500.0, 173.0),) * 3, Way(steps=2, seed=3))
    forming = done(order)
    assert forming.complete
    found = predict(load(network.path), order.table, order.way).images
    assert torch.allclose(forming.images, found, rtol=1e-3, atol=1e-3)
    twins, images = sample.take(rows_beside(order)), beside(order)
    away = np.abs(np.log(sample.pt / 500)) / network.card["conditions"]["scale"][0]
    assert (twins.label == 2).all() and len(images) == 3
    far = np.hypot(away, (sample.mass / sample.pt - 173 / 500) / network.card["conditions"]["scale"][1])
    worst = np.sort(far[sample.label == 2])[2]
    assert np.allclose(np.sort(np.hypot(np.log(twins.pt / 500) / network.card["conditions"]["scale"][0], (
        twins.mass / twins.pt - 0.346) / network.card["conditions"]["scale"][1]))[-1], worst, atol=1e-4)
    open_to_all = nearest(sample, conditions_of(network), conditions_of(network).row({}), 9)
    assert open_to_all.tolist() == list(range(9))


def test_a_crowd_is_asked_to_be_what_the_simulated_jets_are(network, sample):
    choice = Choice(network, conditions_of(network), (), Way(steps=1), 1)
    order, rows = crowd(choice, "gluon", 20)
    assert len(set(rows)) == 20 and (sample.label[rows] == 1).all()
    assert np.allclose(order.table, np.stack([sample.label, sample.pt, sample.mass], 1)[rows])
    assert set(sample.label[crowd(choice, None, 60)[1]]) == {0, 1, 2}


def test_many_jets_are_laid_over_each_other(folder):
    app = open_page()
    app.session_state["jets.look"] = "Many jets"
    checked(settled(app).button(key="jets.crowd.make").click().run())
    settled(app, "crowd")
    assert app.session_state["jets.formed.crowd"].n == 60 and app.selectbox(key="jets.form.observable").value == "mass"


@pytest.mark.parametrize("look", ["In 3-D", "How good is it?", "A file of yours", "Export"])
def test_every_look_stands(folder, look):
    app = settled(open_page())
    app.session_state["jets.look"] = look
    checked(app.run())


def test_stopped_jets_are_kept_and_go_on(folder, monkeypatch):
    app = open_page(n="16", steps="200")
    checked(app.button(key="jets.samples.stop").click().run())
    settled(app)
    assert any("Stopped: " in item.value for item in app.markdown)
    assert app.button(key="jets.samples.again").label == "Go on"
    app.session_state["jets.kept"] = {}


def test_files_hold_the_jets_and_what_was_asked(network, tmp_path):
    forming = done(Order(network, ((0.0, 450.0, None), (1.0, 500.0, 80.0)), Way(steps=1)))
    images = forming.images.numpy()
    with np.load(io.BytesIO(export.to_npz(forming)), allow_pickle=False) as file:
        assert np.array_equal(file["images"], images) and file["condition_names"].tolist() == ["flavour", "pt", "mass"]
        assert np.array_equal(file["conditions"], [[0, 450, np.nan], [1, 500, 80]], equal_nan=True)
    with h5py.File(io.BytesIO(export.as_end_to_end(forming, ".h5"))) as file:
        assert file["X_jets"].shape == (2, 32, 32, 3) and np.allclose(np.moveaxis(file["X_jets"][()], -1, 1), images)
        assert file["pt"][()].tolist() == [450, 500] and np.isnan(file["m0"][0])
    table = parquet.read_table(io.BytesIO(export.as_end_to_end(forming, ".parquet")))
    assert table.column_names == ["X_jets", "pt", "m0", "y"] and table["y"].to_pylist() == [0, 1]


@pytest.mark.parametrize("ending", [".h5", ".parquet"])
def test_a_file_of_ones_own_is_read_in_either_layout(sample, tmp_path, ending):
    some = sample.take(np.arange(5))
    path = tmp_path / f"mine{ending}"
    to_e2e(path, some.hits.images(125), some.pt, some.mass, some.label)
    found = own.own_of(path.name, path.read_bytes(), Reading(labels=("a", "b", "c")), 32)
    truth = observe(some.hits.images(32))
    assert len(found.images) == 5 and np.allclose(found.pt, some.pt)
    assert np.allclose(found.read_off["pt"], truth["pt"], rtol=2e-3)
    assert sum(len(piece.pt) for piece in pieces(path, Reading(labels=("a", "b", "c")))) == 5


def test_a_set_of_lenslab_is_read_and_what_is_none_is_refused(sample, tmp_path):
    found = own.own_of("sample.h5", files.SAMPLE.read_bytes(), Reading(), 32)
    assert len(found.images) == own.MOST and np.allclose(found.pt, sample.pt[:own.MOST])
    for name, data in (("a.h5", b"no jets at all"), ("b.parquet", b"PAR1 and nothing"), ("c", b"")):
        with pytest.raises(ValueError) as error:
            own.own_of(name, data, Reading(), 32)
        assert str(error.value).endswith(".")
