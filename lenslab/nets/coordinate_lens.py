"""A lens as two networks of coordinates: a potential psi(x, y) and a source S(beta), learnt from one image alone.

The textbook physics-informed network (Raissi et al. 2019, J. Comp. Phys. 378, 686) for the lens equation: derivatives
of psi by autodiff are the deflection and the convergence, the image must be that of the source through them, and the
convergence must not be negative. Two networks can do anything, so that three things are said beforehand: psi is near
that of an isothermal lens, with a core as small as a pixel; the source is smaller than the ring, without which a source
that is the image itself, behind no lens, would explain it best; and both are smooth.
"""

from math import pi

import torch
from torch import Tensor, nn

from lenslab.nets.potential_lens import Lensing, PotentialLens, convergence, deflection
from lenslab.scene import Camera

WIDTH = 48
WAVES = 24                # plane waves that the source's network is told a place by,
FINEST = 0.12             # ring radii: the length of the shortest of them
COMPACT = 0.3             # ring radii: sigma of the bell that the source lies under
BEND = 0.3                # of the isothermal psi: the most that the network adds to it or takes off
NEAR = 0.5                # weight of what it adds, mean of its square in units of BEND, and
SIZE = 10.0               # that of the square of how far the lens's size is from the ring's, as a share of it
NEGATIVE = 10.0           # weight of negative convergence, mean of its square, beside the mean square residual
POINTS = 256              # where convergence is looked at in a step


class Potential(nn.Module):
    """psi (B, H, W) in arcsec^2: an isothermal lens of a size that is learnt, and what a network adds.

    radius   arcsec, of the ring
    center   arcsec, of the lens galaxy
    core     arcsec, within which psi has no summit
    """

    def __init__(self, radius: float, center: tuple[float, float], core: float):
        super().__init__()
        self.radius, self.center, self.core = radius, center, core
        self.strength = nn.Parameter(torch.tensor(1.0))
        self.layers = nn.Sequential(nn.Linear(3, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(),
                                    nn.Linear(WIDTH, 1))
        nn.init.normal_(self.layers[-1].weight, std=1e-2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        u, v = (x - self.center[0]) / self.radius, (y - self.center[1]) / self.radius
        r = (u * u + v * v + (self.core / self.radius) ** 2).sqrt()
        return self.radius**2 * r * (self.strength + self.more(x, y))

    def more(self, x: Tensor, y: Tensor) -> Tensor:
        """What the network adds to the strength at a place."""
        u, v = (x - self.center[0]) / self.radius, (y - self.center[1]) / self.radius
        r = (u * u + v * v + (self.core / self.radius) ** 2).sqrt()
        return BEND * self.layers(torch.stack([u, v, r], -1))[..., 0].tanh()

    def strangeness(self, x: Tensor, y: Tensor) -> Tensor:
        """How far it is from an isothermal lens as large as the ring: a scalar."""
        return NEAR * (self.more(x, y) / BEND).square().mean() + SIZE * (self.strength - 1).square()


class Light(nn.Module):
    """S (B, H, W) of a source, above 0, under a bell about a place that is learnt.

    height   brightness where the network adds nothing
    """

    def __init__(self, radius: float, center: tuple[float, float], height: float):
        super().__init__()
        self.radius, self.height = radius, height
        self.center = nn.Parameter(torch.tensor(center))
        generator = torch.Generator().manual_seed(0)
        length = FINEST ** torch.rand(WAVES, generator=generator)
        angle = 2 * pi * torch.rand(WAVES, generator=generator)
        self.register_buffer("waves", 2 * pi / length * torch.stack([angle.cos(), angle.sin()]) / 2)
        self.layers = nn.Sequential(nn.Linear(2 * WAVES + 2, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(),
                                    nn.Linear(WIDTH, 1))
        nn.init.normal_(self.layers[-1].weight, std=1e-2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        place = torch.stack([x - self.center[0], y - self.center[1]], -1) / self.radius
        phase = place @ self.waves
        more = self.layers(torch.cat([place, phase.sin(), phase.cos()], -1))[..., 0]
        bell = torch.exp(-0.5 * place.square().sum(-1) / COMPACT**2)
        return self.height * bell * torch.exp(3 * more.clamp(-2, 1))


class CoordinateLens(nn.Module):
    """Both networks for one image, begun at a ring of a radius about a centre, arcsec, and a peak of brightness."""

    def __init__(self, camera: Camera, radius: float, center: tuple[float, float], height: float):
        super().__init__()
        self.potential = Potential(radius, center, camera.pixel_scale)
        self.light = Light(radius, center, height)
        self.layer = PotentialLens(camera)

    def forward(self) -> Lensing:
        return self.layer(self.potential, self.light)

    def deflection(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return deflection(self.potential, x, y)

    def convergence(self, x: Tensor, y: Tensor) -> Tensor:
        return convergence(self.potential, x, y)

    def loss(self, image: Tensor, sigma: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """What an image (1, 1, N, N) says against both, a scalar, and the residual (1, 1, N, N) in sigmas.

        sigma    infinite where a pixel is left out
        points   (2, n) where the convergence must not be negative, arcsec
        """
        residual = (image - self().image) / sigma
        x, y = points[None, :1], points[None, 1:]
        kappa = self.convergence(x, y)
        negative = kappa.clamp_max(0).square().mean()
        value = residual.square().sum() / sigma.isfinite().sum() + NEGATIVE * negative
        return value + self.potential.strangeness(x, y), residual.detach()
