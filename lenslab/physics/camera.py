"""From surface brightness on rays to counts in pixels: the blur by telescope and air, and the binning.

A pixel is hit by supersampling x supersampling rays, evenly spread. The blur acts on the rays, then pixels average
them: image = pixel area x bin(blur(brightness)). Blurs are lenstronomy's, so that images agree to rounding:

gaussian   scipy's gaussian_filter(mode="nearest"): weights sampled at ray spacing, cut at round(truncation sigma), and
           a frame whose edge value goes on for ever. It is separable, so that blur and binning are one matrix K a side
           and image = K I K^T.
moffat, pixel   a kernel at ray spacing; the sky beyond the frame is dark. One that is a product of a column and a row,
           or a sum of few of them, blurs and bins by a pair of matrices for each; others are convolved by FFT.
none       binning alone.
"""

from functools import lru_cache
from math import ceil, log, sqrt

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.interpolate import CubicSpline
from torch import Tensor

FWHM_PER_SIGMA = 2 * sqrt(2 * log(2))
MOFFAT_LOST = 1e-3  # share of a Moffat's light beyond the edge of its kernel
FEW = 3             # products of a column and a row up to which matrices are faster than a Fourier transform
MAX_KERNEL_SIDE = 2047
MAX_MEASURED_SIDE = 1023  # samples of a measured kernel: to resample it takes memory with the square of this


def photograph(brightness: Tensor, *, pixel_scale: float, supersampling: int, psf: str, fwhm: float = 0.0,
               psf_truncation: float = 5.0, moffat_beta: float = 2.5, kernel: np.ndarray | None = None,
               psf_supersampling: int = 1) -> Tensor:
    """Counts a second in each pixel, without noise.

    brightness  (B, N ss, N ss)  counts/s/arcsec^2 on rays
    pixel_scale, fwhm            arcsec
    kernel      (h, w)           a measured PSF for psf="pixel", sampled psf_supersampling times a pixel
    returns     (B, 1, N, N)     counts/s

    The arguments bear the names of the fields of lenslab.scene.Camera.
    """
    batch, rays, _ = brightness.shape
    assert brightness.shape == (batch, rays, rays) and rays % supersampling == 0, (brightness.shape, supersampling)
    if psf == "gaussian":
        K = gaussian_psf_matrix(rays // supersampling, pixel_scale, supersampling, fwhm, psf_truncation,
                                device=brightness.device, dtype=brightness.dtype)
        image = K @ (brightness @ K.T)
    else:
        blur = psf_kernel(psf=psf, pixel_scale=pixel_scale, supersampling=supersampling, fwhm=fwhm, kernel=kernel,
                          moffat_beta=moffat_beta, psf_supersampling=psf_supersampling)
        if blur is None:
            return binned(brightness, pixel_scale, supersampling)
        blur = _middle(blur, 2 * rays - 1)  # a frame feels no more of it
        pairs = kernel_matrices(np.ascontiguousarray(blur, np.float64).tobytes(), blur.shape, rays, supersampling,
                                device=brightness.device, dtype=brightness.dtype)
        if pairs is None:
            return binned(convolve(brightness, blur), pixel_scale, supersampling)
        image = sum(along_y @ (brightness @ along_x.T) for along_y, along_x in pairs)
    return (pixel_scale**2 * image)[:, None]


def binned(brightness: Tensor, pixel_scale: float, supersampling: int) -> Tensor:
    """Counts a second (B, 1, N, N) of brightness on rays (B, N ss, N ss)."""
    return pixel_scale**2 * torch.nn.functional.avg_pool2d(brightness[:, None], supersampling)


