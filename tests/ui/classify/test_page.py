"""The Classify page without a browser: what it says is what its networks say, and what they cannot know is told.

The networks are real ones whose last layer was set by hand, so that their answer to any image is known.
"""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from lenslab import checkpoint
from lenslab.images import simulate
from lenslab.images.simulate import observe_scene
from lenslab.population import find
from lenslab.scene import Clump, Scene, Sersic
from lenslab.scenes import Scenes
from lenslab.sets.item import item, observation_of
from lenslab.tasks import classify
from lenslab.tasks.classify import answers
from lenslab.tasks.training import configure
from lenslab.ui.classify import answers as asked
from lenslab.ui.classify.looks import Swept
from lenslab.ui.frame import OPEN
from lenslab.ui.pick import image as images
from lenslab.ui.pick import networks
from lenslab.ui.pick.real import Kept
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "classify.py"
POPULATION = "deeplense-2"     # 64 pixels and 25 points: drawn in no time
CLASSES = find(POPULATION).classes


def a_checkpoint(folder: Path, name: str, answer: str, network: str = "cnn", population: str = POPULATION,
                 **card) -> Path:
    """A network that gives one of three classes 88 % whatever it sees: softmax of (0, 0, log 15) is (1, 1, 15) / 17."""
    settings = dict(population=population, network=network, width=4)
    config = configure(classify.Config, settings)
    built = classify.build(config)
    last = built.model.head[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([np.log(15.0) if label == answer else 0.0 for label in built.card["classes"]]))
    told = built.card | dict(format=checkpoint.FORMAT, task="classify", network=network, config=asdict(config),
                             metrics=dict(macro_auc=0.9, temperature=1.0), steps=10, duration=60.0) | card
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, built.model.state_dict(), told)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LENSLAB_CHECKPOINTS", str(tmp_path))
    monkeypatch.delenv("LENSLAB_DATA", raising=False)
    monkeypatch.delenv("LENSLAB_PUBLIC", raising=False)
    return tmp_path


def open_page(state: dict | None = None, **query) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["classify.look"] = "The networks"
    for key, value in (state or {}).items():
        app.session_state[key] = value
    for name, value in query.items():
        app.query_params[name] = value
    return checked(app.run())


def words(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.markdown, app.caption, app.info, app.warning) for item in kind)


def test_without_a_network_the_page_names_the_command_that_makes_one(folder):
    app = open_page()
    assert app.title[0].value.endswith("?")
    assert "python -m lenslab train classify" in app.code[0].value and str(folder) in app.code[0].value


def test_the_page_says_what_its_network_says(folder):
    a_checkpoint(folder, "classify-deeplense-2", "axion")
    app = open_page()
    assert "says **Axion** (88 %)" in words(app)
    assert dict(app.query_params)["item"] in ("deeplense-2/test/0/0", ["deeplense-2/test/0/0"])


def test_networks_that_disagree_stand_side_by_side(folder):
    a_checkpoint(folder, "classify-deeplense-2", "axion")
    a_checkpoint(folder, "classify-deeplense-2-other", "cdm")
    app = open_page({f"classify.form.networks.{POPULATION}": ["classify-deeplense-2", "classify-deeplense-2-other"]})
    assert "The networks disagree" in words(app)
    assert "**Axion**" in words(app) and "**Cold (CDM)**" in words(app)


@pytest.mark.parametrize("method", ["grad_cam", "none"])
def test_each_method_draws(folder, method):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    app = open_page({"classify.form.method": method})
    assert ("What speaks for" in words(app) or "what speaks for" in words(app)) == (method != "none")


