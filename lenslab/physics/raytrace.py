"""The lens mapping beta = theta - alpha(theta): its Jacobian, magnification, and the time light takes.

A lens is two callables on tensors in arcsec: deflection(x, y) -> (alpha_x, alpha_y), potential(x, y) -> psi. Positions
broadcast, so a grid may be given as x (B, 1, W) and y (B, H, 1). Derivatives are exact, by autodiff: alpha at a place
depends on that place alone, so one backward pass gives a row of the Jacobian everywhere. (torch's forward mode would
need no graph, but spends about 1 ms on each product with a constant: 20 times the time for a smooth lens.)
"""

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor

Deflection = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Potential = Callable[[Tensor, Tensor], Tensor]

ARCSEC = pi / 180 / 3600                                      # rad
MPC_OVER_C_DAYS = 3.0856775814913673e22 / 299792458 / 86400   # Mpc (IAU parsec) over c, in days

FEW = 128            # positions that need no thought
GRAPH_BYTES = 2**28


def shoot(deflection: Deflection, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays through theta = (x, y) meet the source plane: beta, arcsec."""
    alpha_x, alpha_y = deflection(x, y)
    return x - alpha_x, y - alpha_y


def mapping(deflection: Deflection, x: Tensor, y: Tensor, *, create_graph: bool = False) -> tuple[Tensor, ...]:
    """beta_x, beta_y and A = d beta / d theta as A_xx, A_xy, A_yx, A_yy, each (B, H, W), the common shape of x and y.

    A is symmetric for every gradient field alpha = grad psi; A_xy and A_yx are both given, as a check of a model.
    Positions are taken in pieces whose graph fits GRAPH_BYTES, however many clumps the lens has. With create_graph the
    result can be differentiated again, in the parameters too, and all of the graph is held.
    """
    shape = torch.broadcast_shapes(x.shape, y.shape)
    assert len(shape) == 3, shape
    x, y = x.expand(shape).reshape(shape[0], 1, -1), y.expand(shape).reshape(shape[0], 1, -1)
    step = x.shape[-1] if create_graph or x.numel() <= FEW else _positions_at_once(deflection, x, y)
    parts = [_mapping(deflection, x[..., i:i + step], y[..., i:i + step], create_graph)
             for i in range(0, x.shape[-1], step)]
    return tuple(torch.cat(each, -1).reshape(shape) for each in zip(*parts, strict=True))


def _mapping(deflection: Deflection, x: Tensor, y: Tensor, create_graph: bool) -> tuple[Tensor, ...]:
    with torch.enable_grad():
        if not create_graph:
            x, y = x.detach(), y.detach()
        x, y = (each if each.requires_grad else each.clone().requires_grad_() for each in (x, y))
        beta_x, beta_y = shoot(deflection, x, y)
        A_x = torch.autograd.grad(beta_x.sum(), (x, y), retain_graph=True, create_graph=create_graph)
        A_y = torch.autograd.grad(beta_y.sum(), (x, y), create_graph=create_graph, retain_graph=create_graph)
    return (beta_x, beta_y, *A_x, *A_y) if create_graph else (beta_x.detach(), beta_y.detach(), *A_x, *A_y)


def _positions_at_once(deflection: Deflection, x: Tensor, y: Tensor) -> int:
    """How many positions an image may be differentiated at together, from what the graph of one of them holds."""
    held = 0

    def weigh(tensor: Tensor) -> Tensor:
        nonlocal held
        held += tensor.numel() * tensor.element_size()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(weigh, lambda tensor: tensor):
        deflection(x[..., :1].clone().requires_grad_(), y[..., :1].clone().requires_grad_())
    return max(FEW // len(x), GRAPH_BYTES // max(held, 1), 1)


def jacobian(deflection: Deflection, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A_xx, A_xy, A_yx, A_yy of A = d beta / d theta."""
    return mapping(deflection, x, y)[2:]


def determinant(deflection: Deflection, x: Tensor, y: Tensor) -> Tensor:
    """det A: area on the source plane over area on the sky, negative where an image is mirrored."""
    A_xx, A_xy, A_yx, A_yy = jacobian(deflection, x, y)
    return A_xx * A_yy - A_xy * A_yx


def magnification(deflection: Deflection, x: Tensor, y: Tensor) -> Tensor:
    """mu = 1 / det A, with the sign of the parity; infinite on a critical curve."""
    return 1 / determinant(deflection, x, y)


def convergence_and_shear(deflection: Deflection, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """kappa, gamma1, gamma2 of A = [[1 - kappa - gamma1, -gamma2], [-gamma2, 1 - kappa + gamma1]]."""
    A_xx, A_xy, A_yx, A_yy = jacobian(deflection, x, y)
    return 1 - (A_xx + A_yy) / 2, (A_yy - A_xx) / 2, -(A_xy + A_yx) / 2


def fermat_potential(potential: Potential, x: Tensor, y: Tensor, beta_x, beta_y) -> Tensor:
    """|theta - beta|^2 / 2 - psi(theta), arcsec^2."""
    return ((x - beta_x) ** 2 + (y - beta_y) ** 2) / 2 - potential(x, y)


def arrival_days(fermat: Tensor, time_delay_distance: float) -> Tensor:
    """Extra travel time in days, for D_dt = (1 + z_lens) D_l D_s / D_ls in Mpc: D_dt / c times the Fermat potential.

    Only differences between images mean anything. Narayan & Bartelmann 1996 (astro-ph/9606001), eq. 63.
    """
    return time_delay_distance * MPC_OVER_C_DAYS * ARCSEC**2 * fermat
