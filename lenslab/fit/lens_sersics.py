"""Light of the lens galaxy in a fit: Sersics of one centre each and a level of sky, beside the lensed source.

They lie before the lens, so that rays find them where they look. Numbers count from where the galaxy was found
(lenslab.sky.lens_light), in units in which a step of 1 is large: so one width serves as the prior of each.
"""

from math import log

import torch
from torch import Tensor

from lenslab.images.model import column
from lenslab.images.simulate import photographed
from lenslab.physics import light
from lenslab.physics.grid import pixel_axis
from lenslab.scene import Camera

NAMES = ("x", "y", "log_R", "log_n", "e1", "e2", "log_flux")
WIDTH = (0.1, 0.1, 1.0, 0.7, 0.25, 0.25, 2.0)     # one sigma of the priors about the place where the fit begins
LOWEST = (-20.0, -20.0, log(0.02), log(0.5), -0.7, -0.7, -40.0)
HIGHEST = (20.0, 20.0, log(12.0), log(8.0), 0.7, 0.7, 40.0)


def number(n: int) -> int:
    """L, numbers of n Sersics and the sky; none without Sersics."""
    return n * len(NAMES) + 1 if n else 0


def priors(values: Tensor) -> Tensor:
    """Inverse squares (B, L) of the priors' widths; the sky has none."""
    n = values.shape[1] // len(NAMES)
    sharpness = values.new_tensor(WIDTH * n).square().reciprocal()
    return torch.cat([sharpness, values.new_zeros(min(n, 1))]).expand_as(values)


def limits(values: Tensor) -> tuple[Tensor, Tensor]:
    """Beyond which no number (L,) goes."""
    n, free = values.shape[1] // len(NAMES), min(values.shape[1] // len(NAMES), 1)
    return (torch.cat([values.new_tensor(LOWEST * n), values.new_full((free,), -torch.inf)]),
            torch.cat([values.new_tensor(HIGHEST * n), values.new_full((free,), torch.inf)]))


def image_and_tangents(camera: Camera, values: Tensor, slopes: bool = True) -> tuple[Tensor, Tensor | None]:
    """Image (B, 1, N, N), counts/s, of numbers (B, L), and its change for a unit of each (B, L, N, N)."""
    n, N = values.shape[1] // len(NAMES), camera.num_pix
    axis = pixel_axis(N, camera.pixel_scale, camera.supersampling, device=values.device, dtype=values.dtype)
    total, changes = values[:, -1].reshape(-1, 1, 1, 1).expand(-1, 1, N, N), []
    for own in values[:, :-1].unflatten(1, (n, len(NAMES))).unbind(1):
        at = dict(zip(NAMES, own.unbind(1), strict=True))
        R, index = at["log_R"].exp(), at["log_n"].exp()
        amp = light.sersic_amplitude(at["log_flux"].exp(), R, index)
        shape = map(column, (amp, R, index, at["e1"], at["e2"], at["x"], at["y"]))
        if not slopes:
            total = total + photographed(camera, light.sersic_surface_brightness(axis, axis[:, None], *shape))
            continue
        found = light.sersic_tangents(axis, axis[:, None], *shape)
        rays = torch.stack([found["light"], -found["x"], -found["y"], found["log_R"], column(index) * found["n"],
                            found["e1"], found["e2"]], 1)
        images = photographed(camera, rays.flatten(0, 1)).unflatten(0, rays.shape[:2])[:, :, 0]
        total = total + images[:, :1]
        changes += [images[:, 1:], images[:, :1]]
    return total, torch.cat([*changes, torch.ones_like(total)], 1) if slopes else None
