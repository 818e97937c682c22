"""Reconstruct: from one image the lens, the galaxy behind it, and what a smooth lens cannot explain."""

from pathlib import Path

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.pick.form import arrive
from lenslab.ui.reconstruct import form, show
from lenslab.ui.reconstruct.image import POPULATION
from lenslab.ui.reconstruct.looks import looks

within_frame(Path(__file__).parent.parent)
st.title("What mass bends this light?")
told = arrive(form.FORM, {POPULATION: []})
try:
    with controls():
        order = form.order()
except ValueError as error:
    told, order = str(error), None
if told:
    st.warning(plain(told), icon=":material/info:")
if order is None:
    show.invitation()
    looks(None, None)
else:
    looks(order, show.reconstruction(order))
form.FORM.remember()
