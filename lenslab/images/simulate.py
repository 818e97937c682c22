"""Scenes into images and maps: rays from the camera through the lens to the source, blurred, binned, with noise."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil

import numpy as np
import torch
from torch import Tensor

from lenslab.images.model import LensModel, column, lens_light, lens_model, prepared, source_light, total
from lenslab.images.observation import Maps, Observation
from lenslab.images.realise import Realisation, realise
from lenslab.physics import camera as optics
from lenslab.physics import noise as noises
from lenslab.physics.grid import pixel_axis
from lenslab.physics.multi_gaussian import tnfws_on_rays
from lenslab.physics.raytrace import magnification
from lenslab.physics.spline import field_deflection_on_grid
from lenslab.picture import recall
from lenslab.scene import Camera, Scene
from lenslab.scenes import Scenes

# Halos from which on they are summed by multi_gaussian. Measured on hst, ms an image: 2 halos 4.2 directly and 3.9 so,
# 8 halos 9.9 and 4.4, 64 halos 64 and 4.9; below 8 the direct sum costs little and is exact.
MANY = 8
RAYS_AT_ONCE = {"cpu": 2**16, "cuda": 2**26, "mps": 2**24}  # a chunk that stays in cache, or fills the device


def noise_free(scenes: Scenes, realisation: Realisation | None = None, shine: Callable | None = None) -> Tensor:
    """Images (B, 1, H, W) in counts/s as a camera without noise would take them; differentiable in every value.

    Works through the batch in chunks of bounded memory; `shine` is `brightness` or what lenslab.images.compiled makes
    of it.
    """
    realisation = realise(scenes) if realisation is None else realisation
    images = [draw(*chunk, shine or brightness) for chunk in chunks(scenes, realisation, shine)]
    return images[0] if len(images) == 1 else torch.cat(images)


def chunks(scenes: Scenes, realisation: Realisation, shine: Callable | None = None):
    """A batch in parts that a device holds at once, or as `shine` wants them."""
    scenes = prepared(scenes)
    rays = (scenes.template.camera.num_pix * scenes.template.camera.supersampling) ** 2
    wanted = shine.rays_at_once(realisation) if hasattr(shine, "rays_at_once") else None
    step = max(1, (wanted or RAYS_AT_ONCE[scenes["lens.theta_E"].device.type]) // rays)
    if len(scenes) <= step:
        yield scenes, realisation
        return
    for start in range(0, len(scenes), step):
        rows = slice(start, start + step)
        yield scenes.take(rows), realisation.take(rows)


def draw(scenes: Scenes, realisation: Realisation, shine: Callable) -> Tensor:
    """One chunk of `noise_free`, all of it in memory at once."""
    return photographed(scenes.template.camera, shine(scenes, realisation))


def photographed(camera: Camera, light: Tensor) -> Tensor:
    """Noise-free images (B, 1, N, N) in counts/s of light on rays (B, N ss, N ss), counts/s/arcsec^2."""
    return optics.photograph(light, pixel_scale=camera.pixel_scale,
                             supersampling=camera.supersampling, psf=camera.psf, fwhm=camera.fwhm,
                             psf_truncation=camera.psf_truncation, moffat_beta=camera.moffat_beta,
                             kernel=measured_kernel(camera), psf_supersampling=camera.psf_supersampling)


def brightness(scenes: Scenes, realisation: Realisation) -> Tensor:
    """Light that each ray finds, counts/s/arcsec^2: lensed source and lens light (B, N ss, N ss)."""
    return traced(scenes, *bent_apart(scenes, realisation))


def bent_apart(scenes: Scenes, realisation: Realisation) -> tuple[Realisation, tuple[Tensor, ...]]:
    """A realisation without what sums faster over the whole grid of rays than ray by ray (many halos, a field), and the
    deflection by that: (alpha_x, alpha_y), each (B, N ss, N ss), or ()."""
    halos, field, camera, parts = realisation.halos, realisation.field, scenes.template.camera, []
    if halos is not None and halos.x.shape[1] >= MANY:
        parts.append(tnfws_on_rays(camera.num_pix * camera.supersampling, camera.pixel_scale / camera.supersampling,
                                   halos.Rs, halos.alpha_Rs, halos.r_trunc, halos.x, halos.y))
        realisation = replace(realisation, halos=None)
    if field is not None:
        axis = ray_axis(scenes)
        parts.append(field_deflection_on_grid(field, axis - scenes["lens.center_x"][:, None],
                                              axis - scenes["lens.center_y"][:, None]))
        realisation = replace(realisation, field=None)
    return realisation, total(parts) if parts else ()


def ray_axis(scenes: Scenes) -> Tensor:
    """Where the columns, and the rows, of a camera's rays lie, arcsec (N ss,)."""
    camera, like = scenes.template.camera, scenes["lens.theta_E"]
    return pixel_axis(camera.num_pix, camera.pixel_scale, camera.supersampling, device=like.device, dtype=like.dtype)


