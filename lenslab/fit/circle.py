"""A smooth lens on the circle of radius 1" about its centre, which says what it does everywhere.

All of the mass but the shear lies about one centre, and its parts are homogeneous: alpha = r^(2 - gamma) P(phi) of the
power law and M(phi) of multipoles. Computed on NODES angles they are read off for every ray (lenslab.fit.rays), with
straight lines between: that is 3e-6" off at most on hst, and many times cheaper than a series for each ray.
"""

from functools import lru_cache
from math import pi

import torch
from torch import Tensor

from lenslab.fit.smooth import STEP, SmoothLens
from lenslab.images.model import column
from lenslab.physics import deflectors
from lenslab.scenes import Scenes

NODES = 2048
SHAPE = "e1", "e2", "gamma"                      # of the power law, whose change with them is found by differences
POLES = "a3_x", "a3_y", "a4_x", "a4_y"           # components of the multipoles on the sky's axes


@lru_cache(maxsize=8)
def nodes(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """x and y (NODES + 1,) from angle -pi to pi, that seam twice."""
    with torch.inference_mode(False):
        angle = torch.linspace(-pi, pi, NODES + 1, dtype=torch.float64)
        return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


def power_law(scenes: Scenes, moved: Tensor) -> Tensor:
    """P, arcsec, of lenses whose e1, e2, gamma are `moved` (n, 3) from those of B scenes: (n, B, 2, NODES + 1)."""
    theta_E = scenes["lens.theta_E"]
    shape = torch.stack([*scenes.ellipticity("lens"), scenes["lens.gamma"]], 1) + moved[:, None]
    e1, e2, gamma = shape[..., None].unbind(2)
    alpha = deflectors.epl_deflection(*nodes(theta_E.device, theta_E.dtype), theta_E[:, None], gamma, e1, e2, 0.0, 0.0,
                                      flattest=scenes.flattest)
    return torch.stack(alpha, 2)


def differences(lens: SmoothLens, scenes: Scenes, law: Tensor, names: list[str]) -> Tensor:
    """Change of P (B, 2, NODES + 1) for a unit of each of `names` of SHAPE: (n, B, 2, NODES + 1)."""
    widths = law.new_tensor([STEP * float(lens.std[lens.names.index(name)]) for name in names])
    moved = torch.eye(len(SHAPE)).to(law)[[SHAPE.index(name) for name in names]]
    return (power_law(scenes, moved * widths[:, None]) - law) / widths[:, None, None, None]


def multipoles(scenes: Scenes) -> Tensor:
    """M, arcsec, (B, 2, NODES + 1)."""
    parts = []
    for m in (3, 4):
        size, angle = scenes[f"lens.a{m}_a"], m * (scenes["lens.phi"] + scenes[f"lens.delta_phi_m{m}"])
        parts += [size * angle.cos(), size * angle.sin()]
    return torch.einsum("bk,kbcn->bcn", torch.stack(parts, 1), poles(scenes))


def poles(scenes: Scenes) -> Tensor:
    """Change of M for a unit of each of POLES: (4, B, 2, NODES + 1), as in lenstronomy's EPL_MULTIPOLE_M3M4."""
    size = scenes["lens.theta_E"] / scenes["lens.q"].sqrt()
    return unit_poles(size.device, size.dtype)[:, None] * column(size)


@lru_cache(maxsize=8)
def unit_poles(device: torch.device, dtype: torch.dtype) -> Tensor:
    """M of a lens with one of POLES at 1": (4, 2, NODES + 1). The sine is the cosine turned by a quarter period."""
    with torch.inference_mode(False):
        x, y = nodes(torch.device("cpu"), torch.float64)
        made = [torch.stack(deflectors.multipole_deflection(x, y, m, 1.0, x.new_tensor(turn * pi / (2 * m)), 0.0, 0.0))
                for m in (3, 4) for turn in (0, 1)]
        return torch.stack(made).to(device, dtype)


def flattened(scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Change of the logarithm of 1/sqrt(q), with which multipoles grow, for a unit of e1 and of e2: (B, 1, 1) each."""
    e1, e2 = map(column, scenes.ellipticity("lens"))
    square = e1 * e1 + e2 * e2
    size = square.sqrt().clamp_min(1e-9)
    return e1 / size / (1 - square), e2 / size / (1 - square)


def slope(pair: Tensor) -> Tensor:
    """Change for a radian, of functions on the circle (B, 2, NODES + 1)."""
    once = pair[..., :-1]
    rise = (once.roll(-1, -1) - once.roll(1, -1)) * (NODES / (4 * pi))
    return torch.cat([rise, rise[..., :1]], -1)
