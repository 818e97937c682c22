"""Images of a network while they form: a page looks at them again and again, with Stop, until they are done."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lenslab.ui.escape import plain
from lenslab.ui.gate import waiting_sentence
from lenslab.ui.kept import Form
from lenslab.ui.underway import Underway, forget

EVERY = 0.4       # s between two looks


@dataclass(frozen=True)
class Watch:
    """How a page looks on.

    form     of the page
    things   what forms: "images"
    cost     what those that are done have taken, a sentence
    """

    form: Form
    things: str
    cost: Callable[[Underway], str]


def key_of(form: Form, slot: str) -> str:
    """Where the session has what forms in a place of a page."""
    return f"{form.page}.formed.{slot}"


def watch(page: Watch, slot: str, forming: Underway, doing: str, draw: Callable[[], None],
          every: float = EVERY) -> None:
    """What forms, in place: `draw` draws what there is of it.

    every   s between two looks: what is much must be drawn, too
    """
    st.fragment(look, run_every=None if forming.over else every)(page, slot, forming, doing, draw, forming.over)


def look(page: Watch, slot: str, forming: Underway, doing: str, draw: Callable[[], None], was_over: bool) -> None:
    """One look: how far it is, and the images."""
    if forming.over and not was_over:
        page.form.draw_again()     # the page as a whole: what has ended is no longer watched
    with st.container(horizontal=True, vertical_alignment="center", height=56, border=False):
        status(page, slot, forming, doing)
    if forming.over and forming.refusal:
        st.warning(plain(forming.refusal), icon=":material/info:")
    else:
        draw()


def status(page: Watch, slot: str, forming: Underway, doing: str) -> None:
    """Progress with Stop, or what it has taken."""
    name = f"{page.form.page}.{slot}"
    if not forming.over:
        st.markdown(waiting_sentence(doing, forming.turn))
        st.button("Stop", key=f"{name}.stop", icon=":material/stop_circle:", on_click=forming.turn.cancel)
    elif forming.complete:
        st.markdown(page.cost(forming))
    elif forming.refusal is None:
        st.markdown(f"Stopped: {forming.reached} of {forming.n} {page.things} are done; what has begun stays as it "
                    "was.")
        st.button("Go on", key=f"{name}.again", icon=":material/play_circle:", on_click=forget,
                  args=(key_of(page.form, slot),))


def milliseconds(value: float) -> str:
    return f"{value / 1e3:.1f} s" if value >= 1000 else f"{value:.0f} ms"
