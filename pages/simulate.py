"""Simulate: one lens, turned by hand."""

import streamlit as st

from lenslab.ui import cached, links, pictures, state
from lenslab.ui.closer import looks
from lenslab.ui.gallery_row import gallery
from lenslab.ui.panels import controls

links.read()
state.recall_pictures()
scene = state.scene()

st.title("What does a galaxy do to the light behind it?")
gallery()
if state.notice():
    st.warning(state.notice(), icon=":material/info:")

if problem := cached.problem(scene):
    st.warning(problem, icon=":material/block:")
    with st.sidebar:
        controls()
    links.write()
    st.stop()

left, right = st.columns([5, 3], gap="medium")
with left:
    pictures.observed_picture(scene, st.session_state.get("simulate.stretch") or "asinh")
with st.sidebar:
    controls()
with right:
    pictures.source_picture(scene)
    st.caption("The galaxy behind, without a lens: **click to move it**. Inside the dashed caustics it is seen more "
               "often.")
    pictures.mass_picture(scene)
    st.caption("All mass, dark and bright. White: critical curves, where images grow without bound. Dots: images "
               "of the source's centre.")
with left:
    st.caption(pictures.image_sentence(scene))
    pictures.stretch_choice("simulate.stretch")
looks(scene)
links.write()
