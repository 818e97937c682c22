"""Below the images of the Generate page: looks closer, of which only the chosen one is computed."""


from functools import partial

import numpy as np
import streamlit as st

from lenslab.sets.item import MOST
from lenslab.tasks.generate.asked import Asked
from lenslab.ui.escape import plain
from lenslab.ui.generate import export, judged, wanted
from lenslab.ui.generate.form import FORM, Choice
from lenslab.ui.generate.handles import Handle, belongs, handles, morphed
from lenslab.ui.generate.samples import Forming, Order, pictures, start
from lenslab.ui.generate.show import WHAT_FOR, noisy, picture, show
from lenslab.ui.pick import real
from lenslab.ui.pick.networks import making, networks_of

FRAMES = 6        # of a sweep and of a morph
LOOK = "generate.look"


def forming_look(choice: Choice, forming: Forming) -> None:
    """The same images after any of their steps."""
    if len(forming.steps) < 2:
        st.info("These images were made in one step: there is nothing between noise and image.")
        return
    last = len(forming.steps)
    step = st.slider("Step", 1, last, key=FORM.keyed("step", 1, among=range(1, last + 1)))
    picture("step", pictures(forming, False, step - 1), forming, ())
    st.caption("After each step the network says what it takes the image to be, out of the noise that is left. First "
               "it says little more than what is asked for; detail comes last.")


def sweep_look(choice: Choice, forming: Forming) -> None:
    """One condition from end to end, all else and the noise alike."""
    along = sliders(choice)
    name = st.selectbox("Along", list(along), key=FORM.keyed("along", next(iter(along)), among=along),
                        format_func=lambda name: along[name].title)
    handle = along[name]
    values, lenses = swept(choice, handle)
    if not lenses:
        st.info("No value of this can be had with all else as it is.", icon=":material/info:")
        return
    show("sweep", start("sweep", order_of(choice, lenses)), "The strip forms",
            f"{handle.title}, from end to end. All images begin with the same noise, so that nothing differs but what "
            "is asked for.", [handle.words(value) for value in values])


def sliders(choice: Choice) -> dict[str, Handle]:
    """What a strip can go along: all that is asked for and that lenses of this class have."""
    asked = choice.wanted.asked
    label = choice.conditions.classes[asked.label]
    return {handle.name: handle for condition in choice.conditions.conditions
            if belongs(condition, label) and condition.kind.path not in choice.wanted.left_open
            and (condition.kind.path != "source.clumps.light" or asked.scene.source.clumps)
            for handle in handles(condition)}


def swept(choice: Choice, handle: Handle) -> tuple[list[float], tuple[Asked, ...]]:
    """Values and lenses; those that cannot be had are left out."""
    values, lenses = [], []
    for shown in np.linspace(handle.at.low, handle.at.high, FRAMES):
        value = handle.at.meant(float(shown))
        try:
            changed = choice.wanted.but(handle.write(choice.wanted.asked, value)).check(choice.conditions)
        except ValueError:
            continue
        values.append(value)
        lenses.append(changed.asked)
    return values, tuple(lenses)


def morph_look(choice: Choice, forming: Forming) -> None:
    """From the lens above to another of its class, straight on, with the noise alike."""
    number = st.number_input("To lens", 0, MOST - 1, step=1, key=FORM.keyed("other", choice.wanted.lens + 1))
    one = choice.wanted.asked
    label = choice.conditions.classes[one.label]
    try:
        other = wanted.first(choice.wanted.population, choice.conditions, int(number), label)
        parts = np.linspace(0, 1, FRAMES)
        lenses = [choice.wanted.but(morphed(choice.conditions, one, other.asked, float(part))).check(
            choice.conditions).asked for part in parts]
    except ValueError as error:
        st.warning(plain(str(error)), icon=":material/info:")
        return
    show("morph", start("morph", order_of(choice, tuple(lenses))), "The strip forms",
            f"From lens {choice.wanted.lens} to lens {other.lens}, all numbers going straight from one to the other; "
            "the clumps of the source stay. All images begin with the same noise.",
            [f"{part:.0%}" for part in parts])


def order_of(choice: Choice, lenses: tuple[Asked, ...]) -> Order:
    return Order(choice.network, lenses, choice.wanted.left_open, choice.way, alike=True)


def judged_look(choice: Choice, forming: Forming) -> None:
    """What the model is worth."""
    card = choice.network.card
    if not judged.was_judged(card):
        st.info("The images of this model were not held against simulated ones, so that nobody knows how good they "
                "are. This command does, and takes some minutes:", icon=":material/info:")
        st.code(f"python benchmarks/generate.py checkpoints/{choice.network.path.name} --write", language="sh",
                wrap_lines=True)
    if rows := judged.table(card):
        st.table(rows)
    st.caption("Generated: against simulated images. Simulator: the same figure of another set of simulated images, "
               "which no model can be expected to beat.")


def export_look(choice: Choice, forming: Forming) -> None:
    """Files, and one image to be classified."""
    if not forming.reached:
        st.info("No image is done yet.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Take them with you**")
        with st.container(horizontal=True):
            for name, make, kind in (("npz", export.to_npz, "application/octet-stream"),
                                     ("FITS", export.to_fits, "application/fits"),
                                     ("PNG", export.to_png, "image/png")):
                st.download_button(name, partial(make, forming, noisy()), f"generated.{name.lower()}", kind,
                                   key=f"generate.{name}", on_click="ignore", icon=":material/download:")
        st.caption(f"{forming.reached} images in counts/s, {'with' if noisy() else 'before'} the camera's noise, with "
                   "what was asked for: NaN where it was left open.")
    with right:
        st.markdown("**What would a classifier or a fit say?**")
        send(choice, forming)


def send(choice: Choice, forming: Forming) -> None:
    """Hand one image to Classify as if a telescope had taken it."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        k = st.number_input("Image", 1, forming.reached, key=FORM.keyed("sent", 1, among=range(1, forming.reached + 1)),
                            width=110)
        sent = st.button("Send to Classify", key="generate.send", icon=":material/category_search:")
        rebuilt = st.button("Send to Reconstruct", key="generate.reconstruct", icon=":material/center_focus_strong:")
    st.caption("With the camera's noise, and without a word of what was asked for.")
    if sent:
        real.hand_on("classify", real.Kept(export.observation(forming, int(k) - 1)))
        st.session_state["pick.real.subtract.True"] = False      # no galaxy shines in it
        if choice.wanted.population in networks_of("classify")[0]:
            st.session_state["classify.form.population"] = choice.wanted.population
        st.switch_page("pages/classify.py")
    if rebuilt:
        real.hand_on("reconstruct", real.Kept(export.observation(forming, int(k) - 1)))
        st.switch_page("pages/reconstruct.py")


def why_look(choice: Choice, forming: Forming) -> None:
    """What all this is for."""
    st.markdown(WHAT_FOR)
    st.markdown("Another model for these lenses is made by:")
    st.code(making("generate", choice.wanted.population), language="sh", wrap_lines=True)


LOOKS = {"What is it for?": why_look, "How they form": forming_look, "A strip": sweep_look,
         "From lens to lens": morph_look, "How good is it?": judged_look, "Export": export_look}


def looks(choice: Choice, forming: Forming) -> None:
    """Draw the look that is open."""
    if st.session_state.get(LOOK) not in LOOKS:
        st.session_state[LOOK] = next(iter(LOOKS))
    chosen = st.segmented_control("Look closer", list(LOOKS), key=LOOK, required=True)
    if forming.over and forming.refusal is None:
        LOOKS[chosen or next(iter(LOOKS))](choice, forming)
