"""The controls of the Jets page: what a jet is asked to be, by which network, and how it is drawn."""

import json
from dataclasses import dataclass
from math import ceil, floor

import streamlit as st

from lenslab.tasks.generate.sampling import Way
from lenslab.tasks.jets.conditions import NAMES, JetConditions
from lenslab.ui import drawing
from lenslab.ui.drawing import ABOUT
from lenslab.ui.jets.networks import conditions_of, kind
from lenslab.ui.kept import Form
from lenslab.ui.pick.networks import Network

FORM = Form("jets")
ANY = "any"
FLAVOURS = {"quark": "Quark", "gluon": "Gluon", "top": "Top", ANY: "Any"}
FIRST = dict(flavour="top", pt=500.0, mass=173.0)      # what a new page asks for
READ = "jets.read"
NUMBERS = ("pt", "mass")


@dataclass(frozen=True)
class Choice:
    """All that the form says; `asked` by the names of a jet's conditions, what is open left out."""

    network: Network
    conditions: JetConditions
    asked: tuple[tuple[str, object], ...]
    way: Way
    n: int

    @property
    def words(self) -> str:
        """What is asked for, as it stands in a sentence."""
        asked = dict(self.asked)
        words = f"{named(asked['flavour']).lower()} jets" if "flavour" in asked else "jets of any kind"
        words += f" with {asked['pt']:.0f} GeV" if "pt" in asked else " with any transverse momentum"
        return words + (f" and a mass of {asked['mass']:.0f} GeV" if "mass" in asked else " and any mass")


def named(flavour: str) -> str:
    return FLAVOURS.get(flavour, flavour)


def arrive(networks: list[Network]) -> str | None:
    """Take what the address asks for when the page is opened; a sentence where that cannot be had."""
    if READ in st.session_state:
        return None
    st.session_state[READ] = True
    query = {name: text[:100] for name, text in st.query_params.to_dict().items()}
    if not query:
        return None
    by_name = {network.name: network for network in networks}
    network = by_name.get(query.get("model", ""), networks[0])
    try:
        foreign = sorted(query.keys() - {"model", *NAMES, *drawing.ADDRESS})
        if foreign:
            raise ValueError(f"It sets {foreign[0][:40]!r}; a link to this page sets "
                             f"{', '.join((*NAMES, *drawing.ADDRESS))}.")
        values = {name: text if name in ("flavour", "sampler") else number(name, text)
                  for name, text in query.items() if name != "model"}
        asked = {name: values.pop(name) for name in NAMES if name in values}
        conditions_of(network).row(asked)
        drawing.take(FORM, network.name, {name: value if isinstance(value, str) else drawing.whole(name, value)
                                          for name, value in values.items()})
    except ValueError as error:
        return f"This link could not be read. {error} Other jets are shown."
    if not asked and set(query) <= set(drawing.ADDRESS):
        return None            # nothing is said of the jets
    FORM.put(model=network.name, flavour=asked.get("flavour", ANY),
             **{f"{name}.on": name in asked for name in NUMBERS},
             **{name: asked[name] for name in NUMBERS if name in asked})
    return None


def number(name: str, text: str) -> float:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if type(value) not in (int, float) or not abs(value) < 1e12:
        raise ValueError(f"It says {name}={text[:40]}, which is no number; write it as in pt=500.")
    return float(value)


def address(choice: Choice) -> None:
    """Bring the address up to date."""
    asked = dict(choice.asked)
    query = dict(model=choice.network.name) | {name: str(asked[name]) if name == "flavour" else f"{asked[name]:g}"
                                               for name in NAMES if name in asked}
    query |= drawing.to_query(choice.way, choice.n, Way())
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def form(networks: list[Network]) -> Choice:
    """All controls."""
    FORM.tell_again()
    by_name = {network.name: network for network in networks}
    st.selectbox("Kind of model", list(by_name), key=FORM.keyed("model", networks[0].name, among=by_name),
                 format_func=lambda name: kind(by_name[name]))
    network = by_name[FORM.value("model")]
    config = network.card.get("config")
    if about := ABOUT.get(str(config.get("process")) if isinstance(config, dict) else ""):
        st.caption(about)
    conditions = conditions_of(network)
    asked = requested(conditions)
    st.caption("A switch that is off leaves its number open: let it be anything.")
    st.markdown("**How it is drawn**")
    way, n = drawing.drawing(FORM, network.name, Way(), "Jets")
    return Choice(network, conditions, tuple(asked.items()), way, n)


def requested(conditions: JetConditions) -> dict[str, object]:
    """Flavour, transverse momentum and mass, each within what the network learnt from."""
    options = [*conditions.flavours, ANY]
    first = FIRST["flavour"] if FIRST["flavour"] in options else options[0]
    flavour = st.segmented_control("What made the jet", options, key=FORM.keyed("flavour", first, among=options),
                                   format_func=named, required=True, width="stretch")
    asked: dict[str, object] = {} if flavour == ANY else dict(flavour=flavour)
    pt = slider("pt", "Transverse momentum (GeV)", *conditions.pt, "How hard it flies away from the beams.")
    if pt is None:
        return asked
    low, high = (pt * share for share in conditions.share_limits(asked.get("flavour")))
    mass = slider("mass", "Mass (GeV)", low, high, "Of all its particles together. A top quark weighs 173 GeV, and a "
                  "jet that holds all of its pieces weighs as much.")
    return asked | dict(pt=pt) | ({} if mass is None else dict(mass=mass))


def slider(name: str, label: str, low: float, high: float, text: str) -> float | None:
    """One number and the switch that leaves it open; limits may have moved since it was chosen."""
    low, high = float(ceil(low)), float(floor(high))
    key, on = FORM.keyed(name, FIRST[name]), FORM.keyed(f"{name}.on", True)
    st.session_state[key] = min(max(float(st.session_state[key]), low), high)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container():
            st.slider(label, low, high, step=1.0, format="%.0f", key=key, help=text,
                      disabled=not st.session_state[on])
        with st.container(width=44):
            st.toggle(f"Ask for: {label}", key=on, label_visibility="collapsed")
    return float(st.session_state[key]) if st.session_state[on] else None
