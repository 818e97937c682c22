"""What a training learns from: a population with its switches, real galaxies where there are any, or a data set.

The core is loaded when a control is drawn, not by those who only watch.
"""

import streamlit as st

from lenslab.ui.controls import several
from lenslab.ui.kept import Form

# What a population can have besides: label and sentence of its toggle. Offered where the folder has what it needs.
EXTRA_WORDS = {"galaxies": ("Real galaxies as sources", "Half of the sources are pictures from the folder that "
                            "LENSLAB_DATA names, with structure that no Sersic has. Those that a network learns from "
                            "never judge it."),
               "strings": ("Many vortex lines", "A vortex lens holds a random number of lines at random places, as a "
                           "condensate that turns would, instead of one; how dense they are is measured.")}


FORM = Form("train")


def population_controls() -> None:
    """A population with its switches."""
    from lenslab.population import POPULATIONS

    st.selectbox("Population", list(POPULATIONS), key=FORM.keyed("population", "seed-64", among=POPULATIONS),
                 help="Where lenses, dark matter and camera are drawn from; images of it are simulated while the "
                      "network learns, and others of it judge the network.")
    name = FORM.value("population")
    _, switches, on = POPULATIONS[name]
    if switches:
        several("Leave out" if on else "Put in", switches, key=FORM.keyed("switches", [], among=switches),
                format_func=lambda switch: switch.replace("_", " "),
                help="Parts of this population that can be switched, to see what they are worth.")
    for extra in extras_here(name):
        label, text = EXTRA_WORDS[extra]
        st.toggle(label, key=FORM.keyed(extra, False), help=text)


def population_word() -> str:
    """seed-64, hst:slope=off or hst:galaxies=on."""
    from lenslab.population import POPULATIONS

    name = FORM.value("population")
    _, switches, on = POPULATIONS[name]
    words = [f"{switch}={'off' if on else 'on'}" for switch in switches if switch in FORM.value("switches", [])]
    words += [f"{extra}=on" for extra in extras_here(name) if FORM.value(extra, False)]
    return f"{name}:{','.join(words)}" if words else name


def extras_here(name: str) -> tuple[str, ...]:
    """What this population can have besides, and this machine can give: pictures of galaxies, in LENSLAB_DATA."""
    from lenslab.population import EXTRAS
    from lenslab.sky.catalogue import real_sources

    here = {"galaxies": real_sources, "strings": lambda: True}
    return tuple(extra for extra in EXTRAS.get(name, ()) if here[extra]())


def check_sources(text: str) -> None:
    """See before a process is started that a population finds what it draws from; a ValueError says what is missing."""
    from lenslab.population import SPLITS, find
    from lenslab.sets.galaxies import of_split

    if find(text).switches.get("galaxies"):
        for split in SPLITS:
            of_split(split)
