"""Model: a trained network as its judges see it, from the header of its checkpoint."""

from pathlib import Path

import streamlit as st

from lenslab.ui.frame import within_frame
from lenslab.ui.model import facts, show

within_frame(Path(__file__).parent.parent)
known, problems = facts.cards_at_hand()

st.title("How good is a network, and where does it fail?")
if not known:
    show.empty(problems)
    st.stop()
left, right = st.columns([2, 3], gap="medium")
with left:
    shown, other = show.choose(known)
with right:
    show.numbers(shown)
show.card(shown)
show.parts(shown, other)
show.warn(problems)
