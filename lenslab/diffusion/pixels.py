"""Two sets by single numbers: pixels wherever they lie, or any scalar of an image."""

import numpy as np
from scipy.stats import wasserstein_distance
from torch import Tensor

from lenslab.diffusion.two_samples import rows


def histogram(values: np.ndarray | Tensor, edges: np.ndarray) -> np.ndarray:
    """(K,) share of the values in each bin between edges (K + 1,); what lies beyond counts in the outer bins, so that
    the shares sum to 1 and nothing wild is lost."""
    x = rows(values).numpy().ravel()
    return np.histogram(x.clip(edges[0], edges[-1]), edges)[0] / len(x)


def wasserstein(a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> float:
    """1-Wasserstein distance of two sets of numbers, in their unit: how far a number has to be moved on average.

    On a line the i-th smallest goes to the i-th smallest (Villani 2009, Optimal Transport, remark 2.19). Sets of
    different size go through scipy, which needs several times the memory.
    """
    a, b = (rows(x).numpy().ravel() for x in (a, b))
    if len(a) == len(b):
        return float(np.abs(np.sort(a) - np.sort(b)).mean())
    return float(wasserstein_distance(a, b))


def moments(images: np.ndarray | Tensor) -> np.ndarray:
    """(n, 4) of each image's pixels: mean and spread in the images' unit, skewness, excess kurtosis (0 for a Gaussian).

    An image of one brightness has neither skewness nor kurtosis: 0 stands for both.
    """
    x = rows(images).numpy()
    lit = x.max(1) > x.min(1)
    mean, spread = x.mean(1), x.std(1)
    z = (x - mean[:, None]) / np.where(lit, spread, 1)[:, None]
    square = z * z
    return np.column_stack([mean, spread, np.where(lit, (square * z).mean(1), 0),
                            np.where(lit, (square * square).mean(1) - 3, 0)])
