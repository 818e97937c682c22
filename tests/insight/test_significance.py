"""The words for lambda: one wording, which promises no more than a ceiling can."""

from pathlib import Path

from scipy.stats import norm

from lenslab.insight.significance import FOUND, HARDLY, at_most, promise

ROOT = Path(__file__).parents[2]


def test_a_ceiling_is_said_as_at_most_with_the_digits_it_deserves():
    assert [at_most(value) for value in (0.04, 7.26, 12.3, 1234.5)] == [
        "at most 0.0 σ", "at most 7.3 σ", "at most 12 σ", "at most 1,234 σ"]


def test_what_is_promised_changes_at_the_same_places_for_all_and_is_never_certain():
    told = [promise(value) for value in (0, HARDLY - 0.01, HARDLY, FOUND - 0.01, FOUND, 500)]
    assert told[0] == told[1] != told[2] == told[3] != told[4] == told[5]
    assert "a guess is as good" in told[0] and "can be enough" in told[5] and "unless" in told[5]


def test_of_signals_that_are_called_found_nine_of_ten_pass_a_threshold_for_a_whole_image():
    assert norm.sf(4 - 5.5) > 0.9 and norm.sf(4 - FOUND) > 0.9 > norm.sf(4 - HARDLY)


def test_no_page_has_words_of_its_own_for_it():
    text = "".join(path.read_text() for path in (ROOT / "lenslab" / "ui").glob("*.py"))
    assert "λ =" not in text and "plain to see" not in text and "what any method can find" not in text
