"""The controls of the Classify page: which networks, which image, what is changed in it, which evidence.

What was chosen outlives a change of page. Only the address and other pages say which item of a population is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lenslab.figures.classification import named
from lenslab.insight.explain import METHODS
from lenslab.population import SPLITS, find
from lenslab.runs import jobs
from lenslab.scene import Scene
from lenslab.sets.item import MOST
from lenslab.ui import classify_image as images
from lenslab.ui import classify_real as real
from lenslab.ui import state
from lenslab.ui.classify_models import Network, model_of
from lenslab.ui.controls import folded, several

KEPT, ITEM, FROM = "classify.kept", "classify.item", "classify.from"
SOURCES = {"example": "Example", "lens": "My lens", "real": "Real", "set": "Data set"}
MOST_BESIDE = 4    # networks that are asked at once
ANY, ANSWER, ALL, NONE = "any", "its answer", "all", "none"
METHOD_NAMES = {"integrated_gradients": "Integrated gradients", "occlusion": "Occlusion", "grad_cam": "Grad-CAM",
                NONE: "None: the image alone"}
OWN = ("lens", "real")     # images of lenses that no population drew
FACTORS = {  # what can be changed: label, limits, step, what a factor means
    "substructure": ("Substructure", 0.0, 4.0, 0.05, "Every clump, grain or line so many times as heavy, at its place. "
                     "0 takes all of it away."),
    "noise": ("Noise", 0.25, 4.0, 0.05, "Noise so many times as large, with the same random numbers."),
    "seeing": ("Seeing", 0.5, 2.0, 0.05, "The blur so many times as wide."),
}
Changes = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Choice:
    """What the visitor wants to see."""

    population: str
    networks: tuple[Network, ...]
    image: Callable[[Changes], images.Shown] | None   # makes the image; None: nothing is chosen yet
    changes: Changes                                  # factors that are not 1
    source: str


@dataclass(frozen=True)
class Evidence:
    """Which explanation is drawn over the image."""

    network: Network
    method: str
    target: str        # a class, or ANSWER
    channel: str | None
    opacity: float


def keyed(name: str, value) -> str:
    """The key of a control, whose value is what was chosen before, on this page or before it was left."""
    key = f"classify.form.{name}"
    if key not in st.session_state:
        st.session_state[key] = st.session_state.get(KEPT, {}).get(name, value)
    return key


def chosen(name: str):
    return st.session_state.get(f"classify.form.{name}")


def keep() -> None:
    """Remember what was chosen, for when the page is left."""
    st.session_state[KEPT] = {key.removeprefix("classify.form."): value for key, value in st.session_state.items()
                              if isinstance(key, str) and key.startswith("classify.form.")}


def arrive(known: dict[str, list[Network]]) -> str | None:
    """Take the item that another page or the address asks for; a sentence where that cannot be shown."""
    wanted = st.session_state.pop(ITEM, None)
    if wanted is None and FROM not in st.session_state and "item" in st.query_params:
        wanted = tuple(st.query_params["item"][:200].split("/"))
    st.session_state.setdefault(FROM, ("", SPLITS[-1], 0))
    if wanted is None:
        return None
    try:
        population, split, seed, index = wanted
        seed, index = int(seed), int(index)
        if split not in SPLITS or not 0 <= seed < 2**53 or not 0 <= index < MOST:
            raise ValueError
    except (TypeError, ValueError):
        return "The link names no image; it should read item=POPULATION/test/0/17."
    if population not in known:
        return (f"No network here has learnt from {str(population)[:40]}, so that its image {index} cannot be shown. "
                "An example of another population is.")
    st.session_state[FROM] = (population, split, seed)
    st.session_state.update({"classify.form.population": population, "classify.form.source": "example",
                             "classify.form.class": ANY, "classify.form.number": index})
    return None


def form(known: dict[str, list[Network]]) -> Choice:
    """Networks and image; the evidence has a form of its own, since it asks what the networks said."""
    names = list(SOURCES)[:3] if jobs.public() else list(SOURCES)
    among("classify.form.source", names)
    turned = st.session_state.get(state.SCENE, Scene()) != Scene()
    source_key = keyed("source", "lens" if turned else "example")   # drawn below, and asked for its networks here
    among("classify.form.population", known)
    st.selectbox("Networks that learnt from", list(known), key=keyed("population", first(known, chosen("source"))),
                 help="A network knows the camera and the lenses of one population, and sees every image with them.")
    population = chosen("population")
    by_name = {network.name: network for network in known[population]}
    key = f"networks.{population}"
    kept = [name for name in st.session_state.get(KEPT, {}).get(key, []) if name in by_name]
    st.session_state.setdefault(f"classify.form.{key}", kept or [next(iter(by_name))])
    st.session_state[f"classify.form.{key}"] = [name for name in chosen(key) if name in by_name]
    several("Side by side", by_name, key=f"classify.form.{key}", most=MOST_BESIDE,
            format_func=lambda name: by_name[name].short)

    def moved():
        if not suits(population, chosen("source")):
            st.session_state["classify.form.population"] = first(known, chosen("source"))

    st.segmented_control("Image", names, key=source_key, required=True, format_func=SOURCES.get, width="stretch",
                         on_change=moved)
    source = chosen("source") or "example"
    image = {"example": example, "lens": lens, "real": real.real, "set": data_set}[source](population)
    changes = () if source == "real" or image is None else what_if()
    return Choice(population, tuple(by_name[name] for name in chosen(key)), image, changes, source)


def suits(population: str, source: str | None) -> bool:
    """Whether networks of a population may be asked about such images: a lens of one's own needs lenses that vary."""
    return source not in OWN or "lens.theta_E" in find(population).kept


