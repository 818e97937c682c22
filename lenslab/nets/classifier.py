"""What every classifier is: see, embed, head. Explanations, distances and benchmarks ask for these and no more."""

from torch import Tensor, nn

from lenslab.nets.inputs import SCALE, SMOOTHING, SOFTENING, Channels


class Classifier(nn.Module):
    """Images in sigmas (B, K, H, W), of 16 pixels a side or more, to logits (B, C), in three stages.

    see(given) -> (B, C_in, h, w)     what the first convolution gets; `channel_names` says what each channel is
    embed(seen) -> (B, n_features)    everything up to the last layers
    head                              module, (B, n_features) to logits (B, C)

    A kind sets `head`, gives `embed` and `evidence`, and is built as
    Kind(n_classes, psf_fwhm=pixels, pixel_scale=arcsec, num_pix=, symmetry="D4", "C2" or "none", crop=pixels, width=,
    smoothing=, softening=, scale=, **settings of its own); what it has no use for it ignores.

    residual   what a smoothing leaves is a second channel
    fit        K is so much larger than 1: residuals of fitted smooth lenses, in sigmas, come with the image
    """

    needs_fit = False     # whether `given` has such residuals
    head: nn.Module

    def __init__(self, psf_fwhm: float, *, residual: bool = False, fit: int = 0, crop: int = 0,
                 smoothing: float = SMOOTHING, softening: float = SOFTENING, scale: float = SCALE,
                 pixel_scale: float | None = None, num_pix: int | None = None, symmetry: str | None = None):
        super().__init__()
        self.channels = Channels(psf_fwhm, residual, fit=fit, crop=crop, smoothing=smoothing, softening=softening,
                                 scale=scale)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return self.channels.names

    @property
    def evidence(self) -> nn.Module:
        """The module whose output (B, k, h', w') is the last map of the image."""
        raise NotImplementedError

    def see(self, given: Tensor) -> Tensor:
        return self.channels(given)

    def embed(self, seen: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, given: Tensor) -> Tensor:
        return self.head(self.embed(self.see(given)))
