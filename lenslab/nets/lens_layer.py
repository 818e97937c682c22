"""A lens inside a network: from an image and the numbers of a lens to the source, and back to an image.

Lensing keeps surface brightness, so that every ray that comes from one place of the source must show the same there.
Where the numbers of the lens are right, the image that is laid back on the source plane and lensed again is the image
that was seen; where they are wrong it is blurred. That tells them without labels. Everything here has a gradient with
respect to the numbers of the lens: rays are shared among the four nearest source pixels, never rounded to one.

Any monotonic function of brightness, the same for all pixels, is kept as well: networks may lay back stretched sigmas.
"""

from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.physics.deflectors import shear_deflection, sie_deflection
from lenslab.physics.grid import pixel_axis

N_SOURCE = 32          # pixels a side of the source plane
HALF = 0.8             # its half side in units of theta_E: sources that are lensed strongly lie within
EMPTY = 0.05           # rays at which a source pixel counts as half known
FLATTEST = 0.4         # least axis ratio that a network may ask for
SELF = -1.5 + pi / 4 - 0.5 * log(2)    # mean of ln r over a square of side 1 about its centre

Lens = dict[str, Tensor]     # theta_E, e1, e2, center_x, center_y, gamma1, gamma2, each (B,), arcsec where they are


@dataclass(frozen=True)
class Lensed:
    """What the layer makes of images (B, C, H, W)."""

    lens: Lens
    source: Tensor      # (B, C, n, n) mean of what the rays show; 0 where none arrives
    hits: Tensor        # (B, 1, n, n) rays that arrive
    image: Tensor       # (B, C, H, W) the source, lensed
    place: Tensor       # (B, 2, H, W) x, y of beta in units of the half side of the source plane


class LensLayer(nn.Module):
    """Isothermal ellipsoid with shear, and maybe a further convergence, before a source plane of N_SOURCE pixels.

    pixel_scale   arcsec, of the images that come
    """

    def __init__(self, pixel_scale: float, n_source: int = N_SOURCE):
        super().__init__()
        self.pixel_scale, self.n_source = pixel_scale, n_source

    def forward(self, image: Tensor, lens: Lens, kappa: Tensor | None = None) -> Lensed:
        """kappa: (B, H, W), what the lens has beside the ellipsoid, or None."""
        with torch.autocast(image.device.type, enabled=False):     # positions need more than the 3 digits of bfloat16
            image = image.float() if image.dtype is torch.bfloat16 else image
            lens = {name: value.to(image.dtype) for name, value in lens.items()}
            beta = torch.stack(self.beta(image.shape[-1], lens, kappa), dim=1)
            place = beta / (HALF * lens["theta_E"])[:, None, None, None]
            rays = 0.5 * (self.n_source - 1) * (place + 1)          # in source pixels; 0 is the centre of the first
            light, hits = splat(image, rays, self.n_source)
            source = light / (hits + EMPTY)
            return Lensed(lens, source, hits, sampled(source, place), place)

    def beta(self, side: int, lens: Lens, kappa: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Where the rays of the pixels come from, (B, H, W) arcsec each."""
        first = lens["theta_E"]
        axis = pixel_axis(side, self.pixel_scale, device=first.device, dtype=first.dtype)
        x, y = axis[None, None, :], axis[None, :, None]
        numbers = {name: value[:, None, None] for name, value in lens.items()}
        gamma1, gamma2 = numbers.pop("gamma1"), numbers.pop("gamma2")
        alpha_x, alpha_y = sie_deflection(x, y, **numbers, flattest=FLATTEST)
        shear_x, shear_y = shear_deflection(x, y, gamma1, gamma2)
        beta_x, beta_y = x - alpha_x - shear_x, y - alpha_y - shear_y
        if kappa is not None:
            more_x, more_y = deflection_of(kappa.to(first.dtype), self.pixel_scale)
            beta_x, beta_y = beta_x - more_x, beta_y - more_y
        return beta_x, beta_y


def splat(image: Tensor, rays: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Lay images (B, C, H, W) on a grid of n x n: (B, C, n, n) sums of light, and (B, 1, n, n) rays that arrived.

    rays   (B, 2, H, W)  x, y where each pixel arrives, in pixels of the grid, the first at 0

    Each is shared among its four neighbours by the bilinear rule: sums of light and rays are kept, but for what falls
    beyond the frame. The transpose of `sampled`.
    """
    B, C = image.shape[:2]
    values = torch.cat([image, torch.ones_like(image[:, :1])], dim=1).flatten(2)
    x, y = rays.flatten(2).unbind(1)
    left, low = x.detach().floor(), y.detach().floor()
    grid = values.new_zeros(B, C + 1, n * n)
    for column in (left, left + 1):
        for row in (low, low + 1):
            inside = (column >= 0) & (column < n) & (row >= 0) & (row < n)
            weight = (1 - (x - column).abs()) * (1 - (y - row).abs()) * inside
            place = torch.where(inside, row * n + column, 0).long()
            grid = grid.scatter_add(2, place[:, None].expand_as(values), values * weight[:, None])
    grid = grid.view(B, C + 1, n, n)
    return grid[:, :C], grid[:, C:]


def sampled(source: Tensor, place: Tensor) -> Tensor:
    """Maps (B, C, n, n) at places (B, 2, H, W), from -1 at the first pixel to 1 at the last: bilinear, 0 beyond."""
    return F.grid_sample(source, place.permute(0, 2, 3, 1), mode="bilinear", padding_mode="zeros", align_corners=True)


def potential_of(kappa: Tensor, pixel_scale: float, margin: int = 0) -> Tensor:
    """psi of convergence maps (B, H, W) that stand alone on the sky: (B, H + 2 margin, W + 2 margin), arcsec^2.

    psi(theta) = 1/pi * integral of kappa(theta') ln|theta - theta'|, a convolution by FFT, padded so that nothing
    comes round. Its own pixel enters by the mean of ln r over a square.
    """
    H, W = kappa.shape[-2:]
    size = [2 * H + 2 * margin, 2 * W + 2 * margin]
    axes = [(torch.arange(n, device=kappa.device) + n // 2) % n - n // 2 for n in size]
    square = (axes[0][:, None] ** 2 + axes[1][None, :] ** 2).to(kappa.dtype)
    logarithm = torch.where(square > 0, 0.5 * square.clamp_min(0.5).log(), SELF) + log(pixel_scale)
    transform = torch.fft.rfft2(logarithm) * torch.fft.rfft2(F.pad(kappa, (0, size[1] - W, 0, size[0] - H)))
    psi = torch.fft.irfft2(transform, s=size) * (pixel_scale**2 / pi)
    psi = torch.roll(psi, (margin, margin), (-2, -1))
    return psi[..., :H + 2 * margin, :W + 2 * margin]


def deflection_of(kappa: Tensor, pixel_scale: float) -> tuple[Tensor, Tensor]:
    """alpha_x, alpha_y (B, H, W) of convergence maps, arcsec: central differences of one potential, so no curl."""
    psi = potential_of(kappa, pixel_scale, margin=1)
    alpha_x = (psi[..., 1:-1, 2:] - psi[..., 1:-1, :-2]) / (2 * pixel_scale)
    alpha_y = (psi[..., 2:, 1:-1] - psi[..., :-2, 1:-1]) / (2 * pixel_scale)
    return alpha_x, alpha_y
