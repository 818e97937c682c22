"""Pictures as screens show them, PNG and JPEG: bounded by their headers, then grey by luminance."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from lenslab.sky.contents import MAX_SIDE, Part, briefly, short

MAX_CHUNKS = 50000           # of a PNG file: 20 MB in chunks of 8 kB are 2,500
MAX_TEXT = 2**20             # bytes that all texts and colour profiles in a PNG together may unpack to
MAX_SCANS = 100              # of a progressive JPEG: each costs a pass over all pixels; ten are usual
MAX_PASSES = 12 * MAX_SIDE**2  # pixels times scans
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
DAMAGE = (OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, IndexError, KeyError, TypeError,
          OverflowError, Image.DecompressionBombError)


def png_parts(name: str, data: bytes) -> tuple[dict[str, Part], dict]:
    """The picture of a PNG file, whose chunks that carry no pixels are looked at and left out before it is decoded."""
    kept, at, count, text = [data[:8]], 8, 0, 0
    while True:
        length, label = (int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8])
        if at + 12 + length > len(data) or len(label) < 4:
            raise ValueError(f"{short(name)} is cut short: the PNG ends before its IEND; save the picture again.")
        count += 1
        if (label == b"IHDR") != (count == 1) or count > MAX_CHUNKS:
            raise ValueError(f"{short(name)} is no sound PNG: it must begin with one IHDR and have at most "
                             f"{MAX_CHUNKS} chunks; save the picture again.")
        body = data[at + 8:at + 8 + length]
        if count == 1:
            _check_size(name, *struct.unpack(">II", body[:8].ljust(8, b"\0")))
        if label in (b"zTXt", b"iTXt", b"iCCP"):
            text += _unpacked_text(label, body, MAX_TEXT - text + 1)
            if text > MAX_TEXT:
                raise ValueError(f"{short(name)} carries a {label.decode()} text or colour profile with which all its "
                                 f"texts unpack to more than {MAX_TEXT / 2**20:.0f} MB; at most that is accepted: save "
                                 "the picture without metadata.")
        if label in NEEDED:
            kept.append(data[at:at + 12 + length])
        if label == b"IEND":
            break
        at += 12 + length
    return _parts(name, b"".join(kept), "PNG")


def jpeg_parts(name: str, data: bytes) -> tuple[dict[str, Part], dict]:
    """The picture of a JPEG file."""
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise ValueError(f"{short(name)} is a JPEG of more than {MAX_SCANS} scans, as files have that are made to take "
                         "hours; save the picture again.")
    parts = _parts(name, data, "JPEG")
    height, width = parts[0]["IMAGE"].shape
    if scans * height * width > MAX_PASSES:
        raise ValueError(f"{short(name)} is a JPEG of {scans} scans of {width} x {height} pixels, which would take "
                         "long to open; save the picture again, not progressive, or smaller.")
    return parts


def _parts(name: str, data: bytes, kind: str) -> tuple[dict[str, Part], dict]:
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:  # reads the header, not the pixels
            width, height = image.size
    except (UnidentifiedImageError, *DAMAGE) as error:
        raise _damaged(name, kind, error) from None
    _check_size(name, width, height)

    def load() -> np.ndarray:
        try:
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                return _grey(image)
        except DAMAGE as error:
            raise _damaged(name, kind, error) from None

    return {"IMAGE": Part((height, width), load)}, {}


def _damaged(name: str, kind: str, error: Exception) -> ValueError:
    return ValueError(f"{short(name)} is damaged or cut short ({briefly(error)}); save it again as {kind}.")


def _grey(image: Image.Image) -> np.ndarray:
    """(h, w) float32 in 0..1, rows growing with y: the first row of a picture is its top. Luminance of ITU-R 601.

    What is transparent is dark.
    """
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float32) / 65535
    elif "A" in image.mode or "transparency" in image.info:
        light, alpha = image.convert("LA").split()
        grey = np.asarray(light, dtype=np.float32) * np.asarray(alpha, dtype=np.float32) / 255**2
    else:
        grey = np.asarray(image.convert("L"), dtype=np.float32) / 255
    return np.ascontiguousarray(grey[::-1])


def _check_size(name: str, width: int, height: int) -> None:
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"{short(name)} announces {width} x {height} pixels; at most {MAX_SIDE} x {MAX_SIDE} are "
                         "read: make the picture smaller.")


def _unpacked_text(label: bytes, body: bytes, most: int) -> int:
    """Bytes, up to `most`, of the compressed part of a text or profile chunk (PNG specification 11.3.3)."""
    _, _, rest = body.partition(b"\0")
    if label == b"iTXt":
        if rest[:1] != b"\1":
            return 0
        rest = rest[2:].split(b"\0", 2)[-1]
    else:
        rest = rest[1:]
    try:
        return len(zlib.decompressobj().decompress(rest, most))
    except zlib.error:
        return 0  # left out unread in any case
