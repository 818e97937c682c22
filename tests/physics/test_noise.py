"""Noise against lenstronomy's numbers, and against the moments that its distributions must have."""

import numpy as np
import pytest
import torch
from lenstronomy.Data.image_noise import covariance_matrix
from lenstronomy.SimulationAPI.data_api import DataAPI
from scipy.stats import kstest

from lenslab.physics import noise

SETTINGS = dict(sky_brightness=22.35, zero_point=24.0, gain=1.0, read_noise=4.2, num_exposures=4,
                exposure_time=2260.0)


def tensors(**changes):
    return {name: torch.tensor([float(value)], dtype=torch.float64) for name, value in (SETTINGS | changes).items()}


@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_background_and_variance_are_lenstronomys(gain):
    # its ADU images: a zero point of electrons, exposure for one read-out
    band = dict(pixel_scale=0.101, exposure_time=565.0, num_exposures=4, read_noise=4.2, sky_brightness=22.35,
                magnitude_zero_point=24.0 + 2.5 * np.log10(gain), ccd_gain=gain, data_count_unit="ADU", seeing=0.16)
    data = DataAPI(numpix=8, **band).kwargs_data
    ours = noise.background_rms(pixel_scale=0.101, **tensors(gain=gain))
    assert ours.item() == pytest.approx(data["background_rms"], rel=1e-13)
    model = np.random.default_rng(0).normal(1, 2, (8, 8))  # with negative pixels, which shine no photons
    theirs = covariance_matrix(model, data["background_rms"], data["exposure_time"])
    settings = tensors(gain=gain)
    variance = noise.variance(torch.from_numpy(model)[None, None], ours, settings["exposure_time"], settings["gain"])
    np.testing.assert_allclose(variance[0, 0].numpy(), theirs, rtol=1e-13)


def test_a_given_background_stands_and_nan_derives_it():
    wanted = torch.tensor([0.01, float("nan")], dtype=torch.float64)
    settings = {name: value.expand(2) for name, value in tensors().items()}
    got = noise.background_rms(pixel_scale=0.101, background_rms=wanted, **settings)
    derived = noise.background_rms(pixel_scale=0.101, **settings)
    assert got[0] == 0.01 and got[1] == derived[1]


def batch(level, copies=400, side=16, dtype=torch.float64):
    model = torch.full((copies, 1, side, side), level, dtype=dtype)
    ones = torch.ones(copies, dtype=dtype)
    return model, 0.02 * ones, 500 * ones, 1.5 * ones


@pytest.mark.parametrize("draws", [lambda n: noise.SeededDraws(range(n)),
                                   lambda n: noise.StreamDraws(torch.Generator().manual_seed(3))])
@pytest.mark.parametrize("options, level", [(dict(noise="gaussian"), 0.3), (dict(noise="poisson"), 0.3),
                                            (dict(noise_twice=True), 0.3), (dict(noise_twice=True), 0.0),
                                            (dict(noise_twice=True), 0.005)])
def test_images_scatter_as_their_moments_say(draws, options, level):
    settings = batch(level)
    images = noise.noisy(*settings, draws(400), **options)
    mean, variance = noise.moments(*settings, **options)
    n = images.numel()
    # five deviations of the sample mean and, at a kurtosis of some 5, of the sample variance
    assert abs(images.mean() - mean[0, 0, 0, 0]) < 5 * (variance[0, 0, 0, 0] / n).sqrt()
    assert images.var() == pytest.approx(variance[0, 0, 0, 0].item(), rel=5 * np.sqrt(4 / n))


def test_gaussian_noise_is_normal_and_white():
    settings = batch(0.1, copies=20)
    images = noise.noisy(*settings, noise.SeededDraws(range(20)))
    sigmas = ((images - settings[0]) / noise.variance(*settings).sqrt()).numpy()
    assert kstest(sigmas.ravel(), "norm").pvalue > 1e-3
    assert abs((sigmas[..., 1:] * sigmas[..., :-1]).mean()) < 5 / np.sqrt(sigmas.size)


def test_photon_counts_are_whole_electrons():
    model, background, exposure, gain = batch(0.01, copies=3)
    images = noise.noisy(model, 0 * background, exposure, gain, noise.SeededDraws([1, 2, 3]), noise="poisson")
    electrons = (images * 750).numpy()
    np.testing.assert_allclose(electrons, electrons.round(), atol=1e-10)
    assert electrons.var() == pytest.approx(7.5, rel=0.3)


def test_deeplense_1_counts_are_whole_and_never_negative():
    images = noise.noisy(*batch(0.002), noise.SeededDraws(range(400)), noise_twice=True)
    assert images.min() == 0 and (images == images.round()).all()


def test_deeplense_2_is_the_model_twice():
    model, *settings = batch(0.3, copies=2)
    image = noise.noisy(model, *settings, noise.SeededDraws([1, 2]), doubled=True)
    assert (image == 2 * model).all() and (noise.moments(model, *settings, doubled=True)[0] == image).all()


def test_an_image_keeps_its_noise_in_any_batch_and_precision():
    model, background, exposure, gain = batch(0.3, copies=3)
    three = noise.noisy(model, background, exposure, gain, noise.SeededDraws([5, 6, 7]))
    one = noise.noisy(model[:1], background[:1], exposure[:1], gain[:1], noise.SeededDraws([6]))
    assert (three[1] == one[0]).all() and not (three[0] == three[1]).any()
    single = noise.noisy(*(each.float() for each in (model, background, exposure, gain)),
                         noise.SeededDraws([5, 6, 7]))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), three, rtol=2e-6, atol=1e-7)


def test_without_noise_the_image_is_the_model():
    settings = batch(0.3, copies=2)
    assert noise.noisy(*settings, noise.SeededDraws([1, 2]), noise="none") is settings[0]
