"""Files that visitors bring: an image, a picture for the source, a scene, or all of these in one file of lenslab.

The bytes are judged in lenslab.sky.contents and its neighbours; here it is said what they mean.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from lenslab.images.observation import Observation
from lenslab.picture import remember
from lenslab.scene import Scene
from lenslab.scenes import Scenes
from lenslab.sky import catalogue, read
from lenslab.sky.contents import MAX_SIDE, Contents, kind_of, short
from lenslab.sky.fits_file import card


@dataclass(frozen=True)
class Upload:
    """What a file held. Pictures that its scene names are in lenslab.picture as well, and the session keeps these."""

    observation: Observation | None = None                         # None for a scene.json
    scene: Scene | None = None                                     # None for an image from elsewhere
    pictures: dict[str, np.ndarray] = field(default_factory=dict)  # content hash: (h, w) float32


def open_upload(name: str, data: bytes, *, hdu: str | None = None, pixel_scale: float | None = None,
                dtype=torch.float64) -> Upload:
    """Open an uploaded file by its name and bytes; ValueError says why it is refused and what to do.

    hdu, pixel_scale   as in read.observation_of
    """
    if kind_of(name, data) == "JSON":
        return Upload(scene=Scene.from_json(data))
    file = read.look_into(name, data)
    observation = read.observation_of(file, hdu=hdu, pixel_scale=pixel_scale, dtype=dtype)
    scene = scene_of(file)
    if scene is None:
        return Upload(observation)
    pictures = pictures_of(file, scene)
    if observation.image.shape[-2:] == (scene.camera.num_pix, scene.camera.num_pix):
        observation = replace(observation, scenes=Scenes.of([scene], dtype=dtype))
    return Upload(observation, scene, pictures)


def read_picture(name: str, data: bytes, *, hdu: str | None = None) -> np.ndarray:
    """The image in a file as a picture (h, w) float32 for lenslab.picture.remember, rows growing with y.

    Pixels that are not finite, or beyond all brightness, become 0; a sky level, if there is one, stays in.
    """
    file = read.look_into(name, data)
    picture = read.plane(file, read.image_label(file, hdu))
    picture = np.where(np.abs(picture) <= read.LARGEST, picture, 0).astype(np.float32)
    if not all(2 <= side <= MAX_SIDE for side in picture.shape):
        raise ValueError(f"{short(name)} holds a picture of {picture.shape[1]} x {picture.shape[0]} pixels; a source "
                         f"needs 2 to {MAX_SIDE} on a side: choose another.")
    return picture


def read_kernel(name: str, data: bytes, remedy: str = "give another") -> np.ndarray:
    """The PSF in a file: an image with its star anywhere near the middle. ValueError says what is wrong with it and
    ends in a remedy."""
    kernel, notes = read.centred_kernel(read_picture(name, data))
    if kernel is None:
        raise ValueError(notes[0].replace("it was left out", remedy))
    return kernel


def real_pictures() -> list[str]:
    """Every galaxy in the folder LENSLAB_DATA that may serve as a source, as `sources/FILE#ARRAY`."""
    return [f"{name}#{label}" for name in catalogue.real_sources()
            for label in read.image_labels(read.look_into(name, catalogue.read_bytes(name)))]


def title_of_picture(entry: str) -> str:
    """What a list calls an entry of `real_pictures`: its file without the ending, and its array."""
    name, _, label = entry.rpartition("/")[2].partition("#")
    return " ".join(filter(None, (name.rpartition(".")[0], label))).replace("_", " ")


def read_real_picture(entry: str) -> np.ndarray:
    """The picture (h, w) float32 of an entry of `real_pictures`."""
    name, _, label = entry.partition("#")
    return read_picture(name, catalogue.read_bytes(name), hdu=label or None)


def scene_of(file: Contents) -> Scene | None:
    """The scene that an exported FITS or npz file carries."""
    part = file.parts.get("SCENE")
    if part is None:
        return None
    array = part.load()
    if array.dtype.kind == "U" and array.shape == ():
        return Scene.from_json(array.item())
    if array.dtype == np.uint8 and array.ndim == 1:
        return Scene.from_json(array.tobytes())
    raise ValueError(f"{short(file.name)}: its SCENE is no text; export the file again, or give the scene.json.")


def pictures_of(file: Contents, scene: Scene) -> dict[str, np.ndarray]:
    """The pictures that the scene of a file names, as far as the file carries them, each true to its hash."""
    wanted = {name for name in (scene.source.picture, scene.camera.psf_picture) if name is not None}
    found = {}
    for label, part in file.parts.items():
        if not label.startswith("PICTURE"):
            continue
        name = str(card(part.header, "PICHASH") or label.removeprefix("PICTURE_")).lower()
        if name not in wanted:
            continue
        with np.errstate(over="ignore"):  # such a picture is refused by `remember`
            picture = read.plane(file, label).astype(np.float32)
        if remember(picture) != name:
            raise ValueError(f"{short(file.name)}: the picture {name[:8]}... is not the one that its name says; the "
                             "file has been changed: export it again.")
        found[name] = picture
    return found
