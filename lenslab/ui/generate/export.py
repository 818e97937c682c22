"""Generated images as files: all of them with what was asked for, and one of them as Classify takes it."""

import io

import numpy as np
import torch
from astropy.io import fits

from lenslab.images import export
from lenslab.images.observation import Observation
from lenslab.images.simulate import psf_kernel
from lenslab.scenes import Scenes
from lenslab.sets.item import estimated
from lenslab.tasks.generate.asked import rms_of
from lenslab.tasks.noise_free.conditions import Conditions
from lenslab.ui.generate.samples import Forming, camera

COLUMNS = 4     # of a PNG


def finished(forming: Forming, noisy: bool) -> np.ndarray:
    """Images (m, H, W) in counts/s of those that are done."""
    lit = forming.lit[:forming.reached]
    images = forming.images()[:forming.reached] * rms_of(lit).float()[:, None, None, None]
    return (camera(lit, images, forming.order.way.seed + 1)[0] if noisy else images)[:, 0].numpy()


def to_npz(forming: Forming, noisy: bool) -> bytes:
    """images (m, H, W) counts/s, conditions (m, P) with NaN where open, condition_names, pixel_scale in arcsec."""
    card = forming.order.network.card
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, images=finished(forming, noisy),
                        conditions=forming.table[:forming.reached].numpy(),
                        condition_names=np.array(Conditions.of_card(card["conditions"]).names),
                        pixel_scale=np.float64(card["pixel_scale"]))
    return out.getvalue()


def to_fits(forming: Forming, noisy: bool) -> bytes:
    """The images as a cube, and a table CONDITIONS with a column for each number that was asked for."""
    card, way = forming.order.network.card, forming.order.way
    primary = fits.PrimaryHDU(finished(forming, noisy))
    header = primary.header
    header["OBJECT"], header["BUNIT"] = "generated lenses", "counts/s"
    header["PIXSCALE"] = (card["pixel_scale"], "arcsec")
    header["SAMPLER"], header["NSTEPS"], header["GUIDANCE"], header["SEED"] = (
        way.sampler, way.steps, way.guidance, way.seed)
    header["COMMENT"] = "Made by a diffusion model, not by a telescope: a column that is NaN was left open."
    for i in (1, 2):
        header[f"CTYPE{i}"], header[f"CUNIT{i}"], header[f"CDELT{i}"] = "LINEAR", "arcsec", card["pixel_scale"]
    names = Conditions.of_card(card["conditions"]).names
    columns = [fits.Column(name=name, format="E", array=column) for name, column in zip(
        names, forming.table[:forming.reached].numpy().T, strict=True)]
    out = io.BytesIO()
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns, name="CONDITIONS")]).writeto(
        out, output_verify="exception")
    return out.getvalue()


def to_png(forming: Forming, noisy: bool) -> bytes:
    """All images side by side, the first high on the left."""
    images = finished(forming, noisy)
    columns = min(len(images), COLUMNS)
    blank = np.zeros((-len(images) % columns, *images.shape[1:]), np.float32)
    rows = np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:])
    sheet = np.concatenate([np.concatenate(list(row), 1) for row in rows[::-1]], 0)
    rms = float(rms_of(forming.lit[:1])[0])
    sheet = torch.from_numpy(np.ascontiguousarray(sheet))[None, None]
    return export.to_png(Observation(sheet, torch.full_like(sheet, rms**2), forming.order.network.card["pixel_scale"]),
                         side=4 * max(sheet.shape[-2:]))


def observation(forming: Forming, k: int) -> Observation:
    """Image k as its camera would have recorded it, with its noise and nothing of what was asked for."""
    lens = forming.lit[k]
    image = torch.from_numpy(finished(forming, True)[k:k + 1])[:, None]
    return Observation(image, estimated(Scenes.of([lens.scene]), image), lens.scene.camera.pixel_scale,
                       psf=psf_kernel(lens.scene.camera, 1), name=f"Generated image {k + 1}")
