"""What a visitor chose on the Train page, kept as long as the session lives.

Streamlit forgets the value of a control that a run of the script did not draw, as on another page: the values are
copied under a key that belongs to no control, and each control begins with its copy.
"""

from collections.abc import Collection

import streamlit as st

KEPT, FORM, SEEN = "train.kept", "train.form.", "train.seen"


def keyed(name: str, default, among: Collection | None = None) -> str:
    """The key of a control of the form, whose value is what was chosen before, on this page or before it was left.

    among   what can be chosen by now: anything else gives way to the default, and leaves a list of choices
    """
    key = FORM + name
    if key not in st.session_state:
        st.session_state[key] = st.session_state.get(KEPT, {}).get(name, default)
    chosen = st.session_state[key]
    if among is not None and isinstance(chosen, list):
        st.session_state[key] = [item for item in chosen if item in among]
    elif among is not None and chosen not in among:
        st.session_state[key] = default
    return key


def value(name: str, default=None):
    """What stands in a control of the form."""
    return st.session_state.get(FORM + name, default)


def remember() -> None:
    """Copy what stands in the form; what is not drawn now, as the toggle of another population, keeps its copy."""
    drawn = {key.removeprefix(FORM): chosen for key, chosen in st.session_state.items()
             if isinstance(key, str) and key.startswith(FORM)}
    st.session_state[KEPT] = {**st.session_state.get(KEPT, {}), **drawn}


def forget(name: str, default) -> None:
    """Let a control begin anew."""
    st.session_state[KEPT] = {**st.session_state.get(KEPT, {}), name: default}
    st.session_state.pop(FORM + name, None)


def seen(key: str, default=None):
    """What a control of the watched half, by its key, was set to before the page was left."""
    return st.session_state.get(SEEN, {}).get(key, default)


def hold(chosen: dict) -> None:
    """Hold {key: value} of the watched half for a return to the page."""
    st.session_state[SEEN] = {**st.session_state.get(SEEN, {}), **chosen}
