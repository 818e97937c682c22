"""Distances of a flat LCDM universe (astropy) and what a lens is made of them: numpy in, numpy out.

Every argument may be a number or an array; arrays broadcast, so that a batch of scenes costs one call. Distances are
Mpc (angular diameter), masses solar masses, angles arcsec, velocities km/s. There is no radiation in this universe
(astropy's FlatLambdaCDM(H0, Om0)), as in lenstronomy's default for such a cosmology.

Constants are astropy's (CODATA 2022, IAU 2015), where G Msun = 1.32712e20 m^3/s^2; lenstronomy's rounder ones give
1.32749e20, so that its critical density is smaller by 2.8e-4 at equal distances.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy import constants
from astropy import units as u
from astropy.cosmology import FlatLambdaCDM

ARCSEC = np.pi / 180 / 3600  # radians
C_KM_S = constants.c.to_value("km/s")
G_MPC = (constants.G * constants.M_sun).to_value("Mpc km2 / s2")  # G Msun; times Msun: Mpc (km/s)^2
DAYS_PER_MPC = (u.Mpc / constants.c).to_value("day")

Numbers = np.ndarray | float


@dataclass(frozen=True)
class Distances:
    """Angular-diameter distances (Mpc) to the lens, to the source, and from lens to source."""

    D_l: Numbers
    D_s: Numbers
    D_ls: Numbers


@lru_cache(maxsize=256)
def _universe(Om0: float) -> FlatLambdaCDM:
    return FlatLambdaCDM(H0=100.0, Om0=Om0)


def comoving_distance(z: Numbers, H0: Numbers, Om0: Numbers) -> np.ndarray:
    """Comoving distance in Mpc. One astropy call for each different Om0: the distance scales as 1/H0."""
    z, H0, Om0 = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (z, H0, Om0)))
    first = Om0.flat[0] if Om0.size else 0.3
    if (Om0 == first).all():
        return np.asarray(_universe(float(first)).comoving_distance(z).value) * (100 / H0)
    result = np.empty(z.shape)
    for value in np.unique(Om0):
        rows = Om0 == value
        result[rows] = _universe(float(value)).comoving_distance(z[rows]).value
    return result * (100 / H0)


def distances(z_lens: Numbers, z_source: Numbers, H0: Numbers, Om0: Numbers) -> Distances:
    """D_l, D_s, D_ls in Mpc; space is flat, so that D_ls = (chi_s - chi_l)/(1 + z_s), which is not D_s - D_l."""
    z_lens, z_source = np.broadcast_arrays(np.asarray(z_lens, np.float64), np.asarray(z_source, np.float64))
    chi_l, chi_s = comoving_distance(np.stack([z_lens, z_source]), H0, Om0)
    return Distances(chi_l / (1 + z_lens), chi_s / (1 + z_source), (chi_s - chi_l) / (1 + z_source))


def light_travel_time(z: float, H0: float, Om0: float) -> float:
    """How long light of a redshift was on its way, in 10^9 years."""
    return float(_universe(Om0).lookback_time(z).value) * (100 / H0)


def luminosity_distance(z: Numbers, H0: Numbers, Om0: Numbers) -> np.ndarray:
    """Mpc."""
    return comoving_distance(z, H0, Om0) * (1 + np.asarray(z))


def distance_modulus(z: Numbers, H0: Numbers, Om0: Numbers) -> np.ndarray:
    """Apparent minus absolute magnitude, 5 log10(D_L / 10 pc); no K-correction."""
    return 5 * np.log10(luminosity_distance(z, H0, Om0)) + 25


def kpc_per_arcsec(z: Numbers, H0: Numbers, Om0: Numbers) -> np.ndarray:
    """Proper length of an arcsec at redshift z."""
    return comoving_distance(z, H0, Om0) / (1 + np.asarray(z)) * (1e3 * ARCSEC)


def hubble_rate(z: Numbers, H0: Numbers, Om0: Numbers) -> np.ndarray:
    """H(z) in km/s/Mpc."""
    return np.asarray(H0) * np.sqrt(Om0 * (1 + np.asarray(z)) ** 3 + 1 - np.asarray(Om0))


def critical_density(z: Numbers, H0: Numbers, Om0: Numbers) -> np.ndarray:
    """Density of the flat universe at z in Msun/kpc^3, 3 H^2/(8 pi G)."""
    return 3 * hubble_rate(z, H0, Om0) ** 2 / (8 * np.pi * G_MPC) * 1e-9


def sigma_crit_kpc(d: Distances) -> np.ndarray:
    """Critical surface density c^2/(4 pi G) D_s/(D_l D_ls) in Msun/kpc^2."""
    return C_KM_S**2 / (4 * np.pi * G_MPC) * d.D_s / (d.D_l * d.D_ls) * 1e-6


def sigma_crit_arcsec(d: Distances) -> np.ndarray:
    """Critical surface density in Msun/arcsec^2 on the lens plane."""
    return sigma_crit_kpc(d) * (d.D_l * 1e3 * ARCSEC) ** 2


def theta_E_of_sigma_v(sigma_v: Numbers, d: Distances) -> np.ndarray:
    """Einstein radius of an isothermal sphere, 4 pi (sigma_v/c)^2 D_ls/D_s (Narayan & Bartelmann 1996)."""
    return 4 * np.pi * (np.asarray(sigma_v) / C_KM_S) ** 2 * d.D_ls / d.D_s / ARCSEC


def sigma_v_of_theta_E(theta_E: Numbers, d: Distances) -> np.ndarray:
    """Velocity dispersion (km/s) of the isothermal sphere with this Einstein radius."""
    return C_KM_S * np.sqrt(np.asarray(theta_E) * ARCSEC / (4 * np.pi) * d.D_s / d.D_ls)


def theta_E_of_mass(mass: Numbers, d: Distances) -> np.ndarray:
    """Einstein radius of a mass inside it, sqrt(4 G M/c^2 D_ls/(D_l D_s)); also that of a point mass."""
    return np.sqrt(np.asarray(mass) / (np.pi * sigma_crit_arcsec(d)))


def mass_inside_theta_E(theta_E: Numbers, d: Distances) -> np.ndarray:
    """Mass (Msun) in projection inside the Einstein radius of a round lens, pi theta_E^2 Sigma_cr."""
    return np.pi * np.asarray(theta_E) ** 2 * sigma_crit_arcsec(d)


def time_delay_distance(z_lens: Numbers, d: Distances) -> np.ndarray:
    """(1 + z_l) D_l D_s/D_ls in Mpc."""
    return (1 + np.asarray(z_lens)) * d.D_l * d.D_s / d.D_ls


def days_per_arcsec2(z_lens: Numbers, d: Distances) -> np.ndarray:
    """Delay in days of one arcsec^2 of Fermat potential."""
    return time_delay_distance(z_lens, d) * DAYS_PER_MPC * ARCSEC**2
