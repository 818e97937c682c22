"""The words for visitors and classes: the same in both languages, whatever is filled in."""

from string import Formatter

import pytest

from lenslab.ui.behind.formulas import FORMULAS
from lenslab.ui.behind.terms import TERMS
from lenslab.ui.frame import PAGES
from lenslab.ui.live_lens.words import WORDS
from lenslab.ui.texts import LANGUAGES, TEXTS
from tests.ui.test_words import NAME


def shape(words, path: str = "") -> dict[str, object]:
    """{place: what is filled in there}, or what stands there where it is no text."""
    if isinstance(words, dict):
        return {place: what for name, each in words.items() for place, what in shape(each, f"{path}/{name}").items()}
    if isinstance(words, (list, tuple)):
        return {place: what for number, each in enumerate(words) for place, what in
                shape(each, f"{path}/{number}").items()}
    return {path: sorted({name for _, name, _, _ in Formatter().parse(words) if name}) if isinstance(words, str)
            else words}


@pytest.mark.parametrize("page", [*TEXTS, "the live lens"])
def test_every_sentence_is_there_in_both_languages_with_the_same_numbers(page):
    table = WORDS if page == "the live lens" else TEXTS[page]
    assert set(table) == set(LANGUAGES)
    assert shape(table["en"]) == shape(table["de"])


@pytest.mark.parametrize("page", TEXTS)
def test_no_name_of_a_variable_stands_in_a_sentence(page):
    for tongue in LANGUAGES:
        for text in texts(TEXTS[page][tongue]):
            if "______" not in text and "`" not in text:
                assert not NAME.search(Formatter().vformat(text, (), Blank())), text


class Blank(dict):
    def __missing__(self, name):
        return 0.0


def texts(words) -> list[str]:
    if isinstance(words, dict):
        return sum(map(texts, words.values()), [])
    if isinstance(words, (list, tuple)):
        return sum(map(texts, words), [])
    return [words] if isinstance(words, str) else []


def test_every_term_names_a_page_that_there_is_and_none_stands_twice():
    assert {term.page for term in TERMS} <= set(PAGES)
    names = [term.name for term in TERMS]
    assert len(set(names)) == len(names)
    assert names == sorted(names, key=lambda name: name.lower().replace("χ²", "chi"))


def test_every_formula_has_a_source_and_braces_that_close():
    for formula in sum(FORMULAS.values(), ()):
        assert formula.source and formula.text.endswith(".")
        assert formula.latex.count("{") == formula.latex.count("}")
        assert formula.latex.count(r"\left") - formula.latex.count(r"\leftarrow") == formula.latex.count(r"\right")
