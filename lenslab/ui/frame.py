"""What stands round every page: the tab's title, navigation, and the warm-up that makes the first slider fast."""

import gc
import sys
from pathlib import Path

import numpy as np
import streamlit as st

from lenslab.figures import library

SWITCH_S = 5e-4  # after this the thread that computes lets the one that sends have its turn; Python's own is 5e-3
PAGES = {"simulate.py": ("Simulate", ":material/blur_circular:"),
         "classify.py": ("Classify", ":material/category_search:"),
         "quiz.py": ("Quiz", ":material/school:"),
         "model.py": ("Model", ":material/verified:"),
         "train.py": ("Train", ":material/model_training:")}
OPEN = "frame.open"


def open_frame(home: Path) -> None:
    """Set up the app once, and go to the page that the address names."""
    st.session_state[OPEN] = True
    st.set_page_config(page_title="lenslab", page_icon="🌌", layout="wide",
                       initial_sidebar_state=344)
    warm_up(home)
    navigation(home).run()


def navigation(home: Path):
    """The pages, and among them the one that is asked for."""
    pages = [st.Page(home / "pages" / name, title=title, icon=icon, default=number == 0)
             for number, (name, (title, icon)) in enumerate(PAGES.items())]
    return st.navigation(pages, position="top" if len(pages) > 1 else "hidden")


def within_frame(home: Path) -> None:
    """For a page but the first to call before anything else: its frame, when a link straight to it opened a new server.

    There Streamlit takes a folder called `pages` for pages that stand alone, until st.navigation has been called once.
    """
    if OPEN not in st.session_state:
        navigation(home)
        st.rerun()


@st.cache_resource(show_spinner="Warming up ...")
def warm_up(home: Path) -> bool:
    """Load what the pages need and draw one lens, then take all of it out of the garbage collector's rounds.

    Whoever comes meanwhile waits, and finds everything loaded: a class opens a new server within seconds. Streamlit
    collects garbage after every run of a script; with torch loaded that alone took longer than a slider may.
    """
    from lenslab.figures import classification, observed, training
    from lenslab.scene import Scene
    from lenslab.ui import cached

    library.provide(home / "static")
    scene = Scene()
    figures = [observed.image(cached.observe(scene)), training.curves([training.Curve("", [], 1)], "loss"),
               training.confusion([[1, 0], [0, 1]], ["smooth", "cdm"], dark=False),
               classification.bars([classification.Answer("", np.array([0.5, 0.5]))], ["smooth", "cdm"])]
    for figure in figures:  # plotly loads what a kind of trace needs when it draws the first
        figure.to_json(validate=False)
    cached.source_plane(scene)
    cached.sketch(scene)
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)
    return True
