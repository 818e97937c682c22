"""Sums over many truncated NFW halos on the rays of a camera: each halo a sum of Gaussians of widths that all share.

    alpha(theta) = sum over halos of strength(r) (theta - center),  strength(r) = sum_k c_k exp(-r^2/(2 sigma_k^2))

A multi-Gaussian expansion (Emsellem et al. 1994; Shajib 2019, 1906.00263, for lenses). A Gaussian is a function of x
times one of y, so that the sum over halos is a product of matrices, where the direct sum (lenslab.physics.clumps) works
out a function of r for every halo and ray. The widths are multiples of the ray spacing, which is the unit of length
here:

    near   1 on the rays themselves; 1/sqrt 2 to 1/16 on the few rays about each halo
    far    sqrt 2, 2, 2 sqrt 2, ... up to the farthest ray of a halo: their potential -c_k sigma_k^2 exp(...) on nodes
           as far apart as such Gaussians allow, from where fixed matrices carry its gradient to the rays

By powers of sqrt 2 they follow 1/r^2 to 4e-6. The coefficients are a fixed matrix times strength at a few radii, its
least-squares fit. The error of a population of `hst` is 1e-6 arcsec rms, and at most some 1e-5 to 1e-4 on a ray that
nearly hits a heavy halo, whose cusp the narrowest Gaussian rounds off.
"""

from functools import lru_cache
from math import ceil, log2, pi, sqrt

import numpy as np
import torch
from torch import Tensor

from lenslab.physics import clumps, halos

NEAR = tuple(2 ** (-k / 2) for k in range(9))
PATCH = 8                   # rays on a side that the narrow ones reach: 3 or more each way, 4.2 of the widest
SAMPLING = 0.7              # widths between nodes: of a Gaussian's waves exp(-(pi/0.7)^2/2) = 4e-5 are finer
MARGIN = 4                  # nodes beyond the frame
FEWEST = 9                  # nodes of a Gaussian about as wide as the frame
RADII = 1.5                 # at which a halo's strength is worked out, for each width,
FIRST, REACH = 0.04, 1.1    # from the smallest of them, in ray spacings, to the largest, in the widest width
RIDGE = 1e-10
NOTHING = 1e-9
HELD = {"cpu": 2**17, "cuda": 2**26, "mps": 2**24}  # values of a table handled at a time, that stay in cache or fit