def test_a_link_and_another_page_bring_their_image(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    assert "Image 17 of deeplense-2" in words(open_page(item="deeplense-2/test/0/17"))
    assert "Image 5 of deeplense-2" in words(open_page({"classify.item": ("deeplense-2", "validation", 0, 5)}))
    assert "names no image" in words(open_page(item="deeplense-2/test/0/x"))
    assert "No network here has learnt from hst" in words(open_page(item="hst/test/0/1"))


def test_the_truth_is_told_when_it_is_asked_for(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    label = CLASSES[item(find(POPULATION), 3).label]
    app = open_page(item="deeplense-2/test/0/3")
    assert "The truth" not in words(app)
    checked(app.toggle(key="classify.truth").set_value(True).run())
    name = {"no_sub": "No substructure", "cdm": "Cold (CDM)", "axion": "Axion"}[label]
    assert f"The truth: **{name}**" in words(app)


def test_a_class_and_a_number_choose_an_item_of_that_class():
    for label in CLASSES:
        index = images.place_of(POPULATION, label, 4, 0, "test")
        assert images.of_item(POPULATION, "test", 0, index).truth == label


def test_the_lens_of_the_simulate_page_is_seen_by_the_camera_of_the_population():
    lens = Scene().set({"lens_light": (Sersic(),), "substructure.kind": "deeplense_cdm", "lens.theta_E": 3.0})
    shown = images.of_lens(lens, POPULATION)
    assert shown.observation.image.shape[-1] == find(POPULATION).camera.num_pix
    assert shown.truth == "cdm" and not shown.scene.lens_light
    assert "camera that these networks know" in shown.where and "left out" in shown.where


@pytest.mark.parametrize("change", [{"substructure.kind": "vortex"}, {"substructure.clumps": (Clump(),)}])
def test_a_lens_that_is_of_no_class_is_told(change):
    shown = images.of_lens(Scene().set(change), POPULATION)
    assert shown.truth is None and "whatever they name is not it" in shown.outside[0]


def test_a_ring_or_a_noise_that_was_never_learnt_is_told():
    shown = images.of_lens(Scene().set({"lens.theta_E": 2.3, "source.magnitude": 28.0}), "hst", (("noise", 2.0),))
    assert "Einstein radius" in shown.outside[0] and "signal-to-noise" in shown.outside[1]


@pytest.mark.parametrize(("magnitude", "S"), [(20.0, 500), (28.0, 50)])
def test_a_lens_of_ones_own_is_as_bright_as_those_that_were_learnt_from(magnitude, S):
    """S = sqrt(sum model^2 / variance) over the frame, with the variance of the noise-free image by hand."""
    shown = images.of_lens(Scene().set({"source.magnitude": magnitude}), "hst")
    camera, model = shown.scene.camera, shown.observation.model.double()
    background = float(simulate.background(Scenes.of([shown.scene])))
    variance = background**2 + model / (camera.exposure_time * camera.gain)
    assert float((model**2 / variance).sum().sqrt()) == pytest.approx(S, rel=1e-3)
    assert not shown.outside and f"S = {S}" in shown.where


def test_what_if_changes_the_image_and_nothing_else():
    plain = images.of_item(POPULATION, "test", 0, 0)
    dim = images.of_item(POPULATION, "test", 0, 0, (("noise", 2.0),))
    assert dim.scene.lens == plain.scene.lens and dim.truth == plain.truth
    assert float(dim.observation.variance.median()) > 3 * float(plain.observation.variance.median())


@pytest.mark.parametrize("quantity", ["substructure", "noise", "seeing"])
def test_what_if_draws_its_curves(folder, quantity):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    app = open_page({"classify.look": "What if", "classify.quantity": quantity})
    assert "The same lens and the same random numbers" in words(app)


def test_three_explanations_stand_side_by_side_with_their_scores(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    index = images.place_of(POPULATION, "cdm", 0, 0, "test")
    app = open_page({"classify.look": "Three explanations", "classify.truth": True}, item=f"deeplense-2/test/0/{index}")
    assert words(app).count("on true substructure, by chance") == 3


def test_what_a_fit_leaves_is_shown_of_networks_that_fit_and_of_no_others(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    look = {"classify.look": "What the fit leaves"}
    assert open_page(look).session_state["classify.look"] != "What the fit leaves"
    a_checkpoint(folder, "classify-deeplense-2", "axion", network="lens_residual")
    app = open_page(look)
    assert "says **Axion** (88 %)" in words(app)
    assert "The best smooth lens that lens\\_residual" in words(app)


def test_a_real_image_is_made_to_fit_and_what_is_unknown_stands_above(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    scene = Scene().set({"lens_light": (Sersic(magnitude=20.0, R_sersic=0.6),), "camera.num_pix": 64})
    real = replace(observe_scene(scene), scenes=None, model=None, name="A *lens*")
    app = open_page({"classify.form.source": "real", "pick.real.kept": Kept(real),
                     "classify.look": "How it was made to fit"})
    assert "No answer" in app.warning[0].value and "one mass and one shape" in app.warning[0].value
    assert "says **" not in words(app) and "leans to" not in words(app) and "Calibrated" not in words(app)
    assert "64 × 64 of 0.101″" in words(app) and "A \\*lens\\*" in words(app)
    assert "How it was made to fit" in app.session_state["classify.look"]


def test_a_strange_image_is_warned_of(folder, monkeypatch):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    monkeypatch.setattr(asked, "novelty", lambda trained, inputs: 0.004)
    app = open_page(item="deeplense-2/test/0/40")
    assert app.warning[0].value.startswith("**No answer.**") and "outside of what" in app.warning[0].value
    assert "says **" not in words(app) and "Calibrated" not in words(app) and "speaks for" not in words(app)
    monkeypatch.setattr(asked, "novelty", lambda trained, inputs: 0.4)
    app = open_page(item="deeplense-2/test/0/41")
    assert not app.warning and "says **Cold (CDM)**" in words(app) and "Calibrated on deeplense-2" in words(app)


def test_of_two_networks_only_the_one_that_may_be_asked_answers(folder, monkeypatch):
    for name, answer in (("", "axion"), ("-other", "cdm")):
        a_checkpoint(folder, f"classify-deeplense-2{name}", answer, network="resnet" if name else "cnn")
    monkeypatch.setattr(asked, "novelty",
                        lambda trained, inputs: 0.004 if trained.card["network"] == "resnet" else 0.4)
    app = open_page({f"classify.form.networks.{POPULATION}": ["classify-deeplense-2", "classify-deeplense-2-other"]})
    assert app.warning[0].value.startswith("**No answer of resnet.**")
    assert "cnn \\(best\\) says **Axion**" in words(app) and "disagree" not in words(app)


def test_a_curve_has_a_gap_where_the_image_lies_outside(folder, monkeypatch):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    monkeypatch.setattr(answers, "novelty_of", lambda trained, inputs: torch.linspace(0, 1, len(inputs)))
    app = open_page({"classify.look": "What if", "classify.quantity": "noise"})
    assert "Where a line is missing" in words(app)
    network, = networks.networks_of("classify")[0][POPULATION]
    one = images.of_item(POPULATION, "test", 0, 3).observation
    found = asked.along(network, Swept((0.5, 1.0, 2.0), (one, one, one)))
    assert np.isnan(found[0]).all() and found[1:, CLASSES.index("cdm")] == pytest.approx(15 / 17)


@pytest.mark.parametrize("source", ["lens", "real"])
def test_lenses_of_ones_own_are_shown_to_networks_that_may_be_asked(folder, source):
    """Those of deeplense-* know one mass and one shape; who wants theirs can still choose them."""
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    a_checkpoint(folder, "classify-hst", "smooth", population="hst")
    assert open_page().session_state["classify.form.population"] == "deeplense-2"
    app = open_page()
    checked(app.segmented_control(key="classify.form.source").set_value(source).run())
    assert app.session_state["classify.form.population"] == "hst"
    checked(app.selectbox(key="classify.form.population").set_value("deeplense-2").run())
    assert app.session_state["classify.form.population"] == "deeplense-2"
    turned = open_page({"scene": Scene().set({"lens.q": 0.6})})
    assert turned.session_state["classify.form.population"] == "hst" and "leans to **Smooth** (79 %)" in words(turned)


def test_the_command_that_makes_a_network_overwrites_no_file(folder):
    for _ in range(5):
        path = Path(networks.making("classify", POPULATION).split()[-1])
        assert path.parent == folder and not path.exists() and "cp -n " in networks.making("classify", POPULATION)
        a_checkpoint(folder, path.stem, "cdm")
    assert len(networks.networks_of("classify")[0][POPULATION]) == 5


def test_a_map_says_how_well_such_maps_find_substructure(folder):
    """Integrated gradients are drawn unless another method is chosen; the figures are those of the card."""
    scored = dict(n=40, chance=dict(share=[0.486, 0.4, 0.5]), integrated_gradients=dict(
        pointing=[0.975, 0.9, 1.0], share=[0.549, 0.5, 0.6]))
    a_checkpoint(folder, "classify-deeplense-2", "axion", benchmark=dict(explanations=dict(classes=dict(axion=scored))))
    told = words(open_page())
    assert "on 40 test images of Axion" in told and "98% of the time" in told and "55% of its weight" in told
    told = words(open_page({"classify.form.method": "grad_cam"}))
    assert "was not measured" in told and "benchmarks/explain.py checkpoints/classify-deeplense-2.safetensors" in told


def test_a_network_that_is_still_learning_says_so_and_how_far_it_is(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm", complete=False, split="test",
                 metrics=dict(macro_auc=0.561, n=1500))
    told = open_page(item="deeplense-2/test/0/40").info[0].value
    assert "still learning" in told and "1,500 test images" in told and "0.56" in told
    a_checkpoint(folder, "classify-deeplense-2", "cdm", complete=True)
    assert not any("still learning" in note.value for note in open_page(item="deeplense-2/test/0/42").info)


@pytest.mark.parametrize("limits, guesses", [([0.48, 0.52], True), ([0.51, 0.55], False), (["0.4", 1], False)])
def test_a_network_that_is_no_better_than_a_guess_says_so(folder, limits, guesses):
    a_checkpoint(folder, "classify-deeplense-2", "cdm", complete=True, split="test",
                 metrics=dict(macro_auc=0.5, n=5100, intervals=dict(macro_auc=limits)))
    told = [note.value for note in open_page(item="deeplense-2/test/0/43").info]
    assert any("guesses" in note and "5,100 test images" in note for note in told) == guesses


def test_files_that_are_no_such_network_are_left_out_and_say_why(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm", num_pix=128)
    (folder / "broken.safetensors").write_bytes(b"nothing of the kind")
    path = a_checkpoint(folder, "classify-deeplense-2-elsewhere", "cdm")
    tensors, card = checkpoint.load(path)
    checkpoint.save(path, tensors, card | dict(population="mars"))
    known, problems = networks.networks_of("classify")
    assert not known and len(problems) == 3
    assert any("num_pix 128" in text for text in problems) and any("No population 'mars'" in text for text in problems)
    assert all(text.endswith(".") for text in problems)
    assert "num\\_pix 128" in words(open_page())


def test_a_network_of_other_laws_says_so_and_answers_on(folder, monkeypatch):
    """A word of the population's description is no law of it."""
    path = a_checkpoint(folder, "classify-deeplense-2", "axion")
    tensors, card = checkpoint.load(path)
    laws, about = card["definition"], dict(card["definition"], about="In other words.")
    for definition, told in ((about, False), (laws | dict(kept={"lens.theta_E": [0.5, 2.0]}), True), ({}, True)):
        checkpoint.save(path, tensors, card | dict(definition=definition))
        app = open_page(item="deeplense-2/test/0/0")
        assert any("drawn by other laws since" in note.value for note in app.info) == told
        assert "says **Axion** (88 %)" in words(app)


def test_a_file_of_an_earlier_lenslab_names_the_command_that_carries_it_over(folder):
    path = a_checkpoint(folder, "classify-deeplense-2", "axion")
    tensors, card = checkpoint.load(path)
    checkpoint.save(path, tensors, {name: value for name, value in card.items() if name != "format"})
    known, problems = networks.networks_of("classify")
    assert not known and "python -m lenslab renew classify-deeplense-2.safetensors" in problems[0]


def test_a_set_that_is_none_is_refused_in_a_sentence(folder):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    app = open_page({"classify.form.source": "set", "classify.form.path": str(folder / "none.h5")})
    assert app.warning and app.warning[0].value.endswith(".")


def test_a_row_of_a_set_is_that_image(folder):
    from lenslab.sets import dataset

    path = folder / "set.h5"
    dataset.write(POPULATION, 3, path, seed=2, split="test")
    shown = images.of_set(str(path), 1, POPULATION)
    alone = observation_of(item(find(POPULATION), 1, 2, "test").scene)
    np.testing.assert_allclose(shown.observation.image, alone.image, atol=1e-4 * float(alone.image.max()))
    with pytest.raises(ValueError, match="from 0 to 2"):
        images.of_set(str(path), 3, POPULATION)
    with pytest.raises(ValueError, match="learnt from hst"):
        images.of_set(str(path), 1, "hst")


def test_a_public_page_reads_no_paths(folder, monkeypatch):
    a_checkpoint(folder, "classify-deeplense-2", "cdm")
    monkeypatch.setenv("LENSLAB_PUBLIC", "1")
    app = open_page({"classify.form.source": "set"})
    assert app.session_state["classify.form.source"] == "example"
    assert not [box for box in app.text_input]
