"""What is asked of a generator: lenses of a population, with some of their numbers replaced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lenslab.images.realise import realise
from lenslab.images.simulate import background, expose
from lenslab.physics import cosmology
from lenslab.physics.noise import SeededDraws
from lenslab.population import Population
from lenslab.redshift import at_redshifts
from lenslab.scene import Scene
from lenslab.scenes import Scenes, flatten, group
from lenslab.sets.draw import exposed
from lenslab.sets.item import index_of, item
from lenslab.tasks.noise_free.conditions import CLASS, Conditions, S, clumps_share

SIGMA_V, LIGHT = "sigma_v", "source.clumps.light"      # set by these names, beside the paths of a Scene
FIXED = ("camera.", "lens_light.", "substructure.kind", "H0", "Om0", "deflection", "seed_")
MOST = 20_000         # lenses in one go


@dataclass(frozen=True)
class Asked:
    """One lens that is asked for: its scene, whose source is as bright as gives S; and its class."""

    scene: Scene
    label: int
    signal_to_noise: float


def lenses_of(population: Population, n: int, seed: int, changes: Mapping[str, object]) -> list[Asked]:
    """The first n test lenses of a seed with `changes` in the place of their own values.

    changes   {path of a Scene, or class, signal_to_noise, sigma_v (km/s), source.clumps.light: value}
    """
    if not 1 <= n <= MOST:
        raise ValueError(f"{n} lenses were asked for; give a number from 1 to {MOST}.")
    changes = dict(changes)
    label = label_of(population, changes.pop(CLASS)) if CLASS in changes else None
    places = range(n) if label is None else (index_of(population, label, k, seed) for k in range(n))
    return [changed(population, Asked(one.scene, one.label, one.signal_to_noise), changes) for one in (
        item(population, place, seed) for place in places)]


def label_of(population: Population, name: object) -> int:
    if name not in population.classes:
        raise ValueError(f"There is no class {str(name)[:40]!r} in {population.name}; choose one of "
                         f"{', '.join(population.classes)}.")
    return population.classes.index(name)


def changed(population: Population, asked: Asked, changes: Mapping[str, object]) -> Asked:
    """A lens with other values. With its redshifts its Einstein radius and the source's size follow, unless they are
    set as well; a velocity dispersion gives the Einstein radius."""
    changes = dict(changes)
    if SIGMA_V in changes and "lens.theta_E" in changes:
        raise ValueError("Both sigma_v and lens.theta_E are set, but one gives the other; set one of them.")
    signal = finite(S, changes.pop(S, asked.signal_to_noise))
    sigma_v, light = changes.pop(SIGMA_V, None), changes.pop(LIGHT, None)
    scene = asked.scene
    moved = {name: changes.pop(name) for name in ("z_lens", "z_source") if name in changes}
    if moved:
        z = dict(z_lens=scene.z_lens, z_source=scene.z_source) | {name: finite(name, v) for name, v in moved.items()}
        scene = at_redshifts(scene, z["z_lens"], z["z_source"])
    if sigma_v is not None:
        distances = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
        changes["lens.theta_E"] = float(cosmology.theta_E_of_sigma_v(finite(SIGMA_V, sigma_v), distances))
    foreign = [path for path in changes if path.startswith(FIXED)]
    if foreign:
        raise ValueError(f"{foreign[0][:60]} cannot be asked for: the network does not know it.")
    scene = scene.set(changes) if changes else scene
    return Asked(scene if light is None else with_clumps(scene, finite(LIGHT, light)), asked.label, signal)


def finite(name: str, value: object) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if isinstance(value, bool) or not np.isfinite(number):
        raise ValueError(f"{name} is {str(value)[:40]!r}; give a number.")
    return number


def with_clumps(scene: Scene, share: float) -> Scene:
    """The scene with that share of its source's light in its clumps."""
    clumps = scene.source.clumps
    if not 0 <= share < 1:
        raise ValueError(f"{LIGHT} is {share:g}; give a share from 0 to below 1.")
    if not clumps and share > 0:
        raise ValueError(f"{LIGHT} is {share:g}, but the source of this lens has no clumps; take another seed.")
    if not share:
        return scene.set({"source.clumps": ()})
    before = float(clumps_share({path: np.array([v]) for path, v in flatten(scene, len(clumps)).items()})[0])
    fainter = -2.5 * np.log10(share / (1 - share) * (1 - before) / before)
    return replace(scene, source=replace(scene.source, clumps=tuple(
        replace(clump, magnitude=clump.magnitude + fainter) for clump in clumps)))


