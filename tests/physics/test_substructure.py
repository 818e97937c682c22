"""Subhalos: profiles against lenstronomy, counts and masses against their expectation, draws against their law."""

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from lenstronomy.Cosmo.lens_cosmo import LensCosmo
from lenstronomy.LensModel.Profiles.epl import EPL
from lenstronomy.LensModel.Profiles.tnfw import TNFW
from scipy.integrate import quad
from scipy.stats import kstest

from lenslab.physics import cosmology, subhalo
from lenslab.physics import substructure as sub

AT = subhalo.host(1.2, 0.7, 2.1, 0.5, 1.5, 70.0, 0.3)


def law(f_sub=0.03, slope=-1.9, low=6.0, high=10.0, drawn=7.0, log10_m_hm=None):
    return sub.mass_law(f_sub, slope, low, high, drawn, log10_m_hm)


def random_halos(n=60, seed=0):
    rng = np.random.default_rng(seed)
    d, angle = rng.uniform(0, 3, n), rng.uniform(0, 2 * np.pi, n)
    d[:15] = 1.2 + rng.normal(0, 0.02, 15)  # on the ring
    Rs = 10 ** rng.uniform(-2, 0, n)
    return subhalo.Halos(np.zeros(n, int), d * np.cos(angle), d * np.sin(angle), np.ones(n), Rs, Rs * 0.3,
                         Rs * 10 ** rng.uniform(-0.5, 1.5, n))


# One halo


def test_halo_parameters_are_those_of_lenstronomy():
    """To 1e-3: lenstronomy rounds its critical density and its G, each by some 1e-4."""
    lens = LensCosmo(0.5, 1.5, cosmo=FlatLambdaCDM(H0=70, Om0=0.3))
    mass, c = np.array([1e7, 1e10]), np.array([14.0, 9.0])
    ours = subhalo.halos(np.zeros(2, int), 0.0, 0.0, mass, c, np.array([50.0, 50.0]), AT[np.zeros(2, int)])
    for k in range(2):
        Rs, alpha_Rs = lens.nfw_physical2angle(mass[k], c[k])
        assert ours.Rs[k] == pytest.approx(Rs, rel=1e-3)
        assert ours.alpha_Rs[k] == pytest.approx(alpha_Rs, rel=1e-3)
    assert ours.r_trunc * AT.kpc == pytest.approx([1.4, 14.0], rel=1e-12)  # Gilman 2020 at 50 kpc


def test_projected_mass_is_that_of_lenstronomys_tnfw():
    profile, halos = TNFW(), random_halos()
    for k in range(20, 40):
        r = np.geomspace(0.05, 20, 7) * halos.Rs[k]
        theirs = profile.derivatives(r, 0 * r, halos.Rs[k], halos.alpha_Rs[k], halos.r_trunc[k])[0] * r
        ours = halos._scale[k] * subhalo.tnfw_projected_mass(r / halos.Rs[k], halos.r_trunc[k] / halos.Rs[k])
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("tau", [0.1, 1.0, 30.0])
def test_whole_mass_is_the_integral_of_the_density(tau):
    whole = quad(lambda x: x / (1 + x) ** 2 * tau**2 / (tau**2 + x**2), 0, np.inf)[0]
    assert subhalo.tnfw_mass(tau) == pytest.approx(whole, rel=1e-8)
    assert subhalo.tnfw_projected_mass(np.array(1e5 * tau), tau) == pytest.approx(whole, rel=1e-4)


def test_mass_inside_the_circle_is_that_of_the_shells():
    """Oracle: shells about the halo, each with the arc that lies inside the circle."""
    halos, R = random_halos(), 1.2
    expected = np.empty(len(halos.x))
    for k in range(len(halos.x)):
        Rs, tau, d = halos.Rs[k], halos.r_trunc[k] / halos.Rs[k], np.hypot(halos.x[k], halos.y[k])

        def shell(s, Rs=Rs, tau=tau, d=d):
            arc = np.arccos(np.clip((s**2 + d**2 - R**2) / (2 * s * d), -1, 1)) / np.pi
            mass = subhalo.tnfw_projected_mass(np.array([1 - 1e-5, 1 + 1e-5]) * s / Rs, tau)
            return arc * (mass[1] - mass[0]) / (2e-5 * s)
        low = abs(R - d)
        inner = subhalo.tnfw_projected_mass(low / Rs, tau) if d < R else 0.0
        points = sorted({low + (R + d - low) * f for f in (1e-3, 1e-2, 0.1, 0.5)})
        expected[k] = halos._scale[k] * (inner + quad(shell, low, R + d, limit=400, points=points)[0])
    whole = halos.convergence_mass
    error = np.abs(halos.inside_circle(R) - expected) / whole
    assert error.max() < 5e-3 and error.mean() < 8e-4  # a quarter of these halos lie on the ring
    assert np.abs(halos.inside_circle(R, nodes=48) - expected).max() / whole.max() < 1e-4


