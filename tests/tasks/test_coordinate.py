"""Two networks that learn one image: what they begin at, that both learn, and what is read off them."""

import io
import json
from dataclasses import replace
from math import isnan

import numpy as np
import pytest
import torch
from astropy.io import fits

from lenslab.images.simulate import observe_scene
from lenslab.nets.coordinate_lens import CoordinateLens
from lenslab.scene import Camera, Lens, Scene, Source
from lenslab.tasks.reconstruct import coordinate

SCENE = Scene(lens=Lens(theta_E=1.0, q=0.85, phi=0.5),
              source=Source(magnitude=23.0, R_sersic=0.15, n_sersic=1.0, center_x=0.1, center_y=0.05),
              camera=Camera(num_pix=40, pixel_scale=0.08, fwhm=0.13, exposure_time=4000.0))


def network(radius=1.0, center=(0.02, -0.03)):
    torch.manual_seed(0)
    return CoordinateLens(Camera(num_pix=24, pixel_scale=0.1, supersampling=1), radius, center, 5.0)


@pytest.fixture(scope="module")
def told():
    """Pictures of a short learning, and the last."""
    patch = pytest.MonkeyPatch()
    patch.setattr(coordinate, "STEPS", 100)
    image = replace(observe_scene(SCENE, dtype=torch.float32), scenes=None)
    found = list(coordinate.steps(image, settings=coordinate.refined.Settings(lens_light="none")))
    patch.undo()
    return found


def test_every_weight_of_both_networks_has_a_gradient():
    net = network()
    image, sigma = torch.rand(1, 1, 24, 24), torch.ones(1, 1, 24, 24)
    net.loss(image, sigma, 2 * torch.rand(2, 50) - 1)[0].backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_what_is_left_out_teaches_nothing():
    net = network()
    sigma = torch.ones(1, 1, 24, 24)
    sigma[..., 5:9, 5:9] = torch.inf
    points, image = torch.zeros(2, 1) + 0.5, torch.rand(1, 1, 24, 24)
    changed = image.clone()
    changed[..., 5:9, 5:9] = 1e4
    assert torch.equal(net.loss(image, sigma, points)[0], net.loss(changed, sigma, points)[0])


def test_negative_mass_costs():
    """A potential that falls outwards faster than the lens rises has kappa below 0."""
    net = network()
    with torch.no_grad():
        net.potential.layers[-1].weight.zero_()
    net.potential.strength.data = torch.tensor(-1.0)
    x, y = torch.tensor([[[0.5]]]), torch.tensor([[[0.3]]])
    assert net.convergence(x, y).item() < 0
    image, sigma, points = torch.zeros(1, 1, 24, 24), torch.full((1, 1, 24, 24), 1e9), torch.tensor([[0.5], [0.3]])
    value = net.loss(image, sigma, points)[0] - net.potential.strangeness(points[None, :1], points[None, 1:])
    assert value.item() == pytest.approx(10 * net.convergence(x, y).item() ** 2, rel=1e-4)


def test_ring_and_ellipse_are_read_off_the_potential():
    """With the network silent psi is isothermal and round; a quadrupole of an ellipse e is read as that ellipse."""
    net = network(radius=1.2)
    with torch.no_grad():
        net.potential.layers[-1].weight.zero_()
        net.potential.layers[-1].bias.zero_()
    made = type("Made", (), {"center": (0.02, -0.03)})
    assert coordinate.einstein_radius(net, made.center) == pytest.approx(1.2, abs=0.01)      # the core takes a little
    assert coordinate.lens_of(net, made, 1.2).q == pytest.approx(1, abs=1e-4)
    e, phi = 0.1, 0.6
    net.potential.more = lambda x, y: -e / 3 * (2 * (torch.atan2(y + 0.03, x - 0.02) - phi)).cos()
    lens = coordinate.lens_of(net, made, 1.2)
    assert (lens.q, lens.phi) == pytest.approx(((1 - e) / (1 + e), phi), abs=0.01)


def test_it_forms_before_ones_eyes_and_ends_near_the_lens(told):
    chi2 = [one.reduced_chi2 for one in told]
    assert len(told) > 5 and chi2[-1] < 0.2 * chi2[0]
    assert [one.share for one in told] == sorted(one.share for one in told) and told[-1].share == 1
    assert all(one.reconstruction is None for one in told[:-1])
    found = told[-1].reconstruction
    assert found.parameters["lens.theta_E"].mean == pytest.approx(1.0, abs=0.03)
    assert isnan(found.parameters["lens.theta_E"].std)
    assert found.scene.source.R_sersic == pytest.approx(0.15, abs=0.1)
    slope_y, slope_x = np.gradient(found.psi.numpy(), 0.08)
    away = np.s_[2:10, 2:-2]
    np.testing.assert_allclose(slope_x[away], found.alpha_x.numpy()[away], atol=0.01)


def test_its_files_and_numbers_are_those_of_every_reconstruction(told):
    found = told[-1].reconstruction
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert plain["parameters"]["lens.theta_E"]["std"] is None and plain["reduced_chi2"] > 0

    with fits.open(io.BytesIO(found.to_fits())) as file:
        np.testing.assert_allclose(file["KAPPA"].data, found.kappa.numpy(), rtol=1e-5)


def test_an_image_of_nothing_gets_a_sentence():
    image = replace(observe_scene(SCENE, dtype=torch.float32), scenes=None)
    dark = replace(image, image=torch.zeros_like(image.image), model=None)
    with pytest.raises(ValueError, match="no arcs"):
        next(coordinate.steps(dark, settings=coordinate.refined.Settings(lens_light="none")))
