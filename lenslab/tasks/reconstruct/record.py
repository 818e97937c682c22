"""What a reconstruction says of one image: maps, numbers with errors, and whether it is to be believed."""

import io
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from astropy.io import fits
from torch import Tensor

from lenslab.fit.correction_maps import CorrectionMaps
from lenslab.fit.perturber import Perturbers
from lenslab.fit.pixel_source import PixelSource
from lenslab.images.export import sky_axes
from lenslab.images.observation import Observation
from lenslab.physics.cosmology import distances, mass_inside_theta_E
from lenslab.scene import Scene
from lenslab.tasks.reconstruct import beyond_smooth

GRID = 0.1        # arcsec between the places at which a small mass is asked for
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
    corrections: CorrectionMaps | None    # of the potential, where they were asked for
    perturbers: Perturbers | None     # one small mass beside the lens, where it was asked for
    converged: bool
    why: str                          # a sentence where it has not; "" where it has
    steps: tuple[str, ...]            # what was done
    warnings: tuple[str, ...]
    seconds: float                    # of processor time
    redshifts: tuple[float, float] | None = None      # of lens and source, where they are known

    def at_redshifts(self, z_lens: float, z_source: float) -> "Reconstruction":
        """The same lens at known distances, so that masses have a unit; ValueError where the source is not behind."""
        return replace(self, redshifts=(z_lens, z_source),
                       scene=replace(self.scene, z_lens=z_lens, z_source=z_source))

    @property
    def solar(self) -> float | None:
        """Solar masses of a theta_E^2 of 1 arcsec^2; None where redshifts are not known."""
        if self.redshifts is None:
            return None
        return float(mass_inside_theta_E(1.0, distances(*self.redshifts, self.scene.H0, self.scene.Om0)))

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
                    corrections=None if self.corrections is None else
                    beyond_smooth.corrections_in_plain(self.corrections),
                    perturber=None if self.perturbers is None else
                    beyond_smooth.perturber_in_plain(self.perturbers, self.solar),
                    redshifts=None if self.redshifts is None else list(self.redshifts),
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
        if self.corrections is not None:
            hdus += beyond_smooth.corrections_in_fits(self.corrections)
        if self.perturbers is not None:
            hdus += beyond_smooth.perturbers_in_fits(self.perturbers, self.observation.half_width[0], GRID, self.solar)
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


def finite(value: float) -> float | None:
    """None for what JSON has no word for."""
    return value if isfinite(value) else None
