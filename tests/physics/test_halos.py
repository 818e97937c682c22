"""NFW and TNFW halos against lenstronomy, mpmath where lenstronomy loses digits, identities and gradients."""

from itertools import product

import mpmath
import numpy as np
import pytest
import torch
from lenstronomy.LensModel.Profiles.nfw import NFW
from lenstronomy.LensModel.Profiles.tnfw import TNFW

from lenslab.physics import halos

TYPES = [(torch.float64, 1e-9), (torch.float32, 1e-4)]
NAMES = ["nfw", "tnfw"]
TAUS = [0.2, 1.0, 5.0, 40.0]
RADII = np.concatenate([np.geomspace(1e-4, 100, 60), [0.4 - 1e-9, 0.4, 0.999, 1.001]])  # x = r/Rs


def numbers(*values, dtype=torch.float64):
    return [torch.tensor(float(value), dtype=dtype).reshape(1, 1) for value in values]


def call(name, quantity, x, y, values):
    return getattr(halos, f"{name}_{quantity}")(x, y, *values)


def positions(Rs, dtype=torch.float64):
    """Points on a spiral about (0.03, -0.02) at the radii RADII * Rs."""
    angle = np.arange(len(RADII)) * 2.4
    r = RADII * Rs
    X, Y = 0.03 + r * np.cos(angle), -0.02 + r * np.sin(angle)
    return torch.tensor(X, dtype=dtype)[None], torch.tensor(Y, dtype=dtype)[None], X, Y


@pytest.mark.parametrize("dtype, tolerance", TYPES)
@pytest.mark.parametrize("Rs, tau", list(product([0.05, 0.5], [None, *TAUS])))
def test_halos_are_lenstronomys(Rs, tau, dtype, tolerance):
    """x from 1e-4 (below the floor of TNFW at 1e-3) through 1 to 100.

    Below x = 0.01 lenstronomy's own sums cancel: to 9e-6 of alpha at its floor, 1e-7 of the largest alpha; and its
    kappa nearer to x = 1 than 1e-3. Tests with 40 digits below cover these x.
    """
    x, y, X, Y = positions(Rs, dtype)
    kwargs = dict(Rs=Rs, alpha_Rs=0.07, **({} if tau is None else dict(r_trunc=tau * Rs)), center_x=0.03,
                  center_y=-0.02)
    name, oracle = ("nfw", NFW()) if tau is None else ("tnfw", TNFW())
    values = numbers(*kwargs.values(), dtype=dtype)
    f_xx, _, _, f_yy = oracle.hessian(X, Y, **kwargs)
    alpha = call(name, "deflection", x, y, values)
    for value, expected in ((call(name, "potential", x, y, values), oracle.function(X, Y, **kwargs)),
                            *zip(alpha, oracle.derivatives(X, Y, **kwargs), strict=True),
                            (call(name, "convergence", x, y, values), (f_xx + f_yy) / 2)):
        assert value.dtype == dtype
        error = np.abs(value[0].double().numpy() - expected) / np.abs(expected).max()
        assert error[RADII > 0.01].max() < tolerance and error.max() < max(tolerance, 1e-7)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-14), (torch.float32, 1e-6)])
def test_nfw_function_keeps_its_digits_where_the_textbook_form_loses_them(dtype, tolerance):
    """F and (F - ln(2/x))/x^2 with 40 digits as the oracle; the second cancels to nothing in float32 otherwise."""
    x2 = torch.tensor(np.concatenate([RADII, [1e-6, 1 - 1e-7, 1.0, 1 + 1e-7, 1e3]]) ** 2, dtype=dtype)
    F, tilde, _ = halos.nfw_function(x2)
    with mpmath.workdps(40):
        squares = [mpmath.mpf(float(value)) for value in x2]
        exact = [mpmath.mpf(1) if u == 1 else mpmath.re(mpmath.acosh(1 / mpmath.sqrt(u)) / mpmath.sqrt(1 - u))
                 for u in squares]
        rest = [float((f - mpmath.log(2 / mpmath.sqrt(u))) / u) for f, u in zip(exact, squares, strict=True)]
    np.testing.assert_allclose(F.double().numpy(), np.array(exact, float), rtol=2 * tolerance)
    np.testing.assert_allclose(tilde.double().numpy(), rest, rtol=0, atol=tolerance * 15)
    np.testing.assert_allclose(tilde.double().numpy(), rest, rtol=40 * tolerance)


