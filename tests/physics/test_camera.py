"""Blur and binning against lenstronomy, and against what light must do: keep its sum and its width."""

import numpy as np
import pytest
import torch
from lenstronomy.Data.pixel_grid import PixelGrid
from lenstronomy.Data.psf import PSF
from lenstronomy.ImSim.Numerics.convolution import PixelKernelConvolution
from lenstronomy.ImSim.Numerics.numerics import Numerics
from lenstronomy.Util import kernel_util, util
from scipy.special import erf

from lenslab.physics import camera

N, SCALE = 20, 0.08


def rays(supersampling, seed=0, batch=2):
    return np.random.default_rng(seed).random((batch, N * supersampling, N * supersampling))


def lenstronomy_image(brightness, supersampling, psf):
    half = (N - 1) / 2 * SCALE
    grid = PixelGrid(N, N, np.eye(2) * SCALE, -half, -half)
    # supersampling_kernel_size None: the whole kernel acts on rays, none of it on pixels
    numerics = Numerics(grid, psf, supersampling_factor=supersampling, supersampling_convolution=True,
                        supersampling_kernel_size=None)
    return numerics.re_size_convolve(util.image2array(brightness))


def photograph(brightness, supersampling, **psf):
    return camera.photograph(torch.from_numpy(brightness), pixel_scale=SCALE, supersampling=supersampling,
                             **psf)[:, 0].numpy()


@pytest.mark.parametrize("supersampling", [1, 2, 3])
@pytest.mark.parametrize("fwhm, truncation", [(0.15, 5), (0.087, 3), (0.02, 4), (3.0, 5)])
def test_gaussian_blur_is_lenstronomys(supersampling, fwhm, truncation):
    brightness = rays(supersampling)
    theirs = lenstronomy_image(brightness[0], supersampling,
                               PSF("GAUSSIAN", fwhm=fwhm, truncation=truncation, pixel_size=SCALE))
    ours = photograph(brightness, supersampling, psf="gaussian", fwhm=fwhm, psf_truncation=truncation)
    np.testing.assert_allclose(ours[0], theirs, rtol=0, atol=1e-13 * theirs.max())


@pytest.mark.parametrize("supersampling, psf_supersampling", [(1, 1), (2, 2), (3, 3), (1, 3), (1, 5)])
def test_measured_blur_is_lenstronomys(supersampling, psf_supersampling):
    kernel = np.random.default_rng(1).random((13, 13))
    brightness = rays(supersampling)
    theirs = lenstronomy_image(brightness[1], supersampling,
                               PSF("PIXEL", kernel_point_source=kernel.copy() / kernel.sum(),
                                   point_source_supersampling_factor=psf_supersampling))
    ours = photograph(brightness, supersampling, psf="pixel", kernel=kernel, psf_supersampling=psf_supersampling)
    np.testing.assert_allclose(ours[1], theirs, rtol=0, atol=1e-12 * theirs.max())


def test_moffat_kernel_is_lenstronomys():
    kernel = camera.moffat_kernel(0.7, 3.0, 0.1)
    np.testing.assert_allclose(kernel, kernel_util.kernel_moffat(len(kernel), 0.1, 0.7, 3.0).reshape(kernel.shape),
                               rtol=1e-12)


def test_moffat_kernel_ends_where_a_thousandth_of_the_light_is_beyond():
    beta, fwhm, spacing = 2.5, 0.7, 0.05
    a = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    radius = camera.moffat_kernel(fwhm, beta, spacing).shape[0] // 2 * spacing
    assert (1 + radius**2 / a**2) ** (1 - beta) == pytest.approx(1e-3, rel=0.03)  # one ray more or less


def test_convolution_is_dark_beyond_the_frame():
    image, kernel = rays(1)[0], np.random.default_rng(2).random((5, 9))
    theirs = PixelKernelConvolution(kernel, "grid").convolution2d(image)
    ours = camera.convolve(torch.from_numpy(image)[None], kernel)[0].numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13 * theirs.max())


@pytest.mark.parametrize("psf", [dict(psf="gaussian", fwhm=0.15), dict(psf="none"), dict(psf="moffat", fwhm=0.1),
                                 dict(psf="pixel", kernel=np.random.default_rng(4).random((7, 5))),
                                 dict(psf="pixel", kernel=np.random.default_rng(4).random((9, 2))     # two products
                                      @ np.random.default_rng(5).random((2, 7)))])