@lru_cache(maxsize=32)
def kernel_matrices(raw: bytes, kernel_shape: tuple, rays: int, supersampling: int, *, device: torch.device,
                    dtype: torch.dtype) -> tuple[tuple[Tensor, Tensor], ...] | None:
    """Matrices (N, N ss) along y and along x, binning x blur, in pairs whose images add up; None where FEW are not
    enough. What is left of the kernel (its singular values) lies below the rounding of `dtype`."""
    kernel = np.frombuffer(raw, np.float64).reshape(kernel_shape)
    columns, sizes, rows = np.linalg.svd(kernel)
    number = int((sizes > 8 * torch.finfo(dtype).eps * sizes[0]).sum())
    if number > FEW:
        return None
    offset = np.arange(rays)[:, None] - np.arange(rays)[None, :]    # from ray j, which gives, to ray i, which receives

    def matrix(weights: np.ndarray) -> Tensor:
        radius = len(weights) // 2
        blur = np.where(np.abs(offset) <= radius, weights[np.clip(radius + offset, 0, 2 * radius)], 0.0)
        return torch.from_numpy(blur.reshape(-1, supersampling, rays).mean(1)).to(device=device, dtype=dtype)

    with torch.inference_mode(False):
        return tuple((matrix(sizes[k] * columns[:, k]), matrix(rows[k])) for k in range(number))


@lru_cache(maxsize=32)
def gaussian_psf_matrix(num_pix: int, pixel_scale: float, supersampling: int, fwhm: float, truncation: float, *,
                        device: torch.device, dtype: torch.dtype) -> Tensor:
    """K (N, N ss): binning x Gaussian blur of one axis.

    Light beyond the frame is that of the edge, so that each row of K sums to 1: what the cut-off kernel finds outside
    is counted at the first and last ray. Built outside inference mode: a cached tensor must serve gradients later.
    """
    rays = num_pix * supersampling
    weights = gaussian_weights(fwhm, pixel_scale / supersampling, truncation)
    radius = len(weights) // 2
    below = np.cumsum(weights)                                      # below[radius + d] = sum of weights up to d
    offset = np.arange(rays)[None, :] - np.arange(rays)[:, None]    # from ray i, which receives, to ray j, which gives
    blur = np.where(np.abs(offset) <= radius, weights[np.clip(radius + offset, 0, 2 * radius)], 0.0)
    first = np.minimum(np.arange(rays), radius)                     # ray 0 stands for all offsets <= -i
    blur[:, 0] = np.where(np.arange(rays) <= radius, below[radius - first], 0.0)
    blur[:, -1] = blur[::-1, 0]
    if rays == 1:
        blur[:] = 1.0
    matrix = blur.reshape(num_pix, supersampling, rays).mean(1)
    with torch.inference_mode(False):
        return torch.from_numpy(matrix).to(device=device, dtype=dtype)


def gaussian_weights(fwhm: float, spacing: float, truncation: float) -> np.ndarray:
    """Weights (2 r + 1,) of scipy.ndimage.gaussian_filter1d: r = int(truncation sigma + 1/2), sigma in spacings."""
    sigma = fwhm / FWHM_PER_SIGMA / spacing
    radius = int(truncation * sigma + 0.5)
    if sigma <= 1e-15:
        return np.ones(1)
    weights = np.exp(-0.5 / sigma**2 * np.arange(-radius, radius + 1) ** 2)
    return weights / weights.sum()


def psf_kernel(*, psf: str, pixel_scale: float, supersampling: int, fwhm: float = 0.0, psf_truncation: float = 5.0,
               moffat_beta: float = 2.5, kernel: np.ndarray | None = None,
               psf_supersampling: int = 1) -> np.ndarray | None:
    """The blur as a kernel (h, w) float64 at ray spacing, odd sides, sum 1; None without a blur."""
    if psf == "none":
        return None
    if psf == "gaussian":
        weights = gaussian_weights(fwhm, pixel_scale / supersampling, psf_truncation)[None]
        weights = _normalised(_middle(weights, MAX_KERNEL_SIDE))
        return weights.T * weights
    if psf == "moffat":
        return moffat_kernel(fwhm, moffat_beta, pixel_scale / supersampling)
    assert psf == "pixel" and kernel is not None, psf
    needed = ceil(MAX_KERNEL_SIDE * psf_supersampling / supersampling) + 8  # what is cut away later is not made first
    kernel = _middle(kernel, min(needed + 1 - needed % 2, MAX_MEASURED_SIDE))
    return _normalised(_middle(resample_kernel(kernel, psf_supersampling, supersampling), MAX_KERNEL_SIDE))


