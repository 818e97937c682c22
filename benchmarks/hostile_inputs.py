"""Inputs that an attacker, a bad disk or a clumsy editor would send, and the doors of the app that they knock at.

An input is a function of (kind, seed, index) alone, so that one that was found can be made again. Sound files are
damaged blindly (bytes, cuts, swapped and doubled pieces) and knowingly (a number that is no number, in a header, a
card, a path); links and scenes are also drawn at random within all limits, where nothing is refused and all is drawn.
"""

import gzip
import io
import json
import os
import random
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote

import h5py
import numpy as np
import torch
from astropy.io import fits
from PIL import Image
from safetensors.torch import save as to_safetensors

from lenslab.checkpoint import FORMAT, plain
from lenslab.scene import Clump, Scene, Sersic, to_dict
from lenslab.tasks import classify

ODD = ("0", "-1", "1", "1e-300", "1e300", "1e999", "-1e30", "NaN", "Infinity", "true", "null", '""', "[]", "{}",
       "7" * 400, "7" * 5000, "-9223372036854775809", '"\\ud800"', '"![](http://a.b/c)"', "[" * 3000,
       '[null, {"a": [1]}]', '"' + "x" * 3000 + '"')
NUMBER = rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
CARD = plain(classify.facts(classify.Config(population="seed-64", width=8))) | dict(
            format=FORMAT, task="classify", network="cnn", split="test",
            metrics=dict(accuracy=0.75, macro_auc=0.9, ece=0.01, n=9, confusion=[[2, 1, 0], [0, 3, 0], [1, 0, 2]],
                         auc=dict(cdm=0.9), intervals=dict(accuracy=[0.5, 0.9], macro_auc=[0.8, 0.95])),
            config=dict(batch=64, reuse=4, images=0, width=8, network="cnn", population="seed-64"), steps=5000,
            duration=600.0, device="cuda", complete=True, benchmark=dict(ms=3.0, leak=dict(macro=0.5, worst=0.51)))
STATUS = dict(phase="stopped", message="It was stopped.", pid=1, host="elsewhere", changed=1e9, task="classify",
              settings=dict(steps="100"), init=[])
CONFIG = dict(task="classify", device="cpu", config=dict(network="cnn", population="seed-64", steps=100, batch=10,
                                                         width=16, data="", minutes=0))
LINES = [dict(step=step, loss=1.1 - step / 100, val_accuracy=0.5, lr=1e-3, rate=50.0, done=step / 100,
              seconds=step * 0.2) for step in range(10, 60, 10)]


@dataclass(frozen=True)
class Kind:
    """A sort of input: how one is made, and the door that opens it, given the input and a folder of its own."""

    make: Callable[[random.Random], bytes]
    door: Callable[[bytes, Path], None]


# What is sound


def pixels(side: int = 24) -> np.ndarray:
    rng = np.random.default_rng(7)
    x, y = np.meshgrid(*[np.arange(side) - side / 2] * 2)
    return (20 * np.exp(-((np.hypot(x, y) - 6) ** 2)) + rng.normal(size=(side, side))).astype(np.float32)


def fits_bytes() -> bytes:
    out, image = io.BytesIO(), pixels()
    psf = np.outer(*[np.exp(-np.arange(-3, 4) ** 2 / 2)] * 2)
    hdus = fits.HDUList([fits.PrimaryHDU(image), fits.ImageHDU(abs(image) + 1, name="NOISE"),
                         fits.ImageHDU(psf, name="PSF")])
    hdus[0].header.update(BUNIT="electrons/s", EXPTIME=2000.0, BKGRMS=0.1, CDELT1=-1e-5, CDELT2=1e-5, CTYPE1="RA---TAN",
                          CTYPE2="DEC--TAN", OBJECT="lens", HISTORY="units: electrons/s")
    hdus.writeto(out)
    return out.getvalue()


def npy_bytes(array=None) -> bytes:
    out = io.BytesIO()
    np.save(out, pixels() if array is None else array)
    return out.getvalue()


def npz_bytes(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **(arrays or dict(image=pixels(), noise=abs(pixels()) + 1, pixel_scale=0.05)))
    return out.getvalue()


