"""Smooth deflectors against lenstronomy, identities that need no library, and gradients checked by differences."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.Profiles.epl import EPL
from lenstronomy.LensModel.Profiles.multipole import Multipole
from lenstronomy.LensModel.Profiles.point_mass import PointMass
from lenstronomy.LensModel.Profiles.shear import Shear
from lenstronomy.LensModel.Profiles.sie import SIE

from lenslab.physics import deflectors
from lenslab.physics.grid import pixel_axis

CENTRE = 0.03, -0.02
TYPES = [(torch.float64, 1e-9), (torch.float32, 1e-4)]


def sky(dtype=torch.float64):
    """A square of 40 x 40 positions (1, 40, 40) none of which is the centre, as torch and numpy arrays."""
    axis = pixel_axis(40, 0.11, dtype=dtype)
    x, y = axis[None, None, :] + 0 * axis[None, :, None], axis[None, :, None] + 0 * axis[None, None, :]
    return x, y, x[0].double().numpy(), y[0].double().numpy()


def numbers(*values, dtype=torch.float64):
    return [torch.tensor(float(value), dtype=dtype).reshape(1, 1, 1) for value in values]


def ellipticity(q, phi):
    c = (1 - q) / (1 + q)
    return c * np.cos(2 * phi), c * np.sin(2 * phi)


def compare(name, ours, oracle, kwargs, dtype, tolerance, with_kappa=True):
    """psi, alpha and kappa within tolerance of the largest value."""
    x, y, X, Y = sky(dtype)
    whole = {key: value for key, value in kwargs.items() if isinstance(value, int)}
    values = dict(zip([key for key in kwargs if key not in whole],
                      numbers(*[value for key, value in kwargs.items() if key not in whole], dtype=dtype),
                      strict=True), **whole)
    f_xx, _, _, f_yy = oracle.hessian(X, Y, **kwargs)
    pairs = [(getattr(deflectors, f"{name}_potential")(x, y, **ours(values)), oracle.function(X, Y, **kwargs)),
             *zip(getattr(deflectors, f"{name}_deflection")(x, y, **ours(values)), oracle.derivatives(X, Y, **kwargs),
                  strict=True)]
    if with_kappa:
        pairs.append((getattr(deflectors, f"{name}_convergence")(x, y, **ours(values)), (f_xx + f_yy) / 2))
    for value, expected in pairs:
        assert value.dtype == dtype
        np.testing.assert_allclose(value[0].double().numpy(), expected, rtol=0, atol=tolerance * np.abs(expected).max())


def same(values):
    return values


def without_gamma(values):
    return {key: value for key, value in values.items() if key != "gamma"}


@pytest.mark.parametrize("dtype, tolerance", TYPES)
@pytest.mark.parametrize("q", [1.0, 1 - 1e-6, 0.8, 0.3, 0.1])
@pytest.mark.parametrize("gamma", [1.2, 1.7, 2.0, 2.8])
def test_power_law_is_lenstronomys(q, gamma, dtype, tolerance):
    e1, e2 = ellipticity(q, 1.1)
    kwargs = dict(theta_E=1.3, gamma=gamma, e1=e1, e2=e2, center_x=CENTRE[0], center_y=CENTRE[1])
    compare("epl", same, EPL(), kwargs, dtype, tolerance)


@pytest.mark.parametrize("dtype, tolerance", TYPES)
@pytest.mark.parametrize("q", [1.0, 1 - 1e-6, 0.8, 0.3, 0.1])
def test_isothermal_ellipsoid_is_the_power_law_of_slope_2(q, dtype, tolerance):
    e1, e2 = ellipticity(q, -0.4)
    kwargs = dict(theta_E=1.3, gamma=2.0, e1=e1, e2=e2, center_x=CENTRE[0], center_y=CENTRE[1])
    compare("sie", without_gamma, EPL(), kwargs, dtype, tolerance)


@pytest.mark.parametrize("q", [1 - 1e-6, 0.8, 0.2])
def test_isothermal_ellipsoid_differs_from_lenstronomys_by_its_softening(q):
    """lenstronomy's core of s = 1e-10 arcsec takes theta_E s z/|z|^2 away, to first order in s."""
    x, y, X, Y = sky()
    e1, e2 = ellipticity(q, 0.7)
    expected = SIE().derivatives(X, Y, 1.3, e1, e2, *CENTRE)
    ours = deflectors.sie_deflection(x, y, *numbers(1.3, e1, e2, *CENTRE))
    core = deflectors.point_mass_deflection(x, y, *numbers((1.3e-10) ** 0.5, *CENTRE))
    for mine, softening, theirs in zip(ours, core, expected, strict=True):
        np.testing.assert_allclose((mine - softening)[0].numpy(), theirs, rtol=0, atol=1e-13 / (1 - q))


