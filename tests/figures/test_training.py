"""Curves and confusion: every point is a line of the record, and plotly accepts each figure."""

import plotly.graph_objects as go
import pytest

from lenslab.figures import training
from lenslab.figures.training import Curve
from lenslab.quantity import Metric
from lenslab.tasks import TASKS

LINES = [dict(step=step, loss=1.0 / step, lr=1e-3, rate=None) for step in range(1, 11)]
LINES[4] |= dict(val_loss=0.5, val_accuracy=0.6)
ONE, TWO = Curve("one", LINES, 20, "classify"), Curve("two", LINES[:4], 40, "classify")
ACCURACY = next(metric for metric in TASKS["classify"].metrics if metric.name == "accuracy")
COUNTS, CLASSES = [[8, 2], [5, 5]], ["smooth", "cdm"]
FIGURES = {"one": lambda: training.curves([ONE]), "both": lambda: training.curves([ONE, TWO]),
           "guessing": lambda: training.curves([ONE], ACCURACY, guessing=0.5),
           "nothing": lambda: training.curves([Curve("none", [], 0)]),
           "confusion": lambda: training.confusion(COUNTS, CLASSES, dark=True)}


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_figure_and_its_frame_is_fixed(name):
    figure = FIGURES[name]()
    go.Figure(figure.to_dict())
    assert figure.layout.margin.autoexpand is False and figure.layout.height and figure.layout.uirevision


def test_training_and_validation_are_the_lines_of_the_record():
    train, checked = training.curves([ONE]).data
    assert list(train.x) == list(range(1, 11)) and train.y[3] == 0.25
    assert list(checked.x) == [5] and list(checked.y) == [0.5]
    assert [trace.name for trace in (train, checked)] == ["training", "validation"]


def test_the_axis_reaches_to_the_last_planned_step_of_all_runs():
    assert training.curves([ONE, TWO]).layout.xaxis.range == (0, 40 * 1.02)


def test_each_run_has_one_colour_and_one_word_in_the_legend():
    data = training.curves([ONE, TWO]).data
    assert len({trace.line.color for trace in data if trace.legendgroup == "one"}) == 1
    assert len({trace.line.color for trace in data}) == 2
    assert [trace.name for trace in data if trace.showlegend] == ["one", "two"]


def test_a_long_curve_is_thinned_without_changing_its_mean():
    lines = [dict(step=step, loss=float(step % 7)) for step in range(1, 6001)]
    x, y = training.points(lines, "loss")
    assert len(x) == training.MAX_POINTS and x[-1] == 6000
    assert sum(y) / len(y) == pytest.approx(sum(line["loss"] for line in lines) / 6000)


def test_what_can_be_drawn_are_the_plain_numbers_of_a_line():
    assert list(training.quantities([ONE])) == ["loss", "accuracy", "lr"]


def test_a_number_that_nobody_declares_is_drawn_under_its_own_name_and_one_of_a_task_with_its_unit():
    lines = [dict(step=1, loss=1.0, val_error=0.5, val_new_thing=2.0)]
    found = training.quantities([Curve("a", lines, 1, "lens_parameters")])
    assert list(found) == ["loss", "error", "new_thing"] and found["new_thing"].label == "new thing"
    assert training.curves([Curve("a", lines, 1)], found["error"]).layout.title.text == \
        "Error (population standard deviations)"


def test_a_bounded_metric_is_drawn_within_its_bounds():
    bounded = Metric("accuracy", "Accuracy", "", "higher", "", limits=(0.0, 2.0))
    assert training.curves([ONE], bounded).layout.yaxis.range == (0.0, 2.0)


def test_confusion_shows_shares_of_each_truth_and_the_first_class_on_top():
    figure = training.confusion(COUNTS, CLASSES, dark=False)
    assert [list(row) for row in figure.data[0].z] == [[0.8, 0.2], [0.5, 0.5]]
    assert {(note.y, note.x): note.text for note in figure.layout.annotations}["smooth", "cdm"] == "20%"
    assert figure.layout.yaxis.autorange == "reversed"
