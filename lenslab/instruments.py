"""Telescopes by name: cameras ready to use, and where each of their numbers comes from.

All counts here are electrons (gain 1), as in lenstronomy's simulations of these instruments: its zero points are those
of one electron a second, and its `ccd_gain` enters only where data are asked for in ADU. `exposure_time` is the sum of
the read-outs, where lenstronomy's is that of one.
"""

from dataclasses import fields

from lenslab.scene import Camera

INSTRUMENTS: dict[str, Camera] = {
    "HST WFC3 F160W": Camera(num_pix=64, pixel_scale=0.08, supersampling=2, fwhm=0.15, exposure_time=5400.0,
                             num_exposures=1, sky_brightness=22.3, read_noise=4.0, zero_point=25.96),
    "HST ACS F814W": Camera(num_pix=100, pixel_scale=0.05, supersampling=2, fwhm=0.10, exposure_time=2232.0,
                            num_exposures=4, sky_brightness=21.4, read_noise=5.5, zero_point=25.943),
    "Euclid VIS": Camera(num_pix=64, pixel_scale=0.10, supersampling=2, fwhm=0.16, exposure_time=2260.0,
                         num_exposures=4, sky_brightness=22.35, read_noise=4.2, zero_point=24.0),
    "JWST NIRCam F150W": Camera(num_pix=160, pixel_scale=0.031, supersampling=2, fwhm=0.05, exposure_time=2056.0,
                                num_exposures=8, sky_brightness=22.42, read_noise=15.77, zero_point=28.02),
    "Roman WFI F129": Camera(num_pix=64, pixel_scale=0.11, supersampling=4, fwhm=0.106, exposure_time=642.0,
                             num_exposures=6, sky_brightness=22.99, read_noise=8.5, zero_point=26.3531),
    "LSST i": Camera(num_pix=48, pixel_scale=0.2, supersampling=4, fwhm=0.71, exposure_time=6900.0, num_exposures=460,
                     sky_brightness=20.48, read_noise=10.0, zero_point=27.79),
    "DeepLense I": Camera(num_pix=150, pixel_scale=0.05, supersampling=1, fwhm=0.087, psf_truncation=3.0,
                          exposure_time=1778.279410038923, num_exposures=1, background_rms=0.01, noise_twice=True),
    "DeepLense II": Camera(num_pix=64, pixel_scale=0.101, supersampling=1, fwhm=0.16, exposure_time=2260.0,
                           num_exposures=4, sky_brightness=22.35, read_noise=4.2, zero_point=24.0, doubled=True),
}

_OURS = "Ours: "
_LENSTRONOMY = "lenstronomy 1.13.6, SimulationAPI.ObservationConfig."
_WHOLE_RING = _OURS + "a frame that holds Einstein rings up to about 2 arcsec."
_RAYS = _OURS + "three rays or more across the blur's width, so that it is sampled."
_DEEPLENSE = "DeepLenseSim (github.com/mwt5345/DeepLenseSim), deeplense/lens.py, "

_COMMON = dict(
    psf=_OURS + "a Gaussian of the width below; load a measured kernel where its wings matter.",
    psf_truncation="Default of lenstronomy's Observation: the Gaussian is cut at 5 sigma.",
    gain=_OURS + "the image counts electrons, as lenstronomy's do unless asked for ADU.",
    noise=_OURS + "one Gaussian with the variance of sky, read-out and photons, as in lenstronomy's noise_for_model.",
)


def _of_lenstronomy(name: str, **others: str) -> dict[str, str]:
    """Sources of a camera whose sky, exposure, read-out and zero point are those of a preset of lenstronomy."""
    preset = _LENSTRONOMY + name
    total = preset + ": its exposure_time, of one read-out, times its num_exposures."
    return _COMMON | dict(num_pix=_WHOLE_RING, supersampling=_RAYS, pixel_scale=preset, fwhm=preset + ", seeing.",
                          exposure_time=total, num_exposures=preset, sky_brightness=preset, read_noise=preset,
                          zero_point=preset + ", magnitude_zero_point.") | others


