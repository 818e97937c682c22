"""Text from outside is shown letter by letter, wherever Streamlit reads markdown: judged by what Chromium shows."""

import json

import pytest

from lenslab.figures.literal import literal
from lenslab.ui.escape import JOINER, plain

TEXTS = [
    "![](http://evil.example/a.png)", "[You won](https://evil.example)", "[a]: https://evil.example", "[a][b] [^1]",
    "https://evil.example/a?b=c&d", "WWW.evil.example", "<https://evil.example>", "ftp://evil.example",
    "mailto:a@evil.example a.b+c@evil.example", "<b>bold</b> <img src=x onerror=alert(1)> <!-- gone -->",
    "&lt; &amp; &#65; &copy;", "a\\b \\* \\", "*a* **b** _c_ __d__ ~e~ ~~f~~ `g` ``h``",
    ":smile: :+1: :-1: x:smile:y", ":material/home: :material_home: :streamlit:",
    ":red[a] :blue-background[b] :rainbow[c] :small[d] :shortcut[e] :orange-badge[f]", "::leaf{a=b} :::box",
    "$x^2$ $$y$$ \\(z\\)", "cost $5 and $6", "a -> b <- c <-> d -- e >= f <= g ~= h", "-> at the start",
    "# head", "1. one", "2) two", "- item", "+ item", "* item", "> quote", "---", "===", "***", "| a | b |",
    "[ ] open [x] done", "    code", "```python", "~~~", "\tcode", "/home/me/runs/a_b_c/log.txt",
    "chi2 = 0.77, e1 = -0.3; it's 50 % of 1e-3!", "größe λ ≥ 5″ 🌌", "two\n\nparagraphs\n- and a list",
    "left\u202egnp.thgir", "nul\x00 and \x1b[31mred", "half \ud83d of a letter", ""]
DRAWN = [text for text in TEXTS if text] + ["x %{x} %{y:.2f}", "&#60;b&#62;"]
TAGS = {"words": ("", {"P"}), "label": ("", {"P"}), "warning": ("", {"P"}),
        "list": ("x ", {"UL", "LI", "STRONG", "P"})}  # what stands before the text, and what may be round it
PAGE = """
import json, os
import plotly.graph_objects as go
import streamlit as st
for number, text in enumerate(json.loads(os.environ["SHOWN"])):
    with st.container(key=f"words-{number}"):
        st.markdown(text)
    with st.container(key=f"label-{number}"):
        st.checkbox(text, key=f"{number}")
    with st.container(key=f"list-{number}"):
        st.markdown(f"- **x** {text}")
    with st.container(key=f"warning-{number}"):
        st.warning(text)
notes = [dict(text=text, xref="paper", x=0.5, yref="paper", y=number / 50, showarrow=False)
         for number, text in enumerate(json.loads(os.environ["DRAWN"]))]
st.plotly_chart(go.Figure(layout=dict(annotations=notes, title=dict(text=notes[0]["text"]), height=1200)))
st.markdown("the end")
"""


def shown_as(text: str) -> str:
    """What a reader should see: on one line, with U+FFFD for what cannot or must not be shown."""
    for sign in "\x00\x1b\ud83d\u202e":
        text = text.replace(sign, "\ufffd")
    return " ".join(text.split())


@pytest.fixture(scope="module")
def address(chromium_path, serve, tmp_path_factory):
    home = tmp_path_factory.mktemp("escape")
    (home / "shown.py").write_text(PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOWN", json.dumps([plain(text) for text in TEXTS]))
        patch.setenv("DRAWN", json.dumps([literal(text) for text in DRAWN]))
        with serve(home / "log.txt", home / "shown.py") as found:
            yield found


def test_whatever_came_is_shown_letter_by_letter(visit):
    page = visit()
    foreign = []
    page.on("request", lambda request: foreign.append(request.url) if "evil" in request.url else None)
    expected = {f"{kind}-{number}": (before + shown_as(text)).strip()
                for number, text in enumerate(TEXTS) for kind, (before, _) in TAGS.items()}
    page.get_by_text("the end").wait_for()
    # Words stand before a checkbox is there at all: its script is fetched when the first one comes.
    page.wait_for_function("""places => places.every(place =>
        document.querySelector(`.st-key-${place} [data-testid=stMarkdownContainer]`)?.innerText.trim())""",
        arg=[place for place, words in expected.items() if words])
    page.wait_for_load_state("networkidle")  # no script is on its way that would read the words once more
    seen = page.evaluate("""places => Object.fromEntries(places.map(place => {
        const box = `.st-key-${place} [data-testid=stMarkdownContainer]`
        return [place, [[...document.querySelectorAll(box)].map(e => e.innerText).join(""),
                        [...document.querySelectorAll(box + " *")].map(e => e.tagName)]]}))""", list(expected))
    for number, text in enumerate(TEXTS):
        for kind, (_, tags) in TAGS.items():
            said, found = seen[f"{kind}-{number}"]
            assert said.replace(JOINER, "").strip() == expected[f"{kind}-{number}"], (kind, text)
            assert set(found) <= tags, (kind, text)
    assert not foreign


def test_whatever_came_is_drawn_letter_by_letter(visit):
    """Plotly's texts are an HTML of its own, which knows links, too."""
    page = visit()
    page.wait_for_function("count => document.querySelectorAll('.annotation-text').length == count", arg=len(DRAWN))
    drawn = page.evaluate("""[...document.querySelectorAll('.annotation-text, .gtitle')].map(
        e => [e.textContent, [...e.querySelectorAll('*')].map(inner => inner.tagName)])""")
    assert sorted(words for words, _ in drawn) == sorted([*map(shown_as, DRAWN), shown_as(DRAWN[0])])
    assert {tag for _, tags in drawn for tag in tags} <= {"tspan"}     # a title is one line of its own
