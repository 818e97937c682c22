"""A diffusion network that knows the lens equation: it is told of each pixel where in the source it looks.

Conditions that act on channels alone move no light: 628,000 showings taught such a network neither the shear (R^2 of
what a judge reads off its images 0.03, of the simulator's 0.56) nor the place of the lens, since both act by where a
pixel lies. So the conditions come as planes too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lenslab.diffusion.unet import UNet
from lenslab.physics.deflectors import epl_deflection, shear_deflection
from lenslab.physics.grid import pixel_axis

LENS = ("lens.theta_E", "lens.e1", "lens.e2", "lens.gamma", "lens.center_x", "lens.center_y", "lens.gamma1",
        "lens.gamma2")
SOURCE = ("source.center_x", "source.center_y", "source.e1", "source.e2", "source.R_sersic")
DEFAULTS = {"lens.gamma": 2.0, "source.R_sersic": 0.2}   # of numbers that do not vary in a population; the others: 0
NEEDED = "lens.theta_E", "source.center_x"      # known, or nothing can be said of a pixel
FLATTEST = 0.3        # least axis ratio of a lens
NEAREST = 0.05        # of the source's radius, within which all is its centre
PLANES = 4


class SourcePlane(nn.Module):
    """Where in the source each pixel looks, by the smooth lens: planes (B, PLANES, side, side).

    With beta = theta - alpha(theta) from the source's centre, R its elliptical radius in units of R_sersic:
    beta_x/(R_sersic + |beta|), beta_y/(R_sersic + |beta|), ln(R + NEAREST), and 1; all 0 where theta_E or the
    place of the source are open. What else is open is taken as the population's mean.

    names, mean, scale, log   of the standardised numbers (P,) that come, and which are logarithms
    known                     {name: its place among the G that tell what is known}
    fixed                     {name: plain value} of numbers that do not vary
    """

    def __init__(self, names: Sequence[str], mean: Tensor, scale: Tensor, log: Sequence[bool], known: dict[str, int],
                 side: int, pixel_scale: float, fixed: dict[str, float]):
        super().__init__()
        self.names, self.log, self.known, self.fixed = tuple(names), tuple(log), known, fixed
        self.side, self.pixel_scale = side, pixel_scale
        self.register_buffer("mean", mean.clone(), persistent=False)
        self.register_buffer("scale", scale.clone(), persistent=False)

    def number(self, conditions: Tensor, name: str) -> Tensor:
        """(B, 1, 1) plain."""
        if name not in self.names:
            value = self.fixed.get(name, DEFAULTS.get(name, 0.0))
            return torch.full((len(conditions), 1, 1), float(value), device=conditions.device)
        k = self.names.index(name)
        value = conditions[:, k] * self.scale[k] + self.mean[k]
        return (value.exp() if self.log[k] else value)[:, None, None]

    def forward(self, conditions: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(conditions.device.type, enabled=False):
            conditions = conditions.float()
            theta_E, e1, e2, gamma, center_x, center_y, gamma1, gamma2 = (self.number(conditions, n) for n in LENS)
            source_x, source_y, s1, s2, R_sersic = (self.number(conditions, name) for name in SOURCE)
            axis = pixel_axis(self.side, self.pixel_scale, device=conditions.device)
            x, y = axis[None, None, :], axis[None, :, None]
            alpha_x, alpha_y = epl_deflection(x, y, theta_E.clamp_min(0.01), gamma.clamp(1.2, 2.8), e1, e2, center_x,
                                              center_y, FLATTEST)
            tide_x, tide_y = shear_deflection(x, y, gamma1, gamma2)
            dx, dy = x - alpha_x - tide_x - center_x - source_x, y - alpha_y - tide_y - center_y - source_y
            zx, zy = (1 - s1) * dx - s2 * dy, (1 + s1) * dy - s2 * dx     # as physics.light's ellipse
            R = ((zx * zx + zy * zy) / (1 - s1 * s1 - s2 * s2).clamp_min(0.05)).sqrt() / R_sersic
            softened = 1 / (R_sersic + (dx * dx + dy * dy).sqrt())
            told = torch.ones_like(conditions[:, 0])
            for name in NEEDED:
                told = told * (conditions[:, len(self.names) + self.known[name]] if name in self.known else 1.0)
            planes = torch.stack([dx * softened, dy * softened, (R + NEAREST).log(), torch.ones_like(R)], 1)
            return planes * told[:, None, None, None]


class LensDenoiser(nn.Module):
    """F (B, 1, side, side) of a UNet, and by which process it learns.

    process   a name of lenslab.diffusion.process.PROCESSES
    planes    a SourcePlane; None: the conditions act on channels alone
    consistent   whether it was tuned to say the same all along a path, so that one step from noise will do
    """

    def __init__(self, unet: UNet, process: str, planes: SourcePlane | None = None, consistent: bool = False):
        super().__init__()
        self.unet, self.process, self.planes, self.consistent = unet, process, planes, consistent

    def forward(self, x: Tensor, time: Tensor, conditions: Tensor) -> Tensor:
        return self.for_conditions(conditions)(x, time, conditions)

    def for_conditions(self, conditions: Tensor):
        """The network for a batch of conditions that stay: planes are made once, for all steps of a sampler."""
        planes = None if self.planes is None else self.planes(conditions)
        return lambda x, time, conditions: self.unet(x, time, conditions, planes)