def test_concentrations():
    """Dutton & Maccio 2014: 10^0.905 for 1e12 Msun/h today, 10^0.52 long ago, falling with mass."""
    assert subhalo.concentration(1e12 / 0.7, 0.0, 0.7) == pytest.approx(10**0.905)
    assert subhalo.concentration(1e12 / 0.7, 40.0, 0.7) == pytest.approx(10**0.52, rel=1e-6)
    assert subhalo.concentration(1e8, 0.5, 0.7) > subhalo.concentration(1e10, 0.5, 0.7) > 8
    assert subhalo.warm_concentration(np.array([1e8]), 0.5, np.array([0.0])) == 1
    assert subhalo.warm_concentration(1e8, 0.0, 1e8) == pytest.approx(61**-0.17)


def test_depths_follow_the_cored_host():
    """The share within a depth is the integral of the host's density, uniform inside half its scale radius."""
    def density(x):
        return 1 / (max(x, 0.5) * (1 + max(x, 0.5)) ** 2)
    whole = quad(density, 0, 5, points=[0.5])[0]
    for share in (0.05, 0.3, 0.9):
        reached = subhalo.depth(share, 5.0)
        assert quad(density, 0, reached, points=[0.5])[0] / whole == pytest.approx(share, rel=1e-4)


@pytest.mark.parametrize("q, gamma", [(1.0, 1.7), (0.7, 2.1), (0.4, 2.6)])
def test_mass_of_the_power_law_in_the_circle(q, gamma):
    """Against the flux of lenstronomy's EPL deflection through the circle."""
    angle = np.arange(4096) * (2 * np.pi / 4096)
    c, s = np.cos(angle), np.sin(angle)
    ax, ay = EPL().derivatives(1.3 * c, 1.3 * s, theta_E=1.3, gamma=gamma, e1=(1 - q) / (1 + q), e2=0.0)
    assert subhalo.circle_mass(q, gamma) == pytest.approx((ax * c + ay * s).mean() / 1.3, rel=1e-7)


# Populations


def test_power_law_masses():
    share = np.linspace(0, 1, 11)
    for slope in (-1.9, -1.0, -0.9, -2.0, -2.7):
        mass = sub.power_law_mass(share, slope, 1e6, 1e10)
        whole = quad(lambda u, s=slope: np.exp(u * (s + 1)), np.log(1e6), np.log(1e10))[0]
        above = [quad(lambda u, s=slope: np.exp(u * (s + 1)), np.log(m), np.log(1e10))[0] / whole for m in mass]
        np.testing.assert_allclose(above, share, atol=1e-7)
        np.testing.assert_allclose(sub.share_above(mass, slope, 1e6, 1e10), share, atol=1e-7)
        mean = quad(lambda u, s=slope: np.exp(u * (s + 2)), np.log(1e6), np.log(1e10))[0] / whole
        assert sub.power_law_mean(slope, 1e6, 1e10) == pytest.approx(mean, rel=1e-6)


def test_f_sub_is_the_bound_mass_within_two_theta_E():
    """Mean over 1,500 draws; the narrow mass range keeps the scatter of the mean near 1 %."""
    many, radius = np.arange(1500), np.full(1500, 2 * 1.2)
    rows = np.zeros(1500, int)
    population = law(f_sub=0.02, low=8.0, high=9.0, drawn=8.0)
    per_kpc2 = sub.density(population, AT)
    wide = sub.MassLaw(*(value[rows] for value in vars(population).values()))
    halos = sub.draw_subhalos(many, wide, AT[rows], per_kpc2[rows], radius)
    bound = np.bincount(halos.row, halos.convergence_mass, 1500) * np.pi * AT.sigma_cr[0]
    expected = 0.02 * AT.mass_within(2 * 1.2)[0]
    assert bound.mean() == pytest.approx(expected, abs=4 * bound.std() / 1500**0.5)
    assert bound.std() / 1500**0.5 < 0.01 * expected
    number = np.bincount(halos.row, minlength=1500)
    assert number.mean() == pytest.approx(sub.drawn_number(population, AT, per_kpc2, 2.4)[0],
                                          abs=4 * number.std() / 1500**0.5)
    assert number.var() == pytest.approx(number.mean(), rel=0.15)  # Poisson
    # isothermal and round: mean convergence f_sub/2
    round_host = subhalo.host(1.2, 1.0, 2.0, 0.5, 1.5, 70.0, 0.3)
    assert sub.mean_convergence(law(), round_host) == pytest.approx(0.015)


