"""Beside a real lens: its camera is taken over, and the residual follows every turn of a slider."""

from dataclasses import dataclass

import streamlit as st

from lenslab.figures import observed
from lenslab.figures.stretch import STRETCHES
from lenslab.images.observation import Observation
from lenslab.scene import Scene
from lenslab.sky import arcs, beside, catalogue, upload
from lenslab.ui import cached, state
from lenslab.ui.escape import plain
from lenslab.ui.pick.real import FILES
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark

REAL = "real.lens"


@dataclass(frozen=True)
class RealLens:
    """A real image in this session, cut to a square that sliders can turn."""

    observation: Observation
    psf: str | None  # hash of its PSF
    known: catalogue.KnownLens | None = None
    doubts: tuple[str, ...] = ()  # why it may be no lens at all


def load(open_image, known: catalogue.KnownLens | None = None) -> bool:
    """Take an image, and its camera with it; a refusal is shown and changes nothing. Returns whether it was taken."""
    try:
        whole = open_image()
        if whole is None:
            raise ValueError("This file holds a scene and no image; import it under Export.")
        observation = beside.frame(whole)
        psf = None if observation.psf is None else state.keep_picture(observation.psf)
        real = RealLens(observation, psf, known, arcs.missing(observation))
        scene = beside.take_over(state.scene(), observation, psf, known)
    except ValueError as error:
        state.notify(str(error))
        return False
    st.session_state[REAL] = real
    state.take(scene)
    return True


def picked() -> None:
    name = st.session_state["real.name"]
    if name is not None:
        load(lambda: cached.real_lens(name), catalogue.literature(name))


def uploaded() -> None:
    file, scale = st.session_state["real.file"], st.session_state.get("real.scale")
    if file is not None:
        listed = catalogue.listed(file.getvalue())    # what is published of a lens belongs to that very file
        if load(lambda: upload.open_upload(file.name, file.getvalue(), pixel_scale=scale or None).observation,
                None if listed is None else catalogue.literature(listed)):
            st.session_state["real.name"] = listed    # the list must not name another lens beside it


def choose() -> None:
    """From the folder of real lenses, or from the visitor's disc."""
    left, right, third = st.columns([3, 4, 2])
    names = catalogue.real_lenses()
    with left:
        if names:
            st.selectbox("A real lens", names, index=None, key="real.name", on_change=picked,
                         placeholder="From the folder LENSLAB_DATA",
                         format_func=catalogue.title)
        else:
            st.caption(catalogue.WHERE_TO_FIND)
    right.file_uploader("or your own image (FITS, npy, npz, PNG; up to 20 MB)", type=FILES, key="real.file",
                        on_change=uploaded, max_upload_size=20)
    third.number_input("Pixel scale (″), if the file tells none", 0.0, 100.0, 0.0, step=0.01, format="%.3f",
                       key="real.scale", on_change=uploaded, help="0: take it from the file.")


def real_look(scene: Scene) -> None:
    """Real image, simulated image, residual."""
    choose()
    real = st.session_state.get(REAL)
    if real is None:
        st.info("Choose a real lens: the page takes over its pixels, blur and noise, and you turn the sliders until "
                "the residual is empty.", icon=":material/travel_explore:")
        return
    for doubt in real.doubts:
        st.warning(doubt, icon=":material/warning:")
    try:
        fitted = cached.hold_against(scene, real.observation)
    except ValueError as error:
        st.warning(plain(str(error)))
        st.button("Take over its camera again", key="real.again", on_click=lambda: state.attempt(
            lambda: beside.take_over(state.scene(), real.observation, real.psf, real.known)))
        return
    show(real.observation, fitted)
    words(real, fitted)
    st.button("Give the scene these brightnesses", key="real.scaled", icon=":material/tune:",
              help="So that the simulated image above, its noise and the exports are as bright as the real one.",
              on_click=lambda: state.attempt(lambda: beside.scaled(state.scene(), fitted)))


def show(observation: Observation, fitted: beside.Beside) -> None:
    """Three pictures; the first two share their limits."""
    kind = st.session_state.get("simulate.stretch") or STRETCHES[0]
    stretch = observed.stretch_of(kind, observation)
    frame = observed.frame_of(observation)
    sky = dict(north=observation.north, east_left=observation.east_left)
    left, middle, right = st.columns(3)
    with left:
        plot(observed.image(observation, stretch=stretch, title="Real", height=360), key="real.image",
             alt=f"Real image of {observation.name}")
    with middle:
        plot(observed.brightness(fitted.model, frame, stretch, observation.unit, title="Simulated", height=360, **sky),
             key="real.model", later=True, alt="The simulated lens as the same camera would see it, without noise")
    with right:
        plot(observed.residual(fitted.residual, frame, dark=is_dark(), height=360,
                               title=f"Residual: χ² = {fitted.chi2_per_pixel:.2f} a pixel"),
             key="real.residual", later=True, alt="Real minus simulated image in units of the noise")


def words(real: RealLens, fitted: beside.Beside) -> None:
    """What was fitted and what was not, and what is known of this lens."""
    st.caption("Turn shapes, places and sizes in the controls until the residual is empty; χ² near 1 means that only "
               "noise is left. Brightnesses and a level of sky "
               f"({fitted.sky:+.2g} {real.observation.unit}) are fitted at each turn, so the brightness sliders do "
               "nothing here. Real galaxies are no perfect Sersics: a residual at the centre is no fault of yours.")
    if real.known is not None and real.known.theta_E:
        error = f" ± {real.known.theta_E_err:.2g}" if real.known.theta_E_err else ""
        st.caption(f"{plain(real.known.name)}: published Einstein radius {real.known.theta_E:g}{error}″ "
                   f"({plain(real.known.model) or 'model not named'})."
                   + ("" if real.known.checked else " Not yet checked against the paper."))
    if real.observation.notes:
        with st.expander("How the file was read"):
            for note in real.observation.notes:
                st.markdown(f"- {plain(note)}")
