"""Links: what is written is read back, and what comes from anywhere is bounded and checked."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lenslab.scene import Clump, Scene, Sersic
from lenslab.ui import links
from lenslab.ui.escape import plain
from lenslab.ui.frame import OPEN
from lenslab.ui.simulate.gallery import PRESETS
from tests.ui.screens import checked

PAGE = Path(__file__).parents[2] / "pages" / "simulate.py"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_travels_in_a_link(preset):
    assert links.from_query(links.to_query(preset.scene)) == preset.scene


def test_a_link_is_readable_and_short():
    assert links.to_query(Scene().set({"lens.theta_E": 1.4, "substructure.kind": "cdm"})) == {
        "lens.theta_E": "1.4", "substructure.kind": "cdm"}
    assert links.to_query(Scene()) == {}


def test_lists_and_nothing_travel_too():
    scene = Scene().set({"lens_light": (Sersic(magnitude=19.0),), "camera.background_rms": 0.01,
                         "substructure.clumps": (Clump(), Clump(log10_mass=8.0)), "source.picture": "a" * 64})
    assert links.from_query(links.to_query(scene)) == scene
    rms = scene.set({"camera.background_rms": None, "source.picture": None})
    assert links.from_query(links.to_query(rms)) == rms


@pytest.mark.parametrize(("query", "words"), [
    ({"lens.q": "7"}, "between 0.1 and 1"),
    ({"lens.q": "often"}, "no number"),
    ({"lens.q": "NaN"}, "no number"),
    ({"lens.q": "1e999"}, "finite"),
    ({"lens.q": "true"}, "finite number"),
    ({"lens.mass": "3"}, "no setting 'lens.mass'"),
    ({"lens.__class__": "3"}, "no setting"),
    ({"lens.__doc__": "3"}, "no setting"),
    ({"lens.q.real": "1"}, "no setting"),
    ({"z_lens.real": "1"}, "no setting"),
    ({"lens.__match_args__.0": "x"}, "no setting"),
    ({"lens_light.-1.q": "1"}, "no setting"),
    ({"lens.q": "7" * 400}, "finite number"),
    ({"lens.q": "7" * 5000}, "no number"),
    ({"camera.num_pix": "7" * 400}, "whole number"),
    ({"camera.background_rms": "7" * 400}, "counts/s"),
    ({"lens.q": "[" + "1," * 3000 + "1]"}, "finite number"),
    ({"x" * 9000: "1"}, "no setting"),
    ({"lens": "{}"}, "single settings"),
    ({"substructure.kind": "magic"}, "choose one of"),
    ({"z_source": "0.2"}, "not beyond the lens"),
    ({"lens_light": "3"}, "list"),
    ({"lens_light": '[{"magnitude": 19, "colour": 3}]'}, "no setting 'colour'"),
    ({"camera.psf": "pixel"}, "psf_picture"),
    ({"camera.num_pix": "512", "camera.supersampling": "16"}, "rays"),
    ({"source.picture": "../../etc/passwd"}, "64 hex digits"),
    ({"lens_light": "[" * 5000}, "no number or list"),
])
def test_bad_links_are_refused_in_words(query, words):
    with pytest.raises(ValueError, match=words) as refusal:
        links.from_query(query)
    assert str(refusal.value).endswith(".") and len(str(refusal.value)) < 1000


def test_long_links_are_refused_both_ways():
    many = Scene().set({"substructure.clumps": tuple(Clump(center_x=k / 100) for k in range(200))})
    with pytest.raises(ValueError, match="scene.json"):
        links.to_query(many)
    with pytest.raises(ValueError, match="settings"):
        links.from_query({"lens.q": "0.5" + " " * 20000})
    with pytest.raises(ValueError, match="settings"):
        links.from_query({f"x{k}": "1" for k in range(200)})


def test_what_a_link_says_is_shown_as_letters_and_never_as_a_picture_or_a_link():
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.query_params["lens.q"] = picture = "![](http://a.b/c)"
    app.query_params["[You won](https://a.b/)"] = "1"
    told = "".join(item.value for item in checked(app.run()).warning)
    assert told.startswith(plain("This link could not be read.")) and "](http" not in told
    assert plain(picture) in told or plain("[You won](https://a.b/)") in told
