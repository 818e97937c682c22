"""Dark subhalos, points and vortex lines: how many, how heavy, how compact, where (numpy, drawn from seeds).

What the numbers of a Scene mean here
  f_sub      share of the lens mass, in projection inside the circle 2 theta_E, that is bound in subhalos of infall mass
             m_min to m_max. Subhalos lie uniformly over the sky near the ring (Gilman 2020), so that their mean
             convergence is f_sub c(q, gamma) 2^(1 - gamma): f_sub/2 for an isothermal sphere.
  slope      dN/dm ~ m^slope of the infall mass M200; m_resolved: lighter subhalos count in f_sub and are not drawn.
  log10_m_hm warm dark matter: the same amplitude as cold, then the suppression of Lovell 2020 and the lower
             concentrations of Bose 2016. The cold and the warm scene of one seed hold the same halos, the warm one
             lacks some of the light ones.
A population is drawn heaviest first: the i-th subhalo has the mass that is exceeded t_i times in the mean, t_i being
the arrival times of a unit Poisson process. So changing a setting, or widening the frame, moves no subhalo: masses
slide, light ones appear or go. Positions are drawn in rings of fixed kpc around the lens.

Halo radii are kpc here unless they are said to be arcsec.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from lenslab.physics.subhalo import (
    Halos,
    Host,
    circle_mass,
    concentration,
    depth,
    halos,
    host,
    nfw_mass,
    r200,
    tnfw_mass,
    truncation_radius,
    unit_gauss,
    warm_concentration,
    warm_suppression,
)

SCATTER_DEX = 0.2  # of log10 concentration
FIRST_RING = 8.0  # kpc
MAX_CANDIDATES = 500_000  # drawn before any falls away; each is six numbers
POPULATION, POINTS, LINES = 1, 2, 3  # which stream of a scene's seed

_MASS_NODES, _MASS_WEIGHTS = unit_gauss(8)  # with these nodes densities are right to 1e-3
_DEPTH_NODES, _DEPTH_WEIGHTS = unit_gauss(6)
_SCATTER_NODES, _SCATTER_WEIGHTS = np.sqrt(3.0) * np.array([-1.0, 0, 1]), np.array([1.0, 4, 1]) / 6


@dataclass(frozen=True)
class MassLaw:
    """The mass function of subhalos: arrays (B,), masses in Msun; m_hm = 0 is cold."""

    f_sub: np.ndarray
    slope: np.ndarray
    m_min: np.ndarray
    m_max: np.ndarray
    m_resolved: np.ndarray
    m_hm: np.ndarray


def mass_law(f_sub, slope, log10_m_min, log10_m_max, log10_m_resolved, log10_m_hm=None) -> MassLaw:
    f_sub, slope, low, high, drawn = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, np.float64))
          for v in (f_sub, slope, log10_m_min, log10_m_max, log10_m_resolved)))
    m_hm = np.zeros(f_sub.shape) if log10_m_hm is None else 10 ** np.broadcast_to(log10_m_hm, f_sub.shape)
    drawn = np.clip(drawn, low, high)
    return MassLaw(f_sub, slope, 10**low, 10**high, 10**drawn, m_hm)


def power_law_mass(share, slope, m_min, m_max):
    """The mass above which a share of a power law's objects lies."""
    p = slope + 1
    p = np.where(np.abs(p) < 1e-7, 1e-7, p)
    return m_max * (1 + share * np.expm1(p * np.log(m_min / m_max))) ** (1 / p)


def share_above(mass, slope, m_min, m_max):
    """Inverse of power_law_mass."""
    p = slope + 1
    p = np.where(np.abs(p) < 1e-7, 1e-7, p)
    return np.expm1(p * np.log(mass / m_max)) / np.expm1(p * np.log(m_min / m_max))


def power_law_mean(slope, m_min, m_max):
    """Mean mass of a power law."""
    p = slope + 1
    return m_max * _integral(p + 1, m_min / m_max) / _integral(p, m_min / m_max)


def _integral(p, low):
    """Integral of x^(p - 1) from low to 1."""
    p = np.where(np.abs(p) < 1e-7, 1e-7, p)
    return -np.expm1(p * np.log(low)) / p


