"""A simulated lens beside a real one: known brightnesses come back, and nothing but noise is left."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab.images.observation import Observation
from lenslab.images.simulate import observe_scene
from lenslab.picture import remember
from lenslab.scene import Scene, Sersic
from lenslab.sky import beside
from lenslab.sky.catalogue import KnownLens

TRUTH = Scene().set({"lens_light": (Sersic(magnitude=20.0, R_sersic=0.6, n_sersic=4.0),),
                     "camera.background_rms": 0.01})


@pytest.fixture(scope="module")
def observation() -> Observation:
    return replace(observe_scene(TRUTH), scenes=None, model=None)


def test_brightnesses_and_sky_come_back_whatever_the_sliders_say(observation):
    raised = replace(observation, image=observation.image - 0.02)  # a sky that was taken off too deeply
    wrong = TRUTH.set({"source.magnitude": TRUTH.source.magnitude + 2.5, "lens_light.0.magnitude": 18.0})
    found = beside.hold_against(wrong, raised)
    # 2.5 mag fainter than the truth is a factor of 10, 2 mag brighter one of 10^-0.8; S of some hundred: 1 %
    assert found.brightness[0] == pytest.approx(10, rel=0.02)
    assert found.brightness[1] == pytest.approx(10**-0.8, rel=0.02)
    assert found.sky == pytest.approx(-0.02, abs=1e-3)
    n = observation.image.numel()
    assert found.chi2_per_pixel == pytest.approx(1, abs=5 * (2 / n) ** 0.5)
    told = beside.scaled(wrong, found)
    assert told.source.magnitude == pytest.approx(TRUTH.source.magnitude, abs=0.03)
    assert told.lens_light[0].magnitude == pytest.approx(20.0, abs=0.03)


def test_a_wrong_ring_leaves_a_residual(observation):
    found = beside.hold_against(TRUTH.set({"lens.theta_E": 1.0}), observation)
    assert found.chi2_per_pixel > 2


def test_masked_pixels_do_not_count(observation):
    mask = torch.ones_like(observation.image, dtype=torch.bool)
    mask[..., 30:34, 30:34] = False
    spoiled = torch.where(mask, observation.image, torch.tensor(1e6, dtype=torch.float64))
    found = beside.hold_against(TRUTH, replace(observation, image=spoiled, mask=mask))
    assert np.isnan(found.residual[30:34, 30:34]).all()
    assert found.chi2_per_pixel < 1.2


def test_the_camera_of_the_real_image_is_taken_over(observation):
    kernel = np.outer(*[np.exp(-np.arange(-4, 5) ** 2 / 4)] * 2)
    real = replace(observation, psf=kernel / kernel.sum(), psf_supersampling=3, pixel_scale=0.05)
    known = KnownLens("J0000+0000", theta_E=1.38, z_lens=0.222, z_source=0.609, q=0.81)
    scene = beside.take_over(Scene(), real, remember(real.psf), known)
    assert (scene.camera.num_pix, scene.camera.pixel_scale) == (64, 0.05)
    assert (scene.camera.psf, scene.camera.psf_supersampling) == ("pixel", 3)
    assert (scene.lens.theta_E, scene.z_lens, scene.z_source, scene.lens.q) == (1.38, 0.222, 0.609, 0.81)
    assert scene.camera.background_rms == pytest.approx(0.01, rel=0.1)  # the faintest tenth of its pixels
    assert np.isfinite(beside.hold_against(scene, real).chi2_per_pixel)


def test_the_lens_is_put_where_the_light_peaks(observation):
    moved = observe_scene(TRUTH.set({"lens_light.0.center_x": 0.4, "lens_light.0.center_y": -0.24}))
    x, y = beside.brightest(moved)
    assert (x, y) == pytest.approx((0.4, -0.24), abs=TRUTH.camera.pixel_scale)


def test_a_large_or_oblong_image_is_cut_to_a_square():
    image = torch.zeros(1, 1, 300, 260, dtype=torch.float64)
    cut = beside.frame(Observation(image=image, variance=image + 1, pixel_scale=0.1))
    assert cut.image.shape[-2:] == (200, 200)


def test_another_frame_is_refused_in_words(observation):
    with pytest.raises(ValueError, match="100 pixels.*64.*again"):
        beside.hold_against(TRUTH.set({"camera.num_pix": 100}), observation)