def test_drawn_masses_places_and_concentrations_follow_their_laws():
    population = law(f_sub=0.2)
    radius = np.array([3.0])
    halos = sub.draw_subhalos(np.array([3]), population, AT, sub.density(population, AT), radius)
    assert len(halos.row) > 3000
    assert kstest(sub.share_above(halos.mass, -1.9, 1e7, 1e10), "uniform").pvalue > 1e-3
    assert kstest((halos.x**2 + halos.y**2) / 9, "uniform").pvalue > 1e-3
    assert kstest(np.arctan2(halos.y, halos.x) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-3
    c = subhalo.r200(halos.mass, AT.rho_c) / (halos.Rs * AT.kpc)
    scatter = np.log10(c / subhalo.concentration(halos.mass, 0.5, 0.7))
    assert kstest(scatter / 0.2, "norm").pvalue > 1e-3


def test_a_subhalo_stays_where_it_is_when_settings_change():
    def draw(radius=3.0, **changes):
        population = law(**changes)
        return sub.draw_subhalos(np.array([3]), population, AT, sub.density(population, AT), np.array([radius]))

    def places(halos):
        return set(zip(halos.x.round(9), halos.y.round(9), strict=True))
    base = draw()
    assert places(base) < places(draw(radius=6.0))  # a wider frame
    assert places(base) < places(draw(drawn=6.5))   # lighter ones drawn too
    assert places(base) < places(draw(f_sub=0.05))  # more of them
    assert places(draw(log10_m_hm=8.5)) < places(base)
    np.testing.assert_array_equal(draw().mass, base.mass)


def test_warm_subhalos_are_suppressed_as_lovell_says():
    population = law(f_sub=0.2, log10_m_hm=8.0)
    per_kpc2 = sub.density(law(f_sub=0.2), AT)
    assert sub.density(population, AT) == pytest.approx(per_kpc2)  # the same amplitude as cold
    warm = sub.draw_subhalos(np.array([3]), population, AT, per_kpc2, np.array([4.0]))
    cold = sub.draw_subhalos(np.array([3]), law(f_sub=0.2), AT, per_kpc2, np.array([4.0]))
    for low, high in ((7.0, 7.5), (7.5, 8.0), (8.0, 9.0)):
        inside = [((h.mass > 10**low) & (h.mass < 10**high)).sum() for h in (warm, cold)]
        mass = cold.mass[(cold.mass > 10**low) & (cold.mass < 10**high)]
        expected = ((1 + (4.2 * 1e8 / mass) ** 2.5) ** -0.2).mean()
        assert inside[0] / inside[1] == pytest.approx(expected, abs=4 * (0.25 / inside[1]) ** 0.5)
    assert len(warm.mass) == pytest.approx(sub.drawn_number(population, AT, per_kpc2, 4.0)[0], rel=0.1)


def test_expected_number_and_its_limit():
    numbers = dict(f_sub=0.03, slope=-1.9, log10_m_min=6.0, log10_m_max=10.0, log10_m_resolved=7.0, log10_m_hm=8.5,
                   n_points=0, log10_m_point=8.0, theta_E=1.2, q=0.7, gamma=2.1, center_x=0.0, center_y=0.0,
                   half_diagonal=3.6, z_lens=0.5, z_source=1.5, H0=70.0, Om0=0.3)
    (cold, drawn), (warm, drawn_warm) = (sub.expected_numbers(kind, **numbers) for kind in ("cdm", "wdm"))
    assert cold == pytest.approx(sub.drawn_number(law(), AT, sub.density(law(), AT), 3.6)[0])
    assert 0 < warm < cold < drawn == drawn_warm  # whole rings are drawn, and cold ones at first
    assert sub.expected_numbers("cdm", **{**numbers, "f_sub": 0.06})[0] == pytest.approx(2 * cold)
    assert sub.expected_numbers("none", **numbers) == (0, 0) == sub.expected_numbers("fdm", **numbers)
    assert sub.expected_numbers("deeplense_cdm", **{**numbers, "n_points": 25}) == (25, 25)
    assert sub.expected_numbers("deeplense_axion", **numbers)[0] == pytest.approx(0.03 * AT.mass_within(2.0)[0] / 1e8)
    sub.check_number(5000, 5000)
    with pytest.raises(ValueError, match="about 5001 subhalos; at most 5000 .*log10_m_resolved.*f_sub"):
        sub.check_number(5001.2, 5000)


def test_what_is_drawn_is_counted_before_the_frame_and_the_suppression_take_any_away(monkeypatch):
    """The candidates that `arrivals` hands over, counted, are those that are expected and checked."""
    handed, arrivals = [], sub.arrivals

    def counted(*given):
        handed.append(arrivals(*given))
        return handed[-1]

    monkeypatch.setattr(sub, "arrivals", counted)
    warm, radius = law(drawn=6.0, log10_m_hm=9.5), np.array([1.3])
    kept = sub.draw_subhalos(np.array([3]), warm, AT, sub.density(warm, AT), radius)
    number = sum(map(len, handed))
    expected = sub.candidates(warm, AT, sub.density(warm, AT), radius)[0]
    assert number == pytest.approx(expected, abs=5 * expected**0.5) and number > 5 * len(kept.mass)
    sub.check_candidates(sub.MAX_CANDIDATES)
    with pytest.raises(ValueError, match="at most 500000 are drawn: raise the lightest"):
        sub.check_candidates(sub.MAX_CANDIDATES + 1)


def test_arrivals_are_poisson_and_only_grow():
    counts = np.array([len(sub.arrivals((seed, 0), 7.0, 2)) for seed in range(2000)])
    assert counts.mean() == pytest.approx(7, abs=0.25) and counts.var() == pytest.approx(7, rel=0.15)
    few, many = sub.arrivals((1, 2), 50.0, 3), sub.arrivals((1, 2), 5000.0, 3)
    np.testing.assert_array_equal(few, many[:len(few)])


def test_half_mode_mass_as_a_particle():
    """Viel 2005 and Schneider 2012: half-mode length 13.93 alpha, alpha = 0.049 (m/keV)^-1.11 Mpc/h at Om 0.25."""
    length = 13.93 * 0.049 * 2.32**-1.11 / 0.7
    mass = 4 / 3 * np.pi * 0.25 * cosmology.critical_density(0.0, 70.0, 0.25) * 1e9 * (length / 2) ** 3
    assert subhalo.warm_mass_keV(np.log10(mass), 70.0, 0.25) == pytest.approx(2.32, rel=0.01)


# DeepLense


def test_deeplense_points():
    row, x, y, mass = sub.deeplense_points(np.arange(200), np.full(200, -0.9), np.full(200, 1e6), np.full(200, 1e10),
                                           np.full(200, 25.0), np.zeros(200, bool))
    assert (np.bincount(row) == 25).all()
    assert kstest((np.hypot(x, y) - 0.25) / 1.75, "uniform").pvalue > 1e-3
    assert kstest(sub.share_above(mass, -0.9, 1e6, 1e10), "uniform").pvalue > 1e-3
    row, *_ = sub.deeplense_points(np.arange(2000), np.full(2000, -0.9), np.full(2000, 1e6), np.full(2000, 1e10),
                                   np.full(2000, 9.0), np.ones(2000, bool))
    counts = np.bincount(row, minlength=2000)
    assert counts.mean() == pytest.approx(9, abs=0.3) and counts.var() == pytest.approx(9, rel=0.15)


def test_vortex_length_and_its_chord():
    assert sub.vortex_half_length([-24.0, -22.0]) == pytest.approx([3.0, 0.03])
    rng = np.random.default_rng(1)
    t = (np.arange(100000) + 0.5) / 100000
    for x0, y0, x1, y1 in rng.uniform(-2, 2, (20, 4)):
        inside = (np.hypot(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) < 1.1).mean()
        assert sub.chord_share(x0, y0, x1, y1, 1.1) == pytest.approx(inside, abs=3e-5)


def test_the_host_of_an_isothermal_lens():
    """M200 of the isothermal sphere, M(r) = 2 sigma_v^2 r/G, at the radius with 200 critical densities inside."""
    d = cosmology.distances(0.5, 1.5, 70.0, 0.3)
    assert AT.sigma_v == pytest.approx(cosmology.sigma_v_of_theta_E(1.2, d))
    radius = subhalo.r200(AT.M200, AT.rho_c)
    assert 2 * AT.sigma_v**2 * radius * 1e-3 / cosmology.G_MPC == pytest.approx(AT.M200, rel=1e-12)
