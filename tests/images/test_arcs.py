"""Whether light reaches all round a lens: closed forms of where a disc covers the caustic."""

import numpy as np
import pytest
import torch

from lenslab.images.arcs import isophote, share_of_ring
from lenslab.images.model import lens_model
from lenslab.images.simulate import maps
from lenslab.images.sketch import sketch
from lenslab.scene import Scene
from lenslab.scenes import Scenes

ROUND = Scene().set({"lens.q": 1.0, "lens.gamma1": 0.0, "source.q": 1.0, "source.magnitude": 20.0})


def share(scene: Scene) -> float:
    scenes = Scenes.of([scene], dtype=torch.float64)
    found = sketch(lens_model(scenes), maps(scenes), scene.camera.pixel_scale, scene.source.center_x,
                   scene.source.center_y, time_delay_distance=3000.0)
    return share_of_ring(scenes, found)


def test_the_isophote_of_a_disc_holds_its_share():
    """An exponential disc of scale h has 1 - (1 + r/h) exp(-r/h) of its light within r: 0.8 within 2.994 h."""
    scenes = Scenes.of([ROUND], dtype=torch.float64)
    peak = 10 ** (0.4 * (ROUND.camera.zero_point - 20.0)) / (2 * np.pi * (ROUND.source.R_sersic / 1.6783) ** 2)
    assert isophote(scenes) == pytest.approx(peak * np.exp(-2.994), rel=0.05)


def test_a_source_behind_the_centre_is_a_ring_and_one_beside_it_is_not():
    """The caustic of a round lens is a point: light there is light all round."""
    edge = 2.994 / 1.6783 * ROUND.source.R_sersic
    for offset, expected in ((0.0, 1), (0.95 * edge, 1), (1.05 * edge, 0), (3.0, 0)):
        assert share(ROUND.set({"source.center_x": offset, "source.center_y": 0.0})) == expected


def test_a_source_that_covers_one_cusp_makes_an_arc():
    lens = {"lens.q": 0.6, "lens.phi": 0.0, "source.R_sersic": 0.07, "source.center_x": 0.0, "source.center_y": 0.31}
    assert 0.1 < share(ROUND.set(lens)) < 0.5


def test_noise_hides_a_ring():
    assert share(ROUND.set({"source.magnitude": 30.0, "source.center_x": 0.0, "source.center_y": 0.0})) == 0


def test_a_frame_without_a_critical_curve_has_no_ring():
    assert share(ROUND.set({"lens.theta_E": 0.001})) == 0
