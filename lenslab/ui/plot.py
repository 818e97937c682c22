"""A plotly figure on the page that keeps its place, its zoom and its ears: see plot.js."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from lenslab.figures import library
from lenslab.figures.canvas import Figure

SCRIPT = Path(__file__).with_name("plot.js")


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("lenslab_plot", html='<div class="picture"></div>', js=SCRIPT.read_text(),
                                      isolate_styles=False)


def plot(figure: Figure, *, key: str, alt: str, later: bool = False, twin: Figure | None = None,
         on_click: Callable[[float, float], None] | None = None, square: bool = True) -> None:
    """Draw a figure.

    alt       what a screen reader says
    later     drawn once the first picture has been painted
    twin      a figure of the same frame to be shown in turns with it
    on_click  called with x and y of a clicked pixel of a heat map, before the page is drawn again
    square    the figure is a picture with equal axes, which must not be stretched; one of several tiles tells its
              height over its width as layout.meta.aspect
    """
    def clicked():
        place = st.session_state[key].get("click")
        if isinstance(place, dict) and all(isinstance(place.get(name), (int, float)) for name in "xy"):
            on_click(float(place["x"]), float(place["y"]))

    layout = figure.layout
    aspect = None
    if square and layout.meta:
        aspect = layout.meta["aspect"]
    elif square:
        (x0, x1), (y0, y1) = layout.xaxis.range, layout.yaxis.range
        aspect = (y1 - y0) / (x1 - x0)
    data = dict(figure=figure.to_json(validate=False), twin=None if twin is None else twin.to_json(validate=False),
                height=layout.height, aspect=aspect, alt=alt, later=later, clickable=on_click is not None,
                library=f"app/static/{library.NAME}")
    _component()(data=data, key=key,
                 on_click_change=clicked if on_click is not None else _nothing)


def _nothing() -> None:
    """Streamlit asks for a callback wherever a component may be clicked."""
