"""Odd: networks that have seen usual lenses alone say whether anything is odd about an image, and where."""

from pathlib import Path

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.odd import show
from lenslab.ui.odd.answers import ask
from lenslab.ui.pick.form import arrive, choose
from lenslab.ui.pick.networks import networks_of

within_frame(Path(__file__).parent.parent)
networks, problems = networks_of("anomaly")

st.title("Is anything odd about this lens?")
if not networks:
    show.empty(problems)
    st.stop()
told = arrive(show.FORM, networks)
with controls():
    choice = choose(show.FORM, networks, most=1)
    accepted = show.false_alarms()
if told:
    st.warning(plain(told), icon=":material/info:")
if choice.image is None or not choice.networks:
    st.info("Choose an image in the controls.", icon=":material/travel_explore:")
    show.FORM.remember()
    st.stop()
network, (left, right) = choice.networks[0], st.columns(2, gap="medium")
try:
    shown = choice.image(())
    answer = ask(network, shown)
except ValueError as error:
    st.warning(plain(str(error)), icon=":material/error:")
    show.FORM.remember()
    st.stop()
with left:
    show.verdict(network, answer, accepted, shown)
    show.truth(shown)
with right:
    show.place(network, answer, accepted)
show.pictures(network, answer, shown)
st.caption(shown.where)
st.subheader("A shelf from usual to odd")
show.on_the_shelf(network)
show.FORM.remember()
