"""Fuzzy dark matter: interference granules, the soliton, and the wave field with its vortices.

The halo is a sum of plane waves exp(i (k x + phase)) whose wave vectors are a Maxwellian of spread 1/lambda on each
axis, lambda = hbar/(m sigma) = 0.192 kpc (1e-22 eV/m)(100 km/s/sigma), inside an isothermal envelope with a core,
rho ~ 1/(r^2 + core^2). |psi|^2 then has relative variance 1 and correlation exp(-r^2/lambda^2), and in projection
kappa has variance sqrt(pi) lambda integral rho^2 dl / Sigma_cr^2 and the same correlation (derived; a direct sum of
waves is the test). Where lambda is below 0.2 theta_E enough granules lie along a line of sight that kappa is Gaussian:
it is drawn so, with that power spectrum. Above, |psi|^2 of the waves themselves is projected.

The field lives on a box of 4 theta_E about the lens, whatever the camera. Inside 3 theta_E it is as said; from there to
3.9 theta_E its potential is faded to nothing, so that deflection and mass are zero outside. kappa and alpha are
derivatives of that one potential, exact for its trigonometric interpolation. Granules finer than two nodes of the grid
(0.084 theta_E) are smoothed to that size, as the camera would, with the same power on larger scales. Granules and
soliton hold no mass in sum inside the circle theta_E: the soliton is made of smooth dark matter that it replaces there.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from astropy import constants, units
from scipy import fft
from scipy.special import betainc
from torch import Tensor

from lenslab.physics import spline
from lenslab.physics.subhalo import Host

NODES = 192           # of the box, on a side
PADDED = 288          # of the periodic grid on which Poisson's equation is solved
BOX = 4.0             # half the box, in theta_E
FADE = 3.0, 3.9       # theta_E: where the potential is faded out
FINEST = 2.0          # nodes: granules are not drawn smaller
GAUSSIAN_BELOW = 0.2  # lambda in theta_E
WAVES = 256           # plane waves of a wave field; |psi|^2 has relative variance 1 - 1/WAVES
GRANULES = 4          # which stream of a scene's seed
SPACING = 2 * BOX / (NODES - 1)  # of the nodes, in theta_E
WAVE_KPC = (constants.hbar * constants.c**2 / (1e-22 * units.eV) / (100 * units.km / units.s)).to_value("kpc")
SOLITON = 0.091       # rho ~ (1 + 0.091 (r/r_c)^2)^-8
CORE_SHARE = float(betainc(1.5, 6.5, SOLITON / (1 + SOLITON)))  # of the soliton's mass that lies within r_c


@dataclass(frozen=True)
class Granules:
    """What a fuzzy halo is made of, arrays (B,); lengths are arcsec on the lens plane."""

    theta_E: np.ndarray
    wavelength: np.ndarray      # lambda = hbar/(m sigma), reduced
    density: np.ndarray         # f_dm theta_E/(2 pi): rho = density Sigma_cr/(r^2 + core^2)
    core: np.ndarray
    soliton_radius: np.ndarray  # r_c, where the density has halved
    soliton: np.ndarray         # its mass over pi Sigma_cr, arcsec^2


def granules(m22, f_dm, at: Host) -> Granules:
    """Soliton of the host halo: Schive 2014b (1407.7762) eqs. 6, 7.

    It can use no more than the dark matter in the ring. Below r_c and lambda the envelope has a core: waves make no
    finer structure.
    """
    a, Om = 1 / (1 + at.z), at.Om * (1 + at.z) ** 3 / (at.Om * (1 + at.z) ** 3 + 1 - at.Om)
    overdensity = (_virial(Om) / _virial(at.Om)) ** (1 / 6)
    m_min = 4.4e7 * m22**-1.5
    core_mass = 0.25 * a**-0.5 * overdensity * (at.M200 / m_min) ** (1 / 3) * m_min
    radius = 1.6 / m22 * a**0.5 / overdensity * (at.M200 / 1e9) ** (-1 / 3) / at.kpc
    mass = np.minimum(core_mass / CORE_SHARE * (f_dm > 0), f_dm * at.mass)
    wavelength = WAVE_KPC / m22 * (100 / at.sigma_v) / at.kpc
    return Granules(at.theta_E, wavelength, f_dm * at.theta_E / (2 * np.pi), np.maximum(wavelength, radius), radius,
                    mass / (np.pi * at.sigma_cr))


def _virial(Om):
    """zeta of Schive 2014b: virial overdensity of Bryan & Norman 1998 over Om."""
    return (18 * np.pi**2 + 82 * (Om - 1) - 39 * (Om - 1) ** 2) / Om


def rms_convergence(r, g: Granules):
    """rms of kappa of the granules at distance r (arcsec) from the centre: variance sqrt(pi) lambda int rho^2 dl."""
    return (np.sqrt(np.pi) * g.wavelength * g.density**2 * np.pi / 2) ** 0.5 * (r**2 + g.core**2) ** -0.75


def field_nodes(seeds: np.ndarray, g: Granules, like: Tensor) -> tuple[Tensor, np.ndarray]:
    """psi, alpha_x, alpha_y, kappa on the nodes (B, 4, NODES, NODES), and half the width of the box (B,) in arcsec.

    The random numbers are numpy's, the same everywhere; all else is worked out where `like` lives and as exactly.
    """
    return torch.stack([_nodes(int(seeds[b]), one(g, b), like) for b in range(len(seeds))]), BOX * g.theta_E


def one(g: Granules, row: int) -> Granules:
    """Plain numbers of one scene."""
    return Granules(*(float(value[row]) for value in vars(g).values()))


def _nodes(seed: int, g: Granules, like: Tensor) -> Tensor:
    box = _box(like.device, like.dtype)
    r = box.r * g.theta_E
    if g.wavelength < GAUSSIAN_BELOW * g.theta_E:
        noise = np.random.default_rng((seed, GRANULES)).standard_normal((PADDED, PADDED))
        kappa = gaussian_field(torch.as_tensor(noise).to(like), g.wavelength / (SPACING * g.theta_E), NODES)
        kappa = kappa * rms_convergence(r, g)
    else:
        kappa = projected_waves(wave_field(seed, g), g, like)
    kappa = (kappa + soliton_convergence(r, g)) * box.fade
    psi, alpha_x, alpha_y, kappa = solve(kappa, SPACING * g.theta_E, PADDED)
    # A broad Gaussian in psi sets the mass inside the circle theta_E, the flux of alpha through it, to zero.
    amount = box.flux(alpha_x, alpha_y) / box.flux(-box.x * box.bump, -box.y * box.bump)
    psi = psi - (amount * g.theta_E) * box.bump
    alpha_x = alpha_x + amount * (box.x * box.bump)
    alpha_y = alpha_y + amount * (box.y * box.bump)
    kappa = kappa - (amount / g.theta_E) * ((box.r**2 / 2 - 1) * box.bump)
    psi = psi - psi[box.fading].mean()
    slope, bend = box.slope / g.theta_E, box.bend / g.theta_E**2
    return torch.stack([psi * box.fade, alpha_x * box.fade + psi * slope * box.x,
                        alpha_y * box.fade + psi * slope * box.y,
                        kappa * box.fade + (alpha_x * box.x + alpha_y * box.y) * slope + psi * bend / 2])


def solve(kappa: Tensor, spacing: float, padded: int) -> tuple[Tensor, ...]:
    """psi, alpha_x, alpha_y, kappa (G, G) of a convergence on a box, zero around it: Laplace(psi) = 2 kappa by FFT.

    The box is padded by zeros to `padded` nodes and repeats with that period; a box that holds mass in sum gets it
    taken off evenly over the period, which the kappa that comes back says. Rows that are all zero, or not wanted, are
    not transformed.
    """
    side = len(kappa)
    kx, ky = (torch.as_tensor(k).to(kappa) for k in wave_numbers(padded, spacing))
    k2 = kx**2 + ky**2
    k2[0, 0] = torch.inf
    transform = torch.fft.fft(torch.fft.rfft(kappa, padded), padded, dim=0)
    psi = -2 * transform / k2
    down = torch.fft.ifft(psi, dim=0)[:side]
    along_y = torch.fft.ifft(1j * _odd(ky, spacing) * psi, dim=0)[:side]
    back = [torch.fft.irfft(rows, padded)[:, :side] for rows in (down, 1j * _odd(kx, spacing) * down, along_y)]
    return (*back, kappa - transform[0, 0].real / padded**2)


def wave_numbers(side: int, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """kx (1, side/2 + 1) and ky (side, 1) of rfft2."""
    return (2 * np.pi * fft.rfftfreq(side, spacing)[None, :], 2 * np.pi * fft.fftfreq(side, spacing)[:, None])


def _odd(k: Tensor, spacing: float) -> Tensor:
    """The derivative's wave numbers: the Nyquist wave is even and has no slope at the nodes."""
    return torch.where(k.abs() * spacing > np.pi * (1 - 1e-6), 0.0, k)


