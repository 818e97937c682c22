"""The three pictures that a visitor sees first, each with a sentence that says what it shows."""

import time

import numpy as np
import streamlit as st

from lenslab.figures import canvas, mass, observed, source
from lenslab.figures.stretch import STRETCHES
from lenslab.scene import Scene
from lenslab.ui import cached, state
from lenslab.ui.plot import plot

BRIGHT = 0.1  # |mu| of an image worth counting
HEAD_START = 0.05  # s: the server's thread sends the first picture and the browser draws it before the rest comes
STRETCH_TEXT = "How brightness becomes colour: asinh shows faint and bright, linear is what the detector counts."


def is_dark() -> bool:
    """Whether the visitor's theme is the night sky."""
    return st.context.theme.type == "dark"


def stretch_choice(key: str) -> str:
    return st.segmented_control("Brightness scale", list(STRETCHES), default="asinh", required=True, key=key,
                                help=STRETCH_TEXT)


def observed_picture(scene: Scene, kind: str) -> None:
    """The image as the telescope records it."""
    observation = cached.observe(scene)
    plot(observed.image(observation, kind=kind, title="What the telescope sees"), key="simulate.image",
         alt=f"Simulated image of a gravitational lens with an Einstein radius of {scene.lens.theta_E:.2f} arcsec")
    time.sleep(HEAD_START)


def image_sentence(scene: Scene) -> str:
    """What to look for in the image."""
    found = cached.sketch(scene)
    number = int((np.abs(found.magnification) > BRIGHT).sum())
    source = scene.source
    covered = found.caustics and source.picture is None and max(
        np.hypot(x - source.center_x, y - source.center_y).max() for x, y in found.caustics[:1]) < source.R_sersic
    seen = {0: "The source shows no bright image in this frame",
            1: "The source is seen once: it lies outside the caustics"}.get(
        number, f"One galaxy, seen {number} times: its light is bent round the lens on several paths")
    if covered and number > 1:
        seen = f"The source covers the whole caustic, so we see a ring; its centre is seen {number} times"
    light = "" if scene.lens_light else " The lens itself is dark here; give it light under Lens."
    return f"{seen}.{light} One lens plane; masses elsewhere along the line of sight are not modelled."


def source_picture(scene: Scene) -> None:
    """The source without a lens; a click moves it."""
    brightness, half_width = cached.source_plane(scene)
    plot(source.source_plane(brightness, half_width, caustics=cached.sketch(scene).caustics,
                             center=(scene.source.center_x, scene.source.center_y)),
         key="simulate.source", later=True, alt="The source without a lens, with caustics; click to move it",
         on_click=lambda x, y: state.change({"source.center_x": round(x, 3), "source.center_y": round(y, 3)}))
    st.caption("The galaxy behind, without a lens: **click to move it**. Inside the dashed caustics it is seen more "
               "often.")


def mass_picture(scene: Scene) -> None:
    """Convergence with critical curves and the images of the source's centre."""
    truth, found = cached.maps(scene), cached.sketch(scene)
    frame = canvas.Frame(scene.camera.num_pix, scene.camera.num_pix, scene.camera.pixel_scale)
    plot(mass.convergence(canvas.plane(truth.kappa), frame, critical=found.critical,
                          realisation=cached.realisation(cached.dark(scene)),
                          images=dict(x=found.x, y=found.y, magnification=found.magnification)),
         key="simulate.mass", later=True, alt="Mass of the lens, critical curves and images of the source's centre")
    st.caption("All mass, dark and bright. White: critical curves, where images grow without bound. Dots: images of "
               "the source's centre.")
