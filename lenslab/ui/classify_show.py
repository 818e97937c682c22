"""What the Classify page shows: the image with the evidence over it, and beside it what the networks say."""

import streamlit as st

from lenslab.checkpoint import duration_words
from lenslab.figures import classification, observed
from lenslab.figures.classification import named
from lenslab.figures.evidence import evidence as evidence_figure
from lenslab.insight import cards, localise
from lenslab.insight.explain import METHODS
from lenslab.population import find
from lenslab.tasks.order import SYMMETRIES
from lenslab.ui import cached
from lenslab.ui import classify_models as models
from lenslab.ui.classify_form import ANSWER, Choice, Evidence
from lenslab.ui.classify_image import Shown
from lenslab.ui.classify_models import Answer, Network
from lenslab.ui.escape import plain as escaped
from lenslab.ui.gate import through_the_gate
from lenslab.ui.plot import plot

SURE = 0.8
EMPTY = """Here trained networks look at the image of a gravitational lens and name the dark matter in it.

No trained classifier is at hand yet. These commands make one (minutes on two cores; more `--steps` make it better):"""
Answers = dict[Network, Answer]


def empty(problems: list[str]) -> None:
    """Before the first checkpoint."""
    with st.container(border=True):
        st.markdown(EMPTY)
        st.code(models.making(), language="sh", wrap_lines=True)
        st.markdown("Or begin it on the **Train** page and press *Keep checkpoint* when it has learnt enough.")
    for problem in problems:
        st.caption(escaped(problem))


def invite(choice: Choice) -> None:
    """Before an image is chosen."""
    text = {"real": "Choose a real lens on the left (on a phone: under »), or bring an image of your own. It is put on "
                    "the pixels that the networks know, and the lens galaxy is taken off.",
            "set": "Give the path of a data set on the left (on a phone: under »), made by python -m lenslab dataset."}
    st.info(text.get(choice.source, "Choose an image on the left."), icon=":material/travel_explore:")


def ask_all(choice: Choice, shown: Shown) -> Answers:
    """What each network says; one that cannot be asked says why."""
    answers = {}
    for network in choice.networks:
        try:
            answers[network] = models.ask(network, shown)
        except ValueError as error:
            st.warning(f"{escaped(network.name)}: {escaped(str(error))}", icon=":material/error:")
    return answers


def warnings(choice: Choice, shown: Shown, answers: Answers) -> None:
    """What stands above the probabilities because they may mean nothing."""
    strange = [network for network, answer in answers.items()
               if answer.strange is not None and answer.strange < models.STRANGE]
    if strange:
        who = " and ".join(escaped(network.short) for network in strange)
        st.warning(f"This image lies outside of what **{who}** learnt from: fewer than 1 in 100 images of "
                   f"{choice.population} look so strange to it. Do not believe the probabilities below.",
                   icon=":material/warning:")
    elif not shown.simulated and any(answer.strange is None for answer in answers.values()):
        st.warning("These checkpoints cannot tell how far an image lies from what they learnt from. Real lenses may "
                   "well lie outside: take the probabilities as a game.", icon=":material/warning:")
    if told := [doubt for network in answers if (doubt := doubts(network))]:
        st.info("\n\n".join(told), icon=":material/school:")
    for remark in shown.remarks:
        st.caption(f":material/info: {remark}")


def doubts(network: Network) -> str:
    """What may be expected of a network that learns still, or that has learnt nothing; "" of any other."""
    (reached, limits), figures = cards.measured(network.card, "macro_auc"), ""
    n = cards.metrics_of(network.card).get("n")
    if reached is not None and isinstance(n, int):
        split = "test" if network.card.get("split") == "test" else "validation"
        figures = f" On {n:,} {split} images its macro AUC was {reached:.2f}: 0.5 is guessing and 1 is never wrong."
    if network.card.get("complete") is False:
        return f"**{escaped(network.short)}** is still learning: its training is not complete.{figures}"
    if limits and limits[0] <= 0.5:
        return f"**{escaped(network.short)}** guesses: its training was too short for what it was to learn.{figures}"
    return ""


def verdict(answers: Answers, classes: tuple[str, ...]) -> str:
    """One sentence for everybody."""
    tops = {network: classes[int(answer.probabilities.argmax())] for network, answer in answers.items()}
    words = {network: f"{named(top)}** ({classification.percent(float(answers[network].probabilities.max()))})"
             for network, top in tops.items()}
    if len(answers) == 1:
        (network, word), = words.items()
        sure = answers[network].probabilities.max() >= SURE
        return f"{escaped(network.short)} {'says' if sure else 'leans to'} **{word}."
    if len(set(tops.values())) == 1:
        return f"All {len(tops)} networks name **{named(next(iter(tops.values())))}**."
    return "The networks disagree: " + ", ".join(f"{escaped(network.short)} says **{word}"
                                                 for network, word in words.items()) + "."


