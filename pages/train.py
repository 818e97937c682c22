"""Train: networks learn in the background, and are watched while they do."""

from pathlib import Path

import streamlit as st

from lenslab.runs import jobs
from lenslab.ui.frame import controls, within_frame
from lenslab.ui.train import facts, studies, watch

within_frame(Path(__file__).parent.parent)
known, public = facts.runs(), jobs.public()

st.title("What can a network learn to see?")
if public:
    st.info("This is a public demonstration: it shows runs and starts none. Install lenslab on a machine of your own "
            "to train.", icon=":material/visibility:")
else:
    with controls():
        from lenslab.ui.train.form import form

        form()
if known:
    watch.watch(*watch.choose(known))
else:
    watch.notice()
    watch.empty(public)
studies.show()
