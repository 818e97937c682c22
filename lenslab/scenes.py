"""Scenes: a batch of Scene of one structure, the same settings as tensors, named by the same paths."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from lenslab.scene import Camera, Scene, Sersic

# What of a camera may differ within a batch; the rest shapes the arrays and belongs to the structure.
CAMERA_VALUES = ("exposure_time", "num_exposures", "sky_brightness", "read_noise", "zero_point", "gain",
                 "background_rms")
FLATTEST = (0.8, 0.65, 0.5, 0.3, 0.1)  # steps of axis ratio; the last is the limit of lens.q
DARK = 99.0  # magnitude of the clumps that pad a batch: they add nothing


@dataclass(frozen=True)
class Scenes:
    """A batch of B scenes that differ only in numbers.

    template   what they share: kind of substructure, camera geometry, number of light components, picture
    values     {path: (B,) tensor}, every number of the scene; a number drawn by `realise` follows from the seeds
    seeds      (B, 2) int64 array: seed_substructure, seed_noise
    sie        every slope is 2, so that the closed SIE may stand for the power law
    multipoles some multipole is not zero
    flattest   no lens has a smaller axis ratio than this, one of a few steps
    """

    template: Scene
    values: dict[str, Tensor]
    seeds: np.ndarray
    sie: bool
    multipoles: bool
    flattest: float = FLATTEST[-1]

    @staticmethod
    def of(scenes: Sequence[Scene], *, device: torch.device | str = "cpu", dtype=torch.float32) -> "Scenes":
        """Stack scenes of one structure (see `group` for a mixture)."""
        keys = {structure(scene) for scene in scenes}
        assert len(keys) == 1, "scenes of several structures: use lenslab.scenes.group"
        template = scenes[0]
        n_clumps = max(len(scene.source.clumps) for scene in scenes)
        columns = [flatten(scene, n_clumps) for scene in scenes]
        values = {path: torch.tensor([column[path] for column in columns], dtype=torch.float64).to(device, dtype)
                  for path in columns[0]}
        seeds = np.array([(scene.seed_substructure, scene.seed_noise) for scene in scenes], dtype=np.int64)
        return Scenes.from_values(template, values, seeds)

    @staticmethod
    def from_values(template: Scene, values: dict[str, Tensor], seeds: np.ndarray) -> "Scenes":
        """A batch from tensors, for populations and fits; a value that wants a gradient keeps the general formula."""
        def still(path, at):
            return not values[path].requires_grad and bool((values[path] == at).all())
        q = values["lens.q"].detach()
        free = "lens.e1" in values or not len(q)
        flattest = FLATTEST[-1] if free else next((step for step in FLATTEST if float(q.min()) >= step), FLATTEST[-1])
        return Scenes(template, values, np.asarray(seeds, np.int64), still("lens.gamma", 2),
                      not (still("lens.a3_a", 0) and still("lens.a4_a", 0)), flattest)

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, path: str) -> Tensor:
        return self.values[path]

    def with_values(self, **changes) -> "Scenes":
        """The same batch with other tensors at some paths (dots written as `__`, or pass {path: tensor} by **)."""
        return Scenes.from_values(self.template, {**self.values, **changes}, self.seeds)

    def ellipticity(self, owner: str) -> tuple[Tensor, Tensor]:
        """e1, e2 (B,) of `lens` or a light component, lenstronomy's convention e = (1 - q)/(1 + q) e^(2 i phi).

        A fit that starts at a round lens sets `OWNER.e1` and `OWNER.e2` itself, where phi has no gradient.
        """
        if f"{owner}.e1" in self.values:
            return self[f"{owner}.e1"], self[f"{owner}.e2"]
        q, phi = self[f"{owner}.q"], self[f"{owner}.phi"]
        c = (1 - q) / (1 + q)
        return c * torch.cos(2 * phi), c * torch.sin(2 * phi)

    def take(self, rows) -> "Scenes":
        """Some rows of the batch, by a slice or an index array."""
        return replace(self, values={path: value[rows] for path, value in self.values.items()},
                       seeds=self.seeds[rows])

    def to(self, device=None, dtype=None) -> "Scenes":
        values = {path: value.to(device=device, dtype=dtype) for path, value in self.values.items()}
        return replace(self, values=values)

    def scene(self, row: int) -> Scene:
        """One row as a Scene of plain numbers."""
        changes, template = {}, self.template
        n_clumps = sum(path.startswith("source.clumps.") and path.endswith(".magnitude") for path in self.values)
        lit = [k for k in range(n_clumps) if float(self[f"source.clumps.{k}.magnitude"][row]) < DARK]
        clumps = tuple(Sersic(**{item.name: float(self[f"source.clumps.{k}.{item.name}"][row])
                                 for item in fields(Sersic)}) for k in lit)
        template = replace(template, source=replace(template.source, clumps=()))
        for path, value in self.values.items():
            if not path.startswith("source.clumps.") and not path.endswith((".e1", ".e2")):
                changes[path] = float(value[row])
        if np.isnan(changes.get("camera.background_rms", 0.0)):
            changes["camera.background_rms"] = None
        for path in ("camera.num_exposures", "substructure.n_points"):
            changes[path] = int(changes[path])
        changes["source.clumps"] = clumps
        changes["seed_substructure"], changes["seed_noise"] = map(int, self.seeds[row])
        return template.set(changes)


def group(scenes: Sequence[Scene], *, device="cpu", dtype=torch.float32) -> list[tuple[list[int], Scenes]]:
    """Batches of one structure each, with the places of their scenes in the sequence."""
    places: dict = {}
    for i, scene in enumerate(scenes):
        places.setdefault(structure(scene), []).append(i)
    return [(rows, Scenes.of([scenes[i] for i in rows], device=device, dtype=dtype)) for rows in places.values()]


def structure(scene: Scene):
    """A key that scenes share when they can stand in one batch."""
    camera = replace(scene.camera, background_rms=None,
                     **{name: Camera.__dataclass_fields__[name].default for name in CAMERA_VALUES[:-1]})
    sub = scene.substructure
    return (len(scene.lens_light), scene.source.picture, sub.kind, sub.conserve_mass, len(sub.clumps),
            tuple(clump.profile for clump in sub.clumps), camera)


def flatten(scene: Scene, n_clumps: int = 0) -> dict[str, float]:
    """{path: number} of all that may differ within a batch; source clumps are padded with dark ones to n_clumps."""
    values = {}

    def add(prefix, record, names=None):
        for item in fields(record):
            kind = item.metadata.get("kind")
            if kind in (float, int) and (names is None or item.name in names) and not item.name.startswith("seed_"):
                values[prefix + item.name] = float(getattr(record, item.name))

    add("", scene)
    add("lens.", scene.lens)
    add("source.", scene.source)
    add("substructure.", scene.substructure)
    add("camera.", scene.camera, CAMERA_VALUES)
    rms = scene.camera.background_rms
    values["camera.background_rms"] = float("nan") if rms is None else float(rms)
    padding = (Sersic(),) * (n_clumps - len(scene.source.clumps))
    for k, light in enumerate(scene.source.clumps + padding):
        add(f"source.clumps.{k}.", light)
        if k >= len(scene.source.clumps):
            values[f"source.clumps.{k}.magnitude"] = DARK
    for k, light in enumerate(scene.lens_light):
        add(f"lens_light.{k}.", light)
    for k, clump in enumerate(scene.substructure.clumps):
        add(f"substructure.clumps.{k}.", clump)
    return values
