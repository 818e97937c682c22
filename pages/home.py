"""Home: a lens that follows the finger, and the story that it tells."""

from pathlib import Path

import streamlit as st

from lenslab.ui import links, state
from lenslab.ui.escape import plain
from lenslab.ui.frame import within_frame
from lenslab.ui.home import show
from lenslab.ui.language import language_choice, words_of

within_frame(Path(__file__).parent.parent)
links.send_on()

head, tongue = st.columns([5, 2], vertical_alignment="center")
with tongue:
    language_choice()
head.title(words_of("home")["title"])
if told := state.notice():
    st.warning(plain(told), icon=":material/info:")
left, right = st.columns([3, 2], gap="large")
with left:
    show.lens()
with right:
    show.story()
show.mistakes()
show.doors()
show.FORM.remember()
