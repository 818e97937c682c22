"""Arrays in npy, npz and HDF5 files that came from anywhere: sizes and types are read and bounded first."""

import io
import math
import tokenize
import zipfile
import zlib

import h5py
import numpy as np

from lenslab.sky.contents import MAX_FILE, MAX_PARTS, MAX_SIDE, MAX_UNPACKED, Part, briefly, printable, short

TEXTS = ("SCENE", "UNIT", "NAME")  # the only members that may be text
MAX_CHUNKS = 16384  # of all data sets of an HDF5 file: each is looked at before it is read
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
DAMAGE = (ValueError, TypeError, KeyError, SyntaxError, OverflowError, tokenize.TokenError, RecursionError, MemoryError,
          EOFError, zlib.error)


def npy_parts(name: str, data: bytes) -> tuple[dict[str, Part], dict]:
    """The one array of an npy file, as IMAGE."""
    shape, dtype, start, order = _npy_header(name, "the array", io.BytesIO(data[:2**17]), len(data))
    if dtype.kind == "U":
        raise ValueError(f"{short(name)} holds text; an array of numbers is accepted: save the image with numpy.save.")

    def load():
        return _native(np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape, order=order))

    return {"IMAGE": Part(shape, load)}, {}


def npz_parts(name: str, data: bytes) -> tuple[dict[str, Part], dict]:
    """The arrays of an npz file; one-number and text members are its header.

    The directory of a zip file tells sizes, which may be lies: entries must not share bytes, and each is read through
    a stream that ends where its entry said. Fifield 2019 (WOOT 19), "A better zip bomb".
    """
    if data.count(b"PK\x01\x02") > 2 * MAX_PARTS:
        raise ValueError(f"{short(name)} is a zip file of more than {MAX_PARTS} members; at most that many arrays are "
                         "read: save the image, its noise and its psf alone.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, *DAMAGE) as error:
        raise ValueError(f"{short(name)} is damaged or cut short ({briefly(error)}); save it again with "
                         "numpy.savez.") from None
    _check_directory(name, members)
    parts, header = {}, {}
    for member in members:
        label = printable(member.filename.removesuffix(".npy"))[:100].upper()
        with _opened(name, archive, member) as stream:
            shape, dtype, start, order = _npy_header(name, short(member.filename), stream, member.file_size)
        if dtype.kind == "U" and (label not in TEXTS or shape != ()):
            raise ValueError(f"{short(name)}: {short(member.filename)} holds text; arrays of numbers are accepted: "
                             "take it out and save again with numpy.savez.")

        def load(member=member, shape=shape, dtype=dtype, start=start, order=order):
            with _opened(name, archive, member) as stream:
                try:
                    raw = stream.read(member.file_size)
                except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                    raise ValueError(f"{short(name)} is damaged ({briefly(error)}); save it again with "
                                     "numpy.savez.") from None
            if len(raw) < member.file_size:
                raise ValueError(f"{short(name)} is cut short; save it again with numpy.savez.")
            return _native(np.frombuffer(raw, dtype, math.prod(shape), start).reshape(shape, order=order))

        parts[label] = Part(shape, load)
        if shape == () and label != "SCENE":
            header[label] = load().item()
    return parts, header


def hdf5_parts(name: str, data: bytes) -> tuple[dict[str, Part], dict]:
    """The top-level data sets of an HDF5 file, and its plain attributes as header.

    Only hard links are followed, so that no name leads out of the file; data that lies elsewhere (external storage,
    virtual data sets), types that hold references and filters that are plugins are refused.
    """
    try:
        file = h5py.File(io.BytesIO(data), "r")
        labels = list(file)
        if len(labels) > MAX_PARTS:
            raise _Refusal(f"{short(name)} has {len(labels)} entries at its top; at most {MAX_PARTS} are read: save "
                           "the image, its noise and its psf alone.")
        parts, chunks, size = {}, 0, 0
        for label in labels:
            if not isinstance(file.get(label, getlink=True), h5py.HardLink):
                raise _Refusal(f"{short(name)}: {short(label)} is a soft or external link, which could lead anywhere; "
                               "only data in the file itself is read: copy the data set and save again.")
            item = file[label]
            if isinstance(item, h5py.Dataset):
                part = _announced(name, short(label), item)
                chunks, size = chunks + _chunks(item), size + item.nbytes
                if chunks > MAX_CHUNKS or size > MAX_UNPACKED:
                    raise _Refusal(f"{short(name)}: up to {short(label)} its data sets announce {chunks} chunks and "
                                   f"{size / 2**20:.0f} MB; at most {MAX_CHUNKS} chunks and "
                                   f"{MAX_UNPACKED / 2**20:.0f} MB are read: save the image, its noise and its psf "
                                   "alone, without compression.")
                if item.chunks is not None:
                    _check_chunks(name, short(label), item)
                parts[printable(label)[:100].upper()] = part
        header = {}
        for key in list(file.attrs)[:MAX_PARTS]:
            kind = file.attrs.get_id(key)
            if kind.dtype.kind in "fiu" and kind.shape == ():
                header[printable(key).upper()] = file.attrs[key].item()
        return parts, header
    except _Refusal as error:
        raise ValueError(str(error)) from None
    except (OSError, RuntimeError, *DAMAGE) as error:
        raise ValueError(f"{short(name)} is damaged or cut short ({briefly(error)}); write it again, for example "
                         "with h5py.") from None


class _Refusal(Exception):
    """A sentence on its way out of code whose own errors mean that the file is damaged."""


def _chunks(item: h5py.Dataset) -> int:
    """Pieces that a data set is cut into, written or not: reading it asks for each."""
    if item.chunks is None:
        return 0
    return math.prod(-(-side // piece) for side, piece in zip(item.shape, item.chunks, strict=True))


def _announced(name: str, label: str, item: h5py.Dataset) -> Part:
    """A data set by its description alone."""
    layout = item.id.get_create_plist()
    if item.external or layout.get_layout() == h5py.h5d.VIRTUAL:
        raise _Refusal(f"{short(name)}: the pixels of {label} lie in another file (external storage or a virtual data "
                       "set); only data in the file itself is read: copy it and save again.")
    shape, dtype = item.shape, item.dtype
    if shape is None or dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise _Refusal(f"{short(name)}: {label} is of type {short(dtype)}; plain numbers are accepted (no objects, "
                       "references, text or compounds): save it as float32.")
    _check_shape(name, label, shape, dtype, _Refusal)

    def load():
        try:
            return _native(item[()])
        except (OSError, RuntimeError, ValueError) as error:
            raise ValueError(f"{short(name)}: {label} cannot be read ({briefly(error)}); write it again.") from None

    return Part(tuple(shape), load)


def _check_chunks(name: str, label: str, item: h5py.Dataset) -> None:
    """A chunk may say one size and inflate to another: HDF5 lets its buffer grow, so each is tried with a bound."""
    layout = item.id.get_create_plist()
    filters = [layout.get_filter(i)[0] for i in range(layout.get_nfilters())]
    if set(filters) - FILTERS or len(filters) != len(set(filters)):
        raise _Refusal(f"{short(name)}: {label} is packed with a filter that is not opened here; only gzip and shuffle "
                       "are: save it without compression.")
    size = math.prod(item.chunks) * item.dtype.itemsize
    if size > MAX_UNPACKED:
        raise _Refusal(f"{short(name)}: {label} is stored in chunks of {size} bytes; at most {MAX_UNPACKED} are read: "
                       "save it in smaller chunks.")
    if h5py.h5z.FILTER_DEFLATE not in filters:
        return
    place = filters.index(h5py.h5z.FILTER_DEFLATE)
    stored: list = []
    item.id.chunk_iter(stored.append)  # one walk; to ask for each by its number is a walk for each
    for i, chunk in enumerate(stored):
        if chunk.filter_mask >> place & 1:
            continue  # stored as it is, since packing would have made it longer
        if not 0 < chunk.size <= MAX_FILE:
            raise ValueError(f"chunk {i} of {chunk.size} bytes")
        _, raw = item.id.read_direct_chunk(chunk.chunk_offset)
        if len(zlib.decompressobj().decompress(raw, size + 65)) > size + 64:
            raise _Refusal(f"{short(name)}: a chunk of {label} unpacks to more than the {size} bytes it announces; "
                           "such a file is not opened: save it without compression.")


def _opened(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo):
    try:
        return archive.open(member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGE) as error:
        raise ValueError(f"{short(name)} is damaged or cut short ({briefly(error)}); save it again with "
                         "numpy.savez.") from None


def _check_directory(name: str, members: list[zipfile.ZipInfo]) -> None:
    if not members or len(members) > MAX_PARTS:
        raise ValueError(f"{short(name)} holds {len(members)} members; 1 to {MAX_PARTS} arrays are read: save the "
                         "image, its noise and its psf alone.")
    total = sum(member.file_size for member in members)
    if total > MAX_UNPACKED:
        raise ValueError(f"{short(name)} unpacks to {total / 2**20:.0f} MB; at most {MAX_UNPACKED / 2**20:.0f} MB are "
                         "accepted: cut out the lens and save it anew.")
    free = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < free:
            raise ValueError(f"{short(name)} has members that overlap, as zip bombs have; save it again with "
                             "numpy.savez.")
        free = member.header_offset + 30 + len(member.filename) + member.compress_size
        if not member.filename.endswith(".npy") or member.flag_bits & 1:
            raise ValueError(f"{short(name)} holds {short(member.filename)}, which is no plain array; an npz file has "
                             ".npy members only, nothing nested or locked: save it again with numpy.savez.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{short(name)}: {short(member.filename)} is packed in a way that is not opened here; "
                             "save it again with numpy.savez.")


def _npy_header(name: str, label: str, stream, size: int) -> tuple[tuple[int, ...], np.dtype, int, str]:
    """Shape, type, start and order of the pixels, of an array that fits its file. Nothing in it is ever unpickled."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream, max_header_size=10000)
        start = stream.tell()
    except (zipfile.BadZipFile, *DAMAGE):
        raise ValueError(f"{short(name)}: {label} has no sound npy header or is damaged; save it again with "
                         "numpy.save.") from None
    if not all(type(side) is int for side in shape):  # True passes for 1 until something is reshaped
        raise ValueError(f"{short(name)}: {label} has sides {short(shape)}, which are no whole numbers; save it again "
                         "with numpy.save.")
    text = dtype.kind == "U" and shape == () and dtype.itemsize <= 4 * MAX_FILE
    if dtype.hasobject or not (text or dtype.kind in "fiub" and dtype.itemsize <= 8):
        raise ValueError(f"{short(name)}: {label} is of type {short(dtype)}; plain numbers are accepted, never python "
                         "objects, which could run programs: save it as float32.")
    if not text:
        _check_shape(name, label, shape, dtype)
    needed = math.prod(shape) * dtype.itemsize
    if size - start < needed:
        raise ValueError(f"{short(name)} is cut short: {label} announces {needed} bytes, but {size - start} are "
                         "there; save it again.")
    return shape, dtype, start, "F" if fortran else "C"


def _check_shape(name: str, label: str, shape, dtype: np.dtype, refusal=ValueError) -> None:
    pixels = math.prod(shape)
    if min(shape, default=1) < 1 or pixels > MAX_SIDE**2 or max(shape[-2:], default=1) > MAX_SIDE:
        raise refusal(f"{short(name)}: {label} announces {' x '.join(map(str, shape))} pixels; at most {MAX_SIDE} x "
                      f"{MAX_SIDE} are read: cut out the lens and save it anew.")


def _native(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("="), order="C")