def picture_bytes(form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray((10 * pixels(32) + 20).clip(0, 255).astype(np.uint8)).save(out, form)
    return out.getvalue()


def hdf5_bytes() -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.create_dataset("image", data=pixels(), chunks=(8, 8), compression="gzip")
        file.create_dataset("noise", data=abs(pixels()) + 1)
        file.attrs["pixel_scale"] = 0.05
    return out.getvalue()


def set_bytes() -> bytes:
    """A data set of three images, made once in a process."""
    if not hasattr(set_bytes, "made"):
        from lenslab.sets.dataset import write

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.h5"
            write("deeplense-2", 3, path)
            set_bytes.made = path.read_bytes()
    return set_bytes.made


def checkpoint_bytes(text: str | None = None) -> bytes:
    return to_safetensors({"w": torch.zeros(2, 3)}, {"lenslab": json.dumps(CARD) if text is None else text})


def run_bytes(status: str, config: str, lines: str) -> bytes:
    """The three files of a run in one input."""
    return json.dumps([status, config, lines]).encode()


# What is done to it


def damaged(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One blind damage: bytes, a cut, a swapped head, a piece doubled or gone, a number that is none."""
    raw, how = bytearray(data), rng.randrange(7)
    near = min(len(raw), 4000) if rng.random() < 0.6 else len(raw)
    at, length = rng.randrange(max(1, near)), rng.choice((1, 2, 4, 8, 80, 512, 2880))
    if how <= 1:
        for _ in range(rng.choice((1, 2, 4, 16))):
            raw[rng.randrange(near)] = rng.choice((0, 255, 127, rng.randrange(256), rng.randrange(256)))
    elif how == 2:
        del raw[at:]
    elif how == 3:
        raw[:length * 8] = other[:length * 8]
    elif how == 4:
        del raw[at:at + length]
    elif how == 5:
        raw[at:at] = raw[at:at + length] * rng.choice((1, 2, 50))
    else:
        found = list(re.finditer(NUMBER, bytes(raw[:4000])))
        if found:
            match = rng.choice(found)
            word = rng.choice(ODD)[:rng.choice((20, 5000))].encode(errors="replace")
            if rng.random() < 0.5:   # of the same length, so that what follows stays where it was
                word = word[:match.end() - match.start()].rjust(match.end() - match.start())
            raw[match.start():match.end()] = word
    return bytes(raw)


def blind(*makers: Callable[[], bytes]) -> Callable[[random.Random], bytes]:
    """Damage to a sound file of the first maker; heads may be those of the others, and one time in five it is twice."""
    def make(rng: random.Random) -> bytes:
        data = damaged(rng, makers[0](), rng.choice(makers)())
        return damaged(rng, data, makers[0]()) if data and rng.random() < 0.2 else data
    return make


def odd_json(rng: random.Random, value) -> str:
    """The text of a JSON value in which one to three places hold what does not belong there."""
    holes: list[str] = []

    def places(node, path=()):
        yield path
        for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            yield from places(child, (*path, key))

    value = json.loads(json.dumps(value))
    for path in rng.sample(list(places(value))[1:], rng.choice((1, 1, 2, 3))):
        spot = value
        try:
            for key in path[:-1]:
                spot = spot[key]
            if rng.random() < 0.1:
                del spot[path[-1]]
            else:
                holes.append(rng.choice(ODD))
                spot[path[-1]] = f"@{len(holes) - 1}@"
        except (KeyError, IndexError, TypeError):
            continue   # it went with another
    text = json.dumps(value)
    for k, hole in enumerate(holes):
        text = text.replace(f'"@{k}@"', hole)
    return text


def odd_arrays(rng: random.Random) -> bytes:
    """An npz whose arrays, names and headers are odd, each sound by itself."""
    image = pixels() * rng.choice((1, 1e300, 1e200, 1e38, 1e-300, 0, float("nan"), float("inf")))
    noise = np.float64(abs(pixels()) + 1) * rng.choice((1, 1e200, 1e-200, 0, -1, float("nan")))
    names = rng.choice((("image", "noise"), ("SCI", "ERR"), ("a\ud800b", "noise"), ("image", "image\0"), ("", "psf"),
                        ("image", "psf"), ("image", "SCENE"), ("image", "PICTURE_" + "a" * 64),
                        ("[x](http://y)", "VAR")))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in zip(names, (image.astype(rng.choice(("f8", "f8", "f4", "f2", "i8", "?", "u1"))), noise),
                               strict=True):
            raw = npy_bytes(array)
            if rng.random() < 0.2:
                raw = raw.replace(b"(24, 24)", rng.choice((b"(True,16)", b"(24,-24)", b"(24, 0) ", b"(576,)  ")))
            with np.errstate(all="ignore"):
                archive.writestr(name.encode("utf-8", "replace").decode() + ".npy", raw)
    data = out.getvalue()
    return data.replace(b"a?b", b"a\xed\xa0\x80b"[:3]) if rng.random() < 0.3 else data


def odd_set(rng: random.Random) -> bytes:
    """A data set with an odd header, or arrays that are not what it says."""
    out = io.BytesIO(set_bytes())
    with h5py.File(out, "r+") as file:
        header = json.loads(file.attrs["header"])
        if rng.random() < 0.75:
            text = odd_json(rng, header)
            file.attrs["header"] = rng.choice((np.bytes_(text.encode(errors="replace")[:60000]), text[:60000].encode(
                errors="replace").decode()))
        else:
            name = rng.choice(list(file))
            values = file[name][:]
            flat = values.reshape(-1)
            flat[rng.randrange(len(flat))] = rng.choice((0, 1, 200, 77) if values.dtype == "u1" else (
                -1, 5, 2**40) if values.dtype.kind == "i" else (np.nan, np.inf, 1e300, -1e30, 0))
            file[name][:] = values
    return out.getvalue()


def odd_png(rng: random.Random) -> bytes:
    """A PNG with many or swollen chunks of text, whose sums are right."""
    def chunk(label: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + label + body + zlib.crc32(label + body).to_bytes(4, "big")

    data = picture_bytes("PNG")
    body = b"k\0\0" + zlib.compress(bytes(rng.choice((10, 10**4, 10**6))), 9)
    more = chunk(rng.choice((b"zTXt", b"iCCP", b"tEXt", b"iTXt")), body) * rng.choice((1, 50, 2000))
    return data[:33] + more + data[33:]


def odd_fits(rng: random.Random) -> bytes:
    """A .fits.gz of many HDUs and cards, most of them empty."""
    head = fits.Header([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0)])
    more = fits.Header([("XTENSION", "IMAGE"), ("BITPIX", 8), ("NAXIS", 0), ("PCOUNT", 0), ("GCOUNT", 1)])
    for _ in range(rng.choice((1, 100, 3000))):
        more.append(("HISTORY", "x"))
    return gzip.compress(head.tostring().encode() + more.tostring().encode() * rng.choice((1, 8, 63)), 1)


def odd_hdf5(rng: random.Random) -> bytes:
    """An HDF5 image in chunks of any size."""
    out, side = io.BytesIO(), rng.choice((16, 64, 128))
    piece = rng.choice((1, 2, 8, 16))
    with h5py.File(out, "w") as file:
        file.create_dataset("image", (side, side) if rng.random() < 0.5 else (4096, 4096), "f4", chunks=(piece, piece),
                            compression=rng.choice((None, "gzip")))[:side, :side] = 1
    return out.getvalue()


def settings() -> list[str]:
    """Every path of a scene with one of each list in it."""
    rich = Scene().set({"lens_light": (Sersic(),), "source.clumps": (Sersic(),), "substructure.clumps": (Clump(),)})

    def walk(node, path):
        for item in fields(node):
            value = getattr(node, item.name)
            yield path + item.name
            if is_dataclass(value):
                yield from walk(value, f"{path}{item.name}.")
            elif isinstance(value, tuple):
                for k, part in enumerate(value):
                    yield from walk(part, f"{path}{item.name}.{k}.")
    return list(walk(rich, ""))


def within(rng: random.Random, path: str) -> str | None:
    """A value within the limits of a setting, as likely at their ends as anywhere."""
    owner, _, name = path.rpartition(".")
    record = {"lens": Scene().lens, "source": Scene().source, "substructure": Scene().substructure,
              "camera": Scene().camera, "": Scene()}.get(owner)
    meta = next((item.metadata for item in fields(record) if item.name == name), {}) if record else {}
    if "options" in meta:
        return rng.choice(meta["options"])
    if "low" not in meta:
        return rng.choice(("true", "false")) if meta.get("kind") is bool else None
    low, high = max(meta["low"], -1e9), meta["high"]
    value = rng.choice((low, high, rng.uniform(low, high), rng.uniform(low, high),
                        high * 10 ** -rng.uniform(0, 8) if high > 0 and low >= 0 else low))
    return str(round(value) if meta["kind"] is int else value)


def link(rng: random.Random) -> bytes:
    """A query: settings within their limits, and in half of them one that is not, or no setting at all."""
    paths = settings()
    query = {path: value for path in rng.sample(paths, rng.choice((1, 3, 8, 20)))
             if (value := within(rng, path)) is not None}
    if rng.random() < 0.5:
        query["substructure.kind"] = rng.choice(("cdm", "wdm", "fdm", "vortex", "deeplense_cdm", "deeplense_axion"))
        query["substructure.n_points"] = str(rng.choice((0, 25, 5000)))
    if rng.random() < 0.5:
        path = rng.choice((*paths, "lens.q.real", "z_lens.real", "lens.__match_args__.0", "lens_light.-1", "lens.q.",
                           "lens_light.0.q", ".", "", "lens.__dict__", "source.clumps.0", "set", "a\0b",
                           "[You won](https://a.b/)"))
        query[path] = rng.choice((*ODD, "[{}]", '[{"q": 0.5}]', "[" + ",".join(["{}"] * 300) + "]", "a" * 64, "magic"))
    return "&".join(f"{quote(path)}={quote(value[:6000])}" for path, value in query.items()).encode()


def scene_json(rng: random.Random) -> bytes:
    """A scene.json with what does not belong there, or one within all limits."""
    rich = Scene().set({"lens_light": (Sersic(),), "source.clumps": (Sersic(),), "substructure.clumps": (Clump(),)})
    data = {"lenslab_scene": 1, **to_dict(rich)}
    how = rng.random()
    if how < 0.5:
        return odd_json(rng, data).encode(errors="surrogatepass")
    if how < 0.7:
        return damaged(rng, json.dumps(data).encode(), b"{}")
    for path in rng.sample(settings(), 10):
        owner, _, name = path.rpartition(".")
        if owner in data and (value := within(rng, path)) is not None:
            data[owner][name] = value if not value[0].isdigit() else json.loads(value)
    return json.dumps(data).encode()


# The doors


def opened(name: str) -> Callable[[bytes, Path], None]:
    """An upload: as a real lens beside the simulated one, and as the picture of a source."""
    def door(data: bytes, _) -> None:
        from lenslab.picture import remember
        from lenslab.sky import beside, upload

        found = upload.open_upload(name, data)
        if found.observation is not None:
            framed = beside.frame(found.observation)
            psf = None if framed.psf is None else remember(framed.psf)
            scene = beside.take_over(Scene(), framed, psf)
            if framed.image.shape[-1] <= 64:
                beside.hold_against(scene, framed)
        if found.scene is not None:
            drawn(found.scene)
        if not name.endswith("json"):
            remember(upload.read_picture(name, data))
    return door


def drawn(scene: Scene) -> None:
    """What the Simulate page does with a scene before it says anything."""
    from lenslab.ui import cached

    if problem := cached.problem(scene):
        raise ValueError(problem)
    cached.maps(scene)
    cached.sketch(scene)
    cached.source_plane(scene)


def followed(data: bytes, _) -> None:
    """A link."""
    from lenslab.ui import links

    drawn(links.from_query(dict(parse_qsl(data.decode(), keep_blank_values=True))))


def listed_set(data: bytes, folder: Path) -> None:
    """A data set, as Classify opens it."""
    from lenslab.ui.pick import image as classify_image

    (folder / "a.h5").write_bytes(data)
    classify_image._of_set.cache_clear()
    classify_image.of_set(str(folder / "a.h5"), 0, "deeplense-2")


def listed_checkpoint(data: bytes, folder: Path) -> None:
    """A checkpoint beside a sound one, in every list that shows it; the sound one must be told too."""
    from lenslab.insight import table
    from lenslab.tasks import trained
    from lenslab.ui.model import facts as model_facts
    from lenslab.ui.pick import networks as classify_models

    os.environ["LENSLAB_CHECKPOINTS"] = str(folder)
    (folder / "bad.safetensors").write_bytes(data)
    (folder / "good.safetensors").write_bytes(checkpoint_bytes())
    networks, _ = classify_models.networks_of("classify")
    assert any(network.name == "good" for network in networks["seed-64"])
    cards, _ = model_facts.cards_at_hand()
    for card in cards.values():
        shown = model_facts.facts(card)
        (model_facts.sentence(shown), model_facts.scores(card), model_facts.judged_on(card),
         model_facts.confusion(shown))
    assert "good" in cards and "| good |" in table.table(folder)
    trained.load(folder / "bad.safetensors", task="classify")


def listed_run(data: bytes, folder: Path) -> None:
    """A run beside a sound one, as the Train page lists, tells and draws it."""
    from lenslab.figures import training
    from lenslab.ui.train import facts as train_facts

    os.environ["LENSLAB_RUNS"] = str(folder)
    sound = [json.dumps(STATUS), json.dumps(CONFIG), "\n".join(map(json.dumps, LINES))]
    for name, texts in (("good", sound), ("bad", json.loads(data))):
        (folder / name).mkdir(exist_ok=True)
        for file, text in zip(("status.json", "config.json", "metrics.jsonl"), texts, strict=True):
            (folder / name / file).write_bytes(text.encode("utf-8", "surrogatepass"))
    jobs = train_facts.runs()
    assert "good" in [job.name for job in jobs]
    train_facts.table(jobs)
    for job in jobs:
        lines = train_facts.lines_of(job)
        str(train_facts.sentence(job)), train_facts.progress(job, lines)
        curve = training.Curve(job.name, lines, train_facts.planned(job, lines))
        for metric in training.quantities([curve]).values():
            training.curves([curve], metric).to_json()
    str(train_facts.estimate("classify", CONFIG["config"], "cpu", jobs))


def run_input(rng: random.Random) -> bytes:
    texts = [json.dumps(STATUS), json.dumps(CONFIG), "\n".join(map(json.dumps, LINES))]
    at = rng.randrange(3)
    if rng.random() < 0.3:
        texts[at] = damaged(rng, texts[at].encode(), b"{}").decode("latin1")
    elif at < 2:
        texts[at] = odd_json(rng, (STATUS, CONFIG)[at])
    else:
        texts[at] = "\n".join([odd_json(rng, line) for line in LINES])
    return run_bytes(*texts)


def either(rng: random.Random, *makers) -> bytes:
    return rng.choice(makers)(rng)


def card_input(rng: random.Random) -> bytes:
    if rng.random() < 0.4:
        return damaged(rng, checkpoint_bytes(), fits_bytes())
    return checkpoint_bytes(text=odd_json(rng, CARD).encode(errors="replace").decode())


FITS, GZIP = blind(fits_bytes, npy_bytes), blind(lambda: gzip.compress(fits_bytes()), fits_bytes)
KINDS = {
    "fits": Kind(FITS, opened("a.fits")),
    "fits.gz": Kind(lambda rng: either(rng, GZIP, GZIP, lambda rng: gzip.compress(FITS(rng)), odd_fits),
                    opened("a.fits.gz")),
    "npy": Kind(blind(npy_bytes, fits_bytes), opened("a.npy")),
    "npz": Kind(lambda rng: either(rng, blind(npz_bytes, npy_bytes), odd_arrays), opened("a.npz")),
    "png": Kind(lambda rng: either(rng, *[blind(lambda: picture_bytes("PNG"), npy_bytes)] * 5, odd_png),
                opened("a.png")),
    "jpeg": Kind(blind(lambda: picture_bytes("JPEG"), npy_bytes), opened("a.jpg")),
    "hdf5": Kind(lambda rng: either(rng, *[blind(hdf5_bytes, npy_bytes)] * 5, odd_hdf5), opened("a.h5")),
    "set": Kind(lambda rng: either(rng, blind(set_bytes, hdf5_bytes), odd_set), listed_set),
    "checkpoint": Kind(card_input, listed_checkpoint),
    "scene": Kind(scene_json, opened("a.json")),
    "link": Kind(link, followed),
    "run": Kind(run_input, listed_run),
}


def input_of(kind: str, seed: int, index: int) -> bytes:
    return KINDS[kind].make(random.Random(f"{seed}/{kind}/{index}"))
