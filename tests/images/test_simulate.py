"""Images of batches: noise with the right moments, seeds that say all, gradients in every number."""

import numpy as np
import pytest
import torch

from lenslab.images import simulate
from lenslab.images.simulate import maps, noise_free, observe, observe_scene, signal_to_noise
from lenslab.scene import Scene
from lenslab.scenes import Scenes

TINY = Scene().set({"camera.num_pix": 16, "camera.pixel_scale": 0.2})


def test_an_image_does_not_depend_on_its_batch(monkeypatch):
    scenes = [TINY.set({"substructure.kind": "deeplense_cdm", "seed_noise": k, "seed_substructure": k})
              for k in range(5)]
    batch = observe(Scenes.of(scenes, dtype=torch.float64))
    monkeypatch.setitem(simulate.RAYS_AT_ONCE, "cpu", 2 * 32**2)
    chunked = observe(Scenes.of(scenes, dtype=torch.float64))
    for row, scene in enumerate(scenes):
        alone = observe_scene(scene)
        torch.testing.assert_close(batch.image[row], alone.image[0], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(chunked.image[row], alone.image[0], rtol=1e-12, atol=1e-14)


def test_the_seed_says_which_noise():
    same, other = observe_scene(TINY), observe_scene(TINY.set({"seed_noise": 2}))
    assert torch.equal(same.image, observe_scene(TINY).image)
    assert torch.equal(same.model, other.model) and not torch.equal(same.image, other.image)


@pytest.mark.parametrize("noise", ["gaussian", "poisson"])
def test_noise_has_the_moments_it_says(noise):
    """n = 2000 images: chi2 of each pixel's mean, and of its variance, within 5 sigma of what chance allows."""
    scenes = Scenes.of([TINY.set({"camera.noise": noise, "camera.exposure_time": 200.0, "seed_noise": k})
                        for k in range(2000)], dtype=torch.float64)
    seen = observe(scenes)
    residual = (seen.image - seen.model) / seen.noise
    n, pixels = len(scenes), 16 * 16
    assert abs(float((residual.mean(0) ** 2).sum()) * n - pixels) < 5 * (2 * pixels) ** 0.5
    assert abs(float((residual**2).mean()) - 1) < 5 * (2 / (n * pixels)) ** 0.5


def test_no_noise_is_the_model_itself():
    seen = observe_scene(TINY.set({"camera.noise": "none"}))
    assert torch.equal(seen.image, seen.model)


def test_photons_of_the_lens_are_noise_and_no_signal():
    scenes = Scenes.of([TINY.set({"lens_light": [{"magnitude": 20.0}]})], dtype=torch.float64)
    arcs, seen = noise_free(Scenes.of([TINY], dtype=torch.float64)), observe(scenes)
    expected = float((arcs**2 / seen.variance).sum().sqrt())
    assert float(signal_to_noise(scenes, arcs, seen.model)) == pytest.approx(expected, rel=1e-12)


def test_flux_of_an_unlensed_source_is_that_of_its_magnitude():
    """All of 10^(0.4 (zero point - magnitude)) counts/s arrive, as far as rays 0.04" apart can sum a Sersic."""
    scene = Scene().set({"lens.theta_E": 1e-9, "lens.gamma1": 0.0, "source.n_sersic": 0.6, "source.R_sersic": 0.2})
    total = float(noise_free(Scenes.of([scene], dtype=torch.float64)).sum())
    assert total == pytest.approx(10 ** (0.4 * (25.96 - 23.0)), rel=2e-5)


SMOOTH = ["lens.theta_E", "lens.q", "lens.phi", "lens.gamma", "lens.center_x", "lens.center_y", "lens.gamma1",
          "lens.gamma2", "lens.a3_a", "lens.delta_phi_m3", "lens.a4_a", "lens.delta_phi_m4", "source.magnitude",
          "source.R_sersic", "source.n_sersic", "source.q", "source.phi", "source.center_x", "source.center_y",
          "lens_light.0.magnitude", "lens_light.0.R_sersic", "source.clumps.0.center_x"]


@pytest.mark.parametrize("path", SMOOTH)
def test_images_are_differentiable_in_every_number(path):
    scene = TINY.set({"lens_light": [{}], "source.clumps": [{}], "lens.a3_a": 0.01, "lens.a4_a": 0.02,
                      "camera.num_pix": 8, "camera.pixel_scale": 0.37})
    scenes = Scenes.of([scene], dtype=torch.float64)
    value = scenes[path].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda value: noise_free(scenes.with_values(**{path: value})), value, eps=1e-6,
                                    atol=1e-6)


def test_a_round_lens_has_gradients_in_its_ellipticity():
    scene = TINY.set({"lens.q": 1.0, "lens.gamma1": 0.0, "camera.num_pix": 9, "camera.pixel_scale": 0.4,
                      "camera.supersampling": 1})
    scenes = Scenes.of([scene], dtype=torch.float64)

    def image(e1, e2, gamma1):
        return noise_free(scenes.with_values(**{"lens.e1": e1, "lens.e2": e2, "lens.gamma1": gamma1}))
    zero = [torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradcheck(image, zero, eps=1e-6, atol=1e-6)


def test_maps_of_a_batch_are_those_of_its_scenes():
    scenes = [TINY.set({"lens.theta_E": value}) for value in (0.8, 1.3)]
    batch = maps(Scenes.of(scenes, dtype=torch.float64))
    for row, scene in enumerate(scenes):
        alone = maps(Scenes.of([scene], dtype=torch.float64))
        for name in ("kappa", "psi", "alpha_x", "alpha_y", "mu", "delta_kappa"):
            torch.testing.assert_close(getattr(batch, name)[row], getattr(alone, name)[0], rtol=1e-10, atol=1e-12)
    assert np.isfinite(batch.source.numpy()).all() and batch.source_half_width > 0.5


def test_the_source_plane_goes_with_its_lens():
    """Lens and source moved together, far off the middle of the image: the plane about the lens shows the same."""
    moved = TINY.set({f"{part}.center_{axis}": TINY.get(f"{part}.center_{axis}") + by
                      for part in ("lens", "source") for axis, by in (("x", 0.8), ("y", -1.1))})
    here, there = (maps(Scenes.of([scene], dtype=torch.float64), source_side=24) for scene in (TINY, moved))
    assert here.source_half_width == there.source_half_width
    torch.testing.assert_close(there.source, here.source, rtol=1e-9, atol=0.0)
