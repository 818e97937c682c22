"""How much of the substructure a smooth lens leaves when it is fitted anew: lambda with nothing taken as linear.

The ceiling of lenslab.images.ceiling takes smooth lenses as linear about the truth, and knows where the clumps of a
source are. Strong substructure moves the best smooth lens so far that it explains much more than that.
"""

import numpy as np
import torch

from lenslab.fit import knots
from lenslab.fit.gauss_newton import fit
from lenslab.fit.smooth import smooth_lens
from lenslab.images import ceiling
from lenslab.images.draw import as_bright_as_asked
from lenslab.images.galaxies import with_galaxies
from lenslab.images.simulate import noise_free
from lenslab.population import CHUNK, Population

STEPS, ROUNDS = 12, 12     # from the true smooth lens, without noise: to the minimum


def left_over(population: Population, chunk: int, seed: int, split: str = "train") -> np.ndarray:
    """Sigmas (CHUNK,) that the best smooth lens leaves of each image of a chunk, taken without its noise."""
    lens = smooth_lens(population.name)
    paths, left = population.paths, np.zeros(CHUNK)
    drawn = as_bright_as_asked(with_galaxies(population.chunk(chunk, seed, split), split))
    for rows, wide in drawn.groups:
        nothing = np.full(len(rows), np.nan)
        table = np.stack([wide[path].numpy() if path in wide.values else nothing for path in paths], 1)
        values = knots.of_table(paths, table) if lens.clumpy else None
        with torch.no_grad():
            mean, variance = ceiling.expected(wide, noise_free(wide.to(dtype=torch.float32)).double())
        found = fit(lens, mean.float(), variance.sqrt().float(), lens.of_table(paths, table),
                    0 if lens.clumpy else STEPS, ROUNDS, values)
        left[rows] = found.chi2.sqrt().numpy()
    return left
