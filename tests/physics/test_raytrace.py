"""Jacobian, magnification and delays against closed forms and lenstronomy."""

import numpy as np
import pytest
import torch
from astropy import constants, units
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.Util import constants as lenstronomy_constants

from lenslab.physics import raytrace
from tests.physics.lenses import point_mass, shear, sis, soft_ellipse, together

X = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(1, 1, 12)
Y = torch.linspace(-1.7, 2.1, 9, dtype=torch.float64).reshape(1, 9, 1)


def test_jacobian_of_a_point_mass_in_closed_form():
    r2 = X**2 + Y**2
    A_xx, A_xy, A_yx, A_yy = raytrace.jacobian(point_mass(1.3)[0], X, Y)
    torch.testing.assert_close(A_xx, 1 - 1.69 * (Y**2 - X**2) / r2**2, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(A_yy, 1 - 1.69 * (X**2 - Y**2) / r2**2, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(A_xy, 1.69 * 2 * X * Y / r2**2, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(A_xy, A_yx, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(raytrace.magnification(point_mass(1.3)[0], X, Y), 1 / (1 - 1.69**2 / r2**2),
                               rtol=1e-12, atol=0)


def test_convergence_and_shear_of_an_isothermal_sphere_in_external_shear():
    r, angle = (X**2 + Y**2).sqrt(), torch.atan2(Y, X)
    kappa, gamma1, gamma2 = raytrace.convergence_and_shear(together(sis(1.1), shear(0.05, -0.02))[0], X, Y)
    torch.testing.assert_close(kappa, 0.55 / r, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(gamma1, -0.55 / r * torch.cos(2 * angle) + 0.05, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(gamma2, -0.55 / r * torch.sin(2 * angle) - 0.02, rtol=1e-12, atol=1e-13)


def test_lenstronomy_has_the_same_magnification_and_delays():
    theirs = LensModel(["EPL", "SHEAR"], z_lens=0.5, z_source=1.5)
    kwargs = [dict(theta_E=1.2, gamma=2.0, e1=0.0, e2=0.0, center_x=0.0, center_y=0.0),
              dict(gamma1=0.05, gamma2=-0.02)]
    deflection, potential = together(sis(1.2), shear(0.05, -0.02))
    x, y = (np.random.default_rng(k).uniform(0.2, 2, 20) for k in (1, 2))
    xt, yt = (torch.from_numpy(each)[None, None] for each in (x, y))
    np.testing.assert_allclose(raytrace.magnification(deflection, xt, yt)[0, 0].numpy(),
                               theirs.magnification(x, y, kwargs), rtol=1e-8)
    distance = theirs._lensCosmo.ddt  # (1 + z_l) D_l D_s / D_ls, Mpc
    days = raytrace.arrival_days(raytrace.fermat_potential(potential, xt, yt, 0.1, -0.2), distance)[0, 0].numpy()
    expected = theirs.arrival_time(x, y, kwargs, x_source=0.1, y_source=-0.2)
    # lenstronomy rounds constants at 1e-9
    np.testing.assert_allclose(days - days[0], expected - expected[0], rtol=1e-7, atol=1e-7)


def test_constants_are_astropys():
    assert (units.Mpc / constants.c).to_value("day") == pytest.approx(raytrace.MPC_OVER_C_DAYS, rel=1e-12)
    assert units.arcsec.to("rad") == pytest.approx(raytrace.ARCSEC, rel=1e-14)
    assert lenstronomy_constants.Mpc / lenstronomy_constants.c / 86400 == \
        pytest.approx(raytrace.MPC_OVER_C_DAYS, rel=1e-6)


def test_pieces_and_batches_change_nothing(monkeypatch):
    strength = torch.tensor([0.9, 1.2], dtype=torch.float64).reshape(2, 1, 1)
    deflection = soft_ellipse(strength, 0.8, 0.1)[0]
    whole = raytrace.mapping(deflection, X, Y.expand(2, 9, 1))
    one = raytrace.mapping(soft_ellipse(1.2, 0.8, 0.1)[0], X, Y)
    monkeypatch.setattr(raytrace, "FEW", 2)
    monkeypatch.setattr(raytrace, "GRAPH_BYTES", 2000)
    pieces = raytrace.mapping(deflection, X, Y.expand(2, 9, 1))
    for a, b, c in zip(whole, pieces, one, strict=True):
        assert a.shape == (2, 9, 12)
        torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-15)
        torch.testing.assert_close(a[1:], c, rtol=1e-14, atol=1e-15)


def test_magnification_can_be_differentiated_in_the_lens():
    theta_E = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)
    x, y = (torch.full((1, 1, 1), value, dtype=torch.float64) for value in (1.4, 0.3))
    _, _, A_xx, A_xy, A_yx, A_yy = raytrace.mapping(sis(theta_E)[0], x, y, create_graph=True)
    (A_xx * A_yy - A_xy * A_yx).sum().backward()
    assert theta_E.grad.item() == pytest.approx(-1 / np.hypot(1.4, 0.3), rel=1e-12)  # det A = 1 - theta_E / r
