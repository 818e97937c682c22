"""The controls of the Classify page: which networks and image, what is changed in it, which evidence."""

from dataclasses import dataclass

import streamlit as st

from lenslab.figures.classification import named
from lenslab.insight.explain import METHODS
from lenslab.ui.controls import folded
from lenslab.ui.kept import Form
from lenslab.ui.pick.form import Changes, Known, Picked, choose
from lenslab.ui.pick.networks import Network, trained_of

FORM = Form("classify")
ANSWER, ALL, NONE = "its answer", "all", "none"
METHOD_NAMES = {"integrated_gradients": "Integrated gradients", "occlusion": "Occlusion", "grad_cam": "Grad-CAM",
                NONE: "None: the image alone"}
FACTORS = {  # what can be changed: label, limits, step, what a factor means
    "substructure": ("Substructure", 0.0, 4.0, 0.05, "Every clump, grain or line so many times as heavy, at its place. "
                     "0 takes all of it away."),
    "noise": ("Noise", 0.25, 4.0, 0.05, "Noise so many times as large, with the same random numbers."),
    "seeing": ("Seeing", 0.5, 2.0, 0.05, "The blur so many times as wide."),
}


@dataclass(frozen=True)
class Choice(Picked):
    """What the visitor wants to see, and what is changed in it."""

    changes: Changes = ()      # factors that are not 1


@dataclass(frozen=True)
class Evidence:
    """Which explanation is drawn over the image."""

    network: Network
    method: str
    target: str        # a class, or ANSWER
    channel: str | None
    opacity: float


def form(known: Known) -> Choice:
    """Networks and image; the evidence has a form of its own, since it asks what the networks said."""
    picked = choose(FORM, known)
    changes = () if picked.source == "real" or picked.image is None else what_if()
    return Choice(picked.population, picked.networks, picked.image, picked.source, changes)


def what_if() -> Changes:
    """Factors on substructure, noise and seeing."""
    changes = []

    def back():
        for name in FACTORS:
            FORM.put(**{name: 1.0})

    with st.container(gap="small"):
        st.markdown("**What if …**")
        for name, (label, low, high, step, text) in FACTORS.items():
            value = st.slider(label, low, high, step=step, key=FORM.keyed(name, 1.0), format="× %.2f", help=text)
            if value != 1:
                changes.append((name, float(value)))
        if changes:
            st.button("As it was", key="classify.back", icon=":material/undo:", width="stretch", on_click=back)
    return tuple(changes)


def evidence_form(networks: tuple[Network, ...]) -> Evidence | None:
    """Method, class, channel and opacity of what is drawn over the image."""
    st.markdown("**Evidence over the image**")
    st.selectbox("Method", list(METHOD_NAMES), key=FORM.keyed("method", next(iter(METHOD_NAMES))),
                 format_func=METHOD_NAMES.get)
    method = FORM.value("method")
    if method == NONE or not networks:
        return None
    st.caption(METHODS[method])
    by_name = {network.name: network for network in networks}
    if len(networks) > 1:
        st.selectbox("Of the network", list(by_name), key=FORM.keyed("asked", networks[0].name, among=by_name),
                     format_func=lambda name: by_name[name].short)
    network = by_name.get(FORM.value("asked"), networks[0])
    targets = (ANSWER, *network.classes)
    st.selectbox("For the class", targets, key=FORM.keyed("target", ANSWER, among=targets),
                 format_func=lambda name: "Its own answer" if name == ANSWER else named(name))
    folded("More", lambda: finer(network), key="classify.fold.evidence")
    channel, opacity = FORM.value("channel", ALL), FORM.value("opacity", 0.85)
    names = trained_of(network).model.channel_names
    return Evidence(network, method, FORM.value("target"), channel if channel in names else None, float(opacity))


def finer(network: Network) -> None:
    """Channel and opacity."""
    names = (ALL, *trained_of(network).model.channel_names)
    st.selectbox("Channel", names, key=FORM.keyed("channel", ALL, among=names),
                 format_func=lambda name: "All together" if name == ALL else name, help="What the network sees: the "
                 "image, and for some what a smoothing or a fitted smooth lens leaves of it.")
    st.slider("Opacity", 0.0, 1.0, step=0.05, key=FORM.keyed("opacity", 0.85))

