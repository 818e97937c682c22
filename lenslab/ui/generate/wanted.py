"""What a visitor asks for: a lens of the population, with some of its numbers replaced and some left open.

As everywhere, controls never hold the truth: a changed one asks for another lens, and where that is refused the old one
stays and the reason is shown. The address carries it, as `lens=3&lens.theta_E=1.2&open=z_source`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import streamlit as st

from lenslab.population import Population, find
from lenslab.sets.item import MOST
from lenslab.tasks.generate.asked import SIGMA_V, Asked, changed, label_of, lenses_of, table_of
from lenslab.tasks.noise_free.conditions import CLASS, Conditions
from lenslab.ui.generate.handles import Changes, settings
from lenslab.ui.links import MAX_LINK, MAX_SETTINGS

WANTED, NOTICE, READ = "generate.wanted", "generate.notice", "generate.read"
TRIED = 50       # lenses of a population, until one lies within what the network has seen
LENS, OPEN = "lens", "open"
MASS = "lens.theta_E"


@dataclass(frozen=True)
class Wanted:
    """Lens number `lens` of a population, of its own class or another, and what is set in the place of its values."""

    population: str
    lens: int = 0
    label: str | None = None
    changes: tuple[tuple[str, float], ...] = ()
    left_open: tuple[str, ...] = ()

    def but(self, changes: Changes) -> "Wanted":
        """With more changes; Einstein radius and velocity dispersion are one number."""
        kept = dict(self.changes)
        for name, twin in ((MASS, SIGMA_V), (SIGMA_V, MASS)):
            if name in changes:
                kept.pop(twin, None)
        return replace(self, changes=tuple((kept | changes).items()))

    @property
    def asked(self) -> Asked:
        """The lens, its class's own numbers included; ValueError where there is none such."""
        return asked_of(replace(self, left_open=()))

    def check(self, conditions: Conditions) -> "Wanted":
        """Itself, where a network of these conditions can be asked for it."""
        table_of(conditions, [self.asked], self.left_open)
        return self


@lru_cache(maxsize=64)
def asked_of(wanted: Wanted) -> Asked:
    population = find(wanted.population)
    own = population_lens(wanted.population, wanted.lens)
    if wanted.label is not None:
        own = of_class(own, population, wanted.label, wanted.lens)
    return changed(population, own, dict(wanted.changes))


@lru_cache(maxsize=64)
def population_lens(population: str, lens: int) -> Asked:
    if not 0 <= lens < MOST:
        raise ValueError(f"Lens {str(lens)[:40]} was asked for; give a whole number from 0 to {MOST - 1}.")
    return lenses_of(find(population), 1, lens, {})[0]


def of_class(own: Asked, population: Population, name: str, lens: int) -> Asked:
    """The same lens with the dark matter of a lens of another class."""
    label = label_of(population, name)
    if label == own.label:
        return own
    other = lenses_of(population, 1, lens, {CLASS: name})[0].scene.substructure
    by = own.scene.lens.center_x, own.scene.lens.center_y
    other = replace(other, vortex_x=other.vortex_x + by[0], vortex_y=other.vortex_y + by[1])
    return Asked(replace(own.scene, substructure=other), label, own.signal_to_noise)


def first(population: str, conditions: Conditions, lens: int = 0, label: str | None = None,
          left_open: tuple[str, ...] = (), changes: Changes | None = None) -> Wanted:
    """The first lens from number `lens` on, so changed, that a network can be asked for: some lie beyond what it has
    seen."""
    for number in range(lens, lens + TRIED):
        wanted = Wanted(population, number % MOST, label, tuple((changes or {}).items()), left_open)
        try:
            return wanted.check(conditions)
        except ValueError as error:
            why = error
    raise why


def current(population: str, conditions: Conditions) -> Wanted:
    """What is asked for; another population, or a network that cannot be asked for it, begins anew."""
    held = st.session_state.get(WANTED)
    if held is not None and held.population == population:
        try:
            return held.check(conditions)
        except ValueError as error:
            st.session_state[NOTICE] = f"{error} Another lens is shown."
    st.session_state[WANTED] = first(population, conditions)
    return st.session_state[WANTED]


def attempt(make: Callable[[], Wanted]) -> None:
    """Ask for what `make` returns, or say why it refused and keep what there is."""
    st.session_state.pop(NOTICE, None)
    try:
        st.session_state[WANTED] = make()
    except ValueError as error:
        st.session_state[NOTICE] = str(error)


def notice() -> str | None:
    return st.session_state.get(NOTICE)


def to_query(wanted: Wanted) -> dict[str, str]:
    """The part of an address that says what is asked for."""
    query = {LENS: str(wanted.lens)}
    if wanted.label is not None:
        query[CLASS] = wanted.label
    if wanted.left_open:
        query[OPEN] = ",".join(wanted.left_open)
    return query | {path: f"{value:.6g}" for path, value in wanted.changes}


def from_query(query: Mapping[str, str], population: str, conditions: Conditions) -> Wanted:
    """What an address asks for; ValueError says in plain words what is wrong with it."""
    if sum(len(path) + len(text) for path, text in query.items()) > MAX_LINK or len(query) > MAX_SETTINGS:
        raise ValueError(f"It has {len(query)} settings; at most {MAX_SETTINGS} in {MAX_LINK} characters are read.")
    left_open = tuple(dict.fromkeys(filter(None, query.get(OPEN, "").split(","))))
    changes = {path: number(path, text) for path, text in query.items() if path not in (LENS, CLASS, OPEN)}
    foreign = [path for path in changes if path not in settings(conditions)]
    if foreign:
        raise ValueError(f"The link sets {foreign[0][:60]!r}, which this network does not know; it knows "
                         f"{', '.join(sorted(settings(conditions)))}.")
    lens = number(LENS, query.get(LENS, "0"))
    if lens != int(lens):
        raise ValueError(f"The link says lens={query[LENS][:40]}; give a whole number.")
    return Wanted(population, int(lens), query.get(CLASS), tuple(changes.items()), left_open).check(conditions)


def number(path: str, text: str) -> float:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if type(value) not in (int, float) or not abs(value) < 1e15:
        raise ValueError(f"The link says {path[:60]}={text[:40]}, which is no number; write it as in lens.q=0.7.")
    return float(value)
