"""What the Generate page shows: images that form, beside what the simulator makes of the same lens."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lenslab.figures.canvas import Frame
from lenslab.figures.classification import named
from lenslab.figures.generated import Row, tiles
from lenslab.figures.stretch import Stretch
from lenslab.tasks.generate.asked import rms_of
from lenslab.tasks.noise_free.conditions import CLASS
from lenslab.ui.escape import plain
from lenslab.ui.forming import EVERY, Watch, milliseconds, watch
from lenslab.ui.generate.form import FORM, Choice
from lenslab.ui.generate.samples import Forming, Order, Pictures, pictures, start
from lenslab.ui.pick.networks import making
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark, narrow

MORE = 0.05                # s between two looks for each image: they must be drawn, too
CLUMPS = 7919              # seeds of clumps: those of image k are this times k further
EMPTY = """Here a network that has learnt what lenses look like draws new ones, of the mass, shape, distance and dark
matter that you ask for.

No such network is at hand yet. These commands make a small one (minutes on two cores; more `--steps` make it better):
"""
WHAT_FOR = """A diffusion model is shown images with noise on them and learns to take the noise away. Given nothing but
noise it then takes away what is not there, step by step, until an image is left that nobody has made before.

**Our simulator is faster and exact**, so nobody needs this for lenses that can be computed. It is of use where nobody
can write a simulator: a diffusion model learns from pictures alone, say those of real galaxies. Here, where the truth
can be computed, it can be seen how far such a model may be trusted: whether its images obey what was asked of them,
and whether what it makes up could be mistaken for dark matter."""


def empty(problems: list[str]) -> None:
    """Before the first checkpoint."""
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(making("generate"), language="sh", wrap_lines=True)
        st.markdown("Or begin it on the **Train** page and press *Keep checkpoint* when it has learnt enough.")
    for problem in problems:
        st.caption(plain(problem))


def order_of(choice: Choice) -> Order:
    """The same lens as often as asked, each with clumps and camera noise of its own."""
    asked = choice.wanted.asked
    lenses = tuple(replace(asked, scene=replace(
        asked.scene, seed_substructure=(asked.scene.seed_substructure + CLUMPS * k) % 2**53,
        seed_noise=(asked.scene.seed_noise + k) % 2**53)) for k in range(choice.n))
    return Order(choice.network, lenses, choice.wanted.left_open, choice.way)


def samples(choice: Choice) -> Forming:
    """The images, as far as they are."""
    st.toggle("As the camera sees it, with its noise", key=FORM.keyed("noise", False))
    forming = start("samples", order_of(choice))
    show("samples", forming, "The images form", caption(choice))
    return forming


def noisy() -> bool:
    """Whether images are shown and kept with the camera's noise."""
    return bool(FORM.value("noise", False))


def show(slot: str, forming: Forming, doing: str, words: str, heads: Sequence[str] = ()) -> None:
    """Images in place while they form."""
    def draw() -> None:
        if there := forming.seen:
            picture(slot, pictures(there, noisy()), there, heads if there is forming else ())
            st.caption(words)

    watch(WATCH, slot, forming, doing, draw, EVERY + MORE * forming.n)


def cost(forming: Forming) -> str:
    """Device and time for each image, and what the simulator took for the same."""
    each, simulated = (1e3 * forming.seconds[name] / forming.n for name in ("generator", "simulator"))
    times = each / max(simulated, 1e-3)
    ratio = f"{times:.0f} times as fast" if times >= 1.5 else (
        "about as fast" if times > 0.67 else f"{1 / times:.0f} times as slow")
    return (f"{milliseconds(each)} an image on {plain(forming.device)}; our simulator took {milliseconds(simulated)}: "
            f"it is **{ratio}**.")


WATCH = Watch(FORM, "images", cost)


def picture(slot: str, made: Pictures, forming: Forming, heads: Sequence[str]) -> None:
    """Generated, simulated, and what is between them."""
    rows = [Row("generated", made.generated), Row("simulated", made.simulated),
            Row("difference", made.difference, sigmas=True)]
    n, scale = forming.n, forming.order.network.card["pixel_scale"]
    plot(tiles(rows, Frame(*made.simulated.shape[1:], scale), stretch_of(made, forming), columns=columns(n),
               dark=is_dark(), heads=heads), key=f"generate.{slot}.images",
         alt=f"{n} generated images, {forming.reached} of them done, with simulated ones of the same lenses and the "
             "differences between them")


def stretch_of(made: Pictures, forming: Forming) -> Stretch:
    """One scale of brightness for all: that of the simulated images, so that nothing flickers as others form."""
    return Stretch.of("asinh", made.simulated, noise=float(rms_of(forming.lit[:1])[0]))


def columns(n: int) -> int:
    """Tiles side by side."""
    most = (2 if n <= 4 else 4) if narrow() else (4 if n <= 4 else 8)
    return min(n, most)


def caption(choice: Choice) -> str:
    """What to look for."""
    asked, left_open = choice.wanted.asked, choice.wanted.left_open
    label = choice.conditions.classes[asked.label]
    titles = {one.kind.path: one.kind.title for one in choice.conditions.conditions} | {CLASS: "Dark matter"}
    words = (f"Lens {choice.wanted.lens} of {choice.network.population} ({plain(named(label))}). All images were asked "
             "for the same lens; the seed of the noise alone makes them differ. Below each, what our simulator makes "
             "of it")
    words += ", its clumps drawn anew each time" if asked.scene.substructure.kind in ("cdm", "wdm", "fdm") else ""
    words += ". Difference: generated less simulated before the camera's noise, in sigmas of it."
    if left_open:
        names = ", ".join(titles[path].lower() for path in left_open)
        words += (f" Left open: {names}. There the network was free, and the simulator shows this lens's own: they "
                  "need not agree.")
    return words
