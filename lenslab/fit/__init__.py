"""Smooth lenses fitted to images by least squares through the simulator: the baseline beside every network."""

from lenslab.fit.annealed import inflated_noise
from lenslab.fit.least_squares import Fit, fit
from lenslab.fit.potential_corrections import potential_corrections
from lenslab.fit.smooth import SmoothLens, smooth_lens

__all__ = ["Fit", "SmoothLens", "fit", "inflated_noise", "potential_corrections", "smooth_lens"]
