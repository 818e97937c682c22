"""The parts of the Model page: a network's card in words, its figures, and what is missing."""

import streamlit as st

from lenslab.figures import judgement as figures
from lenslab.figures import training
from lenslab.figures.classification import named
from lenslab.insight import cards
from lenslab.insight.significance import EASIER
from lenslab.ui.escape import plain
from lenslab.ui.kept import Form
from lenslab.ui.model import facts
from lenslab.ui.model.beside import side_by_side
from lenslab.ui.model.errors import gallery
from lenslab.ui.model.facts import Facts
from lenslab.ui.plot import plot
from lenslab.ui.window import is_dark

FORM = Form("model")
EMPTY = """A trained network is judged here on images that it has never seen: what it mixes up, whether it is as sure as
it should be, how weak a signal it still finds, and the errors that it was surest of.

There is no trained network yet. This command trains one in the background of a shell; the Train page does the same
with a click, and **Keep checkpoint** there puts it here."""
WIDTH = 132   # pixels of one number
PART, BOTH, NOBODY = "model.part", "Side by side", "nobody"


def empty(problems: list[str]) -> None:
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(facts.FIRST, language=None, wrap_lines=True)
    warn(problems)


def warn(problems: list[str] | tuple[str, ...]) -> None:
    for problem in problems:
        st.warning(plain(problem), icon=":material/info:")


def choose(known: dict[str, dict]) -> tuple[Facts, Facts | None]:
    """The checkpoint that is looked at, and one beside it; the address remembers both."""
    asked = FORM.value("network", st.query_params.get("network"))
    if asked in known:
        FORM.put(network=asked)
    name = st.selectbox("Network", list(known), key=FORM.keyed("network", next(iter(known)), among=known))
    others = [NOBODY, *(other for other, card in known.items()
                        if other != name and card.get("task") == known[name].get("task"))]
    asked = FORM.value("beside", st.query_params.get("beside"))
    if asked in others:
        FORM.put(beside=asked)
    other = st.selectbox("Beside", others, key=FORM.keyed("beside", NOBODY, among=others), on_change=look_at_both,
                         help="Another network of the same task: their figures, their curves, and the images on which "
                              "they differ.")
    st.query_params.from_dict({"network": name} | ({"beside": other} if other != NOBODY else {}))
    FORM.remember()
    return facts.facts(known[name]), facts.facts(known[other]) if other != NOBODY else None


def look_at_both() -> None:
    st.session_state[PART] = BOTH


def numbers(shown: Facts) -> None:
    """What it scores, each with its interval."""
    with st.container(horizontal=True, gap="small"):
        for metric, value, limits in facts.scores(shown.card):
            around = f"{limits[0]:.3f} to {limits[1]:.3f}" if limits else metric.unit or None
            st.metric(metric.title, f"{value:.3f}", delta=around, delta_color="off", delta_arrow="off",
                      help=metric.text, width=WIDTH if limits else "content")


def card(shown: Facts) -> None:
    """What it is, and what it was judged on."""
    st.markdown(facts.sentence(shown))
    if verdict := facts.verdict(shown.card):
        st.markdown(verdict)
    curves = f" Curves and errors are of {shown.judgement['n']:,} {shown.judgement['split']} images." \
        if shown.judgement else ""
    st.caption(f"Judged on {facts.judged_on(shown.card)}; with each number its 95 % interval.{curves}")
    warn(shown.problems)


def parts(shown: Facts, other: Facts | None) -> None:
    """One part at a time, so that only what is looked at is drawn."""
    known = {BOTH: lambda shown: side_by_side(shown, other)} if other is not None else {}
    known |= PARTS if shown.classes else {}
    if not known:
        return
    if st.session_state.get(PART) not in known:
        st.session_state[PART] = next(iter(known))
    known[st.segmented_control("Part", list(known), required=True, key=PART, label_visibility="collapsed")](shown)


def missing(shown: Facts, what: str, makes: str) -> None:
    with st.container(border=True):
        st.markdown(f"This checkpoint does not hold {what}. This command makes {makes} and writes it into the file:")
        st.code(facts.command(shown, "detectability" if "map" in what else "judgement"), language=None,
                wrap_lines=True)


