"""A row of scenes to start from."""

import streamlit as st

from lenslab.ui import state
from lenslab.ui.controls import set_before_drawing
from lenslab.ui.simulate.gallery import BY_NAME, name_of


def gallery() -> None:
    """Presets as pills; the one that is shown is lit, and goes out when a slider leaves it."""
    def chosen():
        name = st.session_state["w.gallery"]
        if name is not None:
            state.take(BY_NAME[name].scene)

    lit = name_of(state.scene())
    set_before_drawing("w.gallery", lit)
    st.pills("Start from", list(BY_NAME), key="w.gallery", on_change=chosen, label_visibility="collapsed",
             format_func=lambda name: BY_NAME[name].short)
    st.caption(BY_NAME[lit].text if lit else "Turn the controls or start from one of these.")
