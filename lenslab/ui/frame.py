"""What stands round every page: tab title, navigation, controls, and the warm-up that makes the first slider fast.

On a narrow window Streamlit lays its sidebar over the page, with the links to the other pages in it: there the links
stand in a row above the page, and the controls in a sheet at the foot of the window, with the picture above them.
"""

import gc
import sys
from pathlib import Path

import numpy as np
import streamlit as st

from lenslab.figures import library
from lenslab.ui import window
from lenslab.ui.line import in_line

SWITCH_S = 5e-4  # after this the thread that computes lets the one that sends have its turn; Python's own is 5e-3
PAGES = {  # title, icon, and what the page is for: its group in the navigation
    "home.py": ("Home", ":material/home:", ""),
    "simulate.py": ("Simulate", ":material/blur_circular:", "Play"),
    "match.py": ("Match", ":material/compare:", "Play"),
    "quiz.py": ("Quiz", ":material/school:", "Play"),
    "classify.py": ("Classify", ":material/category_search:", "Ask"),
    "measure.py": ("Measure", ":material/straighten:", "Ask"),
    "odd.py": ("Odd", ":material/troubleshoot:", "Ask"),
    "reconstruct.py": ("Reconstruct", ":material/center_focus_strong:", "Ask"),
    "generate.py": ("Generate", ":material/auto_awesome:", "Make"),
    "jets.py": ("Jets", ":material/flare:", "Make"),
    "train.py": ("Train", ":material/model_training:", "Make"),
    "model.py": ("Model", ":material/verified:", "Behind the scenes"),
    "teachers.py": ("Teachers", ":material/cast_for_education:", "Behind the scenes"),
    "glossary.py": ("Glossary", ":material/dictionary:", "Behind the scenes"),
    "physics.py": ("Physics", ":material/function:", "Behind the scenes")}
OPEN = "frame.open"
SIDEBAR, SHEET = 320, 220  # pixels: width beside a page, height below it


def open_frame(home: Path) -> None:
    """Set up the app once, and go to the page that the address names."""
    st.session_state[OPEN] = True
    st.set_page_config(page_title="lenslab", page_icon="🌌", layout="wide",
                       initial_sidebar_state=SIDEBAR)
    warm_up(home)
    page = navigation(home)
    place = st.container()
    try:
        with in_line(place):
            page.run()
    finally:  # last, since a window that turns out narrow draws all anew: controls that were cut off would lose a value
        with place:
            window.watch()


def navigation(home: Path):
    """The pages, and among them the one that is asked for."""
    narrow = window.narrow()
    groups: dict[str, list] = {}
    for number, (name, (title, icon, group)) in enumerate(PAGES.items()):
        page = st.Page(home / "pages" / name, title=title, icon=None if narrow else icon, default=number == 0)
        groups.setdefault(group, []).append(page)
    if not narrow:
        return st.navigation(groups, position="top")
    with st.container(horizontal=True, gap=None):
        for page in sum(groups.values(), []):
            st.page_link(page)
    return st.navigation(groups, position="hidden")


def controls(expanded: bool = False):
    """Where the controls of a page stand: beside it, or in a sheet at the foot of a narrow window; `with controls():`.

    expanded   whether the sheet is open at first, where turning is what the page is for
    """
    if not window.narrow():
        return st.sidebar
    return st.bottom.expander("Controls", expanded=expanded, key="frame.sheet").container(height=SHEET, border=False)


def within_frame(home: Path) -> None:
    """For a page but the first to call before anything else: its frame, when a link straight to it opened a new server.

    There Streamlit takes a folder called `pages` for pages that stand alone, until st.navigation has been called once.
    """
    if OPEN not in st.session_state:
        st.session_state[OPEN] = True      # once: a page that is run by itself would draw itself anew for ever
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
    figures = [observed.image(cached.observe(scene)), training.curves([training.Curve("", [], 1)]),
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