@pytest.mark.parametrize("dtype, tolerance", TYPES)
@pytest.mark.parametrize("m", [2, 3, 4])
def test_multipole_is_lenstronomys(m, dtype, tolerance):
    kwargs = dict(m=m, a_m=0.05, phi_m=0.3, center_x=CENTRE[0], center_y=CENTRE[1])
    compare("multipole", same, Multipole(), kwargs, dtype, tolerance)


@pytest.mark.parametrize("dtype, tolerance", TYPES)
def test_shear_and_point_mass_are_lenstronomys(dtype, tolerance):
    compare("shear", same, Shear(), dict(gamma1=0.05, gamma2=-0.02), dtype, tolerance)
    compare("point_mass", same, PointMass(), dict(theta_E=0.4, center_x=CENTRE[0], center_y=CENTRE[1]), dtype,
            tolerance)


def test_centre_neither_deflects_nor_yields_nan():
    x = y = torch.zeros(1, 1, 1, dtype=torch.float64)
    for name, values in PROFILES.items():
        values = [torch.zeros_like(value) if "center" in key or key in ("x0", "y0", "x1", "y1") else value
                  for key, value in values.items()]
        alpha_x, alpha_y = call(name, "deflection", x, y, values)
        assert alpha_x.item() == 0 and alpha_y.item() == 0, name
        assert call(name, "potential", x, y, values).isfinite() and call(name, "convergence", x, y, values).isfinite()


# ---- identities ----------------------------------------------------------------------------------------------------

E1, E2 = ellipticity(0.6, 0.5)
_values = dict(theta_E=1.2, gamma=2.3, e1=E1, e2=E2, center_x=CENTRE[0], center_y=CENTRE[1], a_m=0.05, phi_m=0.3,
               gamma1=0.05, gamma2=-0.02, x0=-0.4, y0=-0.2, x1=0.9, y1=0.5, kappa=-0.02, inner=0.5, outer=1.7)
PROFILES = {name: dict(zip(keys.split(), numbers(*[_values[key] for key in keys.split()]), strict=True))
            for name, keys in {
                "sie": "theta_E e1 e2 center_x center_y", "epl": "theta_E gamma e1 e2 center_x center_y",
                "multipole": "a_m phi_m center_x center_y", "shear": "gamma1 gamma2",
                "point_mass": "theta_E center_x center_y", "rod": "theta_E x0 y0 x1 y1",
                "annulus": "kappa inner outer center_x center_y"}.items()}


def call(name, quantity, x, y, values):
    order = (3,) if name == "multipole" else ()
    return getattr(deflectors, f"{name}_{quantity}")(x, y, *order, *values)


