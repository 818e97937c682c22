"""Below the jets: looks closer, of which only the chosen one is computed."""

from functools import partial

import numpy as np
import streamlit as st

from lenslab.figures.generated import Row
from lenslab.figures.jets import histograms, lego, pictures
from lenslab.jets.observables import OBSERVABLES
from lenslab.ui.escape import plain
from lenslab.ui.forming import EVERY, key_of, watch
from lenslab.ui.generate import judged
from lenslab.ui.generate.show import columns
from lenslab.ui.jets import export, own
from lenslab.ui.jets.form import FORM, Choice, named
from lenslab.ui.jets.forming import Forming, beside, crowd, images_of, observables_of, read_off, start
from lenslab.ui.jets.networks import jet_networks, kind, making, side_of
from lenslab.ui.jets.show import WATCH, layer, layer_of, spread
from lenslab.ui.plot import plot
from lenslab.ui.underway import forget
from lenslab.ui.window import is_dark

LOOK, ASKED = "jets.look", "jets.crowd"
SIZES = (60, 240, 600)
SHOWN = 8                 # of a file's jets
WHAT_FOR = """A diffusion model is shown images with noise on them and learns to take the noise away; given nothing but
noise it takes away what is not there, until an image is left that nobody has made before.

At CERN every collision that is compared with theory has to be simulated, and the slow part is the detector: each
particle is followed through it piece by piece, which takes **minutes for one collision**. A network that draws the
image straight away takes a fraction of a second. Our own simulation is a simple one (the collision is Pythia's, the
detector a few formulas), and takes a hundredth of a second a jet, so that **here the network is the slower one**; it
is shown whether it can be trusted: does it obey what was asked of it, and are its jets spread as real ones are?

These jets are *CMS-like*: they are no data of CMS."""


def why_look(choice: Choice, forming: Forming) -> None:
    st.markdown(WHAT_FOR)
    st.markdown("Another model for jets is made by:")
    st.code(making(), language="sh", wrap_lines=True)


def towers_look(choice: Choice, forming: Forming) -> None:
    """One generated and one simulated jet as towers that can be turned."""
    if not forming.reached:
        st.info("No jet is done yet.")
        return
    k = st.number_input("Jet", 1, forming.reached, key=FORM.keyed("tower", 1, among=range(1, forming.reached + 1)),
                        width=110) - 1
    simulated = beside(forming.order)
    made = layer_of(forming.images[k:k + 1].numpy(), layer())[0]
    twin = layer_of(simulated[k:k + 1], layer())
    top = float(max(made.max(), twin.max(initial=0)))
    for column, name, image in zip(st.columns(2), ("generated", "simulated"), (made, *twin), strict=False):
        with column:
            plot(lego(image, title=name.capitalize(), top=top), key=f"jets.lego.{name}", square=False,
                 alt=f"A {name} jet as towers over eta and phi, as high as the logarithm of their energy")
    st.caption("Each tower is a pixel, as high as the logarithm of its energy. Drag to turn them.")


