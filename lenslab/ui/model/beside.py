"""Two networks of a task side by side: their figures, their ROC curves in one picture, the images on which they differ.

Cards do not tell which images a network gets right, only how many: both are asked, about the same test images.
"""

from collections import Counter
from dataclasses import dataclass

import streamlit as st

from lenslab.figures import judgement as figures
from lenslab.figures import observed
from lenslab.figures.classification import named, percent
from lenslab.insight import cards
from lenslab.tasks import verdicts_of
from lenslab.ui.escape import plain
from lenslab.ui.gate import Turn, through_the_gate
from lenslab.ui.model.facts import Facts
from lenslab.ui.plot import plot

ASKED, FOUND = "model.beside.asked", "model.beside.found"
N = 60           # images that both are asked about
SHOWN = 6        # of those on which they differ
SEED = 0


@dataclass(frozen=True)
class Difference:
    """An image that two networks call by different names."""

    index: int
    truth: str
    said: tuple[str, str]
    sure: tuple[float, float]     # probability of what each says


@dataclass(frozen=True)
class Differences:
    """What two networks say of the first n test images; `differ` begins where both are surest."""

    n: int
    right: dict[tuple[bool, bool], int]    # how many, by whether the first and the second are right
    differ: tuple[Difference, ...]


def side_by_side(one: Facts, two: Facts) -> None:
    """All that can be said of the two."""
    figures_of_both(one, two)
    if one.judgement and two.judgement:
        left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
        with left:
            plot(figures.roc_beside([(one.name, one.judgement["roc"], one.classes),
                                     (two.name, two.judgement["roc"], two.classes)]), key="model.beside.roc",
                 square=False, alt=f"ROC curves of {one.name} and of {two.name}, each class against the rest")
        right.caption(f"Solid: **{plain(one.name)}**; dashed: **{plain(two.name)}**. The further a curve bends to the "
                      "upper left, the more it finds at the same share of false alarms.")
    differing(one, two)


def figures_of_both(one: Facts, two: Facts) -> None:
    """Every metric of the task with its interval, and which network is ahead."""
    rows = []
    for metric in verdicts_of(one.card.get("task")):
        told = [cards.in_words(each.card, metric.name) or "not measured" for each in (one, two)]
        rows.append({"": metric.label, one.name: told[0], two.name: told[1], "ahead": ahead(metric, one, two)})
    st.dataframe(rows, hide_index=True)
    same = one.card.get("population") == two.card.get("population")
    st.caption("In brackets the 95 % interval; where two intervals overlap, the difference may be chance." + (
        "" if same else " They were judged on images of different populations: a harder one lowers every figure."))


def ahead(metric, one: Facts, two: Facts) -> str:
    """The network that is better beyond its interval."""
    if one.card.get("population") != two.card.get("population"):
        return "other images"
    (first, low), (second, high) = (cards.metric(each.card, metric.name) for each in (one, two))
    if first is None or second is None:
        return ""
    better = one if (first > second) == (metric.better == "higher") else two
    if low and high and low[0] <= high[1] and high[0] <= low[1]:
        return "too close to tell"
    return better.name if first != second else "even"


def differing(one: Facts, two: Facts) -> None:
    """The images that one gets right and the other does not, once somebody asks for them."""
    st.markdown("##### The images on which they differ")
    population = one.card.get("population")
    common = isinstance(population, str) and population == two.card.get("population") and one.classes == two.classes
    if not common or not one.classes:
        st.info("They have not learnt to name the same kinds of lenses, so that no image can be put to both.",
                icon=":material/info:")
        return
    pair = (one.name, one.card.get("steps"), two.name, two.card.get("steps"))
    found = st.session_state.get(FOUND)
    if (found is None or found[0] != pair) and st.session_state.get(ASKED) != pair:
        st.caption(f"Both look at the same {N} test images of {plain(population[:100])}, which neither has "
                   "learnt from.")
        st.button(f"Ask both about {N} images", icon=":material/compare:", key="model.beside.go",
                  on_click=lambda: st.session_state.update({ASKED: pair}))
        return
    try:
        if found is None or found[0] != pair:
            found = pair, through_the_gate(lambda turn: differences(one, two, N, turn), f"Both look at {N} images",
                                           key="model.beside.stop", on_stop=lambda: st.session_state.pop(ASKED, None))
            st.session_state[FOUND] = found
    except ValueError as error:
        st.session_state.pop(ASKED, None)
        st.warning(plain(str(error)), icon=":material/info:")
        return
    say_differences(one, two, found[1])


def differences(one: Facts, two: Facts, n: int, turn: Turn) -> Differences:
    """Ask both about the first n test images."""
    from lenslab.ui.classify.answers import answer
    from lenslab.ui.pick.image import of_item
    from lenslab.ui.pick.networks import sound

    networks = [sound(each.path, each.card | dict(classes=list(each.classes))) for each in (one, two)]
    right, found = Counter(), []
    for index in range(n):
        turn.check()
        shown = of_item(networks[0].population, "test", SEED, index)
        powers = [answer(network, shown).probabilities for network in networks]
        said = tuple(one.classes[int(each.argmax())] for each in powers)
        right[tuple(name == shown.truth for name in said)] += 1
        if said[0] != said[1]:
            found.append(Difference(index, shown.truth, said, tuple(float(each.max()) for each in powers)))
        turn.progress = (index + 1) / n
    return Differences(n, dict(right), tuple(sorted(found, key=lambda each: -min(each.sure))))


def say_differences(one: Facts, two: Facts, found: Differences) -> None:
    """How often each is right, and the images."""
    first, second = plain(one.name), plain(two.name)
    st.markdown(f"Of {found.n} test images both name {found.right.get((True, True), 0)} rightly and "
                f"{found.right.get((False, False), 0)} wrongly; **{first}** alone is right on "
                f"{found.right.get((True, False), 0)}, **{second}** alone on {found.right.get((False, True), 0)}.")
    if not found.differ:
        st.info("They call every one of these images by the same name.", icon=":material/check_circle:")
        return
    st.caption(f"They differ on {len(found.differ)}; those of which both are surest come first.")
    places = [place for _ in range(2) for place in st.columns(SHOWN // 2, gap="medium")]
    for place, each in zip(places, found.differ[:SHOWN], strict=False):
        with place:
            image(one, two, each)


def image(one: Facts, two: Facts, each: Difference) -> None:
    """One image, and what each network calls it."""
    from lenslab.ui.pick.form import ask_for
    from lenslab.ui.pick.image import of_item

    shown = of_item(one.card["population"], "test", SEED, each.index)
    plot(observed.image(shown.observation, title=f"It is: {named(each.truth)}", height=290),
         key=f"model.beside.{each.index}", later=True, alt=f"A lens of the class {each.truth}")
    st.markdown("\n\n".join(f"{plain(network.name)}: **{named(name)}**, {percent(sure)}"
                            for network, name, sure in zip((one, two), each.said, each.sure, strict=True)))
    if st.button("Open in Classify", icon=":material/category_search:", key=f"model.beside.open.{each.index}"):
        ask_for("classify", (one.card["population"], "test", SEED, each.index))
        st.switch_page("pages/classify.py")
