"""Power of images by scale, and how that of two sets compares."""

import numpy as np
import torch
from torch import Tensor

AT_ONCE = 256          # images: 64 x 64 in double precision make 17 MB a block
LEAST = 1e-4           # of the peak: below it the simulator's own rounding and edges are what is measured


def power_spectrum(images: np.ndarray | Tensor) -> np.ndarray:
    """|Fourier transform|^2 / pixels, averaged over rings of the frame's frequencies.

    images   (n, side, side)         any unit
    returns  (n, side // 2 - 1)      that unit squared; k = 1, 2, ... cycles a frame, Nyquist (side / 2) left out

    White noise of variance v has v in every bin: so says Parseval, since all modes together, k = 0 and the corners
    included, sum to the sum of squares. A ring holds the modes whose |k| rounds to k. The frame counts as periodic:
    light at its edge leaks into all scales, in both sets alike.
    """
    images = torch.as_tensor(images).detach().to("cpu", torch.float64)
    assert images.ndim == 3 and images.shape[1] == images.shape[2], images.shape
    side = images.shape[-1]
    k = torch.fft.fftfreq(side, 1 / side, dtype=torch.float64)
    ring = torch.hypot(k[:, None], k[None, :]).round().long().flatten()
    power = torch.cat([part.new_zeros(len(part), int(ring.max()) + 1).index_add_(
        1, ring, (torch.fft.fft2(part).abs().square() / side**2).flatten(1)) for part in images.split(AT_ONCE)])
    return (power / torch.bincount(ring))[:, 1:side // 2].numpy()


def scales(reference: np.ndarray, least: float = LEAST) -> int:
    """How many of the bins of power (n, K) are to be compared: those before the mean falls below least x its peak."""
    mean = np.asarray(reference).mean(0)
    faint = np.flatnonzero(mean < least * mean.max())
    faint = faint[faint > mean.argmax()]
    return int(faint[0]) if len(faint) else len(mean)


def power_ratio(power: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """(K,) mean power of one set (n, K) over that of another (m, K), by scale; 1 where they agree.

    The floor is power_ratio of another draw over the same reference, up to the same `scales(reference)`.
    """
    return np.asarray(power).mean(0) / np.asarray(reference).mean(0)
