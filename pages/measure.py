"""Measure: trained networks say how much dark matter is in clumps and how heavy its particles are, with errors."""

from pathlib import Path

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.measure import form, show
from lenslab.ui.measure.answers import ask, quantities_of
from lenslab.ui.measure.looks import looks
from lenslab.ui.pick.form import arrive
from lenslab.ui.pick.networks import networks_of

within_frame(Path(__file__).parent.parent)
networks, problems = networks_of("measure")

st.title("What is the dark matter made of?")
if not networks:
    show.empty(problems)
    st.stop()
told = arrive(form.FORM, networks)
turned = controls()
with turned:
    choice = form.form(networks)
if told:
    st.warning(plain(told), icon=":material/info:")
if choice.image is None or not choice.networks:
    show.invite(choice)
    form.FORM.remember()
    st.stop()
network, left_and_right = choice.networks[0], st.columns([4, 5], gap="medium")
try:
    shown = choice.image(())
    answer = ask(network, shown)
except ValueError as error:
    st.warning(plain(str(error)), icon=":material/error:")
    form.FORM.remember()
    st.stop()
left, right = left_and_right
with turned:
    taken = form.taken(quantities_of(network), answer.estimate.probabilities[0].numpy())
with right:
    show.trusted(network, shown, answer)
    show.classes(answer, quantities_of(network))
    tell = show.tell_truth(shown)
    show.sentences(answer, quantities_of(network), taken, shown, tell)
with left:
    show.image(shown)
with right:
    show.corner(network, answer, taken, shown, tell)
looks(network, shown, answer, taken)
form.FORM.remember()