def table_of(conditions: Conditions, asked: Iterable[Asked], left_open: Iterable[str] = ()) -> Tensor:
    """Plain conditions (B, P) of lenses, NaN where they are left open; ValueError where one was never seen."""
    asked, left_open = list(asked), list(left_open)
    for path in left_open:
        if path not in conditions.groups:
            raise ValueError(f"There is no condition {str(path)[:60]!r}; choose from {', '.join(conditions.groups)}.")
    rows = [conditions.table({path: np.array([value]) for path, value in (
        flatten(one.scene, len(one.scene.source.clumps)) | {S: one.signal_to_noise}).items()}, np.array([one.label]))
        for one in asked]
    table = torch.from_numpy(np.concatenate(rows))
    for path in left_open:
        table[:, conditions.at(path)] = float("nan")
    check(conditions, table)
    return table


def check(conditions: Conditions, table: Tensor) -> None:
    """Refuse numbers that no image in the training had."""
    for one in conditions.conditions:
        for k in conditions.at(one.kind.path):
            column = table[:, k]
            wrong = column[(column < one.low) | (column > one.high)]
            if len(wrong):
                unit = f" {one.kind.unit}" if one.kind.unit else ""
                raise ValueError(f"{one.kind.title} ({conditions.names[k]}) is {float(wrong[0]):.4g}; the network "
                                 f"learnt from {one.low:.4g} to {one.high:.4g}{unit}. Ask for a value in between, or "
                                 "leave it open.")


def twins(asked: Iterable[Asked], dtype=torch.float32) -> tuple[Tensor, list[Asked]]:
    """The simulator's noise-free images (B, 1, H, W) of lenses in units of the rms of an empty pixel, and the lenses
    with the magnitudes that give their S."""
    asked = list(asked)
    images: Tensor | None = None
    lit: list[Asked] = list(asked)
    for rows, scenes in grouped(asked, dtype):
        with torch.no_grad():
            wanted = np.array([asked[k].signal_to_noise for k in rows])
            shift, model, _ = exposed(scenes, realise(scenes), wanted)
        if images is None:
            images = model.new_empty(len(asked), *model.shape[1:])
        images[rows] = model / background(scenes)[:, None, None, None]
        for k, change in zip(rows, shift, strict=True):
            lit[k] = replace(asked[k], scene=brighter_scene(asked[k].scene, float(change)))
    return images, lit


def brighter_scene(scene: Scene, shift: float) -> Scene:
    source = scene.source
    return replace(scene, source=replace(source, magnitude=source.magnitude - shift, clumps=tuple(
        replace(clump, magnitude=clump.magnitude - shift) for clump in source.clumps)))


def grouped(asked: Iterable[Asked], dtype=torch.float32) -> list[tuple[list[int], Scenes]]:
    """Batches of one structure each, with the places of their lenses."""
    return group([one.scene for one in asked], dtype=dtype)


def rms_of(asked: Iterable[Asked]) -> Tensor:
    """Standard deviation (B,) of an empty pixel of each lens' camera, counts/s."""
    return torch.tensor([float(background(Scenes.of([one.scene], dtype=torch.float64))[0]) for one in asked])


def photographed(asked: Iterable[Asked], images: Tensor) -> Tensor:
    """Images (B, 1, H, W) in units of the rms of an empty pixel, as each lens' camera takes them: with its noise, from
    the scene's own seed, in its unit (counts/s)."""
    asked, out = list(asked), torch.empty_like(images)
    for rows, scenes in grouped(asked, images.dtype):
        model = images[rows] * background(scenes)[:, None, None, None]
        out[rows] = expose(scenes, model, SeededDraws(scenes.seeds[:, 1]))[0]
    return out


__all__ = ["LIGHT", "MOST", "SIGMA_V", "Asked", "changed", "check", "grouped", "lenses_of", "photographed", "rms_of",
           "table_of", "twins"]
