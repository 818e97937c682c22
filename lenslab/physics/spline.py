"""A gridded lens field as bicubic splines in torch: psi, alpha and kappa between the nodes, differentiable in position.

The spline is the one of scipy's RectBivariateSpline (not-a-knot, s = 0), which lenstronomy's INTERPOL uses. It is kept
as coefficients of the uniform cubic B-spline, two more than nodes on a side, so that a value is a sum over 16 of them.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Nodes:
    """What a field is on its grid (B, G, G), rows growing with y, from -half_width to half_width, ends included."""

    psi: Tensor      # arcsec^2
    alpha_x: Tensor  # arcsec
    alpha_y: Tensor
    kappa: Tensor


@dataclass(frozen=True)
class Field:
    """A lens field on a square box, zero outside it."""

    half_width: Tensor    # (B,) arcsec
    nodes: Nodes

    @cached_property
    def coefficients(self) -> Tensor:
        """(B, 4, G + 2, G + 2) of psi, alpha_x, alpha_y, kappa."""
        nodes = self.nodes
        return coefficients(torch.stack([nodes.psi, nodes.alpha_x, nodes.alpha_y, nodes.kappa], 1))


def field_of_nodes(nodes: Tensor, half_width: Tensor) -> Field:
    """nodes (B, 4, G, G): psi, alpha_x, alpha_y, kappa."""
    return Field(half_width, Nodes(*nodes.unbind(1)))


def coefficients(nodes: Tensor) -> Tensor:
    """Uniform B-spline coefficients (..., G + 2, G + 2) of the not-a-knot bicubic spline through (..., G, G) nodes."""
    fit = torch.as_tensor(_fit(nodes.shape[-1])).to(nodes.device, nodes.dtype)
    return fit @ nodes @ fit.T


@lru_cache(maxsize=4)
def _fit(n: int) -> np.ndarray:
    """(n + 2, n): values at n nodes to coefficients c_j, with s(u) = sum c_j B(u - j), j = -1 to n.

    (c_(i-1) + 4 c_i + c_(i+1))/6 = f_i, and a third derivative without a jump at the second and second last node: the
    fourth difference of c is zero there (de Boor 1978, ch. IV). Weights fall by 0.27 a node; those below 1e-18 are
    nothing, or float32 would hold them as numbers that take a hundred times as long.
    """
    system = np.zeros((n + 2, n + 2))
    for i in range(n):
        system[i, i:i + 3] = 1 / 6, 4 / 6, 1 / 6
    system[n, :5] = system[n + 1, -5:] = 1, -4, 6, -4, 1
    weights = np.linalg.inv(system)[:, :n]
    return np.where(np.abs(weights) < 1e-18, 0.0, weights)


def rows(u: np.ndarray, n: int) -> np.ndarray:
    """(M, n): what each of n nodes weighs in a not-a-knot cubic spline at positions u (M,) in node spacings."""
    return node_weights(torch.as_tensor(u), n).numpy()


def node_weights(u: Tensor, n: int) -> Tensor:
    """(..., M, n): `rows` for positions u (..., M), differentiable."""
    first, weights = _taps(u, n - 1)
    table = u.new_zeros(*u.shape, n + 2)
    for a, weight in enumerate(weights):
        table = table.scatter(-1, (first + a)[..., None], weight[..., None])
    return table @ torch.as_tensor(_fit(n)).to(u)


def spline(x: Tensor, y: Tensor, coefficient: Tensor, half_width: Tensor) -> Tensor:
    """K splines at positions: coefficient (B, K, G + 2, G + 2), half_width (B,) -> (B, K, H, W), zero outside.

    x, y (B, H, W) or broadcast to it, arcsec from the middle of the box.
    """
    batch, kinds, side = coefficient.shape[:3]
    intervals = side - 3
    x, y = torch.broadcast_tensors(x, y)
    x, y = x.expand(batch, *x.shape[1:]), y.expand(batch, *y.shape[1:])
    half = half_width[:, None, None]
    (column, weight_x), (row, weight_y) = (_taps((p / half + 1) * (intervals / 2), intervals) for p in (x, y))
    flat = coefficient.reshape(batch, kinds, side * side)
    result = 0
    for a in range(4):
        along = 0
        for b in range(4):
            place = ((row + a) * side + column + b).reshape(batch, 1, -1).expand(-1, kinds, -1)
            along = along + torch.gather(flat, 2, place) * weight_x[b].reshape(batch, 1, -1)
        result = result + along * weight_y[a].reshape(batch, 1, -1)
    inside = (x.abs() <= half) & (y.abs() <= half)
    return result.reshape(batch, kinds, *x.shape[1:]) * inside[:, None]


def _taps(u: Tensor, intervals: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    """First of the four coefficients that reach position u (in node spacings), and the weight of each."""
    first = u.detach().floor().clamp(0, intervals - 1)
    t = (u - first).clamp(0, 1)
    s = 1 - t
    weights = s**3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (4 - 6 * s**2 + 3 * s**3) / 6, t**3 / 6
    return first.long(), weights


def field_potential(field: Field, x: Tensor, y: Tensor) -> Tensor:
    """psi in arcsec^2 at positions from the middle of the field."""
    return spline(x, y, field.coefficients[:, :1], field.half_width)[:, 0]


def field_deflection(field: Field, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """alpha_x, alpha_y in arcsec."""
    alpha = spline(x, y, field.coefficients[:, 1:3], field.half_width)
    return alpha[:, 0], alpha[:, 1]


def field_convergence(field: Field, x: Tensor, y: Tensor) -> Tensor:
    """kappa."""
    return spline(x, y, field.coefficients[:, 3:], field.half_width)[:, 0]


def field_deflection_on_grid(field: Field, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """`field_deflection` (B, H, W) on a grid of columns x (B, W) and rows y (B, H): a product of matrices."""
    half, n = field.half_width[:, None], field.nodes.alpha_x.shape[-1]
    columns, rows = (node_weights((p / half + 1) * ((n - 1) / 2), n) * (p.abs() <= half)[..., None] for p in (x, y))
    return rows @ field.nodes.alpha_x @ columns.mT, rows @ field.nodes.alpha_y @ columns.mT
