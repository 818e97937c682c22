"""Quiz: guess the dark matter of ten images against a network."""

from pathlib import Path

import streamlit as st

from lenslab.ui import quiz
from lenslab.ui.frame import controls, within_frame

within_frame(Path(__file__).parent.parent)
quiz.arrive()

st.title("Can you tell dark matter from a picture?")
with controls():
    quiz.controls()
quiz.play()
