"""Real images: scale and north against astropy's WCS, noise against known noise, and the ten lenses themselves."""

import csv
import io
import math
import os

import h5py
import numpy as np
import pytest
import torch
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lenslab.picture import remember
from lenslab.sky import catalogue, read
from lenslab.sky.upload import read_real_picture, real_pictures

RNG = np.random.default_rng(3)
needs_lenses = pytest.mark.skipif(not os.environ.get("LENSLAB_DATA"),
                                  reason="LENSLAB_DATA names no folder of real lenses")


def file_of(image, *more, **cards) -> bytes:
    primary = fits.PrimaryHDU(image)
    primary.header.update(cards)
    out = io.BytesIO()
    fits.HDUList([primary, *more]).writeto(out)
    return out.getvalue()


def blank(height=40, width=40, sigma=0.3):
    return RNG.normal(0, sigma, (height, width))


def tan(angle: float, scale: float, mirrored: bool) -> dict:
    """A header whose north lies `angle` degrees counter-clockwise of +y, in the words of the WCS."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    side = 1 if mirrored else -1
    matrix = np.array([[side * c, side * s], [-s, c]]) * scale / 3600
    return dict(CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CUNIT1="deg", CUNIT2="deg", CRVAL1=150.0, CRVAL2=2.0,
                CRPIX1=20.5, CRPIX2=20.5), matrix


@pytest.mark.parametrize("angle", [0, 30, -115, 180])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("form", ["CD", "PC", "T"])
def test_scale_and_north_are_those_of_astropy(angle, mirrored, form):
    """The oracle is astropy: where a step to the north on the sphere lands among the pixels."""
    cards, matrix = tan(angle, 0.08, mirrored)
    if form == "CD":
        cards |= {f"CD{i + 1}_{j + 1}": matrix[i, j] for i in (0, 1) for j in (0, 1)}
    else:
        delta = np.array([-0.08, 0.08]) / 3600
        cards |= {f"PC{i + 1}_{j + 1}": matrix[i, j] / delta[i] for i in (0, 1) for j in (0, 1)}
        cards |= dict(CDELT1=delta[0], CDELT2=delta[1])
    wcs = WCS(fits.Header(cards))
    middle = SkyCoord(150.0, 2.0, unit="deg")
    steps = [middle.directional_offset_by(turn * units.deg, 1e-4 * units.deg) for turn in (0, 90)]
    (north_x, north_y), (east_x, east_y) = [np.array(wcs.world_to_pixel(step)) - 19.5 for step in steps]
    if form == "T":
        cards = {f"T{i + 1}{j + 1}": matrix[i, j] * 3600 for i in (0, 1) for j in (0, 1)}
    observation = read.read("a.fits", file_of(blank(), **cards))
    assert observation.pixel_scale == pytest.approx(0.08, rel=1e-9)
    turned = (observation.north - math.atan2(-north_x, north_y) + math.pi) % (2 * math.pi) - math.pi
    assert abs(turned) < 1e-6  # the sky's curvature over 1e-4 degrees is far below
    assert observation.east_left == (north_x * east_y - north_y * east_x > 0)


def test_crota_is_astropys():
    cards, _ = tan(0, 0.08, False)
    cards |= dict(CDELT1=-0.08 / 3600, CDELT2=0.08 / 3600, CROTA2=25.0)
    step = SkyCoord(150.0, 2.0, unit="deg").directional_offset_by(0 * units.deg, 1e-4 * units.deg)
    x, y = np.array(WCS(fits.Header(cards)).world_to_pixel(step)) - 19.5
    assert read.read("a.fits", file_of(blank(), **cards)).north == pytest.approx(math.atan2(-x, y), abs=1e-6)


def test_what_the_file_does_not_tell_is_said():
    notes = " ".join(read.read("a.fits", file_of(blank())).notes)
    for words in ("names no unit", "names no pixel scale; 0.05 arcsec is assumed", "No noise map", "No PSF"):
        assert words in notes
    observation = read.read("a.fits", file_of(blank(), PIXSCALE=0.1, CDELT1=-0.05 / 3600, CDELT2=0.05 / 3600,
                                             CTYPE1="RA---TAN", CTYPE2="DEC--TAN", BUNIT="nJy"))
    assert observation.pixel_scale == pytest.approx(0.05) and observation.unit == "nJy"
    assert any("PIXSCALE says 0.1 arcsec and the WCS 0.05" in note for note in observation.notes)
    assert read.read("a.fits", file_of(blank()), pixel_scale=0.2).pixel_scale == 0.2


def test_noise_from_header_map_and_image():
    light = blank(sigma=0.01) + 4.0
    observation = read.read("a.fits", file_of(light, BKGRMS=0.1, EXPTIME=100.0, BUNIT="electrons/s"))
    np.testing.assert_allclose(observation.variance[0, 0].numpy(), 0.01 + light / 100, rtol=1e-12)
    sigma = np.full((40, 40), 0.2)
    sigma[3, 4], sigma[5, 6], light[7, 8] = 0, np.nan, np.inf
    observation = read.read("a.fits", file_of(light, fits.ImageHDU(sigma, name="NOISE")))
    mask = observation.mask[0, 0].numpy()
    assert sorted(zip(*np.nonzero(~mask), strict=True)) == [(3, 4), (5, 6), (7, 8)]
    assert observation.image[0, 0, 7, 8] == 0 and torch.isfinite(observation.variance).all()
    assert any(note.startswith("3 pixels") for note in observation.notes)
    np.testing.assert_allclose(observation.noise[0, 0].numpy()[mask], 0.2, rtol=1e-12)
    observation = read.read("a.fits", file_of(blank(), fits.ImageHDU(np.full((40, 40), 0.04), name="VARIANCE")))
    np.testing.assert_allclose(observation.noise.numpy(), 0.2, rtol=1e-12)


def test_estimated_noise_is_the_skys_in_spite_of_a_lens_and_a_neighbour():
    """A 200 x 200 image has 14,400 border pixels; the median deviation of N Gaussians scatters by 1.17/sqrt(N), 1 %,
    clipping at 3 sigma takes off under 1 %, and the neighbour covers 3 % of the border: 5 % is asked for."""
    image = np.random.default_rng(8).normal(0, 0.3, (200, 200))
    y, x = np.mgrid[:200, :200]
    image += 50 * np.exp(-((x - 100) ** 2 + (y - 100) ** 2) / 800) + 9 * np.exp(-((x - 5) ** 2 + (y - 60) ** 2) / 200)
    observation = read.read("a.fits", file_of(image))
    assert float(observation.noise[0, 0, 0, 0]) == pytest.approx(0.3, rel=0.05)
    observation = read.read("a.fits", file_of(image, EXPTIME=500.0, BUNIT="ELECTRONS/S"))
    assert float(observation.variance[0, 0, 100, 100]) == pytest.approx(0.09 + image[100, 100] / 500, rel=0.1)
    flat = read.read("a.fits", file_of(np.outer(np.arange(40.0) == 20, np.ones(40)) * np.eye(40)))
    assert (flat.variance > 0).all()


def test_scaled_integers_and_blanks_are_astropys():
    stored = RNG.integers(-900, 900, (30, 30)).astype(">i2")
    stored[4, 4] = -5000
    cards = dict(SIMPLE=True, BITPIX=16, NAXIS=2, NAXIS1=30, NAXIS2=30, BSCALE=0.01, BZERO=3.0, BLANK=-5000)
    raw = fits.Header(cards).tostring().encode() + stored.tobytes().ljust(2880, b"\0")
    with fits.open(io.BytesIO(raw)) as oracle:
        expected = oracle[0].data.astype(float)
    observation = read.read("a.fits", raw)
    assert np.isnan(expected[4, 4]) and not observation.mask[0, 0, 4, 4]
    expected[4, 4] = 0
    np.testing.assert_allclose(observation.image[0, 0].numpy(), expected, atol=2e-6)  # astropy: float32


def test_the_image_is_found_among_hdus_or_by_name():
    image, other = blank(30, 50), blank(30, 50)
    hdus = [fits.ImageHDU(np.ones(7), name="LINE"), fits.ImageHDU(abs(other), name="ERR"),
            fits.ImageHDU(image[None], name="SCI"), fits.ImageHDU(other, name="NIR_Y")]
    data = file_of(None, *hdus)
    np.testing.assert_array_equal(read.read("a.fits", data).image[0, 0].numpy(), image)
    np.testing.assert_array_equal(read.read("a.fits", data, hdu="nir_y").image[0, 0].numpy(), other)
    assert any("noise of" in note for note in read.read("a.fits", file_of(image)).notes)
    with pytest.raises(ValueError, match="no image 'x'; it has ERR, SCI, NIR_Y"):
        read.read("a.fits", data, hdu="x")


@pytest.mark.parametrize("ending", ["npy", "npz", "h5"])
def test_arrays_come_in_whole(ending):
    image, noise, psf = blank(20, 31), abs(blank(20, 31)) + 0.1, np.outer([1, 2, 1], [1, 2, 1]) / 16
    out = io.BytesIO()
    if ending == "npy":
        np.save(out, np.asfortranarray(image))
    elif ending == "npz":
        np.savez_compressed(out, image=image, noise=noise, psf=psf, pixel_scale=0.07, unit="nJy")
    else:
        with h5py.File(out, "w") as file:
            file.create_dataset("image", data=image, compression="gzip", shuffle=True, chunks=(8, 8))
            file["noise"], file["psf"], file.attrs["pixel_scale"] = noise, psf, 0.07
    observation = read.read(f"a.{ending}", out.getvalue())
    np.testing.assert_array_equal(observation.image[0, 0].numpy(), image)
    if ending != "npy":
        np.testing.assert_allclose(observation.noise[0, 0].numpy(), noise, rtol=1e-14)
        np.testing.assert_array_equal(observation.psf, psf)
        assert observation.pixel_scale == 0.07


def test_psf_becomes_odd_centred_and_normalised_and_it_is_said():
    x = np.arange(-10, 11)
    gauss = np.exp(-(x[:, None] ** 2 + x**2) / 8.0)
    gauss /= gauss.sum()
    kernel, notes = read.centred_kernel(gauss)
    assert notes == [] and np.array_equal(kernel, gauss)
    kernel, notes = read.centred_kernel(7 * gauss)
    np.testing.assert_allclose(kernel, gauss, rtol=1e-14)
    assert "summed to 7" in notes[0]
    kernel, notes = read.centred_kernel(gauss[2:, 1:])  # the peak at (8, 9) of 19 x 20
    assert kernel.shape == (17, 19) and kernel.argmax() == kernel.size // 2 and "cut to 19 x 17" in notes[0]
    half = np.exp(-((x[:-1, None] + 0.5) ** 2 + (x[:-1] + 0.5) ** 2) / 8.0)  # the peak between four pixels
    kernel, notes = read.centred_kernel(half)
    assert kernel.shape == (21, 21) and "averaged" in notes[0] and kernel.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-16)  # its centre of light is the middle pixel
    for bad in (np.zeros((5, 5)), np.full((5, 5), np.nan), -gauss):
        kernel, notes = read.centred_kernel(bad)
        assert kernel is None and "left out" in notes[0]


def test_cut_out_keeps_positions_on_the_sky():
    """A light at a known place of a wide image is at the same place of the cut-out, measured from its own middle."""
    image = np.zeros((101, 160))
    image[70, 120] = 5.0  # at ((120 - 79.5), (70 - 50)) * 0.1 arcsec
    noise = fits.ImageHDU(np.ones((101, 160)), name="NOISE")
    whole = read.read("a.fits", file_of(image + 1e-3 * blank(101, 160), noise, PIXSCALE=0.1))
    for num_pix in (32, 33):
        cut = read.cut_out(whole, 4.05, 2.0, num_pix)
        row, column = np.unravel_index(int(cut.image.argmax()), (num_pix, num_pix))
        assert cut.image.shape == (1, 1, num_pix, num_pix) and cut.mask is None
        # the middle of an odd cut lies on a pixel, of an even one between two
        assert abs(row - (num_pix - 1) / 2) <= 0.5 and abs(column - (num_pix - 1) / 2) <= 0.5
    cut = read.cut_out(whole, 7.0, 4.0, 40)
    assert cut.image.shape[-2:] == (40, 40) and 0 < int(cut.mask.sum()) < 1600
    assert (cut.image[~cut.mask] == 0).all() and (cut.variance > 0).all()
    with pytest.raises(ValueError, match="lies outside the image"):
        read.cut_out(whole, 90.0, 0.0, 32)


@needs_lenses
def test_the_real_lenses_are_read_with_their_scale_noise_and_psf():
    if not (catalogue.folder() / "manifest.csv").is_file():
        pytest.skip("the folder LENSLAB_DATA has no manifest.csv to compare with")
    with catalogue.inside("manifest.csv").open(newline="") as file:
        manifest = {row["file"]: row for row in csv.DictReader(file)}
    names = catalogue.real_lenses()
    assert names
    for name in names:
        observation, row = read.read_real(name), manifest.get(name)
        if row is None:
            continue
        height, width = observation.image.shape[-2:]
        assert observation.pixel_scale == pytest.approx(float(row["pixscale_arcsec"]), rel=1e-6), name
        assert f"{height}x{width}" == row["shape"] and observation.name == row["object"]
        assert observation.psf.sum() == pytest.approx(1, abs=1e-12)
        assert observation.psf.argmax() == observation.psf.size // 2
        assert (observation.variance > 0).all() and torch.isfinite(observation.image).all()
        # The noise given or derived describes the emptiest pixels: their scatter is of its order. Drizzling makes it
        # less, and most of all the floor of 0.02 in the noise of COSMOS-Web F277W, 3.4 times that file's scatter.
        good = np.ones((height, width), bool) if observation.mask is None else observation.mask[0, 0].numpy()
        sky_sigma = read.background_rms(observation.image[0, 0].numpy(), good)
        assert 1 / 4 < sky_sigma / float(observation.noise.min()) < 2, (name, sky_sigma)
        assert catalogue.literature(name).name == row["object"]


@needs_lenses
def test_j0946_is_as_published():
    name = "lenses/slacs_j0946+1006_f814w.fits"
    if name not in catalogue.real_lenses():
        pytest.skip("the folder LENSLAB_DATA has no J0946")
    observation, known = read.read_real(name), catalogue.literature(name)
    assert observation.unit == "e-/s" and (known.theta_E, known.z_lens, known.z_source) == (1.38, 0.222, 0.609)
    assert known.instrument == "HST ACS/WFC"


@needs_lenses
def test_real_galaxies_may_be_sources():
    entries = real_pictures()
    assert entries
    for entry in entries:
        picture = read_real_picture(entry)
        assert picture.dtype == np.float32 and len(remember(picture)) == 64