def _mean_over_law(law: MassLaw, lowest, value) -> np.ndarray:
    """Integral of value(m) over the law from `lowest` to m_max, with the law normalised from m_min to m_max."""
    low = np.log(lowest / law.m_max)[:, None]
    ln_m = low * _MASS_NODES
    p = law.slope[:, None] + 1
    weight = np.exp(p * ln_m) * _MASS_WEIGHTS * -low / _integral(p, (law.m_min / law.m_max)[:, None])
    return (weight * value(law.m_max[:, None] * np.exp(ln_m))).sum(1)


def bound_mass(mass, m_hm, at: Host) -> np.ndarray:
    """Mean bound (truncated) mass of subhalos (B, M) of infall mass `mass` (B, M), over concentration and depth."""
    column = at[:, None]
    mean_c = concentration(mass, column.z, column.h) * warm_concentration(mass, column.z, m_hm[:, None])
    c = mean_c[..., None, None] * 10 ** (SCATTER_DEX * _SCATTER_NODES)
    along = depth(_DEPTH_NODES[None], at.c[:, None]) * at.Rs[:, None]
    r_3d = np.sqrt(along**2 + 2 * (at.theta_E * at.kpc)[:, None] ** 2)  # mean square radius of the disc 2 theta_E
    cut = truncation_radius(mass[..., None, None], r_3d[:, None, :, None]) / r200(mass, column.rho_c)[..., None, None]
    share = tnfw_mass(cut * c) / nfw_mass(c)
    return mass * np.einsum("bmzs,z,s->bm", share, _DEPTH_WEIGHTS, _SCATTER_WEIGHTS)


def mean_convergence(law: MassLaw, at: Host) -> np.ndarray:
    """Mean convergence of all that f_sub counts."""
    return law.f_sub * circle_mass(at.q, at.gamma) * 2 ** (1 - at.gamma)


def density(law: MassLaw, at: Host) -> np.ndarray:
    """Subhalos from m_min to m_max in a kpc^2, before a warm suppression."""
    cold = np.zeros_like(law.m_hm)
    mean = _mean_over_law(law, law.m_min, lambda m: bound_mass(m, cold, at))
    return mean_convergence(law, at) * at.sigma_cr / at.kpc**2 / mean


def drawn_convergence(law: MassLaw, at: Host, per_kpc2: np.ndarray) -> np.ndarray:
    """Mean convergence of the subhalos that are drawn: heavier than m_resolved, after a warm suppression."""
    mean = _mean_over_law(law, law.m_resolved,
                          lambda m: bound_mass(m, law.m_hm, at) * warm_suppression(m, law.m_hm[:, None]))
    return per_kpc2 * mean * at.kpc**2 / at.sigma_cr


