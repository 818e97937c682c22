"""Simulate: one lens, turned by hand."""

from pathlib import Path

import streamlit as st

from lenslab.ui import cached, links, pictures, state
from lenslab.ui.closer import looks
from lenslab.ui.frame import within_frame
from lenslab.ui.gallery_row import gallery
from lenslab.ui.panels import controls

within_frame(Path(__file__).parent.parent)
links.read()
state.recall_pictures()
scene = state.scene()
links.write()  # before anything is drawn: what fails or is overtaken below must not leave the lens before in the link
problem = cached.problem(scene)

st.title("What does a galaxy do to the light behind it?")
head = st.container()
left, right = st.columns([5, 3], gap="medium")
below = st.container()

# The order of drawing is not that of the page: what a turned slider changes comes first, the sliders themselves last.
if not problem:
    with left:
        pictures.observed_picture(scene, st.session_state.get("simulate.stretch") or "asinh")
    with right:
        pictures.source_picture(scene)
        pictures.mass_picture(scene)
    with left:
        st.caption(pictures.image_sentence(scene))
        pictures.choices(scene)
with head:
    gallery()
    if told := problem or state.notice():
        st.warning(told, icon=":material/info:")
with st.sidebar:
    controls()
if not problem:
    with below:
        looks(scene)
