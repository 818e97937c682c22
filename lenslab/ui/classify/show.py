"""What the Classify page shows: the image with the evidence over it, and beside it what the networks say."""

from collections.abc import Collection

import streamlit as st

from lenslab.checkpoint import duration_words
from lenslab.figures import classification, observed
from lenslab.figures.classification import named
from lenslab.figures.evidence import evidence as evidence_figure
from lenslab.insight import cards, localise, map_scores
from lenslab.insight.explain import METHODS
from lenslab.insight.significance import EASIER, at_most, promise
from lenslab.population import find
from lenslab.symmetry import GROUPS
from lenslab.tasks import verdicts_of
from lenslab.ui import cached
from lenslab.ui.classify import trust as trust
from lenslab.ui.classify.answers import Answer, ask, evidence
from lenslab.ui.classify.form import ANSWER, FORM, NONE, Choice, Evidence
from lenslab.ui.escape import plain
from lenslab.ui.gate import through_the_gate
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network, making
from lenslab.ui.plot import plot

SURE = 0.8
EMPTY = """Here trained networks look at the image of a gravitational lens and name the dark matter in it.

No trained classifier is at hand yet. These commands make one (minutes on two cores; more `--steps` make it better):"""
Answers = dict[Network, Answer]


def empty(problems: list[str]) -> None:
    """Before the first checkpoint."""
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(making("classify"), language="sh", wrap_lines=True)
        st.markdown("Or begin it on the **Train** page and press *Keep checkpoint* when it has learnt enough.")
    for problem in problems:
        st.caption(plain(problem))


def invite(choice: Choice) -> None:
    """Before an image is chosen."""
    text = {"real": "Choose a real lens in the controls, or bring an image of your own. It is put on "
                    "the pixels that the networks know, and the lens galaxy is taken off.",
            "set": "Give the path of a data set in the controls, made by python -m lenslab dataset."}
    st.info(text.get(choice.source, "Choose an image in the controls."), icon=":material/travel_explore:")


def ask_all(choice: Choice, shown: Shown) -> Answers:
    """What each network says; one that cannot be asked says why."""
    answers = {}
    for network in choice.networks:
        try:
            answers[network] = ask(network, shown, on_stop=lambda network=network: leave(network))
        except ValueError as error:
            st.warning(f"{plain(network.name)}: {plain(str(error))}", icon=":material/error:")
    return answers


def leave(network: Network) -> None:
    """Stop was pressed while a network fitted: it is asked no more."""
    beside = f"networks.{network.population}"
    FORM.put(**{beside: [name for name in FORM.value(beside, []) if name != network.name]})


def warnings(shown: Shown, answers: Answers) -> dict[Network, tuple[str, ...]]:
    """What stands above the probabilities; returns the networks that have no answer, and why."""
    none = {network: why for network, answer in answers.items() if (why := trust.outside(network, shown, answer))}
    if none:
        st.warning(trust.refusal(none, every=len(none) == len(answers)), icon=":material/warning:")
    if told := [doubt for network in answers for doubt in (trust.doubts(network), trust.outdated(network)) if doubt]:
        st.info("\n\n".join(told), icon=":material/school:")
    return none


def verdict(answers: Answers, classes: tuple[str, ...]) -> str:
    """One sentence for everybody."""
    tops = {network: classes[int(answer.probabilities.argmax())] for network, answer in answers.items()}
    words = {network: f"{named(top)}** ({classification.percent(float(answers[network].probabilities.max()))})"
             for network, top in tops.items()}
    if len(answers) == 1:
        (network, word), = words.items()
        sure = answers[network].probabilities.max() >= SURE
        return f"{plain(network.short)} {'says' if sure else 'leans to'} **{word}."
    if len(set(tops.values())) == 1:
        return f"All {len(tops)} networks name **{named(next(iter(tops.values())))}**."
    return "The networks disagree: " + ", ".join(f"{plain(network.short)} says **{word}"
                                                 for network, word in words.items()) + "."


def probabilities(choice: Choice, answers: Answers, none: Collection[Network], truth: str | None) -> None:
    """The bars, and what they mean; those of networks in `none` are grey and mean nothing."""
    classes = next(iter(answers)).classes
    believed = {network: answer for network, answer in answers.items() if network not in none}
    if believed:
        st.markdown(verdict(believed, classes))
    bars = [classification.Answer(network.short, answer.probabilities, answer.low, answer.high,
                                  valid=network in believed) for network, answer in answers.items()]
    said = "; ".join(f"{answer.name}: " + (", ".join(
        f"{named(name)} {classification.percent(float(value))}" for name, value in
        zip(classes, answer.probabilities, strict=True)) if answer.valid else "no answer")
        for answer in bars)
    plot(classification.bars(bars, classes, truth=truth, title="What the networks say" if believed else
                             "No answer: these bars mean nothing"),
         key="classify.bars", square=False, alt=f"Probabilities of the classes. {said}")
    ways = len(GROUPS[next(iter(answers)).card["symmetry"]])
    longest = max(answer.seconds for answer in answers.values())
    meaning = ("" if not believed else f"Calibrated on {choice.population}: of its images that a network calls 80 %, "
               "about 80 % are what it says. ")
    st.caption(f"{meaning}Whiskers: how far the bars go over the {ways} ways to turn and mirror the image, which "
               f"change nothing about the lens. Answered in {1e3 * longest:.0f} ms.")


