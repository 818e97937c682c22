"""Where of an image a network reads each number of a lens."""

from dataclasses import dataclass

import streamlit as st
import torch

from lenslab.figures.evidence import evidence
from lenslab.fit import observed
from lenslab.images.observation import Observation
from lenslab.insight.explain import METHODS, Explanation, explain
from lenslab.nets.lens_regressor import LensRegressor, Reading
from lenslab.tasks.reconstruct import amortised
from lenslab.tasks.reconstruct.refined import starting_network
from lenslab.ui.escape import plain
from lenslab.ui.gate import through_the_gate
from lenslab.ui.plot import plot
from lenslab.ui.reconstruct.form import FORM
from lenslab.ui.reconstruct.work import Order, Working

TITLES = {"theta_E": "Einstein radius", "e1": "Lens, stretched along x", "e2": "Lens, stretched along the diagonal",
          "center_x": "Lens x", "center_y": "Lens y", "gamma1": "Shear along x", "gamma2": "Shear along the diagonal",
          "gamma": "Density slope", "source_x": "Source x", "source_y": "Source y", "log_R": "Size of the source",
          "log_n": "How peaked the source is", "source_e1": "Source, stretched along x",
          "source_e2": "Source, stretched along the diagonal"}
NOBODY = ("Here no network reads the image: both networks learn it while you look on. Choose another way under **How** "
          "to see where a network looks.")


@dataclass(frozen=True)
class Read:
    """What a network is given of an image, and the pixels that raise and lower a number that it says."""

    given: Observation
    higher: Explanation
    lower: Explanation


@st.cache_resource(show_spinner=False)
def readers() -> dict[str, tuple[LensRegressor, object]]:
    """Network and smooth lenses of each way that has one."""
    model = amortised.reader().model
    return dict(refined=starting_network(), amortised=(model.regressor, amortised.smooth(model.lens)))


def read(order: Order, name: str, method: str) -> Read:
    """One number of the lens, as the network of an order reads it."""
    regressor, lens = readers()[order.network]
    made = observed.target(order.image.observation, lens, order.masks, order.settings.components)
    sigmas = observed.as_seen_by(made, lens.camera, 1.0)
    given = Observation(sigmas, torch.ones_like(sigmas), lens.camera.pixel_scale, unit="sigmas")
    return Read(given, *(explain(Reading(regressor, sign), sigmas, lens.names.index(name), method) for sign in (1, -1)))


def where_look(order: Order, working: Working) -> None:
    """Pixels that raise one number, and pixels that lower it."""
    if order.network not in readers():
        st.info(NOBODY, icon=":material/info:")
        return
    names = [name for name in readers()[order.network][1].names if name in TITLES]
    left, right = st.columns(2)
    name = left.selectbox("Number", names, key=FORM.keyed("where.number", names[0], among=names),
                          format_func=TITLES.get)
    method = right.selectbox("Method", list(METHODS), key=FORM.keyed("where.method", "integrated_gradients"),
                             format_func=lambda word: METHODS[word].partition(":")[0])
    try:
        found = through_the_gate(lambda turn: read(order, name, method), METHODS[method].partition(":")[0],
                                 key="reconstruct.where.stop", on_stop=away)
    except ValueError as error:
        st.warning(plain(str(error)), icon=":material/info:")
        return
    for column, made, word in zip(st.columns(2), (found.higher, found.lower), ("higher", "lower"), strict=True):
        with column:
            plot(evidence(found.given, made.map[0].numpy(), title=f"What makes it {word}", height=400),
                 key=f"reconstruct.where.{word}", later=True,
                 alt=f"Pixels that make the network's {TITLES[name]} {word}")
    begins = " The fit begins there and moves on by itself." if order.network == "refined" else ""
    st.caption(f"Orange: where the network sees what moves its **{TITLES[name]}** up, and down. The image is as the "
               f"network is given it: without the light of the lens, in its own pixels.{begins}")


def away() -> None:
    st.session_state["reconstruct.look"] = "Numbers"
