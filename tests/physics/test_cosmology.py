"""Distances and masses against astropy and lenstronomy's LensCosmo."""

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from lenstronomy.Cosmo.lens_cosmo import LensCosmo
from lenstronomy.Util import constants as theirs

from lenslab.physics import cosmology

CASES = [(0.5, 1.0, 70.0, 0.3), (0.2, 3.0, 67.4, 0.315), (1.2, 6.0, 50.0, 0.9), (0.01, 0.3, 100.0, 0.05)]
GRAVITY = theirs.G * theirs.M_sun / (cosmology.G_MPC * 1e6 * theirs.Mpc)  # G Msun, 1 + 2.8e-4


@pytest.mark.parametrize("z_lens, z_source, H0, Om0", CASES)
def test_distances_are_those_of_astropy(z_lens, z_source, H0, Om0):
    astropy = FlatLambdaCDM(H0=H0, Om0=Om0)
    d = cosmology.distances(z_lens, z_source, H0, Om0)
    assert d.D_l == pytest.approx(astropy.angular_diameter_distance(z_lens).value, rel=1e-12)
    assert d.D_s == pytest.approx(astropy.angular_diameter_distance(z_source).value, rel=1e-12)
    assert d.D_ls == pytest.approx(astropy.angular_diameter_distance(z_lens, z_source).value, rel=1e-9)
    assert cosmology.luminosity_distance(z_source, H0, Om0) == pytest.approx(
        astropy.luminosity_distance(z_source).value, rel=1e-12)
    assert cosmology.distance_modulus(z_source, H0, Om0) == pytest.approx(astropy.distmod(z_source).value, abs=1e-11)
    assert cosmology.kpc_per_arcsec(z_lens, H0, Om0) == pytest.approx(
        astropy.kpc_proper_per_arcmin(z_lens).value / 60, rel=1e-12)
    assert cosmology.hubble_rate(z_lens, H0, Om0) == pytest.approx(astropy.H(z_lens).value, rel=1e-12)
    assert cosmology.critical_density(z_lens, H0, Om0) == pytest.approx(
        astropy.critical_density(z_lens).to_value("Msun/kpc3"), rel=1e-12)


@pytest.mark.parametrize("z_lens, z_source, H0, Om0", CASES)
def test_lensing_quantities_are_those_of_lenstronomy(z_lens, z_source, H0, Om0):
    """To 1e-9 (its parsec is rounded at 5e-10), apart from its gravitational constant."""
    lens = LensCosmo(z_lens, z_source, cosmo=FlatLambdaCDM(H0=H0, Om0=Om0))
    d = cosmology.distances(z_lens, z_source, H0, Om0)
    assert pytest.approx(1 + 2.8e-4, abs=2e-5) == GRAVITY
    assert cosmology.sigma_crit_kpc(d) * 1e6 / GRAVITY == pytest.approx(lens.sigma_crit, rel=1e-9)
    assert cosmology.sigma_crit_arcsec(d) / GRAVITY == pytest.approx(lens.sigma_crit_angle, rel=1e-9)
    assert cosmology.theta_E_of_sigma_v(230.0, d) == pytest.approx(lens.sis_sigma_v2theta_E(230.0), rel=1e-9)
    assert cosmology.sigma_v_of_theta_E(1.3, d) == pytest.approx(lens.sis_theta_E2sigma_v(1.3), rel=1e-9)
    assert cosmology.mass_inside_theta_E(1.3, d) / GRAVITY == pytest.approx(lens.mass_in_theta_E(1.3), rel=1e-9)
    assert cosmology.time_delay_distance(z_lens, d) == pytest.approx(lens.ddt, rel=1e-9)
    assert cosmology.days_per_arcsec2(z_lens, d) == pytest.approx(
        lens.time_delay_units(np.array([1.0]))[0], rel=1e-8)  # its day and parsec
    mass = cosmology.mass_inside_theta_E(1.3, d)
    assert cosmology.theta_E_of_mass(mass, d) == pytest.approx(1.3, rel=1e-13)


def test_a_batch_with_several_universes_is_each_universe_alone():
    z_lens, z_source, H0, Om0 = map(np.array, zip(*CASES, strict=True))
    batch = cosmology.distances(z_lens, z_source, H0, Om0)
    for row, case in enumerate(CASES):
        alone = cosmology.distances(*case)
        assert (batch.D_l[row], batch.D_s[row], batch.D_ls[row]) == pytest.approx(
            (alone.D_l, alone.D_s, alone.D_ls), rel=1e-13)


def test_einstein_de_sitter_in_closed_form():
    """Om0 = 1: chi = 2 c/H0 (1 - 1/sqrt(1 + z))."""
    z = np.array([0.1, 1.0, 8.0])
    expected = 2 * cosmology.C_KM_S / 70 * (1 - (1 + z) ** -0.5)
    assert cosmology.comoving_distance(z, 70.0, 1.0) == pytest.approx(expected, rel=1e-12)
