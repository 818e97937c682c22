"""Where the rays of a smooth lens meet the source, and how that changes with the coordinates of the mass.

A place (B, P + 1) is the coordinates of SmoothLens with the logarithm of the amplitude last, (B, P) where that is held.
"""

from functools import lru_cache
from math import pi

import torch
from torch import Tensor

from lenslab.fit.circle import NODES, POLES, SHAPE, differences, flattened, multipoles, poles, power_law, slope
from lenslab.fit.smooth import SmoothLens
from lenslab.images.model import LensModel, column, prepared
from lenslab.images.realise import realise
from lenslab.physics.deflectors import CORE2
from lenslab.physics.grid import pixel_axis
from lenslab.scenes import Scenes

INNERMOST = 1e-4      # arcsec: nearer to the centre nothing changes faster with its place, so that no ray rules a fit

Pair = tuple[Tensor, Tensor]      # along x and along y


def scenes_at(lens: SmoothLens, place: Tensor, supersampling: int | None = None) -> Scenes:
    P = len(lens.names)
    amplitude = place[:, P] if place.shape[1] > P else place.new_zeros(len(place))
    return prepared(lens.scenes(place[:, :P], amplitude, supersampling))


def grid(scenes: Scenes) -> Pair:
    """x (1, 1, N ss) and y (1, N ss, 1) of the rays in the image plane."""
    camera, like = scenes.template.camera, scenes["lens.theta_E"]
    axis = kept_axis(camera.num_pix, camera.pixel_scale, camera.supersampling, like.device, like.dtype)
    return axis[None, None, :], axis[None, :, None]


@lru_cache(maxsize=32)
def kept_axis(num_pix: int, pixel_scale: float, supersampling: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A fit asks for it some hundred times. Outside inference mode, as it may serve gradients later."""
    with torch.inference_mode(False):
        return pixel_axis(num_pix, pixel_scale, supersampling, device=device, dtype=dtype)


def struck(scenes: Scenes, alpha: Pair) -> Pair:
    """Where the rays meet the source plane (B, N ss, N ss)."""
    x, y = grid(scenes)
    return x - alpha[0], y - alpha[1]


def deflection(lens: SmoothLens, scenes: Scenes) -> Pair:
    """alpha_x, alpha_y (B, N ss, N ss), or (1, N ss, N ss) where all lenses are the same; beta = theta - alpha."""
    if lens.free:
        return Rays(scenes).alpha()
    like = scenes["lens.theta_E"]
    return still(lens, scenes.template.camera.supersampling, like.device, like.dtype)


@lru_cache(maxsize=8)
def still(lens: SmoothLens, supersampling: int, device: torch.device, dtype: torch.dtype) -> Pair:
    """The deflection of the one lens of a population that varies its sources alone."""
    with torch.inference_mode(False):
        scenes = scenes_at(lens, lens.mean[None].to(device, dtype), supersampling)
        return LensModel(scenes, realise(scenes)).deflection(*grid(scenes))


class Rays:
    """Those of a batch in polar coordinates about the centres of their lenses, and these lenses on the circle."""

    def __init__(self, scenes: Scenes):
        self.scenes = scenes
        law = power_law(scenes, scenes["lens.theta_E"].new_zeros(1, 3))
        self.circles = torch.cat([law, multipoles(scenes)[None]]) if scenes.multipoles else law
        self.x, self.y = grid(scenes)
        self.dx, self.dy = self.x - column(scenes["lens.center_x"]), self.y - column(scenes["lens.center_y"])
        self.square = self.dx * self.dx + self.dy * self.dy
        self.log_r = 0.5 * self.square.clamp_min(CORE2).log()
        self.power = 2 - column(scenes["lens.gamma"])
        self.strength = torch.where(self.square < CORE2, 0.0, (self.power * self.log_r).exp())
        turn = (torch.atan2(self.dy, self.dx) + pi) * (NODES / (2 * pi))
        low = turn.floor().clamp_(0, NODES - 1)
        self.share = (turn - low).flatten()
        row = torch.arange(len(turn), device=turn.device)[:, None, None]
        self.node = (low.long() + row * (NODES + 1)).flatten()

    def read(self, circles: Tensor) -> Tensor:
        """What n pairs of functions on the circle (n, B, 2, NODES + 1) are at the angles of the rays: (n, 2, ...)."""
        flat = circles.transpose(1, 2).flatten(2).flatten(0, 1)
        found = torch.lerp(flat.index_select(1, self.node), flat.index_select(1, self.node + 1), self.share)
        return found.unflatten(1, self.square.shape).unflatten(0, (-1, 2))

    def alpha(self) -> Pair:
        """The deflection."""
        law, *more = self.read(self.circles)
        bent_x, bent_y = torch.addcmul(more[0], self.strength, law) if more else self.strength * law
        gamma1, gamma2 = (column(self.scenes[f"lens.{name}"]) for name in ("gamma1", "gamma2"))
        return bent_x + (gamma1 * self.x + gamma2 * self.y), bent_y + (gamma2 * self.x - gamma1 * self.y)

    def felt(self, circles: Tensor, push: Tensor) -> Tensor:
        """Change of the light (n, B, N ss, N ss) where rays are bent by n such functions more; `push` as below."""
        bent = self.read(circles)
        return torch.addcmul(push[0] * bent[:, 0], push[1], bent[:, 1])

    def pushed(self, lens: SmoothLens, push: Tensor) -> dict[str, Tensor]:
        """Change of the light (B, N ss, N ss) for a unit of each coordinate of the mass.

        push   (2, B, N ss, N ss)   change for a ray that is bent by 1" more along x, and along y
        """
        law, theta_E = self.circles[0], column(self.scenes["lens.theta_E"])
        shapes = [name for name in SHAPE if name in lens.names]
        own, turned, *changed = self.felt(
            torch.cat([torch.stack([law, slope(law)]), differences(lens, self.scenes, law, shapes)]),
            self.strength * push)
        found = dict(zip(shapes, changed, strict=True))
        found["theta_E"] = own * (1 - self.power) / theta_E     # P grows as theta_E^(gamma - 1),
        if "gamma" in found:
            found["gamma"] = found["gamma"] - self.log_r * own
        if len(self.circles) > 1:
            more, spun, *changed = self.felt(
                torch.cat([torch.stack([self.circles[1], slope(self.circles[1])]), poles(self.scenes)]), push)
            found |= dict(zip(POLES, changed, strict=True))
            found["theta_E"] = found["theta_E"] + more / theta_E     # M as theta_E / sqrt(q)
            for name, rate in zip(("e1", "e2"), flattened(self.scenes), strict=True):
                if name in found:
                    found[name] = found[name] + rate * more
            turned = turned + spun
        elif set(POLES) & set(lens.names):     # free, and exactly none yet
            found |= dict(zip(POLES, self.felt(poles(self.scenes), push), strict=True))
        found["gamma1"] = push[0] * self.x - push[1] * self.y
        found["gamma2"] = push[1] * self.x + push[0] * self.y
        per_square = 1 / self.square.clamp_min(INNERMOST**2)
        outward, around = self.power * own * per_square, turned * per_square
        found["center_x"] = around * self.dy - outward * self.dx
        found["center_y"] = -around * self.dx - outward * self.dy
        return {name: found[name] for name in lens.mass_names}
