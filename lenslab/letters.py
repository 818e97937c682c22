"""Words that came from outside, before a page or a picture marks them up: on one line, each sign to be seen."""

import unicodedata

TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder the line


def visible(text: str) -> str:
    """The text on one line; control signs, halves of letters (lone surrogates, which no message to a browser can carry)
    and signs that turn the direction of writing are U+FFFD."""
    return "".join("\ufffd" if letter in TURNING or unicodedata.category(letter) in ("Cc", "Cs") else letter
                   for letter in " ".join(text.split()))
