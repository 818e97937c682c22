"""Train: networks learn in the background, and are watched while they do."""

from pathlib import Path

import streamlit as st

from lenslab.runs import jobs
from lenslab.ui import train_facts, train_watch
from lenslab.ui.frame import controls, within_frame

within_frame(Path(__file__).parent.parent)
known, public = train_facts.shown(), jobs.public()

st.title("What can a network learn to see?")
if public:
    st.info("This is a public demonstration: it shows runs and starts none. Install lenslab on a machine of your own "
            "to train.", icon=":material/visibility:")
else:
    with controls():
        from lenslab.ui.train_form import form

        form()
if known:
    train_watch.watch(*train_watch.choose(known))
else:
    train_watch.notice()
    train_watch.empty(public)
