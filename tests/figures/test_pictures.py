"""Pictures: each is a figure that plotly itself accepts, and every pixel and arrow lies where the sky has it."""

import base64
from math import pi

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from lenslab.figures import bodies, canvas, mass, observed, source
from lenslab.images.observation import Observation
from lenslab.images.realise import realise
from lenslab.physics.grid import pixel_axis
from lenslab.scene import Clump, Scene
from lenslab.scenes import Scenes

FRAME = canvas.Frame(64, 64, 0.08)
RNG = np.random.default_rng(3)
Z = RNG.normal(size=(64, 64))
LINE = [(np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))]
DOTS = dict(x=np.array([1.0, -1.0]), y=np.array([0.5, 0.0]), magnification=np.array([3.0, -2.0]))
CLUMPS = tuple(Clump(log10_mass=each, center_x=x, center_y=0.1 * x, profile=profile) for each, x, profile in (
    (8.0, 0.1, "TNFW"), (8.6, 0.5, "TNFW"), (10.0, 15.0, "TNFW"), (8.0, 0.2, "POINT_MASS"), (9.0, 0.7, "POINT_MASS")))
DARK = realise(Scenes.of([Scene().set({"substructure.kind": "vortex", "substructure.clumps": CLUMPS})],
                         dtype=torch.float64))


def an_observation(**changes) -> Observation:
    image = torch.from_numpy(np.abs(Z))[None, None]
    return Observation(**{"image": image, "variance": torch.full_like(image, 0.01), "pixel_scale": 0.08, **changes})


FIGURES = {
    "image": lambda: observed.image(an_observation()),
    "real": lambda: observed.image(an_observation(north=0.3, unit="e-/s"), kind="log"),
    "residual": lambda: observed.residual(Z, FRAME, title="r", dark=False),
    "difference": lambda: observed.difference(Z, Z + 1e-12, FRAME, dark=True),
    "convergence": lambda: mass.convergence(np.abs(Z), FRAME, critical=LINE, images=DOTS,
                                            realisation=DARK),
    "no images": lambda: mass.convergence(np.abs(Z), FRAME),
    "substructure": lambda: mass.substructure(Z, FRAME, dark=True, realisation=DARK),
    "magnification": lambda: mass.magnification(Z * 10, FRAME, dark=False, critical=LINE),
    "parity": lambda: mass.magnification(Z * 10, FRAME, dark=True, parity=True),
    "wave": lambda: mass.wave_field(Z**2, FRAME, dict(x=np.zeros(2), y=np.ones(2), sign=np.array([1, -1]))),
    "source": lambda: source.source_plane(np.abs(Z), 1.2, center=(0.1, 0.2), caustics=LINE),
}


@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_figure(name):
    """canvas leaves out plotly's own validation for speed; here it is made up for."""
    fig = FIGURES[name]()
    go.Figure(fig.to_dict())
    assert len(fig.to_json(validate=False)) < 120_000


@pytest.mark.parametrize("name", FIGURES)
def test_the_frame_never_jumps(name):
    layout = FIGURES[name]().layout
    assert layout.margin.autoexpand is False
    assert layout.uirevision
    assert layout.height
    assert layout.yaxis.scaleanchor == "x"
    assert not layout.xaxis.visible


def test_a_pixel_lies_where_the_simulator_puts_it():
    trace = FIGURES["image"]().data[0]
    np.testing.assert_allclose(trace.x0 + np.arange(64) * trace.dx, pixel_axis(64, 0.08, dtype=torch.float64))


def test_hovering_tells_the_brightness_itself_not_its_stretched_colour():
    trace = FIGURES["image"]().to_dict()["data"][0]
    told = np.frombuffer(base64.b64decode(trace["customdata"]["bdata"]), "<f4").reshape(64, 64)
    np.testing.assert_allclose(told, np.abs(Z), rtol=1e-6)
    assert "customdata" in trace["hovertemplate"] and "counts/s" in trace["hovertemplate"]


def test_masked_pixels_are_left_out():
    mask = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    mask[..., :4, :] = False
    trace = observed.image(an_observation(mask=mask)).to_dict()["data"][0]
    shown = np.frombuffer(base64.b64decode(trace["z"]["bdata"]), "<f4").reshape(64, 64)
    assert np.isnan(shown[:4]).all() and np.isfinite(shown[4:]).all()


def test_the_bar_is_an_arcsecond_long():
    bar = FIGURES["image"]().layout.shapes[0]
    assert bar.x1 - bar.x0 == pytest.approx(1)
    small = canvas.scale_bar(canvas.Frame(50, 50, 0.01), "#fff")[0]
    assert small["x1"] - small["x0"] == pytest.approx(0.1)


