"""Whether light reaches all round a lens: closed forms of where a disc covers the caustic."""

import numpy as np
import pytest
import torch

from lenslab.images.coverage import SIGMAS, Coverage, coverage, isophote
from lenslab.images.model import lens_model
from lenslab.images.simulate import background, maps
from lenslab.images.sketch import sketch
from lenslab.scene import Scene
from lenslab.scenes import Scenes

ROUND = Scene().set({"lens.q": 1.0, "lens.gamma1": 0.0, "source.q": 1.0, "source.magnitude": 20.0})


def lit(scene: Scene) -> Coverage:
    scenes = Scenes.of([scene], dtype=torch.float64)
    found = sketch(lens_model(scenes), maps(scenes), scene.camera.pixel_scale, scene.source.center_x,
                   scene.source.center_y, time_delay_distance=3000.0)
    return coverage(scenes, found)


SCALE = ROUND.source.R_sersic / 1.6783  # of the exponential disc
PEAK = 10 ** (0.4 * (ROUND.camera.zero_point - ROUND.source.magnitude)) / (2 * np.pi * SCALE**2)
ENDS = {"bright": 2.994}  # scales: (1 + r) exp(-r) = 0.2, outside of which a fifth of the disc's light lies


def test_the_isophote_of_a_disc_holds_its_share():
    assert isophote(Scenes.of([ROUND], dtype=torch.float64)) == pytest.approx(PEAK * np.exp(-ENDS["bright"]), rel=0.05)


@pytest.mark.parametrize("name", ["visible", "bright"])
def test_a_source_behind_the_centre_is_a_ring_as_far_as_its_light_reaches(name):
    """The caustic of a round lens is a point: light there is light all round."""
    noise = float(background(Scenes.of([ROUND], dtype=torch.float64))[0]) / ROUND.camera.pixel_scale**2
    edge = SCALE * (ENDS | {"visible": np.log(PEAK / (SIGMAS * noise))})[name]
    for offset, expected in ((0.0, 1), (0.95 * edge, 1), (1.05 * edge, 0), (3.0, 0)):
        assert getattr(lit(ROUND.set({"source.center_x": offset, "source.center_y": 0.0})), name) == expected


def test_a_source_that_covers_one_cusp_makes_an_arc():
    lens = {"lens.q": 0.6, "lens.phi": 0.0, "source.R_sersic": 0.07, "source.center_x": 0.0, "source.center_y": 0.31}
    assert 0.1 < lit(ROUND.set(lens)).bright < 0.5


def test_noise_hides_a_ring():
    faint = ROUND.set({"source.magnitude": 30.0, "source.center_x": 0.0, "source.center_y": 0.0})
    assert lit(faint) == Coverage(0, 0)


def test_a_frame_without_a_critical_curve_has_no_ring():
    assert lit(ROUND.set({"lens.theta_E": 0.001})) == Coverage(0, 0)
