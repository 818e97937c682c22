"""Words that came from outside, shown as they are: Streamlit reads what it is given as markdown."""

import re
import unicodedata

JOINER = "\u2060"  # the word joiner: it has no width, and no line breaks at it
MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$:~&=])")
FOUND_LATER = re.compile(r"(?<=:)(?=\S)"                         # http://..., :smile:, :material/home:
                         r"|(?<=@)(?=\S)"                        # a@b.org
                         r"|(?<=www)(?=\.)"                      # www.b.org
                         r"|(?<!\S)(?=[<>=~-]{2,3}(?:\s|$))",    # -> and >= among words would become one sign
                         re.IGNORECASE)
TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder the line


def plain(text: str) -> str:
    """Markdown that shows a text letter by letter on one line: no link, picture, HTML, emoji, colour or formula.

    Backslashes alone do not do it: Streamlit looks for addresses, `:shortcodes:` and arrows once more after they
    are taken away, so those are broken by a sign without width. Control signs, halves of letters (lone surrogates,
    which no message to a browser can carry) and signs that turn the direction of writing are shown as U+FFFD.
    """
    text = "".join("\ufffd" if letter in TURNING or unicodedata.category(letter) in ("Cc", "Cs") else letter
                   for letter in " ".join(text.split()))
    return MARKS.sub(r"\\\1", FOUND_LATER.sub(JOINER, text))
