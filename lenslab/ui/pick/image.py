"""An image as networks are given it: on the pixel grid of what they learnt from, with what is known to be true of it.

It may be the lens of the Simulate page, an item of a population, a row of a data set, or a real image made to fit.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch

from lenslab.images.observation import Observation
from lenslab.images.simulate import signal_to_noise
from lenslab.population import Population, find
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.sets import dataset, what_if
from lenslab.sets.item import index_of, item, observation_of, of_brightness

KIND_NAMES = {"none": "no substructure", "cdm": "cold dark matter", "wdm": "warm dark matter",
              "fdm": "fuzzy dark matter", "vortex": "a vortex line", "deeplense_cdm": "DeepLense's point masses",
              "deeplense_axion": "DeepLense's vortex of points"}


@dataclass(frozen=True, eq=False)
class Shown:
    """One image, told apart from others by who it is, so that answers about it can be kept."""

    observation: Observation        # B = 1, on the population's grid
    where: str                      # a sentence: where it comes from
    scene: Scene | None = None      # what is true of it; None for a real one
    truth: str | None = None        # its class in the population; None: unknown, or none of them
    outside: tuple[str, ...] = ()   # in what it differs from all that its population has: there is no answer then
    prepared: object = field(default=None)  # lenslab.sky.prepare.Prepared of a real image

    @property
    def simulated(self) -> bool:
        return self.scene is not None


def truth_of(population: Population, scene: Scene) -> str | None:
    """The class of a scene; None where the population has none for it."""
    kind = scene.substructure.kind
    if scene.substructure.clumps or kind not in population.kinds:
        return None
    return population.classes[population.kinds.index(kind)]


@lru_cache(maxsize=24)
def of_scene(scene: Scene, population_name: str, where: str) -> Shown:
    """A scene that has the camera of a population."""
    population, seen = find(population_name), observation_of(scene)
    outside = of_no_class(population, scene) + out_of_range(population, scene, seen)
    return Shown(seen, where, scene, truth_of(population, scene), outside)


def of_lens(scene: Scene, population_name: str, changes: tuple[tuple[str, float], ...] = ()) -> Shown:
    """The lens of the Simulate page before the camera of a population."""
    population = find(population_name)
    camera = population.camera
    where = (f"Your lens of the Simulate page, seen by the camera that these networks know: {camera.num_pix} × "
             f"{camera.num_pix} pixels of {camera.pixel_scale:g}″, a blur of {camera.fwhm:g}″.")
    if scene.lens_light and not population.most_lights:
        scene = replace(scene, lens_light=())
        where += " The light of the lens galaxy is left out, as it was while they learnt."
    scene, law = replace(scene, camera=camera), population.laws.get("signal_to_noise")
    if law is not None:
        turned, (scene, S) = scene, within(scene, *law.limits)
        if scene != turned:
            where += (f" Its source is as bright as gives S = {S:.0f} there, since they have seen {law.limits[0]:g} to "
                      f"{law.limits[1]:g}.")
    return of_scene(what_if.changed(scene, **dict(changes)), population_name, where)


within = lru_cache(maxsize=24)(of_brightness)    # each turn of the page asks again


def of_item(population_name: str, split: str, seed: int, index: int,
            changes: tuple[tuple[str, float], ...] = ()) -> Shown:
    """An item of a population."""
    scene = true_item(population_name, split, seed, index)
    where = f"Image {index} of {population_name}, {split} split, which no network has learnt from."
    if split == "train":
        where = f"Image {index} of {population_name}, training split: a network may have learnt from it."
    return of_scene(what_if.changed(scene, **dict(changes)), population_name, where)


@lru_cache(maxsize=64)
def true_item(population_name: str, split: str, seed: int, index: int) -> Scene:
    return item(find(population_name), index, seed, split).scene


@lru_cache(maxsize=256)
def place_of(population_name: str, label: str, number: int, seed: int, split: str) -> int:
    """Place in its split of item number `number` of a class."""
    population = find(population_name)
    return index_of(population, population.classes.index(label), number, seed, split)


def of_set(path: str, row: int, population_name: str, changes: tuple[tuple[str, float], ...] = ()) -> Shown:
    """A row of an HDF5 set; with changes its scene is drawn anew."""
    shown = _of_set(path, row, population_name)
    return of_scene(what_if.changed(shown.scene, **dict(changes)), population_name, shown.where) if changes else shown


@lru_cache(maxsize=16)
def _of_set(path: str, row: int, population_name: str) -> Shown:
    population = find(population_name)
    try:
        made = dataset.read(path)
    except OSError as error:
        raise ValueError(f"The set cannot be read ({error.strerror or error}); give the path of a file that python -m "
                         "lenslab dataset has made.") from None
    with made:
        if tuple(made.classes) != population.classes or made.camera != population.camera:
            raise ValueError(f"This set holds {made.header['population']}, but these networks learnt from "
                             f"{population_name}; choose networks for it, or another set.")
        if not 0 <= row < len(made):
            raise ValueError(f"This set has {len(made)} images; give a row from 0 to {len(made) - 1}.")
        rows, scene = slice(row, row + 1), made.scene(row)
        seen = Observation(made.images(rows), made.variance(rows), made.camera.pixel_scale,
                           scenes=Scenes.of([scene]))
        truth = made.classes[int(made.labels[row])]
        where = f"Row {row} of {len(made)} of this set, {made.header['split']} split of {made.header['population']}."
    return Shown(seen, where, scene, truth)


def of_no_class(population: Population, scene: Scene) -> tuple[str, ...]:
    """A sentence where the population has no class for a scene."""
    if truth_of(population, scene) is not None:
        return ()
    kind = "a clump placed by hand" if scene.substructure.clumps else KIND_NAMES[scene.substructure.kind]
    return (f"This lens has {kind}, and no class of {population.name} is that: the networks can only name one of "
            f"{', '.join(population.classes)}, and whatever they name is not it.",)


def out_of_range(population: Population, scene: Scene, seen: Observation) -> tuple[str, ...]:
    """Sentences where ring or brightness lie outside of what a population has."""
    told = []
    law = population.laws.get("lens.theta_E")
    low, high = population.kept.get("lens.theta_E", law.limits if law else (0.0, 99.0))
    if not low * 0.99 <= scene.lens.theta_E <= high * 1.01:
        told.append(f"Its Einstein radius, {scene.lens.theta_E:.2f}″, is outside of what these networks have seen "
                    f"({low:g} to {high:g}″).")
    law = population.laws.get("signal_to_noise")
    if law and seen.model is not None and not scene.lens_light:
        with torch.no_grad():
            S = float(signal_to_noise(Scenes.of([scene]), seen.model, seen.model))
        low, high = law.limits
        if not low * 0.99 <= S <= high * 1.01:
            told.append(f"Its signal-to-noise S, {S:.0f}, is outside of what these networks have seen ({low:g} to "
                        f"{high:g}); the brightness of the source or the noise changes it.")
    return tuple(told)
