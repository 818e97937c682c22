"""FITS files that came from anywhere, walked by their headers (also .fits.gz)."""

import math
import re
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from astropy.io import fits

from lenslab.sky.contents import MAX_FILE, MAX_PARTS, MAX_SIDE, MAX_UNPACKED, Part, briefly, number, short

MAX_CARDS = 20000           # in all headers of a file; drizzled HST images have a few thousand
BITPIX = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
STRUCTURE = re.compile(rb"(BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT) *= *(-?\d{1,60})(?=[ /]|$)")


def unpack(name: str, data: bytes) -> bytes:
    """The FITS file in a gzip file. The size in its trailer may be a lie, so the stream is first run through once.

    That pass holds one megabyte at a time: a bomb is known before memory is spent on it.
    """
    size, whole = 0, False
    try:
        for piece, ended in _inflated(data):
            whole = ended
            if size == 0 and not piece.startswith(b"SIMPLE  ="):
                raise ValueError(f"{short(name)} is a gzip file that holds no FITS image; only .fits.gz is accepted: "
                                 "unpack it and give what is inside.")
            size += len(piece)
            if size > MAX_UNPACKED:
                raise ValueError(f"{short(name)} unpacks to more than {MAX_UNPACKED / 2**20:.0f} MB; that is the most "
                                 "that is accepted: cut out the lens and save it anew.")
    except zlib.error as error:
        raise ValueError(f"{short(name)} is damaged ({briefly(error)}); pack it again with gzip, or give the FITS "
                         "file itself."
                         ) from None
    if not whole:
        raise ValueError(f"{short(name)} is cut short: its gzip stream has no end; fetch it again.")
    return zlib.decompressobj(wbits=31).decompress(data, size)