def gaussian_field(noise: Tensor, wavelength: float, side: int) -> Tensor:
    """Gaussian random field of correlation exp(-r^2/wavelength^2), unit variance, from white noise (P, P); the first
    (side, side) of it; lengths in nodes.

    P(k) = pi lambda^2 exp(-k^2 lambda^2/4); below FINEST nodes lambda stays in the amplitude alone, since neither the
    grid nor its splines can hold finer waves: large scales keep their power, and the variance falls.
    """
    period = len(noise)
    kx, ky = (torch.exp(torch.as_tensor(-k**2 * max(wavelength, FINEST) ** 2 / 8)).to(noise)
              for k in wave_numbers(period, 1.0))
    rows = torch.fft.ifft(torch.fft.rfft2(noise) * (np.sqrt(np.pi) * wavelength * kx) * ky, dim=0)[:side]
    return torch.fft.irfft(rows, period)[:, :side]


def soliton_convergence(r, g: Granules):
    """The soliton in projection, rho_c (1 + 0.091 r^2/r_c^2)^-8, less its mass spread as (1 - r^2/theta_E^2)^3.

    One narrower than the grid is widened to 1.5 nodes, which changes nothing outside it.
    """
    a2 = SOLITON / max(g.soliton_radius, 1.5 * SPACING * g.theta_E) ** 2
    taken = 4 / g.theta_E**2 * (1 - r**2 / g.theta_E**2).clip(0) ** 3
    return g.soliton * (6.5 * a2 * (1 + a2 * r**2) ** -7.5 - taken)


