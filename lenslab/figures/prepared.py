"""What was done to a real image before a network saw it: as it came, its lens light, what is left, what is given."""

import numpy as np

from lenslab.figures import observed
from lenslab.figures.canvas import Figure, plane
from lenslab.sky.prepare import Prepared


def steps(prepared: Prepared, *, dark: bool, height: int = 230) -> list[Figure]:
    """A row of small pictures. The first three share their limits; the last is in sigmas, as the network sees it."""
    before, stretch = prepared.before, observed.stretch_of("asinh", prepared.before)
    row = [observed.image(before, stretch=stretch, title="As it came", height=height)]
    if prepared.lens_light is not None:
        light = np.where(observed.mask_of(before), plane(prepared.lens_light), np.nan)
        row.append(observed.brightness(light, observed.frame_of(before), stretch, before.unit,
                                       title="Lens light, fitted", height=height))
        row.append(observed.image(prepared.subtracted, stretch=stretch, title="Lens light taken off", height=height))
    return [*row, given(prepared, dark=dark, height=height)]


def given(prepared: Prepared, *, dark: bool, height: int = 230) -> Figure:
    """The image on the camera's grid in units of its noise; what is not covered is left out."""
    found = prepared.observation
    sigmas = np.where(observed.mask_of(found), plane(found.image) / plane(found.noise), np.nan)
    limit = max(observed.SIGMAS, float(f"{np.nanpercentile(np.abs(sigmas), 99):.1g}"))
    side = sigmas.shape[-1]
    return observed.residual(sigmas, observed.frame_of(found), title=f"Given: {side} × {side} in σ", dark=dark,
                             height=height, limit=limit)
