"""Bars and curves of probabilities show what they are given, in the fixed colours of the classes."""

import numpy as np
import plotly.graph_objects as go
import pytest

from lenslab.figures import classification
from lenslab.figures.classification import Answer
from lenslab.population import POPULATIONS, find

CLASSES = ("smooth", "cdm", "wdm", "fdm", "vortex")
SURE = np.array([0.02, 0.9, 0.05, 0.02, 0.01])


def test_bars_are_as_long_as_the_probabilities_and_coloured_by_class():
    figure = classification.bars([Answer("cnn", SURE), Answer("vit", np.full(5, 0.2))], CLASSES)
    go.Figure(figure.to_dict())  # plotly's own validation
    first, second = figure.data
    np.testing.assert_allclose(first.x, SURE)
    np.testing.assert_allclose(second.x, 0.2)
    assert list(first.marker.color) == [classification.COLOURS[name] for name in CLASSES]
    assert min(first.y) > max(second.y), "one group stands below the other"


def test_a_whisker_reaches_from_the_lowest_to_the_highest_look():
    low, high = SURE - 0.01, np.minimum(SURE + 0.05, 1)
    bar, = classification.bars([Answer("cnn", SURE, low, high)], CLASSES).data
    np.testing.assert_allclose(np.array(bar.x) - bar.error_x.arrayminus, low)
    np.testing.assert_allclose(np.array(bar.x) + bar.error_x.array, high)


def test_only_the_true_class_is_ticked_and_only_when_told():
    told = classification.bars([Answer("cnn", SURE)], CLASSES, truth="fdm").layout.yaxis.ticktext
    assert [("✓" in text) for text in told] == [name == "fdm" for name in CLASSES]
    assert not any("✓" in text for text in classification.bars([Answer("cnn", SURE)], CLASSES).layout.yaxis.ticktext)


def test_bars_that_are_no_answer_are_pale_and_without_numbers():
    figure = classification.bars([Answer("cnn", SURE), Answer("vit", SURE, valid=False)], CLASSES)
    good, pale = figure.data
    assert set(pale.marker.color) == {classification.NO_ANSWER} and "x:" in good.hovertemplate
    assert "no answer" in pale.hovertemplate and "%{x" not in pale.hovertemplate
    assert sum(note.text.endswith("%") for note in figure.layout.annotations) == len(CLASSES), "of the first alone"


def test_every_class_of_every_population_has_a_colour_and_a_name():
    for name in POPULATIONS:
        classes = find(name).classes
        assert set(classes) <= classification.COLOURS.keys() & classification.NAMES.keys()
        assert len({classification.colour(label) for label in classes}) == len(classes)


@pytest.mark.parametrize(("value", "words"), [(0.0, "< 0.1 %"), (0.002, "0.2 %"), (0.123, "12 %"), (0.9949, "99 %"),
                                              (1.0, "> 99.5 %")])
def test_no_network_is_let_say_never_or_always(value, words):
    assert classification.percent(value) == words


@pytest.mark.parametrize("log", [False, True])
def test_curves_pass_through_what_was_computed_and_the_shown_value_is_marked(log):
    x, values = [0.5, 1.0, 2.0], np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]])
    figure = classification.curves(x, [("cnn", values), ("vit", 1 - values)], ("smooth", "cdm"), now=1.0, label="noise",
                                   title="What if?", log=log)
    go.Figure(figure.to_dict())
    assert len(figure.data) == 4
    np.testing.assert_allclose(figure.data[1].y, values[:, 1])
    assert figure.layout.shapes[0].x0 == 1.0
    assert figure.layout.annotations[0].x == (0.0 if log else 1.0), "plotly wants logarithms for annotations only"
    assert [line.showlegend for line in figure.data] == [True, True, False, False]
