"""The lens equation as a layer: a potential and a source, each a function of position, to the image that they make.

    alpha = grad psi,   kappa = half the Laplacian of psi,   beta = theta - alpha,   S(beta), PSF, pixels

Whatever psi is, a closed form, nodes of a grid or a network of coordinates, its deflection is a gradient and its
convergence belongs to it: both are derivatives of the one function. The source is read where the rays meet it, so that
everything in psi and in S has a gradient. The layer of the classifiers (lenslab.nets.lens_layer) knows an ellipsoid
alone and lays the image back; networks that are shipped keep it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lenslab.images.simulate import photographed
from lenslab.physics.grid import pixel_axis
from lenslab.physics.spline import coefficients, spline
from lenslab.scene import Camera

Field = Callable[[Tensor, Tensor], Tensor]     # (B, H, W) at positions x, y (B, H, W), arcsec; of each place alone
Pair = tuple[Tensor, Tensor]                   # along x and along y


@dataclass(frozen=True)
class Lensing:
    """What the rays of a camera do behind a potential; n of them a side."""

    image: Tensor      # (B, 1, N, N) counts a second, or whatever a source's brightness is in, times arcsec^2
    alpha: Pair        # (B, n, n) arcsec
    beta: Pair         # (B, n, n) arcsec


class PotentialLens(nn.Module):
    """Images that a camera takes of a source behind a lens; the layer itself has no weights."""

    def __init__(self, camera: Camera):
        super().__init__()
        self.camera = camera

    def forward(self, potential: Field, source: Field, batch: int = 1, like: Tensor | None = None) -> Lensing:
        """like: a tensor on the device and of the type to work on; float32 on the CPU without one."""
        x, y = self.rays(batch, like)
        return self.behind(deflection(potential, x, y), source)

    def behind(self, alpha: Pair, source: Field) -> Lensing:
        """The same of a deflection that is known on the rays already, such as the closed form of a gradient."""
        x, y = self.rays(len(alpha[0]), alpha[0])
        beta = x - alpha[0], y - alpha[1]
        return Lensing(photographed(self.camera, source(*beta)), alpha, beta)

    def rays(self, batch: int = 1, like: Tensor | None = None) -> Pair:
        """x, y (B, n, n) of all rays, arcsec."""
        camera = self.camera
        like = torch.zeros(()) if like is None else like
        axis = pixel_axis(camera.num_pix, camera.pixel_scale, camera.supersampling, device=like.device,
                          dtype=like.dtype)
        shape = batch, len(axis), len(axis)
        return axis[None, None, :].expand(shape), axis[None, :, None].expand(shape)


def deflection(potential: Field, x: Tensor, y: Tensor) -> Pair:
    """alpha = grad psi, arcsec; it can be differentiated again, where gradients are wanted at all."""
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        x, y = leaves(x, y)
        alpha_x, alpha_y = torch.autograd.grad(potential(x, y).sum(), (x, y), create_graph=further)
    return alpha_x, alpha_y


def convergence(potential: Field, x: Tensor, y: Tensor) -> Tensor:
    """kappa, half the Laplacian of psi; the same holds."""
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        x, y = leaves(x, y)
        alpha_x, alpha_y = torch.autograd.grad(potential(x, y).sum(), (x, y), create_graph=True)
        along_x, = torch.autograd.grad(alpha_x.sum(), x, create_graph=further, retain_graph=True)
        along_y, = torch.autograd.grad(alpha_y.sum(), y, create_graph=further)
    return (along_x + along_y) / 2


def leaves(x: Tensor, y: Tensor) -> Pair:
    """Positions that can be differentiated by."""
    x, y = torch.broadcast_tensors(x, y)
    return x if x.requires_grad else x.clone().requires_grad_(), y if y.requires_grad else y.clone().requires_grad_()


class NodeField:
    """A Field through nodes (B, G, G) on a square box, zero outside it: the cubic spline, smooth twice over.

    nodes        rows grow with y; the first and the last lie on the edges of the box
    half_width   arcsec
    """

    def __init__(self, nodes: Tensor, half_width: float):
        self.coefficients = coefficients(nodes)[:, None]
        self.half_width = nodes.new_full((len(nodes),), half_width)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        return spline(x, y, self.coefficients, self.half_width)[:, 0]
