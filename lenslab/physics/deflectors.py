"""Smooth deflectors: elliptical power law, multipoles, shear, point, rod, annulus.

Every function takes positions x, y in arcsec and parameters that broadcast against them ((B, 1, 1) against
(B, 1, W) and (B, H, 1), or against (B, H, W)), and returns maps of their common shape: NAME_potential psi in arcsec^2,
NAME_deflection (alpha_x, alpha_y) in arcsec, NAME_convergence kappa.

On the very centre of a singular lens the deflection has no direction and is 0, and so is its derivative with respect
to position: a fit is then not ruled by one pixel. The convergence is held at its value 1e-9 arcsec from the centre.
"""

from math import ceil, log, sqrt

import torch
from torch import Tensor

CORE2 = 1e-18  # arcsec^2: the centre of a singular lens ends where float32 still squares safely
MAX_ELLIPTICITY = 0.9999  # lenstronomy's cap on |e|


# ---- elliptical power law ------------------------------------------------------------------------------------------

def sie_potential(x, y, theta_E, e1, e2, center_x, center_y) -> Tensor:
    """Potential of the singular isothermal ellipsoid: psi = theta . alpha, as psi is homogeneous of degree 1."""
    alpha_x, alpha_y = sie_deflection(x, y, theta_E, e1, e2, center_x, center_y)
    return (x - center_x) * alpha_x + (y - center_y) * alpha_y


def sie_deflection(x, y, theta_E, e1, e2, center_x, center_y, flattest: float = 0.1) -> tuple[Tensor, Tensor]:
    """Deflection of the singular isothermal ellipsoid, lenstronomy's SIE (theta_E of the product-average circle).

    flattest   the least axis ratio (1 - |e|)/(1 + |e|) that comes: rounder batches need fewer terms

    Kormann et al. 1994; here the power law below at slope 2, whose series has fixed coefficients. lenstronomy softens
    its SIE by 1e-10 arcsec, which takes away 1e-10 theta_E z/|z|^2; its EPL at gamma = 2 has no such core and agrees
    with this one to rounding.
    """
    ellipse = _Ellipse(x, y, e1, e2, center_x, center_y)
    strength = theta_E * ellipse.root * ellipse.inverse
    return ellipse.deflection(strength, _isothermal_coefficients(ellipse.terms(flattest)))


def sie_convergence(x, y, theta_E, e1, e2, center_x, center_y) -> Tensor:
    """kappa = theta_E / (2 R), R the product-average elliptical radius."""
    ellipse = _Ellipse(x, y, e1, e2, center_x, center_y)
    return 0.5 * theta_E * ellipse.root / ellipse.modulus


def epl_potential(x, y, theta_E, gamma, e1, e2, center_x, center_y) -> Tensor:
    """Potential of the elliptical power law: theta . alpha / (3 - gamma), Tessore & Metcalf 2015, eq. 15."""
    alpha_x, alpha_y = epl_deflection(x, y, theta_E, gamma, e1, e2, center_x, center_y)
    return ((x - center_x) * alpha_x + (y - center_y) * alpha_y) / (3 - gamma)


def epl_deflection(x, y, theta_E, gamma, e1, e2, center_x, center_y, flattest: float = 0.1) -> tuple[Tensor, Tensor]:
    """Deflection of the elliptical power law, lenstronomy's EPL; gamma is the slope of the 3D density, 2 isothermal.

    flattest   the least axis ratio (1 - |e|)/(1 + |e|) that comes: rounder batches need fewer terms

    Tessore & Metcalf 2015 (1507.01819), eqs. 13-22, with t = gamma - 1 and z' of `_Ellipse`:
    alpha = (theta_E sqrt(1 - |e|^2)/|z'|)^t z' 2F1(1, t/2; 2 - t/2; w),  w = -e* z'/z'*.
    """
    ellipse = _Ellipse(x, y, e1, e2, center_x, center_y)
    t = gamma - 1
    strength = torch.where(ellipse.centre, 0.0, (theta_E * ellipse.root / ellipse.modulus) ** t)
    return ellipse.deflection(strength, _power_law_coefficients(t, ellipse.terms(flattest)))


def epl_convergence(x, y, theta_E, gamma, e1, e2, center_x, center_y) -> Tensor:
    """kappa = (3 - gamma)/2 (theta_E/R)^(gamma - 1), R the product-average elliptical radius."""
    ellipse = _Ellipse(x, y, e1, e2, center_x, center_y)
    return (3 - gamma) / 2 * (theta_E * ellipse.root / ellipse.modulus) ** (gamma - 1)


