"""Where the pixels lie on the sky."""

import torch
from torch import Tensor


def pixel_axis(num_pix: int, pixel_scale, supersampling: int = 1, *, device=None, dtype=torch.float32) -> Tensor:
    """Centres of the (sub)pixels along one side of a square image, its middle at 0.

    pixel_scale   arcsec, a number or a tensor (B,)
    returns       (num_pix * supersampling,) or (B, num_pix * supersampling)  arcsec

    Pixel i lies at (i - (num_pix - 1)/2) * pixel_scale; its `supersampling` rays split it evenly and have its centre
    as their mean, as lenstronomy's supersampled grid. The integers are exact, so the axis is symmetric to the bit.
    """
    n = num_pix * supersampling
    steps = (2 * torch.arange(n, device=device) - (n - 1)).to(dtype)
    scale = torch.as_tensor(pixel_scale, device=device, dtype=dtype)[..., None] / (2 * supersampling)
    return steps * scale
