"""Studies of settings (python -m lenslab tune) as they stand: trials as they come, what matters, and the best."""

import streamlit as st

from lenslab.runs import jobs
from lenslab.runs.folder import read_json
from lenslab.ui.escape import plain
from lenslab.ui.plot import plot
from lenslab.ui.train.form import FORM

HEIGHT = 360


def show() -> None:
    """Below the runs, folded: nothing is read before a study is looked at."""
    known = jobs.studies()
    if not known:
        return
    with st.expander("Studies: the best settings found by trials", icon=":material/travel_explore:",
                     key="train.studies", on_change="rerun") as folded:
        if not folded.open:
            return
        name = st.selectbox("Study", known, key=FORM.keyed("study", known[0], among=known))
        draw(name)


def draw(name: str) -> None:
    from lenslab.runs.search import BEST, pictures

    folder = jobs.runs_folder() / name
    best = read_json(folder / BEST)
    if not best:
        st.caption("No trial of this study has ended yet.")
        return
    settings = best.get("settings") if isinstance(best.get("settings"), dict) else {}
    words = ", ".join(f"{plain(str(key))} {rounded(value)}" for key, value in settings.items())
    st.markdown(f"Best of **{best.get('trials')}** trials: {words}.")
    try:
        found = pictures(folder)
    except (ValueError, KeyError, OSError):
        st.caption("The journal of this study cannot be read.")
        return
    for title, figure in found.items():
        figure.update_layout(template="none", height=HEIGHT, title=dict(text=title, font=dict(size=14)),
                             paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
                             margin=dict(l=60, r=30, t=48, b=60))
        plot(figure, key=f"train.study.{title}", square=False, later=True, alt=f"{title}, of the study {name}")
    st.caption("Each dot is a training; lower is better. Bad trials were stopped early. The same command goes on with "
               "a study, and several may run beside each other.")


def rounded(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else plain(str(value))