@lru_cache(maxsize=32)
def moffat_kernel(fwhm: float, beta: float, spacing: float) -> np.ndarray:
    """Moffat (1 + r^2/a^2)^-beta with a = fwhm / (2 sqrt(2^(1/beta) - 1)), sampled at ray spacing, sum 1.

    Moffat 1969, A&A 3, 455. The kernel ends where MOFFAT_LOST of the light lies beyond: (1 + r^2/a^2)^(1 - beta).
    """
    a = fwhm / (2 * sqrt(2 ** (1 / beta) - 1))
    reach = a * sqrt(MOFFAT_LOST ** (1 / (1 - beta)) - 1)
    radius = min(max(ceil(reach / spacing), 1), MAX_KERNEL_SIDE // 2)
    r2 = (np.arange(-radius, radius + 1) * spacing) ** 2
    kernel = _normalised((1 + (r2[:, None] + r2) / a**2) ** -beta)
    kernel.flags.writeable = False
    return kernel


def resample_kernel(kernel: np.ndarray, sampling: int, wanted: int) -> np.ndarray:
    """A measured kernel (h, w), `sampling` samples a pixel, at `wanted` samples a pixel: odd sides, centred, sum 1.

    A sample is the light that falls on a square of 1/sampling pixel. Along each axis the light gathered up to every
    edge of the old squares is joined by a cubic spline and read at the edges of the new ones: no light is lost, squares
    made of whole old ones hold exactly their sum (lenstronomy's degrade_kernel at odd factors; at even ones it halves
    the squares that are cut, which widens the blur), and a finer kernel gathered back is the measured one. The finer
    one of an undersampled kernel has small negative ripples.
    """
    kernel = np.asarray(kernel, np.float64)
    total = kernel.sum()
    if kernel.ndim != 2 or not np.isfinite(kernel).all() or not total > 0:
        raise ValueError("The PSF kernel must be a picture of finite numbers with a sum above 0; load another one.")
    for axis in range(2):
        kernel = np.moveaxis(_axis_matrix(kernel.shape[axis], sampling, wanted)
                             @ np.moveaxis(kernel, axis, 0), 0, axis)
    return _normalised(kernel)


@lru_cache(maxsize=32)
def _axis_matrix(side: int, sampling: int, wanted: int) -> np.ndarray:
    """(new side, side): what resample_kernel does along one axis."""
    new = ceil(side * wanted / sampling)
    new += 1 - new % 2
    if new == side and wanted == sampling:
        return np.eye(side)
    edges = (np.arange(side + 1) - side / 2) / sampling             # in pixels, from the centre
    new_edges = (np.arange(new + 1) - new / 2) / wanted
    gathered = CubicSpline(edges, np.tri(side + 1, side, -1), bc_type="natural")
    return np.diff(gathered(np.clip(new_edges, edges[0], edges[-1])), axis=0)


def convolve(image: Tensor, kernel: np.ndarray) -> Tensor:
    """Convolution (B, H, W) with a kernel (h, w) of odd sides, of the size of the image, dark beyond its frame."""
    height, width = image.shape[-2:]
    h, w = kernel.shape
    assert h % 2 and w % 2, kernel.shape
    shape = (next_fast_len(height + h - 1, real=True), next_fast_len(width + w - 1, real=True))
    wave = _kernel_transform(np.ascontiguousarray(kernel, np.float64).tobytes(), (h, w), shape, image.device,
                             image.dtype)
    full = torch.fft.irfft2(torch.fft.rfft2(image, s=shape) * wave, s=shape)
    return full[..., h // 2:h // 2 + height, w // 2:w // 2 + width]


@lru_cache(maxsize=16)
def _kernel_transform(raw: bytes, kernel_shape: tuple, shape: tuple, device: torch.device,
                      dtype: torch.dtype) -> Tensor:
    kernel = np.frombuffer(raw, np.float64).reshape(kernel_shape)
    with torch.inference_mode(False):
        return torch.fft.rfft2(torch.tensor(kernel, dtype=dtype, device=device), s=shape)


def _middle(kernel: np.ndarray, most: int) -> np.ndarray:
    """The middle of a kernel of odd sides, no side longer than `most` (odd)."""
    cuts = [max(side - most, 0) // 2 for side in kernel.shape]
    return kernel[cuts[0]:kernel.shape[0] - cuts[0], cuts[1]:kernel.shape[1] - cuts[1]]


def _normalised(kernel: np.ndarray) -> np.ndarray:
    return kernel / kernel.sum()
