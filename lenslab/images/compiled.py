"""The rays of images, compiled by torch.compile: faster by a factor of two or so, after tens of seconds of compiling.

Optional: the eager path is the default, and the fallback where no C++ compiler is at hand.
"""

import shutil
import warnings
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lenslab.images.realise import Realisation
from lenslab.images.simulate import brightness
from lenslab.scenes import Scenes

NO_SEEDS = np.zeros((0, 2), np.int64)  # the drawing reads none, and the compiler need not watch them


class CompiledBrightness:
    """`brightness` compiled once for each structure and chunk size it meets; give it to `noise_free` as `shine`.

    A chunk that is smaller than the first of its structure is padded to it, so that nothing is compiled twice.
    """

    def __init__(self):
        self.why_eager = why_not()
        self._shine = brightness if self.why_eager else torch.compile(brightness, dynamic=False)
        self._sizes: dict = {}

    def __call__(self, scenes: Scenes, realisation: Realisation) -> Tensor:
        size = self._sizes.setdefault(scenes.template, len(scenes))
        missing = size - len(scenes)
        if missing > 0:
            rows = np.r_[np.arange(len(scenes)), np.zeros(missing, int)]
            return self._call(scenes.take(rows), realisation.take(rows))[:len(scenes)]
        return self._call(scenes, realisation)

    def _call(self, scenes: Scenes, realisation: Realisation) -> Tensor:
        return self._shine(replace(scenes, seeds=NO_SEEDS), realisation)


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