def tnfws_on_rays(rays: int, spacing: float, Rs, alpha_Rs, r_trunc, center_x, center_y) -> tuple[Tensor, Tensor]:
    """Deflection (B, rays, rays) of halos (B, N) on the square grid of rays that is centred on 0, as
    `clumps.tnfws_deflection` gives it; lengths in arcsec, alpha_Rs = 0 is padding."""
    place = torch.stack([center_x, center_y], 1)[..., None] / spacing
    farthest = rays / sqrt(2) + (float(place.detach().square().sum(1).max()) ** 0.5 if Rs.numel() else 0.0)
    octaves = max(1, ceil(log2(farthest / REACH)))
    tables = [torch.as_tensor(part).to(Rs.device, Rs.dtype) for part in _fit(rays, octaves)]
    radii, near, narrow, wide, nodes, scale = tables
    carried = [[torch.as_tensor(part).to(Rs.device, Rs.dtype) for part in _carried(rays, octave)]
               for octave in range(octaves)]
    axis = torch.arange(rays, device=Rs.device, dtype=Rs.dtype) - (rays - 1) / 2
    alpha_x, alpha_y = Rs.new_zeros(2, len(Rs), rays, rays)
    psi = [Rs.new_zeros(len(Rs), value.shape[1], value.shape[1]) for value, _ in carried]
    step = max(1, HELD[Rs.device.type] // (len(Rs) * rays))
    for start in range(0, Rs.shape[1], step):
        some = slice(start, start + step)
        strength, at = _strength(radii * spacing, Rs[:, some], alpha_Rs[:, some], r_trunc[:, some]), place[:, :, some]
        d, c = axis - at, (near.T @ strength).reshape(len(NEAR), *at.shape[:1], -1, 1)
        bell = _gaussian(d, 0.5)
        row = bell[:, 1] * c[0]
        alpha_x = torch.baddbmm(alpha_x, row.mT, d[:, 0] * bell[:, 0])
        alpha_y = torch.baddbmm(alpha_y, (d[:, 1] * row).mT, bell[:, 0])
        alpha_x, alpha_y = _beside(alpha_x, alpha_y, at, c[1:])
        bell = _gaussian(torch.addcmul(nodes, at, scale), 1.0)
        square = bell.square()
        row_wide, row_narrow = (row * (strength.T @ fit).reshape(row.shape)
                                for row, fit in ((bell[:, 1], wide), (square[:, 1], narrow)))
        first = 0
        for octave, (value, _) in enumerate(carried):
            its = slice(first, first + value.shape[1])
            psi[octave] = torch.baddbmm(torch.baddbmm(psi[octave], row_wide[..., its].mT, bell[:, 0, :, its]),
                                        row_narrow[..., its].mT, square[:, 0, :, its])
            first = its.stop
    for (value, slope), potential in zip(carried, psi, strict=True):
        alpha_x = alpha_x + value @ potential @ slope.T
        alpha_y = alpha_y + slope @ potential @ value.T
    return alpha_x * spacing, alpha_y * spacing


def _beside(alpha_x: Tensor, alpha_y: Tensor, place: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """alpha with the narrow Gaussians of halos at `place` (B, 2, N, 1) added, on the PATCH^2 rays about each."""
    rays, middle = alpha_x.shape[-1], (alpha_x.shape[-1] - 1) / 2
    ray = (place.detach() + middle).floor() + (torch.arange(PATCH, device=place.device) - (PATCH / 2 - 1))
    d = ray - middle - place
    bell = _gaussian(d, 0.5 / NEAR[1] ** 2) * ((ray >= 0) & (ray < rays))
    strength = 0
    for one in c:
        strength = strength + (bell[:, 1] * one)[..., None] * bell[:, 0, :, None]
        bell = _cut(bell.square())
    column, row = ray.long().clamp(0, rays - 1).unbind(1)
    index = (row[..., None] * rays + column[:, :, None]).flatten(1)
    return tuple(alpha.flatten(1).scatter_add(1, index, (strength * along).flatten(1)).view_as(alpha)
                 for alpha, along in ((alpha_x, d[:, 0, :, None]), (alpha_y, d[:, 1, :, :, None])))


def _strength(radii: Tensor, Rs: Tensor, alpha_Rs: Tensor, r_trunc: Tensor) -> Tensor:
    """alpha(r)/r (J, B N) of halos (B, N) at radii (J,)."""
    Rs, tau = (value.reshape(-1) for value in clumps.safe(Rs, r_trunc, alpha_Rs))
    x2 = (radii[:, None] / Rs).square().clamp_min(halos.FLOOR_TNFW)
    return halos.tnfw_deflection_shape(x2, *halos.tnfw_coefficients(halos.NORM * alpha_Rs.reshape(-1) / Rs, tau))


def _gaussian(distance: Tensor, steepness: float) -> Tensor:
    """exp(-steepness distance^2), cut."""
    return _cut(distance.square().mul_(-steepness).clamp_min_(-21).exp_())


def _cut(value: Tensor) -> Tensor:
    """Nothing below NOTHING: numbers too small for a float's exponent take a hundred times as long."""
    return torch.nn.functional.threshold(value, NOTHING, 0.0)


@lru_cache(maxsize=16)
def _fit(rays: int, octaves: int) -> tuple[np.ndarray, ...]:
    """Radii (J,) and matrices (J, 9), (J, n), (J, n) from strength there to the coefficients of the near Gaussians, and
    of the narrow and the wide one of each node's octave; then nodes (n,) and scale (n,), so that nodes + scale x is
    the distance.

    The sum of squares is of the error of alpha over the area, r^2 strength at evenly spaced ln r.
    """
    widths = np.array([*NEAR, *sqrt(2) ** np.arange(1, 2 * octaves + 1)])
    radii = np.geomspace(FIRST, REACH * 2**octaves, ceil(RADII * len(widths)))
    table = radii[:, None] ** 2 * np.exp(-0.5 * (radii[:, None] / widths) ** 2)
    length = np.linalg.norm(table, axis=0)
    table /= length
    fit = (np.linalg.solve(table.T @ table + RIDGE * np.eye(len(widths)), table.T) * radii**2 / length[:, None]).T
    nodes = [_nodes(rays, octave) for octave in range(octaves)]
    owner = np.repeat(np.arange(octaves), [len(one) for one in nodes])
    potential = -fit[:, len(NEAR):] * widths[len(NEAR):] ** 2
    scale = -sqrt(0.5) / (2.0 * 2.0**owner)
    return (radii, fit[:, :len(NEAR)], potential[:, 2 * owner], potential[:, 2 * owner + 1],
            -scale * np.concatenate(nodes), scale)


def _nodes(rays: int, octave: int) -> np.ndarray:
    """Places of the nodes of an octave: evenly spaced, or where a few serve for the whole frame, Chebyshev's."""
    narrow = sqrt(2) * 2**octave
    if narrow > 0.3 * rays:
        return rays / 2 * np.cos(pi * (np.arange(FEWEST) + 0.5) / FEWEST)
    step = SAMPLING * narrow
    n = ceil((rays - 1) / step) + 1 + 2 * MARGIN
    return (np.arange(n) - (n - 1) / 2) * step


@lru_cache(maxsize=128)
def _carried(rays: int, octave: int) -> tuple[np.ndarray, np.ndarray]:
    """What value (rays, n) and slope (rays, n) on a ray are of the values on the nodes of an octave: the least-squares
    fit to Gaussians of both its widths, wherever they stand."""
    narrow = sqrt(2) * 2**octave
    axis = np.arange(rays) - (rays - 1) / 2
    edge = rays / 2 + 6 * narrow
    centers = np.linspace(-edge, edge, max(64, ceil(edge / (0.1 * narrow))))
    widths = np.repeat([narrow, sqrt(2) * narrow], len(centers))
    centers = np.tile(centers, 2)

    def gaussian(at):
        return np.exp(-0.5 * ((at[:, None] - centers) / widths) ** 2)
    samples, wanted = gaussian(_nodes(rays, octave)), gaussian(axis)
    slope = -(axis[:, None] - centers) / widths**2 * wanted
    system = samples @ samples.T
    system += 1e-13 * np.trace(system) / len(system) * np.eye(len(system))
    return np.linalg.solve(system, samples @ wanted.T).T, np.linalg.solve(system, samples @ slope.T).T
