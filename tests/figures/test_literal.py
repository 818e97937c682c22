"""Names that came from outside are no markup in any figure; that plotly shows them as they are: tests/browser."""

import html

import numpy as np
import pytest

from lenslab.figures import classification, judgement, training
from lenslab.figures.canvas import Frame, picture
from lenslab.figures.classification import Answer
from lenslab.figures.training import Curve
from lenslab.quantity import Metric

NAME = '<a href="https://evil.example">&lt;%{y}</a>'
LINES, SURE = [dict(step=1, loss=1.0)], np.array([0.2, 0.8])
ROC = [dict(false=[0, 1], true=[0, 1], auc=0.5)] * 2
FIGURES = {
    "runs": lambda: training.curves([Curve(NAME, LINES, 2), Curve("two", LINES, 2)]),
    "a quantity": lambda: training.curves([Curve("one", LINES, 2)], Metric("loss", NAME, "", "", "")),
    "bars": lambda: classification.bars([Answer(NAME, SURE), Answer("two", SURE)], ["smooth", "cdm"]),
    "curves": lambda: classification.curves([1.0, 2.0], [(NAME, np.stack([SURE, SURE]))], ["smooth", "cdm"], now=1.0,
                                            label="f", title="How it moves"),
    "ROC": lambda: judgement.roc_beside([(NAME, ROC, ["smooth", "cdm"])] * 2),
    "a picture": lambda: picture(np.zeros((4, 4)), Frame(4, 4, 0.1), title=NAME, colours="magma", limits=(0, 1),
                                 unit=""),
}


def texts(value, key: str = "") -> list[str]:
    """Every word of a figure that plotly draws; what it only compares is left out."""
    if isinstance(value, dict):
        return [text for name, each in value.items() for text in texts(each, name)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts(each, key)]
    return [value] if isinstance(value, str) and key not in ("uirevision", "legendgroup") else []


@pytest.mark.parametrize("name", FIGURES)
def test_a_name_from_outside_is_no_markup(name):
    drawn = texts(FIGURES[name]().to_dict())
    assert sum(NAME in html.unescape(text) for text in drawn) > 0
    assert not [text for text in drawn if NAME in text or "<a" in text or "</a" in text or "&lt;" in text]
