"""Fuzzy dark matter: granules against a direct sum of waves, fields against their own calculus, vortices counted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.interpolate import RectBivariateSpline

from lenslab.physics import cosmology, subhalo, wave

AT = subhalo.host(1.2, 0.8, 2.0, 0.5, 1.5, 70.0, 0.3)
LIKE = torch.zeros((), dtype=torch.float64)
AXIS = np.linspace(-wave.BOX * 1.2, wave.BOX * 1.2, wave.NODES)


def made_of(m22=0.1, f_dm=0.5) -> wave.Granules:
    return wave.one(wave.granules(np.array([m22]), np.array([f_dm]), AT), 0)


def field(m22=0.1, seed=1, f_dm=0.5):
    nodes, half_width = wave.field_nodes(np.array([seed]), wave.granules(np.array([m22]), np.array([f_dm]), AT), LIKE)
    assert half_width == pytest.approx(4.8)
    return nodes[0].numpy()


def noise(seed, side):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((side, side)))


def on_ring(values, radius, n=720):
    angle = np.arange(n) * (2 * np.pi / n)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    return RectBivariateSpline(AXIS, AXIS, values, s=0).ev(y, x), np.cos(angle), np.sin(angle)


def test_wavelength():
    """hbar/(m sigma) = 0.1917 kpc for 1e-22 eV and 100 km/s (CODATA by hand), in arcsec on the lens plane."""
    kpc = 6.582119569e-16 * 299792.458**2 / (1e-22 * 100) / 3.0856775814913673e16
    g = made_of(m22=0.4)
    assert kpc == pytest.approx(0.1917, rel=1e-3)
    assert g.wavelength == pytest.approx(kpc / 0.4 * 100 / AT.sigma_v[0] / AT.kpc[0], rel=1e-6)


def test_a_direct_sum_of_waves_has_the_variance_and_correlation_claimed():
    """|psi|^2 in a slab of depth L: projected relative variance sqrt(pi) lambda L, correlation exp(-r^2/lambda^2).

    Waves of length 1 in a uniform halo, L = 40; 60 draws of 10 independent lines each, and the same at distances r.
    """
    depth = np.linspace(0, 40, 81)  # steps of lambda/2
    r = np.array([0.0, 0.5, 1.0, 1.5])
    columns = np.arange(10) * 6.0
    x = (columns[:, None] + r).ravel()
    sums = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        k, phase = rng.standard_normal((300, 3)), rng.uniform(0, 2 * np.pi, 300)
        waves = wave.WaveField(k, phase, 1.0)
        rho = np.stack([np.abs(waves.on_plane(x, np.array([0.0]), z)[0]) ** 2 - 1 for z in depth])
        sums.append(np.trapezoid(rho, depth, axis=0).reshape(10, 4))
    sums = np.concatenate(sums)
    variance = (sums[:, 0] ** 2).mean()
    finite = np.sqrt(np.pi) * 40 - 1  # the slab's ends: minus the integral of |z| exp(-z^2)
    assert variance == pytest.approx(finite, rel=4 * (2 / 600) ** 0.5)
    for j in range(1, 4):
        correlation = (sums[:, 0] * sums[:, j]).mean() / variance
        assert correlation == pytest.approx(np.exp(-r[j] ** 2), abs=4 / 600**0.5)


def test_gaussian_field_has_unit_variance_and_that_correlation():
    fields = np.stack([wave.gaussian_field(noise(s, 256), 4.0, 256) for s in range(40)])
    assert fields.var() == pytest.approx(1, rel=0.02)
    for shift in (2, 4, 6):
        measured = (fields * np.roll(fields, shift, axis=1)).mean() / fields.var()
        assert measured == pytest.approx(np.exp(-(shift / 4.0) ** 2), abs=0.02)


def test_granules_finer_than_the_grid_keep_their_power_on_large_scales():
    """Averages over squares of 16 nodes have the variance that white noise of P(0) = pi lambda^2 gives them."""
    wavelength = 0.5
    fields = np.stack([wave.gaussian_field(noise(s, 256), wavelength, 256) for s in range(40)])
    means = fields.reshape(40, 16, 16, 16, 16).mean((2, 4))
    edges = 1 - 2.0 / (np.pi**0.5 * 16)  # an axis; granules of two nodes straddle the borders of the squares
    assert means.var() == pytest.approx(np.pi * wavelength**2 / 16**2 * edges**2, rel=0.05)


def test_rms_convergence_is_the_line_of_sight_integral():
    """variance = sqrt(pi) lambda int rho^2 dl / Sigma_cr^2, and without the core the isothermal closed form."""
    g = made_of(m22=1.0)
    Sigma_cr, kpc = AT.sigma_cr[0] / AT.kpc[0] ** 2, AT.kpc[0]

    def rho2(z):  # Msun^2/kpc^6
        r2 = (1.2 * kpc) ** 2 + (g.core * kpc) ** 2 + z**2
        return (0.5 * AT.sigma_v[0] ** 2 / (2 * np.pi * cosmology.G_MPC * 1e3 * r2)) ** 2
    variance = np.sqrt(np.pi) * g.wavelength * kpc * 2 * quad(rho2, 0, np.inf)[0] / Sigma_cr**2
    assert wave.rms_convergence(1.2, g) ** 2 == pytest.approx(variance, rel=1e-6)
    cusp = np.sqrt(np.pi) * g.wavelength * (0.5 * 1.2 / (2 * np.pi)) ** 2 * np.pi / (2 * 1.2**3)
    assert wave.rms_convergence(1.2, replace(g, core=0.0)) ** 2 == pytest.approx(cusp)


@pytest.mark.parametrize("m22", [0.03, 0.1])
def test_the_field_has_that_rms_on_the_ring(m22):
    """Both recipes (waves of 0.38 theta_E projected; a Gaussian field at 0.11), over 24 draws on the ring."""
    g = made_of(m22)
    assert (g.wavelength > 0.2 * 1.2) == (m22 == 0.03)
    square = [(on_ring(field(m22, seed)[3], 1.2)[0] ** 2).mean() for seed in range(24)]
    # independent patches a draw: the ring over lambda sqrt(pi/2); zero mean inside takes some of few
    patches = 2 * np.pi * 1.2 / (g.wavelength * 1.25)
    soliton = wave.soliton_convergence(np.array([1.2]), g)[0]
    expected = wave.rms_convergence(1.2, g) ** 2 + soliton**2
    assert np.mean(square) == pytest.approx(expected, rel=4 * (2 / (24 * patches)) ** 0.5 + 0.02)


@pytest.mark.parametrize("m22", [0.03, 0.1, 1.0])
def test_alpha_and_kappa_are_derivatives_of_psi(m22):
    """Splines of psi against those of alpha and kappa, between the nodes: what the grid allows. Granules of two nodes,
    the finest, are held to 1 % in alpha and 3 % in kappa; those of ten to 2e-4 and 1e-3."""
    psi, alpha_x, alpha_y, kappa = field(m22)
    spline = RectBivariateSpline(AXIS, AXIS, psi, s=0)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-3, 3, (2, 4000))
    ax, ay = (RectBivariateSpline(AXIS, AXIS, a, s=0) for a in (alpha_x, alpha_y))
    alpha, slope = np.stack([ax.ev(y, x), ay.ev(y, x)]), np.stack([spline.ev(y, x, dy=1), spline.ev(y, x, dx=1)])
    k = RectBivariateSpline(AXIS, AXIS, kappa, s=0).ev(y, x)
    divergence = (ax.ev(y, x, dy=1) + ay.ev(y, x, dx=1)) / 2
    curl = ax.ev(y, x, dx=1) - ay.ev(y, x, dy=1)
    rms = {name: np.sqrt(np.mean(v**2)) for name, v in dict(slope=slope - alpha, div=divergence - k, curl=curl).items()}
    limit = dict(zip((0.03, 0.1, 1.0), ((2e-4, 1e-3), (2e-3, 1e-2), (0.01, 0.03)), strict=True))[m22]
    assert rms["slope"] < limit[0] * np.sqrt(np.mean(alpha**2))
    assert max(rms["div"], rms["curl"]) < limit[1] * np.sqrt(np.mean(k**2))


@pytest.mark.parametrize("m22", [0.01, 0.03, 0.1, 1.0, 10.0])
def test_no_mass_inside_the_ring_and_nothing_outside_the_box(m22):
    psi, alpha_x, alpha_y, kappa = field(m22)
    (ax, c, s), (ay, _, _) = on_ring(alpha_x, 1.2), on_ring(alpha_y, 1.2)
    assert abs((ax * c + ay * s).mean()) < 1e-6 * alpha_x.std()  # M(< theta_E)/(pi theta_E); other angles than inside
    x, y = np.meshgrid(AXIS, AXIS)
    outside = np.hypot(x, y) >= 3.9 * 1.2
    assert outside.any() and all((part[outside] == 0).all() for part in (psi, alpha_x, alpha_y, kappa))
    assert np.isfinite(kappa).all() and kappa.std() > 0
    whole = kappa.sum() * (AXIS[1] - AXIS[0]) ** 2  # compact psi holds no mass at all
    assert abs(whole) < 1e-5 * np.abs(kappa).sum() * (AXIS[1] - AXIS[0]) ** 2


def test_padding_suffices():
    """Poisson's equation with twice the padding: alpha near the ring changes by less than 2 % of its rms."""
    g = made_of(0.1)
    box = wave._box(LIKE.device, LIKE.dtype)
    kappa = wave.gaussian_field(noise(2, wave.PADDED), g.wavelength / (wave.SPACING * 1.2), wave.NODES)
    kappa = kappa * wave.rms_convergence(box.r * 1.2, g) * box.fade
    kappa -= kappa[box.r < 1].mean() * box.bump
    alpha = [wave.solve(kappa, wave.SPACING * 1.2, padded)[1][box.r < 1.5].numpy() for padded in (wave.PADDED, 576)]
    assert np.std(alpha[0] - alpha[1]) < 0.02 * np.std(alpha[1])


