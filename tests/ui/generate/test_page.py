"""The Generate page without a browser: what is asked for, what is refused, what a stop keeps, and what files hold.

The network has seen no training: what its images look like is not the matter here.
"""

import io
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.io import fits
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.population import find
from lenslab.tasks import generate
from lenslab.tasks.generate.asked import lenses_of, twins
from lenslab.tasks.generate.sampling import Way, predict
from lenslab.tasks.noise_free.conditions import Conditions
from lenslab.tasks.trained import load
from lenslab.tasks.training import configure
from lenslab.ui.escape import plain
from lenslab.ui.frame import OPEN
from lenslab.ui.gate import Gate
from lenslab.ui.generate import export, judged, looks, samples
from lenslab.ui.generate.handles import handles, morphed, settings
from lenslab.ui.generate.samples import Forming, Order, pictures
from lenslab.ui.generate.wanted import WANTED, Wanted, first, from_query, to_query
from lenslab.ui.pick.networks import networks_of
from lenslab.ui.pick.real import KEPT
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "generate.py"
POPULATION = "hst"


def a_checkpoint(folder: Path, name: str = f"generate-{POPULATION}", **card) -> Path:
    config = configure(generate.Config, dict(population=POPULATION))
    torch.manual_seed(0)
    built = generate.build(config)
    with torch.no_grad():       # layers begin at zero: without a little chance no image would heed what is asked
        for weights in built.model.parameters():
            if not weights.any():
                weights.normal_(std=0.05)
    told = built.card | dict(format=checkpoint.FORMAT, task="generate", network="", config=asdict(config),
                             metrics=dict(loss=0.5)) | card
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, built.model.state_dict(), told)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One network for all tests here."""
    home = tmp_path_factory.mktemp("generate")
    a_checkpoint(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSLAB_CHECKPOINTS", str(home))
        patch.setenv("LENSLAB_DEVICE", "cpu")
        patch.delenv("LENSLAB_PUBLIC", raising=False)
        yield home


@pytest.fixture(scope="module")
def network(folder):
    return networks_of("generate")[0][POPULATION][0]


@pytest.fixture(scope="module")
def conditions(network) -> Conditions:
    return Conditions.of_card(network.card["conditions"])


def open_page(**query) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["generate.kept"] = {f"steps.generate-{POPULATION}": 1, "n": 1}
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def words(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.markdown, app.caption, app.info, app.warning) for item in kind)


def settled(app: AppTest) -> AppTest:
    """Once its images are done."""
    end = time.monotonic() + 60
    while not app.session_state["generate.formed.samples"].over and time.monotonic() < end:
        time.sleep(0.02)
    return checked(app.run())


def test_without_a_network_the_page_names_the_command_that_makes_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    app = open_page()
    assert app.title[0].value.endswith("?") and "python -m lenslab train generate" in app.code[0].value


def test_a_slider_changes_the_lens_and_the_address_and_the_images_follow(folder, conditions):
    app = settled(open_page())
    before = app.session_state["generate.formed.samples"]
    assert before.complete and "an image on the processor" in words(app)
    radius = 1.25 if app.slider(key="generate.w.lens.theta_E").value < 1.2 else 0.9
    settled(checked(app.slider(key="generate.w.lens.theta_E").set_value(radius).run()))
    after = app.session_state["generate.formed.samples"]
    at = conditions.at("lens.theta_E")
    assert after is not before and float(after.table[0, at]) == pytest.approx(radius)
    assert dict(app.query_params)["lens.theta_E"] == f"{radius:g}"
    checked(app.toggle(key="generate.on.lens.theta_E").set_value(False).run())
    assert app.slider(key="generate.w.lens.theta_E").disabled and dict(app.query_params)["open"] == "lens.theta_E"
    assert settled(app).session_state["generate.formed.samples"].table[0, at].isnan().all()
    checked(app.button(key="generate.back").click().run())
    assert app.session_state[WANTED] == Wanted(POPULATION, 0)


def test_a_contradiction_is_said_and_changes_nothing(folder):
    app = open_page()
    lens = app.session_state[WANTED]
    low = app.slider(key="generate.w.z_source").min
    checked(app.slider(key="generate.w.z_lens").set_value(app.slider(key="generate.w.z_lens").max).run())
    held = app.session_state[WANTED]
    checked(app.slider(key="generate.w.z_source").set_value(low).run())
    told = "\n".join(item.value for item in app.warning)
    assert plain("is not beyond the lens") in told or plain("learnt from") in told
    assert app.session_state[WANTED] == held
    assert held == lens or dict(held.changes).keys() == {"z_lens"}


@pytest.mark.parametrize(("query", "told"), [
    ({"lens.theta_E": "9"}, "learnt from"), ({"lens.theta_E": "often"}, "no number"),
    ({"camera.num_pix": "512"}, "does not know"), ({"open": "nonsense"}, "There is no condition"),
    ({"steps": "100000"}, "from 1 to"), ({"n": "5000"}, "from 1 to 16"), ({"lens": "1e12"}, "whole number"),
    ({"class": "magic"}, "There is no class")])
def test_a_bad_link_says_so_and_the_page_stands(folder, query, told):
    app = open_page(**query)
    assert plain(told) in "\n".join(item.value for item in app.warning)
    assert app.session_state[WANTED] == Wanted(POPULATION, 0)


def test_a_link_brings_what_it_asks_for(folder, conditions):
    asked = replace(first(POPULATION, conditions, 3).but({"source.n_sersic": 1.5}), left_open=("z_source", "class"))
    assert from_query(to_query(asked), POPULATION, conditions) == asked


def test_sliders_read_what_they_write_and_cover_all_that_can_be_asked_for(conditions):
    """Each handle, turned to the middle of its range, is read there again; no other condition moves."""
    lens = Wanted(POPULATION, 1)
    turned = set()
    for condition in conditions.conditions:
        if condition.classes:
            lens = replace(lens, label=condition.classes[0])
        if condition.kind.path == "source.clumps.light" and not lens.asked.scene.source.clumps:
            continue
        for handle in handles(condition):
            value = handle.at.meant(0.4 * handle.at.low + 0.6 * handle.at.high)
            changes = handle.write(lens.asked, value)
            assert handle.read(lens.but(changes).asked) == pytest.approx(value, abs=1e-6), handle.name
            turned |= changes.keys()
    assert settings(conditions) - turned <= {"sigma_v", "source.clumps.light"}


def test_a_morph_goes_from_one_lens_to_the_other(conditions):
    one = first(POPULATION, conditions, 0)
    label = conditions.classes[one.asked.label]
    other = first(POPULATION, conditions, 5, label)
    tables = [generate.asked.table_of(conditions, [lens.asked])[0] for lens in (
        one, one.but(morphed(conditions, one.asked, other.asked, 1.0)), other)]
    clumps = conditions.at("source.clumps.light") if "source.clumps.light" in conditions.groups else []
    rest = [k for k in range(len(tables[0])) if k not in clumps]
    torch.testing.assert_close(tables[1][rest], tables[2][rest], rtol=1e-4, atol=1e-4, equal_nan=True)
    assert not torch.allclose(tables[0][rest], tables[2][rest], equal_nan=True)


def an_order(network, n: int = 5, **more) -> Order:
    lens = lenses_of(find(POPULATION), 1, 0, {})[0]
    return Order(network, (lens,) * n, (), Way(steps=1, seed=4), **more)


def made(order: Order) -> Forming:
    forming = Forming(order)
    forming.turn = Gate().ask(forming.work)
    assert forming.turn.done.wait(60) and forming.refusal is None
    return forming


def test_images_are_those_of_the_shell_and_stand_beside_the_simulators_own(network):
    """Five images in two parts are those that `predict` makes at once; alike, all are the first."""
    forming = made(an_order(network))
    trained = load(network.path)
    torch.testing.assert_close(forming.images(), predict(trained, forming.table, forming.order.way).images, rtol=2e-3,
                               atol=2e-3)
    torch.testing.assert_close(forming.twins, twins(forming.order.asked)[0])
    shown = pictures(forming, noisy=False)
    same = np.abs(shown.difference[0]) < 1e-6
    np.testing.assert_allclose(shown.generated[0][same], shown.simulated[0][same], rtol=1e-5)
    assert np.sign(shown.difference[0][~same]).tolist() == np.sign(
        (shown.generated - shown.simulated)[0][~same]).tolist()
    alike = made(an_order(network, n=2, alike=True)).images()
    torch.testing.assert_close(alike[0], alike[1])


def test_a_stop_keeps_what_is_done(network, monkeypatch):
    """Stopped as the second part begins: the first four images are whole, and the fifth is none."""
    forming = Forming(an_order(network))
    whole = samples.estimates

    def stopping(trained, table, way, first=0):
        if first:
            forming.turn.cancel()
        return whole(trained, table, way, first)

    monkeypatch.setattr(samples, "estimates", stopping)
    gate = Gate()
    forming.turn = gate.ask(lambda turn: time.sleep(0.05) or forming.work(turn))
    assert forming.turn.done.wait(60) and forming.refusal is None
    assert forming.reached == 4 and not forming.complete
    assert forming.images()[:4].isfinite().all() and not forming.images()[4].isfinite().any()
    assert np.load(io.BytesIO(export.to_npz(forming, False)))["images"].shape[0] == 4


def test_stop_is_pressed_and_what_there_is_stays_on_the_page(folder):
    app = open_page(n="16", steps="200")
    checked(app.button(key="generate.samples.stop").click().run())
    assert app.session_state["generate.formed.samples"].turn.done.wait(60)
    checked(app.run())
    assert "Stopped: 0 of 16" in words(app) and app.button(key="generate.samples.again").label == "Go on"


def test_no_memory_is_a_sentence(network, monkeypatch):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(samples, "estimates", greedy)
    forming = Forming(an_order(network))
    forming.turn = Gate().ask(forming.work)
    assert forming.turn.done.wait(60) and "ask for fewer" in forming.refusal


def test_files_hold_images_in_counts_and_what_was_asked_for(network, conditions):
    order = replace(an_order(network, n=2), left_open=("z_source",))
    forming = made(order)
    read = np.load(io.BytesIO(export.to_npz(forming, False)))
    rms = float(generate.asked.rms_of(order.asked)[0])
    np.testing.assert_allclose(read["images"], forming.images()[:, 0].numpy() * rms, rtol=1e-5)
    assert tuple(read["condition_names"]) == conditions.names and float(read["pixel_scale"]) == 0.08
    open_column = conditions.at("z_source")
    assert np.isnan(read["conditions"][:, open_column]).all()
    with fits.open(io.BytesIO(export.to_fits(forming, True))) as hdus:
        noisy, table = hdus[0].data, hdus["CONDITIONS"].data
        assert hdus[0].header["SEED"] == 4 and noisy.shape == read["images"].shape
        np.testing.assert_allclose(table["lens.theta_E"], read["conditions"][:, conditions.at("lens.theta_E")[0]])
    assert export.to_png(forming, True).startswith(b"\x89PNG")
    sent = export.observation(forming, 1)
    np.testing.assert_array_equal(sent.image[0, 0].numpy(), noisy[1])
    assert sent.model is None and sent.scenes is None


def test_figures_of_a_card_are_shown_and_their_absence_is_said():
    card = dict(metrics=dict(loss=0.03), benchmark=dict(judging=dict(auc_spectra=0.61, auc_spectra_floor=0.5,
                                                                     frechet=float("nan"), precision="good")))
    rows = judged.table(card)
    assert [row["generated"] for row in rows] == ["0.03", "0.61"] and rows[1]["simulator"] == "0.5"
    assert judged.was_judged(card) and not judged.was_judged(dict(metrics=dict(loss=1.0), benchmark=[1]))


def test_every_look_opens(folder, monkeypatch):
    monkeypatch.setattr(looks, "FRAMES", 3)
    app = open_page(steps="2")
    for look in looks.LOOKS:
        app.session_state["generate.look"] = look
        settled(checked(app.run()))
        if look == "How they form":
            assert app.slider(key="generate.form.step").max == 2
        if look == "How good is it?":
            assert "not held against" in words(app)
    assert app.session_state["generate.formed.sweep"].n > 1 and app.session_state["generate.formed.morph"].n == 3


def test_an_image_goes_to_classify_with_nothing_of_its_truth(folder, monkeypatch):
    went = []
    monkeypatch.setattr("streamlit.switch_page", went.append)
    app = open_page()
    app.session_state["generate.look"] = "Export"
    settled(checked(app.run()))
    checked(app.button(key="generate.send").click().run())
    sent = app.session_state[KEPT].observation
    assert went == ["pages/classify.py"] and sent.scenes is None and app.session_state["classify.form.source"] == "real"
    assert sent.name == "Generated image 1"


def test_the_old_images_stay_until_there_are_new_ones(network):
    """Of three orders in a row the second never gets anything to show."""
    old = made(an_order(network, n=1))
    waiting = Forming(an_order(network, n=2), old)
    assert old.seen is old and waiting.seen is old
    newest = Forming(an_order(network, n=1, alike=True), waiting.seen)
    assert newest.before is old
    newest.turn = Gate().ask(newest.work)
    assert newest.turn.done.wait(60) and newest.seen is newest and newest.before is None


@pytest.mark.parametrize("broken", [dict(conditions=[1]), dict(config=[]), dict(config=dict(process=["edm"]))])
def test_a_checkpoint_whose_card_is_unsound_is_a_sentence(tmp_path, monkeypatch, broken):
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    a_checkpoint(tmp_path, **broken)
    assert open_page().warning[0].value.endswith(".")
