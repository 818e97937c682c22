"""How the fits of classifiers are made: numbers that stand in their cards, so that they fit as they did when taught.

A network that has learnt from what a fit leaves must be given what the same fit leaves. Better fits come
(lenslab.fit.refined); shipped networks keep theirs. What all fits share, such as the compact components and their
priors, stands beside its code and may not be changed without a new name here.
"""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class FitRecipe:
    """Numbers of lenslab.nets.lens_residual, lenslab.fit.least_squares and lenslab.fit.annealed."""

    starts: int = 3            # places from which a fit begins; where sources have compact components
    fewer: int = 2             # so many
    trials: int = 3            # steps from each of them,
    steps: int = 8             # more from the best,
    seeking: int = 3           # and so many, from there too, on the way to the compact components
    rounds: int = 5            # with compact components
    prior: float = 2.0         # standard deviations of the population that one sigma of the prior is wide
    again: tuple[float, ...] = (0.3, 0.1)    # shares of inflated noise with which components are sought anew
    noise: float = 3.0         # sigmas of its distribution by which chi^2 is then too high
    profile: float = 0.3       # shares of its brightness that an image may differ from a profile,
    few: float = 0.1           # and from Gaussians
    inflated: int = 3          # rounds with compact components while the noise is inflated
    held: float = 1.0          # standard deviations of the population that coordinates,
    stiff: float = 0.3         # and multipoles may have meanwhile


FIRST = FitRecipe()
RECIPES = {"first": FIRST}     # those of shipped networks, by the name that their cards give


def to_card(recipe: FitRecipe) -> dict:
    """Its name and its numbers as plain values."""
    name = next((name for name, known in RECIPES.items() if known == recipe), "")
    return dict(name=name, **{key: list(value) if isinstance(value, tuple) else value
                              for key, value in asdict(recipe).items()})


def of_card(card: object) -> FitRecipe:
    """The recipe of a card that may come from anywhere; the first one where it has none, as cards had none then."""
    if card is None:
        return FIRST
    names = {item.name for item in fields(FitRecipe)}
    sound = isinstance(card, dict) and set(card) - {"name"} == names and isinstance(card["again"], list) \
        and len(card["again"]) <= 8 and all(type(value) in (int, float) and 0 <= value <= 100 for value in
                                            [*card["again"], *(card[name] for name in names - {"again"})]) \
        and all(type(card[item.name]) is int for item in fields(FitRecipe) if item.type in (int, "int")) \
        and card["starts"] >= 1 and card["fewer"] >= 1 and card["prior"] > 0 and card["held"] > 0 and card["stiff"] > 0
    if not sound:
        raise ValueError("How this network's fits are made, as its card says, makes no sense; take another copy of the "
                         "checkpoint.")
    return FitRecipe(**{name: tuple(card[name]) if name == "again" else card[name] for name in names})
