"""Below the pictures of the Reconstruct page: looks closer, of which only the chosen one is computed."""

import streamlit as st

from lenslab.figures import lens_fit, mass, observed
from lenslab.figures.canvas import Frame, plane
from lenslab.insight.significance import WHY
from lenslab.ui import cached
from lenslab.ui.escape import plain
from lenslab.ui.plot import plot
from lenslab.ui.reconstruct import batch, export, numbers
from lenslab.ui.reconstruct.show import true_bodies
from lenslab.ui.reconstruct.where import where_look
from lenslab.ui.reconstruct.work import Order, Working
from lenslab.ui.simulate.closer import in_tens
from lenslab.ui.window import is_dark

LOOK = "reconstruct.look"
LIKELY = 3.0        # ln of an evidence from which on it says something: twenty to one
ALARM = 0.01        # chance of a false alarm below which a mass is spoken of
WHAT_FOR = """A lens bends the light of a galaxy behind it into arcs. From their shape the mass can be read off, the
dark part of it too, and the galaxy can be seen as it would look without the lens.

1. **A network guesses** the lens from the arcs, in a millisecond.
2. **A fit refines the guess**: it moves the mass, the shape of the source and the light of the lens galaxy until the
   image that they would make is the one that was taken, pixel by pixel, through the telescope's blur.
3. **What is left** is asked for small masses. A smooth lens can explain most images; what it cannot explain may be a
   clump of dark matter, or a source that is richer than the model.

Errors are those of the fit. Where two ways to describe the source disagree, half of the difference is given as a
systematic error. A reconstruction that is not to be believed says so."""


def what_for_look(order: Order, working: Working) -> None:
    st.markdown(WHAT_FOR)


def numbers_look(order: Order, working: Working) -> None:
    """All numbers with their errors."""
    known = order.image.known
    st.table(numbers.rows(working.found, order.image.truth, known), border="horizontal")
    told = ("One sigma, all else marginalised. Systematic: half of what the number differs by where the source is "
            "described more simply. Directions count from the right, counter-clockwise.")
    if order.image.truth is None and known is not None and known.theta_E:
        told += f" Published for {plain(known.name)}: {plain(numbers.whose(known))}."
    st.caption(told)
    for step in working.found.steps:
        st.caption(plain(step))


def left_look(order: Order, working: Working) -> None:
    """Corrections of the potential, and one small mass."""
    found = working.found
    if found.corrections is None and found.perturbers is None:
        st.info("Neither corrections nor a small mass were asked for; turn them on under **What is free** and "
                "reconstruct once more.", icon=":material/scatter_plot:")
        return
    if found.corrections is not None:
        corrections(order, working)
    if found.perturbers is not None:
        small_mass(working)
    else:
        st.caption("Turn on **Small mass** under *What is free* to ask where one clump would explain most, and how "
                   "small a clump would have been found.")
    with st.expander("Why it is so hard"):
        st.markdown(WHY)


def corrections(order: Order, working: Working) -> None:
    found, dark = working.found, is_dark()
    name = st.segmented_control("Map", list(lens_fit.CORRECTIONS), key="reconstruct.map", default="delta_kappa",
                                required=True, format_func=lambda name: lens_fit.CORRECTIONS[name][2],
                                label_visibility="collapsed") or "delta_kappa"
    left, right = st.columns(2, gap="large")
    with left:
        over = true_bodies(order, found, dark)
        plot(lens_fit.correction(found, name, dark=dark, over=over, height=400),
             key="reconstruct.map.picture", later=True, alt="The corrections that explain what is left best")
    with right:
        truth = order.image.truth
        if truth is not None and name == "delta_kappa":
            frame = Frame(truth.camera.num_pix, truth.camera.num_pix, truth.camera.pixel_scale)
            true = mass.substructure(plane(cached.maps(truth).delta_kappa), frame, dark=dark, height=400,
                                     realisation=cached.realisation(cached.dark(truth)), title="True substructure")
            plot(lens_fit.of_corrections(found, true),
                 key="reconstruct.map.truth", later=True, alt="The true substructure")
        else:
            change = observed.residual(plane(found.corrections.change), lens_fit.frame_of(found), dark=dark, height=400,
                                       title="What they change in the image")
            plot(lens_fit.of_corrections(found, change), key="reconstruct.map.change", later=True,
                 alt="What the corrections change in the image, in sigmas")
    st.caption(f"{evidence_sentence(found.corrections.evidence)} Hatched: less than {lens_fit.SURE:g} sigmas from "
               "nothing. A constant, a gradient and a shear of the potential are left out: no image tells them from "
               "another place of the source, or another lens.")


def evidence_sentence(evidence: float) -> str:
    """How many times likelier the image is with corrections."""
    if evidence > LIKELY:
        return (f"The image is e^{evidence:.0f} times likelier with such corrections than without. On simulated images "
                "that means small masses; on real ones a source richer than the model, or a PSF that is not quite "
                "right, does the same.")
    return "The image is no likelier with such corrections than without: a smooth lens explains it."


def small_mass(working: Working) -> None:
    found = working.found
    told, best = found.perturbers, found.perturbers.best
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        plot(lens_fit.sensitivity(found, height=400), key="reconstruct.sensitivity", later=True,
             alt="The smallest mass that would be found at each place")
    x, y = float(told.x[best]) + found.offset[0], float(told.y[best]) + found.offset[1]
    if found.solar is None:
        each = f"θ_E² = {float(told.mass[best]):.2g} ± {float(told.sigma[best]):.1g} arcsec²"
    else:
        error = float(told.sigma[best]) * found.solar
        each = f"{in_tens(float(told.mass[best]) * found.solar)} ± {in_tens(error)} M☉"
    sure = told.false_alarm < ALARM
    right.markdown(f"**One small mass** explains most at x {x:+.2f}″, y {y:+.2f}″ (the cross): {each}, "
                   f"{told.significance:.1f} sigmas from none.")
    chance = f"{told.false_alarm:.0%}" if told.false_alarm > ALARM else "less than 1 %"
    right.markdown(f"{len(told.x)} places were asked. Noise alone would show as much at one of them with a chance of "
                   f"{chance}: {'that is no chance finding of noise' if sure else 'that is nothing'}. ln of the "
                   f"evidence against none: {told.evidence:+.1f}.")
    right.caption("The map tells how heavy a clump must be, as a point, to stand out by 5 sigmas: dark where small "
                  "ones would be found. Beyond the arcs nothing bends any light that is seen."
                  + ("" if found.solar else " With known redshifts it would count in solar masses."))


LOOKS = {"Numbers": numbers_look, "What is left": left_look, "Where it looks": where_look,
         "Hand it on": export.hand_on_look, "What is it for?": what_for_look, "Several files": batch.look}
ALWAYS = "What is it for?", "Several files"


def looks(order: Order | None, working: Working | None) -> None:
    """Draw the look that is open; without a reconstruction there are fewer."""
    names = [name for name in LOOKS if working is not None or name in ALWAYS]
    if st.session_state.get(LOOK) not in names:
        st.session_state[LOOK] = names[0]
    chosen = st.segmented_control("Look closer", names, key=LOOK, required=True)
    LOOKS[chosen or names[0]](order, working)
