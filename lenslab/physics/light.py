"""What shines: elliptical Sersic profiles and pictures. Surface brightness is flux for each square arcsec.

Shapes broadcast as in lenslab.physics.deflectors; an image's flux in a pixel is surface brightness times pixel area.
"""

from math import pi

import torch
from torch import Tensor

FLOOR_R = 1e-4    # arcsec, lenstronomy's floor on radius and half-light radius
B_SLOPE = 1.9992  # of b_n with n


def sersic_surface_brightness(x, y, amp, R_sersic, n_sersic, e1, e2, center_x, center_y, core=0.0) -> Tensor:
    """I = amp exp(-b_n [(R/R_sersic)^(1/n) - 1]), lenstronomy's SERSIC_ELLIPSE.

    amp        flux/arcsec^2  surface brightness at R_sersic
    R_sersic   arcsec         half-light radius of the product-average circle
    core       arcsec         added to R in squares: a summit without a cusp, for rays that are far apart

    With z' = z - e z*, R^2 = |z'|^2/(1 - |e|^2), smooth at e = 0. R is held at 1e-4 arcsec, where a steep profile has
    no gradient. lenstronomy's cut at 1000 R_sersic, where less than 1e-9 of amp is left, is not made.
    """
    dx, dy = x - center_x, y - center_y
    zx, zy = (1 - e1) * dx - e2 * dy, (1 + e1) * dy - e2 * dx
    per_square = 1 / R_sersic.clamp_min(FLOOR_R) ** 2  # divisions are done on (B, 1, 1), not on every position
    scale = per_square / (1 - e1 * e1 - e2 * e2).abs().clamp_min(1e-6)
    ratio = (zx * zx + zy * zy) * scale
    if core:
        ratio = ratio + core**2 * per_square
    ratio = torch.maximum(ratio, FLOOR_R**2 * per_square)
    b = _b_n(n_sersic)
    return amp * (b - b * (ratio.log() * (0.5 / n_sersic)).exp()).exp()


def sersic_tangents(x, y, amp, R_sersic, n_sersic, e1, e2, center_x, center_y, core=0.0) -> dict[str, Tensor]:
    """The surface brightness ("light") and its change for a unit of "x", "y", "log_R", "n", "e1" and "e2".

    x and y are those of the position; the others change the shape of a profile whose total flux stays. All come of the
    one power and the one exponential that the brightness takes. Within the floor on R, where the profile is held, it
    has no slope.
    """
    dx, dy = x - center_x, y - center_y
    zx, zy = (1 - e1) * dx - e2 * dy, (1 + e1) * dy - e2 * dx
    per_square = 1 / R_sersic.clamp_min(FLOOR_R) ** 2
    roundness = (1 - e1 * e1 - e2 * e2).abs().clamp_min(1e-6)
    scale = per_square / roundness
    bare, least = (zx * zx + zy * zy) * scale, FLOOR_R**2 * per_square
    ratio = bare + core**2 * per_square if core else bare
    b = _b_n(n_sersic)
    logarithm = torch.maximum(ratio, least).log()
    power = (logarithm * (0.5 / n_sersic)).exp()
    light = amp * (b - b * power).exp()
    fall = torch.where(ratio > least, light * power / ratio, 0.0) * (-0.5 * b / n_sersic)     # for a unit of R^2
    along_x, along_y = ((1 - e1) * zx - e2 * zy) * (2 * scale), ((1 + e1) * zy - e2 * zx) * (2 * scale)
    b_rise = B_SLOPE     # of b with n; the amplitude falls by what the flux of a unit rises
    flux_rise = 1 / n_sersic + b_rise * (1 - 2 * n_sersic / b) - 2 * b.log() + 2 * torch.digamma(2 * n_sersic)
    return dict(light=light, x=fall * along_x, y=fall * along_y,
                log_R=-2 * light - fall * (dx * along_x + dy * along_y + (2 * core**2 * per_square if core else 0)),
                n=light * (b_rise - flux_rise - power * (b_rise - b * logarithm * (0.5 / n_sersic**2))),
                e1=fall * (2 * scale * (zy * dy - zx * dx) + bare * (2 * e1 / roundness)),
                e2=fall * (bare * (2 * e2 / roundness) - 2 * scale * (zx * dy + zy * dx)))


