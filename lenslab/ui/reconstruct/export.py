"""A reconstruction as files, and handed on: to Simulate as a lens, to Classify as an image."""

import json
from dataclasses import replace
from functools import partial

import streamlit as st

from lenslab.images.observation import Observation
from lenslab.picture import recall
from lenslab.tasks.reconstruct import Reconstruction
from lenslab.ui import state
from lenslab.ui.pick import real
from lenslab.ui.pick.networks import networks_of
from lenslab.ui.reconstruct.work import Order, Working


def to_json(found: Reconstruction) -> bytes:
    return json.dumps(found.plain(), indent=1, allow_nan=False).encode()


def hand_on_look(order: Order, working: Working) -> None:
    found = working.found
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Take it with you**")
        with st.container(horizontal=True):
            st.download_button("FITS", found.to_fits, "reconstruction.fits", "application/fits",
                               key="reconstruct.fits", on_click="ignore", icon=":material/download:",
                               help="The image with its axes on the sky, and every map: model, residual, source, mass, "
                               "bend, corrections with their sigmas.")
            st.download_button("JSON", partial(to_json, found), "reconstruction.json", "application/json",
                               key="reconstruct.json", on_click="ignore", icon=":material/download:",
                               help="All numbers with their errors.")
            st.download_button("scene.json", found.scene.to_json, "scene.json", "application/json",
                               key="reconstruct.scene", on_click="ignore", icon=":material/download:",
                               help="The fitted lens as the Simulate page takes it.")
    with right:
        st.markdown("**Go on with it**")
        with st.container(horizontal=True):
            simulated = st.button("Turn it on Simulate", key="reconstruct.simulate", icon=":material/blur_circular:")
            classified = st.button("Ask the networks about what is left", key="reconstruct.classify",
                                   icon=":material/category_search:")
        st.caption("Simulate gets the fitted lens, source and camera. Classify gets the image without the light of the "
                   "lens galaxy, and says which dark matter it shows.")
    if simulated:
        to_simulate(found)
        st.switch_page("pages/simulate.py")
    if classified:
        to_classify(found)
        st.switch_page("pages/classify.py")


def to_simulate(found: Reconstruction) -> None:
    """The fitted lens becomes the visitor's, with the measured PSF that it was seen by."""
    picture = found.scene.camera.psf_picture
    if picture is not None:
        state.keep_picture(recall(picture))
    state.take(found.scene)


def to_classify(found: Reconstruction) -> None:
    """The image without its lens galaxy, as if a telescope had taken it."""
    real.hand_on("classify", real.Kept(arcs_of(found)))
    st.session_state["pick.real.subtract.True"] = False      # it is taken off already
    if "hst" in networks_of("classify")[0]:
        st.session_state["classify.form.population"] = "hst"


def arcs_of(found: Reconstruction) -> Observation:
    """What was fitted less the fitted light of the lens galaxy; what was left out of the fit is masked."""
    seen = found.observation
    return replace(seen, image=(seen.image - found.lens_light) * found.used, mask=found.used[None, None],
                   name=f"{seen.name or 'The image'} without its lens galaxy")
