"""JSON from files that may come from anywhere: its numbers are finite, and its integers fit 64 bits.

Python's own reader takes NaN, 1e999 and integers of thousands of digits, which are no numbers to whoever formats, sums
or draws them later. Standard library only.
"""

import json
import math

DIGITS = 18  # of an integer: so many always fit 64 bits


def loads(text: str | bytes):
    """The value that a text describes; ValueError where it is no JSON, or holds what is no number here."""
    try:
        return json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise ValueError(f"an integer has {len(text)} digits; at most {DIGITS} are read")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is beyond the largest number")
    return value


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")
