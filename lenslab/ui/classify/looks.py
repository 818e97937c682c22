"""Below the first pictures of the Classify page: looks closer, of which only the chosen one is computed."""

from dataclasses import dataclass
from math import exp, log

import numpy as np
import streamlit as st

from lenslab.figures import classification, observed
from lenslab.figures import prepared as prepared_figures
from lenslab.figures.canvas import Frame
from lenslab.figures.classification import named
from lenslab.figures.evidence import evidence as evidence_figure
from lenslab.images.observation import Observation
from lenslab.insight import localise
from lenslab.insight.explain import METHODS
from lenslab.population import find
from lenslab.scene import Scene
from lenslab.sets import what_if
from lenslab.ui.classify import show as show
from lenslab.ui.classify.answers import along, corrections, fits, left_over
from lenslab.ui.classify.form import FACTORS, METHOD_NAMES, Choice, Evidence
from lenslab.ui.escape import plain
from lenslab.ui.gate import Turn, through_the_gate
from lenslab.ui.model.facts import rounded
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark

STEPS = {"substructure": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0),
         "noise": (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0),
         "seeing": (0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.4, 1.7, 2.0)}
LOG = ("noise", "seeing")
SWEPT = "classify.swept"   # {(scene, quantity): Swept} of this session, as many as there are quantities
EVEN, MOST = 3, 10**6      # times as likely: fewer tell nothing, more are not counted
FAINT = 1.0      # sigmas, limits of what ripples change: spread over an arc, a pixel alone would not show it
QUESTIONS = {"substructure": "What if the substructure were lighter or heavier?",
             "noise": "What if the image were noisier or cleaner?",
             "seeing": "What if the image were sharper or more blurred?"}
NO_CURVES = "There is no answer that could change: this lens lies outside of what these networks learnt from."
WORDS = {"substructure": "mass of the substructure (×)", "noise": "noise (×)", "seeing": "width of the blur (×)"}


@dataclass(frozen=True, eq=False)
class Swept:
    """The same lens at some factors of a quantity; rows of the observations, one after the other."""

    factors: tuple[float, ...]
    observations: tuple[Observation, ...]


def what_if_look(choice: Choice, shown: Shown, answers, wanted: Evidence | None) -> None:
    """Probabilities along one changed quantity, all else as it is shown."""
    # offered for smooth lenses too: what is not offered would tell the truth
    quantity = st.segmented_control("Change", list(FACTORS), key="classify.quantity", default="substructure",
                                    required=True, format_func=lambda name: FACTORS[name][0],
                                    label_visibility="collapsed") or "substructure"
    networks = list(answers)[:len(classification.DASHES)]

    known = st.session_state.get(SWEPT, {})

    def work(turn: Turn) -> tuple[Swept, list]:
        made = known.get((scene, quantity)) or swept(scene, quantity, turn)
        return made, [(network.short, along(network, made)) for network in networks]

    try:
        base = choice.image(tuple(item for item in choice.changes if item[0] != quantity))
        if base.outside:
            st.info(f"{NO_CURVES} {' '.join(base.outside)}", icon=":material/info:")
            return
        scene = base.scene
        made, found = through_the_gate(work, "The same lens, changed step by step", key="classify.sweep.stop",
                                       on_stop=away)
        st.session_state[SWEPT] = dict([*known.items(), ((scene, quantity), made)][-len(FACTORS):])
    except ValueError as error:
        st.warning(plain(str(error)))
        return
    plot(classification.curves(made.factors, found, networks[0].classes, title=QUESTIONS[quantity],
                               now=dict(choice.changes).get(quantity, 1.0), label=WORDS[quantity],
                               log=quantity in LOG),
         key="classify.curves", later=True, square=False, alt=f"Probabilities of the classes against {WORDS[quantity]}")
    drawn = zip(("Solid", "dashed", "dotted"), found, strict=False)
    dashes = " " + ", ".join(f"{dash}: {plain(name)}" for dash, (name, _) in drawn) + "." if len(found) > 1 else ""
    cut = " Heavier than drawn, it would outweigh the lens." if made.factors[-1] < STEPS[quantity][-1] else ""
    gaps = (" Where a line is missing, the image lies outside of what the network learnt from."
            if any(np.isnan(values).any() for _, values in found) else "")
    st.caption("The same lens and the same random numbers of the noise; only this one thing changes. The sliders under "
               f"*What if* show such an image.{dashes}{gaps}{cut}")


def away() -> None:
    """Stop was pressed: look at something else."""
    st.session_state["classify.look"] = "The networks"


def swept(scene: Scene, quantity: str, turn: Turn) -> Swept:
    """The lens along a quantity; factors that would outweigh it are left out."""
    factors = STEPS[quantity]
    while True:
        try:
            found = Swept(factors, tuple(what_if.sweep(scene, quantity, factors, turn.check)))
            break
        except ValueError:
            if len(factors) <= 3:
                raise
            factors = factors[:-1]
    return found


