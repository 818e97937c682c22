"""What a smooth lens does not explain, as plain numbers and as parts of a FITS file."""

import numpy as np
from astropy.io import fits

from lenslab.fit.correction_maps import MAPS, CorrectionMaps
from lenslab.fit.perturber import Perturbers

UNITS = {"psi": "arcsec2", "alpha_x": "arcsec", "alpha_y": "arcsec", "delta_kappa": ""}


def corrections_in_plain(told: CorrectionMaps) -> dict:
    return dict(evidence_against_none=told.evidence, chi2=told.chi2,
                effective_degrees_of_freedom=told.effective_freedom)


def perturber_in_plain(told: Perturbers, solar: float | None) -> dict:
    """The likeliest small mass: its place in arcsec from the frame's middle, its mass as theta_E^2 in arcsec^2, and in
    solar masses where redshifts say how many of them (`solar`) an arcsec^2 is."""
    k = told.best
    masses = dict(mass=float(told.mass[k]), sigma=float(told.sigma[k]),
                  least_mass_at_5_sigma=float(told.sensitivity.min()))
    in_solar = {f"{name}_solar": None if solar is None else value * solar for name, value in masses.items()}
    return dict(x=float(told.x[k]), y=float(told.y[k]), **masses, **in_solar, significance=told.significance,
                evidence_against_none=told.evidence, false_alarm_anywhere=told.false_alarm, places=len(told.x))


def corrections_in_fits(told: CorrectionMaps) -> list[fits.ImageHDU]:
    """An HDU for each map and for its one sigma."""
    made = []
    for name in MAPS:
        word = "DELTA_KAPPA" if name == "delta_kappa" else f"DELTA_{name.upper()}"
        for suffix in ("", "_sigma"):
            made.append(fits.ImageHDU(getattr(told, name + suffix).numpy(), name=word + suffix.upper()))
            made[-1].header["BUNIT"] = UNITS[name]
    made.append(fits.ImageHDU(told.change.numpy(), name="DELTA_IMAGE"))
    made[-1].header["BUNIT"] = ("", "sigmas of the noise")
    made[0].header["EVIDENCE"] = (told.evidence, "ln, with corrections over without")
    return made


def perturbers_in_fits(told: Perturbers, half_width: float, spacing: float, solar: float | None
                       ) -> list[fits.ImageHDU | fits.BinTableHDU]:
    """A table of all places, and the sensitivity as a map about the frame's middle."""
    columns = (("X", "arcsec", told.x), ("Y", "arcsec", told.y), ("MASS", "arcsec2", told.mass),
               ("SIGMA", "arcsec2", told.sigma), ("SENSITIVITY", "arcsec2", told.sensitivity))
    table = fits.BinTableHDU.from_columns([fits.Column(name, "E", unit, array=values.numpy())
                                           for name, unit, values in columns], name="PERTURBERS")
    smallest = told.on_grid(told.sensitivity, half_width, spacing).numpy().astype(np.float32)
    image = fits.ImageHDU(smallest if solar is None else smallest * solar, name="SENSITIVITY")
    image.header["BUNIT"] = "arcsec2" if solar is None else "solMass"
    image.header["PIXSCALE"] = (spacing, "arcsec")
    image.header["COMMENT"] = "The smallest mass that would be found at 5 sigmas; NaN where none was asked for."
    return [table, image]
