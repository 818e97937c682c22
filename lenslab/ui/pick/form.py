"""The controls that choose networks of a task and an image for them, the same on every page about trained networks.

A page draws them with `choose(form, known)`, where `known` are the networks of its task (pick.networks.networks_of).
What was chosen outlives a change of page. Only the address and other pages say which item of a population is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lenslab.figures.classification import named
from lenslab.population import SPLITS, find
from lenslab.runs import jobs
from lenslab.scene import Scene
from lenslab.sets.item import MOST
from lenslab.ui import state
from lenslab.ui.controls import several
from lenslab.ui.kept import Form
from lenslab.ui.pick import image as images
from lenslab.ui.pick.networks import Network
from lenslab.ui.pick.real import real

SOURCES = {"example": "Example", "lens": "My lens", "real": "Real", "set": "Data set"}
OWN = ("lens", "real")     # images of lenses that no population drew
MOST_BESIDE = 4            # networks that are asked at once
ANY = "any"
Changes = tuple[tuple[str, float], ...]     # factors of lenslab.images.what_if
Known = dict[str, list[Network]]


@dataclass(frozen=True)
class Picked:
    """What a visitor wants to see."""

    population: str
    networks: tuple[Network, ...]
    image: Callable[[Changes], images.Shown] | None   # makes the image; None: nothing is chosen yet
    source: str                                       # of SOURCES


def ask_for(page: str, item: tuple[str, str, int, int]) -> None:
    """Let a page show an item (population, split, seed, index) when it is opened next."""
    st.session_state[f"{page}.item"] = item


def arrive(form: Form, known: Known) -> str | None:
    """Take the item that another page or the address asks for; a sentence where that cannot be shown."""
    wanted, place = st.session_state.pop(f"{form.page}.item", None), f"{form.page}.from"
    if wanted is None and place not in st.session_state and "item" in st.query_params:
        wanted = tuple(st.query_params["item"][:200].split("/"))
    st.session_state.setdefault(place, ("", SPLITS[-1], 0))
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
    st.session_state[place] = (population, split, seed)
    form.put(population=population, source="example", number=index, **{"class": ANY})
    return None


def choose(form: Form, known: Known, most: int = MOST_BESIDE) -> Picked:
    """At most so many networks, and an image for them."""
    sources = list(SOURCES)[:3] if jobs.public() else list(SOURCES)
    turned = st.session_state.get(state.SCENE, Scene()) != Scene()
    source_key = form.keyed("source", "lens" if turned else "example", among=sources)   # drawn below, asked for here
    st.selectbox("Networks that learnt from", list(known),
                 key=form.keyed("population", first(known, form.value("source")), among=known),
                 help="A network knows the camera and the lenses of one population, and sees every image with them.")
    population = form.value("population")
    by_name = {network.name: network for network in known[population]}
    key = form.keyed(f"networks.{population}", [next(iter(by_name))], among=by_name)
    several("Side by side" if most > 1 else "Network", by_name, key=key, most=most,
            format_func=lambda name: by_name[name].short)

    def moved():
        if not suits(population, form.value("source")):
            form.put(population=first(known, form.value("source")))

    st.segmented_control("Image", sources, key=source_key, required=True, format_func=SOURCES.get, width="stretch",
                         on_change=moved)
    source = form.value("source") or "example"
    image = {"example": example, "lens": lens, "real": of_telescope, "set": data_set}[source](form, population)
    return Picked(population, tuple(by_name[name] for name in form.value(f"networks.{population}")), image, source)


def suits(population: str, source: str | None) -> bool:
    """Whether networks of a population may be asked about such images: a lens of one's own needs lenses that vary."""
    return source not in OWN or "lens.theta_E" in find(population).kept


def first(known: Known, source: str | None) -> str:
    """The population whose networks are asked unless another is chosen: for lenses of one's own, hst where there is."""
    names = ["hst", *known] if source in OWN else list(known)
    return next((name for name in names if name in known and suits(name, source)), next(iter(known)))


def example(form: Form, population: str) -> Callable[[Changes], images.Shown]:
    """An item of the population, by class and number."""
    def another():
        form.put(number=(int(form.value("number") or 0) + 1) % 1000)

    classes = find(population).classes
    st.selectbox("Class", (ANY, *classes), key=form.keyed("class", ANY, among=(ANY, *classes)),
                 format_func=lambda name: "Any: guess yourself" if name == ANY else named(name))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.number_input("Number", 0, MOST - 1, step=1, key=form.keyed("number", 0), help="Each number is another lens, "
                      "the same for everybody.")
    right.button("Next", key=f"{form.page}.another", icon=":material/casino:", width="stretch", on_click=another)
    told, split, seed = st.session_state.get(f"{form.page}.from", ("", SPLITS[-1], 0))
    split, seed = (split, seed) if told == population else (SPLITS[-1], 0)
    number, label = int(form.value("number")), form.value("class")
    index = number if label == ANY else images.place_of(population, label, number, seed, split)
    st.query_params["item"] = f"{population}/{split}/{seed}/{index}"
    return partial(images.of_item, population, split, seed, index)


def lens(form: Form, population: str) -> Callable[[Changes], images.Shown]:
    """The lens of the Simulate page."""
    st.caption("The lens that you turn on the Simulate page. Change its dark matter there and come back.")
    return partial(images.of_lens, state.scene(), population)


def of_telescope(form: Form, population: str) -> Callable[[Changes], images.Shown] | None:
    """A real lens; it is the same on every page."""
    return real(population)


def data_set(form: Form, population: str) -> Callable[[Changes], images.Shown] | None:
    """A row of a set on the server's disk."""
    path, row = row_of_set(form)
    return partial(images.of_set, path, row, population) if path else None


def row_of_set(form: Form) -> tuple[str, int]:
    """Path of a set on the server's disk, "" where none is given, and a row of it."""
    st.text_input("Path of the set", key=form.keyed("path", ""), placeholder="set.h5", help="An HDF5 file of python -m "
                  "lenslab dataset on the machine that runs this app.")
    st.number_input("Row", 0, 10**8, step=1, key=form.keyed("row", 0))
    return form.value("path").strip(), int(form.value("row"))
