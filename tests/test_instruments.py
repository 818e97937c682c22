"""Every number of a telescope has a source, and those said to be lenstronomy's are."""

from dataclasses import fields

import pytest
from lenstronomy.SimulationAPI.observation_api import SingleBand
from lenstronomy.SimulationAPI.ObservationConfig.Euclid import Euclid
from lenstronomy.SimulationAPI.ObservationConfig.HST import HST
from lenstronomy.SimulationAPI.ObservationConfig.JWST import JWST
from lenstronomy.SimulationAPI.ObservationConfig.LSST import LSST
from lenstronomy.SimulationAPI.ObservationConfig.Roman import Roman

from lenslab.instruments import INSTRUMENTS, SOURCES, settings_at_rest
from lenslab.scene import Camera

THEIRS = {"HST WFC3 F160W": lambda: HST(band="WFC3_F160W", psf_type="GAUSSIAN"),
          "Euclid VIS": lambda: Euclid(band="VIS", coadd_years=6),
          "JWST NIRCam F150W": lambda: JWST(band="F150W", psf_type="GAUSSIAN"),
          "Roman WFI F129": lambda: Roman(band="F129", survey_mode="wide_area"),
          "LSST i": lambda: LSST(band="i", coadd_years=10),
          "DeepLense II": lambda: Euclid(band="VIS", psf_type="GAUSSIAN", coadd_years=6)}


@pytest.mark.parametrize("preset", INSTRUMENTS)
def test_every_number_has_a_source_and_no_source_is_idle(preset):
    camera = INSTRUMENTS[preset]
    assert isinstance(camera, Camera)
    told = {item.name for item in fields(Camera)} - settings_at_rest(camera)
    assert set(SOURCES[preset]) == told
    assert all(text.endswith(".") or "lenstronomy" in text for text in SOURCES[preset].values())


@pytest.mark.parametrize("preset", THEIRS)
def test_numbers_from_lenstronomy_are_lenstronomys(preset):
    camera, band = INSTRUMENTS[preset], THEIRS[preset]().kwargs_single_band()
    single = SingleBand(**{**band, "psf_type": "GAUSSIAN"})
    theirs = dict(pixel_scale=band["pixel_scale"], fwhm=band["seeing"], exposure_time=single.exposure_time,
                  num_exposures=band["num_exposures"], sky_brightness=band["sky_brightness"],
                  read_noise=band["read_noise"], zero_point=band["magnitude_zero_point"])
    checked = [name for name in theirs if SOURCES[preset][name].startswith("lenstronomy 1.13.6")]
    assert len(checked) >= 5
    assert {name: getattr(camera, name) for name in checked} == {name: theirs[name] for name in checked}


def test_jwsts_sky_is_lenstronomys_for_a_pixel():
    from math import log10
    band = JWST(band="F150W", psf_type="GAUSSIAN").kwargs_single_band()
    per_arcsec2 = band["sky_brightness"] + 5 * log10(band["pixel_scale"])
    assert INSTRUMENTS["JWST NIRCam F150W"].sky_brightness == pytest.approx(per_arcsec2, abs=0.01)


def test_populations_fix_the_frames():
    hst, euclid = INSTRUMENTS["HST WFC3 F160W"], INSTRUMENTS["Euclid VIS"]
    assert (hst.num_pix, hst.pixel_scale, hst.pixel_scale / hst.supersampling, hst.fwhm) == (64, 0.08, 0.04, 0.15)
    assert (euclid.num_pix, euclid.pixel_scale, euclid.pixel_scale / euclid.supersampling, euclid.fwhm) == \
        (64, 0.10, 0.05, 0.16)
