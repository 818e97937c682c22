"""Real images of lenses: any file of an image in, one Observation out, with what was assumed said in words."""

import math
import re
from dataclasses import replace

import numpy as np
import torch

from lenslab.images.observation import Observation
from lenslab.sky import arrays, catalogue, fits_file, raster
from lenslab.sky.contents import MAX_PARTS, Contents, Part, kind_of, short
from lenslab.sky.fits_file import Headers
from lenslab.sky.orientation import pixel_axes

NOT_IMAGES = ("NOISE", "ERR", "SIGMA", "RMS", "PSF", "MODEL", "SCENE", "VARIANCE", "VAR", "DQ", "WHT", "CTX", "MASK")
FIRST = ("SCI", "IMAGE", "DATA", "PRIMARY")
SIGMAS = ("NOISE", "ERR", "SIGMA", "RMS")
VARIANCES = ("VARIANCE", "VAR")
PER_SECOND = ("electrons/s", "electron/s", "e-/s", "e/s", "electrons s-1", "electron s-1", "e- s-1", "e-/sec")
ELECTRONS = ("electrons", "electron", "e-")
SMALLEST, LARGEST = 1e-30, 1e30  # of pixels and their noise: squares and sums of squares must be numbers
UNIT_REMARK = re.compile(r"\bunits?:?\s+(e-/s|electrons?/s|counts?/s|MJy/sr|nJy)", re.IGNORECASE)
READERS = {"npy": arrays.npy_parts, "npz": arrays.npz_parts, "HDF5": arrays.hdf5_parts, "PNG": raster.png_parts,
           "JPEG": raster.jpeg_parts, "FITS": fits_file.fits_parts}


def look_into(name: str, data: bytes) -> Contents:
    """The arrays of a file that came from anywhere, none of them decoded yet; ValueError for what is refused."""
    kind = kind_of(name, data)
    if kind == "JSON":
        raise ValueError(f"{short(name)} is a scene.json, which holds no image; load it where a scene is asked for.")
    if kind == "gzip":
        kind, data = "FITS", fits_file.unpack(name, data)
    found = READERS[kind](name, data)
    parts, header = found if isinstance(found, tuple) else (found, next(iter(found.values())).header)
    return Contents(name, kind, {**parts, **_planes_of_cubes(parts)}, header)


def read(name: str, data: bytes, *, hdu: str | None = None, pixel_scale: float | None = None,
         dtype=torch.float64) -> Observation:
    """The image in a file as an Observation of B = 1; see `observation_of`."""
    return observation_of(look_into(name, data), hdu=hdu, pixel_scale=pixel_scale, dtype=dtype)


def read_real(name: str, *, dtype=torch.float64) -> Observation:
    """One of catalogue.real_lenses() as an Observation."""
    return read(name, catalogue.read_bytes(name), dtype=dtype)


def observation_of(file: Contents, *, hdu: str | None = None, pixel_scale: float | None = None,
                   dtype=torch.float64) -> Observation:
    """The image of a file, its noise and PSF, pixel scale and north.

    hdu           name of the array to take; else SCI or IMAGE or the first that is an image
    pixel_scale   arcsec, where the file tells none or is not to be believed
    Pixels that are not finite, or whose noise is not a number above 0, are masked. Without a noise map
    sigma^2 = BKGRMS^2 + max(d, 0)/EXPTIME for electrons a second, else it is estimated from the image.
    """
    notes: list[str] = []
    label = image_label(file, hdu)
    header = Headers(file.parts[label].header, file.header)
    image = plane(file, label).astype(np.float64)
    if label.endswith("]"):
        notes.append(f"The file holds a stack of images; {label} was taken.")
    if min(image.shape) < 5:
        raise ValueError(f"{short(file.name)} holds an image of {image.shape[1]} x {image.shape[0]} pixels; at least "
                         "5 x 5 are needed: choose another.")
    scale, north, east_left = pixel_axes(header, pixel_scale, notes)
    unit = header.text("BUNIT", "UNIT") or header.remark(UNIT_REMARK)
    if file.kind in ("PNG", "JPEG"):
        notes.append("A picture has no unit: its brightness is that of a screen, from 0 to 1, not of a detector.")
    elif not unit and header.number("BKGRMS") is not None and header.number("EXPTIME") is not None:
        unit = "electrons/s"
        notes.append("The file names no unit; electrons a second are assumed, since it gives BKGRMS and EXPTIME.")
    elif not unit:
        notes.append("The file names no unit.")
    finite = np.isfinite(image)
    if not finite.any():
        raise ValueError(f"{short(file.name)}: no pixel of {label} is a finite number; choose another image.")
    if np.abs(image, where=finite, out=np.zeros_like(image)).max() > LARGEST:
        raise ValueError(f"{short(file.name)}: pixels of {label} are beyond {LARGEST:g}, which no unit of brightness "
                         "needs; mend them or mark them as not a number.")
    sigma = _noise(file, image, finite, header, unit or "", notes)
    known = finite & (sigma >= SMALLEST) & (sigma <= LARGEST)
    if not known.any():
        raise ValueError(f"{short(file.name)}: no pixel has both a finite value and a noise between {SMALLEST:g} and "
                         f"{LARGEST:g}; mend its NOISE or leave it out.")
    if not known.all():
        notes.append(f"{int((~known).sum())} pixels without a finite value or noise are masked.")
    kernel, supersampling = _psf(file, header, notes)

    def tensor(array):
        return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)[None, None]

    model = None
    if "MODEL" in file.parts and _flat(file.parts["MODEL"].shape) == image.shape:
        model = tensor(plane(file, "MODEL").astype(np.float64))
    return Observation(
        image=tensor(np.where(known, image, 0.0)),
        variance=tensor(np.where(known, sigma, np.median(sigma[known])) ** 2),
        mask=None if known.all() else torch.from_numpy(known)[None, None],
        pixel_scale=scale, unit=unit or "", psf=kernel, psf_supersampling=supersampling, north=north,
        east_left=east_left, name=header.text("OBJECT", "NAME") or short(file.name), model=model, notes=tuple(notes))


