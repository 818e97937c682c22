"""NFW halos, whole and truncated, in lenstronomy's parameters.

Rs is the scale radius and alpha_Rs the deflection of the untruncated halo at Rs, both arcsec; with x = r/Rs and
tau = r_trunc/Rs, rho = rho0/(x (1 + x)^2) * tau^2/(tau^2 + x^2) (Baltz, Marshall & Oguri 2009, 0705.0682) and
4 rho0 Rs^2 = alpha_Rs/(1 - ln 2). Shapes broadcast as in lenslab.physics.deflectors.

The NFW function F(x) = arcosh(1/x)/sqrt(1 - x^2), arccos(1/x)/sqrt(x^2 - 1) beyond x = 1, is evaluated here from square
roots, one logarithm and short polynomials: it is then smooth through x = 1, in float32 exact at small x where textbook
formulas cancel, and needs neither arcosh nor two branches of inverse functions, which are slow.
"""

from math import log, pi

import torch
from torch import Tensor

NORM = 1 / (1 - log(2))
NEAR = 0.16  # x^2 below which F is expanded about its logarithm
FLOOR_NFW, FLOOR_NFW_KAPPA, FLOOR_TNFW = 1e-12, 1e-14, 1e-6  # x^2, where lenstronomy holds x


def nfw_potential(x, y, Rs, alpha_Rs, center_x, center_y) -> Tensor:
    """psi = Rs alpha_Rs/(2 (1 - ln 2)) [ln^2(x/2) - arcosh^2(1/x)].

    Meneghetti et al. 2003 (astro-ph/0102341), eq. 54.
    """
    _, _, x2 = _offset(x, y, Rs, center_x, center_y, FLOOR_NFW)
    return 0.5 * NORM * Rs * alpha_Rs * _squares(x2)


def nfw_deflection(x, y, Rs, alpha_Rs, center_x, center_y) -> tuple[Tensor, Tensor]:
    """alpha = alpha_Rs/(1 - ln 2) (ln(x/2) + F)/x^2 z/Rs, linear below x = 1e-6 as in lenstronomy."""
    dx, dy, x2 = _offset(x, y, Rs, center_x, center_y, FLOOR_NFW)
    strength = NORM * alpha_Rs / Rs * nfw_function(x2)[1]
    return strength * dx, strength * dy


def nfw_convergence(x, y, Rs, alpha_Rs, center_x, center_y) -> Tensor:
    """kappa = alpha_Rs/(2 Rs (1 - ln 2)) (1 - F)/(x^2 - 1), held at x = 1e-7 on the centre."""
    _, _, x2 = _offset(x, y, Rs, center_x, center_y, FLOOR_NFW_KAPPA)
    return 0.5 * NORM * alpha_Rs / Rs * _density(x2)


def tnfw_potential(x, y, Rs, alpha_Rs, r_trunc, center_x, center_y) -> Tensor:
    """psi of the truncated halo, 0 on its centre; held below x = 1e-3 as in lenstronomy."""
    _, _, x2 = _offset(x, y, Rs, center_x, center_y, FLOOR_TNFW)
    return 0.5 * NORM * Rs * alpha_Rs * tnfw_potential_shape(x2, r_trunc / Rs)


def tnfw_deflection(x, y, Rs, alpha_Rs, r_trunc, center_x, center_y) -> tuple[Tensor, Tensor]:
    """Deflection of the truncated halo, linear below x = 1e-3 as in lenstronomy."""
    dx, dy, x2 = _offset(x, y, Rs, center_x, center_y, FLOOR_TNFW)
    strength = NORM * alpha_Rs / Rs * tnfw_deflection_shape(x2, r_trunc / Rs)
    return strength * dx, strength * dy


def tnfw_convergence(x, y, Rs, alpha_Rs, r_trunc, center_x, center_y) -> Tensor:
    """kappa of the truncated halo, constant below x = 1e-3 as in lenstronomy."""
    _, _, x2 = _offset(x, y, Rs, center_x, center_y, FLOOR_TNFW)
    return 0.5 * NORM * alpha_Rs / Rs * tnfw_convergence_shape(x2, r_trunc / Rs)


def _offset(x, y, Rs, center_x, center_y, floor):
    dx, dy = x - center_x, y - center_y
    return dx, dy, ((dx * dx + dy * dy) / (Rs * Rs)).clamp_min(floor)


# ---- the shapes, functions of x^2 and tau --------------------------------------------------------------------------

