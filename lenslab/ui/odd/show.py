"""What the Odd page shows: the image, what is left of it, its place among usual lenses, and a shelf."""

import numpy as np
import streamlit as st

from lenslab.figures import observed, odd
from lenslab.figures.canvas import Frame
from lenslab.figures.classification import NAMES, named
from lenslab.insight import cards
from lenslab.tasks.anomaly.task import RESIDUAL, usual_number
from lenslab.ui.classify import trust
from lenslab.ui.escape import plain
from lenslab.ui.kept import Form
from lenslab.ui.odd.answers import Answer, shelf
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making, trained_of
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark

FORM = Form("odd")
EMPTY = """Here networks that have seen **usual lenses alone** say whether anything is odd about an image: clumps or
waves of dark matter that bend its arcs, or no lens at all.

No such network is at hand yet. These commands make one:"""
KINDS = {"autoencoder": "draws what it is shown from a few numbers, and sees what it cannot draw",
         "variational": "draws from a few numbers that are held near what is usual",
         "adversarial": "draws from a few numbers that a critic has judged",
         "flow": "asks how rare the features of the image are",
         "residual": "fits a smooth lens and sees whether it leaves more than it should"}


def empty(problems: list[str]) -> None:
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(making("anomaly"), language="sh", wrap_lines=True)
    for problem in problems:
        st.caption(plain(problem))


def kind_of(network: Network) -> str:
    settings = network.card.get("config")
    return str(settings.get("kind", "")) if isinstance(settings, dict) else ""


def false_alarms() -> float:
    """How many usual lenses one accepts to be called odd."""
    percent = st.slider("False alarms that you accept", 0.5, 25.0, step=0.5, key=FORM.keyed("false", 5.0),
                        format="%.1f %%", help="So many of 100 usual lenses will be called odd. Fewer false alarms let "
                                               "more odd lenses pass.")
    return percent / 100


def verdict(network: Network, answer: Answer, accepted: float, shown: Shown) -> None:
    p = float(answer.oddness.p[0])
    for told in (trust.outdated(network), doubts(network)):
        if told:
            st.info(told, icon=":material/school:")
    usual = usual_number(network.card)
    rare = f"{100 * p:.0f} of 100" if p > 0.02 else f"{1000 * p:.0f} of 1,000"
    rare = f"None of {usual:,}" if p * usual < 1 else rare
    if p < accepted:
        st.markdown(f"### Odd\n{rare} usual lenses look at least as odd to {plain(network.short)} as this image.")
    else:
        st.markdown(f"### Nothing odd\n{rare} usual lenses look at least as odd as this image.")
    st.caption(f"{plain(network.short)} {KINDS.get(kind_of(network), 'judges what it is shown')}. It has never seen "
               "a lens with dark clumps, and does not know what is odd, only that something is.")


def doubts(network: Network) -> str:
    if network.card.get("complete") is False:
        return f"**{plain(network.short)}** is still learning: its training is not complete."
    _, limits = cards.metric(network.card, "auc")
    if limits and limits[0] <= 0.5:
        return (f"**{plain(network.short)}** cannot tell lenses with substructure from smooth ones: on test images it "
                "guessed.")
    return ""


def truth(shown: Shown) -> None:
    if shown.simulated and st.toggle("Show the truth", key=FORM.keyed("truth", False)):
        word = "none of these classes" if shown.truth is None else named(shown.truth)
        st.markdown(f"The truth: **{word}**.")


def place(network: Network, answer: Answer, accepted: float) -> None:
    table = trained_of(network).model.table.double().cpu().numpy()
    threshold = float(np.quantile(table, 1 - accepted))
    score = float(answer.oddness.score[0])
    plot(odd.place(table, score, threshold), key="odd.place", square=False,
         alt=f"A histogram of usual lenses; this image is odder than {100 * (1 - float(answer.oddness.p[0])):.0f} % of "
             "them")
    st.caption("Bars: smooth lenses that the network has not learnt from. To the right of the dashed line an image is "
               "called odd; the slider of false alarms moves it.")


def pictures(network: Network, answer: Answer, shown: Shown) -> None:
    """What it was given, what it makes of that, and what is odd."""
    frame, dark = Frame(*answer.seen.shape, shown.observation.pixel_scale), is_dark()
    drawn = [("What it is given", answer.seen)]
    if answer.drawing is not None:
        drawn.append(("What it draws", answer.drawing))
    columns = st.columns(len(drawn) + 1)
    for column, (title, values) in zip(columns, drawn, strict=False):
        with column:
            plot(odd.light(values, frame, title=title, like=answer.seen), key=f"odd.{title}", later=True, alt=title)
    left = answer.seen - answer.drawing if answer.drawing is not None else answer.oddness.map[0].numpy() ** 0.5
    with columns[-1]:
        title = "What a smooth lens leaves" if kind_of(network) == RESIDUAL else "What is odd"
        plot(observed.residual(left, frame, title=title, dark=dark), key="odd.left", later=True, alt=title)
    st.caption("All in units of the noise (σ). Where the last picture is more than noise, the network has found "
               "something that usual lenses do not have.")


def on_the_shelf(network: Network) -> None:
    """Twelve images from usual to odd."""
    found = shelf(network)
    frame_of = trained_of(network).card["pixel_scale"]
    for row in range(0, len(found), 4):
        for column, one in zip(st.columns(4), found[row:row + 4], strict=False):
            with column:
                plot(odd.light(one.sigmas, Frame(*one.sigmas.shape, frame_of), height=300,
                               title=NAMES.get(one.name, one.name.capitalize())),
                     key=f"odd.shelf.{one.name}.{one.score:.5f}", later=True, alt=one.name)
                st.caption(f"odder than {100 * (1 - one.p):.0f} % of usual lenses")
    st.caption("Twelve images, from usual to odd as this network sees them: nine lenses of all kinds and three things "
               "that are no lens.")
