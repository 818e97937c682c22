"""Pictures that a Scene names by content: an uploaded source, a measured PSF.

The store only saves carrying arrays about: it is bounded, and whoever needs a picture to last (a page's session, an
exported FITS) holds the array itself and remembers it again.
"""

import hashlib
import threading
from collections import OrderedDict

import numpy as np

MAX_SIDE = 4096
STORE_BYTES = 256 * 2**20

_store: OrderedDict[str, np.ndarray] = OrderedDict()
_lock = threading.Lock()


def remember(image: np.ndarray) -> str:
    """Keep a picture (h, w), rows growing with y, finite and with some light; returns its SHA-256 as 64 hex digits.

    Raises ValueError, for whoever uploaded it, when it is no such picture.
    """
    image = np.ascontiguousarray(image, dtype="<f4")
    if image.ndim != 2 or not all(2 <= side <= MAX_SIDE for side in image.shape):
        raise ValueError(f"A picture of shape {image.shape} came; it must have two sides of 2 to {MAX_SIDE} pixels.")
    if not np.isfinite(image).all() or not image.sum() > 0:
        raise ValueError("The picture has pixels that are not finite, or no light in sum; mend it or take another.")
    image.flags.writeable = False
    name = hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest()
    with _lock:
        _store[name] = image
        _store.move_to_end(name)
        while sum(kept.nbytes for kept in _store.values()) > STORE_BYTES and len(_store) > 1:
            _store.popitem(last=False)
    return name


def recall(name: str) -> np.ndarray:
    """The picture (h, w) float32, read-only, of a hash that `remember` gave."""
    with _lock:
        if name not in _store:
            raise ValueError(f"The picture {name[:8]}... that this scene uses is not here: links and scene.json carry "
                             "only its name. Load the picture again, or import the scene from its FITS file.")
        _store.move_to_end(name)
        return _store[name]
