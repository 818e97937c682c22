"""Classify: trained networks look at one image and say which dark matter it shows, how sure they are, and why."""

from pathlib import Path

import streamlit as st

from lenslab.ui.classify import form, show
from lenslab.ui.classify.looks import looks
from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.pick.form import arrive
from lenslab.ui.pick.networks import networks_of

within_frame(Path(__file__).parent.parent)
networks, problems = networks_of("classify")

st.title("Which dark matter does this image show?")
if not networks:
    show.empty(problems)
    st.stop()
told = arrive(form.FORM, networks)
turned = controls()
with turned:
    choice = form.form(networks)
if told:
    st.warning(plain(told), icon=":material/info:")
shown = show.image_of(choice)
if shown is None:
    form.FORM.remember()
    st.stop()
left, right = st.columns([5, 4], gap="medium")
below = st.container()

# Answers come first, since all else waits for them; the picture waits for its explanation.
with right:
    answers = show.ask_all(choice, shown)
    truth = show.answered(choice, shown, answers)
with turned:
    wanted = form.evidence_form(tuple(answers))
with left:
    show.picture(choice, shown, answers, wanted, truth)
with below:
    looks(choice, shown, answers, wanted)
form.FORM.remember()
