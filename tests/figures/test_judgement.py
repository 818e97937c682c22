"""Figures of a judgement: what is drawn are the card's own numbers, and plotly accepts each."""

import plotly.graph_objects as go
import pytest

from lenslab.figures import judgement
from lenslab.figures.classification import colour

CLASSES = ("smooth", "cdm")
ROC = [dict(false=[0, 0.2, 1], true=[0, 0.7, 1], auc=0.75), dict(false=[], true=[], auc=None)]
RELIABILITY = dict(confidence=[0.55, 0.9], accuracy=[0.5, 0.95], number=[40, 10], interval=[[0.35, 0.65], [0.7, 1.0]])
CURVE = {"path": "substructure.f_sub", "class": "cdm", "low": [0.005, 0.02], "high": [0.02, 0.1],
         "middle": [0.01, 0.05], "number": [50, 50], "accuracy": [0.3, 0.8], "interval": [[0.2, 0.4], [0.7, 0.9]],
         "auc": [0.6, None], "auc_interval": [[0.5, 0.7], None]}
WHOLE = dict(CURVE, path="lens.theta_E") | {"class": None}
MAP = dict(auc=[[0.5, 0.9]], interval=[[[0.4, 0.6], [0.8, 1.0]]], ceiling=[[0.6, 1.0]], significance=[[0.4, 9.0]])
KIND = {"class": "cdm", "path": "substructure.f_sub", "strength": [0.005, 0.1], "maps": {"own": MAP, "fixed": MAP}}
FIGURES = {"roc": lambda: judgement.roc(ROC, CLASSES), "reliability": lambda: judgement.reliability(RELIABILITY),
           "accuracy": lambda: judgement.against([CURVE], "accuracy", guessing=0.5),
           "auc": lambda: judgement.against([CURVE], "auc", guessing=0.5),
           "whole": lambda: judgement.against([WHOLE], "accuracy", guessing=0.5),
           "none": lambda: judgement.against([dict(CURVE, auc=[None, None])], "auc", guessing=0.5),
           "map": lambda: judgement.maps(KIND, [50.0])[0], "ceiling": lambda: judgement.maps(KIND, [50.0])[2]}


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_figure_and_its_frame_is_fixed(name):
    figure = FIGURES[name]()
    go.Figure(figure.to_dict())
    assert figure.layout.margin.autoexpand is False and figure.layout.height and figure.layout.uirevision


def test_roc_draws_classes_that_have_a_curve_in_their_own_colour():
    trace, = judgement.roc(ROC, CLASSES).data
    assert trace.line.color == colour("smooth") and list(trace.y) == [0, 0.7, 1] and trace.name.endswith("0.750")


def test_whiskers_end_where_the_interval_does():
    bars, dots = judgement.reliability(RELIABILITY).data
    assert [value + up for value, up in zip(dots.y, dots.error_y.array, strict=True)] == pytest.approx([0.65, 1.0])
    assert [value - down for value, down in zip(dots.y, dots.error_y.arrayminus, strict=True)] == pytest.approx(
        [0.35, 0.7])
    assert bars.y[0] == 4 * bars.y[1]          # heights are in proportion to the numbers of images


def test_a_share_of_mass_has_a_logarithmic_axis_and_a_radius_has_not():
    figure = judgement.against([CURVE], "accuracy", guessing=0.5)
    low, high = figure.layout.xaxis.range
    assert figure.layout.xaxis.type == "log" and low < -2.301 < -1 < high
    assert list(figure.layout.xaxis.ticktext) == ["0.005", "0.01", "0.02", "0.05", "0.1"]
    assert judgement.against([WHOLE], "accuracy", guessing=0.5).layout.xaxis.type is None


def test_maps_share_one_scale_from_a_guess_to_certainty():
    drawn = judgement.maps(KIND, [50.0])
    assert len(drawn) == 3 and len(judgement.maps(dict(KIND, maps={"own": MAP}), [50.0])) == 2
    assert {(figure.data[0].zmin, figure.data[0].zmax) for figure in drawn} == {(0.5, 1.0)}
    assert [list(row) for row in drawn[1].data[0].z] == [[0.6, 1.0]]
    assert list(drawn[0].layout.xaxis.ticktext) == ["0.5 %", "10 %"]


def test_the_refitted_observer_stands_between_the_network_and_what_it_is_at_most():
    kind = dict(KIND, maps={"own": MAP | dict(refitted=[[0.55, 0.95]], left=[[0.2, 3.0]]), "fixed": MAP})
    titles = [figure.layout.title.text for figure in judgement.maps(kind, [50.0])]
    assert [title.split()[0] for title in titles] == ["The", "Observer,", "At", "At"]
    assert list(judgement.maps(kind, [50.0])[1].data[0].z[0]) == [0.55, 0.95]
