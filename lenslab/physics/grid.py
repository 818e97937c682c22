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


def middle_side(num_pix: int, crop: int) -> int:
    """Pixels a side of the middle of a frame: `crop`, or one more where only that is central; 0 is the whole frame.

    So turns and mirrors of the frame stay turns and mirrors of its middle.
    """
    return num_pix - 2 * ((num_pix - crop) // 2) if 0 < crop < num_pix else num_pix


def middle(image: Tensor, crop: int) -> Tensor:
    """The middle of square frames (..., N, N), of `middle_side(N, crop)` pixels a side."""
    edge = (image.shape[-1] - middle_side(image.shape[-1], crop)) // 2
    return image[..., edge:image.shape[-2] - edge, edge:image.shape[-1] - edge]
