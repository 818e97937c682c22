"""The images that a network got most wrong, drawn again from their places in their split."""

from functools import lru_cache

import streamlit as st

from lenslab.figures import observed
from lenslab.figures.classification import named, percent
from lenslab.ui.escape import plain
from lenslab.ui.plot import plot

PAGE = 6      # images drawn at a time: each costs a rendering


@lru_cache(maxsize=96)
def picture(population: str, split: str, seed: int, index: int):
    """The image and its S; simulation is loaded here, when a picture is first asked for."""
    from lenslab.population import find
    from lenslab.sets.item import item, observation_of

    found = item(find(population), index, seed, split)
    return observation_of(found.scene), found.signal_to_noise


def gallery(judgement: dict) -> None:
    """A few errors at a time, each with a way to the Classify page."""
    errors = judgement["worst"]
    if not errors:
        st.info(f"It made no error in {judgement['n']:,} images.", icon=":material/check_circle:")
        return
    st.caption("Here the truth was least likely in its eyes. Is the substructure too faint, or does one kind look like "
               "another? Open an image and see what the network looked at.")
    pages = -(-len(errors) // PAGE)
    at = st.segmented_control("Errors", range(pages), default=0, required=True, key="model.errors",
                              format_func=lambda k: f"{k * PAGE + 1}–{min(len(errors), (k + 1) * PAGE)}",
                              label_visibility="collapsed") if pages > 1 else 0
    at = min(at or 0, pages - 1)
    places = [place for _ in range(2) for place in st.columns(PAGE // 2, gap="medium")]
    for place, entry, number in zip(places, errors[at * PAGE:(at + 1) * PAGE], range(PAGE), strict=False):
        with place:
            error(judgement, entry, number)


def error(judgement: dict, entry: dict, number: int) -> None:
    """One image, what it is, and what the network called it."""
    classes, chances, truth = judgement["classes"], entry["probabilities"], entry["truth"]
    said = max(range(len(chances)), key=chances.__getitem__)
    at = judgement["population"], judgement["split"], judgement["seed"], entry["index"]
    try:
        observation, S = picture(*at)
    except ValueError as problem:
        st.warning(plain(str(problem)), icon=":material/info:")
        return
    plot(observed.image(observation, title=f"{named(classes[truth])}, S {S:.0f}", height=290),
         key=f"model.error.{number}", later=True,
         alt=f"A lens of the class {classes[truth]} that the network called {classes[said]}")
    st.markdown(f"Called **{named(classes[said])}** with {percent(chances[said])}; the truth got "
                f"{percent(chances[truth])}.")
    if st.button("Open in Classify", icon=":material/category_search:", key=f"model.open.{number}"):
        from lenslab.ui.pick.form import ask_for  # loads torch

        ask_for("classify", at)
        st.switch_page("pages/classify.py")
