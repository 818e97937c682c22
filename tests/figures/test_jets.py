"""Pictures of jets: towers as high as their pixels, histograms that count every jet, figures that plotly accepts."""

import numpy as np
import plotly.graph_objects as go
import pytest

from lenslab.figures import jets
from lenslab.figures.generated import Row
from lenslab.jets.images import pitch
from lenslab.jets.observables import OBSERVABLES

IMAGE = np.zeros((32, 32))
IMAGE[3, 20], IMAGE[10, 10] = 10.0, 0.05


def test_a_tower_stands_on_its_pixel_and_is_as_high_as_the_logarithm():
    figure = jets.lego(IMAGE, title="jet", top=10.0)
    towers = figure.data[0]
    assert len(towers.x) == 8 and len(towers.i) == 10          # one pixel is above the faintest hit; no floor is drawn
    assert max(towers.z) == pytest.approx(2.0) and min(towers.z) == 0
    assert min(towers.x) == pytest.approx((20 - 16) * pitch(32)) and min(towers.y) == pytest.approx(-13 * pitch(32))
    go.Figure(figure.to_dict())


@pytest.mark.parametrize("name", ["mass", "tracks"])
def test_histograms_count_every_jet_and_equal_crowds_have_ratio_1(name):
    values = np.random.default_rng(0).gamma(4, 10, 400).round()
    figure = jets.histograms({"simulated": values, "generated": values, "yours": values[:100]}, OBSERVABLES[name])
    shares = [np.array(trace.y) for trace in figure.data if trace.mode == "markers"]
    assert [part.sum() for part in shares[::2]] == pytest.approx([1, 1])
    assert np.allclose(shares[1], 1)
    go.Figure(figure.to_dict())


def test_empty_and_missing_jets_are_drawn():
    rows = [Row("generated", np.stack([IMAGE, np.full((32, 32), np.nan)])), Row("simulated", np.zeros((2, 32, 32)))]
    figure = jets.pictures(rows, columns=2, dark=True)
    go.Figure(figure.to_dict())
    assert np.isnan(figure.data[2].z).all() and "φ" in figure.data[0].hovertemplate
    jets.lego(np.zeros((32, 32)), title="empty", top=0.0)
