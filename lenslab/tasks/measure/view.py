"""What networks that measure are given: an image, what its fit leaves, and what is true of it. Fits are stored.

A fit takes a hundred times as long as a step of training, and is the same for every network that begins it alike: so
each chunk of fits is made once and lies in a folder, under a name that follows from all that it depends on.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from lenslab import checkpoint
from lenslab.checkpoint import write_atomically
from lenslab.feed.examples import Columns, Examples
from lenslab.feed.order import CHUNK
from lenslab.fit import recipes, smooth
from lenslab.fit.recipes import FitRecipe
from lenslab.fit.smooth import SmoothLens
from lenslab.nets import lens_residual
from lenslab.nets.lens_regressor import LensRegressor
from lenslab.physics.grid import middle
from lenslab.population import find
from lenslab.tasks.lens_parameters import load_regressor
from lenslab.tasks.lens_view import LensView, image_and_noise
from lenslab.tasks.measure.quantities import truths_of_chunk

TRUTH = "truth"        # the target: values (n, Q) of the population's quantities, NaN where an item has none


@dataclass(frozen=True)
class MeasureView(LensView):
    """Inputs (n, K, H, W), of which the first plane is the image in sigmas, and the target TRUTH.

    classifier   checkpoint of a lens_residual that begins the fits, whose recipe they follow; none: no fits
    fits         folder where chunks of fits lie and are put; none: they are made and forgotten
    bare         only the image is given, though there are fits
    """

    classifier: str = ""
    fits: str = ""
    bare: bool = False

    def columns(self, chunk: int) -> Columns:
        store = self.store
        if store is not None and (stored := store.read(chunk)) is not None:
            columns = stored
        else:
            columns = self.fitted_columns(chunk)
            if store is not None:
                store.write(chunk, columns)
        given = columns["given"][:, :1] if self.bare else columns["given"]
        truth = truths_of_chunk(self.population, chunk, self.seed, self.split)
        return dict(given=given, label=columns["label"], truth=truth)

    def fitted_columns(self, chunk: int) -> Columns:
        """{given: (CHUNK, K, h, w) float16, label}"""
        columns = super().columns(chunk)
        image, sigma = (middle(part, self.crop) for part in image_and_noise(find(self.population), columns))
        given = image / sigma
        if self.classifier:
            lens, regressor, recipe = fitter(self.classifier)
            given, _ = lens_residual.fitted(regressor, lens, image, sigma, recipe)
        return dict(given=given.clamp(-6e4, 6e4).half().numpy(), label=columns["label"])

    def examples(self, columns: Columns) -> Examples:
        return Examples(torch.from_numpy(columns["given"]).float(), columns["label"],
                        {TRUTH: torch.from_numpy(columns["truth"])})

    def together(self, chunks: list[int], device: torch.device) -> list[Examples]:
        """Fits of stored chunks lie on a disk, whatever the device."""
        return [self.examples(self.columns(chunk)) for chunk in chunks]

    @property
    def store(self) -> "Store | None":
        if not self.fits:
            return None
        population = find(self.population)
        facts = dict(population=population.definition, crop=self.crop, classifier=digest(self.classifier))
        name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
        return Store(Path(self.fits) / f"{population.family}-{name}" / f"{self.split}-{self.seed}")


@dataclass(frozen=True)
class Store:
    """Chunks of fits in a folder, one npz file each; nothing in it is ever unpickled."""

    folder: Path

    def path(self, chunk: int) -> Path:
        return self.folder / f"{chunk:05}.npz"

    def read(self, chunk: int) -> Columns | None:
        """None where the chunk was not made yet."""
        path = self.path(chunk)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as found:
                columns = dict(given=found["given"], label=found["label"])
            sound = columns["given"].ndim == 4 and columns["given"].dtype == np.float16 \
                and columns["label"].shape == (CHUNK,) and len(columns["given"]) == CHUNK
        except (OSError, KeyError, ValueError, EOFError, BadZipFile):
            sound = False
        if not sound:
            raise ValueError(f"{path} holds no chunk of fits; delete it, and it is made anew.")
        return columns

    def write(self, chunk: int, columns: Columns) -> None:
        out = io.BytesIO()
        np.savez(out, **columns)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path(chunk), out.getvalue())

    @property
    def number(self) -> int:
        """Chunks in a row, from the first on."""
        k = 0
        while self.path(k).exists():
            k += 1
        return k


@lru_cache(maxsize=4)
def fitter(path: str) -> tuple[SmoothLens, LensRegressor, FitRecipe]:
    """What the fits of a classifier's checkpoint are made with."""
    card = checkpoint.read_card(path)
    if "smooth_lens" not in card:
        raise ValueError(f"{Path(path).name} fits no lenses; give a checkpoint of python -m lenslab train classify "
                         "network=lens_residual.")
    lens = smooth.of_card(card["smooth_lens"])
    return lens, load_regressor(path, lens), recipes.of_card(card.get("fit_recipe"))


@lru_cache(maxsize=8)
def digest(path: str) -> str:
    """Of all in a classifier's checkpoint that its fits depend on; "" without one."""
    if not path:
        return ""
    lens, regressor, recipe = fitter(path)
    total = hashlib.sha256(json.dumps([smooth.to_card(lens), recipes.to_card(recipe)], sort_keys=True).encode())
    for name, tensor in sorted(regressor.state_dict().items()):
        total.update(name.encode() + tensor.cpu().numpy().tobytes())
    return total.hexdigest()[:16]
