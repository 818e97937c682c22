"""The quick curves and images of the page, against closed forms and the thorough search."""

import numpy as np
import pytest
import torch

from lenslab.images.model import lens_model
from lenslab.images.simulate import maps
from lenslab.images.sketch import sketch
from lenslab.physics.lens_images import lens_images
from lenslab.scene import Scene
from lenslab.scenes import Scenes


def drawn(scene: Scene):
    scenes = Scenes.of([scene], dtype=torch.float64)
    lens = lens_model(scenes)
    return lens, sketch(lens, maps(scenes), scene.camera.pixel_scale, scene.source.center_x, scene.source.center_y,
                        time_delay_distance=3000.0)


SIE = Scene().set({"lens.q": 0.6, "lens.gamma1": 0.0, "source.center_x": 0.05, "source.center_y": 0.1})


def test_the_critical_curve_of_an_isothermal_ellipsoid_is_the_contour_of_half_the_critical_density():
    lens, found = drawn(SIE)
    (x, y), = found.critical
    kappa = lens.convergence(*(torch.from_numpy(each)[None, None] for each in (x, y))).numpy()
    # kappa falls as 1/r, so an error of a hundredth of a pixel is one of 1e-3
    np.testing.assert_allclose(kappa, 0.5, rtol=3e-3)


def test_the_caustic_is_the_critical_curve_shot_to_the_source():
    lens, found = drawn(SIE)
    (x, y), (beta_x, beta_y) = found.critical[0], found.caustics[0]
    alpha_x, alpha_y = lens.deflection(*(torch.from_numpy(each)[None, None] for each in (x, y)))
    np.testing.assert_allclose(beta_x, x - alpha_x.numpy().ravel(), atol=1e-12)
    np.testing.assert_allclose(beta_y, y - alpha_y.numpy().ravel(), atol=1e-12)


@pytest.mark.parametrize("changes", [
    {}, {"source.center_x": 0.5}, {"lens.gamma": 2.1, "lens.gamma2": 0.1},
    {"substructure.kind": "cdm"}, {"lens.a4_a": 0.03, "lens.center_x": 0.2}])
def test_images_are_those_of_the_thorough_search(changes):
    scene = SIE.set(changes)
    lens, found = drawn(scene)
    half = scene.camera.num_pix * scene.camera.pixel_scale / 2
    known = lens_images(lens.deflection, lens.potential, scene.source.center_x, scene.source.center_y,
                        half_width=half, time_delay_distance=3000.0, spacing=0.05)
    bright = np.abs(known.mu) > 0.1
    ours = np.abs(found.magnification) > 0.1
    np.testing.assert_allclose(found.x[ours], known.x[bright], atol=1e-6)
    np.testing.assert_allclose(found.y[ours], known.y[bright], atol=1e-6)
    np.testing.assert_allclose(found.magnification[ours], known.mu[bright], rtol=1e-4)
    np.testing.assert_allclose(found.delay[ours], known.delay[bright], atol=1e-5)


def test_images_are_shot_back_to_their_source():
    lens, found = drawn(SIE)
    alpha = lens.deflection(*(torch.from_numpy(each)[None, None] for each in (found.x, found.y)))
    np.testing.assert_allclose(found.x - alpha[0].numpy().ravel(), 0.05, atol=1e-8)
    np.testing.assert_allclose(found.y - alpha[1].numpy().ravel(), 0.1, atol=1e-8)


def test_a_source_outside_the_frame_has_no_images_and_no_error():
    _, found = drawn(SIE.set({"source.center_x": 15.0}))
    assert len(found.x) == len(found.delay) == 0