@pytest.mark.parametrize("name", PROFILES)
def test_deflection_is_the_gradient_of_the_potential_and_its_divergence_twice_kappa(name):
    x, y, _, _ = sky()
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    values = PROFILES[name].values()
    gradient = torch.autograd.grad(call(name, "potential", x, y, values).sum(), (x, y))
    alpha_x, alpha_y = call(name, "deflection", x, y, values)
    xx, xy = torch.autograd.grad(alpha_x.sum(), (x, y), retain_graph=True)
    yx, yy = torch.autograd.grad(alpha_y.sum(), (x, y))
    scale = max(1.0, float(xx.abs().max()))
    torch.testing.assert_close(gradient, (alpha_x, alpha_y), rtol=0, atol=1e-11)
    torch.testing.assert_close(xy, yx, rtol=0, atol=1e-11 * scale)
    torch.testing.assert_close(0.5 * (xx + yy), call(name, "convergence", x, y, values), rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize("name", PROFILES)
def test_forward_mode_agrees_with_autograd(name):
    x, y, _, _ = sky()
    x, y = x[:, ::5, ::5].contiguous(), y[:, ::5, ::5].contiguous()
    values = PROFILES[name].values()
    _, (forward, _) = torch.func.jvp(lambda x, y: call(name, "deflection", x, y, values), (x, y),
                                     (torch.ones_like(x), torch.zeros_like(y)))
    x.requires_grad_()
    backward, = torch.autograd.grad(call(name, "deflection", x, y, values)[0].sum(), x, allow_unused=True)
    torch.testing.assert_close(forward, backward, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("q", [1.0, 0.7, 0.3])
@pytest.mark.parametrize("gamma", [1.5, 2.0, 2.6])
def test_mean_kappa_within_the_einstein_ellipse_is_1(q, gamma):
    """Over the ellipse q x^2 + y^2/q < theta_E^2, in rings of equal area weighted as the slope asks."""
    n, theta_E, t = 400, 1.3, gamma - 1
    share = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    radius = theta_E * share ** (1 / (2 - t))  # R^(2 - t) uniform: kappa R dR is then constant
    angle = torch.tensor(0.3, dtype=torch.float64)
    x, y = radius * angle.cos() / q**0.5, radius * angle.sin() * q**0.5
    kappa = deflectors.epl_convergence(x, y, *numbers(theta_E, gamma, *ellipticity(q, 0.0), 0, 0))[0, 0]
    weight = 2 * radius * (theta_E / (2 - t)) * share ** (1 / (2 - t) - 1) / theta_E**2
    assert float((kappa * weight).mean()) == pytest.approx(1, abs=1e-12)


def test_round_lens_deflects_by_theta_E_at_the_ring():
    angle = torch.linspace(0, 6, 25, dtype=torch.float64)[None, None]
    for gamma in (1.4, 2.0, 2.7):
        alpha = deflectors.epl_deflection(1.3 * angle.cos(), 1.3 * angle.sin(), *numbers(1.3, gamma, 0, 0, 0, 0))
        torch.testing.assert_close(torch.hypot(*alpha), torch.full_like(angle, 1.3), rtol=0, atol=1e-14)


def test_rod_is_the_limit_of_many_point_masses():
    """2000 masses at the midpoints of equal pieces; the midpoint rule errs by (piece/distance)^2/24 < 1e-6 here."""
    x, y, _, _ = sky()
    y = y + 4.0  # all positions at least 1 arcsec away
    theta_E, x0, y0, x1, y1 = PROFILES["rod"].values()
    share = ((torch.arange(2000, dtype=torch.float64) + 0.5) / 2000)[:, None, None]
    points = theta_E / 2000**0.5, x0 + share * (x1 - x0), y0 + share * (y1 - y0)
    expected = [value.sum(0, keepdim=True) for value in deflectors.point_mass_deflection(x, y, *points)]
    for ours, theirs in zip(deflectors.rod_deflection(x, y, theta_E, x0, y0, x1, y1), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=3e-8)
    torch.testing.assert_close(deflectors.rod_potential(x, y, theta_E, x0, y0, x1, y1),
                               deflectors.point_mass_potential(x, y, *points).sum(0, keepdim=True), rtol=0, atol=3e-8)


def test_rod_of_no_length_is_a_point_mass():
    x, y, _, _ = sky()
    rod = deflectors.rod_deflection(x, y, *numbers(0.5, 0.2, 0.1, 0.2, 0.1))
    torch.testing.assert_close(rod, deflectors.point_mass_deflection(x, y, *numbers(0.5, 0.2, 0.1)), rtol=0, atol=1e-9)


def test_rod_holds_its_mass():
    """The flux of alpha through a circle around it is 2 pi theta_E^2 (Gauss), exact for a periodic mean."""
    angle = torch.arange(256, dtype=torch.float64) * (2 * np.pi / 256)
    x, y = (3 * angle.cos())[None, None], (3 * angle.sin())[None, None]
    alpha_x, alpha_y = deflectors.rod_deflection(x, y, *PROFILES["rod"].values())
    assert float(3 * (alpha_x * angle.cos() + alpha_y * angle.sin()).mean()) == pytest.approx(1.2**2, rel=1e-13)


def test_annulus_bends_only_beyond_its_inner_radius_and_then_as_its_mass():
    kappa, a, b = -0.02, 0.5, 1.7
    r = torch.tensor([[[0.1, 0.4, 1.0, 1.7, 3.0]]], dtype=torch.float64)
    alpha_x, _ = deflectors.annulus_deflection(r, 0 * r, *numbers(kappa, a, b, 0, 0))
    expected = torch.tensor([0, 0, kappa * (1 - a**2), kappa * (b**2 - a**2) / b, kappa * (b**2 - a**2) / 3.0])
    torch.testing.assert_close(alpha_x[0, 0], expected.double(), rtol=0, atol=1e-8)


# ---- gradients -----------------------------------------------------------------------------------------------------

SPOTS = torch.tensor([[[0.4, -0.9]]]).double(), torch.tensor([[[0.7, 0.2]]]).double()


def check_gradients(name, changes=None, spots=SPOTS):
    """gradcheck of psi, alpha and kappa with respect to x, y and every parameter."""
    values = {**PROFILES[name], **{key: numbers(value)[0] for key, value in (changes or {}).items()}}
    inputs = [value.clone().requires_grad_() for value in (*spots, *values.values())]

    def everything(x, y, *values):
        maps = [call(name, "potential", x, y, values), *call(name, "deflection", x, y, values)]
        return (*maps, call(name, "convergence", x, y, values)) if name in ("sie", "epl", "multipole") else tuple(maps)
    assert torch.autograd.gradcheck(everything, inputs, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", PROFILES)
def test_gradients(name):
    check_gradients(name)


@pytest.mark.parametrize("name", ["sie", "epl"])
def test_gradients_of_a_round_lens_and_on_its_axes(name):
    on_axes = torch.tensor([[[0.4, 0.0]]]).double(), torch.tensor([[[0.0, 0.7]]]).double()
    check_gradients(name, dict(e1=0, e2=0, center_x=0, center_y=0), on_axes)
    check_gradients(name, dict(e1=0.2, e2=0, center_x=0, center_y=0), on_axes)
    check_gradients(name, dict(e1=0, e2=0))


def test_gradients_without_shear():
    check_gradients("shear", dict(gamma1=0, gamma2=0))


@pytest.mark.parametrize("name", ["sie", "epl", "multipole", "point_mass"])
def test_gradients_on_the_centre_are_those_of_a_pixel_that_is_not_bent(name):
    """Steps of 1e-11 arcsec stay within the core of 1e-9 where alpha is 0 whatever the parameters."""
    values = {**PROFILES[name], "center_x": numbers(0)[0], "center_y": numbers(0)[0]}
    spot = torch.zeros(1, 1, 1, dtype=torch.float64)
    inputs = [value.clone().requires_grad_() for value in (spot, spot, *values.values())]
    assert torch.autograd.gradcheck(lambda x, y, *values: call(name, "deflection", x, y, values), inputs, eps=1e-11,
                                    atol=1e-6)


def test_psi_and_kappa_have_the_gradients_of_their_parameters_on_the_centre():
    """psi is 0 there for every theta_E, e1, e2; kappa is proportional to theta_E."""
    x = y = zero = torch.zeros(1, 1, 1, dtype=torch.float64)
    theta_E, e1, e2 = (value.requires_grad_() for value in numbers(1.2, 0, 0))
    psi = deflectors.sie_potential(x, y, theta_E, e1, e2, zero, zero)
    assert all(not grad.any() for grad in torch.autograd.grad(psi, (theta_E, e1, e2)))
    kappa = deflectors.sie_convergence(x, y, theta_E, e1, e2, zero, zero)
    slope, *turn = torch.autograd.grad(kappa, (theta_E, e1, e2))
    assert float(slope) == pytest.approx(float(kappa) / 1.2) and all(grad.isfinite().all() for grad in turn)


@pytest.mark.parametrize("spot", [0.0, 0.5])
def test_on_a_rod_alpha_is_the_mean_of_its_sides_and_gradients_are_finite(spot):
    """In the middle it vanishes by symmetry; on an end it is held finite."""
    inputs = [value.requires_grad_() for value in numbers(spot, 0, 1.2, -0.5, 0, 0.5, 0)]
    alpha_x, alpha_y = deflectors.rod_deflection(*inputs)
    assert float(alpha_y) == 0 and (float(alpha_x) == 0 if spot == 0 else 0 < float(alpha_x) < 100)
    assert all(grad is None or grad.isfinite().all() for grad in
               torch.autograd.grad(alpha_x + alpha_y, inputs, allow_unused=True))
