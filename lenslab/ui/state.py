"""The scene that a visitor is turning: one record in the session, with what it was before.

Widgets never hold the truth. Before one is drawn its value is set from the scene; when it changes, it asks for another
scene, and where that is refused the old one stays and the reason is shown.
"""

from collections.abc import Callable

import numpy as np
import streamlit as st

from lenslab.picture import remember
from lenslab.scene import Scene

MAX_PAST = 60
SCENE, PAST, FUTURE, NOTICE, PICTURES = "scene", "scene.past", "scene.future", "scene.notice", "scene.pictures"


def scene() -> Scene:
    """The scene of this session."""
    if SCENE not in st.session_state:
        st.session_state[SCENE] = Scene()
    return st.session_state[SCENE]


def change(changes: dict) -> None:
    """Other values at some paths."""
    attempt(lambda: scene().set(changes))


def attempt(make: Callable[[], Scene]) -> None:
    """Take the scene that `make` returns, or show why it refused and keep the one there is."""
    try:
        take(make())
    except ValueError as error:
        notify(str(error))


def take(new: Scene) -> None:
    """Put a scene in the place of the old one, which `undo` brings back."""
    st.session_state.pop(NOTICE, None)
    old = scene()
    if new == old:
        return
    st.session_state[PAST] = [*st.session_state.get(PAST, [])[-(MAX_PAST - 1):], old]
    st.session_state[FUTURE] = []
    st.session_state[SCENE] = new


def undo() -> None:
    _step(PAST, FUTURE)


def redo() -> None:
    _step(FUTURE, PAST)


def reset() -> None:
    """The default scene; undo brings the other back."""
    take(Scene())


def can_undo() -> bool:
    return bool(st.session_state.get(PAST))


def can_redo() -> bool:
    return bool(st.session_state.get(FUTURE))


def _step(source: str, target: str) -> None:
    st.session_state.pop(NOTICE, None)
    if st.session_state.get(source):
        st.session_state[target] = [*st.session_state.get(target, []), scene()]
        *st.session_state[source], st.session_state[SCENE] = st.session_state[source]


def notify(text: str) -> None:
    """A sentence that the page shows until the next change."""
    st.session_state[NOTICE] = text


def notice() -> str | None:
    return st.session_state.get(NOTICE)


def keep_picture(picture: np.ndarray) -> str:
    """Hold a picture as long as this session lives; returns its hash. Only the last few are kept."""
    name = remember(picture)
    kept = {key: value for key, value in st.session_state.get(PICTURES, {}).items() if key != name}
    st.session_state[PICTURES] = dict([*kept.items(), (name, picture)][-6:])
    return name


def recall_pictures() -> None:
    """Put this session's pictures back into the store that all sessions share, which forgets the oldest."""
    for picture in st.session_state.get(PICTURES, {}).values():
        remember(picture)


def pictures() -> dict[str, np.ndarray]:
    return st.session_state.get(PICTURES, {})