def _inflated(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """The stream of a gzip file in pieces of at most 1 MB, and whether each ends it."""
    stream = zlib.decompressobj(wbits=31)
    for start in range(0, len(data), 2**16):
        tail = data[start:start + 2**16]
        while tail and not stream.eof:
            piece = stream.decompress(tail, 2**20)
            tail = stream.unconsumed_tail
            if piece or stream.eof:
                yield piece, stream.eof


def fits_parts(name: str, data: bytes) -> dict[str, Part]:
    """The image HDUs of a FITS file. Tables are passed over unread, those that could grow are refused.

    The walk is over the bytes that are there and reads five keywords; sizes are compared before the next step is taken.
    FITS standard 4.0, sections 3-4 and 7.
    """
    parts, offset, index, counted = {}, 0, 0, 0
    while offset < len(data):
        start = data[offset:offset + 9]
        if index and not start.startswith(b"XTENSION="):
            break  # special records after the last HDU: nothing that is read here
        if index == MAX_PARTS:
            raise ValueError(f"{short(name)} has more than {MAX_PARTS} HDUs; at most that many are read: "
                             "save the image, its NOISE and its PSF alone.")
        end = _header_end(name, data, offset, index, MAX_CARDS - counted)
        counted += (end - offset) // 80
        cards = [data[at:at + 80] for at in range(offset, end, 80)]
        axes, bitpix, size = _announced(name, index, cards)
        first, offset = end, end + size
        if offset > len(data):
            raise ValueError(f"{short(name)} is cut short: HDU {index} announces {size} bytes, but {len(data) - end} "
                             "are there; fetch it again.")
        image = start.startswith(b"SIMPLE") or cards[0][10:].lstrip(b" '").startswith(b"IMAGE")
        header = fits.Header.fromstring(b"".join(cards).decode("ascii", "replace").replace("\ufffd", "?"))
        if image and axes or index == 0:
            label = card(header, "EXTNAME")
            label = label.strip().upper()[:80] if isinstance(label, str) and label.strip() else f"HDU{index}"
            label = label if label not in parts else f"HDU{index}"
            shape = tuple(reversed(axes))

            def load(first=first, shape=shape, bitpix=bitpix, header=header):
                return _fits_array(data, first, shape, bitpix, header)

            parts[label] = Part(shape, load, header)
        offset += -offset % 2880
        index += 1
    return parts


def card(header: Mapping, key: str):
    """The value of a header card, or None where it is not there or cannot be understood."""
    try:
        value = header.get(key)
    except (fits.VerifyError, ValueError, KeyError):
        return None
    return None if isinstance(value, fits.card.Undefined) else value


class Headers:
    """Looks a key up in the header of the image, then in that of the file."""

    def __init__(self, *headers: Mapping):
        self.headers = headers

    def number(self, *keys: str) -> float | None:
        found = (number(card(header, key)) for key in keys for header in self.headers)
        return next((value for value in found if value is not None), None)

    def text(self, *keys: str) -> str | None:
        found = (card(header, key) for key in keys for header in self.headers)
        return next((text.strip()[:80] for text in found if isinstance(text, str) and text.strip()), None)

    def remark(self, pattern: re.Pattern) -> str | None:
        """What a pattern's group finds in HISTORY and COMMENT, whose cards break lines anywhere."""
        for header in self.headers:
            for key in ("HISTORY", "COMMENT"):
                cards = header.get(key) if isinstance(header, fits.Header) else None
                if cards is not None and (found := pattern.search("".join(map(str, cards))[:100000])):
                    return found[1]
        return None


def _header_end(name: str, data: bytes, offset: int, number: int, left: int) -> int:
    """Where a header of at most `left` cards, blank ones after its END included, ends."""
    for at in range(offset, min(len(data), offset + 80 * left), 80):
        if data[at:at + 8] == b"END     ":
            end = at + 80 + -(at + 80 - offset) % 2880
            if end > len(data):
                break
            return end
    if len(data) - offset > 80 * left:
        raise ValueError(f"{short(name)}: with the header of HDU {number} it has more than {MAX_CARDS} cards; save the "
                         "image with a shorter header, or alone.")
    raise ValueError(f"{short(name)} is cut short: the header of HDU {number} has no whole END; fetch it again.")


def _announced(name: str, number: int, cards: list[bytes]) -> tuple[list[int], int, int]:
    """Axes (NAXIS1 first), BITPIX and bytes of data that a header announces, or a refusal of what could not be held."""
    found = [match for match in map(STRUCTURE.match, cards) if match]
    key = {match[1].decode(): int(match[2]) for match in reversed(found)}
    count = key.get("NAXIS", -1)
    axes = [key.get(f"NAXIS{i}", -1) for i in range(1, count + 1)] if 0 <= count <= 8 else [-1]
    bitpix, pcount, gcount = key.get("BITPIX", 0), key.get("PCOUNT", 0), key.get("GCOUNT", 1)
    if bitpix not in BITPIX or min(axes, default=0) < 0 or pcount < 0 or gcount != 1:
        raise ValueError(f"{short(name)}: HDU {number} has no sound BITPIX, NAXIS, PCOUNT or GCOUNT; images of up to "
                         "8 axes are read: write the file again, for example with astropy.")
    kind = cards[0][10:].lstrip(b" '")
    if kind.startswith((b"BINTABLE", b"TABLE", b"A3DTABLE")):
        if any(line.startswith(b"ZIMAGE  =") for line in cards):
            raise ValueError(f"{short(name)}: HDU {number} is a tile-compressed image, whose size shows only when it "
                             "is unpacked; unpack it (funpack) and give the plain FITS image.")
        if pcount:
            raise ValueError(f"{short(name)}: HDU {number} is a table with arrays of variable length (a heap of "
                             f"{pcount} bytes); plain images are read: save the image HDUs alone.")
    elif axes and math.prod(axes) > (MAX_SIDE**2 if len(axes) > 1 else MAX_FILE):
        raise ValueError(f"{short(name)}: HDU {number} announces {' x '.join(map(str, axes))} pixels; at most "
                         f"{MAX_SIDE} x {MAX_SIDE} are read: cut out the lens and save it anew.")
    elif len(axes) > 1 and max(axes[:2]) > MAX_SIDE:
        raise ValueError(f"{short(name)}: HDU {number} announces {' x '.join(map(str, axes))} pixels; a side has at "
                         f"most {MAX_SIDE}: cut out the lens and save it anew.")
    return axes, bitpix, abs(bitpix) // 8 * (pcount + math.prod(axes)) if axes else 0


def _fits_array(data: bytes, offset: int, shape, bitpix: int, header) -> np.ndarray:
    """Pixels in native byte order, BSCALE and BZERO applied, BLANK as NaN (standard 4.4.2.5)."""
    raw = np.frombuffer(data, BITPIX[bitpix], math.prod(shape), offset).reshape(shape)
    scale, zero, blank = (number(card(header, key)) for key in ("BSCALE", "BZERO", "BLANK"))
    plain = scale in (None, 1) and zero in (None, 0)
    if plain and (bitpix < 0 or bitpix == 8 and blank is None):
        return raw.astype(raw.dtype.newbyteorder("="))
    pixels = raw.astype(np.float64)
    pixels = pixels * (1.0 if scale is None else scale) + (0.0 if zero is None else zero)
    if bitpix > 0 and blank is not None:
        pixels[raw == blank] = np.nan
    return pixels
