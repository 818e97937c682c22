"""One dark subhalo: how compact, where its tides cut it off, what it weighs in projection (numpy).

Radii are kpc unless they are said to be arcsec, masses Msun (M200 at infall unless said to be bound).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lenslab.physics import cosmology

CORE = 0.5  # host scale radii: subhalos are uniform in 3D inside (Gilman 2020, their tidal radius)
CACHED = 1024  # halos handled at a time where each has a table: it fits a core's cache


@dataclass(frozen=True)
class Host:
    """The lens that subhalos orbit in: arrays (B,)."""

    theta_E: np.ndarray   # arcsec, with everything inside
    q: np.ndarray
    gamma: np.ndarray
    z: np.ndarray
    h: np.ndarray         # H0 / (100 km/s/Mpc)
    Om: np.ndarray        # matter density today
    kpc: np.ndarray       # in an arcsec
    sigma_cr: np.ndarray  # Msun/arcsec^2
    rho_c: np.ndarray     # Msun/kpc^3, critical density at z
    sigma_v: np.ndarray   # km/s, isothermal
    M200: np.ndarray      # Msun, of the isothermal sphere with sigma_v
    c: np.ndarray         # concentration of M200
    Rs: np.ndarray        # kpc

    @property
    def mass(self) -> np.ndarray:
        """Msun in projection inside the circle theta_E."""
        return np.pi * self.theta_E**2 * self.sigma_cr * circle_mass(self.q, self.gamma)

    def mass_within(self, radius) -> np.ndarray:
        """Msun in projection inside another circle (arcsec)."""
        return self.mass * (radius / self.theta_E) ** (3 - self.gamma)

    def __getitem__(self, rows) -> "Host":
        return Host(*(value[rows] for value in vars(self).values()))


def host(theta_E, q, gamma, z_lens, z_source, H0, Om0) -> Host:
    """The host of a lens; M200 = 2 sqrt(2) sigma_v^3/(10 G H), the isothermal sphere within 200 critical densities."""
    theta_E, q, gamma, z_lens, z_source, H0, Om0 = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, np.float64)) for v in (theta_E, q, gamma, z_lens, z_source, H0, Om0)))
    d = cosmology.distances(z_lens, z_source, H0, Om0)
    rho_c, h = cosmology.critical_density(z_lens, H0, Om0), H0 / 100
    sigma_v = cosmology.sigma_v_of_theta_E(theta_E, d)
    M200 = 2**1.5 * sigma_v**3 / (10 * cosmology.G_MPC * cosmology.hubble_rate(z_lens, H0, Om0))
    c = concentration(M200, z_lens, h)
    kpc = d.D_l * 1e3 * cosmology.ARCSEC
    return Host(theta_E, q, gamma, z_lens, h, Om0, kpc, cosmology.sigma_crit_arcsec(d), rho_c, sigma_v, M200, c,
                r200(M200, rho_c) / c)


def circle_mass(q, gamma, nodes: int = 64) -> np.ndarray:
    """Mass of the elliptical power law in the circle theta_E over pi theta_E^2 Sigma_cr, c(q, gamma).

    kappa = (3 - gamma)/2 (theta_E/rho)^(gamma - 1), rho^2 = q x^2 + y^2/q (Tessore & Metcalf 2015, lenstronomy's
    scale), so c = <(q cos^2 + sin^2/q)^((1 - gamma)/2)> over angles: 1 for q = 1. A periodic trapezoid converges like
    ((1 - q)/(1 + q))^nodes: exact to rounding for q > 0.5, to 1e-5 at q = 0.1.
    """
    angle = (np.arange(nodes) + 0.5) * (np.pi / nodes)  # half a turn is the period
    q, gamma = np.asarray(q, np.float64)[..., None], np.asarray(gamma, np.float64)[..., None]
    return ((q * np.cos(angle) ** 2 + np.sin(angle) ** 2 / q) ** ((1 - gamma) / 2)).mean(-1)


def r200(mass, rho_c):
    """kpc: 200 critical densities inside."""
    return (3 * mass / (800 * np.pi * rho_c)) ** (1 / 3)


def concentration(mass, z, h):
    """Mean c200 of a cold halo: Dutton & Maccio 2014 (1402.7073) eqs. 7, 10, 11, straight on to small masses."""
    a = 0.520 + (0.905 - 0.520) * np.exp(-0.617 * z**1.21)
    b = -0.101 + 0.026 * z
    return 10**a * (mass * (h / 1e12)) ** b


def warm_concentration(mass, z, m_hm):
    """c_WDM / c_CDM = (1 + 60 m_hm/m)^-0.17 (1 + z)^(0.026 z - 0.04), Bose 2016 (1507.01998); 1 at m_hm = 0."""
    if not np.any(m_hm):
        return np.ones_like(mass)
    return np.where(m_hm > 0, (1 + 60 * m_hm / mass) ** -0.17 * (1 + z) ** (0.026 * z - 0.04), 1.0)


def warm_suppression(mass, m_hm):
    """N_WDM / N_CDM of subhalos = (1 + (4.2 m_hm/m)^2.5)^-0.2, Lovell 2020 (2003.01125)."""
    return (1 + (4.2 * m_hm / mass) ** 2.5) ** -0.2


def warm_mass_keV(log10_m_hm, H0, Om0):
    """Mass of the thermal relic with this half-mode mass; H0 in km/s/Mpc (Schneider 2012, 1112.0330)."""
    return 2.32 * (Om0 / 0.25) ** 0.4 * (H0 / 70) ** 0.8 * 10 ** (-0.3 * (log10_m_hm - 9))


def nfw_mass(c):
    """ln(1 + c) - c/(1 + c): NFW mass inside c scale radii over 4 pi rho0 Rs^3."""
    return np.log1p(c) - c / (1 + c)


def tnfw_mass(tau):
    """Whole mass of a truncated NFW, r_trunc = tau Rs, over 4 pi rho0 Rs^3 (Baltz 2009, 0705.0682)."""
    t2 = tau * tau
    return t2 / (t2 + 1) ** 2 * ((t2 - 1) * np.log(tau) + tau * np.pi - (t2 + 1))


def tnfw_projected_mass(x, tau):
    """Truncated NFW in projection inside x scale radii, over 4 pi rho0 Rs^3 (Baltz 2009, appendix A).

    The terms cancel as x^2 for small x: good to 1e-13 of the whole, not of the result.
    """
    x = np.maximum(x, 1e-8)
    t2, x2 = tau * tau, x * x
    below, s2 = x < 1, x2 - 1
    s2 = np.where(np.abs(s2) < 1e-10, 1e-10, s2)
    s = np.sqrt(np.abs(s2))
    F = np.where(below, np.arctanh(np.where(below, s, 0.0)), np.arctan(s)) / s
    root = np.sqrt(t2 + x2)
    L = np.log(x / (tau + root))
    return t2 / (t2 + 1) ** 2 * ((t2 + 1 + 2 * (x2 - 1)) * F + tau * np.pi + (t2 - 1) * np.log(tau)
                                 + root * (-np.pi + (t2 - 1) / tau * L))


def truncation_radius(mass, r_3d):
    """kpc: tidal radius in an isothermal host, 1.4 (m/1e7 Msun)^(1/3) (r_3D/50 kpc)^(2/3) (Gilman 2020, 1908.06983)."""
    return 1.4 * (mass / 1e7) ** (1 / 3) * (r_3d / 50) ** (2 / 3)


def depth(quantile, c_host):
    """Distance along the line of sight from the lens plane, in host scale radii, of a share of the subhalos.

    Subhalos follow the host's NFW density outside CORE scale radii and are uniform inside (Gilman 2020), out to c_host;
    the column near the lens centre, where r is the depth itself.
    """
    return np.interp(quantile * np.interp(c_host, _DEPTHS, _SHARE), _SHARE, _DEPTHS)


_DEPTHS = np.concatenate([[0.0], np.geomspace(CORE, 40, 512)])
_OUTSIDE = np.log(_DEPTHS[1:] / (1 + _DEPTHS[1:])) + 1 / (1 + _DEPTHS[1:])  # integral of dx/(x (1 + x)^2)
_SHARE = np.concatenate([[0.0], 1 / (1 + CORE) ** 2 + _OUTSIDE - _OUTSIDE[0]])


@dataclass(frozen=True)
class Halos:
    """Truncated NFW halos in one flat list (n,): of which scene, where from the lens centre, and lenstronomy's TNFW."""

    row: np.ndarray
    x: np.ndarray         # arcsec
    y: np.ndarray
    mass: np.ndarray      # Msun, M200 at infall
    Rs: np.ndarray        # arcsec
    alpha_Rs: np.ndarray  # arcsec, deflection of the NFW at Rs before truncation
    r_trunc: np.ndarray   # arcsec

    def __getitem__(self, keep) -> "Halos":
        return Halos(*(value[keep] for value in vars(self).values()))

    @property
    def convergence_mass(self) -> np.ndarray:
        """Bound mass over pi Sigma_cr (arcsec^2), the whole truncated halo."""
        return self._scale * tnfw_mass(self.r_trunc / self.Rs)

    @property
    def _scale(self):
        return self.alpha_Rs * self.Rs / (1 - np.log(2.0))

    def inside_circle(self, radius, nodes: int = 6) -> np.ndarray:
        """Mass over pi Sigma_cr (arcsec^2) that each halo projects into the circle of `radius` (arcsec) about 0.

        By Gauss it is (1/2 pi) the integral of M(s) R (R - d cos phi)/s^2 around the circle, s the distance to the
        halo's centre, and R (R - d cos phi)/s^2 is half of 1 plus the Poisson kernel. The whole mass M gives a step at
        d = R; what lies farther than s from the halo, M - M(s), is averaged over phi (nodes gathered at the halo),
        and over theta with tan(phi/2) = |R - d|/(R + d) tan(theta/2), where the kernel is flat. Gauss-Legendre with
        6 nodes each: 2e-4 of a halo's mass in the mean, 3e-3 at worst, and no bias; with 48 below 1e-4.
        """
        if len(self.x) > CACHED:
            parts = [slice(start, start + CACHED) for start in range(0, len(self.x), CACHED)]
            radius = np.broadcast_to(radius, self.x.shape)
            return np.concatenate([self[part].inside_circle(radius[part], nodes) for part in parts])
        radius = np.broadcast_to(radius, self.x.shape)[:, None]
        d, Rs, tau = np.hypot(self.x, self.y)[:, None], self.Rs[:, None], (self.r_trunc / self.Rs)[:, None]
        whole, place = tnfw_mass(tau), np.sign(radius - d)
        node, weight = unit_gauss(nodes)
        over_phi = np.broadcast_to(np.tan(np.pi / 2 * node**3) ** 2, (len(d), nodes))
        over_theta = ((radius - d) / (radius + d) * np.tan(np.pi / 2 * node)) ** 2
        t2 = np.concatenate([over_phi, over_theta], axis=1)
        weights = np.concatenate([np.broadcast_to(3 * node**2 * weight, (len(d), nodes)), place * weight], axis=1)
        s = np.sqrt((radius - d) ** 2 + 4 * radius * d * t2 / (1 + t2))
        outside = ((whole - tnfw_projected_mass(s / Rs, tau)) * weights).sum(1)
        return self._scale * (whole[:, 0] * (1 + place[:, 0]) - outside) / 2


@lru_cache
def unit_gauss(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre on [0, 1]."""
    node, weight = np.polynomial.legendre.leggauss(nodes)
    return (node + 1) / 2, weight / 2


def halos(row, x, y, mass, c, r_3d, at: Host) -> Halos:
    """lenstronomy's parameters of halos with concentration c at 3D distance r_3d (kpc); `at` holds a host for each."""
    R = r200(mass, at.rho_c)
    Rs = R / c
    scale = mass / nfw_mass(c) / (np.pi * at.sigma_cr)  # 4 pi rho0 Rs^3 / (pi Sigma_cr), arcsec^2
    Rs_arcsec = Rs / at.kpc
    return Halos(row, x, y, mass, Rs_arcsec, scale * (1 - np.log(2.0)) / Rs_arcsec,
                 truncation_radius(mass, r_3d) / at.kpc)
