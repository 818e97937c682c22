"""The lens layer shows what lenstronomy shows, and all that goes into it has a gradient."""

import numpy as np
import pytest
import torch

from lenslab.images.model import lens_model, source_light
from lenslab.images.reference import Reference
from lenslab.nets.potential_lens import NodeField, PotentialLens, convergence
from lenslab.physics.grid import pixel_axis
from lenslab.scene import Camera, Lens, Scene, Source
from lenslab.scenes import Scenes

SCENE = Scene(lens=Lens(theta_E=1.2, q=0.75, phi=0.4, gamma=2.1, center_x=0.03, center_y=-0.02, gamma1=0.04,
                        gamma2=-0.03, a3_a=0.01, a4_a=0.005),
              source=Source(magnitude=22.0, R_sersic=0.2, n_sersic=1.0, q=0.7, phi=1.0, center_x=0.12, center_y=0.05),
              camera=Camera(num_pix=64, pixel_scale=0.08, fwhm=0.15))
LAYER = PotentialLens(SCENE.camera)
WIDE, SPACING = 2.6, 0.04       # arcsec: half the box of psi, and between its nodes
WITHIN, FINE = 1.3, 0.005        # the same of the source, whose summit is sharp: with 0.01 arcsec it is 2e-3 off


@pytest.fixture(scope="module")
def scenes():
    return Scenes.of([SCENE], dtype=torch.float64)


@pytest.fixture(scope="module")
def true():
    """lenstronomy's image (N, N)."""
    return Reference(SCENE).image()


def source_of(scenes):
    return lambda x, y: source_light(scenes, x, y)


def on_nodes(field, half_width, spacing):
    axis = torch.linspace(-half_width, half_width, round(2 * half_width / spacing) + 1, dtype=torch.float64)
    return field(axis[None, None, :].expand(1, len(axis), -1), axis[None, :, None].expand(1, -1, len(axis)))


@torch.no_grad()
def test_a_potential_and_a_source_give_the_true_image(scenes, true):
    lensing = LAYER(lens_model(scenes).potential, source_of(scenes), like=torch.zeros((), dtype=torch.float64))
    assert np.abs(lensing.image[0, 0].numpy() - true).max() < 1e-5 * true.max()


@torch.no_grad()
def test_nodes_of_both_give_it_off_the_centre(scenes, true):
    """A spline rings about the summit of an isothermal psi, and falls by 0.27 a node."""
    potential = NodeField(on_nodes(lens_model(scenes).potential, WIDE, SPACING), WIDE)
    source = NodeField(on_nodes(source_of(scenes), WITHIN, FINE), WITHIN)
    image = LAYER(potential, source, like=torch.zeros((), dtype=torch.float64)).image[0, 0].numpy()
    axis = pixel_axis(64, 0.08, dtype=torch.float64).numpy()
    away = np.hypot(axis[None, :] - SCENE.lens.center_x, axis[:, None] - SCENE.lens.center_y) > 0.1
    assert np.abs(image - true)[away].max() < 1e-3 * true.max()


@torch.no_grad()
def test_kappa_is_the_convergence_of_the_same_potential(scenes):
    x, y = torch.tensor([[[0.5, -1.1, 0.9]]], dtype=torch.float64), torch.tensor([[[1.0, 0.2, -0.7]]],
                                                                                 dtype=torch.float64)
    kappa = convergence(lens_model(scenes).potential, x, y)
    f_xx, f_xy, f_yx, f_yy = Reference(SCENE).lens.hessian(x.numpy().ravel(), y.numpy().ravel(),
                                                           Reference(SCENE).kwargs_lens)
    np.testing.assert_allclose(kappa.numpy().ravel(), (f_xx + f_yy) / 2, rtol=1e-8)


def test_nodes_of_psi_and_of_the_source_have_gradients():
    """As far as rays reach: every node of psi within the frame, every node of a source that they cover."""
    torch.manual_seed(0)
    layer = PotentialLens(Camera(num_pix=24, pixel_scale=0.1, supersampling=2))
    psi, light = (torch.rand(2, n, n, requires_grad=True) for n in (9, 5))
    layer(NodeField(0.05 * psi, 1.2), NodeField(light, 0.9), batch=2).image.square().sum().backward()
    assert (psi.grad != 0).all() and (light.grad != 0).all()
