"""What stands below pictures of a fit: a likelihood ratio in words."""

from math import log

import pytest

from lenslab.ui.classify.looks import MOST, likelier


@pytest.mark.parametrize(("times", "word"), [
    (0.1, "about as likely without"), (2.9, "about as likely without"), (20, "is about 20 times as likely"),
    (12345, "is about 12,000 times as likely"), (MOST * 10.0, "more than 1 million times"),
    (1e300, "more than 1 million times")])
def test_how_many_times_likelier_an_image_is_with_ripples(times, word):
    assert word in likelier(log(times))
