"""The app without a browser: every control changes one scene, and what is refused is said."""

from math import atan2, degrees, hypot
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lenslab.insight.significance import WHY, at_most, promise
from lenslab.physics import cosmology
from lenslab.scene import SUBSTRUCTURE, Scene
from lenslab.ui import cached
from lenslab.ui.escape import plain
from lenslab.ui.simulate.closer import LOOKS
from lenslab.ui.simulate.gallery import BY_NAME
from tests.ui.screens import checked

PAGE = Path(__file__).parent.parent / "pages" / "simulate.py"


def open_app(**query) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    for path, value in query.items():
        app.query_params[path] = value
    return checked(app.run())


def scene(app: AppTest) -> Scene:
    return app.session_state["scene"]


def group(app: AppTest, name: str) -> AppTest:
    app.session_state["w.group"] = name
    return checked(app.run())


def look(app: AppTest, name: str) -> AppTest:
    app.session_state["simulate.look"] = name
    return checked(app.run())


@pytest.fixture
def app() -> AppTest:
    return open_app()


def test_the_page_opens_with_the_default_lens(app):
    assert scene(app) == Scene()
    assert app.title[0].value.endswith("?")
    assert app.button(key="w.undo").disabled and app.button(key="w.reset").disabled
    assert not app.warning


def test_a_slider_changes_the_scene_the_link_and_what_can_be_undone(app):
    checked(app.slider(key="w.lens.q").set_value(0.55).run())
    assert scene(app).lens.q == 0.55
    assert dict(app.query_params) == {"lens.q": "0.55"}
    checked(app.slider(key="w.lens.q").set_value(0.6).run())
    checked(app.button(key="w.undo").click().run())
    assert scene(app).lens.q == 0.55 and app.slider(key="w.lens.q").value == 0.55
    checked(app.button(key="w.redo").click().run())
    assert scene(app).lens.q == 0.6
    checked(app.button(key="w.reset").click().run())
    assert scene(app) == Scene() and dict(app.query_params) == {}
    checked(app.button(key="w.undo").click().run())
    assert scene(app).lens.q == 0.6


def test_angles_are_shown_in_degrees_and_kept_in_radians(app):
    checked(app.slider(key="w.lens.phi").set_value(-45.0).run())
    assert degrees(scene(app).lens.phi) == pytest.approx(-45)


def test_the_three_measures_of_mass_are_one(app):
    lens = scene(app)
    d = cosmology.distances(lens.z_lens, lens.z_source, lens.H0, lens.Om0)
    checked(app.slider(key="w.lens.sigma_v").set_value(250.0).run())
    assert scene(app).lens.theta_E == pytest.approx(float(cosmology.theta_E_of_sigma_v(250.0, d)))
    app.session_state["lens.measure"] = "mass"
    checked(app.run())
    told = app.slider(key="w.lens.mass").value * 1e11
    assert told == pytest.approx(float(cosmology.mass_inside_theta_E(scene(app).lens.theta_E, d)))


def test_turning_a_redshift_holds_the_velocity_dispersion(app):
    """theta_E goes as D_ls/D_s at fixed sigma_v (an isothermal sphere)."""
    before = app.slider(key="w.lens.sigma_v").value
    checked(app.slider(key="w.z_lens").set_value(0.8).run())
    assert scene(app).z_lens == 0.8
    assert app.slider(key="w.lens.sigma_v").value == pytest.approx(before, rel=1e-6)
    old, new = (cosmology.distances(z, 1.5, 70.0, 0.3) for z in (0.5, 0.8))
    assert scene(app).lens.theta_E == pytest.approx(1.2 * float(new.D_ls / new.D_s / (old.D_ls / old.D_s)), rel=1e-6)


def test_a_refused_value_is_said_and_changes_nothing(app):
    checked(app.slider(key="w.z_lens").set_value(1.9).run())
    assert scene(app) == Scene()
    assert "not beyond the lens" in app.warning[0].value
    checked(app.slider(key="w.lens.q").set_value(0.7).run())
    assert not app.warning


def test_shear_keeps_its_direction_through_zero(app):
    checked(app.slider(key="w.lens.shear_phi").set_value(30.0).run())
    checked(app.slider(key="w.lens.shear").set_value(0.0).run())
    checked(app.slider(key="w.lens.shear").set_value(0.1).run())
    lens = scene(app).lens
    assert hypot(lens.gamma1, lens.gamma2) == pytest.approx(0.1)
    assert degrees(atan2(lens.gamma2, lens.gamma1) / 2) == pytest.approx(30)


@pytest.mark.parametrize("name", ["Cross", "Cold dark matter", "Vortex", "DeepLense I", "One dark clump"])
def test_presets_are_drawn_and_their_controls_too(app, name):
    app.session_state["w.group"] = "Dark matter"
    app.session_state["simulate.look"] = "Substructure"
    app.button_group(key="w.gallery").set_value(name)
    checked(app.run())
    assert scene(app) == BY_NAME[name].scene


