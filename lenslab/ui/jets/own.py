"""A file of jets of one's own: of CMS open data, or a set that lenslab made."""

import tempfile
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import streamlit as st

from lenslab.jets import CHANNELS
from lenslab.jets.files import read
from lenslab.jets.images import Hits
from lenslab.jets.observables import Observed
from lenslab.jets.open_data import Reading, first
from lenslab.ui.escape import plain
from lenslab.ui.jets.form import FORM
from lenslab.ui.jets.forming import read_off

MOST = 200                   # jets of a file: so many are read off in seconds
FILE, OWN = "jets.own.file", "jets.own"
KINDS = ["h5", "hdf5", "parquet"]


@dataclass(frozen=True, eq=False)
class Own:
    """The first jets of a file: images (n, 3, side, side) in GeV, what is read off them, and the numbers that the
    file tells."""

    name: str
    images: np.ndarray
    read_off: Observed
    pt: np.ndarray
    mass: np.ndarray


def own_of(name: str, data: bytes, reading: Reading, side: int) -> Own:
    """Read what was uploaded; ValueError says what is wrong with it."""
    suffix = Path(name).suffix.lower() or ".h5"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix[:10]}"
        path.write_bytes(data)
        try:
            jets = read(path)
            jets = jets.take(np.arange(min(len(jets), MOST)))
            images, pt, mass = jets.hits.images(side), jets.pt, jets.mass
        except ValueError:        # none of ours: one of the end-to-end layouts, or nothing that can be read
            images, pt, mass = foreign(path, reading, side)
    images = np.where(images >= 0, images, 0)
    return Own(name, images, read_off(images), pt, mass)


def foreign(path: Path, reading: Reading, side: int) -> tuple[np.ndarray, ...]:
    parts = [(Hits.of_images(part.images).images(side), part.pt, part.mass) for part in first(path, reading, MOST)]
    if not parts:
        raise ValueError("The file holds no jets.")
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def current() -> Own | None:
    return st.session_state.get(OWN)


def controls(side: int) -> Own | None:
    """The file, and how its channels are to be understood."""
    st.file_uploader("A file of jets (HDF5 or parquet in the layout of the end-to-end papers, or a set of lenslab; up "
                     "to 100 MB)", type=KINDS, key=FILE, max_upload_size=100)
    left, right = st.columns(2)
    orders = [", ".join(names) for names in permutations(CHANNELS)]
    order = left.selectbox("Its first three channels are", orders, key=FORM.keyed("own.channels", orders[0], orders))
    scale = right.number_input("Times this they are GeV", 1e-6, 1e6, key=FORM.keyed("own.scale", 1.0), format="%g")
    file = st.session_state.get(FILE)
    if file is None:
        st.session_state.pop(OWN, None)
        st.session_state.pop(f"{OWN}.of", None)
        return None
    asked = file.file_id, order, scale, side
    if st.session_state.get(f"{OWN}.of") != asked:
        st.session_state.pop(OWN, None)
        names = tuple(order.split(", "))
        try:
            labels = tuple(f"kind_{k}" for k in range(10))
            st.session_state[OWN] = own_of(file.name, file.getvalue(), Reading(names, (scale,) * 3, labels), side)
        except ValueError as error:
            st.warning(plain(str(error).replace("file.h5", file.name).replace("file.parquet", file.name)),
                       icon=":material/error:")
            return None
        st.session_state[f"{OWN}.of"] = asked
    return current()
