"""Jets: a diffusion model draws what a detector sees of a spray of particles, beside simulated ones."""

from pathlib import Path

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.jets import form, show
from lenslab.ui.jets.looks import looks
from lenslab.ui.jets.networks import jet_networks

within_frame(Path(__file__).parent.parent)
networks, problems = jet_networks()

st.title("What does a burst of particles look like?")
show.what()
if not networks:
    show.empty(problems)
    st.stop()
told = form.arrive(networks)
with controls():
    choice = form.form(networks)
if told:
    st.warning(plain(told), icon=":material/info:")
form.address(choice)
forming = show.jets(choice)
looks(choice, forming)
form.FORM.remember()
