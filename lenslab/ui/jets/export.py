"""Generated jets as files: npz, and the layouts of the end-to-end papers."""

import io
import tempfile
from pathlib import Path

import numpy as np

from lenslab.jets import CHANNELS
from lenslab.jets.open_data import to_e2e
from lenslab.tasks.jets.conditions import NAMES
from lenslab.ui.jets.forming import Forming
from lenslab.ui.jets.networks import conditions_of


def to_npz(forming: Forming) -> bytes:
    """images (m, 3, H, W) GeV, conditions (m, 3) with NaN where open, condition_names, flavours, channels."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, images=forming.images[:forming.reached].numpy(),
                        conditions=forming.order.table[:forming.reached].numpy(), condition_names=np.array(NAMES),
                        flavours=np.array(conditions_of(forming.order.network).flavours), channels=np.array(CHANNELS))
    return out.getvalue()


def as_end_to_end(forming: Forming, ending: str) -> bytes:
    """X_jets, pt, m0 and y, as .h5 or .parquet; NaN where a number was left open."""
    label, pt, mass = forming.order.table[:forming.reached].numpy().astype(np.float64).T
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"jets{ending}"
        to_e2e(path, forming.images[:forming.reached].numpy(), pt, mass, label)
        return path.read_bytes()
