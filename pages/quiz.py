"""Quiz: guess the dark matter of ten images against a network."""

from pathlib import Path

import streamlit as st

from lenslab.ui.frame import controls, within_frame
from lenslab.ui.language import language_choice, words_of
from lenslab.ui.quiz import play

within_frame(Path(__file__).parent.parent)
play.arrive()

head, tongue = st.columns([5, 2], vertical_alignment="center")
with tongue:
    language_choice()
head.title(words_of("quiz")["title"])
with controls():
    play.controls()
play.play()
