"""What the Model page says of a checkpoint, out of its card alone: no torch, no Streamlit.

A card may come from anywhere: what is not of its type is left out.
"""

from dataclasses import dataclass, field
from pathlib import Path

from lenslab.checkpoint import duration_words, list_checkpoints, parameters
from lenslab.figures.classification import named
from lenslab.insight import cards
from lenslab.insight.significance import FOUND
from lenslab.quantity import Metric
from lenslab.tasks import TASKS, verdicts_of
from lenslab.ui.escape import plain

ABOUT = {
    "cnn": "a plain convolutional network",
    "physics_cnn": "a convolutional network that also sees what a smoothing leaves",
    "resnet": "a residual network (ResNet-18, narrow)",
    "equivariant": "a network that answers the same however the image is turned or mirrored",
    "vit": "a transformer on patches of the image",
    "lensiformer": "a transformer with a lens layer",
    "lenspinn": "a network with a lens layer",
    "lens_residual": "a network that sees the image and what a fit of a smooth lens leaves of it",
}
FIRST = "python -m lenslab train classify --network cnn --population hst --steps 20000 --run runs/cnn-hst"


@dataclass(frozen=True)
class Facts:
    """A checkpoint as it is shown."""

    path: Path
    card: dict = field(compare=False, repr=False)
    classes: tuple[str, ...]
    judgement: dict | None             # sound; None where the card has none
    maps: dict | None                  # of detectability, likewise
    problems: tuple[str, ...] = ()     # why a part of the card is not shown

    @property
    def name(self) -> str:
        return self.path.stem


def cards_at_hand() -> tuple[dict[str, dict], list[str]]:
    """{name: card} of the networks at hand, of any task, and why other files cannot be shown."""
    found, problems = {}, []
    for path, card in list_checkpoints():
        if "problem" in card:
            problems.append(str(card["problem"]))
        else:
            try:
                found[path.stem] = dict(card, path=path, classes=names(card))
            except ValueError as error:
                problems.append(f"{path.name}: {error}")
    return dict(sorted(found.items())), problems   # the best of a population stands before its sisters


def names(card: dict) -> tuple[str, ...]:
    """Its classes; () where its task names none."""
    task, classes = card.get("task"), card.get("classes")
    if not isinstance(task, str) or task not in TASKS:
        raise ValueError("its card is of no task that this lenslab knows; make the checkpoint anew with python -m "
                         "lenslab train.")
    if classes is None and not ("confusion" in cards.metrics_of(card) or card.get("judgement")):
        return ()
    if not cards.are_classes(classes):
        raise ValueError("its card names no classes; make the checkpoint anew with python -m lenslab train.")
    return tuple(classes)


def facts(card: dict) -> Facts:
    """What of a card can be shown; what is unsound is told and left out."""
    classes, parts, problems = card["classes"], {}, []
    for word, sound in (("judgement", cards.sound), ("detectability", cards.sound_maps)):
        parts[word] = None
        if card.get(word) is not None:
            try:
                parts[word] = sound(card[word], classes)
            except ValueError as error:
                problems.append(str(error))
    return Facts(card["path"], card, classes, parts["judgement"], parts["detectability"], tuple(problems))


def text(card: dict, name: str) -> str:
    """A word of a card, free of marks that a page would act on."""
    value = card.get(name)
    letters = value[:80] if isinstance(value, str) else ""
    return "".join(letter for letter in letters if letter.isalnum() or letter in " :=,.+-_/")


def sentence(shown: Facts) -> str:
    """The card in words."""
    card, config = shown.card, shown.card.get("config") if isinstance(shown.card.get("config"), dict) else {}
    network, classes = text(card, "network"), [f"*{named(name)}*" for name in shown.classes]
    words = f"**{plain(network) or 'A network'}**" + (f": {ABOUT[network]}" if network in ABOUT else "")
    words += f"{weights(shown.path)}. It learnt " + (
        f"to tell apart {', '.join(classes[:-1])} and {classes[-1]}" if classes else
        f"to answer *{TASKS[card['task']].title}*")
    words += f" on **{plain(text(card, 'population')) or 'an unnamed population'}**"
    size = pictures(card, config)
    words += f" from {size}" if size else ""
    duration = card.get("duration")
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        words += f" in {duration_words(duration)} on {plain(text(card, 'device')) or 'an unnamed device'}"
    return words + (". Its training is complete." if card.get("complete") is True else
                    ". Its training is **not complete**: it can be continued from here.")


def verdict(card: dict) -> str:
    """What it sees of the substructure that there is to be seen, as a sentence; "" where that was not measured."""
    strong = cards.strong(card)
    if not strong:
        return ""
    low, high = strong["interval"]
    return (f"Of {strong['of']:,} test lenses with substructure {strong['n']:,} keep more than {FOUND:g} σ of it when "
            f"a smooth lens is fitted anew: these it tells from smooth lenses with AUC {strong['auc']:.3f} ({low:.3f} "
            f"to {high:.3f}). In the others it drowns in the noise, or a smooth lens explains it.")


def weights(path: Path) -> str:
    """The number of its parameters, buffers among them, from the header alone."""
    try:
        return f" with {rounded(parameters(path))} parameters"
    except (ValueError, OSError):
        return ""


def pictures(card: dict, config: dict) -> str:
    """How many images it has been shown, and how many of them are different."""
    steps, batch = card.get("steps"), config.get("batch")
    if type(steps) is not int or type(batch) is not int:
        return ""
    fixed, reuse = config.get("images"), config.get("reuse")
    if type(fixed) is int and fixed > 0:
        return f"{fixed:,} images, shown {steps * batch / fixed:.0f} times each"
    if type(card.get("training_images")) is int:       # counted over sittings of several settings
        return f"{rounded(steps * batch)} showings of {rounded(card['training_images'])} simulated images"
    different = steps * batch / reuse if type(reuse) is int and reuse > 0 and not config.get("data") else None
    return f"{rounded(steps * batch)} showings" + (f" of {rounded(different)} simulated images" if different else "")


def rounded(number: float) -> str:
    """Two or three digits, which is what a reader keeps: 1.2 million, 240,000, 950."""
    if number >= 1e6:
        return f"{number / 1e6:.3g} million"
    return f"{float(f'{number:.2g}'):,.0f}" if number >= 1000 else f"{number:.0f}"


def scores(card: dict) -> list[tuple[Metric, float, tuple[float, float] | None]]:
    """Metric, value and interval of the numbers that stand on top of the page."""
    told = ((metric, *cards.metric(card, metric.name)) for metric in verdicts_of(card.get("task")))
    return [(metric, value, limits) for metric, value, limits in told if value is not None]


def judged_on(card: dict) -> str:
    n = cards.metrics_of(card).get("n")
    which = "test images, which steered nothing in its training" if card.get("split") == "test" else \
        "validation images, which chose its best weights"
    return f"{n:,} {which}" if type(n) is int else which


def confusion(shown: Facts) -> list[list[int]] | None:
    """Counts of the judgement, or of the metrics where there is none."""
    if shown.judgement:
        return shown.judgement["confusion"]
    counts, size = cards.metrics_of(shown.card).get("confusion"), len(shown.classes)
    good = isinstance(counts, list) and len(counts) == size and all(
        isinstance(row, list) and len(row) == size and all(type(value) is int and 0 <= value <= cards.MAX_COUNT
                                                           for value in row) for row in counts)
    return counts if good else None


def command(shown: Facts, what: str) -> str:
    """What makes a missing part."""
    return f"python benchmarks/{what}.py checkpoints/{shown.path.name} --write"