def test_dark_matter_shows_the_numbers_of_its_own_kind_only(app):
    group(app, "Dark matter")
    shown = {}
    for kind in ("none", "cdm", "wdm", "fdm", "vortex", "deeplense_cdm", "deeplense_axion"):
        checked(app.selectbox(key="w.sub.kind").set_value(kind).run())
        assert scene(app).substructure.kind == kind
        shown[kind] = {slider.key for slider in app.slider if slider.key.startswith("w.sub.")}
    assert "w.sub.log10_m_hm" in shown["wdm"] and "w.sub.log10_m_hm" not in shown["cdm"]
    assert "w.sub.m22" in shown["fdm"] and "w.sub.f_sub" not in shown["fdm"]
    assert shown["none"] == set()


def test_a_vortex_of_points_has_as_many_as_its_caption_says(app):
    group(app, "Dark matter")
    checked(app.selectbox(key="w.sub.kind").set_value("deeplense_axion").run())
    assert "a hundred" in " ".join(caption.value for caption in app.caption)
    assert app.slider(key="w.sub.n_points").value == scene(app).substructure.n_points == 100


def test_dice_draw_other_clumps_and_a_clump_is_placed_by_hand(app):
    group(app, "Dark matter")
    checked(app.selectbox(key="w.sub.kind").set_value("cdm").run())
    checked(app.button(key="w.sub.seed.dice").click().run())
    assert scene(app).seed_substructure != Scene().seed_substructure
    checked(app.toggle(key="w.clump").set_value(True).run())
    assert len(scene(app).substructure.clumps) == 1
    checked(app.slider(key="w.clump.log10_mass").set_value(10.0).run())
    assert scene(app).substructure.clumps[0].log10_mass == 10.0


def test_source_camera_and_lens_light_controls(app):
    group(app, "Source")
    checked(app.slider(key="w.source.clumps").set_value(3).run())
    assert len(scene(app).source.clumps) == 3
    group(app, "Camera")
    checked(app.selectbox(key="w.camera").set_value("Euclid VIS").run())
    assert scene(app).camera.pixel_scale == 0.1
    checked(app.slider(key="w.cam.exposure_time").set_value(3.0).run())
    assert scene(app).camera.exposure_time == pytest.approx(1000)
    assert app.selectbox(key="w.camera").value == "Own numbers"
    app.session_state["w.fold.light"] = True
    group(app, "Lens")
    app.button_group(key="w.light.number").set_value(1)
    checked(app.run())
    assert len(scene(app).lens_light) == 1
    checked(app.slider(key="w.light.0.magnitude").set_value(18.0).run())
    assert scene(app).lens_light[0].magnitude == 18.0


def test_a_link_brings_its_scene():
    app = open_app(**{"lens.q": "0.5", "substructure.kind": "vortex"})
    assert scene(app) == Scene().set({"lens.q": 0.5, "substructure.kind": "vortex"})
    assert app.slider(key="w.lens.q").value == 0.5


def test_a_value_beyond_the_slider_widens_it():
    app = open_app(**{"lens.theta_E": "7.5", "lens.phi": "3.0"})
    assert scene(app).lens.theta_E == 7.5
    assert app.slider(key="w.lens.phi").value == pytest.approx(degrees(3.0))


@pytest.mark.parametrize(("query", "words"), [
    ({"lens.q": "9"}, "between 0.1 and 1"), ({"nonsense": "1"}, "no setting"),
    ({"source.picture": "f" * 64}, "is not here"),
    ({"camera.num_pix": "512", "camera.supersampling": "8"}, "at most 2048"),
])
def test_a_bad_link_says_so_and_the_page_stands(query, words):
    app = open_app(**query)
    assert any(plain(words) in warning.value for warning in app.warning)


@pytest.mark.parametrize("name", ["Numbers", "What it changes", "Magnification", "Wave", "Beside a real lens",
                                  "Export"])
def test_every_look_opens(app, name):
    app.button_group(key="w.gallery").set_value("Fuzzy dark matter")
    checked(app.run())
    look(app, name)
    if name == "Numbers":
        assert any("Einstein radius" in str(table.value) for table in app.table)


def test_the_substructure_of_every_kind_is_shown_and_linked(app):
    app.session_state["simulate.look"] = "Substructure"
    group(app, "Dark matter")
    for kind in SUBSTRUCTURE:
        checked(app.selectbox(key="w.sub.kind").set_value(kind).run())
        assert dict(app.query_params).get("substructure.kind", "none") == kind


def test_the_link_is_the_lens_shown_though_a_look_below_fails(app, monkeypatch):
    def fails(scene):
        raise RuntimeError("a look that fails")

    monkeypatch.setitem(LOOKS, "Magnification", fails)
    app.session_state["simulate.look"] = "Magnification"
    app.slider(key="w.lens.q").set_value(0.55).run()
    assert app.exception
    assert dict(app.query_params) == {"lens.q": "0.55"}


def test_lenstronomy_agrees(app):
    look(app, "Check with lenstronomy")
    checked(app.button(key="check.go").click().run())
    told = next(metric for metric in app.metric if metric.label == "largest deviation")
    assert float(told.value.split()[0]) < 1e-9


def test_what_substructure_changes_is_said_as_at_most(app):
    app.button_group(key="w.gallery").set_value("Fuzzy dark matter")
    checked(app.run())
    look(app, "What it changes")
    told = "\n".join(caption.value for caption in app.caption)
    _, total = cached.significance(scene(app))
    assert f"is {at_most(total)}. {promise(total)}" in told and WHY in told
