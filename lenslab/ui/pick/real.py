"""A real lens: from the folder LENSLAB_DATA or the visitor's disc, made as networks expect it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from lenslab.images.observation import Observation
from lenslab.population import find
from lenslab.scene import Scene
from lenslab.sky import catalogue, upload
from lenslab.ui import cached, state
from lenslab.ui.escape import plain
from lenslab.ui.gate import through_the_gate
from lenslab.ui.pick.image import Shown

NAME, FILE, SCALE, UPLOADED, REFUSED = ("pick.real.name", "pick.real.file", "pick.real.scale",
                                        "pick.real.uploaded", "pick.real.refused")
FILES = ["fits", "fit", "fts", "gz", "npy", "npz", "h5", "hdf5", "png", "jpg", "jpeg"]
KEPT = "pick.real.kept"   # the image that was chosen last, which outlives its widgets


@dataclass(frozen=True, eq=False)
class Kept:
    """A real image of this session, told apart from others by who it is."""

    observation: Observation
    known: catalogue.KnownLens | None = None    # what is published of it
    scene: Scene | None = None                  # what is true of it, where the file of a simulated one tells


def choose() -> Kept | None:
    """Choose an image, the same on every page; the one that was chosen last, or None."""
    names = catalogue.real_lenses()
    if names:
        st.selectbox("A real lens", names, index=None, key=NAME, on_change=picked, format_func=catalogue.title,
                     placeholder="From the folder LENSLAB_DATA")
    else:
        st.caption("No folder of real lenses is set (LENSLAB_DATA); bring an image of your own.")
    st.file_uploader("or your own image (FITS, npy, npz, PNG; up to 20 MB)", type=FILES, key=FILE, on_change=uploaded,
                     max_upload_size=20)
    st.number_input("Pixel scale (″), if the file tells none", 0.0, 100.0, 0.0, step=0.01, format="%.3f", key=SCALE,
                    on_change=uploaded, help="0: take it from the file.")
    if REFUSED in st.session_state:
        st.warning(plain(st.session_state[REFUSED]))
    kept = st.session_state.get(KEPT)
    if kept is not None:
        st.caption(f"Chosen: {plain(kept.observation.name or 'your image')}")
    return kept


def real(population: str) -> Callable[..., Shown] | None:
    """Choose an image; returns what makes it fit the population, or None."""
    kept = choose()
    if kept is None:
        return None
    wanted = not find(population).most_lights
    subtract = st.toggle("Take the lens galaxy off", value=wanted, key=f"pick.real.subtract.{wanted}",
                         help="By a fit of its light. These networks have seen lenses "
                              + ("without" if wanted else "with") + " the light of the lens galaxy.")
    return lambda changes=(): image(kept, population, subtract)


def picked() -> None:
    name = st.session_state[NAME]
    if name is not None:
        take(lambda: Kept(cached.real_lens(name), catalogue.literature(name)))


def uploaded() -> None:
    file, scale = st.session_state[FILE], st.session_state.get(SCALE)
    if file is not None:
        take(lambda: opened(file.name, file.getvalue(), scale or None))


def opened(name: str, data: bytes, scale: float | None) -> Kept:
    """The image in a file; a scene alone becomes the visitor's lens."""
    found = upload.open_upload(name, data, pixel_scale=scale)
    if found.observation is None:
        state.take(found.scene)
        raise ValueError("This file holds a scene and no image. It is your lens now: choose My lens to see what "
                         "networks say of it.")
    listed = catalogue.listed(data)      # what is published of a lens belongs to that very file
    return Kept(found.observation, None if listed is None else catalogue.literature(listed), found.scene)


def take(open_image: Callable[[], Kept]) -> None:
    """Keep an image for this session; a refusal is shown and changes nothing."""
    st.session_state.pop(REFUSED, None)
    try:
        st.session_state[KEPT] = open_image()
    except ValueError as error:
        st.session_state[REFUSED] = str(error)


def hand_on(page: str, kept: Kept) -> None:
    """Let a page show an image of another page when it is opened next."""
    st.session_state[KEPT] = kept
    st.session_state[f"{page}.form.source"] = "real"


def leave() -> None:
    """Stop was pressed: the image is no longer asked for."""
    st.session_state.pop(KEPT, None)


def image(kept: Kept, population: str, subtract: bool) -> Shown:
    """A real image as networks of a population expect it; takes a second or two when it is new."""
    return through_the_gate(lambda turn: made_fit(kept, population, subtract),
                            "The image is made to fit what the networks know", key="pick.real.stop",
                            on_stop=leave)


@lru_cache(maxsize=16)
def made_fit(kept: Kept, population_name: str, subtract: bool) -> Shown:
    """The same, remembered by who the image is."""
    from lenslab.sky.prepare import prepare_for

    population = find(population_name)
    made = prepare_for(kept.observation, population, subtract_lens_light=subtract)
    camera, name = population.camera, plain(kept.observation.name or "Your image")
    off = "" if made.lens_light is None else ", the light of its lens galaxy taken off"
    where = (f"{name}, on the pixels that these networks know: {camera.num_pix} × {camera.num_pix} of "
             f"{camera.pixel_scale:g}″{off}.")
    outside = () if "lens.theta_E" in population.kept else (
        f"The lenses of {population_name} have one mass and one shape; a real lens has its own.",)
    return Shown(made.observation, where, outside=outside + tuple(map(plain, made.warnings)), prepared=made)
