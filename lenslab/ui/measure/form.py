"""The controls of the Measure page: which network, which image, and what its dark matter is taken to be."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from lenslab.figures.classification import named
from lenslab.tasks.measure.quantities import SMOOTH, Quantities
from lenslab.ui.kept import Form
from lenslab.ui.pick.form import Known, Picked, choose

FORM = Form("measure")
FIRST = 3                     # of the examples: one whose dark matter has numbers
LIKELIEST, AVERAGE = "likeliest", "average"


@dataclass(frozen=True)
class Taken:
    """Whose numbers are shown.

    block   of the network's quantities: SMOOTH where the image is taken for one that has no other
    mixed   over the classes, each as likely as the network says
    """

    block: str
    mixed: bool = False


def form(known: Known) -> Picked:
    FORM.keyed("number", FIRST)
    return choose(FORM, known, most=1)


def taken(quantities: Quantities, probabilities: np.ndarray) -> Taken:
    """What the dark matter of the image is taken to be; the network's likeliest unless something else is chosen."""
    own = [name for name in quantities.classes if name in quantities.blocks]
    choices = [LIKELIEST, *own, *([AVERAGE] if shared(quantities) else []), *([SMOOTH] if SMOOTH in quantities.blocks
                                                                              else [])]
    likeliest = quantities.classes[int(probabilities.argmax())]
    words = {LIKELIEST: f"What the network takes it for ({named(likeliest)})", SMOOTH: "The smooth lens",
             AVERAGE: "Any kind, each as likely as it says"} | {name: named(name) for name in own}
    st.selectbox("Numbers of", choices, key=FORM.keyed("taken", LIKELIEST, among=choices), format_func=words.get,
                 help="Each kind of dark matter has numbers of its own: they are what they are if the image shows that "
                      "kind.")
    chosen = FORM.value("taken") or LIKELIEST
    if chosen == AVERAGE:
        return Taken("", mixed=True)
    if chosen == LIKELIEST:
        return Taken(likeliest if likeliest in quantities.blocks else SMOOTH)
    return Taken(chosen)


def shared(quantities: Quantities) -> bool:
    """Whether several classes have a number in common."""
    return any(len(quantities.places(key)) > 1 for key in quantities.keys)
