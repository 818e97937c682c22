"""Generate: a diffusion model draws lenses that are asked for, beside what the simulator makes of them."""

from pathlib import Path

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.generate import form, show, wanted
from lenslab.ui.pick.networks import known

within_frame(Path(__file__).parent.parent)
networks, problems = known("generate")

st.title("What would a lens look like that you ask for?")
if not networks:
    show.empty(problems)
    st.stop()
told = form.arrive(networks)
with controls():
    choice = form.form(networks)
if told := told or wanted.notice():
    st.warning(plain(told), icon=":material/info:")
forming = show.samples(choice)
form.FORM.remember()
form.address(choice)
