"""Below the posterior: looks closer, of which only the chosen one is computed."""

import streamlit as st

from lenslab.figures import posterior
from lenslab.figures.evidence import evidence as evidence_figure
from lenslab.insight import cards
from lenslab.insight.explain import METHODS
from lenslab.tasks.measure.ideal import ideal_error, too_narrow
from lenslab.tasks.measure.quantities import SMOOTH
from lenslab.ui.escape import plain
from lenslab.ui.gate import through_the_gate
from lenslab.ui.measure.answers import Answer, evidence, quantities_of, route, truth_of
from lenslab.ui.measure.form import FORM, Taken
from lenslab.ui.measure.show import shown_quantities
from lenslab.ui.measure.sky import sky_look
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making
from lenslab.ui.plot import plot

FIGURES = ("mae", "r2", "coverage68", "coverage95")


def follow_look(network: Network, shown: Shown, answer: Answer, taken: Taken) -> None:
    """The truth turned from end to end, and what the network says of each."""
    quantities = quantities_of(network)
    able = [(item, places[0]) for item, places in shown_quantities(quantities, taken)
            if truth_of(item, shown) is not None]
    if not able:
        st.info("Only a number that this lens has can be turned: choose **Numbers of** what it is, or the smooth lens.",
                icon=":material/info:")
        return
    by_key = {item.key: (item, place) for item, place in able}
    key = st.segmented_control("Turn", list(by_key), key=FORM.keyed("turned", next(iter(by_key)), among=by_key),
                               format_func=lambda key: by_key[key][0].kind.title, required=True) or next(iter(by_key))
    item, place = by_key[key]
    try:
        truths, middle, low, high = through_the_gate(lambda turn: route(network, shown.scene, place, turn),
                                                     f"{item.kind.title}, from end to end", key="measure.route.stop",
                                                     on_stop=away)
    except ValueError as error:
        st.warning(plain(str(error)))
        return
    plot(posterior.follow(truths, middle, low, high, item.limits, title=f"{item.kind.title}: said over true",
                          unit=item.kind.unit, now=truth_of(item, shown)), key="measure.follow", square=False,
         alt=f"What the network says of {item.kind.title} as the truth is turned")
    st.caption("The same lens with the same random numbers; only this one number changes. Where the line follows the "
               "dotted diagonal the image tells the number; where it stays flat, it does not.")


def away() -> None:
    st.session_state["measure.look"] = "How honest it is"


def evidence_look(network: Network, shown: Shown, answer: Answer, taken: Taken) -> None:
    """Which pixels raise a median, and which lower it."""
    found = shown_quantities(quantities_of(network), taken)
    if not found:
        st.info("Choose a kind of dark matter under **Numbers of**.", icon=":material/info:")
        return
    by_key = {item.key: (item, places[0]) for item, places in found}
    left, right = st.columns(2)
    key = left.selectbox("Read off", list(by_key), key=FORM.keyed("read", next(iter(by_key)), among=by_key),
                         format_func=lambda key: by_key[key][0].kind.title)
    method = right.selectbox("Method", list(METHODS), key=FORM.keyed("method", next(iter(METHODS)), among=METHODS),
                             format_func=lambda name: METHODS[name].partition(":")[0])
    item, place = by_key[key]
    try:
        maps = through_the_gate(lambda turn: evidence(network, shown, place, method), METHODS[method].partition(":")[0],
                                key="measure.evidence.stop", on_stop=away)
    except ValueError as error:
        st.warning(plain(str(error)))
        return
    for column, made, word in zip(st.columns(2), maps, ("higher", "lower"), strict=True):
        with column:
            plot(evidence_figure(shown.observation, made.map[0].numpy(), truth=None, opacity=0.85,
                                 title=f"What makes it {word}"), key=f"measure.evidence.{word}", later=True,
                 alt=f"Pixels that make the network's {item.kind.title} {word}")
    st.caption(f"Orange: pixels that move the middle of the posterior of **{item.kind.title}** up, and down.")


def honest_look(network: Network, shown: Shown, answer: Answer, taken: Taken) -> None:
    """Its errors on test images that steered nothing."""
    metrics, quantities = cards.metrics_of(network.card), quantities_of(network)
    titles = {item.key: item for item in quantities.quantities}
    rows = [{"quantity": titles[key].kind.title, "unit": titles[key].kind.unit,
             **{name: metrics[name].get(key) for name in FIGURES if isinstance(metrics.get(name), dict)},
             "ideal": ideal_error(network.population, key)}
            for key in quantities.keys if isinstance(metrics.get("mae"), dict) and key in metrics["mae"]]
    if rows:
        st.dataframe(rows, hide_index=True, column_config={
            "mae": st.column_config.NumberColumn("mean error", format="%.3f"),
            "ideal": st.column_config.NumberColumn("at best", format="%.2f", help="The mean error of an observer who "
                                                   "knows all that an image holds, where that was measured."),
            "r2": st.column_config.NumberColumn("R²", format="%.2f"),
            "coverage68": st.column_config.NumberColumn("truth within 68 %", format="percent"),
            "coverage95": st.column_config.NumberColumn("truth within 95 %", format="percent")})
    for key in (key for key in too_narrow(network.card) if key in titles):
        st.warning(f"Of **{titles[key].kind.title}** its posteriors are narrower than those of an observer who knows "
                   "all that an image holds: it claims more than images tell.", icon=":material/warning:")
    told = network.card.get("calibration")
    if isinstance(told, dict) and isinstance(told.get("coverage"), dict) and told["coverage"]:
        plot(posterior.coverage({"Smooth lens" if name == SMOOTH else name: entry
                                 for name, entry in told["coverage"].items()},
                                title="Do regions hold the truth as often as they should?"), key="measure.coverage",
             later=True, square=False, alt="Expected coverage of the posteriors")
        places = st.columns(2)
        shown_ranks = [(f"{block}/{item.key}", item) for item, block in
                       ((item, item.block) for item, _ in shown_quantities(quantities, taken))]
        for k, (name, item) in enumerate(shown_ranks):
            entry = told["ranks"].get(name) if isinstance(told.get("ranks"), dict) else None
            if entry:
                with places[k % 2]:
                    plot(posterior.ranks(entry["counts"], entry["band"], title=item.kind.title),
                         key=f"measure.ranks.{name}", later=True, square=False,
                         alt=f"Ranks of the truth among the samples of {item.kind.title}")
        st.caption("If its posteriors are honest, bars stay inside of the grey band, 99 times of 100: the truth is "
                   "anywhere among the samples equally often.")
    else:
        st.caption("Ranks and coverage were not kept for this network.")
    st.markdown("Another network for these lenses is made by:")
    st.code(making("measure", network.population), language="sh", wrap_lines=True)


def looks(network: Network, shown: Shown, answer: Answer, taken: Taken) -> None:
    """Draw the look that is open."""
    found = {"Turn the truth": follow_look} if shown.simulated and shown.truth is not None else {}
    found |= {"Where it reads": evidence_look, "Many lenses": sky_look, "How honest it is": honest_look}
    if st.session_state.get("measure.look") not in found:
        st.session_state["measure.look"] = next(iter(found))
    chosen = st.segmented_control("Look closer", list(found), key="measure.look", required=True)
    found[chosen or next(iter(found))](network, shown, answer, taken)


