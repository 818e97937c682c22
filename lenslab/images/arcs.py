"""How far round a lens the light of its source reaches: separate images, arcs, or a full ring."""

import numpy as np
import torch

from lenslab.images.model import source_light
from lenslab.images.simulate import background
from lenslab.images.sketch import Sketch
from lenslab.scenes import Scenes

LIGHT = 0.8   # share of its light by which a source is as large as it looks
SIDE = 48     # of the grid on which that is found
EXTENT = 4.0  # half-light radii, half of the grid's side


def share_of_ring(scenes: Scenes, found: Sketch) -> float:
    """Share of the longest critical curve upon which the source shines: 0 for separate images, 1 for a full ring.

    Its light must stand above the noise of a pixel, and above the isophote that holds LIGHT of it. 0 where the lens has
    no critical curve in the frame.
    """
    if not found.critical:
        return 0.0
    lengths = np.hypot(*(np.diff(each) for each in found.critical[0]))
    middles = [torch.from_numpy((each[1:] + each[:-1]) / 2).to(scenes["lens.theta_E"])[None, None]
               for each in found.caustics[0]]
    light = source_light(scenes, *middles)[0, 0].cpu().double().numpy()
    noise = float(background(scenes)[0]) / scenes.template.camera.pixel_scale**2
    lit = light >= max(isophote(scenes), noise)
    return float(lengths[lit].sum() / max(lengths.sum(), 1e-30))


def isophote(scenes: Scenes) -> float:
    """Brightness above which a source has LIGHT of its light, counts/s/arcsec^2."""
    source = scenes.template.source
    half = source.picture_width / 2 if source.picture is not None else EXTENT * float(scenes["source.R_sersic"][0])
    axis = torch.linspace(-half, half, SIDE).to(scenes["lens.theta_E"])
    x, y = axis + scenes["source.center_x"][0], axis + scenes["source.center_y"][0]
    light = source_light(scenes, x[None, None, :], y[None, :, None])
    ranked = np.sort(light.cpu().double().numpy().ravel())[::-1]
    return float(ranked[np.searchsorted(np.cumsum(ranked), LIGHT * ranked.sum()).clip(max=len(ranked) - 1)])
