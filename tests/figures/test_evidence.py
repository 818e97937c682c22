"""Evidence over an image: its colours, its outline and its curves lie where the numbers say."""

import base64

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from lenslab.figures import evidence
from lenslab.figures.canvas import Frame
from lenslab.images.observation import Observation
from lenslab.insight.localise import Curves

RNG = np.random.default_rng(4)
IMAGE = np.abs(RNG.normal(size=(64, 64)))
WEIGHTS = np.zeros((64, 64))
WEIGHTS[10, 20], WEIGHTS[11, 20] = 8.0, 2.0
TRUTH = WEIGHTS > 0
CURVES = Curves(np.linspace(0, 1, 3), np.array([[1, 0.5, 0], [0.8, 0.1, 0]]), np.array([[0, 0.5, 1], [0, 0.7, 0.9]]))


def observation(**changes) -> Observation:
    image = torch.from_numpy(IMAGE)[None, None]
    return Observation(**{"image": image, "variance": torch.full_like(image, 0.01), "pixel_scale": 0.08, **changes})


def numbers(packed: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bdata"]), "<f4").reshape(64, 64)


FIGURES = {"evidence": lambda: evidence.evidence(observation(), WEIGHTS, truth=TRUTH),
           "nothing": lambda: evidence.evidence(observation(), 0 * WEIGHTS, truth=~(TRUTH | ~TRUTH)),
           "real": lambda: evidence.evidence(observation(north=0.3), torch.from_numpy(WEIGHTS)[None], opacity=0.3),
           "replaced": lambda: evidence.replaced({"Grad-CAM": CURVES, "chance": CURVES})}


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_figure_and_its_frame_is_fixed(name):
    figure = FIGURES[name]()
    go.Figure(figure.to_dict())
    assert figure.layout.margin.autoexpand is False and figure.layout.height and figure.layout.uirevision
    assert len(figure.to_json(validate=False)) < 120_000


def test_evidence_is_a_share_of_the_strongest_pixel_and_its_opacity_grows_with_it():
    grey, veil, _ = evidence.evidence(observation(), WEIGHTS, truth=TRUTH, opacity=0.6).to_dict()["data"]
    shown = numbers(veil["z"])
    assert shown[10, 20] == 1 and shown[11, 20] == 0.25 and np.count_nonzero(shown) == 2
    assert (veil["zmin"], veil["zmax"]) == (0, 1)
    assert [colour for _, colour in veil["colorscale"]] == [f"rgba({evidence.HUE}, 0)", f"rgba({evidence.HUE}, 0.6)"]
    assert grey["showscale"] is False
    np.testing.assert_allclose(numbers(veil["customdata"]), IMAGE, rtol=1e-6)
    reds = [int(colour[1:3], 16) - int(colour[5:7], 16) for _, colour in evidence.GREY]
    assert max(map(abs, reds)) < 10     # the ground has no hue


def test_one_hot_pixel_does_not_pale_the_rest():
    """Of 1000 pixels with evidence 5 lie above the 99.5 % quantile: all are drawn as 1, and the others against it."""
    weights = np.zeros((64, 64))
    weights.flat[:1000] = np.arange(1, 1001)
    weights.flat[999] = 1e6
    shown = evidence.relative(weights)
    assert (shown == 1).sum() == 5 and shown.flat[0] == pytest.approx(1 / 996) and shown.max() == 1


def test_a_map_of_nothing_says_so():
    figure = FIGURES["nothing"]()
    assert any("No evidence" in note.text for note in figure.layout.annotations) and len(figure.data) == 2


def test_the_outline_goes_round_the_true_pixels_half_a_pixel_off():
    """Two pixels, one above the other, at row 10 and 11 of 64 with 0.08": by hand."""
    (x, y), = evidence.outline(TRUTH, Frame(64, 64, 0.08))
    assert (x[0], y[0]) == (x[-1], y[-1])
    centre_x, low, high = ((place - 31.5) * 0.08 for place in (20, 10, 11))
    assert (x.min(), x.max()) == pytest.approx((centre_x - 0.04, centre_x + 0.04))
    assert (y.min(), y.max()) == pytest.approx((low - 0.04, high + 0.04))


def test_an_outline_closes_at_the_edge_of_the_frame():
    (x, y), = evidence.outline(np.ones((64, 64), bool), Frame(64, 64, 0.08))
    assert (x[0], y[0]) == (x[-1], y[-1]) and x.max() == pytest.approx(32 * 0.08)


def test_curves_are_means_over_images():
    away, into, *_ = FIGURES["replaced"]().data
    assert list(away.y) == pytest.approx([0.9, 0.3, 0]) and list(into.y) == pytest.approx([0, 0.6, 0.95])
    assert (away.line.dash, into.line.dash) == ("solid", "dash")


def test_opacity_is_checked():
    with pytest.raises(ValueError, match="0 to 1"):
        evidence.evidence(observation(), WEIGHTS, opacity=1.5)
