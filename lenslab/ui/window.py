"""The visitor's window: whether it is narrow, as a phone's is, and its Back button. See window.js."""

from pathlib import Path

import streamlit as st

SCRIPT, KEY = Path(__file__).with_name("window.js"), "window"


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("lenslab_window", js=SCRIPT.read_text(), isolate_styles=False)


def is_dark() -> bool:
    """Whether the visitor's theme is the night sky."""
    return st.context.theme.type == "dark"


def narrow() -> bool:
    """Whether the window is so narrow that Streamlit would lay the sidebar over the page.

    The browser says so once it has drawn the page; till then a phone is known by the name that its browser gives.
    """
    told = st.session_state.get(KEY, {}).get("narrow")
    return "Mobi" in st.context.headers.get("User-Agent", "") if told is None else bool(told)


def watch() -> None:
    """Put the listener on the page, which shows nothing; a window that turns out narrow, or wide, is drawn anew."""
    _component()(key=KEY, data={"narrow": narrow()}, on_narrow_change=_nothing)


def _nothing() -> None:
    """Streamlit asks for a callback wherever a component has a state; the rerun is all that is wanted."""
