"""Whole images and deflections beside lenstronomy, which is the oracle for all of them."""


import numpy as np
import pytest
import torch

from lenslab import picture
from lenslab.images import reference
from lenslab.images.compiled import CompiledBrightness, why_not
from lenslab.images.model import lens_model
from lenslab.images.realise import realise
from lenslab.images.simulate import maps, noise_free
from lenslab.scene import SUBSTRUCTURE, Scene
from lenslab.scenes import Scenes

SMALL = Scene().set({"camera.num_pix": 32, "camera.pixel_scale": 0.1})

# The awkward corners: round lenses, a pixel on the centre of a mass, flat and steep slopes, no shear, thin ellipses.
CORNERS = {
    "default": {},
    "round": {"lens.q": 1.0, "lens.gamma1": 0.0, "lens.gamma2": 0.0},
    "nearly round": {"lens.q": 0.999999},
    "thin": {"lens.q": 0.2, "source.q": 0.1},
    "steep": {"lens.gamma": 2.7},
    "shallow": {"lens.gamma": 1.3, "lens.q": 0.5},
    "pixel on the centre": {"camera.num_pix": 33, "camera.supersampling": 1, "source.center_x": 0.0,
                            "source.center_y": 0.0},
    "off centre": {"lens.center_x": 0.21, "lens.center_y": -0.13, "lens.gamma2": -0.1},
    "multipoles": {"lens.a3_a": 0.01, "lens.delta_phi_m3": 0.3, "lens.a4_a": -0.02, "lens.delta_phi_m4": -0.2},
    "lens light": {"lens_light": [{"magnitude": 19.0, "n_sersic": 4.0}, {"R_sersic": 1.2}]},
    "clumps of the source": {"source.clumps": [{"magnitude": 25.0, "center_x": 0.1}, {"n_sersic": 0.5}]},
    "cuspy source": {"source.n_sersic": 6.0, "source.R_sersic": 0.05},
    "no supersampling": {"camera.supersampling": 1},
    "supersampling 4": {"camera.supersampling": 4},
    "moffat": {"camera.psf": "moffat", "camera.supersampling": 3},
    "no blur": {"camera.psf": "none"},
    "dark clumps by hand": {"substructure.clumps": [{"center_x": 1.2}, {"profile": "POINT_MASS", "center_y": 1.1},
                                                    {"log10_mass": 8.0, "center_x": 0.05, "center_y": 0.05}]},
    "mass not conserved": {"substructure.kind": "deeplense_cdm", "substructure.conserve_mass": False},
    "wrong deflection": {"substructure.kind": "deeplense_axion", "deflection": 0.59},
    "large waves": {"substructure.kind": "fdm", "substructure.m22": 0.03},
    "small waves": {"substructure.kind": "fdm", "substructure.m22": 1.0},
} | {kind: {"substructure.kind": kind} for kind in SUBSTRUCTURE}


@pytest.mark.parametrize("name", CORNERS)
def test_images_are_those_of_lenstronomy(name):
    scene = SMALL.set({"substructure.log10_m_resolved": 8.0}).set(CORNERS[name])
    comparison = reference.compare(scene)
    assert comparison.deviation < 1e-9
    single = noise_free(Scenes.of([scene]))[0, 0].numpy()
    assert np.abs(single - comparison.lenstronomy).max() < 1e-4 * comparison.lenstronomy.max()


@pytest.mark.parametrize("seed", range(12))
def test_drawn_scenes_are_those_of_lenstronomy(seed):
    rng = np.random.default_rng(seed)
    scene = SMALL.set({
        "lens.theta_E": rng.uniform(0.5, 1.4), "lens.q": rng.uniform(0.3, 1), "lens.phi": rng.uniform(-3, 3),
        "lens.gamma": rng.uniform(1.6, 2.4), "lens.gamma1": rng.uniform(-0.1, 0.1),
        "lens.gamma2": rng.uniform(-0.1, 0.1),
        "source.center_x": rng.uniform(-0.3, 0.3), "source.center_y": rng.uniform(-0.3, 0.3),
        "source.n_sersic": rng.uniform(0.5, 4), "source.q": rng.uniform(0.3, 1), "z_lens": rng.uniform(0.2, 0.8),
        "substructure.kind": SUBSTRUCTURE[seed % len(SUBSTRUCTURE)], "substructure.log10_m_resolved": 8.0,
        "seed_substructure": seed, "camera.supersampling": int(rng.integers(1, 4))})
    assert reference.compare(scene).deviation < 1e-9


def test_a_picture_as_source_is_lenstronomys_interpolation():
    rng = np.random.default_rng(3)
    name = picture.remember(rng.random((21, 30)))
    scene = SMALL.set({"source.picture": name, "source.picture_width": 1.3, "source.phi": 0.7})
    assert reference.compare(scene).deviation < 1e-9


def test_a_measured_psf_is_lenstronomys_pixel_kernel():
    axis = np.arange(-6, 7)
    kernel = np.exp(-0.5 * ((axis[:, None] - 0.3) ** 2 / 4 + axis**2 / 9))
    scene = SMALL.set({"camera.psf": "pixel", "camera.psf_picture": picture.remember(kernel),
                       "camera.psf_supersampling": 2})
    assert reference.compare(scene).deviation < 1e-9