def test_flux_is_brightness_times_area(psf):
    brightness = np.zeros((1, 3 * N, 3 * N))
    brightness[0, 29:32, 28:30] = 2.0
    image = photograph(brightness, 3, **psf)
    area = 6 * (SCALE / 3) ** 2
    # a Moffat loses to beyond the frame at most what its cut-off wings hold
    assert image.sum() == pytest.approx(2.0 * area, rel=2e-2 if psf["psf"] == "moffat" else 1e-12)


@pytest.mark.parametrize("psf", [dict(psf="gaussian", fwhm=0.2), dict(psf="moffat", fwhm=0.2),
                                 dict(psf="pixel", kernel=np.random.default_rng(4).random((7, 5))),
                                 dict(psf="pixel", kernel=np.random.default_rng(4).random((9, 2))     # two products
                                      @ np.random.default_rng(5).random((2, 7)))])
def test_the_kernel_told_is_the_kernel_used(psf):
    middle = 2 * N // 2
    brightness = np.zeros((1, 2 * N, 2 * N))
    brightness[0, middle, middle] = 1.0
    kernel = camera.psf_kernel(pixel_scale=SCALE, supersampling=2, **psf)
    assert kernel.sum() == pytest.approx(1, abs=1e-12) and all(side % 2 for side in kernel.shape)
    blurred = camera.convolve(torch.from_numpy(brightness), kernel)[0].numpy()
    binned = blurred.reshape(N, 2, N, 2).mean((1, 3)) * SCALE**2
    np.testing.assert_allclose(photograph(brightness, 2, **psf)[0], binned, rtol=0, atol=1e-14)


def gaussian_squares(side, sampling, sigma):
    """Light of a Gaussian of sigma pixels on squares of 1/sampling pixel, in closed form."""
    edges = (np.arange(side + 1) - side / 2) / sampling
    line = np.diff(erf(edges / sigma / np.sqrt(2))) / 2
    return np.outer(line, line)


@pytest.mark.parametrize("sampling, wanted", [(1, 2), (1, 3), (2, 3), (2, 4), (3, 1), (3, 2), (4, 2), (2, 1)])
def test_a_measured_kernel_keeps_its_light_and_shape_at_another_sampling(sampling, wanted):
    kernel = camera.resample_kernel(gaussian_squares(21 * sampling + (sampling + 1) % 2, sampling, 1.5), sampling,
                                    wanted)
    assert kernel.sum() == pytest.approx(1, abs=1e-12) and kernel.shape[0] % 2 == 1
    truth = gaussian_squares(kernel.shape[0], wanted, 1.5)
    # a cubic spline's density errs by the fourth power of its knots' distance: 2/3 sigma where sampled once a pixel
    np.testing.assert_allclose(kernel, truth, rtol=0, atol=(1e-2 if sampling == 1 else 1e-3) * truth.max())


def test_a_finer_kernel_gathered_back_is_the_measured_one():
    kernel = np.random.default_rng(5).random((9, 9))
    fine = camera.resample_kernel(kernel, 1, 3)
    np.testing.assert_allclose(fine.reshape(9, 3, 9, 3).sum((1, 3)), kernel / kernel.sum(), rtol=0, atol=1e-14)


def test_an_even_kernel_is_centred():
    line = np.exp(-0.5 * ((np.arange(12) - 5.5) / 1.8) ** 2)
    kernel = camera.resample_kernel(np.outer(line, line), 1, 1)
    assert kernel.shape == (13, 13)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], rtol=0, atol=1e-15)
    r2 = (np.arange(13) - 6) ** 2
    assert (kernel.sum(0) * r2).sum() == pytest.approx(1.8**2, rel=0.02)  # a shift by averaging would add 1/4


def test_a_dark_kernel_is_refused():
    with pytest.raises(ValueError, match="sum above 0"):
        camera.resample_kernel(np.zeros((3, 3)), 1, 1)


def test_single_precision_and_gradients():
    brightness = torch.from_numpy(rays(2)).float().requires_grad_()
    with torch.inference_mode():
        camera.photograph(brightness, pixel_scale=SCALE, supersampling=2, psf="gaussian", fwhm=0.19)
    image = camera.photograph(brightness, pixel_scale=SCALE, supersampling=2, psf="gaussian", fwhm=0.19)
    exact = photograph(brightness.detach().double().numpy(), 2, psf="gaussian", fwhm=0.19)
    assert image.dtype == torch.float32
    np.testing.assert_allclose(image.detach()[:, 0].numpy(), exact, rtol=2e-6)
    image.sum().backward()
    # every ray gives what its column of K gives: near the middle, its whole light
    np.testing.assert_allclose(brightness.grad[0, N, N].item(), (SCALE / 2) ** 2, rtol=1e-5)
