"""Simulate: one lens, turned by hand."""

from pathlib import Path

import streamlit as st

from lenslab.ui import cached, frame, links, state, window
from lenslab.ui.escape import plain
from lenslab.ui.simulate import pictures
from lenslab.ui.simulate.closer import looks
from lenslab.ui.simulate.gallery_row import gallery
from lenslab.ui.simulate.panels import controls

frame.within_frame(Path(__file__).parent.parent)
links.read()
state.recall_pictures()
scene = state.scene()
links.write()  # before anything is drawn: what fails or is overtaken below must not leave the lens before in the link
problem = cached.problem(scene)

st.title("What does a galaxy do to the light behind it?")
above = None if window.narrow() else st.container()
left, right = st.columns([4, 3], gap="medium")
main = left.container()
head = above or left.container()  # on a phone the picture is what is seen first
below = st.container()

# The order of drawing is not that of the page: what a turned slider changes comes first, the sliders themselves last.
if not problem:
    with main:
        stretch = pictures.observed_picture(scene, st.session_state.get("simulate.stretch") or "asinh")
    with right:
        pictures.source_picture(scene)
        pictures.mass_picture(scene)
    with left:
        st.caption(pictures.image_sentence(scene))
        pictures.choices(scene)
        pictures.live_cover(scene, stretch)
with head:
    gallery()
    if told := problem or state.notice():
        st.warning(plain(told), icon=":material/info:")
with frame.controls(expanded=True):
    controls()
if not problem:
    with below:
        looks(scene)
