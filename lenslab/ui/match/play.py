"""The game of the Match page: the image, the visitor's lens beside it, what is left, and the help there is."""

from math import log10

import streamlit as st

from lenslab.figures import observed
from lenslab.physics import cosmology
from lenslab.scene import Scene
from lenslab.sky import beside, catalogue
from lenslab.ui import cached, state
from lenslab.ui.controls import label_of, slider
from lenslab.ui.escape import plain
from lenslab.ui.gate import through_the_gate
from lenslab.ui.home.show import in_words
from lenslab.ui.kept import Form
from lenslab.ui.language import language, words_of
from lenslab.ui.live_lens.component import live_lens
from lenslab.ui.match import targets
from lenslab.ui.match.fit import fitted
from lenslab.ui.match.moves import best_move
from lenslab.ui.match.targets import HUNTS, MYSTERIES, Target
from lenslab.ui.plot import plot
from lenslab.ui.simulate.panels import shear_sliders
from lenslab.ui.window import is_dark

FORM = Form("match")
TARGET, FIRST, BEST, TOLD, WANTED = "match.target", "match.first", "match.best", "match.told", "match.wanted"
TOLD_OF = ("lens.theta_E", "lens.q", "lens.gamma1", "lens.gamma2", "source.center_x", "source.center_y",
           "source.R_sersic")
J0946 = "j0946"
FAINT = 0.02    # share of all light of the image that the source of the live lens has at least, before it is bent


def choose() -> Target:
    """Which game, and which image."""
    words = words_of("match")
    games = list(words["games"])
    game = st.segmented_control(words["title"], games, format_func=words["games"].get, required=True,
                                key=FORM.keyed("game", games[0], among=games), label_visibility="collapsed")
    numbers = [*(catalogue.real_lenses() if game == "match" else ()), *map(str, range(MYSTERIES if game == "match"
                                                                                      else HUNTS))]

    def called(name: str) -> str:
        if not name.isdigit():
            return catalogue.title(name)
        return words["mystery" if game == "match" else "hunt"].format(number=int(name) + 1)

    name = st.selectbox(words["which"], numbers, key=FORM.keyed(game, numbers[0], among=numbers), format_func=called)
    FORM.remember()
    chosen = f"{game} {name}"
    found = targets.hunt(int(name)) if game == "clump" else targets.mystery(int(name)) if name.isdigit() \
        else real(name)
    if st.session_state.get(TARGET) != chosen or state.scene().camera != found.start.camera:
        begin(chosen, found)
    return found


def real(name: str) -> Target:
    """A real lens, held as long as it is the one on the page."""
    kept = st.session_state.get("match.real")
    if kept is None or kept[0] != name:
        st.session_state["match.real"] = kept = name, targets.real(name)
    return kept[1]


def begin(chosen: str, target: Target) -> None:
    """Start with a new lens, or anew."""
    st.session_state.update({TARGET: chosen, FIRST: None, BEST: None, TOLD: None})
    st.session_state.pop(WANTED, None)
    state.take(target.start)


def shapes() -> None:
    """What no finger turns."""
    words = words_of("match")
    for path, label in words["shapes"].items():
        slider(path, key=f"match.{path}", label=label)
    shear_sliders()


def play(target: Target) -> None:
    """The two pictures, the score, what is left."""
    words, scene, hunting = words_of("match"), state.scene(), st.session_state[TARGET].startswith("clump")
    st.markdown(words["lead_clump" if hunting else "lead"])
    try:
        held = cached.hold_against(scene, target.observation)
    except ValueError as error:
        st.warning(plain(str(error)))
        return
    shown = bright(beside.scaled(scene, held), target)
    stretch = observed.stretch_of("asinh", target.observation)
    left, right = st.columns(2, gap="medium")
    with left:
        plot(observed.image(target.observation, stretch=stretch, title=words["target"], height=520), key="match.image",
             alt=words["target"])
        about(target)
        score(scene, held.chi2_per_pixel)
    with right:
        st.markdown(f"**{words['yours']}**")
        live_lens(shown, key="match.lens", language=language(), stretch=stretch)
    left, right = st.columns(2, gap="medium")
    with left:
        helping(target, hunting)
    with right:
        plot(observed.residual(held.residual, observed.frame_of(target.observation), dark=is_dark(), height=360,
                               title=words["residual"].format(chi2=held.chi2_per_pixel)), key="match.residual",
             later=True, alt=words["residual_alt"])
        st.caption(words["look"])


def bright(scene: Scene, target: Target) -> Scene:
    """The scene with a source that can be seen, where a fit at a wrong place gave it no light at all."""
    light = float(target.observation.image.clamp_min(0).sum())
    faintest = scene.camera.zero_point - 2.5 * log10(max(FAINT * light, 1e-12))
    seen = min(scene.source.magnitude, max(faintest, 5.0))
    return scene.set({"source.magnitude": seen})


