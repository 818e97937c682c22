from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab.images import ceiling
from lenslab.images.model import without_substructure
from lenslab.images.realise import realise
from lenslab.images.simulate import background, noise_free, observe
from lenslab.scene import Camera, Clump, Lens, Scene, Sersic, Source, Substructure
from lenslab.scenes import Scenes

CAMERA = Camera(num_pix=40, supersampling=1, pixel_scale=0.1)
SCENE = Scene(camera=CAMERA, source=Source(magnitude=22.0, center_x=0.1, center_y=0.05))


def batch(*scenes):
    return Scenes.of(scenes, dtype=torch.float64)


def clump(mass, x=1.1, y=0.5, profile="TNFW"):
    return Substructure(clumps=(Clump(log10_mass=mass, center_x=x, center_y=y, profile=profile),))


@pytest.mark.parametrize("path", ["lens.theta_E", "lens.e1", "lens.center_y", "lens.gamma2", "source.magnitude",
                                  "source.R_sersic", "source.n_sersic", "source.e2", "source.center_x"])
def test_differences_agree_with_forward_mode_derivatives(path):
    scenes = ceiling.free_ellipticities(batch(SCENE, replace(SCENE, lens=Lens(theta_E=0.9, q=0.6))))

    def image(value):
        moved = replace(scenes, values={**scenes.values, path: value})
        return noise_free(moved, realise(moved))
    _, exact = torch.func.jvp(image, (scenes[path],), (torch.ones_like(scenes[path]),))
    found = ceiling.derivative(scenes, path)
    # at step h differences err by h^2 f''' and rounding / h; a source's cusp makes the first the larger
    assert (found - exact).abs().max() < 1e-6 * exact.abs().max()


def test_projection_is_least_squares():
    rng = np.random.default_rng(0)
    tangents, difference = rng.normal(size=(3, 50, 6)), rng.normal(size=(3, 50))
    tangents[1, :, 5] = 2 * tangents[1, :, 0]  # the same direction twice
    tangents[2, :, 4] = 0                      # a padded clump
    left = ceiling.project_out(torch.tensor(difference), torch.tensor(tangents * 10.0 ** np.arange(-3, 3)))
    for row in range(3):
        fit = np.linalg.lstsq(tangents[row], difference[row], rcond=1e-12)[0]
        assert np.allclose(left[row].numpy(), difference[row] - tangents[row] @ fit, atol=1e-9)


def test_what_a_smooth_model_can_mimic_counts_for_nothing():
    """A massive clump exactly at the lens centre is a change of the lens; one beside the arc is not."""
    scenes = ceiling.free_ellipticities(batch(SCENE))
    smooth = noise_free(scenes)
    sigma = (background(scenes)[:, None, None, None] ** 2 + smooth / scenes["camera.exposure_time"][0]).sqrt()
    tangents = [ceiling.derivative(scenes, path) for path in ceiling.free(scenes)]
    moved = sum((k + 1) * tangent for k, tangent in enumerate(tangents)) / sigma
    left = ceiling.project_out(moved.flatten(1), torch.stack([(t / sigma).flatten(1) for t in tangents], dim=2))
    assert left.norm() < 1e-6 * moved.norm()


def test_a_smooth_lens_has_no_significance():
    change, found = ceiling.significance(SCENE)
    assert found == 0 and change.shape == (1, 1, 40, 40)


def test_lambda_is_what_a_fit_of_the_smooth_model_leaves():
    """The oracle: minimise chi2 of the smooth model to the noise-free image with scipy; lambda^2 is what remains."""
    from scipy.optimize import least_squares

    scenes = batch(replace(SCENE, substructure=clump(8.5)))
    model, variance = observe(scenes).model, observe(scenes).variance
    smooth = ceiling.free_ellipticities(without_substructure(scenes))
    paths = ceiling.free(smooth)

    def residual(p):
        values = {path: smooth[path] + float(shift) for path, shift in zip(paths, p, strict=True)}
        return ((noise_free(smooth.with_values(**values)) - model) / variance.sqrt()).flatten().numpy()
    fit = least_squares(residual, np.zeros(len(paths)), x_scale=0.01, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    before = float(np.sum(residual(np.zeros(len(paths))) ** 2)) ** 0.5
    found = float(ceiling.lambdas(scenes)[0])
    assert found < 0.8 * before  # the fit mimics part of it
    assert np.isclose(found, np.sqrt(2 * fit.cost), rtol=0.02)  # the clump is weak, so that linear is right


def test_lambda_grows_with_mass_and_signal_and_falls_with_distance():
    weak, strong, far = (ceiling.significance(replace(SCENE, substructure=clump(*at)))[1]
                         for at in ((8.0,), (9.0,), (9.0, 1.9, 1.9)))
    assert strong > 3 * weak and strong > 3 * far
    bright = replace(SCENE, source=replace(SCENE.source, magnitude=21.0), substructure=clump(9.0))
    ratio = ceiling.significance(bright)[1] / strong
    assert 10**0.2 < ratio < 10**0.4  # flux 10^0.4: S grows by its root to itself, and lambda with S


def test_lens_light_clumps_of_the_source_and_slope_are_free_where_they_are():
    source = replace(SCENE.source, clumps=(Sersic(magnitude=24.0, R_sersic=0.05, center_x=0.1),))
    scene = replace(SCENE, source=source, lens_light=(Sersic(magnitude=19.0),), lens=Lens(gamma=2.1, a4_a=0.01),
                    substructure=clump(9.0))
    other = replace(scene, source=SCENE.source)  # its clump is padding
    scenes = batch(scene, other)
    paths = ceiling.free(ceiling.free_ellipticities(without_substructure(scenes)))
    assert {"lens.gamma", "lens.a4_a", "source.clumps.0.magnitude", "lens_light.0.R_sersic"} <= set(paths)
    together, alone = ceiling.lambdas(scenes), [ceiling.significance(one)[1] for one in (scene, other)]
    assert np.allclose(together.numpy(), alone, rtol=1e-4)


def test_doubled_images_are_judged_by_what_they_show():
    """DeepLense II: the image and its noise model are both those of the doubled image, so lambda grows."""
    scene = replace(SCENE, substructure=clump(9.0))
    doubled = replace(scene, camera=replace(CAMERA, doubled=True))
    ratio = ceiling.significance(doubled)[1] / ceiling.significance(scene)[1]
    assert 2**0.5 < ratio < 2