def traced(scenes: Scenes, realisation: Realisation, bent: tuple[Tensor, ...] = (),
           model: type[LensModel] = LensModel) -> Tensor:
    """`brightness` by direct sums over all that is in the realisation; `bent` is deflection beside it."""
    axis = ray_axis(scenes)
    x, y = axis[None, None, :], axis[None, :, None]
    alpha_x, alpha_y = model(scenes, realisation).deflection(x, y)
    if bent:
        alpha_x, alpha_y = alpha_x + bent[0], alpha_y + bent[1]
    light = source_light(scenes, x - alpha_x, y - alpha_y)
    glow = lens_light(scenes, x, y)
    return light if glow is None else light + glow


def observe(scenes: Scenes, realisation: Realisation | None = None, noise: bool = True,
            generator: torch.Generator | None = None, shine: Callable | None = None) -> Observation:
    """What the camera records of a batch, with the truth kept beside it; data, without gradients.

    The noise of each image follows from its own seed_noise, so that a scene looks the same in any batch and on any
    device; endless training streams take it from `generator`, which is faster.
    """
    camera = scenes.template.camera
    realisation = realise(scenes) if realisation is None else realisation
    shape, like = (len(scenes), 1, camera.num_pix, camera.num_pix), scenes["lens.theta_E"]
    image, model, variance = (torch.empty(shape, dtype=like.dtype, device=like.device) for _ in range(3))
    with torch.no_grad():
        start = 0
        for part, drawn in chunks(scenes, realisation, shine):
            rows = slice(start, start + len(part))
            draws = noises.SeededDraws(part.seeds[:, 1]) if generator is None else noises.StreamDraws(generator)
            image[rows], model[rows], variance[rows] = expose(part, draw(part, drawn, shine or brightness), draws,
                                                              noise)
            start = rows.stop
    return Observation(image=image, variance=variance, pixel_scale=camera.pixel_scale,
                       unit="counts" if camera.noise_twice and noise else "counts/s", psf=psf_kernel(camera, 1),
                       model=model, scenes=scenes)


