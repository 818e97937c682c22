"""What stands on the Home page: the lens, the story beside it, what is often believed, and the doors."""

import streamlit as st

from lenslab.physics import cosmology
from lenslab.scene import Scene
from lenslab.ui import state
from lenslab.ui.frame import PAGES
from lenslab.ui.home.scenes import MISTAKES, OPENING, STEPS
from lenslab.ui.kept import Form
from lenslab.ui.language import language, words_of
from lenslab.ui.live_lens.component import live_lens
from lenslab.ui.texts.home import GROUPS

FORM = Form("home")


def scene() -> Scene:
    """The lens of the session, or the opening one as long as nobody has touched any."""
    return st.session_state.get(state.SCENE, OPENING)


def lens() -> None:
    live_lens(scene(), key="home.lens", language=language(), side=True)


def mass(shown: Scene) -> str:
    """Msun inside the ring, to two digits as words carry them."""
    d = cosmology.distances(shown.z_lens, shown.z_source, shown.H0, shown.Om0)
    return in_words(float(cosmology.mass_inside_theta_E(shown.lens.theta_E, d)))


def in_words(mass: float) -> str:
    """A mass to two digits as a sentence carries it: 3.1 × 10¹¹."""
    digits, power = f"{mass:.1e}".split("e")
    return f"{digits} × 10{str(int(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def story() -> None:
    """Six steps; choosing one sets the lens."""
    words, names = words_of("home"), list(STEPS)
    at = FORM.value("step")

    def go(step: str) -> None:
        FORM.put(step=step)
        state.take(STEPS[step])

    st.subheader(words["story"])
    st.segmented_control(words["story"], names, key=FORM.keyed("step", None, among=[None, *names]),
                         format_func=lambda name: str(names.index(name) + 1), label_visibility="collapsed",
                         on_change=lambda: FORM.value("step") and state.take(STEPS[FORM.value("step")]))
    if at is None:
        st.markdown(words["lead"])
        st.button(words["start"], key="home.next", icon=":material/play_arrow:", on_click=go, args=(names[0],))
        return
    title, text, look = words["steps"][at]
    k = names.index(at)
    st.markdown(f"**{k + 1}. {title}**\n\n{text}\n\n:material/visibility: **{words['look']}:** {look}")
    if at == "weigh":
        st.markdown(words["mass"].format(mass=mass(scene())))
    with st.container(horizontal=True):
        st.button(words["back"], key="home.back", disabled=k == 0, on_click=go, args=(names[max(k - 1, 0)],))
        st.button(words["next"], key="home.next", disabled=k == len(names) - 1, on_click=go,
                  args=(names[min(k + 1, len(names) - 1)],))
    if at == "ask":
        st.page_link("pages/classify.py", label=words["ask_door"], icon=PAGES["classify.py"][1])


def mistakes() -> None:
    """What is often believed, each with a move that breaks it."""
    words = words_of("home")
    st.subheader(words["mistakes_title"])
    for name, (title, text) in words["mistakes"].items():
        with st.expander(title, key=f"home.mistake.{name}"):
            st.markdown(text)
            st.button(words["try_it"], key=f"home.try.{name}", icon=":material/touch_app:", on_click=state.take,
                      args=(MISTAKES[name],))


def doors() -> None:
    """The other pages by what they are for."""
    words, groups = words_of("home"), GROUPS[language()]
    st.subheader(words["doors_title"])
    names = list(dict.fromkeys(group for _, _, group in PAGES.values() if group))
    for column, name in zip(st.columns(len(names), gap="medium"), names, strict=True):
        with column:
            st.markdown(f"**{groups.get(name, name)}**")
            for page, (title, icon, group) in PAGES.items():
                if group == name:
                    st.page_link(f"pages/{page}", label=title, icon=icon)
                    st.caption(words["doors"].get(page, ""))
