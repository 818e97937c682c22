"""What the Measure page shows first: the image, a sentence for each number, and the posterior beside the prior."""

import numpy as np
import streamlit as st

from lenslab.figures import observed, posterior
from lenslab.figures.classification import named, percent
from lenslab.insight import cards
from lenslab.tasks.measure.quantities import SMOOTH, Quantities, Quantity
from lenslab.ui.classify import trust
from lenslab.ui.escape import plain
from lenslab.ui.measure.answers import Answer, quantities_of, truth_of
from lenslab.ui.measure.form import FORM, Taken
from lenslab.ui.measure.words import pair, sentence
from lenslab.ui.pick.form import Picked
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making
from lenslab.ui.plot import plot

EMPTY = """Here trained networks measure the dark matter of a gravitational lens: how much of it there is in clumps, how
heavy its particles are, and how sure that is.

No trained network that measures is at hand yet. These commands make one:"""


def empty(problems: list[str]) -> None:
    """Before the first checkpoint."""
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(making("measure"), language="sh", wrap_lines=True)
    for problem in problems:
        st.caption(plain(problem))


def image(shown: Shown) -> None:
    plot(observed.image(shown.observation, title="What the network is given"), key="measure.image",
         alt=f"The image. {shown.where}")
    st.caption(shown.where)


def trusted(network: Network, shown: Shown, answer: Answer) -> bool:
    """Whether what a network says of an image may be taken for an answer; what speaks against it is said."""
    why = trust.outside(network, shown, answer)
    if why:
        st.warning(f"**No answer.** This image lies outside of what {plain(network.short)} learnt from. "
                   f"{' '.join(why)} What it says all the same is drawn, and means nothing.", icon=":material/warning:")
    told = [word for word in (doubts(network), trust.outdated(network)) if word]
    if told:
        st.info("\n\n".join(told), icon=":material/school:")
    return not why


def doubts(network: Network) -> str:
    if network.card.get("complete") is False:
        return f"**{plain(network.short)}** is still learning: its training is not complete."
    gain, _ = cards.metric(network.card, "gain")
    if gain is not None and gain <= 0.02:
        return (f"**{plain(network.short)}** tells nothing of the dark matter yet: on test images it knew no more than "
                "what was known before.")
    return ""


def classes(answer: Answer, quantities: Quantities) -> None:
    """What kind of dark matter it takes the image for."""
    found = answer.estimate.probabilities[0].numpy()
    order = np.argsort(found)[::-1]
    words = ", ".join(f"{named(quantities.classes[k])} {percent(float(found[k]))}" for k in order[:3])
    st.markdown(f"It takes this image for: {words}.")


def shown_quantities(quantities: Quantities, taken: Taken) -> list[tuple[Quantity, tuple[int, ...]]]:
    """What is shown, and the places that its samples come from."""
    if taken.mixed:
        return [(quantities.quantities[quantities.places(key)[0]], quantities.places(key)) for key in quantities.keys
                if quantities.quantities[quantities.places(key)[0]].block != SMOOTH]
    return [(quantities.quantities[k], (k,)) for k in quantities.blocks.get(taken.block, ())]


def samples_of(answer: Answer, quantities: Quantities, places: tuple[int, ...]) -> np.ndarray:
    """(S,) of one quantity; of several classes as many from each as that class is likely."""
    drawn = answer.estimate.samples[0].numpy()
    if len(places) == 1:
        return drawn[:, places[0]]
    owners = [quantities.classes.index(quantities.quantities[k].block) for k in places]
    weights = answer.estimate.probabilities[0, owners].numpy()
    counts = np.round(weights / weights.sum() * len(drawn)).astype(int)
    return np.concatenate([drawn[:count, k] for count, k in zip(counts, places, strict=True)])


def sentences(answer: Answer, quantities: Quantities, taken: Taken, shown: Shown, tell: bool) -> None:
    """One for each number."""
    found = shown_quantities(quantities, taken)
    if not found:
        st.info("A lens without substructure has no numbers of dark matter, and this network measures nothing else. "
                "Choose a kind under **Numbers of** to see what they would be if it had.", icon=":material/info:")
        return
    for item, places in found:
        truth = truth_of(item, shown) if tell else None
        words = "" if truth is None else f" The truth: {value(item, truth)}."
        st.markdown(f"- {sentence(item, samples_of(answer, quantities, places))}{words}")


def value(item: Quantity, number: float) -> str:
    """One number in the words of its pair."""
    low, _, rest = pair(item, number, number).partition(" and ")
    tail = rest.removeprefix(low)
    return f"{low}{tail}"


def priors(item: Quantity) -> np.ndarray:
    """Density of the prior at the middles of the bins of a figure."""
    edges = np.linspace(*item.limits, posterior.BINS + 1)
    return np.diff(item.cdf(edges)) / np.diff(edges)


def corner(network: Network, answer: Answer, taken: Taken, shown: Shown, tell: bool) -> None:
    """The joint posterior, or of mixed classes each number by itself."""
    quantities = quantities_of(network)
    found = shown_quantities(quantities, taken)
    if not found:
        return
    truths = [truth_of(item, shown) if tell else None for item, _ in found]
    labels = [f"{item.kind.title}{f' ({item.kind.unit})' if item.kind.unit else ''}" for item, _ in found]
    alt = "; ".join(sentence(item, samples_of(answer, quantities, places)).replace("*", "") for item, places in found)
    if taken.mixed or len(found) == 1:
        for k, (item, places) in enumerate(found):
            plot(posterior.one(samples_of(answer, quantities, places), priors(item), item.limits,
                               title=item.kind.title, unit=item.kind.unit, truth=truths[k]),
                 key=f"measure.one.{item.key}", square=False, alt=alt)
    else:
        drawn = np.stack([samples_of(answer, quantities, places) for _, places in found], 1)
        plot(posterior.corner(drawn, labels, [item.limits for item, _ in found],
                              priors=[priors(item) for item, _ in found], truth=truths,
                              title="What is known of them together"),
             key="measure.corner", square=False, alt=alt)
    st.caption("Grey: what was known before the image. Blue: what is known after it; dark regions hold 68 % of what is "
               "possible, pale ones 95 %." + (" Red dashes: the truth." if any(truth is not None for truth in truths)
                                              else ""))


def tell_truth(shown: Shown) -> bool:
    """Whether the visitor wants to know; real lenses have no answer key."""
    return shown.simulated and st.toggle("Show the truth", key=FORM.keyed("truth", False))


def invite(choice: Picked) -> None:
    """Before an image is chosen."""
    text = {"real": "Choose a real lens in the controls, or bring an image of your own.",
            "set": "Give the path of a data set in the controls, made by python -m lenslab dataset."}
    st.info(text.get(choice.source, "Choose an image in the controls."), icon=":material/travel_explore:")
