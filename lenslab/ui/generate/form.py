"""The controls of the Generate page: what is asked for, by which network, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from lenslab.figures.classification import named
from lenslab.population import find
from lenslab.tasks.generate.sampling import Way, usual_way
from lenslab.tasks.noise_free.conditions import CLASS, Condition, Conditions
from lenslab.ui import cached, drawing
from lenslab.ui.controls import folded, free_slider
from lenslab.ui.drawing import ABOUT, PROCESSES
from lenslab.ui.generate import wanted
from lenslab.ui.generate.handles import Handle, belongs, handles, velocity
from lenslab.ui.generate.wanted import Wanted
from lenslab.ui.kept import Form
from lenslab.ui.pick.networks import Network, trained_of

FORM = Form("generate")
MEASURES = {"radius": "Einstein radius", "sigma_v": "Speed of its stars"}
FOLDS = {"Shape of the lens": ("lens.shear", "lens.gamma", "lens.center"),
         "The source": ("source.center", "source.R_sersic", "source.n_sersic", "source.ellipticity",
                        "source.clumps.light"),
         "Brightness": ("signal_to_noise",)}
ADDRESS = ("model", *drawing.ADDRESS)     # in a link, beside what is asked for
Known = dict[str, list[Network]]


@dataclass(frozen=True)
class Choice:
    """All that the form says."""

    network: Network
    conditions: Conditions
    wanted: Wanted
    way: Way
    n: int


def kind(network: Network) -> str:
    """What sort of model it is, as it stands beside its neighbours."""
    process = PROCESSES.get(setting(network, "process"), "A model")
    size = ", large" if setting(network, "size") == "base" else ""
    return f"{process}{size}" + ("" if network.best else f" · {network.name[:40]}")


def setting(network: Network, name: str) -> str:
    """A word of its training's settings, which may come from anywhere."""
    config = network.card.get("config")
    return str(config.get(name))[:40] if isinstance(config, dict) else ""


def usual(networks: list[Network]) -> Network:
    """The large network where a GPU computes, else the best small one."""
    fast = cached.device()[0].type != "cpu"
    return next((network for network in networks if fast and network.name.endswith("-base")), networks[0])


def arrive(known: Known) -> str | None:
    """Take what the address asks for when the page is opened; a sentence where that cannot be had."""
    if wanted.READ in st.session_state:
        return None
    st.session_state[wanted.READ] = True
    query = {name: text[:400] for name, text in st.query_params.to_dict().items()}
    if not query:
        return None
    by_name = {network.name: network for networks in known.values() for network in networks}
    told = {name: query.pop(name) for name in ADDRESS if name in query}
    network = by_name.get(told.pop("model", ""), usual(next(iter(known.values()))))
    try:
        numbers = {name: drawing.whole(name, wanted.number(name, text)) for name, text in told.items()
                   if name != "sampler"}
        asked = wanted.from_query(query, network.population, Conditions.of_card(network.card["conditions"]))
        drawing.take(FORM, network.name, told | numbers)
    except ValueError as error:
        return f"This link could not be read. {error} Another lens is shown."
    FORM.put(population=network.population, **{f"model.{network.population}": network.name})
    st.session_state[wanted.WANTED] = asked
    return None


def address(choice: Choice) -> None:
    """Bring the address up to date."""
    query = dict(model=choice.network.name) | wanted.to_query(choice.wanted) | drawing.to_query(
        choice.way, choice.n, usual_way(trained_of(choice.network)))
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def form(known: Known) -> Choice:
    """All controls; ValueError where the chosen network cannot be asked."""
    FORM.tell_again("generate.w.", "generate.on.")
    network = model(known)
    conditions = Conditions.of_card(network.card.get("conditions"))
    if conditions.classes != find(network.population).classes:
        raise ValueError(f"{network.path.name} knows other classes than {network.population} has; train it anew.")
    trained = trained_of(network)
    asked = wanted.current(network.population, conditions)
    with st.container(horizontal=True):
        st.button("Another lens", key="generate.another", icon=":material/casino:", width="stretch",
                  on_click=another, args=(asked, conditions), help="The next lens of the population: its numbers are "
                  "where the controls begin.")
        st.button("As it was", key="generate.back", icon=":material/undo:", width="stretch",
                  disabled=not (asked.changes or asked.label or asked.left_open), on_click=back,
                  args=(asked, conditions), help="The numbers that this lens had before you changed them.")
    st.caption("A switch that is off leaves its number open: let it be anything.")
    turns = Turns(conditions, asked)
    turns.first()
    for title, paths in FOLDS.items():
        folded(title, partial(turns.several, paths), key=f"generate.fold.{title}")
    st.markdown("**How it is drawn**")
    way, n = drawing.drawing(FORM, network.name, usual_way(trained))
    return Choice(network, conditions, asked, way, n)


