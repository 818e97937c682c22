"""Physics: the formulas behind the pages, with their sources."""

from pathlib import Path

import streamlit as st

from lenslab.ui.behind.formulas import FORMULAS
from lenslab.ui.frame import within_frame

within_frame(Path(__file__).parent.parent)

st.title("Which physics is behind this?")
st.markdown("These are the formulas by which every image here is made. Each function of lenslab names its equation and "
            "its source; every deflection, profile and image agrees with the independent code lenstronomy. Everything "
            "bends in one plane: masses elsewhere along the line of sight are left out.")
for heading, formulas in FORMULAS.items():
    st.header(heading)
    for formula in formulas:
        st.subheader(formula.title)
        st.markdown(f"$\\displaystyle {formula.latex}$")   # a block of LaTeX scrolls, which no key reaches
        st.markdown(formula.text)
        st.caption(formula.source)
