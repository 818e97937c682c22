"""A scene and its image as files that others can read, and that lenslab reads back whole."""

import io
from dataclasses import fields, is_dataclass

import numpy as np
from astropy.io import fits
from PIL import Image

import lenslab
from lenslab.images.observation import Observation
from lenslab.picture import recall
from lenslab.scene import Scene, differences

# Every 17th of the 256 colours of inferno (matplotlib; van der Walt & Smith 2015, CC0); linear between them it is
# within 7 of 255 of the original.
INFERNO = ("000004", "0c0826", "240c4f", "420a68", "5d126e", "781c6d", "932667", "ae305c", "c73e4c", "dd513a",
           "ed6925", "f8850f", "fca50a", "fac62d", "f2e661", "fcffa4")
MAX_COMMENTS = 200


def to_fits(scene: Scene | None, observation: Observation, pictures: dict[str, np.ndarray] | None = None) -> bytes:
    """The image with its WCS, noise, PSF and noise-free model, the scene, and the pictures that the scene names.

    HDUs: primary, NOISE (one sigma), PSF (sums to 1), MODEL, SCENE (the bytes of scene.json), PICTURE_... . Masked
    pixels are NaN. Of simulated images the WCS is linear in arcsec, of real ones TAN at RA = Dec = 0: lenslab keeps
    where north is, not where on the sky the lens lies.
    """
    image = observation.image[0, 0].detach().cpu().numpy().copy()
    if observation.mask is not None:
        image[~observation.mask[0, 0].cpu().numpy()] = np.nan
    primary = fits.PrimaryHDU(image)
    header = primary.header
    header["OBJECT"] = _ascii(observation.name or "lenslab simulation")[:68]
    header["BUNIT"] = _ascii(observation.unit)[:68]
    header["PIXSCALE"] = (observation.pixel_scale, "arcsec")
    header["ORIGIN"] = f"lenslab {getattr(lenslab, '__version__', '')}".strip()
    sky_axes(header, observation)
    hdus = [primary]
    if bool((observation.variance[:1] > 0).all()):
        hdus.append(fits.ImageHDU(observation.noise[0, 0].detach().cpu().numpy(), name="NOISE"))
    else:
        header["COMMENT"] = "The image has no noise, so there is no NOISE."
    if observation.psf is not None:
        header["PSFSUPER"] = (observation.psf_supersampling, "samples of the PSF in a pixel, on a side")
        hdus.append(fits.ImageHDU(np.asarray(observation.psf, np.float64), name="PSF"))
    if observation.model is not None:
        hdus.append(fits.ImageHDU(observation.model[0, 0].detach().cpu().numpy(), name="MODEL"))
    if scene is not None:
        header["ZLENS"], header["ZSOURCE"] = scene.z_lens, scene.z_source
        header["EXPTIME"] = (scene.camera.exposure_time, "s")
        header["COMMENT"] = "The scene is the JSON text in HDU SCENE. It differs from lenslab's default in:"
        for path, value in list(differences(scene, Scene()).items())[:MAX_COMMENTS]:
            header["COMMENT"] = _ascii(f"{path} = {value!r}")[:1000]
        text = np.frombuffer(scene.to_json().encode(), np.uint8)
        hdus.append(fits.ImageHDU(text, name="SCENE"))
        for name, picture in _pictures(scene, pictures).items():
            hdu = fits.ImageHDU(np.asarray(picture, np.float32), name=f"PICTURE_{name[:16].upper()}")
            hdu.header["PICHASH"] = name
            hdus.append(hdu)
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out, output_verify="exception")
    return out.getvalue()


def to_npz(scene: Scene | None, observation: Observation, pictures: dict[str, np.ndarray] | None = None) -> bytes:
    """The same as plain arrays: image, noise, psf, model, scene (JSON text), pixel_scale, unit, picture_HASH."""
    image = observation.image[0, 0].detach().cpu().numpy().copy()
    if observation.mask is not None:
        image[~observation.mask[0, 0].cpu().numpy()] = np.nan
    arrays = dict(image=image, pixel_scale=np.float64(observation.pixel_scale), unit=np.array(observation.unit),
                  name=np.array(observation.name), psf_supersampling=np.int64(observation.psf_supersampling))
    if bool((observation.variance[:1] > 0).all()):
        arrays["noise"] = observation.noise[0, 0].detach().cpu().numpy()
    if observation.psf is not None:
        arrays["psf"] = np.ascontiguousarray(observation.psf)
    if observation.model is not None:
        arrays["model"] = observation.model[0, 0].detach().cpu().numpy()
    if observation.north is not None:
        arrays["north"], arrays["east_left"] = np.float64(observation.north), np.int64(observation.east_left)
    if scene is not None:
        arrays["scene"] = np.array(scene.to_json())
        arrays |= {f"picture_{name}": picture for name, picture in _pictures(scene, pictures).items()}
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def to_png(observation: Observation, side: int = 512) -> bytes:
    """The image in inferno, stretched by asinh from 3 sigma on, y upwards, enlarged without smoothing to about `side`.

    Masked pixels are black, as is all below the first percentile. Lupton et al. 2004 (astro-ph/0312483), eq. 1.
    """
    image = observation.image[0, 0].detach().cpu().double().numpy()
    good = np.ones(image.shape, bool) if observation.mask is None else observation.mask[0, 0].cpu().numpy()
    low, high = np.percentile(image[good], [1, 99.9])
    width = max(high - low, 1e-30)
    soft = min(max(3 * float(observation.noise[0, 0].double().median()), 1e-3 * width), width)
    bright = np.arcsinh(np.clip(image - low, 0, width) / soft) / np.arcsinh(width / soft)
    bright = np.where(good, bright, 0.0)
    colours = inferno()[np.rint(255 * bright).astype(np.uint8)]
    factor = max(1, round(side / max(image.shape)))
    colours = colours[::-1].repeat(factor, 0).repeat(factor, 1)
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(colours)).save(out, "PNG")
    return out.getvalue()


