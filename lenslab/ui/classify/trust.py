"""Whether what a network says of an image may be taken for an answer, and in which words it is said when it may not.

A network answers whatever it is shown. Its probabilities mean something for images like those that it learnt from; for
any other image the page says so first, and shows no probability as an answer.
"""

from lenslab.insight import cards
from lenslab.ui.classify.answers import STRANGE, Answer
from lenslab.ui.escape import plain
from lenslab.ui.pick.image import Shown
from lenslab.ui.pick.networks import Network


def outside(network: Network, shown: Shown, answer: Answer) -> tuple[str, ...]:
    """Why an image lies outside of what a network learnt from, in sentences; none where it may be asked."""
    found = shown.outside
    if answer.strange is not None and answer.strange < STRANGE:
        found += (f"Fewer than 1 in 100 images of {network.population} look so strange to "
                  f"{plain(network.short)}.",)
    elif answer.strange is None and not shown.simulated:
        found += (f"{plain(network.short)} cannot tell how far a real image lies from what it learnt from.",)
    return found


def refusal(networks: dict[Network, tuple[str, ...]], every: bool) -> str:
    """What stands above the bars of networks that may not be asked; `every`: none of those shown may be."""
    who = " and ".join(plain(network.short) for network in networks)
    reasons = dict.fromkeys(reason for told in networks.values() for reason in told)
    return (f"**No answer{'' if every else ' of ' + who}.** This image lies outside of what {who} learnt from. "
            f"{' '.join(reasons)} Grey bars show what comes out all the same: not how likely anything is.")


def outdated(network: Network) -> str:
    """What is said of a network whose population has other laws by now; "" of any other."""
    if not network.outdated:
        return ""
    return (f"The lenses of {network.population} are drawn by other laws since {plain(network.short)} learnt from "
            "them: it answers as it did then, of images as they are drawn now.")


def doubts(network: Network) -> str:
    """What may be expected of a network that learns still, or that has learnt nothing; "" of any other."""
    (reached, limits), figures = cards.metric(network.card, "macro_auc"), ""
    n = cards.metrics_of(network.card).get("n")
    if reached is not None and isinstance(n, int):
        split = "test" if network.card.get("split") == "test" else "validation"
        figures = f" On {n:,} {split} images its macro AUC was {reached:.2f}: 0.5 is guessing and 1 is never wrong."
    if network.card.get("complete") is False:
        return f"**{plain(network.short)}** is still learning: its training is not complete.{figures}"
    if limits and limits[0] <= 0.5:
        return f"**{plain(network.short)}** guesses: its training was too short for what it was to learn.{figures}"
    return ""
