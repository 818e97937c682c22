"""The live lens over the exact picture of a page, as long as a slider or the source is dragged.

A slider of Streamlit tells the server of its number on release alone; the browser sees it move before, and draws the
same lens in closed form meanwhile (lens.js). The exact, noisy picture takes its place when it comes.
"""

import json
from dataclasses import replace
from functools import lru_cache
from math import atan2, hypot

import streamlit as st

from lenslab.figures.stretch import Stretch
from lenslab.physics import cosmology
from lenslab.scene import Scene
from lenslab.ui import state
from lenslab.ui.live_lens.component import HERE, PARTS, as_asinh, colours, rounded
from lenslab.ui.live_lens.numbers import live_numbers, physics
from lenslab.ui.live_lens.words import WORDS

RAYS = 96           # on a side, of the map of what the shader has no closed form of
PLAIN = {"w.lens.theta_E": "lens.theta_E", "w.lens.q": "lens.q", "w.lens.center_x": "lens.center_x",
         "w.lens.center_y": "lens.center_y", "w.source.center_x": "source.center_x",
         "w.source.center_y": "source.center_y", "w.clump.center_x": "substructure.clumps.0.center_x",
         "w.clump.center_y": "substructure.clumps.0.center_y"}


@st.cache_resource(show_spinner=False)
def _component():
    script = "\n".join([f"const PHYSICS = {json.dumps(physics())}",
                        *((HERE / name).read_text() for name in (*PARTS, "cover.js"))])
    return st.components.v2.component("lenslab_cover", css=(HERE / "cover.css").read_text(), js=script,
                                      isolate_styles=False)


def covers(scene: Scene) -> bool:
    """Whether the browser can draw what the camera of a scene records."""
    return not (scene.camera.doubled or scene.camera.noise_twice)


def cover(scene: Scene, stretch: Stretch, *, key: str, over: str, hidden: bool = False) -> None:
    """Lay the live lens over a picture.

    stretch   of the picture, whose colours it shares
    over      the key of the picture
    hidden    the picture shows the lens with all its mass smooth
    """
    def released():
        place = st.session_state[key].get("source")
        if isinstance(place, dict):
            state.attempt(lambda: state.scene().set({f"source.center_{axis}": rounded(place[axis]) for axis in "xy"
                                                     if axis in place}))

    lens = scene.lens
    _component()(data=_numbers(scene) | dict(
        stretch=as_asinh(stretch, scene.camera.pixel_scale**2), hidden=hidden, over=over.replace(".", "-"),
        sliders=sliders(scene), colours=colours(), words=dict(source=WORDS["en"]["grips"]["source"]),
        shear=[hypot(lens.gamma1, lens.gamma2), atan2(lens.gamma2, lens.gamma1) / 2]), key=key,
        on_source_change=released)


@lru_cache(maxsize=32)
def _numbers(scene: Scene) -> dict:
    return live_numbers(replace(scene, seed_noise=1), most_rays=RAYS)


def sliders(scene: Scene) -> dict[str, dict]:
    """Which slider says what of the lens, by the class that Streamlit gives it: see RULES in cover.js."""
    d, theta_E = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0), scene.lens.theta_E
    speed, mass = (float(of(theta_E, d)) for of in (cosmology.sigma_v_of_theta_E, cosmology.mass_inside_theta_E))
    found = {key: dict(rule="plain", path=path) for key, path in PLAIN.items()}
    found |= {"w.lens.phi": dict(rule="degrees", path="lens.phi"), "w.lens.shear": dict(rule="shear"),
              "w.lens.shear_phi": dict(rule="direction"),
              "w.lens.sigma_v": dict(rule="power", path="lens.theta_E", power=2, factor=theta_E / speed**2),
              "w.lens.mass": dict(rule="power", path="lens.theta_E", power=0.5, factor=theta_E / (mass / 1e11)**0.5)}
    return {key.replace(".", "-"): rule for key, rule in found.items()}
