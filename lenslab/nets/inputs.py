"""What a network sees of an image: sigmas, bent once and for all by constants; and what a smoothing leaves of it.

No image is ever scaled by its own minimum or maximum: that would erase brightness and noise, both of which tell how
much to trust a wiggle, and would make an image depend on its brightest pixel.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SOFTENING = 20.0   # sigmas: below it the stretch is linear, above it logarithmic; arcs peak at S/8, 5 to 60 sigmas
SCALE = 1.0        # sigmas that become 1: substructure is a wiggle of a few; with 5 a network idles for longer at first
SMOOTHING = 1.0    # width of the smoothing, in FWHM of the PSF: what stays is finer than the PSF lets a smooth arc be
TRUNCATION = 4.0   # sigmas of the smoothing at which its kernel is cut off, scipy's own
FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))


class Stretch(nn.Module):
    """Sigmas (B, C, H, W) to numbers of order 1: (softening / scale) asinh(sigmas / softening); odd and monotonic."""

    def __init__(self, softening: float = SOFTENING, scale: float = SCALE):
        super().__init__()
        self.softening, self.scale = softening, scale

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.softening / self.scale * torch.asinh(sigmas / self.softening)

    def extra_repr(self) -> str:
        return f"softening={self.softening:g}, scale={self.scale:g}"


class Residual(nn.Module):
    """Image minus smoothed image, (B, 1, H, W) to the same; the smoothing is a Gaussian of `fwhm` pixels.

    Equal to scipy.ndimage.gaussian_filter(mode="nearest", truncate=4): beyond the frame its edge goes on, so that a
    flat sky leaves nothing there. Linear in the image, and a constant adds nothing.
    """

    def __init__(self, fwhm: float):
        super().__init__()
        sigma = fwhm / FWHM_PER_SIGMA
        reach = max(1, int(TRUNCATION * sigma + 0.5))
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
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


class Channels(nn.Module):
    """Images in sigmas (B, 1, H, W) to what the first convolution sees: (B, 1, H, W), or (B, 2, H, W) with residual.

    psf_fwhm  pixels, of the camera that the network was trained for
    """

    def __init__(self, psf_fwhm: float, residual: bool, *, smoothing: float = SMOOTHING, softening: float = SOFTENING,
                 scale: float = SCALE):
        super().__init__()
        self.stretch = Stretch(softening, scale)
        self.residual = Residual(smoothing * psf_fwhm) if residual else None
        self.names = ("image", "residual") if residual else ("image",)

    def forward(self, sigmas: Tensor) -> Tensor:
        image = self.stretch(sigmas)
        if self.residual is None:
            return image
        return torch.cat([image, self.stretch(self.residual(sigmas))], dim=1)
