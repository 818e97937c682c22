"""The address bar carries the scene: what differs from the default, as readable `path=value`.

A link comes from anywhere. It is bounded in length and number, and passes the checks of the scene itself.
"""

import json
from dataclasses import is_dataclass

import streamlit as st

from lenslab.picture import recall
from lenslab.scene import Camera, Scene, differences, to_dict
from lenslab.ui import state

MAX_LINK = 6000      # characters of all values: browsers and servers take 8,000 in a line
MAX_SETTINGS = 150
WRITTEN, READ, LONG = "links.written", "links.read", "links.long"


def to_query(scene: Scene) -> dict[str, str]:
    """{path: text} of all in which a scene differs from the default scene.

    Raises ValueError where that is too long for a link.
    """
    query = {path: to_text(value) for path, value in differences(scene, Scene()).items()}
    length = sum(len(path) + len(text) + 2 for path, text in query.items())
    if length > MAX_LINK:
        raise ValueError(f"This scene is {length} characters long as a link, and at most {MAX_LINK} fit in an address. "
                         "Export scene.json instead.")
    return query


def from_query(query: dict[str, str]) -> Scene:
    """The scene of a link; ValueError says in plain words what is wrong with it."""
    length = sum(len(path) + len(text) + 2 for path, text in query.items())
    if length > 2 * MAX_LINK or len(query) > MAX_SETTINGS:
        raise ValueError(f"This link has {len(query)} settings in {length} characters; at most {MAX_SETTINGS} in "
                         f"{2 * MAX_LINK} are read. Ask for the scene.json instead.")
    base = Scene()
    return base.set({path: from_text(path, text, base.get(path)) for path, text in query.items()})


def to_text(value) -> str:
    """Words as they are, all else as JSON; numbers in as few digits as hold them."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return json.dumps(to_dict(value), separators=(",", ":"))
    return json.dumps(value)


def from_text(path: str, text: str, like):
    """The value of a setting that is now `like`; words stay words, the rest is JSON."""
    if isinstance(like, str):
        return text
    if is_dataclass(like):
        raise ValueError(f"The link sets {path[:60]} as a whole; it must name single settings, as in lens.q=0.7.")
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        if like is None:
            return text  # a hash, or nothing at all
        raise ValueError(f"The link says {path[:60]}={text[:40]}, which is no number or list; "
                         "write it as in lens.q=0.7.") from None
    if isinstance(like, tuple) and not isinstance(value, list):
        raise ValueError(f"The link says {path[:60]}={text[:40]}, where a list [...] belongs.")
    return value


def _refuse(name: str):
    raise ValueError(name)


def read() -> None:
    """Take the scene from the address when the page is opened by a link, or the visitor goes to another one."""
    query = st.query_params.to_dict()
    known = st.session_state.setdefault(WRITTEN, [])
    if query in known or (not query and st.session_state.get(READ)):
        return  # ours: a slow browser may still send an address of some changes ago
    first, st.session_state[READ] = not st.session_state.get(READ), True
    if not query:
        return
    try:
        scene = without_lost_pictures(from_query(query))
    except ValueError as error:
        if first:
            state.take(Scene())
        state.notify(f"This link could not be read. {error} "
                     + ("The default lens is shown." if first else "The lens stays as it was."))
        return
    notice = state.notice()
    state.take(scene)
    if notice:
        state.notify(notice)
    known.append(query)


def send_on() -> None:
    """For the page that opens first: a link that names a lens goes on to where lenses are built."""
    if query := st.query_params.to_dict():
        st.switch_page("pages/simulate.py", query_params=query)


def without_lost_pictures(scene: Scene) -> Scene:
    """Leave out pictures that are not here, and say so: links carry only their names."""
    changes: dict = {}
    for path, others in (("source.picture", {}),
                         ("camera.psf_picture", {"camera.psf": Camera().psf, "camera.psf_supersampling": 1})):
        name = scene.get(path)
        if name is None:
            continue
        try:
            recall(name)
        except ValueError as error:
            changes |= {path: None, **others}
            state.notify(f"{error} Until then the picture is left out.")
    return scene.set(changes) if changes else scene


def write() -> None:
    """Bring the address up to date with the scene."""
    try:
        query = to_query(state.scene())
        st.session_state[LONG] = None
    except ValueError as error:
        query = {}
        st.session_state[LONG] = str(error)
    known = st.session_state.setdefault(WRITTEN, [])
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    if not known or known[-1] != query:
        st.session_state[WRITTEN] = [*known[-40:], query]


def remarks(scene: Scene) -> list[str]:
    """What a link to this scene leaves behind."""
    told = []
    if st.session_state.get(LONG):
        told.append(st.session_state[LONG])
    if scene.source.picture is not None:
        told.append("The picture of the source stays behind: a link carries only its name. Export FITS to keep it.")
    if scene.camera.psf_picture is not None:
        told.append("The measured PSF stays behind: a link carries only its name. Export FITS to keep it.")
    return told
