"""How much of the substructure is in an image at all: the ceiling for every network and fit.

lambda^2 = d^T C^-1 d, where d is what the substructure changes in the noise-free image, C its noise, and all that a
smooth lens and source could mimic is projected out in the metric C^-1: the best significance, in sigmas, with which
anybody can tell this lens from a smooth one who knows nothing of it beforehand: where a population fixes its lenses,
less is free than here, and its networks may tell more. The smooth model is taken as linear about the truth, so that
lambda is too high where substructure is so strong that a smooth fit would wander far (`fit.refit` does).
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from lenslab.images.model import without_substructure
from lenslab.images.realise import realise
from lenslab.images.simulate import background, noise_free
from lenslab.physics import noise as noises
from lenslab.scene import Scene
from lenslab.scenes import DARK, Scenes

STEP = 1e-5       # of central differences in float64, in arcsec, magnitudes or pure numbers: errors near 1e-9
CUT = 1e-10       # directions whose eigenvalue is this small beside the largest are the same direction twice
NOTHING = 1e-9    # of the longest column: a padded clump is fainter than rounding
LIGHT = ("magnitude", "R_sersic", "n_sersic", "e1", "e2", "center_x", "center_y")


def significance(scene: Scene) -> tuple[Tensor, float]:
    """What the substructure changes in the image, in sigmas (1, 1, H, W), and lambda, the root of its summed square."""
    left = residuals(Scenes.of([scene], dtype=torch.float64))
    return left, float(left.square().sum().sqrt())


def lambdas(scenes: Scenes, shine: Callable | None = None) -> Tensor:
    """lambda (B,) of each image of a batch, float64; `shine` as in `simulate.noise_free`."""
    return residuals(scenes, shine).square().sum((1, 2, 3)).sqrt()


def residuals(scenes: Scenes, shine: Callable | None = None) -> Tensor:
    """The substructure's change of the image in sigmas (B, 1, H, W), what a smooth model could mimic projected out.

    Free in the smooth model: Einstein radius, ellipticity, centre and shear of the lens, slope and multipoles where
    the scenes have them; place, brightness, radius, index and ellipticity of the source, brightness of its clumps,
    brightness, radius and index of the lens light; of a picture: place, brightness, width and angle.
    """
    with torch.no_grad():
        scenes = scenes.to("cpu", torch.float64)
        mean, variance = expected(scenes, noise_free(scenes, shine=shine))
        smooth = free_ellipticities(without_substructure(scenes))
        sigma = variance.sqrt().flatten(1)
        difference = (mean - expected(smooth, noise_free(smooth))[0]).flatten(1) / sigma
        tangents = torch.stack([derivative(smooth, path).flatten(1) / sigma for path in free(smooth)], dim=2)
        return project_out(difference, tangents).reshape(mean.shape)


def expected(scenes: Scenes, model: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of what the camera records of noise-free images, in its unit."""
    camera = scenes.template.camera
    return noises.moments(model, background(scenes), scenes["camera.exposure_time"], scenes["camera.gain"],
                          noise=camera.noise, noise_twice=camera.noise_twice, doubled=camera.doubled)


def derivative(scenes: Scenes, path: str, step: float = STEP) -> Tensor:
    """Change of the expected image (B, 1, H, W) for a unit of one setting, by central differences."""
    ends = []
    for sign in (1, -1):
        moved = scenes.with_values(**{path: scenes[path] + sign * step})
        ends.append(expected(moved, noise_free(moved, realise(moved)))[0])
    return (ends[0] - ends[1]) / (2 * step)


def free(smooth: Scenes) -> list[str]:
    """Settings of the smooth model that a fit would adjust, by path."""
    names = ["theta_E", "e1", "e2", "center_x", "center_y", "gamma1", "gamma2"]
    names += [] if smooth.sie else ["gamma"]
    names += ["a3_a", "delta_phi_m3", "a4_a", "delta_phi_m4"] if smooth.multipoles else []
    paths = [f"lens.{name}" for name in names]
    if smooth.template.source.picture is not None:
        paths += [f"source.{name}" for name in ("magnitude", "center_x", "center_y", "picture_width", "phi")]
    else:
        paths += [f"source.{name}" for name in LIGHT]
        paths += [path for path in smooth.values if path.startswith("source.clumps.") and path.endswith(".magnitude")
                  and bool((smooth[path] < DARK).any())]
    return paths + [f"lens_light.{k}.{name}" for k in range(len(smooth.template.lens_light)) for name in LIGHT[:3]]


def free_ellipticities(scenes: Scenes) -> Scenes:
    """e1 and e2 in the place of q and phi, whose angle means nothing for a round lens."""
    changes = {}
    for owner in ("lens", "source"):
        changes[f"{owner}.e1"], changes[f"{owner}.e2"] = scenes.ellipticity(owner)
    return replace(scenes, values={**scenes.values, **changes})


def project_out(difference: Tensor, tangents: Tensor) -> Tensor:
    """(B, M) less its part in the span of (B, M, P): least squares by the eigenvectors of the normal matrix.

    Columns are scaled to length 1; one that is nothing beside the others (a padded clump) or repeats them is left
    out, and the projection is done twice, which wins back the digits that the normal matrix costs.
    """
    length = tangents.norm(dim=1, keepdim=True)
    lit = length > NOTHING * length.amax(dim=2, keepdim=True)
    unit = torch.where(lit, tangents / length.clamp_min(1e-300), 0.0)
    values, vectors = torch.linalg.eigh(unit.mT @ unit)
    good = values > CUT * values[:, -1:]
    basis = unit @ (vectors * torch.where(good, values.clamp_min(1e-300).rsqrt(), 0.0)[:, None, :])
    left = difference[..., None]
    for _ in range(2):
        left = left - basis @ (basis.mT @ left)
    return left[..., 0]