@dataclass(frozen=True)
class _Box:
    """The nodes of the box in units of theta_E (NODES, NODES), the fade W(r), and the flux through the ring."""

    x: Tensor
    y: Tensor
    r: Tensor
    fade: Tensor
    slope: Tensor  # W'(r)/r
    bend: Tensor   # Laplacian of W
    bump: Tensor   # a broad Gaussian
    fading: Tensor
    flux_x: Tensor
    flux_y: Tensor

    def flux(self, alpha_x: Tensor, alpha_y: Tensor) -> Tensor:
        """Mean radial deflection on the ring, as the spline through the nodes has it."""
        return (self.flux_x * alpha_x).sum() + (self.flux_y * alpha_y).sum()


@lru_cache(maxsize=4)
def _box(device: torch.device, dtype: torch.dtype) -> _Box:
    axis = np.linspace(-BOX, BOX, NODES)
    x, y = np.meshgrid(axis, axis)
    r = np.hypot(x, y)
    width = FADE[1] - FADE[0]
    t = np.clip((r - FADE[0]) / width, 0, 1)
    fade = 1 - t**4 * (35 - 84 * t + 70 * t**2 - 20 * t**3)
    first = -140 * t**3 * (1 - t) ** 3 / width
    second = -420 * t**2 * (1 - t) ** 2 * (1 - 2 * t) / width**2
    angle = np.arange(1024) * (2 * np.pi / 1024)
    along_x, along_y = (spline.rows((p / BOX + 1) / 2 * (NODES - 1), NODES) for p in (np.cos(angle), np.sin(angle)))
    flux_x = np.einsum("n,ni,nj->ij", np.cos(angle) / 1024, along_y, along_x, optimize=True)
    flux_y = np.einsum("n,ni,nj->ij", np.sin(angle) / 1024, along_y, along_x, optimize=True)
    fading = torch.as_tensor((t > 0) & (t < 1), device=device)
    maps = [x, y, r, fade, first / r, second + first / r, np.exp(-r**2 / 2), flux_x, flux_y]
    maps = [torch.as_tensor(part).to(device, dtype) for part in maps]
    return _Box(*maps[:7], fading, *maps[7:])


# The waves themselves


