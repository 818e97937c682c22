"""The architecture `refined`: a network's answer, and places around it, refined by least squares through the lens.

What begins is the LensRegressor of a checkpoint. It reads the arcs at several zooms, since a lens is the same at every
size, so that lenses smaller and larger than those it was taught are begun as well.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log

import torch
from torch import Tensor

from lenslab.checkpoint import checkpoints_folder
from lenslab.fit import observed, posterior
from lenslab.fit.correction_maps import correction_maps
from lenslab.fit.descent import Minimum, descend
from lenslab.fit.multiple_images import images
from lenslab.fit.observed import Masks, Target
from lenslab.fit.perturber import perturbers, places
from lenslab.fit.pixel_source import pixel_source
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.rays import scenes_at
from lenslab.fit.refined import Recipe, refine
from lenslab.fit.smooth import SmoothLens, of_card
from lenslab.images.observation import Observation
from lenslab.images.simulate import maps
from lenslab.nets.lens_regressor import LensRegressor
from lenslab.nets.lens_residual import shift
from lenslab.quantity import choice, switch
from lenslab.scenes import Scenes
from lenslab.tasks.reconstruct import scenery, verdict
from lenslab.tasks.reconstruct.record import GRID, Progress, Reconstruction
from lenslab.tasks.trained import load

STARTER = "classify-hst.safetensors"
ZOOMS = (1.0, 0.7, 1.4, 2.0)
AROUND = 3            # starts at each zoom: what the network says, and places by its error off that
SOURCE_SIDE = 96      # pixels of the source's map
ABOVE = 1.0           # sigmas of the model's arcs where the arc mask begins
HELD_MASS = {"shear": ("gamma1", "gamma2"), "multipoles": ("a3_x", "a3_y", "a4_x", "a4_y"), "slope": ("gamma",)}


@dataclass(frozen=True)
class Settings:
    """What of a lens is free, and how its source and its light are modelled."""

    shear: bool = switch(True, "Tides of masses nearby.", "Shear")
    multipoles: bool = switch(True, "Lopsided, disky and boxy mass.", "Multipoles")
    slope: bool = switch(True, "How fast the mass falls outwards; without it the lens is isothermal.", "Density slope")
    compact: bool = switch(True, "Compact components of the source beside its Sersic profile.", "Compact components")
    lens_light: str = choice("auto", ("auto", "none", "1", "2"), "Sersics of the lens galaxy that are fitted with the "
                             "lens; auto takes as many as its light asks for.", "Lens light")
    source: str = choice("sersic", ("sersic", "pixels"), "pixels: behind the lens that is found, the source is had "
                         "anew as pixels, by a linear inversion.", "Source")
    corrections: bool = switch(False, "What of the image looks like lensing that no smooth lens explains, as maps with "
                               "their errors.", "Corrections")
    perturber: bool = switch(False, "Ask at every place of the arcs for one small mass beside the lens.", "Small mass")


USUAL, NOTHING_MASKED = Settings(), Masks()
THOROUGH = Recipe(last=25)     # sources of the sky are richer than those of a population


def starting_network(path=None) -> tuple[LensRegressor, SmoothLens]:
    """The network that begins fits, and the smooth lenses that it was taught: a checkpoint's, or the shipped one's."""
    trained = load(path or checkpoints_folder() / STARTER)
    if not hasattr(trained.model, "regressor"):
        raise ValueError("This checkpoint reads no lens off an image; give one of python -m lenslab train "
                         "lens_parameters, or of a lens_residual.")
    model = trained.model
    if hasattr(model, "lens"):
        return model.regressor, model.lens
    return model.regressor, of_card(trained.card.get("smooth_lens"))


def usual(lens: SmoothLens, settings: Settings) -> SmoothLens:
    """The smooth lenses that are sought: what a switch turns off is held where a plain lens has it."""
    gone = {name for word, names in HELD_MASS.items() if not getattr(settings, word) for name in names}
    keep = [k for k, name in enumerate(lens.names) if name not in gone]
    fixed = dict(lens.fixed)
    for name in gone & set(lens.names):
        fixed |= {"lens.gamma": 2.0} if name == "gamma" else {f"lens.{name}": 0.0} if name.startswith("gamma") else \
            {f"lens.{name[:2]}_a": 0.0}
    return replace(lens, names=tuple(lens.names[k] for k in keep), fixed=fixed,
                   compact=lens.compact and settings.compact,
                   **{name: getattr(lens, name)[keep] for name in ("mean", "std", "low", "high")})


def starts(made: Target, regressor: LensRegressor, taught: SmoothLens) -> Tensor:
    """Coordinates (T, P) where the fit of a target begins, by what the network reads at each zoom."""
    rows, names = [], list(taught.names)
    with torch.no_grad():
        for zoom in ZOOMS:
            read = regressor(observed.as_seen_by(made, taught.camera, zoom))
            for k in range(AROUND):
                place = taught.plain(read + regressor.error * shift(k, taught))[0].clone()
                for name in ("theta_E", "center_x", "center_y", "source_x", "source_y"):
                    if name in names:
                        place[names.index(name)] *= zoom
                place[names.index("log_R")] += log(zoom)
                for name, at in zip(("center_x", "center_y", "source_x", "source_y"), made.center * 2, strict=True):
                    if name in names:
                        place[names.index(name)] += at
                rows.append(place)
    own = made.problem.lens.names
    return torch.stack(rows)[:, [names.index(name) for name in own]]


def reconstruct(observation: Observation, regressor: LensRegressor, taught: SmoothLens, *,
                settings: Settings = USUAL, masks: Masks = NOTHING_MASKED, recipe: Recipe = THOROUGH,
                rays: int | None = None) -> Iterator[Progress]:
    """A lens and its source from one image, stage by stage; the last Progress carries the Reconstruction.

    rays   in a pixel and side; None for as many as its size asks for
    """
    begun = time.process_time()
    components = None if settings.lens_light == "auto" else 0 if settings.lens_light == "none" \
        else int(settings.lens_light)
    made = observed.target(observation, usual(taught, settings), masks, components, rays)
    steps = list(made.steps)

    def clean(far: float):
        def neighbours(problem: FitProblem, left: Tensor, state: State) -> FitProblem:
            theta_E = float(scenes_at(problem.lens, state.place)["lens.theta_E"])
            cleaned, number = observed.without_neighbours(problem, left, theta_E, made.center, far)
            if number:
                steps.append(f"{number} pixels beyond {far:.1f} Einstein radii were left out: light that no image of "
                             "the source explains.")
            return cleaned
        return neighbours

    for stage in refine(made.problem, starts(made, regressor, taught), made.noise_of, recipe,
                        tuple(clean(far) for far in observed.FAR)):
        scene = scenery.scene_of(stage.problem, stage.best.state)
        told = Progress(stage.name, stage.share, chi2_of(stage.best) / float(stage.problem.counted), scene.lens.theta_E,
                        scene)
        if stage.others is None:
            yield told
        else:
            yield replace(told, reconstruction=finished(made, stage.problem, stage.best, stage.others, tuple(steps),
                                                        recipe, settings, begun))


def steps(observation: Observation, *, settings: Settings = USUAL, masks: Masks = NOTHING_MASKED, checkpoint=None
          ) -> Iterator[Progress]:
    """`reconstruct`, begun by the network of a checkpoint: a row of lenslab.tasks.reconstruct.networks."""
    return reconstruct(observation, *starting_network(checkpoint), settings=settings, masks=masks)


def chi2_of(found: Minimum) -> float:
    return float(found.left.double().square().sum())


def finished(made: Target, problem: FitProblem, best: Minimum, others: Minimum, steps: tuple[str, ...], recipe: Recipe,
             settings: Settings, begun: float) -> Reconstruction:
    """All that is said of a target whose fit, which began at `begun` of processor time, has ended."""
    with torch.inference_mode():
        N, state, Q = problem.lens.camera.num_pix, best.state, len(problem.lens.names)
        known = problem.sigma[0, 0].isfinite()
        seen = images(problem, state)
        glow = problem.light_of(state.glow)[0, 0] if state.glow.shape[1] else torch.zeros(N, N)
        residual = best.left.reshape(N, N)
        bare = replace(problem, image=torch.zeros_like(problem.image), sigma=torch.ones_like(problem.sigma))
        arcs = -bare.residual(state._replace(glow=state.glow[:, :0])).reshape(N, N)
        sigma = torch.where(known, problem.sigma[0, 0], 1.0)
        arc_mask = known & (arcs > ABOVE * sigma)
        signal = float((arcs / sigma)[known].square().sum().sqrt())
        freedom, there = freedoms(problem, best, arc_mask)
        chi2_arcs = float(residual[arc_mask].double().square().sum())
        pixels = int(arc_mask.sum())
        reduced = chi2_arcs / max(pixels - there, 0.5 * pixels, 1.0)
        stretch = recipe.stretch if state.compact.shape[1] else 1.0
        covariance = posterior.covariance(best, others, Q, stretch)
        k = problem.lens.names.index("theta_E") if "theta_E" in problem.lens.names else None
        sigma_E = float(covariance[k, k].sqrt()) if k is not None else 0.0
        why = verdict.why_not(problem, best, others, seen, made.galaxies, signal, reduced, pixels, sigma_E)
        spread = between_sources(problem, best)
        scene = scenery.scene_of(problem, state)
    true = maps(Scenes.of([scene], dtype=torch.float64), source_side=SOURCE_SIDE)
    warnings, pixels_of_source = list(made.warnings), None
    if settings.source == "pixels":
        try:
            pixels_of_source = pixel_source(problem, state)
        except ValueError as error:
            warnings.append(str(error))
    corrections = correction_maps(problem, best, arc_mask) if settings.corrections else None
    small = None
    if settings.perturber:
        x, y = places(problem, state, GRID)
        small = perturbers(problem, best, x, y) if len(x) else None
    if reduced < 0.8:
        warnings.append(f"chi2 in the arcs is {reduced:.2f} a pixel, below what independent noise gives: the noise is "
                        "correlated between pixels or overstated, and errors are of that noise.")
    return Reconstruction(
        observation=made.observation, offset=made.offset, scene=scene, source=true.source[0],
        source_half_width=true.source_half_width, psi=true.psi[0], kappa=true.kappa[0], alpha_x=true.alpha_x[0],
        alpha_y=true.alpha_y[0], model=(arcs + glow).clone(), lens_light=glow.clone(), residual=residual.clone(),
        used=known.clone(), arc_mask=arc_mask.clone(), chi2=chi2_of(best), chi2_arcs=chi2_arcs, reduced_chi2=reduced,
        effective_freedom=freedom, names=problem.lens.names, mean=state.all[0, :Q].clone(),
        covariance=covariance.clone(),
        parameters=scenery.parameters(problem, state.place[0, :Q], covariance, spread), converged=not why, why=why,
        pixel_source=pixels_of_source, corrections=corrections, perturbers=small, steps=steps, warnings=tuple(warnings),
        seconds=time.process_time() - begun)


def freedoms(problem: FitProblem, best: Minimum, arc_mask: Tensor) -> tuple[float, float]:
    """Numbers that the image tells rather than a prior: in all, and in the pixels of the arcs.

    The trace of J (J^T J + priors)^-1 J^T (Vegetti & Koopmans 2009, 0805.0201), over all pixels and over some.
    """
    J = problem.jacobian(best.state)[0].double()
    each = ((J @ torch.linalg.inv(best.normal[0])) * J).sum(1)
    return float(each.sum()), float(each[arc_mask.flatten()].sum())


def between_sources(problem: FitProblem, best: Minimum) -> dict[str, float] | None:
    """Half of what the lens differs by where its source is a profile alone, by coordinate; None where it is one."""
    if not best.state.compact.shape[1]:
        return None
    alone = best.state._replace(compact=best.state.compact[:, :0])
    other = descend(problem, alone, 10, 1)
    half = (other.state.place[0] - best.state.place[0]).abs().double() / 2
    return dict(zip(problem.lens.names, half.tolist(), strict=False))

