"""The live lens as a component of a page: it takes the session's scene, and gives back what a visitor makes of it."""

import json
from functools import lru_cache
from hashlib import sha256
from math import asinh
from pathlib import Path

import streamlit as st

from lenslab.figures.canvas import MAPS
from lenslab.figures.stretch import Stretch
from lenslab.scene import Scene
from lenslab.ui import state
from lenslab.ui.live_lens.numbers import live_numbers, paths, physics
from lenslab.ui.live_lens.words import WORDS

HERE = Path(__file__).parent
PARTS = ("lens.js", "light.js", "canvas.js", "shader.js", "hand.js")   # that the cover of a picture has, too
SCRIPTS = (*PARTS, "curves.js", "live_lens.js")
LINEAR = 1e3  # times the brightest: there asinh is a straight line
DIGITS = 4  # of what a hand gives back: 0.0001 arcsec


@lru_cache(maxsize=1)
def script() -> str:
    """All of it as one JavaScript module."""
    return "\n".join([f"const PHYSICS = {json.dumps(physics())}", *((HERE / name).read_text() for name in SCRIPTS)])


def markup() -> tuple[str, str]:
    """HTML and CSS."""
    return (HERE / "live_lens.html").read_text(), (HERE / "live_lens.css").read_text()


@lru_cache(maxsize=32)
def numbers(scene: Scene) -> dict:
    """A scene for the browser; a switch for its dark matter where nothing but that would change."""
    found, lens = live_numbers(scene), scene.lens
    dark = scene.substructure.kind != "none" or bool(scene.substructure.clumps)
    return found | dict(blinks=dark and not (lens.a3_a or lens.a4_a))


def colours() -> list[list[float]]:
    """Stops of the house's map of brightness, red, green and blue from 0 to 1, evenly apart."""
    return [[int(colour[k:k + 2], 16) / 255 for k in (1, 3, 5)] for _, colour in MAPS["inferno"]]


@st.cache_resource(show_spinner=False)
def _component():
    html, css = markup()
    return st.components.v2.component("lenslab_live_lens", html=html, css=css, js=script())


def live_lens(scene: Scene, *, key: str, language: str = "en", side: bool = False,
              stretch: Stretch | None = None) -> None:
    """Draw a scene that follows the finger. On release it becomes the session's scene, where its limits allow it.

    side      whether the ways of the light are shown from the side, too
    stretch   of a picture beside it, whose colours it is to share
    """
    def released():
        told = st.session_state[key].get("scene")
        values = told.get("values") if isinstance(told, dict) else None
        if isinstance(values, dict):
            state.attempt(lambda: scene.set({path: rounded(values[path]) for path in paths(scene) if path in values}))

    told = st.session_state.get(key, {}).get("scene")
    turn = told.get("turn") if isinstance(told, dict) else None
    data = numbers(scene) | dict(
        stretch=stretch and as_asinh(stretch, scene.camera.pixel_scale**2), turn=turn, side=side, words=WORDS[language],
        colours=colours())
    stamp = sha256(json.dumps([scene.to_json(), turn]).encode()).hexdigest()
    _component()(data=data | dict(stamp=stamp), key=key, on_scene_change=released)


def as_asinh(stretch: Stretch, area: float) -> dict[str, float]:
    """Any stretch as the one that the browser knows, of brightness for each arcsec^2; `area` of a pixel, arcsec^2."""
    soft = {"asinh": stretch.soft, "log": stretch.low / 20}.get(stretch.kind, LINEAR * max(abs(stretch.high), 1e-30))
    return dict(soft=soft / area, low=asinh(stretch.low / soft), high=asinh(stretch.high / soft))


def rounded(value):
    """A number with as many digits as a hand is steady; what is none is left to the scene to refuse."""
    return round(value, DIGITS) if isinstance(value, float) else value