@dataclass(frozen=True)
class WaveField:
    """psi(x) = sum exp(i (k x + phase))/sqrt(N): mean |psi|^2 is 1; the halo's density multiplies it."""

    k: np.ndarray      # (N, 3) 1/arcsec
    phase: np.ndarray  # (N,)
    core: float        # arcsec, of the envelope

    def on_plane(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """Complex psi (len(y), len(x)) at depth z; lengths in arcsec from the lens centre."""
        columns = np.exp(1j * np.outer(self.k[:, 0], x))
        rows = np.exp(1j * (np.outer(y, self.k[:, 1]) + self.k[:, 2] * z + self.phase))
        return rows @ columns / len(self.phase) ** 0.5


def wave_field(seed: int, g: Granules, waves: int = WAVES) -> WaveField:
    """The waves of one scene (g of plain numbers): those that its lens is made of where lambda is above 0.2 theta_E,
    and waves of the same statistics below, where the lens is drawn as a Gaussian field."""
    rng = np.random.default_rng((seed, GRANULES, 1))
    k = rng.standard_normal((waves, 3)) / g.wavelength
    return WaveField(k, 2 * np.pi * rng.random(waves), float(g.core))


def projected_waves(waves: WaveField, g: Granules, like: Tensor) -> Tensor:
    """kappa (NODES, NODES) of rho (|psi|^2 - 1) along the line of sight, on the box's nodes.

    Projected on a grid of lambda/2.5, steps of lambda/1.25 in depth (|psi|^2 has no waves above 4/lambda to speak of,
    and |z| beyond the box holds 1 % of the variance at theta_E), then splined to the nodes.
    """
    half = BOX * g.theta_E
    side = int(np.clip(np.ceil(2 * half / (g.wavelength / 2.5)), 48, NODES))
    axis = np.linspace(-half, half, side)
    depths = np.linspace(-half, half, max(16, int(np.ceil(2 * half / (g.wavelength / 1.25)))))
    r2 = torch.as_tensor(axis[None, :] ** 2 + axis[:, None] ** 2 + g.core**2).to(like)
    turns = [np.exp(1j * angle) for angle in (
        np.outer(waves.k[:, 0], axis), np.outer(axis, waves.k[:, 1]) + waves.k[:, 2] * depths[0] + waves.phase,
        waves.k[:, 2] * (depths[1] - depths[0]))]
    columns, rows, deeper = (torch.as_tensor(turn).to(like.device, like.dtype.to_complex()) for turn in turns)
    columns = columns / len(waves.phase) ** 0.5
    kappa = torch.zeros_like(r2)
    for z in depths:
        psi = rows @ columns
        kappa += (psi.real.square() + psi.imag.square() - 1) / (r2 + z**2)
        rows = rows * deeper
    to_nodes = torch.as_tensor(spline.rows(np.linspace(0, side - 1, NODES), side)).to(like)
    return to_nodes @ (kappa * (g.density * (depths[1] - depths[0]))) @ to_nodes.T


@dataclass(frozen=True)
class WaveSlice:
    """A plane through the wave field, for drawing."""

    axis: np.ndarray      # (n,) arcsec from the lens centre
    density: np.ndarray   # (n, n) |psi|^2, in units of the local mean density
    envelope: np.ndarray  # (n, n) mean density, in units of that at theta_E
    phase: np.ndarray     # (n, n) radians
    vortices: np.ndarray  # (m, 2) arcsec x, y where the density is zero and the phase turns once
    winding: np.ndarray   # (m,) +1 counter-clockwise, -1 clockwise
    wavelength: float     # arcsec, hbar/(m sigma)


def wave_slice(seed: int, g: Granules, half_width: float, side: int = 192, z: float = 0.0) -> WaveSlice:
    """The field of one scene (g of plain numbers) on the plane at depth z."""
    waves = wave_field(seed, g)
    axis = np.linspace(-half_width, half_width, side)
    psi = waves.on_plane(axis, axis, z)
    r2 = axis[None, :] ** 2 + axis[:, None] ** 2 + z**2
    places, winding = vortices(psi, axis)
    return WaveSlice(axis, np.abs(psi) ** 2, (g.theta_E**2 + g.core**2) / (r2 + g.core**2), np.angle(psi), places,
                     winding, float(g.wavelength))


def vortices(psi: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the phase of psi (n, n) turns by +-2 pi about a plaquette of the grid: middles (m, 2) x, y; turns (m,).

    In a plane an isotropic Gaussian wave has <k^2>/(4 pi) = 1/(2 pi lambda^2) of them (Berry & Dennis 2000).
    """
    def step(b, a):
        return np.angle(b * a.conj())
    low, high = psi[:-1], psi[1:]
    turn = (step(low[:, 1:], low[:, :-1]) + step(high[:, 1:], low[:, 1:])
            + step(high[:, :-1], high[:, 1:]) + step(low[:, :-1], high[:, :-1]))
    winding = np.rint(turn / (2 * np.pi)).astype(int)
    row, column = np.nonzero(winding)
    middle = (axis[1:] + axis[:-1]) / 2
    return np.stack([middle[column], middle[row]], axis=1), winding[row, column]
