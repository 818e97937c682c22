"""Images of points where closed forms put them, and as many as lenstronomy finds."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LensModel.Solver.lens_equation_solver import LensEquationSolver

from lenslab.physics import clumps, deflectors, raytrace
from lenslab.physics.lens_images import lens_images
from tests.physics.lenses import point_mass, shear, sis, soft_ellipse, soft_sphere, together

FRAME = dict(half_width=3.0, time_delay_distance=3000.0)


def check(lens, images, beta):
    """Each image lies on its source, and tells its magnification and delay."""
    x, y = (torch.from_numpy(each.copy())[None, None] for each in (images.x, images.y))
    np.testing.assert_allclose(np.stack([each.numpy().ravel() for each in raytrace.shoot(lens[0], x, y)]).T,
                               np.broadcast_to(beta, (len(images), 2)), atol=1e-9)
    det = raytrace.determinant(lens[0], x, y).numpy().ravel()
    np.testing.assert_allclose(images.mu * det, 1, rtol=1e-9)
    assert (np.diff(images.delay) >= 0).all() and images.delay[0] == 0
    assert [kind == "saddle" for kind in images.kind] == list(det < 0)


@pytest.mark.parametrize("beta", [0.05, 0.4, 1.1])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_point_mass_has_two_images(beta, angle):
    theta_E, source = 1.2, (beta * np.cos(angle), beta * np.sin(angle))
    lens = point_mass(theta_E, 0.0, 0.0)
    images = lens_images(*lens, *source, **FRAME)
    check(lens, images, source)
    root = np.sqrt(beta**2 + 4 * theta_E**2)
    theta = np.array([beta + root, beta - root]) / 2
    assert images.kind == ("minimum", "saddle")
    np.testing.assert_allclose(images.x * np.cos(angle) + images.y * np.sin(angle), theta, rtol=1e-9)
    np.testing.assert_allclose(images.mu, 1 / (1 - theta_E**4 / theta**4), rtol=1e-7)
    # Narayan & Bartelmann: the Fermat potentials differ by beta root/2 + theta_E^2 ln((root + beta)/(root - beta))
    fermat = torch.tensor(beta * root / 2 + theta_E**2 * np.log((root + beta) / (root - beta)), dtype=torch.float64)
    assert images.delay[1] == pytest.approx(raytrace.arrival_days(fermat, 3000.0).item(), rel=1e-9)


@pytest.mark.parametrize("beta, expected", [(0.3, [1.4, -0.8]), (1.3, [2.4])])
def test_an_isothermal_sphere_has_two_images_or_one_and_none_in_its_singular_centre(beta, expected):
    lens = sis(1.1)
    images = lens_images(lambda x, y: tuple(torch.nan_to_num(each) for each in lens[0](x, y)), lens[1], beta, 0.0,
                         **FRAME)
    np.testing.assert_allclose(images.x, expected, atol=1e-9)
    np.testing.assert_allclose(images.mu, 1 / (1 - 1.1 / np.abs(expected)), rtol=1e-8)
    if len(expected) == 2:
        assert images.delay[1] == pytest.approx(
            raytrace.arrival_days(torch.tensor(2.2 * beta, dtype=torch.float64), 3000.0).item(), rel=1e-9)


def test_a_soft_centre_has_a_faint_third_image_that_is_a_maximum():
    lens = soft_sphere(1.2, 0.05)
    images = lens_images(*lens, 0.2, 0.1, **FRAME)
    check(lens, images, (0.2, 0.1))
    assert images.kind == ("minimum", "saddle", "maximum")
    assert 0 < images.mu[2] < 0.01


@pytest.mark.parametrize("beta, number", [((0.02, 0.03), 5), ((0.3, 0.2), 3), ((1.5, 1.4), 1)])
def test_an_ellipse_has_five_three_or_one(beta, number):
    lens = together(soft_ellipse(1.3, 0.8, 0.05), shear(0.03, 0.02))
    images = lens_images(*lens, *beta, **FRAME)
    check(lens, images, beta)
    assert len(images) == number
    # odd-number theorem for a smooth lens (Burke 1981): minima and maxima outnumber saddles by one
    assert sum(-1 if kind == "saddle" else 1 for kind in images.kind) == 1


def test_the_two_images_at_a_fold_stay_apart_to_the_caustic():
    # crossing the caustic of a soft sphere's radial curve: two images merge as sqrt of the distance to it
    theta_E, core = 1.2, 0.2
    lens = soft_sphere(theta_E, core)
    s = (theta_E * core**2) ** (1 / 3)
    r = np.sqrt(s**2 - core**2)
    caustic = abs(r - theta_E * r / s)
    for inside in (1e-2, 1e-4, 1e-6):
        assert len(lens_images(*lens, caustic - inside, 0.0, **FRAME)) == 3, inside
    assert len(lens_images(*lens, caustic + 1e-6, 0.0, **FRAME)) == 1


def parameters(**values):
    return {name: torch.tensor(value, dtype=torch.float64).reshape(1, 1, 1) for name, value in values.items()}


def test_as_many_images_as_lenstronomy_finds_in_many_smooth_lenses():
    rng = np.random.default_rng(8)
    model = LensModel(["EPL", "SHEAR"], z_lens=0.5, z_source=1.5)
    solver = LensEquationSolver(model)
    for _ in range(8):
        kwargs = [dict(theta_E=rng.uniform(0.8, 1.5), gamma=rng.uniform(1.9, 2.1), e1=rng.uniform(-0.2, 0.2),
                       e2=rng.uniform(-0.2, 0.2), center_x=0.0, center_y=0.0),
                  dict(gamma1=rng.uniform(-0.05, 0.05), gamma2=rng.uniform(-0.05, 0.05))]
        beta = rng.uniform(-0.25, 0.25, 2)
        values, tide = parameters(**kwargs[0]), shear(kwargs[1]["gamma1"], kwargs[1]["gamma2"])
        lens = together((lambda x, y, v=values: deflectors.epl_deflection(x, y, **v),
                         lambda x, y, v=values: deflectors.epl_potential(x, y, **v)), tide)
        images = lens_images(*lens, *beta, half_width=3.0, time_delay_distance=model._lensCosmo.ddt)
        check(lens, images, beta)
        x, y = solver.image_position_from_source(*beta, kwargs, min_distance=0.02, search_window=6,
                                                 precision_limit=1e-12, magnification_limit=1e-3)
        bright = np.abs(images.mu) > 1e-3
        assert bright.sum() == len(x), (kwargs, beta)
        order = np.argsort(model.arrival_time(x, y, kwargs, x_source=beta[0], y_source=beta[1]))
        np.testing.assert_allclose(np.stack([images.x, images.y])[:, bright], np.stack([x, y])[:, order], atol=1e-6)
        days = model.arrival_time(images.x, images.y, kwargs, x_source=beta[0], y_source=beta[1])
        np.testing.assert_allclose(images.delay, days - days.min(), rtol=1e-6, atol=1e-5)


def test_a_point_mass_on_a_bright_image_splits_it_in_four():
    # the SIS at theta = 1.4 magnifies by 1 along the radius and by s = 1/(1 - 1.1/1.4) across it; about a mass there
    # the four images lie at theta_E along the radius and theta_E sqrt(s) across (Chang & Refsdal 1979), to first order
    ring, s = 0.01, 1 / (1 - 1.1 / 1.4)
    lens = together(sis(1.1), point_mass(ring, 1.4, 0.0))
    images = lens_images(*lens, 0.3, 0.0, focus=np.array([[1.4, 0.0, 0.05]]), **FRAME)
    check(lens, images, (0.3, 0.0))
    near = np.hypot(images.x - 1.4, images.y) < 0.1
    assert near.sum() == 4 and len(images) == 5
    found = np.stack([images.x[near] - 1.4, images.y[near]], 1)
    expected = ring * np.array([(-1, 0), (1, 0), (0, -np.sqrt(s)), (0, np.sqrt(s))])
    apart = np.hypot(*(found[:, None] - expected).transpose(2, 0, 1))
    assert (apart.min(0) < 0.03 * ring).all() and (apart.min(1) < 0.03 * ring).all()


def test_many_clumps_each_with_an_image_of_its_own():
    rng = np.random.default_rng(3)
    number, radius, angle = 25, rng.uniform(1.1, 1.3, (1, 25)), rng.uniform(0, 2 * np.pi, (1, 25))
    x, y = (torch.from_numpy(radius * turn(angle)) for turn in (np.cos, np.sin))
    smooth = parameters(theta_E=1.2, e1=0.1, e2=0.05, center_x=0.0, center_y=0.0)
    rings = torch.full((1, number), 0.03, dtype=torch.float64)
    lens = together((lambda u, v: deflectors.sie_deflection(u, v, **smooth),
                     lambda u, v: deflectors.sie_potential(u, v, **smooth)),
                    (lambda u, v: clumps.point_masses_deflection(u, v, rings, x, y),
                     lambda u, v: clumps.point_masses_potential(u, v, rings, x, y)))
    focus = np.stack([x[0], y[0], np.full(number, 0.06)], 1)
    images = lens_images(*lens, 0.05, 0.02, focus=focus, **FRAME)
    check(lens, images, (0.05, 0.02))
    # the index of theta -> beta on a large circle: 1, less 1 for the singular centre and 1 for each point mass
    assert sum(-1 if kind == "saddle" else 1 for kind in images.kind) == -number
