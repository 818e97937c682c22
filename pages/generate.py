"""Generate: a diffusion model draws lenses that are asked for, beside what the simulator makes of them."""

from pathlib import Path

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.generate import form, show, wanted
from lenslab.ui.generate.looks import looks
from lenslab.ui.pick.networks import networks_of

within_frame(Path(__file__).parent.parent)
networks, problems = networks_of("generate")

st.title("What would a lens look like that you ask for?")
if not networks:
    show.empty(problems)
    st.stop()
told = form.arrive(networks)
try:
    with controls():
        choice = form.form(networks)
except ValueError as error:
    st.warning(plain(str(error)), icon=":material/error:")
    st.stop()
if told := told or wanted.notice():
    st.warning(plain(told), icon=":material/info:")
form.address(choice)
forming = show.samples(choice)
looks(choice, forming)
form.FORM.remember()