def overview(shown: Facts) -> None:
    """What it mixes up, ROC, reliability."""
    counts, found = facts.confusion(shown), shown.judgement
    places = st.columns(3 if found else 2, gap="medium")
    with places[0]:
        if counts:
            few = len(shown.classes) <= 3        # of more, only the short names fit under their columns
            figure = training.confusion(counts, [named(name) if few else name for name in shown.classes],
                                        dark=is_dark(), height=figures.HEIGHT)
            figure.layout.margin.l = 118
            plot(figure, key="model.confusion", square=False,
                 alt="Confusion matrix: truth in rows, answers in columns")
            st.caption("Each row is one truth: along the diagonal it is right. Numbers of images on hover.")
        else:
            st.info("Its card has no confusion matrix.", icon=":material/info:")
    if not found:
        with places[1]:
            missing(shown, "curves and errors", "them")
        return
    with places[1]:
        plot(figures.roc(found["roc"], shown.classes), key="model.roc", later=True, square=False,
             alt="ROC curves, one for each class against the rest")
        st.caption("The threshold on a class's probability moves along its curve: more found, more false alarms. The "
                   "dotted line is guessing.")
    with places[2]:
        plot(figures.reliability(found["reliability"]), key="model.reliability", later=True, square=False,
             alt="Reliability diagram: how often it is right against how sure it was")
        st.caption("On the dotted line a network that is 80 % sure is right in 80 of 100 cases; below it, it is too "
                   "sure of itself.")


def against(shown: Facts) -> None:
    """Accuracy and AUC over one setting."""
    if not shown.judgement:
        return missing(shown, "curves and errors", "them")
    curves = shown.judgement["against"]
    paths = list(dict.fromkeys(curve["path"] for curve in curves))
    if not paths:
        st.info("Nothing but the images themselves varies in this population.", icon=":material/info:")
        return None
    path = st.pills("Over", paths, default=paths[0], required=True, key="model.against",
                    format_func=figures.plain_name)
    asked = [curve for curve in curves if curve["path"] == path]
    single = asked[0]["class"] is not None
    for place, quantity in zip(st.columns(2, gap="medium"), ("accuracy", "auc"), strict=True):
        guessing = 1 / len(shown.classes) if quantity == "accuracy" else 0.5
        with place:
            plot(figures.against(asked, quantity, guessing=guessing), key=f"model.against.{quantity}", later=True,
                 square=False, alt=f"{quantity} over {figures.plain_name(path)}, with 95 % intervals")
            st.caption({("accuracy", True): "Of the images that have this substructure, the share that it names "
                                            "rightly. Each dot stands for equally many images.",
                        ("accuracy", False): "Share of right answers. Each dot stands for equally many images, with "
                                             "its 95 % interval.",
                        ("auc", True): "Each kind against lenses without substructure: 0.5 is guessing.",
                        ("auc", False): "Macro AUC of the images of a bin: 0.5 is guessing."}[quantity, single])
    return None


def maps(shown: Facts) -> None:
    """AUC over strength and S beside the ceiling."""
    if not shown.maps:
        return missing(shown, "maps of detectability", "them")
    kinds = {kind["class"]: kind for kind in shown.maps["kinds"]}
    name = st.pills("Dark matter", list(kinds), default=next(iter(kinds)), required=True, key="model.kind",
                    format_func=named)
    drawn = figures.maps(kinds[name], shown.maps["S"])
    rows = [drawn] if len(drawn) < 4 else [drawn[:2], drawn[2:]]
    places = [place for row in rows for place in st.columns(len(row), gap="medium")]
    for number, (place, figure) in enumerate(zip(places, drawn, strict=True)):
        with place:
            plot(figure, key=f"model.map.{number}", later=number > 0, square=False,
                 alt=f"{figure.layout.title.text}: AUC of {name} over its strength and S")
    best = "refitted observer" if "refitted" in kinds[name]["maps"][cards.OWN] else "ceiling"
    st.caption(f"AUC of **{named(name)}** against lenses without substructure, {shown.maps['n']} lenses a cell: 0.5 "
               f"(dark) is guessing, 1 (bright) never errs. Where the {best} is dark, nobody who must fit the lens can "
               "see it in one image; where it is bright and the network dark, there may be something left to learn.")
    with st.expander("What are the ceiling and the refitted observer?"):
        st.markdown("λ is the significance, in σ, with which an observer who knows what the substructure looks like "
                    "tells this lens from the best smooth one; his AUC is Φ(λ/√2). For the **ceiling** smooth lenses "
                    "may mimic it by small steps from the truth alone, so that λ is at most that. For the **refitted** "
                    "observer a smooth lens is fitted anew to each image, taken without noise: strong substructure is "
                    "mimicked much better so. That is done at one S; from there λ grows with S as the ceiling's does. "
                    f"With slope and multipoles known, less is mimicked. {EASIER}")
    return None


def errors(shown: Facts) -> None:
    if not shown.judgement:
        return missing(shown, "curves and errors", "them")
    return gallery(shown.judgement)


PARTS = {"Overview": overview, "Where it fails": against, "Detectability": maps, "Worst errors": errors}
