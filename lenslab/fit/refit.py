"""How much of the substructure a smooth lens leaves when it is fitted anew: lambda with nothing taken as linear.

The ceiling of lenslab.images.ceiling takes smooth lenses as linear about the truth, and knows where the compact
components of a source are. Strong substructure moves the best smooth lens so far that it explains much more than that.
"""

import numpy as np
import torch

from lenslab.fit import compact
from lenslab.fit.least_squares import fit
from lenslab.fit.smooth import smooth_lens
from lenslab.images import ceiling
from lenslab.images.simulate import noise_free
from lenslab.population import CHUNK, Population
from lenslab.scenes import Scenes
from lenslab.sets.draw import as_bright_as_asked
from lenslab.sets.galaxies import with_galaxies

STEPS, ROUNDS = 12, 12     # from the true smooth lens, without noise: to the minimum


def left_over(population: Population, scenes: Scenes) -> np.ndarray:
    """Sigmas (B,) that the best smooth lens of a population leaves of each image, taken without its noise.

    scenes  (B)  float64, as bright as they are seen
    """
    lens, paths, nothing = smooth_lens(population.name), population.paths, np.full(len(scenes), np.nan)
    table = np.stack([scenes[path].numpy() if path in scenes.values else nothing for path in paths], 1)
    values = compact.of_table(paths, table) if lens.compact else None
    with torch.no_grad():
        mean, variance = ceiling.expected(scenes, noise_free(scenes.to(dtype=torch.float32)).double())
    found = fit(lens, mean.float(), variance.sqrt().float(), lens.of_table(paths, table),
                0 if lens.compact else STEPS, ROUNDS, values)
    return found.chi2.sqrt().numpy()


def of_chunk(population: Population, chunk: int, seed: int, split: str = "train") -> np.ndarray:
    """The same (CHUNK,) of the items of a chunk; 0 where there is no substructure."""
    left = np.zeros(CHUNK)
    drawn = as_bright_as_asked(with_galaxies(population.chunk(chunk, seed, split), split))
    for rows, scenes in drawn.groups:
        dark = scenes.template.substructure
        if dark.kind != "none" or dark.clumps:
            left[rows] = left_over(population, scenes)
    return left
