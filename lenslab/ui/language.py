"""The language of the pages for visitors and classes: the visitor's choice, at first that of the browser."""

import streamlit as st

from lenslab.ui.kept import Form
from lenslab.ui.texts import LANGUAGES, TEXTS

FORM = Form("language")


def language() -> str:
    chosen = FORM.value("language")     # a control that is being drawn anew on another page may hold nothing yet
    if chosen in LANGUAGES:
        return chosen
    return "de" if (st.context.locale or "").lower().startswith("de") else "en"


def language_choice() -> None:
    key = FORM.keyed("language", language(), among=LANGUAGES)
    st.segmented_control("Language", list(LANGUAGES), format_func=LANGUAGES.get, required=True, key=key,
                         label_visibility="collapsed")
    FORM.remember()


def words_of(page: str) -> dict:
    """The words of a page in the visitor's language."""
    return TEXTS[page][language()]
