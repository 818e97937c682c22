"""The three pictures that a visitor sees first, each with a sentence that says what it shows."""

import time

import numpy as np
import streamlit as st

from lenslab.figures import canvas, mass, observed, source
from lenslab.figures.bodies import is_compact
from lenslab.figures.stretch import STRETCHES, Stretch
from lenslab.scene import Scene
from lenslab.sets.what_if import smooth
from lenslab.ui import cached, state
from lenslab.ui.live_lens.cover import cover, covers
from lenslab.ui.plot import plot

BRIGHT = 0.1  # |mu| of an image worth counting
RING, ARC = 0.98, 0.15  # share of the critical curve that the source lights up
HEAD_START = 0.05  # s: the server's thread sends the first picture and the browser draws it before the rest comes
TWINS = {"with": "With", "without": "Without", "blink": "Blink"}
STRETCH_TEXT = "How brightness becomes colour: asinh shows faint and bright, linear is what the detector counts."


def stretch_choice(key: str) -> str:
    return st.segmented_control("Brightness scale", list(STRETCHES), default="asinh", required=True, key=key,
                                help=STRETCH_TEXT)


def twin_choice() -> None:
    """With its substructure, without, or both in turns."""
    st.segmented_control("Small-scale dark matter", list(TWINS), default="with", format_func=TWINS.get, required=True,
                         key="simulate.twin", help="The same lens, source, noise and colours with and without clumps, "
                         "grains or lines. Blink shows the two in turns, each for most of a second.")


def choices(scene: Scene) -> None:
    """How the image is shown."""
    with st.container(horizontal=True, gap="medium"):
        stretch_choice("simulate.stretch")
        if has_substructure(scene):
            twin_choice()


def has_substructure(scene: Scene) -> bool:
    return scene.substructure.kind != "none" or bool(scene.substructure.clumps)


def observed_picture(scene: Scene, kind: str) -> Stretch:
    """The image as the telescope records it, or that of the same lens with all mass smooth, or the two in turns.

    Returns how its brightness becomes colour.
    """
    alt = f"Simulated image of a gravitational lens with an Einstein radius of {scene.lens.theta_E:.2f} arcsec"
    if has_substructure(scene):
        pair = cached.observe(scene), cached.observe(smooth(scene))
        stretch = observed.stretch_of(kind, *pair)  # shared, so that nothing but the lens differs
        figures = [observed.image(each, stretch=stretch, title=f"What the telescope sees: {words}")
                   for each, words in zip(pair, ("with small-scale dark matter", "all mass smooth"), strict=True)]
        chosen = st.session_state.get("simulate.twin") or "with"
        if chosen == "without":
            figures.reverse()
        plot(figures[0], twin=figures[1] if chosen == "blink" else None, key="simulate.image",
             alt=f"{alt}; small-scale dark matter: {TWINS[chosen]}")
    else:
        stretch = observed.stretch_of(kind, cached.observe(scene))
        plot(observed.image(cached.observe(scene), stretch=stretch, title="What the telescope sees"),
             key="simulate.image", alt=alt)
    time.sleep(HEAD_START)
    return stretch


def live_cover(scene: Scene, stretch: Stretch) -> None:
    """The live lens over the image, until a slider that is dragged is let go; it knows no blinking."""
    if covers(scene) and st.session_state.get("simulate.twin") != "blink":
        cover(scene, stretch, key="simulate.cover", over="simulate.image",
              hidden=has_substructure(scene) and st.session_state.get("simulate.twin") == "without")
        st.caption("The star is where the galaxy behind truly stands: **drag it**. While you drag it, or a slider, the "
                   "picture is drawn without noise.")


def image_sentence(scene: Scene) -> str:
    """What to look for in the image."""
    found = cached.sketch(scene)
    bright = np.abs(found.magnification) > BRIGHT
    light = "" if scene.lens_light else " The lens itself is dark here; give it light under Lens."
    return (f"{shape_sentence(scene, int(bright.sum()), found.magnification[~bright])}{light} One lens plane; masses "
            "elsewhere along the line of sight are not modelled.")


def shape_sentence(scene: Scene, number: int, faint: np.ndarray) -> str:
    """Ring, arcs or separate images, and how often the source's centre is seen.

    number  of images brighter than BRIGHT of the source;  faint  magnifications of the others
    """
    lit = cached.coverage(scene)
    times = {1: "once", 2: "twice"}.get(number, f"{number} times")
    if lit.visible > RING and number:
        ring = "a ring all round" if not blurred(scene) else "a ring, so small that this telescope blurs it to a spot"
        return f"Light of the source covers the whole inner caustic and makes {ring}. Its centre is seen {times}."
    if lit.bright > ARC and number:
        return f"The source covers part of the caustic: its light is drawn out to arcs. Its centre is seen {times}."
    if number == 0:
        return "The source shows no bright image in this frame."
    if number > 1:
        return f"One galaxy, seen {times}: its light is bent round the lens on several paths."
    if len(faint):
        return (f"The source is seen once with ease. A second image beside the lens's centre has only "
                f"{np.abs(faint).max():.1%} of the source's own light.")
    if scene.lens.gamma > 2:
        return ("The source is seen once. So steep a lens makes a second image of everything, here far too faint and "
                "too close to the lens's centre.")
    return "The source is seen once: it lies outside all curves of the source plane."


def blurred(scene: Scene) -> bool:
    """Whether the telescope cannot show the hole of a ring of this size."""
    camera = scene.camera
    blur = camera.fwhm if camera.psf in ("gaussian", "moffat") else 0.0
    return scene.lens.theta_E < 1.5 * max(blur, camera.pixel_scale)


def source_picture(scene: Scene) -> None:
    """The source without a lens; a click moves it."""
    brightness, half_width = cached.source_plane(scene)
    found = cached.sketch(scene)
    plot(source.source_plane(brightness, half_width, caustics=found.caustics, cut=found.cut,
                             center=(scene.source.center_x, scene.source.center_y),
                             middle=(scene.lens.center_x, scene.lens.center_y)),
         key="simulate.source", later=True, alt="The source without a lens, with caustics; click to move it",
         on_click=lambda x, y: state.change({"source.center_x": round(x, 3), "source.center_y": round(y, 3)}))
    cut = ", inside the dotted line once more" if found.cut else ""
    outside = "once" if scene.lens.gamma <= 2 else "twice, though the second image may be too faint to see"
    st.caption(f"The galaxy behind, without a lens: **click to move it**. Inside a dashed caustic it is seen twice more"
               f"{cut}; outside of all lines {outside}.")


def mass_picture(scene: Scene) -> None:
    """Convergence with critical curves and the images of the source's centre."""
    truth, found, real = cached.maps(scene), cached.sketch(scene), cached.realisation(cached.dark(scene))
    frame = canvas.Frame(scene.camera.num_pix, scene.camera.num_pix, scene.camera.pixel_scale)
    plot(mass.convergence(canvas.plane(truth.kappa), frame, critical=found.critical,
                          realisation=real,
                          images=dict(x=found.x, y=found.y, magnification=found.magnification)),
         key="simulate.mass", later=True, alt="Mass of the lens, critical curves and images of the source's centre")
    compact = " Yellow: points and lines of mass." if is_compact(real) else ""
    st.caption("All mass, dark and bright. White: critical curves, where images grow without bound. Dots: images of "
               f"the source's centre.{compact}")
