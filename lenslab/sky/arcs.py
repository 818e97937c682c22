"""Does an image show anything that a lens may have bent? Without that it may be of anything, and no lens is told of it.

A galaxy looks the same when it is turned by half a turn about its middle, and it only fades along every ray from there.
An arc with its counter-image, or the images of a quasar, break the first rule; a ring that is the same all round breaks
the second. Neighbours do so as well, which nobody can tell from arcs so simply: what is asked here is whether there is
any such light at all.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from lenslab.images.observation import Observation
from lenslab.sky.beside import brightest

SMOOTHED = 1.0          # pixels, of the Gaussian before the search
CORE = 5.0              # pixels about the middle, where galaxies are too bright for either rule
ONE_SIDED = 6.0, 10     # sigmas of a difference, and pixels that have them; ten real lenses have 50 to 950
RISING = 10.0, 6        # the same of a rise along a ray: noise alone rises by 7 or 8 somewhere
RAYS, STEP = 256, 0.5   # number, and pixels along one
INDEPENDENT = 1 / (2 * np.sqrt(np.pi) * SMOOTHED)   # share of independent noise that the smoothing leaves


def missing(observation: Observation) -> tuple[str, ...]:
    """A sentence where nothing in an image can be an arc; none where something may be one."""
    image, sigma, seen = smoothed(observation)
    middle = middle_of(image, observation)
    more = beyond_opposite(image, seen, middle)
    known = np.isfinite(more)
    # Differences scatter by more where noise is correlated; light that is the same all round adds nothing to them.
    scatter = float(np.median(np.abs(more[known]))) / 0.6745 / np.sqrt(2) if known.any() else 0.0
    sigma = np.maximum(sigma, scatter)
    one_sided = int((more > ONE_SIDED[0] * np.sqrt(2) * sigma).sum())
    if one_sided >= ONE_SIDED[1] or rising(image, sigma, seen, middle) >= RISING[1]:
        return ()
    return ("No arc stands out of the noise in this image: it looks like empty sky or a galaxy alone. Whatever is said "
            "of a lens in it means nothing; choose an image that shows arcs.",)


def smoothed(observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, its noise if pixels are independent, and what is known of it, (H, W) each."""
    image, noise = (part[0, 0].detach().cpu().double().numpy() for part in (observation.image, observation.noise))
    seen = np.ones(image.shape, bool) if observation.mask is None else observation.mask[0, 0].cpu().numpy()
    usual = np.median(image[seen]) if seen.any() else 0.0
    return (gaussian_filter(np.where(seen, image, usual), SMOOTHED), INDEPENDENT * gaussian_filter(noise, SMOOTHED),
            seen)


def middle_of(image: np.ndarray, observation: Observation) -> tuple[float, float]:
    """Row and column of the lens galaxy: the centroid of the light about the brightest place, to parts of a pixel."""
    rows, columns = np.indices(image.shape)
    x, y = brightest(observation)
    row, column = (at / observation.pixel_scale + (side - 1) / 2 for at, side in zip((y, x), image.shape, strict=True))
    for _ in range(5):     # the window follows the centroid
        near = np.hypot(rows - row, columns - column) < 0.7 * CORE
        weight = np.where(near, image - image[near].min(), 0.0) if near.any() else np.zeros_like(image)
        if weight.sum() <= 0:
            break
        row, column = (float((weight * axis).sum() / weight.sum()) for axis in (rows, columns))
    return row, column


def beyond_opposite(image: np.ndarray, seen: np.ndarray, middle: tuple[float, float]) -> np.ndarray:
    """(H, W) how much brighter each pixel is than the one opposite across the middle; NaN where that is not known."""
    rows, columns = np.indices(image.shape)
    places = [2 * middle[0] - rows, 2 * middle[1] - columns]
    other = map_coordinates(image, places, order=3, mode="constant", cval=np.nan)
    known = seen & (map_coordinates(seen.astype(float), places, order=0, mode="constant", cval=0.0) > 0)
    return np.where(known & (np.hypot(rows - middle[0], columns - middle[1]) > CORE), image - other, np.nan)


def rising(image: np.ndarray, sigma: np.ndarray, seen: np.ndarray, middle: tuple[float, float]) -> float:
    """Pixels that are brighter than the darkest place between them and the middle, beyond the noise."""
    angle = np.arange(RAYS)[:, None] * 2 * np.pi / RAYS
    radius = np.arange(0, np.hypot(*image.shape), STEP)[None, :]
    places = np.stack([middle[0] + radius * np.sin(angle), middle[1] + radius * np.cos(angle)])
    known = map_coordinates(seen.astype(float), places, order=0, mode="constant", cval=0.0) > 0
    light, noise = (map_coordinates(part, places, order=1, mode="nearest") for part in (image, sigma))
    darkest = np.minimum.accumulate(np.where(known, light, np.inf), axis=1)
    rises = known & (light - darkest > RISING[0] * noise)
    return float((rises * radius).sum() * STEP * 2 * np.pi / RAYS)
