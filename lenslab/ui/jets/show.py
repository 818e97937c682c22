"""What the Jets page shows first: what a jet is, and jets that form beside simulated ones."""

from base64 import b64encode

import numpy as np
import streamlit as st

from lenslab.figures.generated import Row
from lenslab.figures.jets import pictures
from lenslab.jets import CHANNELS
from lenslab.ui.escape import plain
from lenslab.ui.forming import EVERY, Watch, milliseconds, watch
from lenslab.ui.generate.show import columns
from lenslab.ui.jets.form import FORM, Choice
from lenslab.ui.jets.forming import Forming, beside, order_of, read_off, start
from lenslab.ui.jets.networks import making
from lenslab.ui.jets.sketch import sketch
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark

MORE = 0.03                # s between two looks for each jet: they must be drawn, too
WHAT = """Two protons collide, and a quark or a gluon flies out. It cannot stay alone: on its way it bursts into a
spray of some tens of particles, a **jet**. A detector like CMS at CERN stands around and sees where each of them goes
and how much energy it has; rolled out flat, that is an image."""
WORDS = dict(charged="tracker: charged ones", light="ECAL: light, electrons", neutral="HCAL: all the rest",
             image="the image")
ALT = ("A collision on the left; a spray of particles flies to the right through a tracker and two calorimeters, whose "
       "lit cells make an image")
EMPTY = """Here a network that has learnt what jets look like draws new ones, of the kind, speed and mass that you ask
for. No such network is at hand yet. These commands make a small one:"""
LAYERS = {"energy": "Energy", "tracks": "Tracks", "ecal": "ECAL", "hcal": "HCAL"}
ABOUT = {"energy": "energy in both calorimeters", "tracks": "momentum of charged particles",
         "ecal": "energy in the electromagnetic calorimeter, which stops light and electrons",
         "hcal": "energy in the hadronic calorimeter, which stops protons, neutrons and pions"}


def what() -> None:
    """What a jet is."""
    st.markdown(WHAT)
    drawing = b64encode(sketch(WORDS, "#c9cedb" if is_dark() else "#3a4256").encode()).decode()
    st.html(f'<img alt="{ALT}" style="width: 100%; max-width: 760px" src="data:image/svg+xml;base64,{drawing}">')


def empty(problems: list[str]) -> None:
    """Before the first checkpoint."""
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(making(), language="sh", wrap_lines=True)
    for problem in problems:
        st.caption(plain(problem))


def layer_of(images: np.ndarray, name: str) -> np.ndarray:
    """(n, H, W) GeV of images (n, 3, H, W): one channel, or both calorimeters."""
    return images[:, 1:].sum(1) if name == "energy" else images[:, CHANNELS.index(name)]


def layer() -> str:
    return FORM.value("layer", "energy") or "energy"


def jets(choice: Choice) -> Forming:
    """The jets, as far as they are."""
    st.segmented_control("What the detector saw", list(LAYERS), key=FORM.keyed("layer", "energy", among=LAYERS),
                         format_func=LAYERS.get, required=True)
    forming = start("samples", order_of(choice))

    def draw() -> None:
        if shown := forming.visible:
            side_by_side(shown)
            st.caption(f"Above: {choice.words}, drawn by the network; the seed of the noise alone makes them "
                       "differ. Below: those of our 2,000 simulated jets that are most like what is asked for. Shown: "
                       f"{ABOUT[layer()]}, on a logarithmic scale; φ runs round the beams and η along them.")
            if forming.over and forming.reached:
                st.table(read(choice, forming), border="horizontal")

    watch(WATCH, "samples", forming, "The jets form", draw, EVERY + MORE * forming.n)
    return forming


def cost(forming: Forming) -> str:
    """Device and time for each jet."""
    return f"{milliseconds(1e3 * forming.seconds / forming.n)} a jet on {plain(forming.device)}."


WATCH = Watch(FORM, "jets", cost)


def side_by_side(forming: Forming) -> None:
    """Generated above simulated."""
    simulated = beside(forming.order)
    made = layer_of(forming.images.numpy(), layer())
    twins = np.full_like(made, np.nan)
    twins[:len(simulated)] = layer_of(simulated, layer())
    plot(pictures([Row("generated", made), Row("simulated", twins)], columns=columns(forming.n), dark=is_dark()),
         key="jets.images", alt=f"{forming.n} generated jets, {forming.reached} of them done, above {len(simulated)} "
                                "simulated ones that were asked to be alike")


def read(choice: Choice, forming: Forming) -> list[dict[str, str]]:
    """What a physicist reads off the images: a row each for generated and simulated."""
    simulated = beside(forming.order)
    asked = dict(choice.asked)
    rows = []
    for name, images in (("generated", forming.images[:forming.reached].numpy()), ("simulated", simulated)):
        seen = read_off(images)
        rows.append({"": name, "transverse momentum (GeV)": spread(seen["pt"]), "mass (GeV)": spread(seen["mass"]),
                     "tracks": spread(seen["tracks"]), "girth": spread(seen["girth"], 2)})
    told = {"": "asked for", "transverse momentum (GeV)": f"{asked['pt']:.0f}" if "pt" in asked else "any",
            "mass (GeV)": f"{asked['mass']:.0f}" if "mass" in asked else "any", "tracks": "", "girth": ""}
    return [told, *rows]


def spread(values: np.ndarray, digits: int = 0) -> str:
    """Mean and standard deviation."""
    return f"{values.mean():.{digits}f} ± {values.std():.{digits}f}" if len(values) > 1 else f"{values[0]:.{digits}f}"
