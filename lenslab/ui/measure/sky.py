"""Many lenses: a sky of simulated ones is measured lens by lens, and what is known of their population narrows."""

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from lenslab.figures import classification, posterior
from lenslab.figures.classification import named
from lenslab.insight import hierarchy
from lenslab.tasks.measure.quantities import SMOOTH, Quantity
from lenslab.tasks.measure.skies import SAMPLES, shared_error_of
from lenslab.ui.measure.answers import answer, quantities_of, truth_of
from lenslab.ui.measure.form import FORM
from lenslab.ui.measure.words import pair
from lenslab.ui.pick import image as images
from lenslab.ui.pick.networks import Network
from lenslab.ui.plot import plot

SKY = "measure.sky"
MOST = 300
EVERY = 0.4            # s between two lenses
STRANGE = 0.01


@dataclass
class Sky:
    """Lenses that were measured so far, in one session.

    ln         of each lens the likelihood of the population's mean
    out        numbers of lenses that look like none of the training: they are left out
    """

    network: str
    block: str
    key: str
    seed: int
    ln: list = field(default_factory=list)
    truths: list = field(default_factory=list)
    probabilities: list = field(default_factory=list)
    out: list = field(default_factory=list)
    going: bool = False

    @property
    def number(self) -> int:
        return len(self.ln) + len(self.out)


def sky_look(network: Network, *_) -> None:
    """Choose what is asked of the population, then add lens after lens."""
    quantities = quantities_of(network)
    dark = {f"{item.block}/{item.key}": item for item in quantities.quantities if item.block != SMOOTH}
    left, right = st.columns(2)
    name = left.selectbox("Mean of", list(dark), key=FORM.keyed("sky.of", next(iter(dark)), among=dark),
                          format_func=lambda name: f"{dark[name].kind.title}, {named(dark[name].block)}")
    number = right.slider("Lenses", 5, MOST, step=5, key=FORM.keyed("sky.number", 30))
    item = dark[name]
    sky = st.session_state.get(SKY)
    if sky is None or (sky.network, sky.block, sky.key) != (network.name, item.block, item.key):
        sky = st.session_state[SKY] = Sky(network.name, item.block, item.key, seed=0)
    go, anew = st.columns(2)
    going = sky.going and sky.number < number
    if go.button("Stop" if going else "Add lenses", key="measure.sky.go", width="stretch",
                 icon=":material/stop:" if going else ":material/add:", disabled=sky.number >= number and not going):
        sky.going = not going
        st.rerun()
    if anew.button("Another sky", key="measure.sky.anew", width="stretch", icon=":material/casino:"):
        st.session_state[SKY] = Sky(network.name, item.block, item.key, seed=sky.seed + 1)
        st.rerun()
    live = sky.going and sky.number < number
    st.fragment(step, run_every=EVERY if live else None)(network, item, sky, number)


def step(network: Network, item: Quantity, sky: Sky, number: int) -> None:
    """One more lens, and what all say together."""
    if sky.going and sky.number < number:
        add(network, item, sky)
        if sky.number >= number:
            sky.going = False
            st.rerun()
    st.progress(min(1.0, sky.number / number), f"{sky.number} of {number} lenses")
    if not sky.ln:
        st.caption("Each lens by itself says little. Press **Add lenses**: they are simulated, measured one by one, "
                   "and what they say together appears here.")
        return
    error = shared_error_of(network.card, item)
    together = hierarchy.with_error(hierarchy.mean_of(np.array(sky.ln), item.limits), error)
    truth = float(np.mean(sky.truths))
    low, high = together.interval(0.68)
    plot(posterior.belief(together.value, together.density, title=f"Mean of {item.kind.title}", unit=item.kind.unit,
                          truth=truth, flat=1 / (item.limits[1] - item.limits[0])), key="measure.sky.belief",
         square=False, alt=f"What {len(sky.ln)} lenses say together of the mean of {item.kind.title}")
    st.markdown(f"**{len(sky.ln)} lenses together**: between {pair(item, low, high)} (68 %)."
                + (f" An error of {error:.2g} is in it that all lenses share, since no network reads them quite "
                   "without bias: more lenses do not lessen it." if error else ""))
    shares = hierarchy.shares_of(np.array(sky.probabilities))
    classes = quantities_of(network).classes
    middle, edges = shares.mean(0), np.quantile(shares, [0.16, 0.84], axis=0)
    plot(classification.bars([classification.Answer("together", middle, edges[0], edges[1])], classes,
                             title="Of which kind are they?", truth=item.block), key="measure.sky.shares",
         square=False, alt="Shares of the kinds of dark matter among these lenses")
    left_out = (f" Left out, since they look like none of the training: {', '.join(map(str, sky.out))}." if sky.out
                else "")
    st.caption(f"All of them are {named(item.block)} lenses of {network.population}, whose test images no network has "
               f"learnt from; red dashes: the mean of their true values.{left_out}")


def add(network: Network, item: Quantity, sky: Sky) -> None:
    """The next lens of the sky."""
    index = images.place_of(network.population, item.block, sky.number, sky.seed, "test")
    shown = images.of_item(network.population, "test", sky.seed, index)
    found = answer(network, shown)
    if found.strange is not None and found.strange < STRANGE:
        sky.out.append(index)
        return
    quantities = quantities_of(network)
    place = next(k for k, one in enumerate(quantities.quantities) if (one.block, one.key) == (item.block, item.key))
    samples = found.estimate.samples[:, :SAMPLES, place].numpy()
    truth = truth_of(item, shown)
    sky.ln.append(hierarchy.ln_likelihoods(samples, item.density, item.limits)[0])
    sky.truths.append(np.nan if truth is None else truth)
    sky.probabilities.append(found.estimate.probabilities[0].numpy())