def tell_truth(shown: Shown) -> bool:
    """Whether the visitor wants to know; real lenses have no answer key."""
    if not shown.simulated:
        return False
    return st.toggle("Show the truth", key="classify.truth", help="What was simulated, and where its substructure "
                     "shows in the image.")


def truth_sentence(choice: Choice, shown: Shown) -> str:
    """What was simulated."""
    dark = shown.scene.substructure
    if shown.truth is None:
        return "The truth is none of these classes."
    if dark.kind == "none":
        return f"The truth: **{named(shown.truth)}**."
    _, total = significance(shown)
    return (f"The truth: **{named(shown.truth)}**. Its substructure changes this image by {at_most(total)} (λ) beyond "
            "what a smooth lens could mimic; outlined in blue is where nine tenths of that lie. "
            f"{promise(total)} {EASIER}")


def significance(shown: Shown):
    """What the substructure changes, in sigmas (H, W), and lambda; seconds when it is new."""
    return through_the_gate(lambda turn: cached.significance(shown.scene), "The true signal of the substructure",
                            key="classify.truth.stop",
                            on_stop=lambda: st.session_state.update({"classify.truth": False}))


def true_pixels(shown: Shown):
    """(H, W) bool, where the true signal lies; None for a smooth or a real lens."""
    if not shown.simulated or (shown.scene.substructure.kind == "none" and not shown.scene.substructure.clumps):
        return None
    return localise.true_pixels(significance(shown)[0][None])[0]


def target_of(wanted: Evidence, shown: Shown, answers: Answers) -> int | None:
    """The class whose evidence is asked for; None where the network has no answer that could be explained."""
    if wanted.target != ANSWER:
        return wanted.network.classes.index(wanted.target)
    answer = answers[wanted.network]
    return None if trust.outside(wanted.network, shown, answer) else int(answer.probabilities.argmax())


def explained(network: Network, shown: Shown, target: int, method: str, channel: str | None):
    """A map of evidence (H, W); a second or so when it is new."""
    found = through_the_gate(lambda turn: evidence(network, shown, target, method, channel),
                             METHODS[method].partition(":")[0], key=f"classify.{method}.stop",
                             on_stop=lambda: FORM.put(method=NONE))
    return found.map[0].numpy()


def picture(choice: Choice, shown: Shown, answers: Answers, wanted: Evidence | None, truth: bool) -> None:
    """The image large, with what speaks for a class over it."""
    outlined = true_pixels(shown) if truth else None
    target = target_of(wanted, shown, answers) if wanted is not None and wanted.network in answers else None
    if target is None:
        plot(observed.image(shown.observation, title="What the networks are given"), key="classify.image",
             alt=f"The image. {shown.where}")
        st.caption(shown.where)
        return
    label = wanted.network.classes[target]
    weights = explained(wanted.network, shown, target, wanted.method, wanted.channel)
    plot(evidence_figure(shown.observation, weights, truth=outlined, opacity=wanted.opacity,
                         title=f"What speaks for: {named(label)}"),
         key="classify.image", alt=f"The image with the evidence of {wanted.network.short} for {named(label)} over it. "
                                   f"{shown.where}")
    st.caption(f"{shown.where} Orange: what speaks for **{named(label)}** in the eyes of "
               f"{plain(wanted.network.short)}" + (", of its channel " + wanted.channel if wanted.channel else "")
               + "." + (" Blue: true substructure." if outlined is not None else ""))
    st.caption(worth(wanted.network, label, wanted.method))


def worth(network: Network, label: str, method: str) -> str:
    """How well a method finds substructure of a class, as it was measured on test images of the network."""
    population = find(network.population)
    if population.kinds[population.classes.index(label)] == "none":
        return ""
    score = map_scores.score(network.card, label, method)
    if score is None:
        return (f"How well its maps find the substructure of {named(label)} was not measured. This command does: "
                f"`{map_scores.command(network.path.name)}`")
    return (f"How good such a map is: on {score.n} test images of {named(label)} its strongest pixel lay on true "
            f"substructure {score.pointing:.0%} of the time, and {score.share:.0%} of its weight did; of pixels of the "
            f"arc taken blindly, {score.chance:.0%} do.")


def table(networks) -> list[dict]:
    """A row for each network, from its card."""
    rows = []
    for network in networks:
        card = network.card
        row = {"network": network.short, "file": network.name}
        row |= {metric.label: cards.in_words(card, metric.name) for metric in verdicts_of(card.get("task"))}
        rows.append(row | {"steps": str(card.get("steps", ""))[:12], "trained": duration_words(card.get("duration"))})
    return rows


def image_of(choice: Choice) -> Shown | None:
    """The image that was chosen; where there is none, or it is refused, the page says so."""
    if choice.image is None:
        return invite(choice)
    try:
        return choice.image(choice.changes)
    except ValueError as error:
        st.warning(plain(str(error)), icon=":material/info:")
        return None


def answered(choice: Choice, shown: Shown, answers: Answers) -> bool:
    """Warnings, probabilities and, if wanted, the truth; returns whether it is wanted."""
    none = warnings(shown, answers)
    if not choice.networks:
        st.info("Choose a network in the controls.")
    if not answers:
        return False
    told = shown.simulated and bool(st.session_state.get("classify.truth"))
    probabilities(choice, answers, none, shown.truth if told else None)
    if tell_truth(shown):
        st.markdown(truth_sentence(choice, shown))
    return told
