"""Quiz: guess the dark matter of ten images against a network."""

from pathlib import Path

import streamlit as st

from lenslab.ui.frame import controls, within_frame
from lenslab.ui.quiz import play

within_frame(Path(__file__).parent.parent)
play.arrive()

st.title("Can you tell dark matter from a picture?")
with controls():
    play.controls()
play.play()