def evidence_look(choice: Choice, shown: Shown, answers, wanted: Evidence | None) -> None:
    """Three explanations side by side, each held against the truth where that is known."""
    if wanted is None or wanted.network not in answers:
        st.info("Choose a method under **Evidence over the image**.", icon=":material/visibility:")
        return
    target = show.target_of(wanted, shown, answers)
    if target is None:
        st.info("The network has no answer here that could be explained; choose a class under **Evidence over the "
                "image**.", icon=":material/info:")
        return
    truth, name = show.true_pixels(shown) if telling(shown) else None, wanted.network.classes[target]
    label = named(name)
    for place, method in zip(st.columns(len(METHODS)), METHODS, strict=True):
        weights = show.explained(wanted.network, shown, target, method, wanted.channel)
        with place:
            plot(evidence_figure(shown.observation, weights, truth=truth, opacity=wanted.opacity, height=340,
                                 title=METHOD_NAMES[method]), key=f"classify.evidence.{method}", later=True,
                 alt=f"Evidence for {label} by {METHOD_NAMES[method]}")
            st.caption(METHODS[method] if truth is None else score(wanted.network, shown, weights, truth))
            st.caption(show.worth(wanted.network, name, method))
    st.caption(f"What speaks for **{label}** in the eyes of {plain(wanted.network.short)}, by three methods. " + (
                   "Share: how much of the evidence lies within one PSF width of the outlined truth; chance is what an "
                   "even spread over the arc would have." if truth is not None else
                   "Show the truth to see how much of it lies on true substructure." if shown.simulated else
                   "Of a real lens nobody knows the truth, so that no map can be scored."))


def telling(shown: Shown) -> bool:
    return shown.simulated and bool(st.session_state.get("classify.truth"))


def score(network: Network, shown: Shown, weights: np.ndarray, truth: np.ndarray) -> str:
    """How much of a map lies on the truth, beside chance."""
    fwhm, observation = network.card["constants"]["psf_fwhm"], shown.observation
    sigmas = (observation.image / observation.variance.sqrt())[0].cpu().numpy()
    share = float(localise.share_within(weights[None], truth[None], fwhm)[0])
    chance = float(localise.share_within(localise.arc(sigmas).astype(float), truth[None], fwhm)[0])
    hit = float(localise.pointing_game(weights[None], truth[None], fwhm)[0]) > 0.5
    return (f"**{share:.0%}** of it on true substructure, by chance {chance:.0%}. Its strongest pixel "
            f"{'lies on it' if hit else 'misses it'}.")


def prepared_look(choice: Choice, shown: Shown, answers, wanted: Evidence | None) -> None:
    """Before, lens light, after, and every step in words."""
    made = shown.prepared
    figures = prepared_figures.steps(made, dark=is_dark())
    for number, (place, figure) in enumerate(zip(st.columns(len(figures)), figures, strict=True)):
        with place:
            plot(figure, key=f"classify.step.{number}", later=True,
                 alt=f"Step {number + 1} of {len(figures)} from the real image to what networks are given")
    for step in made.steps:
        st.markdown(f"- {plain(step)}")


def fit_look(choice: Choice, shown: Shown, answers, wanted: Evidence | None) -> None:
    """What the best smooth lens leaves of the image: what a network that fits sees beside it."""
    for network in answers:
        if not fits(network):
            continue
        sigmas, found, name = left_over(network, shown), corrections(network, shown), network.short
        frame, places = Frame(*sigmas.shape, shown.observation.pixel_scale), st.columns(1 if found is None else 2)
        with places[0]:
            title = f"Image less smooth lens, χ² {observed.chi2_per_pixel(sigmas):.2f} a pixel"
            plot(observed.residual(sigmas, frame, title=title, dark=is_dark()), key=f"classify.fit.{name}", later=True,
                 alt=f"What the smooth lens fitted by {name} leaves of the image")
            st.caption(f"The best smooth lens that {plain(name)} found is taken off. Of a lens without substructure "
                       "noise alone is left; a pattern along the arc is what no smooth lens explains.")
        if found is not None:
            waves, evidence = found
            with places[1]:
                worth = float((waves**2).sum()) ** 0.5
                plot(observed.residual(waves, frame, title=f"Of that, what looks like lensing: {worth:.1f} σ in all",
                                       dark=is_dark(), limit=FAINT), key=f"classify.ripples.{name}", later=True,
                     alt=f"What ripples of the mass would change, as {name} found them")
                st.caption("What small ripples of the mass would change in the image, as far as the image asks for "
                           f"any. Noise cannot be had so; clumps and waves of dark matter can. {likelier(evidence)}")


def likelier(evidence: float) -> str:
    """How many times likelier an image is with ripples than without, of its logarithm."""
    if evidence < log(EVEN):
        return "This image is about as likely without any."
    times = f"about {rounded(exp(evidence))}" if evidence < log(MOST) else f"more than {rounded(MOST)}"
    return f"This image is {times} times as likely with them as without, unless the fit has failed."


def networks_look(choice: Choice, shown: Shown, answers, wanted: Evidence | None) -> None:
    """What each network is worth, on test images that steered nothing."""
    st.dataframe(show.table(choice.networks), hide_index=True)
    st.caption(f"{find(choice.population).about} Judged on test images, with 95 % intervals.")
    st.markdown("Another network for these lenses is made by:")
    st.code(making("classify", choice.population), language="sh", wrap_lines=True)


def looks(choice: Choice, shown: Shown, answers, wanted: Evidence | None) -> None:
    """Draw the look that is open."""
    found = {"What if": what_if_look} if shown.simulated else {"How it was made to fit": prepared_look}
    if any(fits(network) for network in answers):
        found["What the fit leaves"] = fit_look
    found |= {"Three explanations": evidence_look, "The networks": networks_look}
    if st.session_state.get("classify.look") not in found:
        st.session_state["classify.look"] = next(iter(found))
    chosen = st.segmented_control("Look closer", list(found), key="classify.look", required=True)
    found[chosen or next(iter(found))](choice, shown, answers, wanted)
