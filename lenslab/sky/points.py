"""Point images in an image: stars, and the images of a quasar, which are as sharp as the telescope can see.

A point looks like the PSF: within its width the light is all there, and around it there is none of its own. Arcs and
galaxies are broader. What stands out once the broader light is taken off, and is as sharp as that, is a point.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

from lenslab.images.observation import Observation
from lenslab.physics.camera import FWHM_PER_SIGMA
from lenslab.sky.lens_light import kernel_fwhm

BROAD = 3.0         # widths of the PSF that light has which is taken off
BRIGHT = 20.0       # sigmas of the noise
SHARP = 0.75        # of a point's light that is gone 1.5 FWHM further out, at least; the Gaussian's is 0.99
REACH = 1.5         # FWHM of the PSF: what is masked about a point
MOST = 12
UNKNOWN = 2.0       # pixels: FWHM where no PSF is known
MIDDLE = 0.3        # arcsec about the frame's middle, where the core of a lens galaxy is sharp as well


def points(observation: Observation) -> tuple[tuple[float, float, float], ...]:
    """x, y (arcsec from the middle) and the radius that is best left out, of each; the brightest first."""
    image, noise = (part[0, 0].detach().cpu().double().numpy() for part in (observation.image, observation.noise))
    scale = observation.pixel_scale
    fwhm = UNKNOWN if observation.psf is None else max(
        kernel_fwhm(observation.psf) / observation.psf_supersampling, 1.2)
    sigma = fwhm / FWHM_PER_SIGMA
    left = image - gaussian_filter(image, BROAD * sigma)
    near = gaussian_filter(image, 0.5 * sigma)
    ring = max(1, round(1.5 * fwhm))
    axis = np.arange(-ring, ring + 1)
    distance = np.hypot(axis, axis[:, None])
    around = [(i, j) for i, j in np.argwhere(np.abs(distance - ring) < 0.7) - ring]
    shifted = np.stack([np.roll(near, (-i, -j), (0, 1)) for i, j in around])
    contrast = 1 - np.median(shifted, 0) / np.maximum(near, 1e-30)
    bright = left > BRIGHT * noise
    if observation.mask is not None:
        bright &= observation.mask[0, 0].cpu().numpy()
    peaks = bright & (near == maximum_filter(near, max(3, round(fwhm)))) & (contrast > SHARP)
    rows, columns = np.nonzero(peaks)
    height, width = image.shape
    x, y = (columns - (width - 1) / 2) * scale, (rows - (height - 1) / 2) * scale
    far = np.hypot(x, y) > MIDDLE
    order = np.argsort(np.where(far, -left[rows, columns], np.inf))[:min(MOST, int(far.sum()))]
    return tuple((round(float(x[k]), 3), round(float(y[k]), 3), round(REACH * fwhm * scale, 3)) for k in order)