SOURCES: dict[str, dict[str, str]] = {
    "HST WFC3 F160W": _of_lenstronomy(
        "HST, WFC3_F160W",
        num_pix=_OURS + "64 x 64 pixels, rendered at 0.04 arcsec.",
        supersampling=_OURS + "64 x 64 pixels, rendered at 0.04 arcsec.",
        fwhm="About 0.15 arcsec before drizzling (Windhorst et al. 2011, quoted in lenstronomy's HST preset, whose own "
             "0.08 arcsec is the drizzled pixel)."),
    "HST ACS F814W": _COMMON | dict(
        num_pix=_WHOLE_RING, supersampling=_RAYS,
        pixel_scale="ACS Instrument Handbook, table 3.1: 0.05 arcsec.",
        fwhm="About 0.1 arcsec in drizzled frames (Koekemoer et al. 2007; not yet checked against the paper).",
        exposure_time="SLACS lens J0216-0813: 2,232 s (PyAutoLens's list of SLACS exposures).",
        num_exposures="Four dithered exposures, as SLACS's and as in paltas's ACS configuration.",
        sky_brightness="paltas (Wagner-Carena et al. 2023), Configs/acs: 21.13 to 21.70; the middle.",
        read_noise="paltas, Configs/acs: 5 to 6 electrons; the middle. The handbook, table 3.1, has 3.75 to 5.65.",
        zero_point="AB zero point of ACS/WFC F814W, 25.943 (STScI's ACS zero points)."),
    "Euclid VIS": _of_lenstronomy(
        "Euclid, VIS",
        num_pix=_OURS + "64 x 64 pixels, rendered at 0.05 arcsec.",
        supersampling=_OURS + "64 x 64 pixels, rendered at 0.05 arcsec.",
        pixel_scale="The VIS pixel, 0.1 arcsec (Cropper et al. 2016); lenstronomy has 0.101."),
    "JWST NIRCam F150W": _of_lenstronomy(
        "JWST, F150W (COSMOS-Web)",
        sky_brightness="lenstronomy's 29.96 (JWST, F150W), read as magnitudes of one pixel of 0.031 arcsec: 22.42 for "
                       "a square arcsec, the zodiacal light (as in Rigby et al. 2023). Inferred: for a square arcsec "
                       "29.96 would leave no sky."),
    "Roman WFI F129": _of_lenstronomy("Roman, F129, wide_area"),
    "LSST i": _of_lenstronomy("LSST, i (ten years)"),
    "DeepLense I": dict(
        dict.fromkeys(("num_pix", "pixel_scale", "fwhm", "psf_truncation", "psf"), _DEEPLENSE + "simple_sim."),
        supersampling=_DEEPLENSE + "simple_sim: supersampling_factor 1.",
        exposure_time=_DEEPLENSE + "simple_sim: 10^U(3, 3.5) s; the middle, 10^3.25 s.",
        background_rms=_DEEPLENSE + "simple_sim: 0.01 counts/s.",
        noise_twice=_DEEPLENSE + "simple_sim: np.random.poisson of the noisy counts.",
        noise=_DEEPLENSE + "simple_sim: lenstronomy's add_poisson and add_background, both Gaussian, come first.",
        gain="Unused there: counts are photons.", num_exposures="Unused: the background is given.",
        sky_brightness="Unused: the background is given.", read_noise="Unused: the background is given.",
        zero_point=_OURS + "there light is given in counts; this zero point turns magnitudes to counts here."),
    "DeepLense II": _of_lenstronomy(
        "Euclid, VIS, 6 years (DeepLenseSim's simple_sim_2)",
        num_pix=_DEEPLENSE + "simple_sim_2.",
        supersampling=_DEEPLENSE + "simple_sim_2: lenstronomy's default, 1.",
        psf=_DEEPLENSE + "set_instrument: GAUSSIAN.",
        noise=_DEEPLENSE + "simple_sim_2: computed and never added.",
        doubled=_DEEPLENSE + "simple_sim_2: image_real = image_model + image_model."),
}


def source_of(preset: str, name: str) -> str:
    """Where a number of a preset comes from; "" for what the preset leaves at rest."""
    return SOURCES[preset].get(name, "")


def settings_at_rest(camera: Camera) -> set[str]:
    """Fields of a camera that say nothing of it: switches that are off, and numbers of another kind of blur."""
    unused = {item.name for item in fields(Camera) if getattr(camera, item.name) in (None, False)}
    if camera.psf != "moffat":
        unused.add("moffat_beta")
    if camera.psf != "pixel":
        unused.add("psf_supersampling")
    return unused