def test_soliton():
    """Mass against the core density of Schive 2014 (1406.6586), another of their fits; shape by integration."""
    g = made_of(m22=0.1)
    r_c = g.soliton_radius * AT.kpc[0]
    core_density = 1.9e9 * 1.0**-2 * r_c**-4  # 1.9 (m/1e-23 eV)^-2 (r_c/kpc)^-4 Msun/pc^3, m22 = 0.1
    a2 = 0.091 / r_c**2

    def shell(r):
        return 4 * np.pi * r**2 * core_density * (1 + a2 * r**2) ** -8
    whole = quad(shell, 0, 50 * r_c, limit=200)[0]
    assert g.soliton * np.pi * AT.sigma_cr[0] == pytest.approx(whole, rel=0.1)  # the two fits agree to that
    assert quad(shell, 0, r_c)[0] / whole == pytest.approx(wave.CORE_SHARE, rel=1e-6)
    mass = quad(lambda r: 2 * r * wave.soliton_convergence(np.array(r), g), 0, 60, limit=400, points=[0.1, 1.2])[0]
    assert abs(mass) < 1e-5 * g.soliton
    assert made_of(m22=0.01, f_dm=0.1).soliton <= 0.1 * AT.mass[0] / (np.pi * AT.sigma_cr[0]) * (1 + 1e-12)
    assert made_of(f_dm=0.0).soliton == 0 and (field(0.1, f_dm=0.0) == 0).all()


