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


def test_the_cut_of_an_isothermal_ellipsoid_is_its_closed_form():
    """Kormann, Schneider & Bartelmann 1994: -sqrt(q)/q' (arcsin(q' cos phi), arsinh(q'/q sin phi)), q'^2 = 1 - q^2."""
    theta_E, q = 1.2, 0.6
    _, found = drawn(SIE.set({"lens.phi": 0.0, "lens.theta_E": theta_E, "lens.q": q}))
    (x, y), = found.cut
    other = np.sqrt(1 - q**2)
    cosine = np.sin(-x * other / (theta_E * np.sqrt(q))) / other
    sine = np.sinh(-y * other / (theta_E * np.sqrt(q))) * q / other
    np.testing.assert_allclose(np.hypot(cosine, sine), 1, atol=1e-5)
    assert np.abs(np.diff(np.unwrap(np.arctan2(sine, cosine))).sum()) == pytest.approx(2 * np.pi, abs=1e-5)


@pytest.mark.parametrize("gamma", [1.5, 1.8, 1.95, 1.99])
def test_a_shallow_lens_has_the_radial_caustic_of_its_closed_form(gamma):
    """A round one: alpha = theta_E (theta/theta_E)^(2 - gamma), radial where its slope is 1."""
    scene = SIE.set({"lens.q": 1.0, "lens.gamma": gamma})
    _, found = drawn(scene)
    theta_E = scene.lens.theta_E
    radial = theta_E * (2 - gamma) ** (1 / (gamma - 1))
    caustic = theta_E ** (gamma - 1) * radial ** (2 - gamma) - radial
    assert found.cut == [] and len(found.critical) == 2
    np.testing.assert_allclose(np.hypot(*found.critical[1]), radial, rtol=0.1)
    np.testing.assert_allclose(np.hypot(*found.caustics[1]), caustic, rtol=0.003)


@pytest.mark.parametrize("source", [0.4, 1.5])
def test_a_steep_lens_shows_every_source_twice_and_has_no_boundary(source):
    """A round one of slope 2.5: theta - theta_E^1.5 theta^-0.5 = beta on both sides."""
    scene = SIE.set({"lens.q": 1.0, "lens.gamma": 2.5, "source.center_x": source, "source.center_y": 0.0,
                     "lens.theta_E": 1.0})
    _, found = drawn(scene)
    assert found.cut == [] and len(found.caustics) == 1 and len(found.x) == 2
    np.testing.assert_allclose(found.x - np.sign(found.x) * np.abs(found.x) ** -0.5, source, atol=1e-7)


@pytest.mark.parametrize("changes", [
    {}, {"lens.gamma1": 0.05, "lens.center_x": 0.3}, {"substructure.kind": "vortex"}])
def test_a_source_that_leaves_the_cut_loses_one_image(changes):
    scene = SIE.set({"camera.num_pix": 100, **changes})
    x, y = drawn(scene)[1].cut[0]
    for k in (5, 40, 70):
        middle = np.array([x[:-1].mean(), y[:-1].mean()])
        place, numbers = np.array([x[k], y[k]]), []
        for step in (-0.02, 0.02):  # arcsec; over this distance an image fades to the core of the lens
            at = place + step * (place - middle) / np.hypot(*(place - middle))
            found = drawn(scene.set({"source.center_x": float(at[0]), "source.center_y": float(at[1])}))[1]
            numbers.append(len(found.x))
        assert numbers[0] == numbers[1] + 1, (k, numbers)


def test_the_second_image_of_a_lens_of_two_pixels_is_found():
    """An isothermal sphere of 0.16 arcsec before pixels of 0.08: theta = beta +- theta_E."""
    _, found = drawn(SIE.set({"lens.q": 1.0, "lens.theta_E": 0.16, "source.center_x": 0.1, "source.center_y": 0.0}))
    np.testing.assert_allclose(np.sort(found.x), [-0.06, 0.26], atol=1e-6)
