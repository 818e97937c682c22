"""One hostile file of each kind: refused by a sentence that names the reason, before memory is spent on it."""

import gzip
import io
import json
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from lenslab.scene import Scene
from lenslab.sky import catalogue, read
from lenslab.sky.upload import open_upload, read_picture

MEBI = 2**20


def card(text: str) -> bytes:
    return text.ljust(80).encode()


def fits_header(*cards: str) -> bytes:
    block = b"".join(map(card, (*cards, "END")))
    return block + b" " * (-len(block) % 2880)


def simple(*axes: int, bitpix: int = -32, extra: tuple[str, ...] = ()) -> bytes:
    sizes = [f"NAXIS{i} = {size:>20}" for i, size in enumerate(axes, 1)]
    return fits_header("SIMPLE  =                    T", f"BITPIX  = {bitpix:>20}", f"NAXIS   = {len(axes):>20}",
                       *sizes, *extra)


def chunk(label: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + label + body + struct.pack(">I", zlib.crc32(label + body))


def png(width: int, height: int, *chunks: bytes, rows: bytes | None = None) -> bytes:
    """An 8-bit grey PNG, black unless its rows are given."""
    rows = (b"\0" * (width + 1)) * height if rows is None else rows
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def npz(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(f"{name}.npy", body)
    return out.getvalue()


def npy(array, **how) -> bytes:
    out = io.BytesIO()
    np.save(out, array, **how)
    return out.getvalue()


def npy_header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def hdf5(fill) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        fill(file)
    return out.getvalue()


def overlapping_npz() -> bytes:
    """Two entries of the directory that point to the same bytes, as in Fifield's zip bomb."""
    data = npz(image=npy(np.ones((8, 8))), noise=npy(np.ones((8, 8))))
    entries = [at for at in range(len(data)) if data[at:at + 4] == b"PK\1\2"]
    return data[:entries[1] + 42] + data[entries[0] + 42:entries[0] + 46] + data[entries[1] + 46:]


def lying_npz() -> bytes:
    """A member that holds more than the directory says."""
    data = bytearray(npz(image=npy(np.zeros(30 * MEBI, np.uint8))))
    entry = data.index(b"PK\1\2")
    data[entry + 24:entry + 28] = struct.pack("<I", 400)
    return bytes(data)


def chunk_bomb(file):
    """A chunk that says 256 bytes and inflates to 64 MB: HDF5 itself would grow its buffer without limit."""
    item = file.create_dataset("image", (8, 8), "f4", chunks=(8, 8), compression="gzip")
    item.id.write_direct_chunk((0, 0), zlib.compress(b"\0" * (64 * MEBI), 9))


def virtual(file):
    layout = h5py.VirtualLayout(shape=(8, 8), dtype="f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "image", shape=(8, 8))
    file.create_virtual_dataset("image", layout)


def gzipped(*pieces: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def jpeg(image=None) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.zeros((16, 16), np.uint8) if image is None else image).save(out, "JPEG")
    return out.getvalue()


TABLE = ("XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
         "NAXIS1  =                    8", "NAXIS2  =                    1")
EMPTY = simple()
ZEROS = b"\0" * MEBI

HOSTILE = {  # name of the file: (bytes, what its sentence must say)
    "claims_1e12.fits": (simple(10**6, 10**6) + b"\0" * 2880, "announces 1000000 x 1000000 pixels; at most 4096"),
    "claims_1e50.fits": (simple(10**25, 10**25), "at most 4096"),
    "line.fits": (simple(16000, 1000, bitpix=8) + b"\0" * 2880, "a side has at most 4096"),
    "cube.fits": (simple(4000, 4000, 4000, bitpix=8), "announces 4000 x 4000 x 4000"),
    "later_hdu.fits": (EMPTY + fits_header("XTENSION= 'IMAGE   '", "BITPIX  = -64", "NAXIS   = 2", "NAXIS1  = 99999",
                                           "NAXIS2  = 99999"), "HDU 1 announces 99999 x 99999"),
    "short.fits": (simple(100, 100) + b"\0" * 2880, "cut short: HDU 0 announces 40000 bytes, but 2880"),
    "headless.fits": (simple(8, 8)[:800], "has no whole END"),
    "many.fits": (EMPTY + 70 * fits_header("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0"), "more than 64 HDUs"),
    "cards.fits": (card("SIMPLE  =                    T") + card("HISTORY x") * 30000, "more than 20000 cards"),
    "cards.fits.gz": (gzip.compress(EMPTY + 63 * fits_header("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0",
                                                             *["HISTORY x"] * 400)), "more than 20000 cards"),
    "negative.fits": (simple(-8, 8), "no sound BITPIX, NAXIS"),
    "groups.fits": (simple(8, 8, extra=("GCOUNT  =         1000000000",)), "GCOUNT"),
    "tiles.fits": (EMPTY + fits_header(*TABLE, "PCOUNT  = 64", "ZIMAGE  =                    T") + b"\0" * 2880,
                   "tile-compressed"),
    "heap.fits": (EMPTY + fits_header(*TABLE, "PCOUNT  = 64", "TFORM1  = '1PE(9999999)'") + b"\0" * 2880,
                  "variable length"),
    "bomb.fits.gz": (gzipped(simple(4096, 4096), *[ZEROS] * 200), "unpacks to more than 80 MB"),
    "liar.fits.gz": (gzipped(simple(4096, 4096), *[ZEROS] * 200)[:-4] + struct.pack("<I", 2880), "more than 80 MB"),
    "zeros.fits.gz": (gzipped(*[ZEROS] * 100), "holds no FITS"),
    "nested.fits.gz": (gzip.compress(gzip.compress(simple(8, 8))), "holds no FITS"),
    "short.fits.gz": (gzip.compress(simple(8, 8) + bytes(range(256)) * 12)[:-20], "cut short"),
    "objects.npy": (npy(np.array([{}], object), allow_pickle=True), "never python objects"),
    "records.npy": (npy(np.zeros(3, "f4,f4")), "plain numbers are accepted"),
    "huge.npy": (npy_header("(1000000, 1000000)"), "announces 1000000 x 1000000"),
    "short.npy": (npy_header("(64, 64)") + b"\0" * 100, "cut short"),
    "nested_header.npy": (npy_header("(" * 4000), "no sound npy header"),
    "true.npy": (npy_header("(True, 16)") + b"\0" * 64, "no whole numbers"),
    "words.npy": (npy(np.array("words")), "holds text"),
    "bomb.npz": (npz(image=npy(np.zeros(100 * MEBI, np.uint8))), "unpacks to 100 MB; at most 80 MB"),
    "huge.npz": (npz(image=npy_header("(70000, 70000)")), "announces 70000 x 70000"),
    "objects.npz": (npz(image=npy(np.array([{}], object), allow_pickle=True)), "never python objects"),
    "overlap.npz": (overlapping_npz(), "overlap"),
    "liar.npz": (lying_npz(), "no sound npy header or is damaged"),
    "beyond.npz": (npz(image=npy(np.full((8, 8), 1e300))), "beyond 1e+30"),
    "noise.npz": (npz(image=npy(np.ones((8, 8))), noise=npy(np.full((8, 8), 1e200))), "noise between 1e-30 and 1e+30"),
    "members.npz": (npz(**{f"a{i}": npy(np.ones((5, 5))) for i in range(65)}), "65 members"),
    "swarm.npz": (b"PK\3\4" + b"PK\1\2" * 500, "more than 64 members"),
    "nested.npz": (npz(**{"inner.npz": b""}).replace(b"inner.npz.npy", b"inner.npy.npz"), "is no plain array"),
    "short.npz": (npz(image=npy(np.ones((8, 8))))[:-30], "damaged or cut short"),
    "size.png": (png(70000, 70000, rows=b""), "announces 70000 x 70000 pixels; at most 4096 x 4096"),
    "pixels.png": (png(4096, 40960, rows=b""), "announces 4096 x 40960"),
    "text.png": (png(8, 8, chunk(b"zTXt", b"Comment\0\0" + zlib.compress(ZEROS * 50))), "zTXt text or colour profile"),
    "texts.png": (png(8, 8, chunk(b"zTXt", b"K\0\0" + zlib.compress(ZEROS[:2**17])) * 20000), "more than 1 MB"),
    "itext.png": (png(8, 8, chunk(b"iTXt", b"K\0\1\0en\0k\0" + zlib.compress(ZEROS * 50))), "iTXt text"),
    "profile.png": (png(8, 8, chunk(b"iCCP", b"icc\0\0" + zlib.compress(ZEROS * 50))), "iCCP text or colour profile"),
    "short.png": (png(64, 64)[:-40], "cut short"),
    "pixel_short.png": (png(64, 64, rows=b"\0" * 100), "damaged or cut short"),
    "no_header.png": (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "no sound PNG"),
    "scans.jpg": (jpeg() + b"\xff\xda" * 200, "more than 100 scans"),
    "short.jpg": (jpeg()[:-100], "damaged or cut short"),
    "external_link.h5": (hdf5(lambda file: file.__setitem__("image", h5py.ExternalLink("/etc/passwd", "/x"))),
                         "soft or external link"),
    "soft_link.h5": (hdf5(lambda file: file.__setitem__("image", h5py.SoftLink("/elsewhere"))), "soft or external"),
    "external_data.h5": (hdf5(lambda file: file.create_dataset("image", (8, 8), "f4",
                                                               external=[("/etc/passwd", 0, 256)])),
                         "external storage"),
    "virtual.h5": (hdf5(virtual), "virtual data set"),
    "objects.h5": (hdf5(lambda file: file.create_dataset("image", (3,), h5py.special_dtype(vlen=np.dtype("f4")))),
                   "plain numbers are accepted"),
    "records.h5": (hdf5(lambda file: file.create_dataset("image", (3,), "f4,f4")), "plain numbers are accepted"),
    "huge.h5": (hdf5(lambda file: file.create_dataset("image", (10**6, 10**6), "f4", chunks=(64, 64))),
                "announces 1000000 x 1000000"),
    "chunk.h5": (hdf5(lambda file: file.create_dataset("image", (64, 64), "f4", maxshape=(None, None),
                                                       chunks=(8192, 8192))), "chunks of 268435456 bytes"),
    "chunks.h5": (hdf5(lambda file: file.create_dataset("image", (256, 256), "f4", chunks=(1, 1))), "65536 chunks"),
    "chunk_bomb.h5": (hdf5(chunk_bomb), "a chunk of image unpacks to more than the 256 bytes"),
    "filter.h5": (hdf5(lambda file: file.create_dataset("image", (8, 8), "f4", compression="lzf")), "a filter"),
    "short.h5": (hdf5(lambda file: file.create_dataset("image", data=np.ones((64, 64))))[:3000], "damaged or cut"),
    "scene.pkl": (pickle.dumps({"a": 1}), "Pickles, archives and programs are never opened"),
    "pickle.npy": (pickle.dumps({"a": 1}), "of no kind that is read here"),
    "wrong.png": (simple(8, 8), "is named as PNG, but its first bytes are those of FITS"),
    "wrong.fits": (npy(np.ones((8, 8))), "is named as FITS, but its first bytes are those of npy"),
    "empty.fits": (b"", "is empty"),
    "large.fits": (b"\0" * (20 * MEBI + 1), "at most 20 MB are read"),
    "nan.npy": (npy(np.full((8, 8), np.nan)), "no pixel of IMAGE is a finite number"),
    "list.npy": (npy(np.ones(8)), "holds no image of two axes"),
    "tiny.npy": (npy(np.ones((2, 2))), "at least 5 x 5"),
    "deep.json": (b"{" + b'"a":{' * 100000, "no scene.json"),
    "other.json": (b'{"a": 1}', "needs"),
    "clumps.json": (json.dumps({"lenslab_scene": 1, "substructure": {"clumps": [{}] * 5001}}).encode(), "at most 5000"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_by_a_sentence_and_costs_no_memory(name):
    data, reason = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as refusal:
            open_upload(name, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    sentence = str(refusal.value)
    assert reason in sentence
    assert sentence.endswith(".") and len(sentence) < 500
    assert peak < 16 * MEBI, f"{peak / MEBI:.1f} MB"


@pytest.mark.parametrize("name", ["claims_1e12.fits", "size.png", "huge.npy", "huge.h5", "bomb.npz", "short.jpg"])
def test_a_picture_upload_is_judged_by_the_same_rules(name):
    data, reason = HOSTILE[name]
    with pytest.raises(ValueError, match=reason):
        read_picture(name, data)


def test_names_are_shown_short_and_printable():
    name = "../../a\x1b[31m" + "b" * 300 + ".exe"
    with pytest.raises(ValueError) as refusal:
        open_upload(name, b"MZ")
    assert "\x1b" not in str(refusal.value) and ".." in str(refusal.value) and "/" not in str(refusal.value)[:70]


def test_any_damage_gives_a_sentence_or_an_image_never_another_error():
    """Files with bytes changed or cut at seeded places: whatever a decoder does, a visitor sees a sentence."""
    rng = np.random.default_rng(5)
    image = rng.normal(size=(12, 12)).astype(np.float32)
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(image), fits.ImageHDU(abs(image) + 1, name="NOISE")]).writeto(out)
    packed = io.BytesIO()
    np.savez_compressed(packed, image=image, noise=abs(image) + 1)
    picture = (255 * rng.random((12, 12))).astype(np.uint8)
    drawn = io.BytesIO()
    Image.fromarray(picture).save(drawn, "PNG")
    sound = {"a.fits": out.getvalue(), "a.fits.gz": gzip.compress(out.getvalue()), "a.npy": npy(image),
             "a.npz": packed.getvalue(), "a.png": drawn.getvalue(), "a.jpg": jpeg(picture),
             "a.h5": hdf5(lambda file: file.create_dataset("image", data=image, compression="gzip")),
             "a.json": Scene().to_json().encode()}
    for name, data in sound.items():
        open_upload(name, data)
        for _ in range(60):
            broken = bytearray(data)
            for at in rng.integers(0, min(len(data), 4000), 3):
                broken[at] = rng.integers(256)
            broken = bytes(broken[:rng.integers(1, len(data))] if rng.random() < 0.3 else broken)
            try:
                open_upload(name, broken)
            except ValueError as error:
                assert str(error).endswith(".")


def test_pictures_grow_upwards_and_are_grey_by_luminance():
    colours = np.zeros((6, 8, 3), np.uint8)
    colours[0] = (255, 0, 0)     # the top row of a picture is red
    colours[5, :, 1] = 255       # its bottom row green
    out = io.BytesIO()
    Image.fromarray(colours).save(out, "PNG")
    picture = read_picture("colours.png", out.getvalue())
    assert picture.dtype == np.float32 and picture.shape == (6, 8)
    # ITU-R 601: 0.299 R + 0.587 G + 0.114 B, to the 8 bits of a grey picture
    np.testing.assert_allclose(picture[[0, 5], 0], [0.587, 0.299], atol=1 / 255)
    assert not picture[1:5].any()
    observation = read.read("colours.png", out.getvalue())
    assert any("no unit" in note for note in observation.notes)
    half = np.full((6, 8), 2**15, np.uint16)
    out = io.BytesIO()
    Image.fromarray(half).save(out, "PNG")
    np.testing.assert_allclose(read_picture("deep.png", out.getvalue()), 2**15 / 65535, rtol=1e-6)
    clear = np.full((6, 8, 4), 255, np.uint8)
    clear[..., 3] = 51
    out = io.BytesIO()
    Image.fromarray(clear).save(out, "PNG")
    np.testing.assert_allclose(read_picture("clear.png", out.getvalue()), 0.2, rtol=1e-6)


def test_nothing_outside_the_folder_of_real_lenses_is_read(tmp_path, monkeypatch):
    home, secret = tmp_path / "data", tmp_path / "secret.fits"
    (home / "lenses").mkdir(parents=True)
    secret.write_bytes(simple(8, 8, bitpix=8) + b"\1" * 2880)
    (home / "lenses" / "good.fits").write_bytes(secret.read_bytes())
    (home / "lenses" / "link.fits").symlink_to(secret)
    (home / "out").symlink_to(tmp_path)
    monkeypatch.setenv("LENSLAB_DATA", str(home))
    assert catalogue.real_lenses() == ["lenses/good.fits"]
    assert read.read_real("lenses/good.fits").image.shape == (1, 1, 8, 8)
    for name in ("../secret.fits", str(secret), "lenses/link.fits", "out/secret.fits", "lenses/../../secret.fits",
                 "/etc/passwd"):
        with pytest.raises(ValueError, match="outside the folder LENSLAB_DATA.*\\.$"):
            read.read_real(name)
    with pytest.raises(ValueError, match="There is no file"):
        read.read_real("lenses/none.fits")
    monkeypatch.delenv("LENSLAB_DATA")
    assert catalogue.real_lenses() == []
    with pytest.raises(ValueError, match="MAST"):
        read.read_real("lenses/good.fits")