def test_vortices_are_as_many_as_theory_says():
    """A plane through an isotropic Gaussian wave has 1/(2 pi lambda^2) phase vortices, as many of either sign."""
    counts = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        waves = wave.WaveField(rng.standard_normal((400, 3)), rng.uniform(0, 2 * np.pi, 400), 1.0)
        axis = np.linspace(0, 25, 400)
        places, winding = wave.vortices(waves.on_plane(axis, axis, 0.0), axis)
        assert set(winding) == {-1, 1}
        assert abs(winding.sum()) < 0.25 * len(winding)
        counts.append(len(places))
        psi = np.abs(np.array([waves.on_plane(np.array([x]), np.array([y]), 0.0)[0, 0] for x, y in places[:20]]))
        assert psi.max() < 0.2  # of a mean square of 1: the density vanishes there
    assert np.mean(counts) == pytest.approx(25**2 / (2 * np.pi), rel=0.05)


def test_vortices_of_a_field_made_by_hand():
    axis = np.linspace(-1, 1, 40)
    z = axis[None, :] + 1j * axis[:, None]
    places, winding = wave.vortices((z - 0.3) * (z + 0.2 - 0.5j).conj(), axis)
    order = np.argsort(winding)
    np.testing.assert_array_equal(winding[order], [-1, 1])
    np.testing.assert_allclose(places[order], [[-0.2, 0.5], [0.3, 0.0]], atol=axis[1] - axis[0])


def test_the_slice_shows_the_waves_that_lens():
    """Projecting the slices of the page's wave field gives the kappa of the image, where lambda is large."""
    g = made_of(0.03)
    axis = np.linspace(-1, 1, 5)
    waves = wave.wave_field(7, g)
    z = np.arange(-4.8, 4.8001, g.wavelength / 4)
    rho = [(np.abs(waves.on_plane(axis, axis, d)) ** 2 - 1)
           / (axis[None] ** 2 + axis[:, None] ** 2 + g.core**2 + d**2) for d in z]
    direct = g.density * np.trapezoid(rho, z, axis=0)
    projected = RectBivariateSpline(AXIS, AXIS, wave.projected_waves(waves, g, LIKE), s=0)(axis, axis)
    assert np.abs(projected - direct).max() < 0.03 * wave.rms_convergence(0.5, g)
    page = wave.wave_slice(7, g, 1.0, 5)
    np.testing.assert_allclose(page.density, np.abs(waves.on_plane(axis, axis, 0.0)) ** 2)


@pytest.mark.parametrize("m22", [0.03, 0.3])
def test_float32_is_worked_out_as_exactly_as_it_is_held(m22):
    seeds, made = np.array([3]), wave.granules(np.array([m22]), np.array([0.5]), AT)
    exact, short = (wave.field_nodes(seeds, made, LIKE.to(dtype))[0] for dtype in (torch.float64, torch.float32))
    assert short.dtype == torch.float32
    assert ((short - exact).abs().amax((2, 3)) < 5e-6 * exact.abs().amax((2, 3))).all()