def sersic_total_flux(amp, R_sersic, n_sersic) -> Tensor:
    """Flux over the whole sky: 2 pi n e^b b^(-2n) Gamma(2n) R^2 amp, Graham & Driver 2005 (astro-ph/0503176)."""
    return amp * _flux_of_unit_amplitude(R_sersic, n_sersic)


def sersic_amplitude(flux, R_sersic, n_sersic) -> Tensor:
    """The amp that gives a total flux."""
    return flux / _flux_of_unit_amplitude(R_sersic, n_sersic)


def _flux_of_unit_amplitude(R_sersic, n_sersic):
    b = _b_n(n_sersic)
    shape = torch.exp(b - 2 * n_sersic * b.log() + torch.lgamma(2 * n_sersic))
    return 2 * pi * n_sersic * shape * R_sersic.clamp_min(FLOOR_R) ** 2


def _b_n(n_sersic):
    """lenstronomy's approximation: half of the light is within R_sersic to 0.2 % for n >= 1, to 1 % at n = 0.5."""
    return (B_SLOPE * n_sersic - 0.3271).clamp_min(1e-5)


def picture_surface_brightness(x, y, picture, flux, width, phi, center_x, center_y) -> Tensor:
    """A picture on the sky, bilinear between the centres of its pixels and falling to 0 within a pixel of its edge.

    picture   (h, w) or (B, h, w)  any unit, of positive sum; rows grow with y, columns with x
    flux      its light over the whole sky; the tents of the bilinear rule make that exact
    width     arcsec   length of its w columns; pixels are square
    phi       rad      its x axis on the sky, counter-clockwise from the sky's

    Differentiable in every parameter and in the picture; across the lines through pixel centres the slope jumps.
    """
    height_pixels, width_pixels = picture.shape[-2:]
    pixel = width / width_pixels
    dx, dy = x - center_x, y - center_y
    cosine, sine = torch.cos(phi), torch.sin(phi)
    column = (cosine * dx + sine * dy) / pixel + 0.5 * (width_pixels - 1)
    row = (cosine * dy - sine * dx) / pixel + 0.5 * (height_pixels - 1)
    # One pixel beyond the edge all is dark, so positions farther out, where integers would overflow, are held there.
    column, row = column.clamp(-1, width_pixels), row.clamp(-1, height_pixels)
    left, low = column.detach().floor(), row.detach().floor()
    u, v = column - left, row - low
    left, low = left.long(), low.long()
    total = 0.0
    for i, weight_row in ((low, 1 - v), (low + 1, v)):
        for j, weight_column in ((left, 1 - u), (left + 1, u)):
            lit = (i >= 0) & (i < height_pixels) & (j >= 0) & (j < width_pixels)
            place = i.clamp(0, height_pixels - 1) * width_pixels + j.clamp(0, width_pixels - 1)
            total = total + torch.where(lit, weight_row * weight_column, 0.0) * _values(picture, place)
    summed = picture.sum((-2, -1))
    summed = summed.reshape(-1, *[1] * (total.ndim - 1)) if picture.ndim == 3 else summed
    return flux / (summed * pixel * pixel) * total


def _values(picture: Tensor, place: Tensor) -> Tensor:
    """Pixels of a flattened picture, or of each picture of a batch."""
    if picture.ndim == 2:
        return picture.reshape(-1)[place]
    place = place.expand(len(picture), *place.shape[1:])
    return picture.flatten(1).gather(1, place.flatten(1)).reshape(place.shape)