class _Ellipse:
    """The elliptical coordinate z' = z - e z*, with z = x + iy from the centre and e = e1 + i e2, in real numbers.

    It is smooth where the angle of e is not, so a round lens needs no care. R = |z'|/sqrt(1 - |e|^2) is the radius of
    the product-average circle. Complex tensors are several times slower on a CPU than pairs of real ones.
    """

    def __init__(self, x, y, e1, e2, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        square = e1 * e1 + e2 * e2
        cap = (MAX_ELLIPTICITY**2 / square.clamp_min(MAX_ELLIPTICITY**2)).sqrt()
        e1, e2 = cap * e1, cap * e2
        self.minus = 1 - (e1 * e1 + e2 * e2)
        self.root = self.minus.sqrt()
        self.dx, self.dy = dx, dy
        self.zx = (1 - e1) * dx - e2 * dy
        self.zy = (1 + e1) * dy - e2 * dx
        square = self.zx * self.zx + self.zy * self.zy
        self.centre = square < CORE2
        self.square = square.clamp_min(CORE2)
        self.modulus = self.square.sqrt()
        self.per_modulus = 1 / self.modulus

    def terms(self, flattest: float) -> int:
        """Enough of the series for |zeta| at an axis ratio, at the rounding of the type."""
        sigma = sqrt(1 - (1 - flattest) / (1 + flattest))
        wanted = log(torch.finfo(self.square.dtype).eps / 8) / log((1 - sigma) / (1 + sigma)) if sigma < 1 else 0
        return max(3, ceil(wanted))

    @property
    def inverse(self) -> Tensor:
        """1/|z'|, and 0 on the centre."""
        return torch.where(self.centre, 0.0, self.per_modulus)

    def deflection(self, strength: Tensor, coefficients: list) -> tuple[Tensor, Tensor]:
        """strength * z' * F(w), w = -e* z'/z'*, where F = sum_k coefficients[k] zeta^k.

        The series of 2F1 in w needs 120 terms at axis ratio 0.1. In zeta = (1 - sigma)/(1 + sigma), sigma =
        sqrt(1 - w), which takes the plane cut beyond the singularity w = 1 to the unit disc, 30 do. From z' follows
        1 - w = (1 - |e|^2) z*/z'*. The real recurrence (Goertzel) halves the work of Horner's complex one.
        """
        scale = self.minus * self.per_modulus  # |1 - w| of one radius over the other; divisions are few and shared
        size = scale * (self.dx * self.dx + self.dy * self.dy).clamp_min(CORE2).sqrt()
        scale = scale * self.per_modulus
        real = scale * (self.dx * self.zx + self.dy * self.zy)
        imaginary = scale * (self.dx * self.zy - self.dy * self.zx)
        sigma = (0.5 * (size + real)).sqrt()
        divisor = 1 / (sigma * (1 + 2 * sigma + size))  # 1/(sigma |1 + sigma|^2)
        zeta_x, zeta_y = (1 - size) * sigma * divisor, -imaginary * divisor
        double, norm = 2 * zeta_x, zeta_x * zeta_x + zeta_y * zeta_y
        last, before = coefficients[-2] + double * coefficients[-1], coefficients[-1]
        for coefficient in coefficients[-3:0:-1]:
            last, before = torch.addcmul(coefficient - norm * before, double, last), last
        F_x = coefficients[0] + zeta_x * last - norm * before
        F_y = zeta_y * last
        return strength * (self.zx * F_x - self.zy * F_y), strength * (self.zx * F_y + self.zy * F_x)


def _isothermal_coefficients(terms: int) -> list[float]:
    """At t = 1, F = artanh(sqrt w)/sqrt w = (1 + zeta) artanh(sqrt zeta)/sqrt zeta."""
    return [1.0] + [1 / (2 * k + 1) + 1 / (2 * k - 1) for k in range(1, terms)]


def _power_law_coefficients(t: Tensor, terms: int) -> list:
    """Coefficients of 2F1(1, b; 2 - b; w) in zeta, b = t/2.

    From the equation of first order that its contiguous terms give, (1 - w) w F' + (1 - b - b w) F = 1 - b, with
    w = 4 zeta/(1 + zeta)^2. They grow no faster than k^0.6 for slopes up to 2.8.
    """
    b = 0.5 * t
    k = torch.arange(2, terms, device=b.device, dtype=b.dtype).reshape(-1, *[1] * b.ndim)
    down = 1 / (k + 1 - b)
    older, newer = ((k - 3 + b) * down).unbind(), ((6 * b - 2) * down).unbind()
    coefficients = [torch.ones_like(b), 4 * b / (2 - b)]
    for old, new in zip(older, newer, strict=True):
        coefficients.append(torch.addcmul(old * coefficients[-2], new, coefficients[-1]))
        if len(coefficients) == 3:
            coefficients[2] = coefficients[2] + (1 - b) * down[0]
    return coefficients


# ---- multipoles and shear ------------------------------------------------------------------------------------------

def multipole_potential(x, y, m: int, a_m, phi_m, center_x, center_y) -> Tensor:
    """psi = r a_m/(1 - m^2) cos(m (phi - phi_m)) for m >= 2: lenstronomy's MULTIPOLE.

    Xu et al. 2013 (1307.4220), eq. B12.
    """
    r, _, _, cosine, _ = _multipole(x, y, m, phi_m, center_x, center_y)
    return r * (a_m / (1 - m * m)) * cosine


def multipole_deflection(x, y, m: int, a_m, phi_m, center_x, center_y) -> tuple[Tensor, Tensor]:
    """Deflection of a circular multipole; on the centre 0 (lenstronomy gives there the value along +x)."""
    _, ux, uy, cosine, sine = _multipole(x, y, m, phi_m, center_x, center_y)
    a = a_m / (1 - m * m)
    return a * (ux * cosine + m * uy * sine), a * (uy * cosine - m * ux * sine)


def multipole_convergence(x, y, m: int, a_m, phi_m, center_x, center_y) -> Tensor:
    """kappa = a_m/(2 r) cos(m (phi - phi_m))."""
    r, _, _, cosine, _ = _multipole(x, y, m, phi_m, center_x, center_y)
    return 0.5 * a_m * cosine / r


def _multipole(x, y, m, phi_m, center_x, center_y):
    """r, the unit vector u (0 on the centre), and cos and sin of m (phi - phi_m) as the power u^m."""
    assert isinstance(m, int) and m >= 2, m
    dx, dy = x - center_x, y - center_y
    square = dx * dx + dy * dy
    r = square.clamp_min(CORE2).sqrt()
    inverse = torch.where(square < CORE2, 0.0, 1 / r)
    ux, uy = dx * inverse, dy * inverse
    cosine, sine = ux, uy
    for _ in range(m - 1):
        cosine, sine = cosine * ux - sine * uy, sine * ux + cosine * uy
    turn_x, turn_y = torch.cos(m * phi_m), torch.sin(m * phi_m)
    return r, ux, uy, cosine * turn_x + sine * turn_y, sine * turn_x - cosine * turn_y


def shear_potential(x, y, gamma1, gamma2) -> Tensor:
    """psi = gamma1 (x^2 - y^2)/2 + gamma2 x y, about the origin."""
    return 0.5 * gamma1 * (x * x - y * y) + gamma2 * x * y


def shear_deflection(x, y, gamma1, gamma2) -> tuple[Tensor, Tensor]:
    return gamma1 * x + gamma2 * y, gamma2 * x - gamma1 * y


def shear_convergence(x, y, gamma1, gamma2) -> Tensor:
    """A pure shear holds no mass."""
    return torch.zeros_like(gamma1 * x + gamma2 * y)


# ---- point, rod, annulus -------------------------------------------------------------------------------------------

def point_mass_potential(x, y, theta_E, center_x, center_y) -> Tensor:
    """psi = theta_E^2 ln r, held at r = 1e-9 arcsec on the mass itself."""
    dx, dy = x - center_x, y - center_y
    return 0.5 * theta_E * theta_E * (dx * dx + dy * dy).clamp_min(CORE2).log()


def point_mass_deflection(x, y, theta_E, center_x, center_y) -> tuple[Tensor, Tensor]:
    """alpha = theta_E^2 z/|z|^2, and 0 on the mass itself."""
    dx, dy = x - center_x, y - center_y
    square = dx * dx + dy * dy
    strength = torch.where(square < CORE2, 0.0, theta_E * theta_E / square.clamp_min(CORE2))
    return strength * dx, strength * dy


def point_mass_convergence(x, y, theta_E, center_x, center_y) -> Tensor:
    """Zero wherever it is a number."""
    return torch.zeros_like((x - center_x) * (y - center_y) * theta_E)


def rod_potential(x, y, theta_E, x0, y0, x1, y1) -> Tensor:
    """psi = theta_E^2 Re{[(z - c0) ln(z - c0) - (z - c1) ln(z - c1)]/(c1 - c0) - 1}: ln r averaged along the rod."""
    rod = _Rod(x, y, x0, y0, x1, y1)
    alpha_x, alpha_y = rod.deflection(theta_E)
    logarithm = 0.25 * (rod.square0.clamp_min(CORE2).log() + rod.square1.clamp_min(CORE2).log())
    return rod.wx * alpha_x + rod.wy * alpha_y + theta_E * theta_E * (logarithm - 1)


def rod_deflection(x, y, theta_E, x0, y0, x1, y1) -> tuple[Tensor, Tensor]:
    """Deflection of a thin uniform rod from c0 = (x0, y0) to c1, that holds the mass of a point of theta_E.

    The integral of theta_E^2/(z - c) along the rod: alpha_x - i alpha_y = theta_E^2/(c1 - c0) ln((z - c0)/(z - c1)),
    whose principal value has its cut on the rod and nowhere else. On the rod the mean of both sides is taken. A rod
    shorter than 1e-6 arcsec acts as one of that length along x.
    """
    return _Rod(x, y, x0, y0, x1, y1).deflection(theta_E)


def rod_convergence(x, y, theta_E, x0, y0, x1, y1) -> Tensor:
    """Zero off the line, where all mass lies."""
    return torch.zeros_like((x - x0) * (y - y0) * (x1 - y1) * theta_E)


class _Rod:
    """w = z - (c0 + c1)/2 and D = (c1 - c0)/2, so that the ends are w = -D and w = D."""

    def __init__(self, x, y, x0, y0, x1, y1):
        Dx, Dy = 0.5 * (x1 - x0), 0.5 * (y1 - y0)
        short = Dx * Dx + Dy * Dy < 2.5e-13
        self.Dx, self.Dy = torch.where(short, 5e-7, Dx), torch.where(short, 0.0, Dy)
        self.wx, self.wy = x - 0.5 * (x0 + x1), y - 0.5 * (y0 + y1)
        self.square0 = (self.wx + self.Dx) ** 2 + (self.wy + self.Dy) ** 2
        self.square1 = (self.wx - self.Dx) ** 2 + (self.wy - self.Dy) ** 2

    def deflection(self, theta_E) -> tuple[Tensor, Tensor]:
        Dx, Dy, wx, wy = self.Dx, self.Dy, self.wx, self.wy
        # ln|z - c0|/|z - c1| by log1p from the nearer end: exact far from the rod, where the ratio is close to 1.
        along = wx * Dx + wy * Dy
        sign = torch.where(along >= 0, 1.0, -1.0).to(along.dtype)
        nearest = torch.where(along >= 0, self.square1, self.square0).clamp_min(CORE2)
        logarithm = 0.5 * sign * torch.log1p(4 * sign * along / nearest)
        across, beyond = wx * Dy - wy * Dx, wx * wx + wy * wy - Dx * Dx - Dy * Dy
        on_rod = (across == 0) & (beyond <= 0)
        angle = torch.where(on_rod, 0.0, torch.atan2(2 * across, torch.where(on_rod, 1.0, beyond)))
        strength = 0.5 * theta_E * theta_E / (Dx * Dx + Dy * Dy)
        return strength * (logarithm * Dx + angle * Dy), strength * (logarithm * Dy - angle * Dx)


def annulus_potential(x, y, kappa, inner, outer, center_x, center_y) -> Tensor:
    """psi of a uniform sheet of convergence kappa between two radii; 0 within the inner one."""
    dx, dy = x - center_x, y - center_y
    square = (dx * dx + dy * dy).clamp_min(CORE2)
    a, b = (inner * inner).clamp_min(CORE2), (outer * outer).clamp_min(CORE2)
    within = torch.minimum(torch.maximum(square, a), b)
    beyond = torch.maximum(square, b)
    return 0.5 * kappa * (within - a - a * (within / a).log() + (b - a) * (beyond / b).log())


def annulus_deflection(x, y, kappa, inner, outer, center_x, center_y) -> tuple[Tensor, Tensor]:
    """alpha = kappa z (area of the sheet within |z|)/(pi |z|^2)."""
    dx, dy = x - center_x, y - center_y
    square = (dx * dx + dy * dy).clamp_min(CORE2)
    strength = kappa * (torch.minimum(square, outer * outer) - torch.minimum(square, inner * inner)) / square
    return strength * dx, strength * dy


def annulus_convergence(x, y, kappa, inner, outer, center_x, center_y) -> Tensor:
    dx, dy = x - center_x, y - center_y
    square = dx * dx + dy * dy
    return torch.where((square >= inner * inner) & (square < outer * outer), kappa, 0.0)
