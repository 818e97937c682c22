"""The smooth lenses of a population as coordinates of a fit: what its scenes vary, and what they all share.

Angles become components, which have no seam and no pole: ellipticities, shear, and multipoles on the sky's axes.
Radii and indices are logarithms. What the population holds fixed is held fixed: a fit that frees more throws away what
is known, and with it the corrections of the potential that the freedom can mimic.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lenslab.images.model import without_substructure
from lenslab.physics.grid import middle_side
from lenslab.population import CHUNK, find
from lenslab.scene import Camera, Scene, from_dict, to_dict
from lenslab.scenes import Scenes, flatten
from lenslab.sets.draw import without_lens_light

MEASURED = 10        # chunks behind means and standard deviations
BEYOND = 0.5         # of its range in the population, by which a coordinate may leave it
STILL = 1e-9         # a coordinate that moves less is rounding
STEP = 0.005         # standard deviations: a finite difference far above rounding and far below the PSF
FLATTEST = 0.15      # axis ratio
COLUMNS = ("mean", "std", "low", "high")
VARIED = ("substructure.", "source.clumps.")         # settings that no smooth lens has
AMPLITUDES = ("source.magnitude", "camera.exposure_time")   # what scales the image: found by a linear fit at the start

# What moves the rays, and what they hit.
MASS = ("theta_E", "e1", "e2", "center_x", "center_y", "gamma1", "gamma2", "gamma", "a3_x", "a3_y", "a4_x", "a4_y")
LIGHT = ("source_x", "source_y", "log_R", "log_n", "source_e1", "source_e2")
# How coordinates turn with the frame (lenslab.symmetry); those that are not here do not.
SPINS = {("center_x", "center_y"): 1, ("source_x", "source_y"): 1, ("e1", "e2"): 2, ("gamma1", "gamma2"): 2,
         ("source_e1", "source_e2"): 2, ("a3_x", "a3_y"): 3, ("a4_x", "a4_y"): 4}


@dataclass(frozen=True, eq=False)
class SmoothLens:
    """What a fit knows of a population: its camera, its coordinates, their distribution, and every other number.

    mean, std   (P,)  of the coordinates, `names` in order; the amplitude, if any, is not among them
    low, high   (P,)  beyond which no fit goes
    fixed       {path: value} of all settings, for those that no coordinate moves
    amplitude   the setting that scales the image and is free: the source's magnitude, the exposure, or ""
    compact     whether sources are more than their profile: have compact components
    """

    population: str
    template: Scene
    fixed: dict[str, float]
    names: tuple[str, ...]
    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    amplitude: str
    compact: bool

    def __deepcopy__(self, memo: dict) -> "SmoothLens":
        """It never changes, so that copies of a network share it, and what is cached for it."""
        return self

    @property
    def camera(self) -> Camera:
        return self.template.camera

    @property
    def free(self) -> bool:
        """Whether lenses differ, and not their sources alone."""
        return bool(self.mass_names)

    @property
    def mass_names(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in MASS)

    def scenes(self, coordinates: Tensor, amplitude: Tensor, supersampling: int | None = None) -> Scenes:
        """Lenses at coordinates (B, P); `amplitude` (B,) is the logarithm of the flux or of the exposure."""
        at = dict(zip(self.names, coordinates.unbind(1), strict=True))
        values = dict(constants(self, len(amplitude), amplitude.device, amplitude.dtype))
        for path, name in (("lens.theta_E", "theta_E"), ("lens.center_x", "center_x"), ("lens.center_y", "center_y"),
                           ("lens.gamma1", "gamma1"), ("lens.gamma2", "gamma2"), ("lens.gamma", "gamma"),
                           ("source.center_x", "source_x"), ("source.center_y", "source_y")):
            if name in at:
                values[path] = at[name]
        for path, name in (("source.R_sersic", "log_R"), ("source.n_sersic", "log_n")):
            if name in at:
                values[path] = at[name].exp()
        for owner, prefix in (("lens", ""), ("source", "source_")):
            if f"{prefix}e1" in at:
                values[f"{owner}.q"], values[f"{owner}.phi"] = axes(at[f"{prefix}e1"], at[f"{prefix}e2"])
        for m in (3, 4):
            if f"a{m}_x" in at:
                x, y = at[f"a{m}_x"], at[f"a{m}_y"]
                values[f"lens.a{m}_a"] = torch.hypot(x, y)
                values[f"lens.delta_phi_m{m}"] = torch.atan2(y, x) / m - values["lens.phi"]
        if self.amplitude == "source.magnitude":
            values["source.magnitude"] = values["source.magnitude"] - 2.5 / np.log(10) * amplitude
        elif self.amplitude:
            values[self.amplitude] = values[self.amplitude] * amplitude.exp()
        return Scenes.from_values(sampled(self, supersampling), values, np.zeros((len(amplitude), 2), np.int64))

    def of_table(self, paths: tuple[str, ...], table: np.ndarray) -> Tensor:
        """Coordinates (n, P) of items whose settings are the rows of `table` (n, len(paths)), as `draw.Items` has."""
        return torch.from_numpy(coordinates(dict(zip(paths, table.T, strict=True)), self.names)).float()

    def standard(self, coordinates: Tensor) -> Tensor:
        """(B, P) in population standard deviations from the mean: what a network is taught."""
        return (coordinates - self.mean.to(coordinates)) / self.std.to(coordinates)

    def plain(self, standard: Tensor) -> Tensor:
        """The way back; kept between `low` and `high`."""
        return self.within_limits(standard * self.std.to(standard) + self.mean.to(standard))

    def pull(self, widths: Tensor | float, like: Tensor) -> Tensor:
        """Inverse squares (Q,) of Gaussian priors as wide as so many standard deviations; a free amplitude has none."""
        prior = (widths * self.std.to(like)).square().reciprocal()
        return torch.cat([prior, like.new_zeros(1 if self.amplitude else 0)])

    def within_limits(self, coordinates: Tensor) -> Tensor:
        """The same within the limits, and no ellipse flatter than FLATTEST."""
        inside = torch.minimum(torch.maximum(coordinates, self.low.to(coordinates)), self.high.to(coordinates))
        steepest, factor = (1 - FLATTEST) / (1 + FLATTEST), torch.ones_like(inside)
        for one, two in (("e1", "e2"), ("source_e1", "source_e2")):
            if one in self.names:
                k, j = self.names.index(one), self.names.index(two)
                shrink = (steepest / torch.hypot(inside[:, k], inside[:, j]).clamp_min(1e-9)).clamp_max(1)
                factor[:, k], factor[:, j] = shrink, shrink
        return inside * factor


def to_card(lens: SmoothLens) -> dict:
    """All of it as plain values, digit for digit, for the card of a checkpoint; `of_card` reads them."""
    return dict(population=lens.population, template=to_dict(lens.template), fixed=dict(lens.fixed),
                names=list(lens.names), amplitude=lens.amplitude, compact=lens.compact,
                **{name: getattr(lens, name).tolist() for name in COLUMNS})


def of_card(card) -> SmoothLens:
    """The smooth lens of a card that may come from anywhere; ValueError says that it is none."""
    try:
        names, template = tuple(card["names"]), from_dict(card["template"])
        columns = {name: torch.tensor(card[name], dtype=torch.float64) for name in COLUMNS}
        fixed = {path: float("nan") if value is None else float(value) for path, value in card["fixed"].items()}
        known = {path for path in flatten(template) if not path.startswith(VARIED)}
        sound = set(names) <= {*MASS, *LIGHT} and len(set(names)) == len(names) and fixed.keys() == known \
            and all(np.isfinite(value) for path, value in fixed.items() if path != "camera.background_rms") \
            and all(column.shape == (len(names),) and bool(column.isfinite().all()) for column in columns.values()) \
            and bool((columns["std"] > 0).all()) and bool((columns["low"] < columns["high"]).all()) \
            and card["amplitude"] in (*AMPLITUDES, "") and type(card["compact"]) is bool \
            and isinstance(card["population"], str)
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        raise ValueError(f"The smooth lens of this card cannot be read ({str(error)[:120]}); take another copy of the "
                         "checkpoint.") from None
    if not sound:
        raise ValueError("The smooth lens of this card makes no sense; take another copy of the checkpoint.")
    return SmoothLens(card["population"], template, fixed, names, amplitude=card["amplitude"], compact=card["compact"],
                      **columns)


@lru_cache(maxsize=64)
def constants(lens: SmoothLens, n: int, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    """The fixed numbers of n scenes: a fit asks for them some hundred times."""
    with torch.inference_mode(False):
        return {path: torch.full((n,), value, device=device, dtype=dtype) for path, value in lens.fixed.items()}


@lru_cache(maxsize=64)
def sampled(lens: SmoothLens, supersampling: int | None) -> Scene:
    """What the scenes of a fit share, with so many rays a pixel and side."""
    camera = lens.camera if supersampling is None else replace(lens.camera, supersampling=supersampling)
    return replace(lens.template, camera=camera)


def axes(e1: Tensor, e2: Tensor) -> tuple[Tensor, Tensor]:
    """q and phi of an ellipticity."""
    c = torch.hypot(e1, e2).clamp_max(0.9)
    return (1 - c) / (1 + c), torch.atan2(e2, e1) / 2


def coordinates(values: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """(n, P) float64 from settings by path, (n,) each."""
    made = {"theta_E": values["lens.theta_E"]}
    for name in ("center_x", "center_y", "gamma1", "gamma2", "gamma"):
        made[name] = values[f"lens.{name}"]
    for owner, prefix in (("lens", ""), ("source", "source_")):
        q, phi = values[f"{owner}.q"], values[f"{owner}.phi"]
        c = (1 - q) / (1 + q)
        made[f"{prefix}e1"], made[f"{prefix}e2"] = c * np.cos(2 * phi), c * np.sin(2 * phi)
    for m in (3, 4):
        size, angle = values[f"lens.a{m}_a"], m * (values["lens.phi"] + values[f"lens.delta_phi_m{m}"])
        made[f"a{m}_x"], made[f"a{m}_y"] = size * np.cos(angle), size * np.sin(angle)
    made["source_x"], made["source_y"] = values["source.center_x"], values["source.center_y"]
    made["log_R"], made["log_n"] = np.log(values["source.R_sersic"]), np.log(values["source.n_sersic"])
    return np.stack([made[name] for name in names], axis=1)


@lru_cache(maxsize=16)
def smooth_lens(population: str, crop: int = 0) -> SmoothLens:
    """The smooth lenses of a population; `crop` pixels on a side of the middle of the frame are fitted, 0 is all."""
    drawn = find(population).draw(MEASURED * CHUNK, 0, "train")
    groups = [without_lens_light(without_substructure(scenes)) for _, scenes in drawn.groups]
    paths = [path for path in groups[0].values if not path.startswith(VARIED)]
    values = {path: torch.cat([scenes[path] for scenes in groups]).double().numpy() for path in paths}
    every = coordinates(values, (*MASS, *LIGHT))
    moving = np.ptp(every, axis=0) > STILL
    names = tuple(np.array([*MASS, *LIGHT])[moving].tolist())
    free = {path for path in AMPLITUDES if np.ptp(values[path]) > 0}
    if "signal_to_noise" in drawn.truths:
        free.add("source.magnitude")
    table = every[:, moving]
    low, high = table.min(0), table.max(0)
    margin = BEYOND * (high - low)
    scene = groups[0].template
    camera = scene.camera if not crop else replace(scene.camera, num_pix=middle_side(scene.camera.num_pix, crop))
    return SmoothLens(population=population, template=replace(scene, camera=camera),
                      fixed={path: typical(path, column) for path, column in values.items()}, names=names,
                      mean=torch.from_numpy(table.mean(0)), std=torch.from_numpy(table.std(0)),
                      low=torch.from_numpy(low - margin), high=torch.from_numpy(high + margin),
                      amplitude=next((path for path in AMPLITUDES if path in free), ""),
                      compact=any(path.startswith("source.clumps.") for _, group in drawn.groups
                                 for path in group.values))


def typical(path: str, column: np.ndarray) -> float:
    """What stands for a setting that no coordinate moves: its middle, and its value where it has but one."""
    return float(np.exp(np.log(column).mean()) if path == "camera.exposure_time" else np.median(column))
