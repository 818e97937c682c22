"""Match: build the same lens by hand, or find the dark clump on a ring."""

from pathlib import Path

import streamlit as st

from lenslab.ui import state
from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.language import language_choice, words_of
from lenslab.ui.match import play

within_frame(Path(__file__).parent.parent)
state.recall_pictures()

head, tongue = st.columns([5, 2], vertical_alignment="center")
with tongue:
    language_choice()
head.title(words_of("match")["title"])
with controls():
    target = play.choose()
    hunting = st.session_state[play.TARGET].startswith("clump")
    if not hunting:
        play.shapes()
if told := state.notice():
    st.warning(plain(told), icon=":material/info:")
play.play(target)
if hunting:
    play.published()
