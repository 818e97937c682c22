"""Images by class without metadata: an npz file with one (N, H, W) array for each class, and the noise they must have.

The file may come from anywhere. Headers are judged before a byte of pixels is read, and pixels come piece by piece, so
that a file can claim no more memory than a piece takes, however many images it holds.
"""

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lenslab.scene import Camera
from lenslab.sets.draw import estimated_variance
from lenslab.sky.contents import short

MAX_MEMBERS = 256
MAX_IMAGES = 10**6          # of a class
SIDES = 16, 1024            # pixels
PIECE = 2**24               # bytes of pixels read at once
MAX_STACK = 2**35           # bytes of one array
MAX_FORTRAN = 2**30         # bytes of an array in Fortran order, which cannot be read image by image
CORNER = 5                  # a corner is a fifth of the frame on a side: no arc reaches there
CLIPPED_MEAN = 1 / math.sqrt(2 * math.pi)   # of a normal number of deviation 1 whose negatives are set to 0


@dataclass(frozen=True)
class Stack:
    """One array of the file, by its header."""

    member: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    fortran: bool
    start: int              # bytes of header


def stacks(path: Path, classes: tuple[str, ...]) -> tuple[dict[str, Stack], list[str]]:
    """The stacks of the classes that an npz file holds, and the names of its other arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise ValueError(f"{path.name} holds {len(members)} arrays; at most {MAX_MEMBERS} are read: save the "
                                 "classes alone.")
            names = {member.filename.removesuffix(".npy"): member for member in members}
            found = {name: stack_of(path, archive, names[name]) for name in classes if name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path.name} is no npz file, or it is damaged ({short(str(error))}); save it with "
                         "numpy.savez.") from None
    others = [name for name in names if name not in found]
    if not found:
        raise ValueError(f"{path.name} holds no class of this network; it holds "
                         f"{', '.join(short(name) for name in others[:10]) or 'nothing'}, and arrays named "
                         f"{', '.join(classes)} are wanted.")
    return found, others


def stack_of(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Stack:
    """Shape and type of one array; anything but plain numbers of a sensible size is refused."""
    label = f"{path.name}: {short(member.filename)}"
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(member) as stream:
        head = io.BytesIO(stream.read(2**16))
    try:
        shape, fortran, dtype = readers[np.lib.format.read_magic(head)](head, max_header_size=10000)
    except Exception as error:     # a header is parsed as a literal, which may fail in as many ways as Python's parser
        raise ValueError(f"{label} has no sound npy header ({type(error).__name__}); save it with numpy.savez.") \
            from None
    if dtype.hasobject or dtype.kind not in "fiub" or dtype.itemsize > 16:
        raise ValueError(f"{label} is of type {short(dtype)}; plain numbers are read, never python objects, which "
                         "could run programs: save it as float32.")
    sound = len(shape) == 3 and all(type(side) is int for side in shape)  # True passes for 1 in a header
    if not sound or not all(SIDES[0] <= side <= SIDES[1] for side in shape[1:]) or shape[0] > MAX_IMAGES:
        raise ValueError(f"{label} has shape {short(shape)}; (N, H, W) is wanted, with sides between {SIDES[0]} and "
                         f"{SIDES[1]} pixels and at most {MAX_IMAGES} images.")
    needed = math.prod(shape) * dtype.itemsize
    if member.file_size < head.tell() + needed or needed > (MAX_FORTRAN if fortran else MAX_STACK):
        raise ValueError(f"{label} announces {needed} bytes and is cut short, or too long to read; save less, with "
                         " numpy.savez(..., name=numpy.ascontiguousarray(array)).")
    return Stack(member.filename, shape, dtype, fortran, head.tell())


def pieces(path: Path, stack: Stack, most: int | None = None) -> Iterator[Tensor]:
    """Its first `most` images in order, a few at a time: (n, 1, H, W) float32. What is not finite becomes NaN."""
    n, height, width = stack.shape
    left = n if most is None else min(n, most)
    size = height * width * stack.dtype.itemsize
    try:
        with zipfile.ZipFile(path) as archive, archive.open(stack.member) as stream:
            stream.read(stack.start)
            if stack.fortran:
                whole = np.frombuffer(stream.read(n * size), stack.dtype).reshape(stack.shape, order="F")[:left]
                yield from as_images(whole).split(max(1, PIECE // size))
                return
            while left:
                count = min(left, max(1, PIECE // size))
                raw = stream.read(count * size)
                if len(raw) < count * size:
                    raise EOFError("cut short")
                yield as_images(np.frombuffer(raw, stack.dtype).reshape(count, height, width))
                left -= count
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path.name} is damaged at {short(stack.member)} ({short(str(error))}); save it again with "
                         "numpy.savez.") from None


def as_images(array: np.ndarray) -> Tensor:
    with np.errstate(over="ignore"):       # a float64 beyond float32 becomes infinite
        image = torch.from_numpy(array.astype(np.float32, order="C"))[:, None]
    return torch.where(image.isfinite(), image, torch.nan)


def with_noise(camera: Camera, background: float, images: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n, 1, H, W) of a camera without any metadata, NaN as 0, and the noise that they must have.

    background  counts/s, rms of an empty pixel of that camera

    DeepLense I draws each exposure from half a decade and does not tell it, but the sky tells: the corners hold noise
    alone, of which negatives were set to 0 and the rest drawn anew with its own mean, so that a pixel is on average
    rms * exposure / sqrt(2 pi) (3 % off at most for 19 of 20 images of 150 x 150; with the middle of the range it would
    be up to 78 %).
    """
    known = images.isfinite()
    images = torch.where(known, images, torch.zeros_like(images))
    rms = torch.full((len(images),), background)
    if camera.noise_twice and camera.noise != "none":
        electrons = (corners(images) / (CLIPPED_MEAN * background)).clamp_min(1.0)
    else:
        electrons = torch.full((len(images),), camera.exposure_time * camera.gain)
    return images, estimated_variance(camera, images, rms, electrons).sqrt()


def corners(images: Tensor) -> Tensor:
    """(n,) mean of the four corners of a frame."""
    height, width = (max(1, side // CORNER) for side in images.shape[-2:])
    rows = torch.cat([images[..., :height, :], images[..., -height:, :]], dim=-2)
    return torch.cat([rows[..., :width], rows[..., -width:]], dim=-1).mean((1, 2, 3))


def numbers(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """One-dimensional arrays of plain numbers (N,) float64 by name, of those in `names` that an npz file holds."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()[:MAX_MEMBERS]}
            for name in names:
                if name not in members:
                    continue
                if members[name].file_size > 16 * MAX_IMAGES + 2**16:
                    raise ValueError(f"{path.name}: {name} is too long; at most {MAX_IMAGES} numbers are read.")
                with archive.open(members[name]) as stream:
                    array = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=10000)
                if array.ndim != 1 or array.dtype.kind not in "fiu":
                    raise ValueError(f"{path.name}: {name} has shape {short(array.shape)} and type "
                                     f"{short(array.dtype)}; one number for each image is wanted.")
                found[name] = array.astype(np.float64)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, SyntaxError) as error:
        raise ValueError(f"{path.name} is damaged ({short(str(error))}); save it again with numpy.savez.") from None
    return found