def probabilities(choice: Choice, shown: Shown, answers: Answers, truth: str | None) -> None:
    """The bars, and what they mean."""
    population = find(choice.population)
    st.markdown(verdict(answers, population.classes))
    bars = [classification.Answer(network.short.replace("<", ""), answer.probabilities, answer.low, answer.high)
            for network, answer in answers.items()]
    said = "; ".join(f"{answer.name}: " + ", ".join(
        f"{named(name)} {classification.percent(float(value))}" for name, value in
        zip(population.classes, answer.probabilities, strict=True)) for answer in bars)
    plot(classification.bars(bars, population.classes, truth=truth), key="classify.bars", square=False,
         alt=f"Probabilities of the classes. {said}")
    ways, longest = len(SYMMETRIES[population.symmetry]), max(answer.seconds for answer in answers.values())
    st.caption(f"Calibrated: of images that a network calls 80 %, about 80 % are what it says. Whiskers: how far its "
               f"answer goes over the {ways} ways to turn and mirror the image, which change nothing about the lens. "
               f"Answered in {1e3 * longest:.0f} ms.")


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
    return (f"The truth: **{named(shown.truth)}**. Its substructure changes this image by λ = {total:.1f} σ in all "
            "beyond what a smooth lens could mimic; outlined in blue is where nine tenths of that lie."
            + ("" if total >= 3 else " That is too little for anybody to tell: a guess is as good."))


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


def target_of(wanted: Evidence, answers: Answers) -> int:
    """The class whose evidence is asked for."""
    classes = find(wanted.network.population).classes
    if wanted.target == ANSWER:
        return int(answers[wanted.network].probabilities.argmax())
    return classes.index(wanted.target)


def explained(network: Network, shown: Shown, target: int, method: str, channel: str | None):
    """A map of evidence (H, W); a second or so when it is new."""
    found = through_the_gate(lambda turn: models.evidence(network, shown, target, method, channel),
                             METHODS[method].partition(":")[0], key=f"classify.{method}.stop",
                             on_stop=lambda: st.session_state.update({"classify.form.method": "none"}))
    return found.map[0].numpy()


def picture(choice: Choice, shown: Shown, answers: Answers, wanted: Evidence | None, truth: bool) -> None:
    """The image large, with what speaks for a class over it."""
    outlined = true_pixels(shown) if truth else None
    if wanted is None or wanted.network not in answers:
        plot(observed.image(shown.observation, title="What the networks are given"), key="classify.image",
             alt=f"The image. {shown.where}")
        st.caption(shown.where)
        return
    target = target_of(wanted, answers)
    label = named(find(choice.population).classes[target])
    weights = explained(wanted.network, shown, target, wanted.method, wanted.channel)
    plot(evidence_figure(shown.observation, weights, truth=outlined, opacity=wanted.opacity,
                         title=f"What speaks for: {label}"),
         key="classify.image", alt=f"The image with the evidence of {wanted.network.short} for {label} over it. "
                                   f"{shown.where}")
    st.caption(f"{shown.where} Orange: what speaks for **{label}** in the eyes of {escaped(wanted.network.short)}"
               + (", of its channel " + wanted.channel if wanted.channel else "") + "."
               + (" Blue: true substructure." if outlined is not None else ""))


def table(networks) -> list[dict]:
    """A row for each network, from its card."""
    rows = []
    for network in networks:
        card = network.card
        row = {"network": network.short, "file": network.name}
        for name, label in (("macro_auc", "macro AUC"), ("accuracy", "accuracy"), ("ece", "calibration error")):
            row[label] = cards.in_words(card, name)
        rows.append(row | {"steps": str(card.get("steps", ""))[:12], "trained": duration_words(card.get("duration"))})
    return rows


def made(choice: Choice) -> Shown | None:
    """The image that was chosen; where there is none, or it is refused, the page says so."""
    if choice.image is None:
        return invite(choice)
    try:
        return choice.image(choice.changes)
    except ValueError as error:
        st.warning(escaped(str(error)), icon=":material/info:")
        return None


def answered(choice: Choice, shown: Shown, answers: Answers) -> bool:
    """Warnings, probabilities and, if wanted, the truth; returns whether it is wanted."""
    warnings(choice, shown, answers)
    if not choice.networks:
        st.info("Choose a network on the left.")
    if not answers:
        return False
    told = shown.simulated and bool(st.session_state.get("classify.truth"))
    probabilities(choice, shown, answers, shown.truth if told else None)
    if tell_truth(shown):
        st.markdown(truth_sentence(choice, shown))
    return told