def test_nfw_kappa_is_smooth_through_the_scale_radius():
    """(1 - F)/(x^2 - 1) = 1/3 - (x^2 - 1)/5 + ..., where differences of F are all rounding."""
    x = torch.tensor([[1 - 1e-6, 1 - 1e-9, 1.0, 1 + 1e-9, 1 + 1e-6]], dtype=torch.float64)
    kappa = halos.nfw_convergence(x, 0 * x, *numbers(1, 1, 0, 0)) / (0.5 * halos.NORM)
    torch.testing.assert_close(kappa, 1 / 3 - 0.2 * (x * x - 1), rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("tau", TAUS)
def test_truncated_deflection_keeps_its_digits_too(tau, dtype, tolerance):
    """g(x)/x^2 of Baltz et al. 2009 with 40 digits, where the sum of its terms cancels."""
    x = RADII[(RADII > 1e-3) & (RADII < 5)]
    ours = halos.tnfw_deflection_shape(torch.tensor(x**2, dtype=dtype), *halos.tnfw_coefficients(
        *torch.tensor([1, tau], dtype=dtype)))
    with mpmath.workdps(40):
        t = mpmath.mpf(tau)
        exact = []
        for r in np.sqrt(torch.tensor(x**2, dtype=dtype).double().numpy()):
            r = mpmath.mpf(float(r))
            F, s = mpmath.re(mpmath.acosh(1 / r) / mpmath.sqrt(1 - r * r)), mpmath.sqrt(t * t + r * r)
            L = mpmath.log(r / (t + s))
            terms = (t * t - 1 + 2 * r * r) * F + t * mpmath.pi + (t * t - 1) * mpmath.log(t)
            terms += s * ((t * t - 1) * L / t - mpmath.pi)
            exact.append(float(t**2 / (t**2 + 1) ** 2 * terms / r**2))
    np.testing.assert_allclose(ours.double().numpy(), exact, rtol=tolerance)


@pytest.mark.parametrize("tau", [0.01, *TAUS])
def test_logarithms_written_out_for_the_compiler_are_logarithms(tau, monkeypatch):
    """What only compiled float32 code runs, here run eagerly; the oracle is the same halo in float64."""
    u = torch.tensor(np.geomspace(1e-14, 1e12, 2000), dtype=torch.float32)
    x2 = torch.tensor(RADII**2, dtype=torch.float64).clamp_min(1e-6)
    exact = halos.tnfw_deflection_shape(x2, *halos.tnfw_coefficients(*torch.tensor([1, tau], dtype=torch.float64)))
    monkeypatch.setattr(halos, "_written_out", lambda u: True)
    torch.testing.assert_close(halos._log(u).double(), u.double().log(), rtol=2e-7, atol=3e-7)
    torch.testing.assert_close(halos._log1p_ratio(u).double(), torch.log1p(u.double()) / u.double(), rtol=1e-6, atol=0)
    ours = halos.tnfw_deflection_shape(x2.float(), *halos.tnfw_coefficients(*torch.tensor([1, tau])))
    alpha, ours = exact * x2.sqrt(), ours.double() * x2.sqrt()
    torch.testing.assert_close(ours, alpha, rtol=0, atol=1e-5 * float(alpha.max()))


def test_deflection_at_the_scale_radius_is_alpha_Rs():
    alpha_x, alpha_y = halos.nfw_deflection(*numbers(0.3, 0, 0.3, 0.07, 0, 0))
    assert float(alpha_x) == pytest.approx(0.07, rel=1e-14) and float(alpha_y) == 0


def test_truncated_halo_becomes_the_whole_one_as_r_trunc_grows():
    """The truncation takes off (x/tau)^2 ln tau at most: below 2e-7 within ten scale radii at tau = 1e5."""
    inner = RADII[(RADII > 1e-3) & (RADII < 10)]
    r = torch.tensor(0.3 * inner)[None]
    whole, _ = halos.nfw_deflection(r, 0 * r, *numbers(0.3, 0.07, 0, 0))
    cut, _ = halos.tnfw_deflection(r, 0 * r, *numbers(0.3, 0.07, 3e4, 0, 0))
    torch.testing.assert_close(cut, whole, rtol=2e-7, atol=0)
    torch.testing.assert_close(halos.tnfw_convergence(r, 0 * r, *numbers(0.3, 0.07, 3e4, 0, 0)),
                               halos.nfw_convergence(r, 0 * r, *numbers(0.3, 0.07, 0, 0)), rtol=2e-6, atol=0)


@pytest.mark.parametrize("tau", TAUS)
def test_truncated_halo_has_its_total_mass(tau):
    """alpha r -> 4 rho0 Rs^3 m(tau), m = tau^2/(tau^2 + 1)^2 [(tau^2 - 1) ln tau + tau pi - (tau^2 + 1)] (Baltz 2009).

    Beyond r_trunc what is missing falls as (r_trunc/r)^2 times a logarithm.
    """
    mass = tau**2 / (tau**2 + 1) ** 2 * ((tau**2 - 1) * np.log(tau) + tau * np.pi - (tau**2 + 1))
    r = 1e4 * max(tau, 1)
    alpha_x, _ = halos.tnfw_deflection(*numbers(r, 0, 1, 1, tau, 0, 0))
    assert float(alpha_x) * r == pytest.approx(halos.NORM * mass, rel=3e-4)


PARAMETERS = {"nfw": numbers(0.3, 0.07, 0.03, -0.02), "tnfw": numbers(0.3, 0.07, 0.9, 0.03, -0.02)}


@pytest.mark.parametrize("name", NAMES)
def test_deflection_is_the_gradient_of_the_potential_and_its_divergence_twice_kappa(name):
    x, y, _, _ = positions(0.3)
    keep = RADII > 2e-3
    x, y = x[:, keep].requires_grad_(), y[:, keep].requires_grad_()
    values = PARAMETERS[name]
    gradient = torch.autograd.grad(call(name, "potential", x, y, values).sum(), (x, y))
    alpha_x, alpha_y = call(name, "deflection", x, y, values)
    xx, xy = torch.autograd.grad(alpha_x.sum(), (x, y), retain_graph=True)
    yx, yy = torch.autograd.grad(alpha_y.sum(), (x, y))
    kappa = call(name, "convergence", x, y, values)
    # Autograd of psi divides a few rounding errors by the smallest r, 6e-4 arcsec.
    torch.testing.assert_close(gradient, (alpha_x, alpha_y), rtol=0, atol=1e-11)
    torch.testing.assert_close(xy, yx, rtol=0, atol=1e-11)
    torch.testing.assert_close(0.5 * (xx + yy), kappa, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    """By differences, inside, at and beyond x = 0.4 and 1, on the centre (within its floor), and in forward mode."""
    x = 0.03 + 0.3 * torch.tensor([[0.1, 0.4, 1.0, 2.5]], dtype=torch.float64)
    inputs = [value.clone().requires_grad_() for value in (x, 0 * x - 0.01, *PARAMETERS[name])]

    def everything(x, y, *values):
        return (call(name, "potential", x, y, values), *call(name, "deflection", x, y, values),
                call(name, "convergence", x, y, values))
    assert torch.autograd.gradcheck(everything, inputs, atol=1e-7, rtol=1e-6)
    values = PARAMETERS[name]
    centre = [value.clone().requires_grad_() for value in (*values[-2:], *values)]
    assert torch.autograd.gradcheck(lambda *some: call(name, "deflection", *some[:2], some[2:]), centre, eps=1e-9,
                                    atol=1e-6)
    x, y = (value.detach() for value in inputs[:2])
    _, (forward, _) = torch.func.jvp(lambda x, y: call(name, "deflection", x, y, values), (x, y),
                                     (torch.ones_like(x), torch.zeros_like(y)))
    x.requires_grad_()
    backward, = torch.autograd.grad(call(name, "deflection", x, y, values)[0].sum(), x)
    torch.testing.assert_close(forward, backward, rtol=1e-12, atol=1e-14)


def test_float32_gradients_stay_finite_everywhere():
    x, y, _, _ = positions(0.05, torch.float32)
    x, y = torch.cat([x, torch.full((1, 1), 0.03)], 1).requires_grad_(), torch.cat([y, torch.full((1, 1), -0.02)], 1)
    for name in NAMES:
        values = [value.float() for value in PARAMETERS[name]]
        for quantity in ("potential", "convergence"):
            grad, = torch.autograd.grad(call(name, quantity, x, y, values).sum(), x)
            assert grad.isfinite().all(), (name, quantity)
        grad, = torch.autograd.grad(sum(call(name, "deflection", x, y, values)).sum(), x)
        assert grad.isfinite().all(), name