def drawn_number(law: MassLaw, at: Host, per_kpc2: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Expected number of subhalos drawn in a disc of `radius` (arcsec)."""
    share = _mean_over_law(law, law.m_resolved, lambda m: warm_suppression(m, law.m_hm[:, None]))
    return per_kpc2 * np.pi * (radius * at.kpc) ** 2 * share


def candidates(law: MassLaw, at: Host, per_kpc2: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Expected number of subhalos that `draw_subhalos` makes in whole rings, before the disc and a warm suppression
    take some away: what memory and time are spent on."""
    outermost = FIRST_RING * 2.0 ** (rings(radius * at.kpc) - 1)
    return per_kpc2 * np.pi * outermost**2 * share_above(law.m_resolved, law.slope, law.m_min, law.m_max)


def rings(reach: np.ndarray) -> np.ndarray:
    """How many rings, each twice as wide as the one inside it, cover a disc of `reach` (kpc)."""
    return np.ceil(np.log2(np.maximum(reach / FIRST_RING, 1))).astype(int) + 1


def disc_radius(theta_E, center_x, center_y, half_diagonal):
    """arcsec: subhalos are drawn out to here from the lens centre, so that they cover the frame and 2 theta_E."""
    return np.maximum(2 * theta_E, np.hypot(center_x, center_y) + half_diagonal)


def expected_numbers(kind: str, *, f_sub, slope, log10_m_min, log10_m_max, log10_m_resolved, log10_m_hm, n_points,
                     log10_m_point, theta_E, q, gamma, center_x, center_y, half_diagonal, z_lens, z_source, H0,
                     Om0) -> tuple[float, float]:
    """How many subhalos or points a scene of these plain numbers holds in the mean, and how many candidates are drawn
    for them; check_number and check_candidates judge these."""
    if kind not in ("cdm", "wdm", "deeplense_cdm", "deeplense_axion"):
        return 0.0, 0.0
    if kind.startswith("deeplense") and n_points:
        return float(n_points), float(n_points)
    at = host(theta_E, q, gamma, z_lens, z_source, H0, Om0)
    if kind.startswith("deeplense"):
        mean = 10**log10_m_point if kind == "deeplense_axion" else power_law_mean(slope, 10**log10_m_min,
                                                                                  10**log10_m_max)
        number = float(f_sub * at.mass_within(2.0)[0] / mean)
        return number, number
    law = mass_law(f_sub, slope, log10_m_min, log10_m_max, log10_m_resolved, log10_m_hm if kind == "wdm" else None)
    radius, per_kpc2 = disc_radius(theta_E, center_x, center_y, half_diagonal), density(law, at)
    return float(drawn_number(law, at, per_kpc2, radius)[0]), float(candidates(law, at, per_kpc2, radius)[0])


def check_number(expected: float, most: int) -> None:
    """Refuse a population too large to draw, in a sentence for the page."""
    if not expected <= most:  # not a number, for a lens whose mass is none
        raise ValueError(f"These settings draw about {expected:.0f} subhalos; at most {most} are allowed: raise the "
                         "lightest drawn subhalo (log10_m_resolved), lower f_sub, or take a smaller frame.")


def check_candidates(expected: float) -> None:
    """Refuse a population for whose sake too many would be drawn: small frames and a warm suppression keep few."""
    if not expected <= MAX_CANDIDATES:
        raise ValueError(f"These settings draw about {expected:.0f} subhalos around the lens, of which only those in "
                         f"the frame, and heavy enough for warm dark matter, are kept; at most {MAX_CANDIDATES} are "
                         "drawn: raise the lightest drawn subhalo (log10_m_resolved) or lower f_sub.")


def arrivals(seed: tuple[int, ...], expected: float, columns: int) -> np.ndarray:
    """(n, columns) numbers of a Poisson process: column 0 its arrival times below `expected`, the others uniform in
    [0, 1). A larger `expected` only adds rows at the end."""
    rng = np.random.default_rng(seed)
    u = rng.random((int(expected + 6 * expected**0.5 + 16), columns))
    times = np.cumsum(-np.log1p(-u[:, 0]))
    while times[-1] < expected:
        more = rng.random((len(u), columns))
        times = np.concatenate([times, times[-1] + np.cumsum(-np.log1p(-more[:, 0]))])
        u = np.concatenate([u, more])
    n = int(np.searchsorted(times, expected))
    u[:n, 0] = times[:n]
    return u[:n]


def draw_subhalos(seeds: np.ndarray, law: MassLaw, at: Host, per_kpc2: np.ndarray, radius: np.ndarray) -> Halos:
    """The population of each scene: seeds (B,), disc radius (B,) arcsec about the lens centre."""
    above = share_above(law.m_resolved, law.slope, law.m_min, law.m_max)
    reach = radius * at.kpc
    number = rings(reach)
    blocks, rows = [], []
    for b in range(len(seeds)):
        for ring in range(number[b]):
            outer = FIRST_RING * 2.0**ring
            inner = outer / 2 if ring else 0.0
            area = np.pi * (outer**2 - inner**2)
            total = per_kpc2[b] * area
            block = arrivals((int(seeds[b]), POPULATION, ring), total * above[b], 6)
            block[:, 0] /= total if total > 0 else 1.0
            block[:, 1] = inner**2 + block[:, 1] * (area / np.pi)
            block = block[block[:, 1] < reach[b] ** 2]
            if law.m_hm[b] > 0:  # here, so that a batch never holds what is suppressed
                mass = power_law_mass(block[:, 0], law.slope[b], law.m_min[b], law.m_max[b])
                block = block[block[:, 5] < warm_suppression(mass, law.m_hm[b])]
            blocks.append(block)
            rows.append(np.full(len(block), b))
    row, u = np.concatenate(rows), np.concatenate(blocks)
    mass = power_law_mass(u[:, 0], law.slope[row], law.m_min[row], law.m_max[row])
    local = at[row]
    c = concentration(mass, local.z, local.h) * warm_concentration(mass, local.z, law.m_hm[row])
    c = c * 10 ** (SCATTER_DEX * ndtri(np.maximum(u[:, 4], 1e-300)))
    r_3d = np.sqrt(u[:, 1] + (depth(u[:, 3], local.c) * local.Rs) ** 2)
    r, phi = np.sqrt(u[:, 1]) / local.kpc, 2 * np.pi * u[:, 2]
    return halos(row, r * np.cos(phi), r * np.sin(phi), mass, c, r_3d, local)


def mean_halos(row, x, y, mass, at: Host) -> Halos:
    """Halos placed by hand: mean concentration, and the depth that half of the subhalos exceed."""
    local = at[row]
    r_3d = np.sqrt((x**2 + y**2) * local.kpc**2 + (depth(0.5, local.c) * local.Rs) ** 2)
    return halos(row, x, y, mass, concentration(mass, local.z, local.h), r_3d, local)


# DeepLense's points, and rods


def deeplense_points(seeds, slope, m_min, m_max, number, poisson) -> tuple[np.ndarray, ...]:
    """row, x, y (arcsec about the lens centre), mass (n,): radius uniform in 0.25-2.0 arcsec, not in area, angle
    uniform, masses by a power law (DeepLenseSim). `number` (B,) of points, or their mean where `poisson` (B,) says."""
    blocks, rows = [], []
    for b in range(len(seeds)):
        seed = (int(seeds[b]), POINTS)
        if poisson[b]:
            block = arrivals(seed, float(number[b]), 4)
        else:
            block = np.random.default_rng(seed).random((int(number[b]), 4))
        blocks.append(block)
        rows.append(np.full(len(block), b))
    row, u = np.concatenate(rows), np.concatenate(blocks)
    r, phi = 0.25 + 1.75 * u[:, 1], 2 * np.pi * u[:, 2]
    return row, r * np.cos(phi), r * np.sin(phi), power_law_mass(u[:, 3], slope[row], m_min[row], m_max[row])


def vortex_half_length(log10_m_axion):
    """arcsec: DeepLense's 0.03" (1e-22 eV/m), held on the sky whatever the redshift."""
    return 0.03 * 10 ** (-22 - np.asarray(log10_m_axion, np.float64))


def vortex_lines(seeds, number) -> tuple[np.ndarray, ...]:
    """row, r, angle, direction, share (n,): lines uniform over a disc of radius 1 and in direction, a Poisson number of
    4 `number` (B,) on average, of which `number` lie within half the radius and together have a share of 1 there.

    A scene of number 0 has one line, with all of the mass, that is put elsewhere.
    """
    blocks = [arrivals((int(seed), LINES), 4 * float(n), 4) if n > 0 else np.zeros((1, 4))
              for seed, n in zip(seeds, number, strict=True)]
    row = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    u = np.concatenate(blocks)
    share = 1 / np.where(number > 0, number, 1.0)
    return row, np.sqrt(u[:, 1]), 2 * np.pi * u[:, 2], np.pi * (u[:, 3] - 0.5), share[row]


def chord_share(x0, y0, x1, y1, radius):
    """Share of a straight line from (x0, y0) to (x1, y1) that lies inside the circle of `radius` about 0."""
    dx, dy = x1 - x0, y1 - y0
    length2 = np.maximum(dx**2 + dy**2, 1e-24)
    middle = -(x0 * dx + y0 * dy) / length2
    miss2 = (x0 * dy - y0 * dx) ** 2 / length2
    half = np.sqrt(np.maximum(radius**2 - miss2, 0) / length2)
    return np.clip(np.minimum(middle + half, 1) - np.maximum(middle - half, 0), 0, 1)
