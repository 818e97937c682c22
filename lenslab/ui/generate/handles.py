"""The numbers by which a visitor turns a condition: axis ratio and angle where a network gets an ellipticity.

Values are read off the lens that is asked for, and become changes of it as `lenslab.tasks.generate.asked` takes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import atan2, ceil, cos, floor, hypot, log10, sin

import numpy as np

from lenslab.figures.stretch import nice
from lenslab.physics import cosmology
from lenslab.scenes import flatten
from lenslab.tasks.generate.asked import LIGHT, SIGMA_V, Asked
from lenslab.tasks.noise_free.conditions import Condition, Conditions, S, clumps_share, plain_values
from lenslab.ui.controls import UNITS, Range

WIDE = 30      # largest over smallest value from which a slider counts in powers of ten
STEPS = 100    # of a slider, at least
ANGLE = Range(-90, 90, 1, "", "degrees")
Changes = dict[str, float]


@dataclass(frozen=True)
class Handle:
    """One slider.

    name     of its control; where one number of a Scene is meant, the path of that
    read     its value in a lens, in the Scene's unit
    write    what of the lens is to change so that it has a value
    """

    name: str
    title: str
    at: Range
    read: Callable[[Asked], float]
    write: Callable[[Asked, float], Changes]

    @property
    def label(self) -> str:
        return f"{self.title} ({self.at.unit})" if self.at.unit else self.title

    def words(self, value: float) -> str:
        """A value with its unit, as it stands over a picture."""
        shown = self.at.format % self.at.shown(value)
        unit = "" if self.at.scale == "degrees" else self.at.unit or ""
        return f"{shown}{unit if unit == '″' else ' ' + unit if unit else ''}"


def range_of(low: float, high: float, unit: str, log: bool = False) -> Range:
    """A slider within what a network has seen, by round steps."""
    unit = UNITS.get(unit, unit)
    if log and high / low > WIDE:
        return Range(ceil(20 * log10(low)) / 20, floor(20 * log10(high)) / 20, 0.05, f"log₁₀ of {unit}" if unit
                     else "log₁₀", "log10")
    step = nice((high - low) / STEPS)
    return Range(ceil(low / step) * step, floor(high / step) * step, step, unit)


def handles(condition: Condition) -> tuple[Handle, ...]:
    """The sliders of a condition."""
    kind, high = condition.kind, condition.high
    owner = kind.path.partition(".")[0]
    if kind.path.endswith("ellipticity"):
        roundest, flattest = 1.0, (1 - high) / (1 + high)
        return (at_path(f"{owner}.q", "Axis ratio", range_of(flattest, roundest, "")),
                at_path(f"{owner}.phi", "Orientation", ANGLE))
    if kind.path == "lens.shear":
        return shear(range_of(0, high, ""))
    if kind.path == "substructure.vortex_phi":
        return (at_path(kind.path, kind.title, ANGLE),)
    if kind.spin == 1:
        at = range_of(-high, high, kind.unit)
        return tuple(place(name, f"{kind.title}: {name[-1]}", at) for name in kind.columns)
    at = range_of(condition.low, high, kind.unit, kind.log)
    if kind.path == LIGHT:
        return (Handle(LIGHT, kind.title, range_of(0, high, ""), share_of_clumps, lambda asked, v: {LIGHT: v}),)
    if kind.path == S:
        return (Handle(S, kind.title, at, lambda asked: asked.signal_to_noise, lambda asked, v: {S: v}),)
    return (at_path(kind.path, kind.title, at),)


def at_path(path: str, title: str, at: Range) -> Handle:
    return Handle(path, title, at, lambda asked: float(asked.scene.get(path)), lambda asked, v: {path: v})


def place(path: str, title: str, at: Range) -> Handle:
    """A place: that of the lens takes along what is seen from it, all others are counted from the lens."""
    axis = path[-1]
    lens = f"lens.center_{axis}"
    if path == lens:
        def move(asked: Asked, value: float) -> Changes:
            by = value - asked.scene.get(lens)
            return {lens: value, **{name: asked.scene.get(name) + by
                                    for name in (f"source.center_{axis}", f"substructure.vortex_{axis}")}}
        return Handle(path, title, at, lambda asked: asked.scene.get(lens), move)
    return Handle(path, title, at, lambda asked: asked.scene.get(path) - asked.scene.get(lens),
                  lambda asked, value: {path: asked.scene.get(lens) + value})


def shear(at: Range) -> tuple[Handle, ...]:
    """Strength and direction; a shear of nothing keeps none."""
    def strength(asked: Asked) -> float:
        return hypot(asked.scene.lens.gamma1, asked.scene.lens.gamma2)

    def angle(asked: Asked) -> float:
        return atan2(asked.scene.lens.gamma2, asked.scene.lens.gamma1) / 2

    def write(size: float, phi: float) -> Changes:
        return {"lens.gamma1": size * cos(2 * phi), "lens.gamma2": size * sin(2 * phi)}

    return (Handle("lens.shear", "Strength of the shear", at, strength,
                   lambda asked, v: write(max(v, 1e-6), angle(asked))),
            Handle("lens.shear_phi", "Direction of the shear", ANGLE, angle,
                   lambda asked, v: write(strength(asked), v)))


def settings(conditions: Conditions) -> set[str]:
    """All that can be set, by the paths of a Scene and the names beside them."""
    names = {SIGMA_V}
    for condition in conditions.conditions:
        owner = condition.kind.path.partition(".")[0]
        if condition.kind.path.endswith("ellipticity"):
            names |= {f"{owner}.q", f"{owner}.phi"}
        else:
            names |= {condition.kind.path} if condition.kind.spin == 0 else set(condition.kind.columns)
    return names - {"substructure.vortex_e1", "substructure.vortex_e2"} | (
        {"substructure.vortex_phi"} & {condition.kind.path for condition in conditions.conditions})


def velocity(condition: Condition, asked: Asked) -> Handle:
    """The Einstein radius by the speed of the stars that its mass holds (km/s), at the redshifts of a lens."""
    def distances(one: Asked):
        return cosmology.distances(one.scene.z_lens, one.scene.z_source, one.scene.H0, one.scene.Om0)

    low, high = (float(cosmology.sigma_v_of_theta_E(limit, distances(asked)))
                 for limit in (condition.low, condition.high))
    return Handle(SIGMA_V, "Velocity dispersion", range_of(low, high, "km/s"),
                  lambda one: float(cosmology.sigma_v_of_theta_E(one.scene.lens.theta_E, distances(one))),
                  lambda one, v: {SIGMA_V: v})


def share_of_clumps(asked: Asked) -> float:
    return float(clumps_share(columns_of(asked))[0])


def columns_of(asked: Asked) -> dict[str, np.ndarray]:
    """A lens as columns of one row, as conditions are read from them."""
    numbers = flatten(asked.scene, len(asked.scene.source.clumps)) | {S: asked.signal_to_noise}
    return {path: np.array([value]) for path, value in numbers.items()}


def between(condition: Condition, one: Asked, other: Asked, part: float) -> Changes:
    """What of `one` is to change so that a condition has gone a part of the way to that of `other`: straight in the
    numbers that a network gets, so that an ellipticity takes the short way. Places are given from the lens."""
    kind = condition.kind
    a, b = (np.array([float(v[0]) for v in plain_values(kind, columns_of(lens))]) for lens in (one, other))
    v = a ** (1 - part) * b**part if kind.log else (1 - part) * a + part * b
    owner = kind.path.partition(".")[0]
    if kind.path.endswith("ellipticity"):
        e = hypot(*v)
        return {f"{owner}.q": (1 - e) / (1 + e), f"{owner}.phi": atan2(v[1], v[0]) / 2}
    if kind.path == "substructure.vortex_phi":
        return {kind.path: atan2(v[1], v[0]) / 2}
    return {name: float(value) for name, value in zip(kind.columns, v, strict=True)}


def morphed(conditions: Conditions, one: Asked, other: Asked, part: float) -> Changes:
    """What of `one` is to change so that all of it has gone a part of the way to `other`, of the same class. The clumps
    of its source stay."""
    out: Changes = {}
    for condition in conditions.conditions:
        if condition.kind.path != LIGHT and belongs(condition, conditions.classes[one.label]):
            out |= between(condition, one, other, part)
    for name in [name for name in out if name.endswith(("_x", "_y")) and not name.startswith("lens.")]:
        lens = f"lens.center_{name[-1]}"
        out[name] += out.get(lens, one.scene.get(lens))
    return out


def belongs(condition: Condition, label: str) -> bool:
    """Whether lenses of a class have a condition."""
    return not condition.classes or label in condition.classes
