"""Teachers: a lesson of 45 minutes with gravitational lenses."""

from pathlib import Path

import streamlit as st

from lenslab.ui.frame import within_frame
from lenslab.ui.language import language_choice, words_of
from lenslab.ui.teachers import show

within_frame(Path(__file__).parent.parent)

head, tongue = st.columns([5, 2], vertical_alignment="center")
with tongue:
    language_choice()
head.title(words_of("teachers")["title"])
st.markdown(words_of("teachers")["lead"])
left, right = st.columns([3, 2], gap="large")
with left:
    show.plan()
    show.to_print()
with right:
    show.address()
    show.code()