@pytest.mark.parametrize("kind", SUBSTRUCTURE)
def test_maps_are_those_of_lenstronomy(kind):
    scene = SMALL.set({"substructure.kind": kind, "substructure.log10_m_resolved": 8.5, "lens.gamma": 2.1})
    scenes = Scenes.of([scene], dtype=torch.float64)
    realisation = realise(scenes)
    ours, theirs = maps(scenes, realisation), reference.Reference(scene, realisation)
    axis = (np.arange(32) - 15.5) * 0.1
    x, y = (grid.ravel() for grid in np.meshgrid(axis, axis))
    alpha_x, alpha_y = theirs.deflection(x, y)
    assert np.abs(ours.alpha_x[0].numpy().ravel() - alpha_x).max() < 1e-9
    assert np.abs(ours.alpha_y[0].numpy().ravel() - alpha_y).max() < 1e-9
    if kind in ("none", "cdm", "wdm", "deeplense_cdm"):
        np.testing.assert_allclose(ours.psi[0].numpy().ravel(), theirs.lens.potential(x, y, theirs.kwargs_lens)
                                   + annulus_potential(realisation, scene, x, y), atol=1e-9)


def annulus_potential(realisation, scene, x, y):
    """Closed form of the sheet that lenstronomy has not: psi'(r) = kappa (min(r, outer)^2 - inner^2) / r."""
    if realisation.annulus_kappa is None:
        return 0.0
    kappa, outer = float(realisation.annulus_kappa[0]), float(realisation.annulus_outer[0])
    inner, r = scene.lens.theta_E, np.hypot(x - scene.lens.center_x, y - scene.lens.center_y)

    def within(radius):
        return kappa * ((radius**2 - inner**2) / 2 - inner**2 * np.log(radius / inner))
    beyond = within(outer) + kappa * (outer**2 - inner**2) * np.log(np.maximum(r, outer) / outer)
    return np.where(r < inner, 0.0, np.where(r < outer, within(np.maximum(r, inner)), beyond))


def test_magnification_of_an_isothermal_sphere_is_its_closed_form():
    scene = SMALL.set({"lens.q": 1.0, "lens.gamma1": 0.0, "lens.gamma2": 0.0, "lens.theta_E": 1.0})
    ours = maps(Scenes.of([scene], dtype=torch.float64))
    axis = (torch.arange(32, dtype=torch.float64) - 15.5) * 0.1
    r = torch.hypot(axis[None, :], axis[:, None])
    torch.testing.assert_close(ours.mu[0], 1 / (1 - 1 / r), rtol=1e-9, atol=0)
    torch.testing.assert_close(ours.kappa[0], 0.5 / r, rtol=1e-9, atol=0)


@pytest.mark.parametrize("kind", SUBSTRUCTURE)
def test_deflection_is_the_gradient_of_the_potential_and_its_divergence_twice_the_convergence(kind):
    """Away from points and rods, whose mass is a delta; the splines of the field agree as far as its grid allows."""
    scene = SMALL.set({"substructure.kind": kind, "substructure.log10_m_resolved": 8.5})
    lens = lens_model(Scenes.of([scene], dtype=torch.float64))
    x = torch.linspace(-1.43, 1.51, 17, dtype=torch.float64)[None, None].expand(1, 17, 17).clone().requires_grad_()
    y = torch.linspace(-1.37, 1.49, 17, dtype=torch.float64)[None, :, None].expand(1, 17, 17).clone().requires_grad_()
    psi_x, psi_y = torch.autograd.grad(lens.potential(x, y).sum(), (x, y))
    alpha_x, alpha_y = lens.deflection(x, y)
    tolerance = 2e-3 if kind == "fdm" else 1e-10
    torch.testing.assert_close(psi_x, alpha_x, atol=tolerance, rtol=0)
    torch.testing.assert_close(psi_y, alpha_y, atol=tolerance, rtol=0)
    xx, xy = torch.autograd.grad(alpha_x.sum(), (x, y), retain_graph=True)
    yx, yy = torch.autograd.grad(alpha_y.sum(), (x, y))
    tolerance = 5e-2 if kind == "fdm" else 1e-8
    torch.testing.assert_close(xy, yx, atol=tolerance, rtol=0)
    torch.testing.assert_close(xx + yy, 2 * lens.convergence(x, y), atol=tolerance, rtol=0)


@pytest.mark.skipif(bool(why_not()), reason="torch.compile needs a C++ compiler, and none is installed")
def test_compiled_rays_are_the_eager_ones():
    scenes = Scenes.of([SMALL.set({"source.n_sersic": 1.0 + k}) for k in range(3)])
    realisation = realise(scenes)
    eager = noise_free(scenes, realisation)
    fast = noise_free(scenes, realisation, shine=CompiledBrightness())
    assert float((eager - fast).abs().max()) < 1e-5 * float(eager.max())