def expose(scenes: Scenes, model: Tensor, draws, noise: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """A noisy image of the noise-free `model` (B, 1, H, W), what is expected of it, and its variance."""
    camera = scenes.template.camera
    exposure = background(scenes), scenes["camera.exposure_time"], scenes["camera.gain"]
    habits = dict(noise=camera.noise if noise else "none", noise_twice=camera.noise_twice and noise,
                  doubled=camera.doubled)
    return noises.exposed(model, *exposure, draws, **habits)


def observe_scene(scene: Scene, dtype=torch.float64, device="cpu") -> Observation:
    """One scene, as the page and the shell ask for it."""
    return observe(Scenes.of([scene], device=device, dtype=dtype))


def maps(scenes: Scenes, realisation: Realisation | None = None, source_side: int = 96) -> Maps:
    """What is true behind the images of a batch (see Maps); the source plane is source_side pixels wide."""
    lens, camera = lens_model(scenes, realisation), scenes.template.camera
    like = scenes["lens.theta_E"]
    axis = pixel_axis(camera.num_pix, camera.pixel_scale, device=like.device, dtype=like.dtype)
    x, y = (grid.expand(len(scenes), -1, -1).contiguous()
            for grid in (axis[None, None, :].expand(1, len(axis), -1), axis[None, :, None].expand(1, -1, len(axis))))
    alpha_x, alpha_y = lens.deflection(x, y)
    half_width = source_half_width(scenes)
    plane = pixel_axis(source_side, 2 * half_width / source_side, device=like.device, dtype=like.dtype)
    delta_kappa = lens.dark_convergence(x, y)
    if lens.realisation.annulus_kappa is not None:
        r2 = (x - column(scenes["lens.center_x"])) ** 2 + (y - column(scenes["lens.center_y"])) ** 2
        delta_kappa = delta_kappa + column(lens.realisation.annulus_kappa) * (r2 < column(
            lens.realisation.annulus_outer) ** 2)
    source_x, source_y = (column(scenes[f"lens.center_{axis}"]) + at for axis, at in
                          (("x", plane[None, None, :]), ("y", plane[None, :, None])))
    return Maps(source=source_light(scenes, source_x, source_y),
                source_half_width=half_width, kappa=lens.convergence(x, y), psi=lens.potential(x, y),
                alpha_x=alpha_x, alpha_y=alpha_y, mu=magnification(lens.deflection, x, y), delta_kappa=delta_kappa)


def source_half_width(scenes: Scenes) -> float:
    """Half of the source plane about the lens that is worth showing: caustics and source, in steps of 0.1 arcsec."""
    offset = torch.hypot(scenes["source.center_x"] - scenes["lens.center_x"],
                         scenes["source.center_y"] - scenes["lens.center_y"])
    reach = torch.maximum(0.7 * scenes["lens.theta_E"], offset + 1.5 * scenes["source.R_sersic"])
    if scenes.template.source.picture is not None:
        reach = torch.maximum(reach, offset + scenes["source.picture_width"] / 2)
    return ceil(10 * float(reach.detach().max())) / 10


def background(scenes: Scenes) -> Tensor:
    """Standard deviation (B,) of an empty pixel, counts/s."""
    names = ("sky_brightness", "zero_point", "gain", "read_noise", "num_exposures", "exposure_time", "background_rms")
    return noises.background_rms(**{name: scenes[f"camera.{name}"] for name in names},
                                 pixel_scale=scenes.template.camera.pixel_scale)


def signal_to_noise(scenes: Scenes, arcs: Tensor, model: Tensor) -> Tensor:
    """S (B,) = sqrt(sum arcs^2 / variance): the lens light is no signal, but its photons are noise.

    arcs, model   (B, 1, H, W)  noise-free images without and with the lens light
    """
    variance = noises.variance(model, background(scenes), scenes["camera.exposure_time"], scenes["camera.gain"])
    return (arcs**2 / variance).sum((1, 2, 3)).sqrt()


def psf_kernel(camera: Camera, supersampling: int | None = None) -> np.ndarray | None:
    """The blur of a camera as a kernel that sums to 1, at ray spacing or at another sampling of the pixel."""
    return optics.psf_kernel(psf=camera.psf, pixel_scale=camera.pixel_scale,
                             supersampling=supersampling or camera.supersampling, fwhm=camera.fwhm,
                             psf_truncation=camera.psf_truncation, moffat_beta=camera.moffat_beta,
                             kernel=measured_kernel(camera), psf_supersampling=camera.psf_supersampling)


def measured_kernel(camera: Camera) -> np.ndarray | None:
    return None if camera.psf_picture is None else recall(camera.psf_picture).astype(np.float64)
