"""An image as a reconstruction is given it, on its own pixels, with what is known to be true or published of it."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from lenslab.images.observation import Observation
from lenslab.images.simulate import observe_scene, psf_kernel
from lenslab.physics.camera import psf_kernel as gaussian_kernel
from lenslab.scene import Scene
from lenslab.sets import dataset
from lenslab.sky.catalogue import KnownLens
from lenslab.sky.upload import read_kernel
from lenslab.ui.pick.image import true_item
from lenslab.ui.pick.real import Kept

POPULATION = "hst"      # of the examples
SAMPLES = 5             # of a PSF in a pixel and side


@dataclass(frozen=True, eq=False)
class Image:
    """One image, told apart from others by who it is."""

    observation: Observation            # B = 1, float32, without what is true of it
    where: str                          # a sentence: where it comes from
    truth: Scene | None = None          # None for a real one
    known: KnownLens | None = None      # what is published of a real one

    @property
    def redshifts(self) -> tuple[float, float] | None:
        """Of lens and source, where they are known."""
        if self.truth is not None:
            return self.truth.z_lens, self.truth.z_source
        if self.known is not None and self.known.z_lens and self.known.z_source \
                and self.known.z_lens < self.known.z_source:
            return self.known.z_lens, self.known.z_source
        return None


@dataclass(frozen=True, eq=False)
class Kernel:
    """A PSF that a file has brought, a sample a pixel of the image; told apart from others by who it is."""

    name: str
    values: np.ndarray


@lru_cache(maxsize=8)
def kernel_of(name: str, data: bytes) -> Kernel:
    """The PSF in a file. ValueError says what is wrong with it."""
    return Kernel(name, read_kernel(name, data))


@lru_cache(maxsize=24)
def of_scene(scene: Scene, where: str) -> Image:
    """A simulated lens; its noise map and PSF are known, as a good telescope's are."""
    return Image(bare(observe_scene(scene, dtype=torch.float32), scene), where, scene)


def bare(seen: Observation, scene: Scene) -> Observation:
    """An image of a scene without what is true of it, its PSF sampled finely."""
    kernel = np.ones((1, 1)) if scene.camera.psf == "none" else psf_kernel(scene.camera, SAMPLES)
    return replace(seen, image=seen.image.float(), variance=seen.variance.float(), model=None, scenes=None, psf=kernel,
                   psf_supersampling=1 if scene.camera.psf == "none" else SAMPLES)


def of_item(split: str, seed: int, index: int) -> Image:
    """An item of the population of the examples."""
    return of_scene(true_item(POPULATION, split, seed, index), f"Image {index} of {POPULATION}, {split} split.")


@lru_cache(maxsize=24)
def of_kept(kept: Kept) -> Image:
    """A real image, or one that a file or another page has brought."""
    seen, name = kept.observation, kept.observation.name or "Your image"
    plain = replace(seen, image=seen.image.float(), variance=seen.variance.float(), model=None, scenes=None)
    height, width = seen.image.shape[-2:]
    return Image(plain, f"{name}: {width} × {height} pixels of {seen.pixel_scale:.3g}″.", kept.scene, kept.known)


@lru_cache(maxsize=16)
def of_set(path: str, row: int) -> Image:
    """A row of an HDF5 set."""
    try:
        made = dataset.read(path)
    except OSError as error:
        raise ValueError(f"The set cannot be read ({error.strerror or error}); give the path of a file that python -m "
                         "lenslab dataset has made.") from None
    with made:
        if not 0 <= row < len(made):
            raise ValueError(f"This set has {len(made)} images; give a row from 0 to {len(made) - 1}.")
        rows, scene = slice(row, row + 1), made.scene(row)
        seen = Observation(made.images(rows), made.variance(rows), made.camera.pixel_scale)
        where = f"Row {row} of {len(made)} of this set, {made.header['split']} split of {made.header['population']}."
    return Image(bare(seen, scene), where, scene)


@lru_cache(maxsize=16)
def otherwise(image: Image, noise: float, fwhm: float, psf: Kernel | None = None) -> Image:
    """The same with a noise and a blur that whoever looks at it knows better; 0 and None leave each as it is.

    noise   one sigma of a pixel, in the image's unit;  fwhm   arcsec, of a Gaussian;  psf   a picture of a star
    """
    seen = image.observation
    if noise:
        seen = replace(seen, variance=torch.full_like(seen.variance, noise**2))
    if fwhm:
        kernel = gaussian_kernel(psf="gaussian", pixel_scale=seen.pixel_scale, supersampling=SAMPLES, fwhm=fwhm,
                                 psf_truncation=4.0)
        seen = replace(seen, psf=kernel, psf_supersampling=SAMPLES)
    if psf is not None:
        seen = replace(seen, psf=psf.values, psf_supersampling=1)
    return replace(image, observation=seen) if noise or fwhm or psf is not None else image