@pytest.mark.parametrize(("north", "east_left", "up", "side"), [
    (0.0, True, (0, 1), (-1, 0)),        # as on the sky: north up, east left
    (0.0, False, (0, 1), (1, 0)),        # mirrored
    (pi / 2, True, (-1, 0), (0, -1)),    # turned counter-clockwise by a quarter
])
def test_arrows_point_north_and_east(north, east_left, up, side):
    arrows = [note for note in canvas.compass(FRAME, north, east_left) if note["showarrow"]]
    for arrow, (dx, dy) in zip(arrows, (up, side), strict=True):
        length = 0.2 * FRAME.half_width
        assert (arrow["x"] - arrow["ax"]) / length == pytest.approx(dx, abs=1e-12)
        assert (arrow["y"] - arrow["ay"]) / length == pytest.approx(dy, abs=1e-12)


def test_residuals_have_the_same_limits_everywhere_and_the_ground_in_the_middle():
    for dark in (False, True):
        trace = observed.residual(Z, FRAME, title="", dark=dark).data[0]
        assert trace.zmax == 5 and trace.zmin == pytest.approx(-5, abs=0.02)
        assert trace.colorscale[2][0] == 0.5
    assert canvas.diverging(False)[2][1] == "#ffffff"


def test_chi2_of_pure_noise_is_one():
    noise = np.random.default_rng(0).normal(size=(200, 200))
    noise[0, 0] = np.nan
    assert observed.chi2_per_pixel(noise) == pytest.approx(1, abs=5 * (2 / 40000) ** 0.5)


def test_a_magnification_of_one_has_the_colour_of_the_ground():
    trace = FIGURES["magnification"]().data[0]
    (low, high), scale = (-1, 2), trace.colorscale
    assert scale[2][0] == pytest.approx((0 - low) / (high - low))
    assert scale[2][1] == canvas.diverging(False)[2][1]


def drawn(name: str, words: str):
    """The trace of a figure whose hover box starts with some words."""
    return next(trace for trace in FIGURES[name]().data if (trace.hovertemplate or "").startswith(words))


def test_the_area_of_a_body_follows_its_mass_and_those_outside_are_left_out():
    circles = drawn("substructure", "halo")
    assert sorted(circles.x) == pytest.approx([0.1, 0.5])
    few = bodies.circles(np.zeros(2), np.zeros(2), np.array([1e9, 4e9]), FRAME, "#000")
    small, large = sorted(few["marker"]["size"])
    assert (large / small) ** 2 == pytest.approx(4)
    dots = drawn("substructure", "point mass")
    assert sorted(dots.x) == pytest.approx([0.2, 0.7]) and sorted(dots.customdata) == pytest.approx([8, 9])


@pytest.mark.parametrize("name", ["substructure", "convergence"])
def test_a_vortex_is_drawn_from_end_to_end(name):
    """Half its length is 0.03 arcsec (1e-22 eV/m), as DeepLense has it."""
    dark, line = Scene().substructure, drawn(name, "line of mass")
    half = 0.03 * 10 ** (-22 - dark.log10_m_axion)
    ends = np.array([-half, half])
    np.testing.assert_allclose(line.x, ends * np.cos(dark.vortex_phi), rtol=1e-9)
    np.testing.assert_allclose(line.y, ends * np.sin(dark.vortex_phi), rtol=1e-9)


def test_what_is_taken_off_for_points_does_not_drown_them():
    """Their own convergence is in no pixel: the sheet alone would fill the range of colours."""
    sheet = np.full((64, 64), -0.02)
    for_points, alone = (mass.substructure(sheet, FRAME, dark=False, realisation=real).data[0].zmax
                         for real in (DARK, None))
    assert alone == pytest.approx(0.02) and for_points >= 4 * 0.02


def test_curves_are_one_trace_with_gaps():
    trace = canvas.curve([(np.zeros(3), np.ones(3)), (np.ones(2), np.ones(2))], "#fff")
    assert np.isnan(trace["x"]).sum() == 2 and len(trace["x"]) == 7


def test_a_frame_about_another_place_has_its_pixels_and_its_bar_there():
    at = canvas.Frame(64, 64, 0.08, (0.4, -1.0))
    here, there = (canvas.picture(Z, frame, title="", colours="inferno", limits=(0, 1), unit="")
                   for frame in (FRAME, at))
    for name, shift in (("x", 0.4), ("y", -1.0)):
        places = [(figure.data[0][f"{name}0"], *figure.layout[f"{name}axis"].range, figure.layout.shapes[0][f"{name}0"])
                  for figure in (here, there)]
        np.testing.assert_allclose(np.subtract(*places[::-1]), shift, atol=1e-12)
