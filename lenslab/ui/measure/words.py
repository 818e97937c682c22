"""Numbers of dark matter in words: between which values they lie, in units that people use, and what is new in it."""

from math import floor, log10

import numpy as np

from lenslab.tasks.measure.quantities import Quantity

HARDLY, CLEARLY = 0.85, 0.5     # of the prior's width: what narrows less tells hardly anything
ROUNDED = 2                     # digits


def digits(value: float, n: int = ROUNDED) -> str:
    """`0.034`, `1.2`, `340`: a number as people write it."""
    if value == 0:
        return "0"
    places = n - 1 - floor(log10(abs(value)))
    return f"{round(value, places):,.{max(0, places)}f}"


def pair(item: Quantity, low: float, high: float) -> str:
    """`1.2 and 3.4 × 10⁻²³ eV` of a quantity's own numbers."""
    key = item.key
    if key in ("log10_f_sub", "log10_f_vortex"):
        return f"{digits(100 * 10**low)} and {digits(100 * 10**high)} % of the mass"
    if key == "log10_m22":
        return scaled(10.0 ** (low - 22), 10.0 ** (high - 22), "eV")
    if key == "log10_m_axion":
        return scaled(10.0**low, 10.0**high, "eV")
    if key in ("log10_m_sub", "log10_m_hm"):
        return scaled(10.0**low, 10.0**high, "solar masses")
    unit = "″" if item.kind.unit == "arcsec" else f" {item.kind.unit}" if item.kind.unit else ""
    spread = max(abs(high - low), 1e-9)
    places = max(0, 1 - floor(log10(spread)))
    return f"{low:.{places}f} and {high:.{places}f}{unit}"


def scaled(low: float, high: float, unit: str) -> str:
    power = floor(log10(high))
    upper = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits(low / 10**power)} and {digits(high / 10**power)} × 10{upper} {unit}"


def sentence(item: Quantity, samples: np.ndarray) -> str:
    """Of a posterior (S,): its central 68 %, and how much more that is than was known before."""
    low, high = np.quantile(samples, [0.16, 0.84])
    before = item.at(np.array([0.16, 0.84]))
    share = (high - low) / (before[1] - before[0])
    if share > HARDLY:
        news = "This image says hardly more than was known before."
    elif share > CLEARLY:
        news = f"This image narrows it to {100 * share:.0f} % of what was possible."
    else:
        news = f"This image narrows it {digits(1 / share)} times."
    return f"**{item.kind.title}**: between {pair(item, float(low), float(high))} (68 %). {news}"
