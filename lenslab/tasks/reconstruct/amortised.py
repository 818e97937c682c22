"""The architecture `amortised`: lens and source, and how sure both are, in one pass of a trained network.

Training has paid for it once (amortised inference): nothing is fitted to the image that comes. The network reads the
arcs at several zooms, as that which begins fits does, and the reading is taken whose model leaves least on the image's
own pixels.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from lenslab.checkpoint import checkpoints_folder
from lenslab.fit import observed
from lenslab.fit.annealed import inflated_noise
from lenslab.fit.descent import Minimum, descend
from lenslab.fit.observed import Masks, Target
from lenslab.fit.problem import State
from lenslab.fit.refined import Recipe, lens_places, repeated
from lenslab.fit.smooth import SmoothLens
from lenslab.images.observation import Observation
from lenslab.nets.lens_posterior import LensPosterior, sigmas_of
from lenslab.tasks.reconstruct import refined, scenery
from lenslab.tasks.reconstruct.record import Progress
from lenslab.tasks.reconstruct.task import predict
from lenslab.tasks.trained import Trained, load

SHIPPED = "reconstruct-hst.safetensors"
SHARE = 0.1      # of the light that a source which is a profile alone may be wrong by, where zooms are compared


def steps(observation: Observation, *, settings: refined.Settings = refined.USUAL, masks: Masks =
          refined.NOTHING_MASKED, checkpoint=None) -> Iterator[Progress]:
    """One Progress, with the Reconstruction: a row of lenslab.tasks.reconstruct.networks."""
    begun = time.process_time()
    trained = reader(checkpoint)
    made = observed.target(observation, smooth(trained.model.lens), masks, settings.components)
    best, covariance, zoom = read(trained, made)
    told = made.steps + (f"The network read the lens {zoom:g} times as large as it is used to.",) * (zoom != 1)
    reconstruction = refined.finished(made, made.problem, best, None, told, Recipe(), settings, begun, covariance)
    counted = float(made.problem.counted)
    yield Progress("read", 1.0, refined.chi2_of(best) / counted, reconstruction.scene.lens.theta_E,
                   scenery.scene_of(made.problem, best.state), reconstruction=reconstruction)


def smooth(lens: SmoothLens) -> SmoothLens:
    """The lenses of a network, whose sources are profiles alone here."""
    return replace(lens, compact=False)


def reader(checkpoint=None) -> Trained:
    path = checkpoint or checkpoints_folder() / SHIPPED
    trained = load(path, task="reconstruct")
    assert isinstance(trained.model, LensPosterior), type(trained.model)
    return trained


def read(trained: Trained, made: Target) -> tuple[Minimum, Tensor, float]:
    """Where the network says that the lens is, as if a fit had ended there, the covariance (Q, Q) in the coordinates of
    the target, and the zoom at which it was read."""
    lens = trained.model.lens
    given = torch.cat([sigmas_of(*observed.arcs_as_seen_by(made, lens.camera, zoom)) for zoom in refined.ZOOMS])
    found = predict(trained, given)
    with torch.inference_mode():
        rows = torch.stack([refined.unzoomed(place, lens.names, zoom, made.center)
                            for place, zoom in zip(lens.plain(found.mean), refined.ZOOMS, strict=True)])
        many = repeated(made.problem, len(rows))
        place = lens_places(many, rows.to(made.problem.image))
        state = State(place, place.new_zeros(len(place), 0), many.glow)
        rough = replace(many, sigma=inflated_noise(many.arcs, many.sigma, SHARE))
        k = int(rough.residual(state).double().square().sum(1).argmin())
        best = descend(made.problem, state.take([k]), 0)
    scale = lens.std.clone()
    for name in refined.LENGTHS:
        if name in lens.names:
            scale[lens.names.index(name)] *= refined.ZOOMS[k]
    covariance = found.covariance[k].double() * scale[:, None] * scale
    still = replace(best, depth=torch.zeros_like(best.depth))     # nothing descends here, so nothing is to come to rest
    return still, covariance, refined.ZOOMS[k]
