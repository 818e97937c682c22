"""What a network sees of an image: sigmas, bent once and for all by constants; and what a smoothing leaves of it.

No image is ever scaled by its own minimum or maximum: that would erase brightness and noise, both of which tell how
much to trust a wiggle, and would make an image depend on its brightest pixel.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.physics.grid import middle

SOFTENING = 20.0   # sigmas: below it the stretch is linear, above it logarithmic; arcs peak at S/8, 5 to 60 sigmas
SCALE = 1.0        # sigmas that become 1: substructure is a wiggle of a few; with 5 a network idles for longer at first
SMOOTHING = 1.0    # width of the smoothing, in FWHM of the PSF: what stays is finer than the PSF lets a smooth arc be
TRUNCATION = 4.0   # sigmas of the smoothing at which its kernel is cut off, scipy's own
FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))


def gaussian(sigma: float) -> Tensor:
    """Of `sigma` pixels, at whole pixels as far as TRUNCATION: (2 reach + 1,) float64, its peak 1."""
    reach = max(1, int(TRUNCATION * sigma + 0.5))
    return torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)


class Stretch(nn.Module):
    """Sigmas (B, C, H, W) to numbers of order 1: (softening / scale) asinh(sigmas / softening); odd and monotonic."""

    def __init__(self, softening: float = SOFTENING, scale: float = SCALE):
        super().__init__()
        self.softening, self.scale = softening, scale

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.softening / self.scale * torch.asinh(sigmas / self.softening)

    def back(self, stretched: Tensor) -> Tensor:
        """The sigmas that became these numbers."""
        return self.softening * torch.sinh(stretched * (self.scale / self.softening))

    def extra_repr(self) -> str:
        return f"softening={self.softening:g}, scale={self.scale:g}"


class Residual(nn.Module):
    """Image minus smoothed image, (B, 1, H, W) to the same; the smoothing is a Gaussian of `fwhm` pixels.

    Equal to scipy.ndimage.gaussian_filter(mode="nearest", truncate=4): beyond the frame its edge goes on, so that a
    flat sky leaves nothing there. Linear in the image, and a constant adds nothing.
    """

    def __init__(self, fwhm: float):
        super().__init__()
        kernel = gaussian(fwhm / FWHM_PER_SIGMA)
        self.register_buffer("kernel", kernel / kernel.sum(), persistent=False)   # follows from the card's constants
        self.fwhm = fwhm

    def smooth(self, image: Tensor) -> Tensor:
        kernel = self.kernel.to(image)
        reach = len(kernel) // 2
        wide = F.pad(image, (reach, reach, reach, reach), mode="replicate")
        return F.conv2d(F.conv2d(wide, kernel[None, None, None, :]), kernel[None, None, :, None])

    def forward(self, image: Tensor) -> Tensor:
        # float32 also under autocast: image and smoothed image are large and nearly equal, and bfloat16 has 3 digits
        with torch.autocast(image.device.type, enabled=False):
            return image - self.smooth(image)

    def extra_repr(self) -> str:
        return f"fwhm={self.fwhm:g}"


# What lenses leave whose source is a profile, or has compact components, and what of that looks like lensing.
FITTED = ("residual", "residual with compact components", "potential corrections")
#                                                             as well, and what of that looks like lensing


class Channels(nn.Module):
    """What is given, (B, K, H, W) in sigmas, to what the first convolution sees: (B, 1, h, w) to (B, 3, h, w).

    psf_fwhm  pixels, of the camera that the network was trained for
    residual  the second channel is what a smoothing leaves of the image; K is 1
    fit       so many further channels are what fitted smooth lenses leave, and are given; K is 1 more
    crop      pixels a side that are seen, 0 for all; the smoothing sees the whole frame
    """

    def __init__(self, psf_fwhm: float, residual: bool, *, fit: int = 0, crop: int = 0,
                 smoothing: float = SMOOTHING, softening: float = SOFTENING, scale: float = SCALE):
        super().__init__()
        assert not (residual and fit), "one residual at a time: both would be called so"
        self.stretch = Stretch(softening, scale)
        self.residual = Residual(smoothing * psf_fwhm) if residual else None
        self.fit, self.crop = fit, crop
        self.names = ("image", *FITTED[:max(fit, residual)])

    def forward(self, given: Tensor) -> Tensor:
        assert given.ndim == 4 and given.shape[1] == 1 + self.fit, given.shape
        if self.residual is not None:
            given = torch.cat([given, self.residual(given)], dim=1)
        return self.stretch(middle(given, self.crop))

    def extra_repr(self) -> str:
        return f"names={self.names}, crop={self.crop}"
