"""A simulated lens beside a real one: the camera of the real image is taken over, and what is linear is fitted.

Shapes are turned by hand. Brightnesses and a level of sky enter the image linearly, so that the best of them for given
shapes follow from one non-negative least-squares fit and need no hand: the residual then speaks of the shapes alone.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls

from lenslab.images.observation import Observation
from lenslab.images.simulate import noise_free
from lenslab.scene import Camera, Scene, Sersic
from lenslab.scenes import Scenes
from lenslab.sky import read
from lenslab.sky.catalogue import KnownLens

MAX_SIDE = 200     # pixels of the cut-out: as many as a slider can turn
DARK = 40.0        # magnitude of a component that is left out
CENTRE = 1 / 3     # share of the frame within which the lens is looked for


@dataclass(frozen=True)
class Beside:
    """A scene held against a real image; arrays (H, W), NaN where the image is masked."""

    model: np.ndarray       # noise-free, scaled, with its sky, in the unit of the image
    residual: np.ndarray    # (image - model) / sigma
    chi2_per_pixel: float
    brightness: tuple[float, ...]  # factors on the source and on each part of the lens light as the scene has them
    sky: float              # level added, in the unit of the image


def frame(observation: Observation) -> Observation:
    """A square no larger than a slider can turn, about the middle of the image."""
    height, width = observation.image.shape[-2:]
    side = min(height, width, MAX_SIDE)
    return observation if height == width == side else read.cut_out(observation, 0.0, 0.0, side)


def camera_of(observation: Observation, psf_picture: str | None) -> Camera:
    """A camera with the pixels, blur and noise of a real image; `psf_picture` is the hash of its PSF.

    Without a PSF a Gaussian of two pixels stands in for it. The unit is left as it is: it scales with the brightness.
    """
    background = float(np.sqrt(np.percentile(observation.variance[0, 0].cpu().numpy(), 10)))
    camera = Camera(num_pix=observation.image.shape[-1], pixel_scale=observation.pixel_scale,
                    background_rms=min(max(background, 1e-12), 9e8), fwhm=min(2 * observation.pixel_scale, 5.0))
    if psf_picture is None:
        return camera
    samples = observation.psf_supersampling
    return replace(camera, psf="pixel", psf_picture=psf_picture, psf_supersampling=samples,
                   supersampling=max(2, samples))


def take_over(scene: Scene, observation: Observation, psf_picture: str | None,
              known: KnownLens | None = None) -> Scene:
    """The scene with the camera of a real image, its lens where the light of the real one is brightest.

    Published redshifts, Einstein radius and axis ratio are taken over where they are known. The lens shines, as real
    ones do. Only shapes matter here: `hold_against` fits the brightnesses.
    """
    x, y = brightest(observation)
    half = observation.half_width[0]
    theta_E = known.theta_E if known and known.theta_E else min(scene.lens.theta_E, 0.6 * half)
    lens = replace(scene.lens, theta_E=theta_E, center_x=x, center_y=y, q=known.q if known and known.q else
                   scene.lens.q)
    source = replace(scene.source, picture=None, center_x=round(x + 0.1 * theta_E, 3), center_y=round(y, 3),
                     R_sersic=max(0.1 * theta_E, 0.02))
    light = scene.lens_light or (Sersic(magnitude=20.0, R_sersic=0.6 * theta_E, n_sersic=4.0, q=0.85, phi=lens.phi),)
    light = tuple(replace(part, center_x=x, center_y=y) for part in light)
    z_lens = known.z_lens if known and known.z_lens else scene.z_lens
    z_source = known.z_source if known and known.z_source else scene.z_source
    if z_source <= z_lens:
        z_source = z_lens + 1
    return replace(scene, lens=lens, source=source, lens_light=light, z_lens=z_lens, z_source=z_source,
                   camera=camera_of(observation, psf_picture))


def brightest(observation: Observation) -> tuple[float, float]:
    """Where the light peaks near the middle, x and y in arcsec: most often the lens galaxy."""
    image = gaussian_filter(observation.image[0, 0].cpu().double().numpy(), 1.0)
    height, width = image.shape
    rows, columns = int(height * CENTRE), int(width * CENTRE)
    row, column = np.unravel_index(image[rows:height - rows, columns:width - columns].argmax(),
                                   (height - 2 * rows, width - 2 * columns))
    scale = observation.pixel_scale
    return (round((columns + column - (width - 1) / 2) * scale, 3), round((rows + row - (height - 1) / 2) * scale, 3))


def hold_against(scene: Scene, observation: Observation) -> Beside:
    """Fit what is linear and say what is left.

    The scene must have the camera of the observation (`take_over`). Source, each part of the lens light and a level of
    sky are scaled; none of the lights may be negative.
    """
    if (scene.camera.num_pix,) * 2 != tuple(observation.image.shape[-2:]):
        raise ValueError(f"The scene has {scene.camera.num_pix} pixels on a side and the real image "
                         f"{observation.image.shape[-1]}; take over its camera again.")
    image = observation.image[0, 0].cpu().double().numpy()
    sigma = observation.noise[0, 0].cpu().double().numpy()
    good = np.ones(image.shape, bool) if observation.mask is None else observation.mask[0, 0].cpu().numpy()
    parts = components(scene)
    level = np.ones_like(image)
    columns = [*parts, level, -level]  # the sky may be negative: two columns for one number
    peaks = np.array([max(float(np.abs(column[good]).max()), 1e-300) for column in columns])
    design = np.stack([column[good] / peak / sigma[good] for column, peak in zip(columns, peaks, strict=True)], 1)
    weights, _ = nnls(design, image[good] / sigma[good])
    weights = weights / peaks
    model = sum(weight * column for weight, column in zip(weights, columns, strict=True))
    residual = np.where(good, (image - model) / sigma, np.nan)
    return Beside(np.where(good, model, np.nan), residual, float(np.nanmean(residual**2)),
                  tuple(float(weight) for weight in weights[:len(parts)]), float(weights[-2] - weights[-1]))


def components(scene: Scene) -> list[np.ndarray]:
    """Noise-free images (H, W) of the lensed source, and of each part of the lens light."""
    camera = replace(scene.camera, doubled=False, noise_twice=False)
    arcs = image_of(replace(scene, camera=camera, lens_light=()))
    no_source = replace(scene.source, magnitude=DARK, picture=None, clumps=())
    plain = replace(scene, camera=camera, source=no_source, substructure=replace(scene.substructure, kind="none",
                                                                                clumps=()))
    return [arcs, *(image_of(replace(plain, lens_light=(part,))) for part in scene.lens_light)]


def image_of(scene: Scene) -> np.ndarray:
    with torch.no_grad():
        return noise_free(Scenes.of([scene], dtype=torch.float64))[0, 0].numpy()


def scaled(scene: Scene, fitted: Beside) -> Scene:
    """The scene with the brightnesses of the fit in the place of its own."""
    def magnitude(old: float, factor: float) -> float:
        return float(np.clip(old - 2.5 * np.log10(max(factor, 1e-12)), 5.0, 40.0))

    first, *rest = fitted.brightness
    clumps = tuple(replace(clump, magnitude=magnitude(clump.magnitude, first)) for clump in scene.source.clumps)
    source = replace(scene.source, magnitude=magnitude(scene.source.magnitude, first), clumps=clumps)
    return replace(scene, source=source, lens_light=tuple(
        replace(part, magnitude=magnitude(part.magnitude, factor))
        for part, factor in zip(scene.lens_light, rest, strict=True)))
