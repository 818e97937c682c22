"""What the Reconstruct page shows: the image, the lens as it forms, and what was found."""

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from lenslab.figures import lens_fit, mass, observed, source
from lenslab.figures.canvas import Frame, plane
from lenslab.figures.stretch import Stretch
from lenslab.tasks.reconstruct import Forming, Reconstruction
from lenslab.ui import cached, state
from lenslab.ui.escape import plain
from lenslab.ui.gate import waiting_sentence
from lenslab.ui.plot import plot
from lenslab.ui.reconstruct import form, numbers
from lenslab.ui.reconstruct.work import Order, Working, begin, kept_of
from lenslab.ui.window import is_dark

WATCH = 0.8            # s between two looks at a lens that forms
SMALL, LARGE = 300, 520
INVITATION = "Choose an image in the controls: an example, your lens of the Simulate page, or a real one."
STAGES = {"read": "the network has guessed", "starts": "places where the lens may be are tried",
          "compact components": "the source gets its knots",
          "noise of the image": "lens, source and light are moved together",
          "noise of the model": "the last steps", "done": "errors and maps are made"}


def invitation() -> None:
    st.info(INVITATION, icon=":material/travel_explore:")


def reconstruction(order: Order) -> Working | None:
    """All of the upper page; what is found, or None."""
    working = kept_of(order)
    if working is None or (working.over and working.found is None):
        told = None if working is None else working.refusal
        before(order, working, told)
        return None
    if not working.over:
        st.fragment(look, run_every=WATCH)(working)
        return None
    after(order, working)
    return working


def before(order: Order, working: Working | None, told: str | None) -> None:
    """The image, and the button that begins."""
    with st.container(horizontal=True, vertical_alignment="center", height=56, border=False):
        st.button("Reconstruct" if working is None else "Once more", key="reconstruct.begin",
                  icon=":material/play_circle:", on_click=begin, args=(order,))
        if working is not None and told is None:
            st.markdown("Stopped before there was a lens.")
    if told:
        st.warning(plain(told), icon=":material/info:")
    if notice := state.notice():
        st.info(plain(notice), icon=":material/info:")
    preview(order)


def preview(order: Order) -> None:
    """The image with what is left out; a click paints."""
    image, masks = order.image, order.masks
    seen = image.observation
    inner = (0.0, 0.0, masks.inner) if masks.inner or masks.outer < float("inf") else None
    figure = lens_fit.with_masks(seen, masks.circles, inner, masks.outer if masks.outer < float("inf") else None,
                             title=seen.name if image.truth is None else "What the telescope sees", height=LARGE)
    plot(figure, key="reconstruct.preview", alt=f"The image to be reconstructed. {image.where}",
         on_click=partial(form.paint, image))
    st.caption(f"{plain(image.where)} **Click** to leave out a circle, such as a star; click into a circle to take it "
               "back.")
    remarks(seen.notes, "How the file was read")


def look(working: Working) -> None:
    """One look at a lens that forms."""
    if working.over:
        st.rerun()     # the page as a whole: what has ended is no longer watched
    with st.container(horizontal=True, vertical_alignment="center", height=56, border=False):
        st.markdown(waiting_sentence("The lens forms", working.turn))
        st.button("Stop", key="reconstruct.stop", icon=":material/stop_circle:", on_click=working.turn.cancel)
    if working.chi2:
        doing = STAGES.get(working.stage, working.stage)
        st.caption(f"Now {plain(doing)}. Einstein radius {working.theta_E:.3f}″; χ² {working.chi2[-1]:.3f} a pixel, "
                   "where 1 means that only noise is left.")
    if working.forming is not None:
        forming(working)
    else:
        seen = working.order.image.observation
        plot(observed.image(seen, title="What the telescope sees", height=SMALL), key="reconstruct.waiting",
             alt="The image while its lens is sought")


def forming(working: Working) -> None:
    """Model and source so far, and chi^2 falling."""
    now: Forming = working.forming
    seen = working.order.image.observation
    stretch = observed.stretch_of("asinh", seen)
    left, middle, right = st.columns(3)
    with left:
        frame = Frame(*now.model.shape, seen.pixel_scale)
        plot(observed.brightness(plane(now.model), frame, stretch, seen.unit, title="Image of the lens so far",
                                 height=SMALL), key="reconstruct.forming.model", alt="The model so far")
    with middle:
        plot(source_so_far(now), key="reconstruct.forming.source", alt="The source so far")
    with right:
        plot(lens_fit.chi2_falling(working.chi2, height=SMALL), key="reconstruct.forming.chi2", square=False,
             alt="How chi2 has fallen, step by step")


