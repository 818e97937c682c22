"""Words that came from outside, shown as they are: Streamlit reads what it is given as markdown."""

import re

from lenslab.letters import visible

JOINER = "\u2060"  # the word joiner: it has no width, and no line breaks at it
MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$:~&=])")
FOUND_LATER = re.compile(r"(?<=:)(?=\S)"                         # http://..., :smile:, :material/home:
                         r"|(?<=@)(?=\S)"                        # a@b.org
                         r"|(?<=www)(?=\.)"                      # www.b.org
                         r"|(?<!\S)(?=[<>=~-]{2,3}(?:\s|$))",    # -> and >= among words would become one sign
                         re.IGNORECASE)


def plain(text: str) -> str:
    """Markdown that shows a text letter by letter on one line: no link, picture, HTML, emoji, colour or formula.

    Backslashes alone do not do it: Streamlit looks for addresses, `:shortcodes:` and arrows once more after they
    are taken away, so those are broken by a sign without width. What has no sign of its own is U+FFFD (`visible`).
    """
    return MARKS.sub(r"\\\1", FOUND_LATER.sub(JOINER, visible(text)))
