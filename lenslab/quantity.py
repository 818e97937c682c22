"""What a number of a record is: its unit, its limits and a sentence about it, declared once beside its default.

The record checks itself against this declaration, the page builds its slider and tooltip from it, and files and links
are refused by it, so that the three can never disagree.
"""

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real

LONGEST = 1000      # letters of a word that is no choice


def number(default: float, low: float, high: float, unit: str, text: str, label: str, *, open_low: bool = False):
    """A real number in [low, high], or in (low, high] with `open_low`; `text` is the tooltip of its control."""
    return field(default=default, metadata=dict(low=low, high=high, unit=unit, text=text, label=label, kind=float,
                                                open_low=open_low))


def count(default: int, low: int, high: int, text: str, label: str):
    """A whole number in [low, high]."""
    return field(default=default, metadata=dict(low=low, high=high, unit="", text=text, label=label, kind=int,
                                                open_low=False))


def file(default: str, text: str, label: str, absent: str):
    """The name of a file, or "" for none; `absent` says what then is done."""
    return field(default=default, metadata=dict(options=None, text=text, label=label, kind=str, absent=absent))


def choice(default: str, options: tuple[str, ...], text: str, label: str):
    """One of a few words."""
    return field(default=default, metadata=dict(options=options, text=text, label=label, kind=str))


def switch(default: bool, text: str, label: str):
    """On or off."""
    return field(default=default, metadata=dict(text=text, label=label, kind=bool))


@dataclass(frozen=True)
class Metric:
    """A figure by which a network is judged, declared once beside its task.

    better     "higher", "lower", or "" where neither is
    interval   whether a 95 % interval belongs to it
    limits     between these it lies, where it is bounded; a picture of it shows them
    guess      what knowing nothing reaches, of so many classes (0: there are none)
    """

    name: str
    title: str
    unit: str
    better: str
    text: str
    interval: bool = False
    limits: tuple[float, float] | None = None
    guess: Callable[[int], float | None] | None = None

    @property
    def label(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def check(record) -> None:
    """Check every declared field of a frozen record and normalise its type (1 becomes 1.0 where a real is asked for).

    Raises ValueError with what came, what is allowed and what to do.
    """
    for item in fields(record):
        if "kind" in item.metadata:
            value = checked(type(record).__name__, item, getattr(record, item.name))
            object.__setattr__(record, item.name, value)


def checked(owner: str, item: Field, value):
    """The value of one field, in its declared type, or a ValueError in plain words."""
    meta, name = item.metadata, f"{item.metadata['label']} ({owner}.{item.name})"
    kind = meta["kind"]
    if kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {briefly(value)}; it is a switch: give true or false.")
        return value
    if kind is str and meta["options"] is None:
        if not isinstance(value, str) or len(value) > LONGEST:
            raise ValueError(f"{name} is {str(value)[:40]!r}; give a word of at most {LONGEST} letters.")
        return value
    if kind is str:
        if not isinstance(value, str) or value not in meta["options"]:
            raise ValueError(f"{name} is {briefly(value)}; choose one of {', '.join(meta['options'])}.")
        return value
    wanted = Integral if kind is int else Real
    if isinstance(value, bool) or not isinstance(value, wanted) or not is_finite(value):
        raise ValueError(f"{name} is {briefly(value)}; give a {'whole' if kind is int else 'finite'} number "
                         f"{span(item)}.")
    too_low = value <= meta["low"] if meta["open_low"] else value < meta["low"]
    if too_low or value > meta["high"]:
        raise ValueError(f"{name} is {value:g}; it must lie {span(item)}.")
    return kind(value)


def is_finite(value: Real) -> bool:
    """Whether a number is finite, and small enough to be a float at all: JSON writes integers of any length."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def briefly(value) -> str:
    """What came, as a sentence may show it: of bounded length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-15:]}"


def span(item: Field) -> str:
    """`between 0.1 and 5 arcsec`, in words."""
    meta = item.metadata
    unit = f" {meta['unit']}" if meta["unit"] else ""
    low = f"above {meta['low']:g} and up to" if meta["open_low"] else f"between {meta['low']:g} and"
    return f"{low} {meta['high']:g}{unit}"
