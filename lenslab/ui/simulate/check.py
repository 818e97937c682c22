"""Check with lenstronomy: the same scene through the field's reference code."""

import streamlit as st

from lenslab.figures import canvas, observed
from lenslab.figures.stretch import Stretch
from lenslab.scene import Scene
from lenslab.ui.escape import plain
from lenslab.ui.gate import Turn, through_the_gate
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark

ASKED, FOUND = "check.asked", "check.found"


def ask() -> None:
    st.session_state[ASKED] = True


def stop() -> None:
    st.session_state[ASKED] = False


def check_look(scene: Scene) -> None:
    """Draw the scene with lenstronomy on demand, and hold the two against each other."""
    known = st.session_state.get(FOUND)
    fresh = known is not None and known[0] == scene
    st.button("Draw this lens with lenstronomy", icon=":material/fact_check:", on_click=ask, key="check.go",
              disabled=fresh)
    if st.session_state.get(ASKED) and not fresh:
        def work(turn: Turn):
            from lenslab.images.reference import compare  # lenstronomy takes seconds to load

            turn.check()
            return compare(scene)

        try:
            found = through_the_gate(work, "lenstronomy draws the same lens", key="check.stop", on_stop=stop)
        except ValueError as error:
            st.warning(plain(str(error)))
            return stop()
        st.session_state[FOUND] = known = (scene, found)
        fresh = True
    stop()
    if known is None:
        st.caption("lenstronomy is the code that many astronomers model lenses with. It shares no line of the "
                   "calculation with this page, so that where both agree, both are likely right.")
        return
    if not fresh:
        st.caption("The lens has been turned since this comparison; draw it again.")
    show(known[1], known[0])


def show(comparison, scene: Scene) -> None:
    """Both images under one stretch, and what is between them."""
    stretch = Stretch.of("asinh", comparison.ours, comparison.lenstronomy)
    frame = canvas.Frame(*comparison.ours.shape, scene.camera.pixel_scale)
    left, middle, right = st.columns(3)
    with left:
        plot(observed.brightness(comparison.ours, frame, stretch, "counts/s", title="lenslab", height=320),
             key="check.ours", alt="The lens as lenslab draws it, without noise")
    with middle:
        plot(observed.brightness(comparison.lenstronomy, frame, stretch, "counts/s", title="lenstronomy", height=320),
             key="check.theirs", later=True, alt="The lens as lenstronomy draws it, without noise")
    with right:
        plot(observed.difference(comparison.ours, comparison.lenstronomy, frame,
                                 dark=is_dark()),
             key="check.difference", later=True, alt="Difference of the two")
    st.metric("largest deviation", f"{comparison.deviation:.1e} of the peak",
              help="Largest difference of any pixel over the brightest pixel; both in float64, without noise.")
    st.caption("The same numbers through both codes. Substructure is drawn once and given to both. The same model, so "
               "this checks the calculation, not whether nature is like that.")