def crowd_look(choice: Choice, forming: Forming) -> None:
    """Averages and observables of many jets."""
    st.markdown("One jet tells little: jets differ by chance. Here many are made, each asked to be what one of our "
                "simulated jets is, and both crowds are laid over each other.")
    flavours = [*choice.conditions.flavours, "all"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("Jets of", flavours, key=FORM.keyed("crowd.flavour", "all", among=flavours),
                             format_func=lambda name: "All kinds" if name == "all" else named(name), required=True)
        st.segmented_control("How many", SIZES, key=FORM.keyed("crowd.n", SIZES[0], among=SIZES), required=True)
        st.button("Make them", key="jets.crowd.make", icon=":material/play_circle:", on_click=ask_for_crowd)
    if ASKED not in st.session_state:
        return
    flavour, n = st.session_state[ASKED]
    if flavour is not None and flavour not in choice.conditions.flavours:
        return
    order, rows = crowd(choice, flavour, n)
    held = start("crowd", order)
    watch(WATCH, "crowd", held, "Many jets form", lambda: compare(held, tuple(rows.tolist())), 4 * EVERY)


def ask_for_crowd() -> None:
    flavour = FORM.value("crowd.flavour", "all")
    forget(key_of(FORM, "crowd"))
    st.session_state[ASKED] = None if flavour == "all" else flavour, FORM.value("crowd.n", SIZES[0])


def compare(held: Forming, rows: tuple[int, ...]) -> None:
    """Average images and observables of as many as are there, beside simulated ones."""
    if not held.reached:
        return
    side, mine = side_of(held.order.network), own.current()
    made, simulated = held.images[:held.reached].numpy(), images_of(rows, side)
    crowds = {"generated": made, "simulated": simulated} | ({} if mine is None else {"yours": mine.images})
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.markdown("**The average jet**")
        means = [Row(name, layer_of(images, layer()).mean(0, keepdims=True)) for name, images in crowds.items()]
        plot(pictures(means, columns=1, dark=is_dark()), key="jets.means",
             alt="Average images of generated and of simulated jets")
    with right:
        name = st.selectbox("What is read off each image", list(OBSERVABLES), key=FORM.keyed(
            "observable", "mass", among=OBSERVABLES), format_func=lambda name: OBSERVABLES[name].title)
        seen = {"simulated": observables_of(rows, side), "generated": read_off(made)} | (
            {} if mine is None else {"yours": mine.read_off})
        plot(histograms({kind: part[name] for kind, part in seen.items()}, OBSERVABLES[name]), key="jets.histogram",
             square=False, alt="; ".join(f"{kind}: {spread(part[name], 2)}" for kind, part in seen.items()))
        st.caption(f"{OBSERVABLES[name].text} Bars and the grey band are what counting so few leaves open; below, "
                   "the ratio to the simulated jets: 1 is what it should be.")


def judged_look(choice: Choice, forming: Forming) -> None:
    """All models beside each other, and what each figure of the chosen one means."""
    networks, _ = jet_networks()
    tables = {kind(network): judged.table(network.card, "jets") for network in networks}
    if len(networks) > 1:
        figures = {row["figure"]: row for rows in tables.values() for row in rows}
        st.table([{"figure": name, **{model: next((row["generated"] for row in rows if row["figure"] == name), "")
                                      for model, rows in tables.items()},
                   "simulation": row["simulator"]} for name, row in figures.items()], border="horizontal")
    rows = tables[kind(choice.network)]
    if rows:
        st.markdown(f"**{plain(kind(choice.network))}**, and what each figure means")
        st.table(rows, border="horizontal")
        st.caption("Generated: against simulated jets. Simulator: the same figure of another set of simulated jets, "
                   "which no model can be expected to beat.")
    if not any(row["figure"].startswith("Told apart") for row in rows):
        st.info("The jets of this model were not held against simulated ones, so that nobody knows how good they are. "
                "This command does:", icon=":material/info:")
        st.code(f"python benchmarks/jets.py checkpoints/{choice.network.path.name} --data jets-test.h5 --write",
                language="sh", wrap_lines=True)


def own_look(choice: Choice, forming: Forming) -> None:
    """Jets of one's own beside them."""
    found = own.controls(side_of(choice.network))
    if found is None:
        st.caption("No file says what its channels are and in which unit, and repositories disagree: say it here. The "
                   f"first {own.MOST} jets are read; they then also stand in **Many jets**.")
        return
    images = layer_of(found.images[:SHOWN], layer())
    plot(pictures([Row("yours", images)], columns=columns(len(images)), dark=is_dark()), key="jets.own.images",
         alt=f"The first {len(images)} jets of your file")
    st.table([{"": plain(found.name), "jets": str(len(found.images)),
               "transverse momentum (GeV)": f"{spread(found.read_off['pt'])} (file: {spread(found.pt)})",
               "mass (GeV)": f"{spread(found.read_off['mass'])} (file: {spread(found.mass)})",
               "tracks": spread(found.read_off["tracks"])}], border="horizontal")
    ratio = float(np.median(found.read_off["pt"] / np.maximum(found.pt, 1e-9)))
    if not 0.7 < ratio < 1.4:
        st.warning(f"The images hold {ratio:.2g} times the momentum that the file tells of its jets: the scale or the "
                   "order of the channels is likely another one.", icon=":material/warning:")


def export_look(choice: Choice, forming: Forming) -> None:
    if not forming.reached:
        st.info("No jet is done yet.")
        return
    with st.container(horizontal=True):
        for name, make, file, mime in (
                ("npz", partial(export.to_npz, forming), "jets.npz", "application/octet-stream"),
                ("HDF5", partial(export.as_end_to_end, forming, ".h5"), "jets.h5", "application/x-hdf5"),
                ("parquet", partial(export.as_end_to_end, forming, ".parquet"), "jets.parquet",
                 "application/vnd.apache.parquet")):
            st.download_button(name, make, file, mime, key=f"jets.{name}", on_click="ignore",
                               icon=":material/download:")
    st.caption(f"{forming.reached} jets in GeV with what was asked of them: NaN where it was left open. HDF5 and "
               "parquet have the layout of the end-to-end papers (X_jets, pt, m0, y), of which y counts "
               f"{', '.join(choice.conditions.flavours)}.")


LOOKS = {"What is it for?": why_look, "In 3-D": towers_look, "Many jets": crowd_look, "How good is it?": judged_look,
         "A file of yours": own_look, "Export": export_look}


def looks(choice: Choice, forming: Forming) -> None:
    """Draw the look that is open."""
    if st.session_state.get(LOOK) not in LOOKS:
        st.session_state[LOOK] = next(iter(LOOKS))
    chosen = st.segmented_control("Look closer", list(LOOKS), key=LOOK, required=True)
    if forming.over and forming.refusal is None:
        LOOKS[chosen or next(iter(LOOKS))](choice, forming)