def nfw_function(x2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """F(x), (F - ln(2/x))/x^2 and ln(2/x).

    With v = 1 - x^2, F = H(v) = artanh(sqrt v)/sqrt v (arctan for v < 0) and, by the half-argument rule,
    H(v) = (1 + u) H(u) with u = (1 - sqrt(1 - v))/(1 + sqrt(1 - v)). Twice applied it leaves |u| < 0.18 for all
    x > 0.4, where H is a short power series. Below, F = [ln(2/x) + log1p(-p)]/sqrt v with p = x^2/(2 (1 + sqrt v)),
    which is less than 0.042.
    """
    single = x2.dtype == torch.float32
    logarithm = log(2) - 0.5 * x2.log()
    r = x2.sqrt()
    once = 2 / (1 + r)
    twice = 2 / (1 + (r * once).sqrt())
    far = once * twice * _odd(twice - 1, 1, 8 if single else 20)
    small = x2.clamp_max(2 * NEAR)
    root = (1 - small).sqrt()
    half = 1 / (1 + root)
    p = 0.5 * small * half
    near = half * (logarithm - 0.5 * _polynomial(p, [1 / (n + 1) for n in range(5 if single else 12)])) / root
    inside = x2 < NEAR
    return (torch.where(inside, logarithm + x2 * near, far), torch.where(inside, near, (far - logarithm) / x2),
            logarithm)


def _density(x2: Tensor) -> Tensor:
    """(1 - F)/(x^2 - 1), which is (H(v) - 1)/v: by the same rule twice beyond x = 0.4, smooth through x = 1."""
    r = x2.sqrt()
    once = 1 / (1 + r)
    twice = 1 / (1 + (2 * r * once).sqrt())
    far = _odd(2 * twice - 1, 3, 8 if x2.dtype == torch.float32 else 20)
    far = once * once * (1 + 2 * once * (twice * twice * (1 + 2 * twice * far)))
    F = nfw_function(x2)[0]
    return torch.where(x2 < NEAR, (F - 1) / (1 - x2.clamp_max(2 * NEAR)), far)


def _squares(x2: Tensor) -> Tensor:
    """ln^2(x/2) - arcosh^2(1/x), with + arccos^2 beyond x = 1, as arcosh = ln(2/x) + log1p(-p) at small x."""
    F, _, logarithm = nfw_function(x2)
    small = x2.clamp_max(2 * NEAR)
    difference = torch.log1p(-0.5 * small / (1 + (1 - small).sqrt()))
    near = -difference * (2 * logarithm + difference)
    return torch.where(x2 < NEAR, near, logarithm * logarithm - (1 - x2) * F * F)


def tnfw_deflection_shape(x2: Tensor, tau: Tensor) -> Tensor:
    """g(x)/x^2 of Baltz et al. 2009, appendix A, in the order that float32 survives (their sum cancels to 3e-3)."""
    F, tilde, logarithm = nfw_function(x2)
    tau2 = tau * tau
    total = tau + (tau2 + x2).sqrt()
    inverse = 1 / (tau * total)
    growth = torch.log1p(0.5 * x2 * inverse)  # ln((tau + s)/(2 tau))
    L = -logarithm - tau.log() - growth       # ln(x/(tau + s))
    shape = (tau2 - 1) * (tilde - growth / x2 + L * inverse) + 2 * F - pi * tau * inverse
    return tau2 / ((tau2 + 1) * (tau2 + 1)) * shape


def tnfw_convergence_shape(x2: Tensor, tau: Tensor) -> Tensor:
    """(Sigma/(2 rho0 Rs)) of Baltz et al. 2009, appendix A."""
    F, _, logarithm = nfw_function(x2)
    tau2 = tau * tau
    s = (tau2 + x2).sqrt()
    L = log(2) - logarithm - (tau + s).log()
    shape = (tau2 + 1) * _density(x2) + 2 * F - pi / s + (tau2 - 1) / (tau * s) * L
    return tau2 / ((tau2 + 1) * (tau2 + 1)) * shape


def tnfw_potential_shape(x2: Tensor, tau: Tensor) -> Tensor:
    """h(x) = psi/(2 rho0 Rs^3), the integral of 2 g(x)/x from the centre out."""
    F, _, logarithm = nfw_function(x2)
    tau2 = tau * tau
    s = (tau2 + x2).sqrt()
    total = tau + s
    ln_tau, ln_x, ln_total = tau.log(), log(2) - logarithm, total.log()
    L = ln_x - ln_total
    shape = (2 * pi * (tau - s + tau * ln_total) + 2 * (tau2 - 1) / tau * s * L + (tau2 - 1) * L * L
             + 4 * (x2 - 1) * F - (tau2 - 1) * (1 - x2) * F * F + 2 * ((tau2 - 1) * ln_tau - tau2 - 1) * ln_x
             - ((tau2 - 1) * ln_tau * (ln_tau + log(4)) + 2 * (ln_tau - log(2))
                - 2 * tau * (tau - pi) * (ln_tau + log(2))))
    return tau2 / ((tau2 + 1) * (tau2 + 1)) * shape


def _odd(u: Tensor, first: int, terms: int) -> Tensor:
    """sum_n u^n/(2 n + first)."""
    return _polynomial(u, [1 / (2 * n + first) for n in range(terms)])


def _polynomial(u: Tensor, coefficients: list[float]) -> Tensor:
    value = coefficients[-1] * u + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value = value * u + coefficient
    return value