def score(scene: Scene, chi2: float) -> None:
    """How good this lens is, and the best so far."""
    words = words_of("match")
    if st.session_state[FIRST] is None:
        st.session_state[FIRST] = chi2
    best = st.session_state[BEST]
    if best is None or chi2 < best[0]:
        st.session_state[BEST] = best = chi2, scene
    with st.container(horizontal=True):
        st.metric(words["score"], explained(chi2, st.session_state[FIRST]), help=words["score_help"], width=108)
        st.metric(words["best"], explained(best[0], st.session_state[FIRST]), width=130)
        st.metric(words["chi2"], f"{chi2:.2f}", help=words["chi2_help"], width=108)


def explained(chi2: float, first: float) -> str:
    """The share of what the first lens got wrong that is mended; noise alone is 1 a pixel."""
    return f"{max(0.0, min(1.0, (first - chi2) / max(first - 1, 1e-9))):.0%}"


def helping(target: Target, hunting: bool) -> None:
    """A hint, the best so far, the computer's try, and the answer."""
    words = words_of("match")
    with st.container(horizontal=True):
        st.button(words["hint"], key="match.hint", icon=":material/lightbulb:", on_click=want, args=("hint",))
        st.button(words["to_best"], key="match.to_best", icon=":material/undo:",
                  on_click=lambda: state.take(st.session_state[BEST][1]))
        if not hunting:
            st.button(words["fit"], key="match.fit", icon=":material/auto_fix_high:", on_click=want, args=("fit",))
        if target.truth is not None:
            st.button(words["reveal"], key="match.reveal", icon=":material/visibility:", on_click=want,
                      args=("truth",))
        st.button(words["again"], key="match.again", icon=":material/restart_alt:", on_click=begin,
                  args=(st.session_state[TARGET], target))
    wanted = st.session_state.pop(WANTED, None)
    if wanted == "hint":
        scene = state.scene()
        move = through_the_gate(lambda turn: best_move(scene, target.observation, turn.check), words["hint_doing"],
                                key="match.hint.stop")
        st.session_state[TOLD] = scene, (words["hint_says"].format(move=words["moves"][move]) if move
                                         else words["no_hint"])
    elif wanted == "fit":
        fit(target)
    elif wanted == "truth":
        reveal(target, hunting)
    told = st.session_state.get(TOLD)
    if told and told[0] == state.scene():
        st.info(told[1], icon=":material/lightbulb:")


def want(what: str) -> None:
    st.session_state[WANTED] = what


def fit(target: Target) -> None:
    """Put the computer's lens in the place of the visitor's."""
    words = words_of("match")
    try:
        scene = through_the_gate(lambda turn: fitted(target, turn), words["fit_doing"], key="match.fit.stop")
    except ValueError as error:
        st.warning(plain(str(error)))
        return
    state.take(scene)
    st.session_state[TOLD] = scene, words["fitted"]
    st.rerun()


def reveal(target: Target, hunting: bool) -> None:
    """The true lens becomes the visitor's, and how far off the visitor was is said."""
    words, yours, truth = words_of("match"), state.scene(), target.truth
    if hunting:
        there, here = truth.substructure.clumps[0], yours.substructure.clumps[0]
        d = cosmology.distances(truth.z_lens, truth.z_source, truth.H0, truth.Om0)
        inside = float(cosmology.mass_inside_theta_E(truth.lens.theta_E, d))
        away = ((there.center_x - here.center_x)**2 + (there.center_y - here.center_y)**2)**0.5
        text = words["clump_truth"].format(away=away, mass=in_words(10**there.log10_mass),
                                           share=targets.share_in_ring(truth, inside))
    else:
        rows = [f"| {label} | {truth.get(path):.3g} | {yours.get(path):.3g} |" for path, label in names().items()]
        text = "\n".join([words["truth"], "", f"| {words['number']} | {words['true']} | {words['you']} |",
                          "|---|---|---|", *rows])
    state.take(truth)
    st.session_state[TOLD] = truth, text
    st.rerun()


def names() -> dict[str, str]:
    """What the numbers that are told at the end are called, as on their sliders."""
    return {path: label_of(path)[0] for path in TOLD_OF}


def about(target: Target) -> None:
    """What is known of a real lens."""
    words, known = words_of("match"), target.known
    if known is None:
        return
    light = ""
    if known.z_lens and known.z_source:
        lens, source = (cosmology.light_travel_time(z, 70.0, 0.3) for z in (known.z_lens, known.z_source))
        light = words["light"].format(lens=lens, source=source)
    st.caption(words["about"].format(name=plain(known.name), instrument=plain(known.instrument), light=light))


def published() -> None:
    """The clump of a real lens, where its image is at hand."""
    if any(J0946 in name.lower() for name in catalogue.real_lenses()):
        st.info(words_of("match")["j0946"], icon=":material/menu_book:")
