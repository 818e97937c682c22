"""What stands on the Teachers page: the address of the class, the plan, a code for the quiz, sheets to print."""

import io
import os
import secrets

import segno
import streamlit as st

from lenslab.ui.language import language, words_of
from lenslab.ui.quiz import pool
from lenslab.ui.quiz.game import FIRST, MAX_SEED, Game
from lenslab.ui.teachers import sheets
from lenslab.ui.teachers.serve import ADDRESS

CODE = "teachers.code"


def code_picture(link: str) -> bytes:
    """A QR code as PNG, dark on light whatever the theme is, since cameras want it so."""
    out = io.BytesIO()
    segno.make(link, error="m").save(out, kind="png", scale=6, border=3)
    return out.getvalue()


def address() -> None:
    """Where the class opens the app."""
    words, link = words_of("teachers"), os.environ.get(ADDRESS)
    st.subheader(words["open_title"])
    if link:
        st.markdown(words["here"].format(link=link))
        st.image(code_picture(link), width=220, caption=link)
    else:
        st.markdown(words["closed"])
    st.markdown(words["load"])


def plan() -> None:
    words = words_of("teachers")
    st.subheader(words["plan_title"])
    for minutes, title, text in words["plan"]:
        st.markdown(f"**{minutes} · {title}**: {text}")


def code() -> None:
    """A code for the quiz, and the link that carries it."""
    words = words_of("teachers")
    st.subheader(words["code_title"])
    st.markdown(words["code_lead"])
    st.button(words["code_make"], key="teachers.make", icon=":material/pin:", on_click=make)
    if refused := st.session_state.get("teachers.refused"):
        st.warning(refused, icon=":material/error:")
    if made := st.session_state.get(CODE):
        st.markdown(words["code"].format(code=made))
        home = os.environ.get(ADDRESS) or (st.context.url or "").partition("/teachers")[0]
        link = f"{home.rstrip('/')}/quiz?class={made}"
        st.code(link, language=None, wrap_lines=True)
        st.image(code_picture(link), width=200, caption=made)


def make() -> None:
    """A new class with ten images of its own."""
    seed = secrets.randbelow(MAX_SEED) + 1
    st.session_state.pop("teachers.refused", None)
    try:
        st.session_state[CODE] = pool.new_class(Game(FIRST, "plain", seed))
    except ValueError as error:
        st.session_state["teachers.refused"] = str(error)


def to_print() -> None:
    """The sheets."""
    words, tongue = words_of("teachers"), language()
    st.subheader(words["sheets_title"])
    st.markdown(words["sheets"])
    with st.container(horizontal=True):
        for name, make_sheet in (("tasks", sheets.tasks), ("answers", sheets.answers)):
            st.download_button(words[name], make_sheet(words, tongue), f"lenslab-{name}-{tongue}.html", "text/html",
                               key=f"teachers.{name}", icon=":material/print:", on_click="ignore")
