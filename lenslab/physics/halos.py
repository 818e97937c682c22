"""NFW halos, whole and truncated, in lenstronomy's parameters.

Rs is the scale radius and alpha_Rs the deflection of the untruncated halo at Rs, both arcsec; with x = r/Rs and
tau = r_trunc/Rs, rho = rho0/(x (1 + x)^2) * tau^2/(tau^2 + x^2) (Baltz, Marshall & Oguri 2009, 0705.0682) and
4 rho0 Rs^2 = alpha_Rs/(1 - ln 2). Shapes broadcast as in lenslab.physics.deflectors.

The NFW function F(x) = arcosh(1/x)/sqrt(1 - x^2), arccos(1/x)/sqrt(x^2 - 1) beyond x = 1, is evaluated here from square
roots, one logarithm and short polynomials: it is then smooth through x = 1, in float32 exact at small x where textbook
formulas cancel, and needs neither arcosh nor two branches of inverse functions, which are slow.
"""

from math import comb, log, pi, sqrt

import numpy as np
import torch
from torch import Tensor

NORM = 1 / (1 - log(2))
NEAR = 0.06  # x^2 below which F is expanded about its logarithm
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
    strength = tnfw_deflection_shape(x2, *tnfw_coefficients(NORM * alpha_Rs / Rs, r_trunc / Rs))
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

    Far, with p = 1/x and y = sqrt(1 + p): F = p/y * P(y), where P(y) = y arccos(p)/sqrt(1 - p^2) is smooth through
    p = 1 and has its nearest singularity at y = -sqrt 2, so that a short polynomial serves from x = 0.24 to infinity.
    Near, F = ln(2/x) A(x^2) + B(x^2) with the power series of A = (1 - x^2)^-1/2 and B = A ln((1 + 1/A)/2).
    """
    far_series, near_a, near_b = _SERIES[x2.dtype]
    logarithm = log(2) - 0.5 * _log(x2)
    p = x2.clamp_min(NEAR / 2).rsqrt()
    inverse_y = (1 + p).rsqrt()
    far = p * inverse_y * _polynomial((1 + p) * inverse_y * _SCALE - _SHIFT, far_series)
    small = x2.clamp_max(2 * NEAR)
    near = logarithm * _polynomial(small, near_a) + _polynomial(small, near_b)
    inside = x2 < NEAR
    return (torch.where(inside, logarithm + small * near, far),
            torch.where(inside, near, (far - logarithm) * (p * p)), logarithm)


def _far_series(degree: int) -> list[float]:
    """Polynomial through P(y) at the Chebyshev points of 1 <= y <= sqrt(1 + 1/sqrt(NEAR)), mapped to (-1, 1)."""
    def P(s):
        y = (s + _SHIFT) / _SCALE
        p = y * y - 1
        t = np.sqrt(np.abs(1 - p * p))
        t = np.where(t == 0, 1e-30, t)
        return y * np.where(p < 1, np.arctan2(t, p), np.arcsinh(t)) / t
    return np.polynomial.Chebyshev.interpolate(P, degree).convert(kind=np.polynomial.Polynomial).coef.tolist()


def _near_series(terms: int) -> tuple[list[float], list[float]]:
    """(A - 1)/x^2 and B/x^2, from A = sum c_n x^2n and ln((1 + 1/A)/2) = -sum c_n x^2n/(2n), c_n = (2n over n)/4^n."""
    c = np.array([comb(2 * n, n) / 4**n for n in range(terms + 1)])
    d = np.array([0, *(-c[n] / (2 * n) for n in range(1, terms + 1))])
    return c[1:].tolist(), np.convolve(c, d)[1:terms + 1].tolist()


_FARTHEST = sqrt(1 + 1 / sqrt(NEAR))
_SCALE, _SHIFT = 2 / (_FARTHEST - 1), (_FARTHEST + 1) / (_FARTHEST - 1)
_SERIES = {torch.float32: (_far_series(8), *_near_series(6)), torch.float64: (_far_series(18), *_near_series(14))}


def float32_series() -> dict[str, float | list[float]]:
    """The polynomials of nfw_function and of ln(1 + g)/g below 0.5, for a shader that works in float32."""
    far, near_a, near_b = _SERIES[torch.float32]
    return dict(far=far, near_a=near_a, near_b=near_b, scale=_SCALE, shift=_SHIFT, log1p=_LOG1P)


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


def tnfw_coefficients(amplitude: Tensor, tau: Tensor) -> tuple[Tensor, ...]:
    """What tnfw_deflection_shape needs of a halo: tau, tau^2, ln tau and three factors."""
    tau2 = tau * tau
    factor = amplitude * tau2 / ((tau2 + 1) * (tau2 + 1))
    return tau, tau2, tau.log(), factor * (tau2 - 1), 2 * factor, pi * factor * tau


def tnfw_deflection_shape(x2: Tensor, tau, tau2, log_tau, difference, double, circle) -> Tensor:
    """amplitude g(x)/x^2 of Baltz et al. 2009, appendix A, in the order that float32 survives (their sum cancels).

    With s = sqrt(tau^2 + x^2) and growth = ln((tau + s)/(2 tau)), g/x^2 is tau^2/(tau^2 + 1)^2 times
    (tau^2 - 1) [(F - ln(2/x))/x^2 - growth/x^2 + ln(x/(tau + s))/(tau (tau + s))] + 2 F - pi/(tau + s).
    """
    F, tilde, logarithm = nfw_function(x2)
    inverse = 1 / (tau * (tau + (tau2 + x2).sqrt()))
    excess = 0.5 * x2 * inverse
    ratio = _log1p_ratio(excess)
    L = -logarithm - log_tau - excess * ratio
    return difference * (tilde + inverse * (L - 0.5 * ratio)) + double * F - circle * inverse


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


# ---- elementary functions ------------------------------------------------------------------------------------------

def _log(u: Tensor) -> Tensor:
    """ln u. Compiled for a CPU it is written out, as calls of the library's log take half of the time of a halo.

    With u = 2^k m and m between 1/sqrt 2 and sqrt 2, from the bits of float32: ln u = k ln 2 + ln m, to 3e-7. Bits have
    no derivative: where one may be wanted, the library's log stands.
    """
    if not _written_out(u):
        return u.log()
    bits = u.view(torch.int32)
    exponent = (bits - 0x3F3504F3) >> 23
    z = (bits - (exponent << 23)).view(torch.float32) - 1
    return z * _polynomial(z, _LOG) + exponent.to(torch.float32) * log(2)


def _log1p_ratio(g: Tensor) -> Tensor:
    """ln(1 + g)/g for g > 0, exact for small g."""
    if not _written_out(g):
        return torch.log1p(g) / g
    return torch.where(g < 0.5, _polynomial(g.clamp_max(0.5), _LOG1P), _log(1 + g) / g)


def _written_out(u: Tensor) -> bool:
    """Whether this is compiled float32 code for a CPU that nobody differentiates, by autograd or forward mode."""
    return (torch.compiler.is_compiling() and u.dtype == torch.float32 and u.device.type == "cpu"
            and not u.requires_grad and torch._C._functorch.maybe_current_level() is None)


def _log_series(low: float, high: float, degree: int) -> list[float]:
    """Polynomial for ln(1 + z)/z between low and high."""
    def ratio(z):
        z = np.where(np.abs(z) < 1e-12, 1e-12, z)
        return np.log1p(z) / z
    fitted = np.polynomial.Chebyshev.interpolate(ratio, degree, domain=[low, high])
    return fitted.convert(kind=np.polynomial.Polynomial, domain=[-1, 1], window=[-1, 1]).coef.tolist()


_LOG, _LOG1P = _log_series(sqrt(0.5) - 1, sqrt(2) - 1, 8), _log_series(0, 0.5, 7)


def _odd(u: Tensor, first: int, terms: int) -> Tensor:
    """sum_n u^n/(2 n + first)."""
    return _polynomial(u, [1 / (2 * n + first) for n in range(terms)])


def _polynomial(u: Tensor, coefficients: list[float]) -> Tensor:
    value = coefficients[-1] * u + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value = value * u + coefficient
    return value
