"""Glossary: every word of the pages."""

from pathlib import Path

import streamlit as st

from lenslab.ui.behind.terms import TERMS
from lenslab.ui.frame import PAGES, within_frame

within_frame(Path(__file__).parent.parent)

st.title("What does this word mean?")
wanted = st.text_input("Find a word", key="glossary.find", placeholder="caustic, redshift, ...").strip().lower()
found = [term for term in TERMS if wanted in f"{term.name} {term.text}".lower()]
if not found:
    st.info("No word of the pages has that in it. Try a shorter piece of it.", icon=":material/search_off:")
for term in found:
    left, right = st.columns([5, 1], gap="medium", vertical_alignment="center")
    left.markdown(f"**{term.name}**: {term.text}")
    title, icon, _ = PAGES[term.page]
    right.page_link(f"pages/{term.page}", label=title, icon=icon)