def source_so_far(now: Forming):
    values = plane(now.source)
    frame = Frame(*values.shape, 2 * now.source_half_width / values.shape[-1])
    stretch = Stretch.of("asinh", values, noise=0.02 * float(values.max()))
    return observed.brightness(values, frame, stretch, "", title="Source so far", height=SMALL)


def after(order: Order, working: Working) -> None:
    """What was found."""
    found = working.found
    verdict(found)
    dark = is_dark()
    stretch = Stretch.of("asinh", np.where(observed.mask_of(found.observation), plane(found.observation.image), np.nan),
                         noise=float(found.observation.noise.median()))
    left, middle, right = st.columns(3)
    with left:
        plot(lens_fit.image(found, stretch, height=SMALL), key="reconstruct.seen", alt="The image that was fitted")
    with middle:
        plot(lens_fit.model(found, stretch, height=SMALL), key="reconstruct.model", alt="What the fitted lens makes")
    with right:
        plot(lens_fit.residual(found, dark=dark, height=SMALL), key="reconstruct.residual",
             alt="Image less model in sigmas of the noise")
    st.caption(f"{plain(order.image.where)} Where the last picture shows nothing but noise, the smooth lens explains "
               "the image; what is left out is empty.")
    left, middle, right = st.columns(3)
    with left:
        source_picture(found)
    with middle:
        mass_picture(found)
    with right:
        if found.corrections is not None:
            plot(lens_fit.correction(found, "delta_kappa", dark=dark, over=true_bodies(order, found, dark),
                                     height=SMALL, title="Mass that no smooth lens has"),
                 key="reconstruct.correction", later=True,
                 alt="Corrections of the mass that would explain what is left, hatched where they are unsure")
    st.caption("The galaxy behind as it is, with the caustics (dashed); the mass with its critical curve; and the mass "
               f"that would explain what is left, hatched where it is less than {lens_fit.SURE:g} sigmas from none"
               + (", with the true clumps as circles." if order.image.truth is not None else "."))


def verdict(found: Reconstruction) -> None:
    """In a sentence: how large it is, how well it fits, whether it is to be believed."""
    one = found.parameters.get("lens.theta_E")
    if found.converged:
        st.success(f"Einstein radius **{numbers.with_error(one.mean, one.std, '″')}**"
                   + (f" (± {one.systematic:.{numbers.digits(one.std)}f}″ between source models)"
                      if one.systematic else "") + f". {fit_sentence(found)}", icon=":material/check_circle:")
    else:
        st.warning(f"{plain(found.why)} {fit_sentence(found)}", icon=":material/error:")
    for warning in found.warnings:
        st.caption(plain(warning))


def fit_sentence(found: Reconstruction) -> str:
    return (f"χ² is {found.reduced_chi2:.2f} a pixel in the {int(found.arc_mask.sum())} pixels of the arcs; the image "
            f"tells {found.effective_freedom:.0f} numbers. {found.seconds:.1f} s of a processor.")


def source_picture(found: Reconstruction) -> None:
    scene = found.scene
    drawn, (values, half) = cached.sketch(scene), cached.source_plane(scene)
    plot(source.source_plane(values, half, caustics=drawn.caustics, cut=drawn.cut,
                             center=(scene.source.center_x, scene.source.center_y),
                             middle=(scene.lens.center_x, scene.lens.center_y), title="Source, with caustics",
                             height=SMALL), key="reconstruct.source", later=True,
         alt="The source behind the fitted lens, with its caustics")


def mass_picture(found: Reconstruction) -> None:
    drawn, (x, y) = cached.sketch(found.scene), found.offset
    plot(mass.convergence(plane(found.kappa), lens_fit.frame_of(found),
                          critical=[(a + x, b + y) for a, b in drawn.critical],
                          images=dict(x=drawn.x + x, y=drawn.y + y, magnification=drawn.magnification), height=SMALL),
         key="reconstruct.mass", later=True, alt="Mass of the fitted lens, with its critical curve")


def true_bodies(order: Order, found: Reconstruction, dark: bool) -> list[dict]:
    """The true clumps, where they are known."""
    truth = order.image.truth
    if truth is None:
        return []
    from lenslab.figures.bodies import bodies

    real = cached.realisation(cached.dark(truth))
    reach = replace(lens_fit.frame_of(found), center=(0.0, 0.0))
    return bodies(real, reach, ink=observed.ink(dark), colour="#ffb08a")


def remarks(told: tuple[str, ...], title: str) -> None:
    if told:
        with st.expander(title):
            for one in told:
                st.markdown(f"- {plain(one)}")
