"""Compact components of a source: small Sersics, sharper than any grid, where its Gaussians found light.

Gaussians on a grid find them wherever they are, since they are linear; but no grid is fine enough for the smallest,
and so many of them take some of what substructure does to the image for themselves. A few Sersics that may move do
neither. Positions and sizes are those of the source's profile, so that a fit of the profile carries them with it.
"""

from collections.abc import Iterator
from math import log

import numpy as np
import torch
from torch import Tensor

from lenslab.fit import source_gaussians
from lenslab.images.model import column, flux
from lenslab.physics import light
from lenslab.scenes import DARK, Scenes

NUMBER = 5      # of one source; those it has not are faint
NEAR = 0.4      # half-light radii of the profile about a peak of the Gaussians that are one component
FAINTEST, BRIGHTEST = 3e-3, 1.0     # at the start
NAMES = ("x", "y", "log_R", "n", "e1", "e2", "flux")     # in half-light radii of the profile, and in its flux
MIDDLE = (0.0, 0.0, log(0.155), 1.0, 0.0, 0.0, 0.1)      # of the prior of each,
WIDTH = (1.5, 1.5, 0.76, 0.58, 0.2, 0.2, 0.3)            # one sigma: twice that of the populations of galaxies
LOWEST = (-2.2, -2.2, log(0.04), 0.4, -0.35, -0.35, 0.0)
HIGHEST = (2.2, 2.2, log(0.6), 2.2, 0.35, 0.35, 4.0)


