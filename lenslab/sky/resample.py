"""An image on another grid of pixels: flux and noise are carried over, a blur with them.

Both grids lie parallel to each other, so that all of it is one matrix a side: image' = A_y image A_x^T. Along an axis
the light gathered up to every edge of the old pixels is joined by a cubic spline and read at the edges of the new ones
(as in lenslab.physics.camera.resample_kernel): no light is lost, and a pixel made of whole old ones holds their sum.
Plain area overlap would keep the flux as well, but it takes a pixel for flat, which blurs, and leaves steps where the
new pixels are the smaller ones.
"""

from dataclasses import replace
from functools import lru_cache
from math import ceil

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter
from scipy.special import ive

from lenslab.images.observation import Observation

COVERED = 0.5     # share of a new pixel that must be known for it to count
FILL_WIDTH = 2.0  # pixels of the blur that fills unknown pixels, so that the spline does not ring at their edge


def resampled(observation: Observation, center: tuple[float, float], num_pix: int, pixel_scale: float,
              blur: float = 0.0) -> Observation:
    """The square of num_pix pixels of pixel_scale arcsec about `center`, x and y in arcsec from the old frame's middle.

    blur   arcsec   sigma of a Gaussian that the image is blurred by on the way

    The variance of a pixel is exact for independent noise: (A_y)^2 variance (A_x^T)^2, squares elementwise. The noise
    of neighbours is correlated afterwards, which no variance a pixel can tell. Pixels of which less than half is known
    are masked. The PSF is blurred and resampled alike.
    """
    height, width = observation.image.shape[-2:]
    A_y, A_x = (axis_matrix(side, observation.pixel_scale, at, num_pix, pixel_scale, blur)
                for side, at in ((height, center[1]), (width, center[0])))
    known = _numbers(observation.mask) if observation.mask is not None else np.ones(observation.image.shape)
    cover_y, cover_x = (overlap(side, observation.pixel_scale, at, num_pix, pixel_scale)
                        for side, at in ((height, center[1]), (width, center[0])))
    mask = cover_y @ known @ cover_x.T >= COVERED * pixel_scale**2 / observation.pixel_scale**2
    if not mask.any():
        raise ValueError(f"The frame about ({center[0]:g}, {center[1]:g}) arcsec lies outside of what the image shows; "
                         "choose a centre inside.")
    image = A_y @ filled(_numbers(observation.image), known > 0) @ A_x.T
    variance = A_y**2 @ filled(_numbers(observation.variance), known > 0) @ (A_x**2).T
    typical = float(np.median(variance[mask]))
    variance = np.where(mask & (variance > 0), variance, typical)   # a masked pixel's is never looked at
    model = None if observation.model is None else A_y @ _numbers(observation.model) @ A_x.T
    like = observation.image

    def tensor(array):
        return torch.from_numpy(np.ascontiguousarray(array)).to(like)

    return replace(observation, image=tensor(np.where(mask, image, 0.0)), variance=tensor(variance),
                   mask=None if mask.all() else torch.from_numpy(mask).to(like.device), pixel_scale=pixel_scale,
                   psf=kernel_at(observation, pixel_scale, blur), psf_supersampling=1, scenes=None,
                   model=None if model is None else tensor(model))


@lru_cache(maxsize=32)
def axis_matrix(side: int, old: float, center: float, num_pix: int, new: float, blur: float = 0.0) -> np.ndarray:
    """(num_pix, side): light of `side` pixels of `old` arcsec in pixels of `new` arcsec about a centre."""
    edges = (np.arange(side + 1) - side / 2) * old
    new_edges = center + (np.arange(num_pix + 1) - num_pix / 2) * new
    gathered = CubicSpline(edges, np.tri(side + 1, side, -1), bc_type="natural")
    matrix = np.diff(gathered(np.clip(new_edges, edges[0], edges[-1])), axis=0)
    if blur > 0:
        matrix = matrix @ blur_matrix(side, blur / old)
    matrix.flags.writeable = False
    return matrix


def blur_matrix(side: int, sigma: float) -> np.ndarray:
    """(side, side): the Gaussian of whole numbers, exp(-t) I_n(t) with t = sigma^2, whose variance is t at any width.

    A sampled Gaussian is too narrow or too broad where sigma is below a pixel. Lindeberg 1990, IEEE PAMI 12, 234.
    """
    weights = ive(np.arange(side), sigma**2)
    return weights[np.abs(np.subtract.outer(np.arange(side), np.arange(side)))]


def overlap(side: int, old: float, center: float, num_pix: int, new: float) -> np.ndarray:
    """(num_pix, side): share of each old pixel that lies in each new one."""
    edges = (np.arange(side + 1) - side / 2) * old
    new_edges = center + (np.arange(num_pix + 1) - num_pix / 2) * new
    low = np.maximum(new_edges[:-1, None], edges[None, :-1])
    high = np.minimum(new_edges[1:, None], edges[None, 1:])
    return np.clip(high - low, 0, None) / old


def filled(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown pixels (..., H, W) as the mean of what is known around them, weighted by a Gaussian."""
    if known.all():
        return image
    widths = (*[0.0] * (image.ndim - 2), FILL_WIDTH, FILL_WIDTH)
    weight = gaussian_filter(known.astype(float), widths)
    around = gaussian_filter(np.where(known, image, 0.0), widths) / np.maximum(weight, 1e-12)
    return np.where(known, image, np.where(weight > 1e-6, around, np.median(image[known])))


def kernel_at(observation: Observation, pixel_scale: float, blur: float) -> np.ndarray | None:
    """The PSF of an image, at one sample for each new pixel, blurred by `blur` arcsec."""
    if observation.psf is None:
        return None
    sample = observation.pixel_scale / observation.psf_supersampling
    wide = np.pad(observation.psf, ceil(4 * blur / sample))
    sides = [2 * ceil((side * sample / pixel_scale - 1) / 2) + 1 for side in wide.shape]
    A_y, A_x = (axis_matrix(side, sample, 0.0, new, pixel_scale, blur)
                for side, new in zip(wide.shape, sides, strict=True))
    kernel = A_y @ wide @ A_x.T
    return kernel / kernel.sum()


def _numbers(values: torch.Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
