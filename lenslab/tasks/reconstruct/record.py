"""What a reconstruction says of one image: maps, numbers with errors, and whether it is to be believed."""

import io
from dataclasses import dataclass
from math import isfinite

import numpy as np
from astropy.io import fits
from torch import Tensor

from lenslab.fit.perturber import Perturbers
from lenslab.fit.pixel_source import PixelSource
from lenslab.images.export import sky_axes
from lenslab.images.observation import Observation
from lenslab.scene import Scene

MAPS = ("model", "residual", "lens_light", "source", "psi", "kappa", "alpha_x", "alpha_y", "used", "arc_mask")


@dataclass(frozen=True)
class Parameter:
    """One number of a lens or its source."""

    mean: float
    std: float                  # one sigma of its posterior, all else marginalised (lenslab.fit.posterior)
    systematic: float | None    # half of what source models differ by; None where there was one
    unit: str


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A lens fitted to one image, on that image's own pixels; rows grow with y.

    A frame is the square of the image about the lens that was fitted; positions count in arcsec from its middle, which
    lies at `offset` from that of the whole image.
    """

    observation: Observation          # the frame
    offset: tuple[float, float]       # arcsec
    scene: Scene                      # the lens, its source and its light as a Scene
    source: Tensor                    # (G, G) unit of the image/arcsec^2, on a plane about the lens
    source_half_width: float          # arcsec
    psi: Tensor                       # (N, N) arcsec^2
    kappa: Tensor                     # (N, N)
    alpha_x: Tensor                   # (N, N) arcsec
    alpha_y: Tensor                   # (N, N) arcsec
    model: Tensor                     # (N, N) all that shines, in the image's unit
    lens_light: Tensor                # (N, N) the lens galaxy and the sky in it
    residual: Tensor                  # (N, N) sigmas, with the noise of the model; 0 where a pixel was left out
    used: Tensor                      # (N, N) bool: pixels that the fit listened to
    arc_mask: Tensor                  # (N, N) bool: those of them in which the model's arcs are above the noise
    chi2: float                       # over `used`
    chi2_arcs: float                  # over `arc_mask`
    reduced_chi2: float               # over `arc_mask`, for each pixel beyond the freedom that the model has there
    effective_freedom: float          # numbers that the image rather than a prior tells
    names: tuple[str, ...]            # of the fit's own coordinates
    mean: Tensor                      # (Q,) of these
    covariance: Tensor                # (Q, Q)
    parameters: dict[str, Parameter]  # by the path of a Scene
    pixel_source: PixelSource | None  # behind the same lens, where it was asked for
    perturbers: Perturbers | None     # one small mass beside the lens, where it was asked for
    converged: bool
    why: str                          # a sentence where it has not; "" where it has
    steps: tuple[str, ...]            # what was done
    warnings: tuple[str, ...]
    seconds: float                    # of processor time

    def plain(self) -> dict:
        """What a page's download and the shell's JSON hold: plain numbers."""
        return dict(parameters={path: dict(mean=one.mean, std=finite(one.std), systematic=one.systematic, unit=one.unit)
                                for path, one in self.parameters.items()},
                    reduced_chi2=self.reduced_chi2, chi2=self.chi2, pixels=int(self.used.sum()),
                    arc_pixels=int(self.arc_mask.sum()), effective_degrees_of_freedom=self.effective_freedom,
                    converged=self.converged, why=self.why, steps=list(self.steps), warnings=list(self.warnings),
                    pixelised_source=None if self.pixel_source is None else dict(
                        chi2=self.pixel_source.chi2, evidence=self.pixel_source.evidence,
                        strength=self.pixel_source.strength,
                        effective_degrees_of_freedom=self.pixel_source.effective_freedom),
                    perturber=None if self.perturbers is None else best_of(self.perturbers),
                    frame_offset=list(self.offset), pixel_scale=self.observation.pixel_scale,
                    north=self.observation.north, seconds=self.seconds)

    def to_fits(self) -> bytes:
        """The image with its sky axes, and an HDU for each of MAPS; scene.json as bytes in SCENE."""
        image = self.observation.image[0, 0].double().numpy()
        primary = fits.PrimaryHDU(image)
        header = primary.header
        header["PIXSCALE"] = (self.observation.pixel_scale, "arcsec")
        header["BUNIT"] = self.observation.unit
        sky_axes(header, self.observation)
        for path, one in self.parameters.items():
            header["COMMENT"] = f"{path} = {one.mean:.6g} +- {one.std:.2g} {one.unit}"
        header["CONVERGD"] = (self.converged, "whether the fit is to be believed")
        header["REDCHI2"] = (self.reduced_chi2, "in the arc mask")
        hdus = [primary]
        for name in MAPS:
            values = getattr(self, name).cpu().numpy()
            hdu = fits.ImageHDU(values.astype(np.uint8) if values.dtype == bool else values.astype(np.float32),
                                name=name.upper())
            if name == "source":
                hdu.header["PIXSCALE"] = (2 * self.source_half_width / values.shape[-1], "arcsec")
            hdus.append(hdu)
        if self.pixel_source is not None:
            pixels = self.pixel_source
            for name, values in (("PIXEL_SOURCE", pixels.brightness), ("PIXEL_SIGMA", pixels.sigma),
                                 ("PIXEL_MODEL", pixels.model), ("PIXEL_RESIDUAL", pixels.residual)):
                hdu = fits.ImageHDU(values.numpy().astype(np.float32), name=name)
                if values.shape == pixels.brightness.shape:
                    hdu.header["PIXSCALE"] = (2 * pixels.half_width / (len(values) - 1), "arcsec")
                    hdu.header["CENTERX"], hdu.header["CENTERY"] = (at for at in pixels.center)
                hdus.append(hdu)
        if self.perturbers is not None:
            told = self.perturbers
            hdus.append(fits.BinTableHDU.from_columns([fits.Column(name, "E", unit, array=values.numpy()) for
                                                       name, unit, values in (
                ("X", "arcsec", told.x), ("Y", "arcsec", told.y), ("MASS", "arcsec2", told.mass),
                ("SIGMA", "arcsec2", told.sigma), ("SENSITIVITY", "arcsec2", told.sensitivity))], name="PERTURBERS"))
        hdus.append(fits.ImageHDU(np.frombuffer(self.scene.to_json().encode(), np.uint8), name="SCENE"))
        out = io.BytesIO()
        fits.HDUList(hdus).writeto(out, output_verify="exception")
        return out.getvalue()


@dataclass(frozen=True, eq=False)
class Forming:
    """Maps of a lens as far as they have come, for eyes to follow; rows grow with y."""

    model: Tensor                # (N, N) all that shines, in the image's unit
    residual: Tensor             # (N, N) sigmas; 0 where a pixel was left out
    source: Tensor               # (G, G) unit of the image/arcsec^2
    source_half_width: float     # arcsec
    kappa: Tensor                # (N, N)


@dataclass(frozen=True, eq=False)
class Progress:
    """What a page shows while a lens is being reconstructed."""

    stage: str
    share: float                                   # of the work
    reduced_chi2: float                            # over all pixels that are fitted
    theta_E: float                                 # arcsec
    scene: Scene | None = None                     # the lens so far, where it has the numbers of one
    forming: Forming | None = None                 # its maps so far, where it has none of its numbers yet
    reconstruction: Reconstruction | None = None   # with the last one


def best_of(told: Perturbers) -> dict:
    """The likeliest small mass: its place in arcsec from the frame's middle, its mass as theta_E^2 in arcsec^2."""
    k = told.best
    return dict(x=float(told.x[k]), y=float(told.y[k]), mass=float(told.mass[k]), sigma=float(told.sigma[k]),
                significance=told.significance, evidence_against_none=told.evidence,
                false_alarm_anywhere=told.false_alarm, places=len(told.x),
                least_mass_at_5_sigma=float(told.sensitivity.min()))


def finite(value: float) -> float | None:
    """None for what JSON has no word for."""
    return value if isfinite(value) else None
