"""The controls of the source: where it lies, how it looks, or a picture in its place."""

from math import cos, pi, sin

import streamlit as st

from lenslab.redshift import at_redshifts
from lenslab.scene import Sersic
from lenslab.sky import upload
from lenslab.ui import cached, state
from lenslab.ui.controls import Range, folded, free_slider, set_before_drawing, slider

GOLDEN = pi * (3 - 5**0.5)  # angle between neighbouring clumps, which spreads any number of them evenly
FILES = ["png", "jpg", "jpeg", "fits", "fit", "fts", "gz", "npy", "npz", "h5", "hdf5"]


def source_panel() -> None:
    """Place, size, shape, brightness, distance and clumps; a picture takes the place of shape and clumps."""
    for name in ("center_x", "center_y"):
        slider(f"source.{name}", key=f"w.source.{name}")
    picture = state.scene().source.picture is not None
    slider("source.magnitude", key="w.source.magnitude")
    for name in ("picture_width", "phi") if picture else ("R_sersic", "n_sersic", "q", "phi"):
        slider(f"source.{name}", key=f"w.source.{name}")
    redshift_slider("z_source")
    if not picture:
        clumps_slider()
    folded("A picture as the source", picture_panel, key="w.fold.picture", expanded=picture)


def redshift_slider(path: str) -> None:
    """A redshift; what is physical stays (sigma_v, kiloparsecs, absolute magnitude, solar masses)."""
    def changed():
        scene, chosen = state.scene(), round(float(st.session_state[f"w.{path}"]), 6)
        z_lens, z_source = (chosen, scene.z_source) if path == "z_lens" else (scene.z_lens, chosen)
        state.attempt(lambda: at_redshifts(scene, z_lens, z_source))

    at = {"z_lens": Range(0.05, 2.0, 0.01), "z_source": Range(0.1, 6.0, 0.05)}[path]
    label = {"z_lens": "Redshift of the lens", "z_source": "Redshift of the source"}[path]
    free_slider(label, at, state.scene().get(path), key=f"w.{path}", on_change=changed,
                help="Turning it holds the velocity dispersion, the sizes in kiloparsecs, the absolute brightness and "
                     "the clumps' solar masses; the ring follows.")


def clumps_slider() -> None:
    """Knots of young stars, spread over the disc; each a tenth of the light of the rest."""
    def changed():
        source, number = state.scene().source, int(st.session_state["w.source.clumps"])
        state.change({"source.clumps": tuple(knot(source, k) for k in range(number))})

    number = len(state.scene().source.clumps)
    set_before_drawing("w.source.clumps", number)
    st.slider("Star-forming clumps", 0, max(8, number), key="w.source.clumps", on_change=changed,
              help="Bright knots in the source, as young galaxies have them.")


def knot(source, k: int) -> Sersic:
    """Clump number k of a source; its place is told from the source's centre, and moves with it."""
    radius, angle = source.R_sersic * (0.5 + 0.25 * k), GOLDEN * k + source.phi
    return Sersic(magnitude=min(source.magnitude + 2.5, 40.0), R_sersic=max(0.12 * source.R_sersic, 0.005),
                  n_sersic=1.0, q=1.0, phi=0.0, center_x=round(radius * cos(angle), 4),
                  center_y=round(radius * sin(angle), 4))


def picture_panel() -> None:
    """A picture from the visitor's disc or from the folder of real galaxies."""
    def loaded():
        file = st.session_state["w.source.file"]
        if file is not None:
            take(lambda: upload.read_picture(file.name, file.getvalue()))

    def picked():
        if st.session_state["w.source.real"] is not None:
            take(lambda: upload.read_real_picture(st.session_state["w.source.real"]))

    st.file_uploader("PNG, JPEG, FITS, npy or npz, up to 20 MB", type=FILES, key="w.source.file", on_change=loaded,
                     max_upload_size=20)
    if entries := cached.real_pictures():
        st.selectbox("or a real galaxy", entries, index=None, key="w.source.real", on_change=picked,
                     format_func=upload.title_of_picture, placeholder="From the folder LENSLAB_DATA")
    if state.scene().source.picture is not None:
        st.button("Back to the smooth galaxy", key="w.source.nopicture", width="stretch",
                  on_click=lambda: state.change({"source.picture": None}))


def take(read) -> None:
    """Make a picture the source, or say why it cannot be one."""
    state.attempt(lambda: state.scene().set({"source.picture": state.keep_picture(read())}))