class CompactSersics:
    """Those of B sources at values (B, n * 7), n of each, and source-plane positions beta_x, beta_y (B, h, w), arcsec.

    light   (B, h, w)  of all of them, counts/s/arcsec^2
    """

    damped = True
    core = 0.0       # pixels (lenslab.physics.light)

    def __init__(self, scenes: Scenes, beta_x: Tensor, beta_y: Tensor, values: Tensor):
        at = dict(zip(NAMES, values.unflatten(1, (-1, len(NAMES))).unbind(2), strict=True))     # (B, n) each
        R = scenes["source.R_sersic"][:, None]
        self.R, self.flux, total = column(R[:, 0]), at["flux"], flux(scenes, "source")[:, None]
        self.x, self.y = beta_x - column(scenes["source.center_x"]), beta_y - column(scenes["source.center_y"])
        radius = R * at["log_R"].exp()
        self.shape = [value[..., None, None] for value in (
            light.sersic_amplitude(total.expand_as(radius), radius, at["n"]), radius, at["n"], at["e1"], at["e2"],
            R * at["x"], R * at["y"])]
        self.soft = self.core * scenes.template.camera.pixel_scale
        self.slopes = None

    @property
    def light(self) -> Tensor:
        if self.slopes is not None:
            return self.summed(self.slopes["light"])
        return self.summed(light.sersic_surface_brightness(self.x[:, None], self.y[:, None], *self.shape, self.soft))

    def tangents(self) -> dict[str, Tensor]:
        """Of each as if its flux were that of the profile (B, n, h, w)."""
        if self.slopes is None:
            self.slopes = light.sersic_tangents(self.x[:, None], self.y[:, None], *self.shape, self.soft)
        return self.slopes

    def moves(self) -> dict[str, Tensor]:
        """Change (B, h, w) of the light for a unit of each coordinate of the profile (fit.smooth) that moves it."""
        right, above, glow = (self.summed(self.tangents()[name]) for name in ("x", "y", "light"))
        grown = -(self.x * right + self.y * above) - 2 * glow
        if self.soft:      # a core stays as it is: each grows about its own middle, and moves out with that
            own, (x, y) = self.tangents(), self.shape[-2:]
            grown = self.summed(own["log_R"] - x * own["x"] - y * own["y"])
        return dict(source_x=-right, source_y=-above, log_R=grown)

    def columns(self) -> Iterator[Tensor]:
        """Change of the light for a unit of each value, component by component: (B, 7, h, w)."""
        slopes = self.tangents()
        for k in range(self.flux.shape[1]):
            own = {name: slope[:, k] for name, slope in slopes.items()}
            shape = torch.stack([-self.R * own["x"], -self.R * own["y"], *(own[name] for name in NAMES[2:-1])], 1)
            yield torch.cat([column(self.flux[:, k])[:, None] * shape, own["light"][:, None]], 1)

    def summed(self, each: Tensor) -> Tensor:
        """(B, h, w) of (B, n, h, w), each times its flux."""
        return torch.einsum("bk,bkhw->bhw", self.flux, each)

    @staticmethod
    def within_limits(values: Tensor) -> Tensor:
        low, high = (values.new_tensor(limits).repeat(values.shape[1] // len(NAMES)) for limits in (LOWEST, HIGHEST))
        return torch.minimum(torch.maximum(values, low), high)

    @staticmethod
    def prior(values: Tensor) -> tuple[Tensor, Tensor]:
        """Inverse squares of the priors' widths, and their middle (B, n * 7)."""
        middle, width = (values.new_tensor(row).repeat(values.shape[1] // len(NAMES)).expand_as(values)
                         for row in (MIDDLE, WIDTH))
        return width.square().reciprocal(), middle

    @staticmethod
    def weighed(normal: Tensor, slope: Tensor, values: Tensor, fixed: Tensor) -> Tensor:
        return CompactSersics.prior(values)[0]


class SoftSersics(CompactSersics):
    """The same with cores of a part of a pixel.

    The cusp of a small Sersic falls between the rays of a camera or on one: chi^2 is then rough, and a descent ends in
    its first furrow. A PSF is many times wider than such a core.
    """

    core = 0.15


def of_table(paths: tuple[str, ...], table: np.ndarray) -> Tensor:
    """Components (n, NUMBER * 7) of items whose settings are the rows of `table` (n, len(paths))."""
    at, made = dict(zip(paths, table.T, strict=True)), []
    R = at["source.R_sersic"]
    for k in range(NUMBER):
        own = {name: at[f"source.clumps.{k}.{name}"] for name in ("magnitude", "R_sersic", "n_sersic", "q", "phi",
                                                                  "center_x", "center_y")}
        shines, c = own["magnitude"] < DARK, (1 - own["q"]) / (1 + own["q"])
        size = np.log(np.where(shines, own["R_sersic"], R) / R)
        own_values = [own["center_x"] / R, own["center_y"] / R, size, own["n_sersic"], c * np.cos(2 * own["phi"]),
                c * np.sin(2 * own["phi"]), 10 ** (0.4 * (at["source.magnitude"] - own["magnitude"]))]
        made += [np.where(shines, value, none) for value, none in zip(own_values, (*MIDDLE[:-1], 0.0), strict=True)]
    return torch.from_numpy(np.stack(made, axis=1)).float()


def at_peaks(weights: Tensor) -> Tensor:
    """Components (B, NUMBER * 7) at the peaks of a source's Gaussians at weights (B, K), the brightest first."""
    axis, used, sigma = source_gaussians.nodes(weights)
    side = len(axis)
    x, y = axis.expand(side, -1).flatten()[used], axis[:, None].expand(-1, side).flatten()[used]
    apart = (x[:, None] - x).square() + (y[:, None] - y).square()
    blur, left, found = torch.exp(-0.25 * apart / sigma**2), weights, []
    for _ in range(NUMBER):
        top = (left @ blur).argmax(1)
        near = apart[top] < NEAR**2
        bright = (left * near).clamp_min(0)
        total = bright.sum(1)
        one = weights.new_tensor(MIDDLE).repeat(len(weights), 1)
        for k, along in enumerate((x, y)):
            one[:, k] = torch.where(total > 0, bright @ along / total.clamp_min(1e-9), along[top])
        one[:, -1] = total.clamp(FAINTEST, BRIGHTEST)
        found.append(one)
        left = torch.where(near, 0, left)
    return torch.cat(found, 1)
