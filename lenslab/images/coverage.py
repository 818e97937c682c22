"""How far round a lens the light of its source reaches: separate images, arcs, or a full ring."""

from dataclasses import dataclass

import numpy as np
import torch

from lenslab.images.model import source_light
from lenslab.images.simulate import background
from lenslab.images.sketch import Sketch
from lenslab.scenes import Scenes

LIGHT = 0.8   # share of its light by which a source is as large as it looks
SIGMAS = 3.0  # of the noise of a pixel, above which light is seen
SIDE = 48     # of the grid on which the isophote is found
EXTENT = 4.0  # half-light radii, half of the grid's side


@dataclass(frozen=True)
class Coverage:
    """Shares of the longest critical curve, 0 to 1; both are 0 where the lens has none in the frame."""

    visible: float  # where the source's light stands above the noise: 1 for a ring all round
    bright: float   # where it is also above the isophote that holds LIGHT of it: 0 for separate images


def coverage(scenes: Scenes, found: Sketch) -> Coverage:
    """How much of the critical curve of one scene (B = 1), about which images are drawn out, is lit by its source."""
    if not found.critical:
        return Coverage(0.0, 0.0)
    lengths = np.hypot(*(np.diff(each) for each in found.critical[0]))
    middles = [torch.from_numpy((each[1:] + each[:-1]) / 2).to(scenes["lens.theta_E"])[None, None]
               for each in found.caustics[0]]
    light = source_light(scenes, *middles)[0, 0].cpu().double().numpy()
    noise = SIGMAS * float(background(scenes)[0]) / scenes.template.camera.pixel_scale**2
    return Coverage(*(float(lengths[light >= level].sum() / max(lengths.sum(), 1e-30))
                      for level in (noise, max(noise, isophote(scenes)))))


def isophote(scenes: Scenes) -> float:
    """Brightness above which a source has LIGHT of its light, counts/s/arcsec^2."""
    source = scenes.template.source
    half = source.picture_width / 2 if source.picture is not None else EXTENT * float(scenes["source.R_sersic"][0])
    axis = torch.linspace(-half, half, SIDE).to(scenes["lens.theta_E"])
    x, y = axis + scenes["source.center_x"][0], axis + scenes["source.center_y"][0]
    light = source_light(scenes, x[None, None, :], y[None, :, None])
    ranked = np.sort(light.cpu().double().numpy().ravel())[::-1]
    return float(ranked[np.searchsorted(np.cumsum(ranked), LIGHT * ranked.sum()).clip(max=len(ranked) - 1)])