def plane(file: Contents, label: str) -> np.ndarray:
    """One array of a file as (h, w); axes of length 1 before those two are dropped."""
    array = file.load(label)
    return array.reshape(_flat(array.shape))


def cut_out(observation: Observation, center_x: float, center_y: float, num_pix: int) -> Observation:
    """A square of num_pix pixels whose middle is, to the pixel, at (center_x, center_y) arcsec from the frame's middle.

    Where it reaches beyond the frame, pixels are masked. What was true of a simulated scene is no longer said.
    """
    height, width = observation.image.shape[-2:]
    if not 5 <= num_pix <= 4096:
        raise ValueError(f"A cut-out of {num_pix} pixels was asked for; choose 5 to 4096.")
    left = math.floor((width - num_pix) / 2 + center_x / observation.pixel_scale + 0.5)
    low = math.floor((height - num_pix) / 2 + center_y / observation.pixel_scale + 0.5)
    rows, columns = slice(max(low, 0), min(low + num_pix, height)), slice(max(left, 0), min(left + num_pix, width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        half_x, half_y = observation.half_width
        raise ValueError(f"The cut-out at ({center_x:g}, {center_y:g}) arcsec lies outside the image, which reaches "
                         f"to +-{half_x:.1f} and +-{half_y:.1f} arcsec; choose a place inside.")
    into = (..., slice(rows.start - low, rows.stop - low), slice(columns.start - left, columns.stop - left))

    def cut(frame, fill):
        out = torch.full((*frame.shape[:2], num_pix, num_pix), fill, dtype=frame.dtype, device=frame.device)
        out[into] = frame[..., rows, columns]
        return out

    inside = observation.mask if observation.mask is not None else torch.ones_like(observation.image, dtype=torch.bool)
    mask = cut(inside, False)
    if not mask.any():
        raise ValueError("Every pixel of the cut-out is masked; choose another place.")
    x = (left + (num_pix - width) / 2) * observation.pixel_scale
    y = (low + (num_pix - height) / 2) * observation.pixel_scale
    note = f"Cut out {num_pix} x {num_pix} pixels around ({x:+.3f}, {y:+.3f}) arcsec of the whole image."
    return replace(observation, image=cut(observation.image, 0.0), mask=None if mask.all() else mask,
                   variance=cut(observation.variance, float(observation.variance.median())),
                   model=None if observation.model is None else cut(observation.model, 0.0), scenes=None,
                   notes=(*observation.notes, note))


def background_rms(image: np.ndarray, good: np.ndarray) -> float:
    """Sigma of the empty sky: median absolute deviation of the frame's border, clipped at 3 sigma until it stands."""
    width = max(2, min(image.shape) // 10)
    border = np.ones(image.shape, bool)
    border[width:-width, width:-width] = False
    values = image[border & good] if (border & good).sum() >= 16 else image[good]
    for _ in range(20):
        middle = np.median(values)
        sigma = 1.482602218505602 * np.median(np.abs(values - middle))
        kept = values[np.abs(values - middle) <= 3 * sigma]
        if len(kept) == len(values) or sigma == 0:
            break
        values = kept
    return float(sigma)


def centred_kernel(kernel: np.ndarray) -> tuple[np.ndarray | None, list[str]]:
    """A PSF as the rest of lenslab wants it: odd sides, peak in the middle, sum 1; None where it is no kernel."""
    kernel, notes = np.asarray(kernel, np.float64), []
    if kernel.ndim != 2 or not (np.abs(kernel) <= LARGEST).all() or not kernel.sum() > 0 or not kernel.max() > 0:
        return None, ["The PSF in the file is no kernel of finite numbers with a positive sum; it was left out."]
    for axis in (0, 1):
        profile = kernel.sum(1 - axis)
        middle = len(profile) // 2
        if len(profile) % 2 == 0 and abs(profile[middle] - profile[middle - 1]) < 0.02 * profile.max():
            pad = [(1, 1) if a == axis else (0, 0) for a in (0, 1)]
            wide = np.pad(kernel, pad)
            kernel = (wide.take(range(1, len(profile) + 2), axis) + wide.take(range(len(profile) + 1), axis)) / 2
            notes.append("The PSF had an even side with its peak between two pixels; it was averaged onto the middle "
                         "one, which widens it slightly.")
    peak = np.unravel_index(kernel.argmax(), kernel.shape)
    reach = [min(at, side - 1 - at) for at, side in zip(peak, kernel.shape, strict=True)]
    if any(2 * r + 1 != side for r, side in zip(reach, kernel.shape, strict=True)):
        kernel = kernel[tuple(slice(at - r, at + r + 1) for at, r in zip(peak, reach, strict=True))]
        notes.append(f"The PSF was cut to {kernel.shape[1]} x {kernel.shape[0]} pixels so that its peak is in the "
                     "middle.")
    total = kernel.sum()
    if not total > 0:
        return None, ["The PSF in the file has no positive sum around its peak; it was left out."]
    if abs(total - 1) > 1e-3:
        notes.append(f"The PSF summed to {total:.4g}; it was scaled to sum to 1.")
    return kernel / total, notes


def _planes_of_cubes(parts: dict[str, Part]) -> dict[str, Part]:
    """Each plane of a cube (n, h, w) as an array of its own, NAME[k]."""
    planes = {}
    for label, part in parts.items():
        if len(part.shape) == 3 and 1 < part.shape[0] <= MAX_PARTS:
            for k in range(part.shape[0]):
                planes[f"{label}[{k}]"] = Part(part.shape[1:], lambda part=part, k=k: part.load()[k], part.header)
    return planes


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[-2:] if all(side == 1 for side in shape[:-2]) else shape


def image_labels(file: Contents) -> list[str]:
    """Names of the arrays of a file that are images, the likeliest first."""
    flat = [name for name, part in file.parts.items() if len(_flat(part.shape)) == 2
            and name not in NOT_IMAGES and not name.startswith("PICTURE")]
    return [name for name in FIRST if name in flat] + [name for name in flat if name not in FIRST]


def image_label(file: Contents, hdu: str | None = None) -> str:
    """The array that is meant by a name, or the likeliest image without one."""
    if hdu is not None:
        found = [name for name, part in file.parts.items() if len(_flat(part.shape)) == 2]
        if hdu.upper() not in found:
            raise ValueError(f"{short(file.name)} has no image {hdu[:40]!r}; it has {', '.join(found[:20]) or 'none'}.")
        return hdu.upper()
    labels = image_labels(file)
    if not labels:
        held = ", ".join(f"{name} {part.shape}" for name, part in list(file.parts.items())[:8])
        raise ValueError(f"{short(file.name)} holds no image of two axes, but {held}; give one 2D image.")
    return labels[0]


def _noise(file: Contents, image, finite, header: Headers, unit: str, notes: list[str]) -> np.ndarray:
    """One sigma for each pixel, from the first of: a map in the file, the header, the image itself."""
    label = file.find(*SIGMAS, *VARIANCES)
    if label is not None:
        if _flat(file.parts[label].shape) == image.shape:
            noise = plane(file, label).astype(np.float64)
            return noise if label in SIGMAS else np.sqrt(np.where(noise > 0, noise, np.nan))
        notes.append(f"The noise map {label} has another shape than the image and was left out.")
    light = np.where(finite, np.maximum(np.where(finite, image, 0.0), 0.0), 0.0)
    floor, exposure = header.number("BKGRMS"), header.number("EXPTIME")
    photons = None
    if unit.lower() in PER_SECOND and exposure and exposure > 0:
        photons = light / exposure
    elif unit.lower() in ELECTRONS:
        photons = light
    if floor is not None and floor > 0 and photons is not None:
        notes.append("Noise from the header: the sky's BKGRMS and the photons of the image itself.")
        return np.sqrt(floor**2 + photons)
    floor = background_rms(image, finite)
    if floor == 0:
        floor = 1e-3 * float(np.abs(image[finite]).max()) or 1.0
        notes.append(f"The border of the image has no noise; {floor:.3g} was assumed, a thousandth of its peak.")
    elif photons is not None:
        notes.append(f"No noise map came with the image: {floor:.3g} was estimated from its border, and the photons "
                     "of the image itself added.")
    else:
        notes.append(f"No noise map came with the image: {floor:.3g} was estimated from its border, the same for every "
                     "pixel; the noise of the lens's own light is missing in it.")
    return np.sqrt(floor**2 + (photons if photons is not None else np.zeros_like(image)))


def _psf(file: Contents, header: Headers, notes: list[str]) -> tuple[np.ndarray | None, int]:
    if "PSF" not in file.parts:
        notes.append("No PSF came with the image.")
        return None, 1
    psf = Headers(file.parts["PSF"].header)
    supersampling = psf.number("PSFSUPER") or header.number("PSFSUPER", "PSF_SUPERSAMPLING") or 1
    if supersampling not in range(1, 9):
        notes.append(f"PSFSUPER is {supersampling:g}; 1 was taken instead of it.")
        supersampling = 1
    kernel, told = centred_kernel(plane(file, "PSF"))
    notes.extend(told)
    return kernel, int(supersampling)

