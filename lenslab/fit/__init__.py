"""Smooth lenses fitted to images by least squares through the simulator: the baseline beside every network."""

from lenslab.fit.annealed import doubted
from lenslab.fit.gauss_newton import Fit, fit
from lenslab.fit.ripples import ripples
from lenslab.fit.smooth import SmoothLens, smooth_lens

__all__ = ["Fit", "SmoothLens", "doubted", "fit", "ripples", "smooth_lens"]
