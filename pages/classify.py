"""Classify: trained networks look at one image and say which dark matter it shows, how sure they are, and why."""

from pathlib import Path

import streamlit as st

from lenslab.ui.classify import form as forms
from lenslab.ui.classify import show as show
from lenslab.ui.classify.looks import looks
from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.pick import networks as models

within_frame(Path(__file__).parent.parent)
known, problems = models.known()

st.title("Which dark matter does this image show?")
if not known:
    show.empty(problems)
    st.stop()
told = forms.arrive(known)
turned = controls()
with turned:
    choice = forms.form(known)
if told:
    st.warning(plain(told), icon=":material/info:")
shown = show.made(choice)
if shown is None:
    forms.keep()
    st.stop()
left, right = st.columns([5, 4], gap="medium")
below = st.container()

# Answers come first, since all else waits for them; the picture waits for its explanation.
with right:
    answers = show.ask_all(choice, shown)
    truth = show.answered(choice, shown, answers)
with turned:
    wanted = forms.evidence_form(tuple(answers))
with left:
    show.picture(choice, shown, answers, wanted, truth)
with below:
    looks(choice, shown, answers, wanted)
forms.keep()
