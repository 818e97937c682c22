"""Items of a population as images: the source made as bright as the signal-to-noise asks, then exposed.

Chunks are rendered whole, whoever asks and for how many items, so that item i has the same pixels in every set and
stream of its seed.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from lenslab.images.ceiling import lambdas
from lenslab.images.model import without_substructure
from lenslab.images.realise import Realisation, realise
from lenslab.images.simulate import background, expose, noise_free
from lenslab.physics import noise as noises
from lenslab.population import CHUNK, Draw, Population, find
from lenslab.scene import Camera
from lenslab.scenes import DARK, Scenes
from lenslab.sets.galaxies import UNUSED, with_galaxies

NEWTON_STEPS = 12  # the slope of ln S^2 in ln flux lies between 1 and 2: each step gains digits from any start


@dataclass(frozen=True)
class Items:
    """Rendered items 0 to n - 1 of a chunk, in their order.

    parameters holds one column for each of `Population.paths`; NaN where a scene has no such component. truths holds
    what stands in no scene: S, sigma_v and their like, and `ceiling` where it was asked for.
    """

    image: Tensor               # (n, 1, H, W) as recorded
    variance: Tensor            # (n, 1, H, W) as anybody can estimate it from the image (`estimated_variance`)
    background: Tensor          # (n,) rms of an empty pixel, counts/s
    labels: np.ndarray          # (n,) int64
    parameters: np.ndarray      # (n, P) float64
    seeds: np.ndarray           # (n, 2) int64
    truths: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: slice) -> "Items":
        parts = {item.name: getattr(self, item.name)[rows] for item in fields(self) if item.name != "truths"}
        return Items(**parts, truths={name: column[rows] for name, column in self.truths.items()})


def items(population: Population, chunk: int, seed: int, split: str = "train", **options) -> Items:
    """A chunk of a population, drawn and rendered; options are those of `items_together`."""
    return items_together(population, [chunk], seed, split, **options)[0]


def items_together(population: Population, chunks: list[int], seed: int, split: str = "train", *, device="cpu",
                   dtype=torch.float32, ceiling: bool = False, bare: bool = False,
                   noise: bool = True) -> list[Items]:
    """Several chunks, rendered together where their scenes have one structure: a GPU takes as long for ten times the
    images, and Python's calls are made once. Pixels then differ by rounding from those of a chunk by itself.

    ceiling    adds the lambda of each image (lenslab.images.ceiling)
    bare       leaves substructure away: the same lenses, smooth, whatever their labels say
    noise      with False images are what is expected of them, before the camera's noise
    """
    drawn = joined([with_galaxies(population.chunk(chunk, seed, split), split) for chunk in chunks])
    size, side, paths = CHUNK * len(chunks), population.camera.num_pix, population.paths
    image, variance = (torch.empty(size, 1, side, side, device=device, dtype=dtype) for _ in range(2))
    rms = torch.empty(size, device=device, dtype=dtype)
    parameters, seeds = np.full((size, len(paths)), np.nan), np.empty((size, 2), np.int64)
    truths = {name: column.copy() for name, column in drawn.truths.items()}
    truths.setdefault("signal_to_noise", np.empty(size))
    truths |= {"ceiling": np.empty(size)} if ceiling else {}
    with torch.no_grad():
        for rows, wide in drawn.groups:
            wide = without_substructure(wide) if bare else wide
            scenes = wide.to(device, dtype)
            realisation = realise(scenes)
            order = by_number(realisation, len(rows))
            rows, wide, scenes, realisation = rows[order], wide.take(order), scenes.take(order), realisation.take(order)
            at = torch.from_numpy(rows).to(device)
            shift, model, truths["signal_to_noise"][rows] = exposed(scenes, realisation, wanted(drawn, rows))
            wide = brighter(wide, shift)
            image[at] = expose(scenes, model, noises.SeededDraws(scenes.seeds[:, 1]), noise)[0]
            rms[at] = background(scenes)
            variance[at] = estimated_variance(scenes.template.camera, image[at], rms[at], electrons(scenes))
            seeds[rows] = wide.seeds
            unused = UNUSED if wide.template.source.picture else ()
            for k, path in enumerate(paths):
                if path in wide.values and path not in unused:
                    parameters[rows, k] = wide[path].numpy()
            if ceiling:
                truths["ceiling"][rows] = lambdas(wide).numpy()
    whole = Items(image, variance, rms, drawn.labels, parameters, seeds, truths)
    return [whole.take(slice(CHUNK * k, CHUNK * (k + 1))) for k in range(len(chunks))]


def joined(parts: list[Draw]) -> Draw:
    """Draws of chunks one after the other; groups that share a structure become one."""
    alike: dict = {}
    for k, part in enumerate(parts):
        for rows, scenes in part.groups:
            alike.setdefault((scenes.template, tuple(scenes.values)), []).append((rows + CHUNK * k, scenes))
    groups = []
    for (template, paths), members in alike.items():
        values = {path: torch.cat([scenes[path] for _, scenes in members]) for path in paths}
        seeds = np.concatenate([scenes.seeds for _, scenes in members])
        whole = members[0][1] if len(members) == 1 else Scenes.from_values(template, values, seeds)
        groups.append((np.concatenate([rows for rows, _ in members]), whole))
    truths = {name: np.concatenate([part.truths[name] for part in parts]) for name in parts[0].truths}
    return Draw(np.concatenate([part.labels for part in parts]), groups, truths)


def by_number(realisation: Realisation, n: int) -> np.ndarray:
    """Rows (n,) from few clumps to many: what is rendered together is padded to its longest."""
    clumps = realisation.halos or realisation.points
    return np.arange(n) if clumps is None else np.argsort(clumps.number, kind="stable")


def scenes_of(population: Population, n: int, seed: int, split: str = "train") -> Draw:
    """The first n items as float64 scenes whose magnitudes give the S that was asked for."""
    return as_bright_as_asked(with_galaxies(population.draw(n, seed, split), split))


def as_bright_as_asked(drawn: Draw) -> Draw:
    """The same scenes, with the magnitudes that give their S."""
    groups = []
    with torch.no_grad():
        for rows, wide in drawn.groups:
            scenes = wide.to(dtype=torch.float32)
            shift, _, _ = exposed(scenes, realise(scenes), wanted(drawn, rows))
            groups.append((rows, brighter(wide, shift)))
    return replace(drawn, groups=groups)


def wanted(drawn: Draw, rows: np.ndarray) -> np.ndarray | None:
    """The S that a population asks of these rows; None where its sources are as bright as they are."""
    asked = drawn.truths.get("signal_to_noise")
    return None if asked is None else asked[rows]


def exposed(scenes: Scenes, realisation: Realisation, S: np.ndarray | None,
            shine: Callable | None = None) -> tuple[np.ndarray, Tensor, np.ndarray]:
    """What the source must gain in magnitudes (B,) to have S, the noise-free images (B, 1, H, W), and their S (B,).

    S = sqrt(sum I_arc^2 / variance) over the frame: lens light is no signal, but its photons are noise.
    """
    arcs, glow = noise_free(without_lens_light(scenes), realisation, shine), None
    if scenes.template.lens_light:
        glow = noise_free(scenes, realisation, shine) - arcs
    log_flux, reached = flux_for(scenes, arcs, glow, S)
    model = arcs * log_flux.exp().to(arcs)[:, None, None, None]
    model = model if glow is None else model + glow
    return (2.5 / np.log(10) * log_flux).numpy(), model, reached


def flux_for(scenes: Scenes, arcs: Tensor, glow: Tensor | None, S: np.ndarray | None) -> tuple[Tensor, np.ndarray]:
    """ln of the factor (B,) that gives arcs (B, 1, H, W) beside lens light `glow` their S, and the S (B,) reached."""
    signal = arcs.cpu().double().flatten(1)
    floor = background(scenes).cpu().double()[:, None] ** 2
    photons = 1 / (scenes["camera.exposure_time"] * scenes["camera.gain"]).cpu().double()[:, None]
    if glow is not None:
        floor = floor + photons * glow.cpu().double().flatten(1).clamp_min(0)
    log_flux = torch.zeros(len(scenes), 1, dtype=torch.float64)
    if S is not None:
        goal = 2 * torch.from_numpy(S).log()[:, None]
        for _ in range(NEWTON_STEPS):
            square, slope = signal_square(signal, floor, photons, log_flux)
            log_flux = log_flux + (goal - square.log()) / slope
    square, _ = signal_square(signal, floor, photons, log_flux)
    return log_flux[:, 0], square.sqrt()[:, 0].numpy()


def signal_square(signal: Tensor, floor: Tensor, photons: Tensor, log_flux: Tensor) -> tuple[Tensor, Tensor]:
    """S^2 (B, 1) of arcs `signal` (B, M) times exp(log_flux), and d ln S^2 / d log_flux.

    variance = floor + photons * signal; floor is all that does not depend on the source.
    """
    arcs = signal * log_flux.exp()
    light = photons * arcs.clamp_min(0)
    terms = arcs**2 / (floor + light)
    square = terms.sum(1, keepdim=True)
    return square, 2 - (terms * light / (floor + light)).sum(1, keepdim=True) / square


def brighter(scenes: Scenes, shift: np.ndarray) -> Scenes:
    """The same scenes with every part of the source brighter by `shift` (B,) magnitudes."""
    gain, changes = torch.from_numpy(shift).to(scenes["source.magnitude"]), {}
    for path, value in scenes.values.items():
        if path.startswith("source.") and path.endswith("magnitude"):
            changes[path] = torch.where(value == DARK, value, value - gain)
    return scenes.with_values(**changes)


def without_lens_light(scenes: Scenes) -> Scenes:
    values = {path: value for path, value in scenes.values.items() if not path.startswith("lens_light.")}
    return replace(scenes, template=replace(scenes.template, lens_light=()), values=values)


def electrons(scenes: Scenes) -> Tensor:
    """(B,) electrons that one count a second makes in the exposure."""
    return scenes["camera.exposure_time"] * scenes["camera.gain"]


def estimated_variance(camera: Camera, image: Tensor, background: Tensor, electrons: Tensor) -> Tensor:
    """Variance (B, 1, H, W) as an observer has it: from the image itself, in its unit, never from the hidden truth.

    noise_twice: counts with the background and the photons of the first draw, and the photons of the second.
    """
    rms, per_count = background[:, None, None, None], electrons[:, None, None, None]
    if camera.noise_twice and camera.noise != "none":
        return (rms * per_count) ** 2 + 2 * image.clamp_min(0)
    return rms**2 + image.clamp_min(0) / per_count


def columns_of(name: str, chunk: int, seed: int, split: str, options: dict[str, bool]) -> dict[str, np.ndarray]:
    """A whole chunk as arrays, in the shapes in which a set keeps them; options are those of `items`."""
    made = items(find(name), chunk, seed, split, **options)
    names = sorted(set(made.truths) - {"ceiling"}) + ["ceiling"] * ("ceiling" in made.truths)
    return {"image": made.image[:, 0].numpy(), "label": made.labels, "parameters": made.parameters,
            "truths": np.stack([made.truths[key] for key in names], axis=1), "seeds": made.seeds,
            "background": made.background.numpy()}