def first(known: dict[str, list[Network]], source: str | None) -> str:
    """The population whose networks are asked unless another is chosen: for lenses of one's own, hst where there is."""
    names = ["hst", *known] if source in OWN else list(known)
    return next((name for name in names if name in known and suits(name, source)), next(iter(known)))


def among(key: str, options) -> None:
    """Forget a choice that is no longer offered."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]
    kept = st.session_state.get(KEPT, {})
    name = key.removeprefix("classify.form.")
    if name in kept and kept[name] not in options:
        del kept[name]


def example(population: str) -> Callable[[Changes], images.Shown]:
    """An item of the population, by class and number."""
    def another():
        st.session_state["classify.form.number"] = (int(chosen("number") or 0) + 1) % 1000

    classes = find(population).classes
    among("classify.form.class", (ANY, *classes))
    st.selectbox("Class", (ANY, *classes), key=keyed("class", ANY),
                 format_func=lambda name: "Any: guess yourself" if name == ANY else named(name))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.number_input("Number", 0, MOST - 1, step=1, key=keyed("number", 0), help="Each number is another lens, the "
                      "same for everybody.")
    right.button("Next", key="classify.another", icon=":material/casino:", width="stretch", on_click=another)
    told, split, seed = st.session_state[FROM]
    split, seed = (split, seed) if told == population else (SPLITS[-1], 0)
    number, label = int(chosen("number")), chosen("class")
    index = number if label == ANY else images.place_of(population, label, number, seed, split)
    st.query_params["item"] = f"{population}/{split}/{seed}/{index}"
    return partial(images.of_item, population, split, seed, index)


def lens(population: str) -> Callable[[Changes], images.Shown]:
    """The lens of the Simulate page."""
    st.caption("The lens that you turn on the Simulate page. Change its dark matter there and come back.")
    return partial(images.of_lens, state.scene(), population)


def data_set(population: str) -> Callable[[Changes], images.Shown] | None:
    """A row of a set on the server's disk."""
    st.text_input("Path of the set", key=keyed("path", ""), placeholder="set.h5", help="An HDF5 file of python -m "
                  "lenslab dataset on the machine that runs this app.")
    st.number_input("Row", 0, 10**8, step=1, key=keyed("row", 0))
    path = chosen("path").strip()
    return partial(images.of_set, path, int(chosen("row")), population) if path else None


def what_if() -> Changes:
    """Factors on substructure, noise and seeing."""
    changes = []

    def back():
        for name in FACTORS:
            st.session_state[f"classify.form.{name}"] = 1.0

    with st.container(gap="small"):
        st.markdown("**What if …**")
        for name, (label, low, high, step, text) in FACTORS.items():
            value = st.slider(label, low, high, step=step, key=keyed(name, 1.0), format="× %.2f", help=text)
            if value != 1:
                changes.append((name, float(value)))
        if changes:
            st.button("As it was", key="classify.back", icon=":material/undo:", width="stretch", on_click=back)
    return tuple(changes)


def evidence_form(networks: tuple[Network, ...]) -> Evidence | None:
    """Method, class, channel and opacity of what is drawn over the image."""
    st.markdown("**Evidence over the image**")
    st.selectbox("Method", list(METHOD_NAMES), key=keyed("method", next(iter(METHOD_NAMES))),
                 format_func=METHOD_NAMES.get)
    method = chosen("method")
    if method == NONE or not networks:
        return None
    st.caption(METHODS[method])
    by_name = {network.name: network for network in networks}
    if len(networks) > 1:
        among("classify.form.asked", by_name)
        st.selectbox("Of the network", list(by_name), key=keyed("asked", networks[0].name),
                     format_func=lambda name: by_name[name].short)
    network = by_name.get(chosen("asked"), networks[0])
    classes = find(network.population).classes
    among("classify.form.target", (ANSWER, *classes))
    st.selectbox("For the class", (ANSWER, *classes), key=keyed("target", ANSWER),
                 format_func=lambda name: "Its own answer" if name == ANSWER else named(name))
    folded("More", lambda: finer(network), key="classify.fold.evidence")
    kept = st.session_state.get(KEPT, {})
    channel, opacity = (chosen(name) if chosen(name) is not None else kept.get(name, usual)
                        for name, usual in (("channel", ALL), ("opacity", 0.85)))
    names = model_of(network).channel_names
    return Evidence(network, method, chosen("target"), channel if channel in names else None, float(opacity))


def finer(network: Network) -> None:
    """Channel and opacity."""
    names = (ALL, *model_of(network).channel_names)
    among("classify.form.channel", names)
    st.selectbox("Channel", names, key=keyed("channel", ALL), format_func=lambda name: "All together" if name == ALL
                 else name, help="What the network sees: the image, and for some what a smoothing or a fitted smooth "
                 "lens leaves of it.")
    st.slider("Opacity", 0.0, 1.0, step=0.05, key=keyed("opacity", 0.85))

