"""Sums over many clumps: the deflection of padded populations of point masses and truncated halos.

x, y    (B or 1, 1, W) and (B or 1, H, 1), or full positions (B, H, W) or (B, M)  arcsec
others  (B, N) parameters; a clump of theta_E = 0 or alpha_Rs = 0 is padding and adds exactly 0
returns maps of the shape of the positions

Nearly all time of an image with substructure is spent here. A map of all clumps (B, N, H, W) is never held: compiled,
one fused loop sums as it goes; in eager mode point masses are added one by one in place, for so few images at a time
that their maps stay in the cache. Where derivatives are wanted (autograd or forward mode) the same sums are written
without in-place steps.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lenslab.physics import halos

CORE2 = 1e-35     # arcsec^2: on a point mass itself its pull is 0, and float32 holds theta_E^2/CORE2
CACHED = 2**16    # values of a map handled at a time in eager mode: fewer lose to overhead, more to memory
HELD = 2**22      # values of a map of several clumps held for derivatives
# Let the compiler fuse products into sums, as it does for C: a fourth of the time of a halo, and no less exact.
COMPILER_OPTIONS = {"cpp.enable_floating_point_contract_flag": "fast"}


def point_masses_potential(x, y, theta_E, center_x, center_y) -> Tensor:
    """psi = sum theta_E^2 ln r, held at r = 1e-9 arcsec on a mass."""
    def term(dx, dy, theta_E):
        return (0.5 * theta_E * theta_E * (dx * dx + dy * dy).clamp_min(1e-18).log(),)
    return _sum(term, x, y, center_x, center_y, torch.ones_like(theta_E), theta_E)[0]


def point_masses_deflection(x, y, theta_E, center_x, center_y) -> tuple[Tensor, Tensor]:
    """alpha = sum theta_E^2 z/|z|^2, where a mass exactly on a position does not pull there."""
    if not torch.compiler.is_compiling() and not _derivatives(x, y, theta_E, center_x, center_y):
        return _point_masses_in_place(x, y, theta_E, center_x, center_y)

    def term(dx, dy, mass):
        square = dx * dx + dy * dy
        strength = torch.where(square < CORE2, 0.0, mass / square.clamp_min(CORE2))
        return strength * dx, strength * dy
    return _sum(term, x, y, center_x, center_y, torch.ones_like(theta_E), theta_E * theta_E)


def point_masses_convergence(x, y, theta_E, center_x, center_y) -> Tensor:
    """Zero wherever it is a number."""
    batch = max(len(x), len(y), len(theta_E))
    return (x + y).new_zeros(torch.broadcast_shapes(x.shape, y.shape, (batch, *[1] * (x.ndim - 1))))


def tnfws_potential(x, y, Rs, alpha_Rs, r_trunc, center_x, center_y) -> Tensor:
    """psi of truncated NFW halos (lenslab.physics.halos)."""
    def term(dx, dy, amplitude, tau):
        return (amplitude * halos.tnfw_potential_shape((dx * dx + dy * dy).clamp_min(halos.FLOOR_TNFW), tau),)
    Rs, tau = safe(Rs, r_trunc, alpha_Rs)
    return _sum(term, x, y, center_x, center_y, 1 / Rs, 0.5 * halos.NORM * alpha_Rs * Rs, tau)[0]


def tnfws_deflection(x, y, Rs, alpha_Rs, r_trunc, center_x, center_y) -> tuple[Tensor, Tensor]:
    """alpha of truncated NFW halos (lenslab.physics.halos)."""
    def term(dx, dy, *coefficients):
        strength = halos.tnfw_deflection_shape((dx * dx + dy * dy).clamp_min(halos.FLOOR_TNFW), *coefficients)
        return strength * dx, strength * dy
    Rs, tau = safe(Rs, r_trunc, alpha_Rs)
    return _sum(term, x, y, center_x, center_y, 1 / Rs, *halos.tnfw_coefficients(halos.NORM * alpha_Rs, tau))


def tnfws_convergence(x, y, Rs, alpha_Rs, r_trunc, center_x, center_y) -> Tensor:
    """kappa of truncated NFW halos (lenslab.physics.halos)."""
    def term(dx, dy, amplitude, tau):
        return (amplitude * halos.tnfw_convergence_shape((dx * dx + dy * dy).clamp_min(halos.FLOOR_TNFW), tau),)
    Rs, tau = safe(Rs, r_trunc, alpha_Rs)
    return _sum(term, x, y, center_x, center_y, 1 / Rs, 0.5 * halos.NORM * alpha_Rs / Rs, tau)[0]


def safe(Rs, r_trunc, alpha_Rs):
    """Rs and tau, with harmless values in the padding, whose radii may be 0."""
    padding = alpha_Rs == 0
    Rs = torch.where(padding, 1.0, Rs)
    return Rs, torch.where(padding, 1.0, r_trunc) / Rs


def _derivatives(*tensors) -> bool:
    """Whether autograd or a forward-mode derivative looks on, so that nothing may be written in place."""
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return True
    return torch.autograd.forward_ad._current_level >= 0 or torch._C._functorch.maybe_current_level() is not None


def _sum(term: Callable, x, y, center_x, center_y, inverse, *parameters) -> tuple[Tensor, ...]:
    """Sum over clumps of term(dx, dy, *parameters), dx and dy from a clump's centre in units of 1/inverse.

    The clumps' axis lies before the last one of the positions: what is added up lies then close in memory.
    """
    def column(values):  # (B, n) against (B, H, n, W) or (B, n, M)
        return values.reshape(len(values), *[1] * (x.ndim - 2), -1, 1)

    def part(start, stop):
        chosen = [_hold(column(values[:, start:stop])) for values in parameters]
        unit = column(inverse[:, start:stop])
        dx = _hold((x.unsqueeze(-2) - column(center_x[:, start:stop])) * unit)
        dy = _hold((y.unsqueeze(-2) - column(center_y[:, start:stop])) * unit)
        return [value.sum(-2) for value in term(dx, dy, *chosen)]

    count = center_x.shape[1]
    if torch.compiler.is_compiling() or count == 0:
        return tuple(part(0, count))
    positions = torch.broadcast_shapes(x.shape, y.shape, (len(center_x), *[1] * (x.ndim - 1))).numel()
    held = HELD if _derivatives(x, y, center_x, center_y, inverse, *parameters) else CACHED
    step = max(1, held // max(positions, 1))
    total = part(0, step)
    for start in range(step, count, step):
        total = [sofar + new for sofar, new in zip(total, part(start, start + step), strict=True)]
    return tuple(total)


def _hold(values: Tensor) -> Tensor:
    """The same values, which the compiler is kept from computing anew for each pixel.

    Left to itself it carries what belongs to a column, a row or a clump into the innermost loop, and then finds the
    term so dear that it stores a map of every clump (ten times slower for 100 point masses). Of a tensor whose
    strides are taken it must have the values in memory.
    """
    return torch.as_strided(values, values.shape, values.stride()) if torch.compiler.is_compiling() else values


def _point_masses_in_place(x, y, theta_E, center_x, center_y) -> tuple[Tensor, Tensor]:
    """Four passes a mass over maps that stay in the cache; r^2 of column and row, never x and y of all masses."""
    batch = max(len(x), len(y), len(theta_E))
    shape = torch.broadcast_shapes(x.shape, y.shape, (batch, *[1] * (x.ndim - 1)))
    alpha_x, alpha_y = x.new_zeros(shape), x.new_zeros(shape)
    rows = max(1, CACHED // max(1, shape[1:].numel()))
    for start in range(0, batch, rows):
        some = slice(start, start + rows)

        def column(values):
            values = values[some] if len(values) > 1 else values  # noqa: B023
            return values.T.reshape(values.shape[1], len(values), *[1] * (x.ndim - 1))
        dx = (x[some] if len(x) > 1 else x) - column(center_x)
        dy = (y[some] if len(y) > 1 else y) - column(center_y)
        dx2, dy2, mass = dx * dx + CORE2, dy * dy, column(theta_E).square()
        to_x, to_y = alpha_x[some], alpha_y[some]
        work = torch.empty_like(to_x)
        for k in range(len(mass)):
            torch.add(dx2[k], dy2[k], out=work)
            torch.div(mass[k], work, out=work)
            to_x.addcmul_(work, dx[k])
            to_y.addcmul_(work, dy[k])
    return alpha_x, alpha_y