def model(known: Known) -> Network:
    """Population, and the network among those that learnt it."""
    if len(known) > 1:
        st.selectbox("Lenses of", list(known), key=FORM.keyed("population", next(iter(known)), among=known))
    population = FORM.value("population", next(iter(known))) if len(known) > 1 else next(iter(known))
    by_name = {network.name: network for network in known[population]}
    key = FORM.keyed(f"model.{population}", usual(known[population]).name, among=by_name)
    st.selectbox("Kind of model", list(by_name), key=key, format_func=lambda name: kind(by_name[name]))
    network = by_name[FORM.value(f"model.{population}")]
    about = ABOUT.get(setting(network, "process"))
    if about:
        st.caption(about)
    return network


def another(asked: Wanted, conditions: Conditions) -> None:
    wanted.attempt(lambda: wanted.first(asked.population, conditions, asked.lens + 1, asked.label, asked.left_open))


def back(asked: Wanted, conditions: Conditions) -> None:
    wanted.attempt(lambda: Wanted(asked.population, asked.lens).check(conditions))


class Turns:
    """The sliders and switches of all conditions."""

    def __init__(self, conditions: Conditions, asked: Wanted):
        self.conditions, self.wanted, self.asked = conditions, asked, asked.asked
        self.by_path = {one.kind.path: one for one in conditions.conditions}

    def first(self) -> None:
        """Mass, orientation, redshifts and dark matter: what a visitor comes for."""
        if wanted.MASS in self.by_path:
            self.mass(self.by_path[wanted.MASS])
        self.several(("lens.ellipticity", "z_lens", "z_source"))
        self.dark_matter()

    def mass(self, condition: Condition) -> None:
        measure = st.segmented_control("The lens by its", list(MEASURES), key=FORM.keyed("measure", "radius"),
                                       format_func=MEASURES.get, required=True, width="stretch")
        by_speed = measure == "sigma_v" and {"z_lens", "z_source"} <= self.by_path.keys()
        self.row(condition, (velocity(condition, self.asked),) if by_speed else handles(condition))

    def several(self, paths) -> None:
        for path in paths:
            if path in self.by_path:
                self.row(self.by_path[path], handles(self.by_path[path]))

    def dark_matter(self) -> None:
        """The class, and the numbers that it alone has."""
        label = self.conditions.classes[self.asked.label]
        if len(self.conditions.classes) > 1:
            def choose():
                kept = {path: value for path, value in self.wanted.changes if not path.startswith("substructure.")}
                wanted.attempt(lambda: wanted.first(
                    self.wanted.population, self.conditions, self.wanted.lens, st.session_state["generate.w.class"],
                    self.wanted.left_open, kept))

            def draw():
                st.session_state["generate.w.class"] = label
                st.selectbox("Dark matter", list(self.conditions.classes), key="generate.w.class", format_func=named,
                             on_change=choose, disabled=CLASS in self.wanted.left_open)

            self.beside(CLASS, "Dark matter", draw)
        for condition in self.conditions.conditions:
            if condition.classes and belongs(condition, label):
                self.row(condition, handles(condition))

    def row(self, condition: Condition, sliders: tuple[Handle, ...]) -> None:
        """A condition's sliders, and the switch that leaves it open."""
        path, title = condition.kind.path, condition.kind.title
        if len(sliders) > 1:
            self.switch(path, title, "visible")
            for handle in sliders:
                self.slider(handle, path)
        else:
            self.beside(path, title, partial(self.slider, sliders[0], path))

    def beside(self, path: str, title: str, draw: Callable[[], None]) -> None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container():
                draw()
            with st.container(width=44):
                self.switch(path, f"Ask for: {title}", "collapsed")

    def switch(self, path: str, label: str, visible: str) -> None:
        key = f"generate.on.{path}"
        st.session_state[key] = path not in self.wanted.left_open

        def turned():
            others = tuple(name for name in self.wanted.left_open if name != path)
            left_open = others if st.session_state[key] else (*others, path)
            wanted.attempt(lambda: replace(self.wanted, left_open=left_open).check(self.conditions))

        st.toggle(label, key=key, label_visibility=visible, on_change=turned)

    def slider(self, handle: Handle, path: str) -> None:
        key = f"generate.w.{handle.name}"
        bare = path == "source.clumps.light" and not self.asked.scene.source.clumps

        def turned():
            value = handle.at.meant(float(st.session_state[key]))
            wanted.attempt(lambda: self.wanted.but(handle.write(self.asked, value)).check(self.conditions))

        free_slider(handle.label, handle.at, handle.read(self.asked), key=key, on_change=turned,
                    disabled=bare or path in self.wanted.left_open,
                    help="The source of this lens has no clumps; take another lens." if bare else None)
