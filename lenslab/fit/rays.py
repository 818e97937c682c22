"""Where the rays of a smooth lens meet the source, and how that changes with the coordinates of the mass.

A place (B, P + 1) is the coordinates of SmoothLens with the logarithm of the amplitude last, (B, P) where that is held.
"""

from functools import lru_cache

import torch
from torch import Tensor

from lenslab.fit.smooth import STEP, SmoothLens
from lenslab.images.model import SMOOTH, LensModel, column, total
from lenslab.images.realise import realise
from lenslab.physics import deflectors
from lenslab.physics.grid import pixel_axis
from lenslab.scenes import Scenes

SHAPE = "e1", "e2", "gamma"     # of the power law, whose change with them is found by differences
DENSEST = 1e4                   # kappa near the centre: a ray that hits it must not rule a fit

Pair = tuple[Tensor, Tensor]      # along x and along y


def scenes_at(lens: SmoothLens, place: Tensor, supersampling: int | None = None) -> Scenes:
    P = len(lens.names)
    amplitude = place[:, P] if place.shape[1] > P else place.new_zeros(len(place))
    return lens.scenes(place[:, :P], amplitude, supersampling)


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
    return total(list(deflections(lens, scenes).values()))


def deflections(lens: SmoothLens, scenes: Scenes, only: tuple[str, ...] = SMOOTH, what: str = "deflection") -> dict:
    """alpha of each part of the lens by name, or its kappa; of one lens where all are the same."""
    if not lens.free:
        scenes = scenes.take(slice(0, 1))
    return LensModel(scenes, realise(scenes)).smooth_parts(what, *grid(scenes), only)


def bends(lens: SmoothLens, scenes: Scenes, place: Tensor, parts: dict[str, Pair]) -> dict[str, Pair]:
    """Change of alpha_x and alpha_y (B, N ss, N ss) for a unit of each coordinate of the mass, given alpha by parts."""
    if not lens.free:
        return {}
    x, y = grid(scenes)
    found = {"theta_E": swollen(scenes, parts), "gamma1": (x, -y), "gamma2": (y, x)}
    found |= reshaped(lens, scenes, place, parts["power law"])
    slopes = [hessian(lens, scenes, parts["power law"])] if "center_x" in lens.names else []
    for m in (3, 4):
        if f"m{m}" in parts:
            change = warped(scenes, m)
            found |= {f"a{m}_x": change["a_x"], f"a{m}_y": change["a_y"]}
            slopes.append(change["hessian"])
            for name, rate in zip(("e1", "e2"), flattened(scenes), strict=True):
                if name in found:
                    found[name] = tuple(bent + rate * own
                                        for bent, own in zip(found[name], parts[f"m{m}"], strict=True))
    if "center_x" in lens.names:
        xx, xy, yy = (sum(slope) for slope in zip(*slopes, strict=True))
        found |= {"center_x": (-xx, -xy), "center_y": (-xy, -yy)}
    return {name: found[name] for name in lens.mass_names}


def swollen(scenes: Scenes, parts: dict[str, Pair]) -> Pair:
    """For a unit of theta_E: the power law grows as theta_E^(gamma - 1), multipoles with theta_E."""
    slope = 1.0 if scenes.sie else column(scenes["lens.gamma"]) - 1
    rise = {name: slope if name == "power law" else 1.0 for name in parts if name != "shear"}
    return tuple(sum(rate * parts[name][axis] for name, rate in rise.items()) / column(scenes["lens.theta_E"])
                 for axis in (0, 1))


def reshaped(lens: SmoothLens, scenes: Scenes, place: Tensor, here: Pair) -> dict[str, Pair]:
    """Of the power law for a unit of each of SHAPE, by differences: lenses with one coordinate moved are one batch."""
    at = {name: lens.names.index(name) for name in SHAPE if name in lens.names}
    if not at:
        return {}
    widths = {name: STEP * float(lens.std[k]) for name, k in at.items()}
    places = place.repeat(len(at), 1).unflatten(0, (len(at), -1))
    for there, (name, k) in zip(places, at.items(), strict=True):
        there[:, k] += widths[name]
    moved = scenes_at(lens, places.flatten(0, 1), scenes.template.camera.supersampling)
    there = [axis.unflatten(0, (len(at), -1)) for axis in deflections(lens, moved, ("power law",))["power law"]]
    return {name: tuple((axis[k] - own) / width for axis, own in zip(there, here, strict=True))
            for k, (name, width) in enumerate(widths.items())}


def hessian(lens: SmoothLens, scenes: Scenes, alpha: Pair) -> tuple[Tensor, Tensor, Tensor]:
    """psi_xx, psi_xy, psi_yy of the power law, given its alpha."""
    kappa = deflections(lens, scenes, ("power law",), "convergence")["power law"].clamp_max(DENSEST)
    gamma = 2.0 if scenes.sie else column(scenes["lens.gamma"])
    center = column(scenes["lens.center_x"]), column(scenes["lens.center_y"])
    return deflectors.power_law_hessian(*grid(scenes), *alpha, kappa, gamma, *center)


def warped(scenes: Scenes, m: int) -> dict[str, tuple]:
    """Of a multipole: for a unit of its components on the sky's axes, and for one of place."""
    scale = column(scenes["lens.theta_E"] / scenes["lens.q"].sqrt())
    angle = m * (scenes["lens.phi"] + scenes[f"lens.delta_phi_m{m}"])
    size = scenes[f"lens.a{m}_a"]
    change = deflectors.multipole_tangents(*grid(scenes), m, column(size * angle.cos()), column(size * angle.sin()),
                                           column(scenes["lens.center_x"]), column(scenes["lens.center_y"]))
    return {name: tuple(scale * part for part in parts) for name, parts in change.items()}


def flattened(scenes: Scenes) -> Pair:
    """Of the logarithm of 1/sqrt(q), with which multipoles grow, for a unit of e1 and of e2: (B, 1, 1) each."""
    e1, e2 = map(column, scenes.ellipticity("lens"))
    square = e1 * e1 + e2 * e2
    size = square.sqrt().clamp_min(1e-9)
    return e1 / size / (1 - square), e2 / size / (1 - square)