def to_json(scene: Scene) -> bytes:
    """scene.json; pictures stay behind, as only their names are in it."""
    return scene.to_json().encode()


def python_lines(scene: Scene) -> str:
    """A script that makes the image of a scene, naming only what differs from the default scene."""
    lines = ["from lenslab.images.simulate import observe_scene"]
    changes = differences(scene, Scene())
    kinds = {"Scene"} | {type(item).__name__ for value in changes.values() if isinstance(value, tuple)
                         for item in value}
    pictures = [name for name in (scene.source.picture, scene.camera.psf_picture) if name is not None]
    if pictures:
        lines = ["from pathlib import Path", "", *lines, "from lenslab.sky.upload import open_upload"]
    lines += [f"from lenslab.scene import {', '.join(sorted(kinds))}", ""]
    if pictures:
        lines += ["# The scene uses a picture, which its exported FITS file carries: put that file here.",
                  'open_upload("lens.fits", Path("lens.fits").read_bytes())', ""]
    if changes:
        lines.append("scene = Scene().set({")
        for path, value in changes.items():
            if isinstance(value, tuple) and value:
                lines += [f'    "{path}": (', *(f"        {_call(item)}," for item in value), "    ),"]
            else:
                lines.append(f'    "{path}": {value!r},')
        lines.append("})")
    else:
        lines.append("scene = Scene()")
    lines += ["observation = observe_scene(scene)",
              "image = observation.image[0, 0].numpy()  # counts/s; rows grow with y", ""]
    return "\n".join(lines)


def inferno() -> np.ndarray:
    """The colour map as a table (256, 3) uint8."""
    anchors = np.array([[int(colour[i:i + 2], 16) for i in (0, 2, 4)] for colour in INFERNO], float)
    at = np.linspace(0, 255, len(anchors))
    return np.stack([np.interp(np.arange(256), at, channel) for channel in anchors.T], 1).round().astype(np.uint8)


def _call(record) -> str:
    """A record as the call that makes it, without what is default."""
    assert is_dataclass(record)
    told = [f"{item.name}={getattr(record, item.name)!r}" for item in fields(record)
            if getattr(record, item.name) != item.default]
    return f"{type(record).__name__}({', '.join(told)})"


def _pictures(scene: Scene, given: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    names = [name for name in (scene.source.picture, scene.camera.psf_picture) if name is not None]
    return {name: given[name] if given and name in given else recall(name) for name in names}


def sky_axes(header: fits.Header, observation: Observation) -> None:
    height, width = observation.image.shape[-2:]
    header["CRPIX1"], header["CRPIX2"] = (width + 1) / 2, (height + 1) / 2
    header["CRVAL1"], header["CRVAL2"] = 0.0, 0.0
    if observation.north is None:
        for i in (1, 2):
            header[f"CTYPE{i}"], header[f"CUNIT{i}"] = "LINEAR", "arcsec"
            header[f"CDELT{i}"] = observation.pixel_scale
        return
    c, s = np.cos(observation.north), np.sin(observation.north)
    north, east = np.array([-s, c]), np.array([-c, -s]) * (1 if observation.east_left else -1)
    for i, (kind, axis) in enumerate((("RA---TAN", east), ("DEC--TAN", north)), 1):
        header[f"CTYPE{i}"], header[f"CUNIT{i}"] = kind, "deg"
        for j in (1, 2):
            header[f"CD{i}_{j}"] = float(axis[j - 1] * observation.pixel_scale / 3600)
    header["COMMENT"] = "Where on the sky the image lies was not kept: RA = Dec = 0 stands for its middle."


def _ascii(text: str) -> str:
    """Printable ASCII, all that a FITS card may hold."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)

