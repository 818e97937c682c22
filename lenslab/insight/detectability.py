"""How strong must substructure be, and how clear the image, for a network to see it? AUC on a grid of both, beside
the ceiling: what an observer would reach who knows the substructure and must only tell whether it is there.

Every cell shows the same smooth lenses, each with substructure of one kind and strength and without any, at one S. The
observer's AUC for a signal of significance lambda is Phi(lambda / sqrt 2) (the log likelihood ratios of the two cases
are normal, lambda^2 apart, with variance lambda^2; Green & Swets 1966, chapter 2); a cell has its mean over the images.

What a smooth model could mimic depends on the smooth lens alone: one set of derivatives serves every kind, strength and
S of a lens, and one rendering every S. The numbers are those of `ceiling.lambdas`. They promise too much where the best
smooth lens lies far from the true one: so it is fitted anew (`fit.refit`), once for each lens, kind and strength.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from lenslab.fit import refit
from lenslab.images import ceiling
from lenslab.images.observation import Observation
from lenslab.images.realise import realise
from lenslab.images.simulate import background, expose, noise_free, psf_kernel
from lenslab.insight import metrics
from lenslab.insight.cards import FIXED, OWN
from lenslab.insight.judgement import RESAMPLES, SMOOTH_CLASSES, against_bare, rounded
from lenslab.physics import noise as noises
from lenslab.population import CHUNK, Population, find
from lenslab.population.record import Law, log_uniform
from lenslab.scenes import Scenes
from lenslab.sets.draw import brighter, electrons, estimated_variance, exposed, flux_for, without_lens_light
from lenslab.sets.galaxies import with_galaxies

STRENGTHS = ("f_sub", "f_vortex", "m22", "log10_m_axion")  # of a class's laws the first that varies is its strength
USUAL_S = log_uniform(50, 500)                             # where a population sets no S
SMOOTH = ("slope", "multipoles")                           # switches of a population that free the smooth lens
SEED = 1                                                   # held-out images of seed 0 judge a network already

Answer = Callable[[Observation], np.ndarray]               # probabilities (B, C) of images


@dataclass(frozen=True)
class Grid:
    """What is asked: for each class with a strength its values, and the S."""

    population: str
    S: tuple[float, ...]
    strengths: dict[str, tuple[str, tuple[float, ...]]]    # class: (path, values)

    @property
    def middle(self) -> float:
        """The S at which smooth lenses are fitted anew."""
        return self.S[len(self.S) // 2]

    @staticmethod
    def of_maps(found: dict) -> "Grid":
        """Of maps that there are, as `table` or `cards.sound_maps` give them."""
        return Grid(found["population"], tuple(found["S"]),
                    {kind["class"]: (kind["path"], tuple(kind["strength"])) for kind in found["kinds"]})

    @staticmethod
    def of(name: str, n_strengths: int = 5, n_S: int = 4) -> "Grid":
        """The whole range of each law of a population, evenly in its own measure, ends included."""
        population, strengths = find(name), {}
        for kind in population.classes:
            laws = population.dark.get(kind, {})
            path = next((path for path in STRENGTHS if path in laws and laws[path].limits[0] < laws[path].limits[1]),
                        None)
            if path is not None:
                strengths[kind] = f"substructure.{path}", even(laws[path], n_strengths)
        bare = any(kind in SMOOTH_CLASSES for kind in population.classes)
        if not strengths or not bare:
            raise ValueError(f"{name} draws no substructure of varying strength beside bare lenses; choose a "
                             "population such as hst.")
        return Grid(name, even(population.laws.get("signal_to_noise", USUAL_S), n_S), strengths)


def even(law: Law, n: int) -> tuple[float, ...]:
    return tuple(float(value) for value in law.at(np.linspace(0, 1, n)))


def variants(name: str) -> dict[str, str]:
    """Populations of the maps: its own, and where smooth lenses have freedoms that can be switched off, that one."""
    switches = find(name).switches
    if not any(switches.get(switch) for switch in SMOOTH):
        return {OWN: name}
    family, _, rest = name.partition(":")
    kept = [part for part in rest.split(",") if part and part.partition("=")[0] not in SMOOTH]
    return {OWN: name, FIXED: f"{family}:{','.join([*kept, *(f'{switch}=off' for switch in SMOOTH)])}"}


def alone(population: Population, kind: str, laws: dict[str, Law]) -> Population:
    """The same lenses, every one with substructure of `kind` by these laws, whatever its class.

    Laws of the other classes stay, since a family may read its own; a kind takes no notice of what is not its own.
    """
    dark = {name: population.dark.get(name, {}) | laws for name in population.classes}
    return replace(population, kinds=(kind,) * len(population.classes), dark=dark)


def sorts(grid: Grid, population: Population) -> list[tuple[str, Population]]:
    """The same lenses without substructure, as "bare", and with that of each "CLASS/STRENGTH" of the grid."""
    out = [("bare", alone(population, "none", {}))]
    for name, (path, values) in grid.strengths.items():
        kind, word = population.kinds[population.classes.index(name)], path.removeprefix("substructure.")
        out += [(f"{name}/{k}", alone(population, kind, population.dark[name] | {word: Law("fixed", value, value)}))
                for k, value in enumerate(values)]
    return out


@dataclass(frozen=True)
class Lenses:
    """A batch of one structure, noise-free and smooth, with what a smooth model is free to do to it."""

    rows: np.ndarray       # (B,) in the chunk
    arcs: Tensor           # (B, 1, H, W) float64 counts/s
    glow: Tensor | None    # of the lens
    tangents: Tensor       # (B, H W, P) changes of the noise-free image


def smooth_lenses(population: Population, at: tuple, device) -> list[Lenses]:
    """The lenses of a chunk without substructure, group by group; `at` as in `groups_of`."""
    out = []
    for rows, wide in groups_of(alone(population, "none", {}), *at):
        scenes = wide.to(device, torch.float64)
        arcs, glow = shining(scenes)
        round_ones = ceiling.free_ellipticities(scenes)
        tangents = [change(round_ones, path).flatten(1) for path in ceiling.free(round_ones)]
        out.append(Lenses(rows, arcs, glow, torch.stack(tangents, dim=2)))
    return out


def groups_of(population: Population, chunk: int, seed: int, split: str, n: int) -> list[tuple[np.ndarray, Scenes]]:
    """The first n items of a chunk, in batches of one structure."""
    groups = with_galaxies(population.chunk(chunk, seed, split), split).groups
    return [(rows[rows < n], scenes.take(np.flatnonzero(rows < n))) for rows, scenes in groups if (rows < n).any()]


def shining(scenes: Scenes) -> tuple[Tensor, Tensor | None]:
    """Arcs and light of the lens (B, 1, H, W), noise-free."""
    realisation = realise(scenes)
    arcs = noise_free(without_lens_light(scenes), realisation)
    return arcs, noise_free(scenes, realisation) - arcs if scenes.template.lens_light else None


def change(scenes: Scenes, path: str, step: float = ceiling.STEP) -> Tensor:
    """Change of the noise-free image for a unit of one setting, as `ceiling.derivative` has it of the expected one."""
    ends = [noise_free(scenes.with_values(**{path: scenes[path] + sign * step})) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


def significances(scenes: Scenes, arcs: Tensor, lenses: Lenses, log_flux: Tensor) -> np.ndarray:
    """lambda (B,) of arcs that are brighter by a factor, beside smooth ones that are brighter by the same.

    A factor on the columns of the tangents leaves their span as it is; what the camera makes of a pixel (two cameras of
    DeepLense are not linear) multiplies their rows.
    """
    with_it, without = (lit(part, lenses.glow, log_flux) for part in (arcs, lenses.arcs))
    mean, variance = ceiling.expected(scenes, with_it)
    with torch.enable_grad():
        model = without.detach().requires_grad_()
        expected = ceiling.expected(scenes, model)[0]
        slope, = torch.autograd.grad(expected.sum(), model)
    sigma = variance.sqrt().flatten(1)
    difference = (mean - expected.detach()).flatten(1) / sigma
    tangents = lenses.tangents * (slope.flatten(1) / sigma)[..., None]
    return ceiling.project_out(difference, tangents).square().sum(1).sqrt().cpu().numpy()


def lit(arcs: Tensor, glow: Tensor | None, log_flux: Tensor) -> Tensor:
    model = arcs * log_flux.exp().to(arcs)[:, None, None, None]
    return model if glow is None else model + glow


def observed(scenes: Scenes, model: Tensor, cell: int) -> Observation:
    """Noisy images, each cell with noise of its own; of the truth nothing is told."""
    draws = noises.SeededDraws(scenes.seeds[:, 1] + cell)
    image = expose(scenes, model, draws)[0]
    camera = scenes.template.camera
    variance = estimated_variance(camera, image, background(scenes), electrons(scenes))
    return Observation(image=image.float(), variance=variance.float(), pixel_scale=camera.pixel_scale,
                       unit="counts" if camera.noise_twice else "counts/s", psf=psf_kernel(camera, 1))


def pieces(grid: Grid, population: str, chunk: int, answer: Answer, *, n: int = CHUNK, seed: int = SEED,
           split: str = "test", device="cpu") -> Iterator[tuple[str, dict]]:
    """Answers and lambda of the first n lenses of a chunk, as (key, plain values), cell by cell.

    Keys are "bare/S" and "CLASS/STRENGTH/S", numbers being places in the grid. Values: `answers` (n, C) and
    `lambdas` (n,), the lenses always in the same order.
    """
    made, at = find(population), (chunk, seed, split, n)
    with torch.no_grad():
        smooth = smooth_lenses(made, at, device)
        for number, (key, sort) in enumerate(sorts(grid, made)):
            found = [dict(answers=[], lambdas=[]) for _ in grid.S]
            for lenses, (rows, wide) in zip(smooth, groups_of(sort, *at), strict=True):
                assert (lenses.rows == rows).all()
                scenes = wide.to(device, torch.float64)
                arcs = lenses.arcs if key == "bare" else shining(scenes)[0]
                for k, S in enumerate(grid.S):
                    log_flux, _ = flux_for(scenes, arcs, lenses.glow, np.full(len(rows), S))
                    seen = observed(scenes, lit(arcs, lenses.glow, log_flux), 1 + number * len(grid.S) + k)
                    found[k]["answers"] += answer(seen).tolist()
                    found[k]["lambdas"] += ([0.0] * len(rows) if key == "bare" else
                                            significances(scenes, arcs, lenses, log_flux).tolist())
            yield from ((f"{key}/{k}", rounded(values)) for k, values in enumerate(found))


def refits(grid: Grid, chunk: int, *, n: int = CHUNK, seed: int = SEED, split: str = "test",
           known: Container[str] = ()) -> Iterator[tuple[str, list[float]]]:
    """Sigmas (n,) that smooth lenses fitted anew leave of the lenses of `pieces`, at the middle S of the grid.

    known  keys, those of `sorts`, that need not be done again
    """
    made = find(grid.population)
    for key, sort in sorts(grid, made):
        if key in known:
            continue
        left = []
        for rows, scenes in groups_of(sort, chunk, seed, split, n):
            narrow = scenes.to(dtype=torch.float32)
            with torch.no_grad():
                shift, _, _ = exposed(narrow, realise(narrow), np.full(len(rows), grid.middle))
            left += refit.left_over(made, brighter(scenes, shift)).tolist()
        yield key, rounded(left)


def with_refits(found: dict, left: dict[str, list[float]]) -> dict:
    """The maps of `table` with what the refitted lambda promises beside the ceiling.

    left  {key: sigmas} of `refits`, chunks put together. What a fit leaves of the same lens without substructure, a
          clump of the source that it cannot draw, is no signal; and lambda grows with S as the ceiling's does.
    """
    grid = Grid.of_maps(found)
    floor, kinds = np.array(left["bare"]), []
    for kind in found["kinds"]:
        own = kind["maps"][OWN]
        growth = np.array(own["significance"])
        growth = growth / growth[grid.S.index(grid.middle)]
        kept = [np.sqrt(np.maximum(np.array(left[f"{kind['class']}/{k}"])**2 - floor**2, 0.0))
                for k in range(len(kind["strength"]))]
        lambdas = growth[..., None] * np.array(kept)                  # (S, strength, lens)
        own = own | dict(refitted=ndtr(lambdas / np.sqrt(2)).mean(2), left=np.median(lambdas, axis=2))
        kinds.append(kind | dict(maps=kind["maps"] | {OWN: own}))
    return rounded(found | dict(kinds=kinds))


def table(grid: Grid, classes: tuple[str, ...], cells: dict[str, dict[str, dict]], **more) -> dict:
    """The maps, as plain values for a card: AUC of each class against bare lenses, its interval, the ceiling and the
    median lambda, rows by S and columns by strength.

    cells  {map: {key: values}} of `pieces`, chunks put together
    """
    bare = next(classes.index(word) for word in SMOOTH_CLASSES if word in classes)
    kinds = []
    for name, (path, values) in grid.strengths.items():
        label, maps = classes.index(name), {}
        for which, found in cells.items():
            rows = [[cell(found[f"{name}/{k}/{s}"], found[f"bare/{s}"], bare, label, classes)
                     for k in range(len(values))] for s in range(len(grid.S))]
            maps[which] = {word: [[entry[word] for entry in row] for row in rows]
                           for word in ("auc", "interval", "ceiling", "significance")}
        kinds.append({"class": name, "path": path, "strength": list(values), "maps": maps})
    n = len(next(iter(next(iter(cells.values())).values()))["lambdas"])
    return rounded(dict(population=grid.population, n=n, S=list(grid.S), kinds=kinds, **more))


def cell(with_it: dict, without: dict, bare: int, label: int, classes: tuple[str, ...]) -> dict:
    answers = np.array(without["answers"] + with_it["answers"])
    truth = np.repeat([0, 1], [len(without["answers"]), len(with_it["answers"])])
    found = metrics.scores(against_bare(answers[:, [bare, label]]), truth, (classes[bare], classes[label]),
                           resamples=RESAMPLES)
    lambdas = np.array(with_it["lambdas"])
    return dict(auc=found.macro_auc, interval=found.intervals["macro_auc"], significance=float(np.median(lambdas)),
                ceiling=float(ndtr(lambdas / np.sqrt(2)).mean()))
