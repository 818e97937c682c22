"""What an observer could know of a number who knows all that an image holds: mean absolute error of the median, dex.

A posterior that claims less than that claims to know what no image tells.
"""

from lenslab.insight import cards

# hst: posteriors of an observer who knows the population's laws, macro model and source marginalised to linear order,
# 87 lenses a class. deeplense-1 and its mended twin: the least error that was ever measured there.
IDEAL = {
    "hst": {"log10_f_sub": 0.30, "log10_m_hm": 0.62, "log10_m22": 0.23, "log10_f_vortex": 0.16, "log10_m_axion": 0.33},
    "deeplense-1": {"log10_m_axion": 0.17},
    "deeplense-1-mended": {"log10_m_axion": 0.19},
}
SLACK = 0.9      # of the ideal error: it was measured on few lenses itself


def ideal_error(population: str, key: str) -> float | None:
    """Of a number of a population; None where nobody has measured it."""
    return IDEAL.get(population, {}).get(key)


def too_narrow(card: dict) -> tuple[str, ...]:
    """Keys of which a network's posteriors claim to know more than images tell, by its card."""
    claimed = cards.metrics_of(card).get("claimed")
    if not isinstance(claimed, dict):
        return ()
    least = {key: ideal_error(str(card.get("population")), key) for key in claimed}
    return tuple(key for key, value in claimed.items()
                 if isinstance(value, int | float) and least[key] is not None and value < SLACK * least[key])
