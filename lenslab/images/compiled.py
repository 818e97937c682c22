"""The rays of images, compiled by torch.compile: faster by a factor of two or so, after tens of seconds of compiling.

Optional: the eager path is the default, and the fallback where no C++ compiler is at hand.
"""

import shutil
import warnings
from dataclasses import fields, is_dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lenslab.images.realise import Realisation
from lenslab.images.simulate import MANY, bent_apart, brightness, traced
from lenslab.physics import clumps
from lenslab.scenes import Scenes

# Longer formulas than by default stay in one loop, rather than pass maps to each other through memory; none too long,
# since what is used twice is written out twice until it is stored.
OPTIONS = clumps.COMPILER_OPTIONS | {"realize_opcount_threshold": 60, "realize_reads_threshold": 8}



class CompiledBrightness:
    """`brightness` compiled once for each structure and chunk size it meets; give it to `noise_free` as `shine`.

    A chunk that is smaller than the first of its structure is padded to it, so that nothing is compiled twice.
    """

    def __init__(self):
        self.why_eager = why_not()
        self._known: dict = {}
        torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)  # one a structure

    def rays_at_once(self, realisation: Realisation) -> int | None:
        """Rays of a chunk that run fastest on a CPU: one loop keeps no maps, but the sums over few halos hold some."""
        if self.why_eager or realisation.theta_E.device.type != "cpu":
            return None
        if realisation.halos is None:
            return 2**18
        return 2**14 if realisation.halos.x.shape[1] < MANY else 2**16

    def __call__(self, scenes: Scenes, realisation: Realisation) -> Tensor:
        if self.why_eager:
            return brightness(scenes, realisation)
        return self.traced(scenes, *bent_apart(scenes, realisation))

    def traced(self, scenes: Scenes, realisation: Realisation, bent: tuple[Tensor, ...]) -> Tensor:
        parts = [*tensors_of(realisation), *bent]
        key = (scenes.template, scenes.sie, scenes.multipoles, scenes.flattest, tuple(scenes.values),
               tuple(part.shape[1:] for part in parts))
        if key not in self._known:
            self._known[key] = len(scenes), _compiled(scenes, realisation)
        size, shine = self._known[key]
        missing = size - len(scenes)
        if missing > 0:
            rows = np.r_[np.arange(len(scenes)), np.zeros(missing, int)]
            bent = tuple(alpha[rows] for alpha in bent)
            return self.traced(scenes.take(rows), realisation.take(rows), bent)[:len(scenes)]
        return shine(torch.stack(list(scenes.values.values())), *parts)


def _compiled(scenes: Scenes, realisation: Realisation):
    """A compiled function of one table of numbers and a few tensors.

    Before each call the compiler checks every argument that it has read: with each number of the scene on its own that
    takes as long as drawing sixteen images.
    """
    paths, frame, layout = list(scenes.values), replace(scenes, values={}, seeds=None), without_tensors(realisation)

    def shine(table: Tensor, *parts: Tensor) -> Tensor:
        values = dict(zip(paths, table.unbind(), strict=True))
        left = iter(parts)
        return traced(replace(frame, values=values), with_tensors(layout, left), tuple(left))
    return torch.compile(shine, dynamic=False, options=OPTIONS)


def tensors_of(record) -> list[Tensor]:
    """The tensors of a realisation, in the order of its fields."""
    found = []
    for item in fields(record):
        value = getattr(record, item.name)
        if is_dataclass(value):
            found += tensors_of(value)
        elif isinstance(value, Tensor):
            found.append(value)
    return found


def without_tensors(record) -> tuple:
    """The layout of a realisation: its class, and for each field a layout, True for a tensor, or None."""
    values = [getattr(record, item.name) for item in fields(record)]
    return type(record), [without_tensors(value) if is_dataclass(value) else isinstance(value, Tensor) or None
                          for value in values]


def with_tensors(layout: tuple, parts):
    """A realisation of a layout from other tensors; what was none is None."""
    kind, values = layout
    return kind(*[with_tensors(value, parts) if isinstance(value, tuple) else value and next(parts)
                  for value in values])


def why_not() -> str:
    """A sentence that says why images are drawn eagerly here, or "" where torch.compile can work."""
    if torch.cuda.is_available():
        return ""
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        return "No C++ compiler is installed, so images are drawn without torch.compile, two times slower or so."
    return ""


def quiet() -> None:
    """Keep the compiler's remarks about this machine off the screen."""
    warnings.filterwarnings("ignore", module="torch._inductor")
