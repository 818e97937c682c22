"""Waves and white noise."""

import numpy as np
import pytest
import torch

from lenslab.diffusion import spectrum
from lenslab.diffusion.spectrum import power_ratio, power_spectrum, scales


@pytest.mark.parametrize("kx, ky, ring", [(5, 0, 5), (0, 11, 11), (3, 4, 5)])
def test_a_wave_has_its_power_in_its_ring_alone(kx, ky, ring):
    """A cos(k x) on n pixels: two modes of |A n / 2|^2 / n each, shared by all modes of the ring."""
    side, A = 32, 3.0
    y, x = np.mgrid[:side, :side] * 2 * np.pi / side
    power = power_spectrum(A * np.cos(kx * x + ky * y + 0.7)[None])[0]
    k = np.fft.fftfreq(side, 1 / side)
    modes = (np.round(np.hypot(k[:, None], k)) == ring).sum()
    assert power.shape == (side // 2 - 1,) and power.argmax() + 1 == ring
    assert power[ring - 1] == pytest.approx(2 * (A / 2) ** 2 * side**2 / modes, rel=1e-9)
    assert np.delete(power, ring - 1).max() < 1e-20


def test_white_noise_has_its_variance_at_every_scale(monkeypatch):
    """Parseval. A ring of N modes is known to sqrt(2 / N / 300) of 300 images: 4 % for the smallest."""
    images = 2.5 * np.random.default_rng(0).normal(size=(300, 64, 64))
    power = power_spectrum(images)
    assert power.shape == (300, 31)
    np.testing.assert_allclose(power.mean(0), 2.5**2, rtol=0.1)
    assert power[:, 10:].mean() == pytest.approx(2.5**2, rel=0.01)
    monkeypatch.setattr(spectrum, "AT_ONCE", 7)
    np.testing.assert_allclose(power_spectrum(torch.from_numpy(images[:20])), power[:20], rtol=1e-12)


def test_ratio_tells_a_blur_of_known_response():
    """A sum of two neighbours has the response 4 cos^2(pi kx / side): in the ring, its mean over the ring's modes."""
    images, side = np.random.default_rng(1).normal(size=(400, 32, 32)), 32
    ratio = power_ratio(power_spectrum(images + np.roll(images, 1, axis=2)), power_spectrum(images))
    k = np.fft.fftfreq(side, 1 / side)
    ring, response = np.round(np.hypot(k[:, None], k)), np.broadcast_to(4 * np.cos(np.pi * k / side) ** 2, (side, side))
    np.testing.assert_allclose(ratio, [response[ring == r].mean() for r in range(1, 16)], rtol=0.06)


def test_scales_end_where_the_mean_falls_below_a_ten_thousandth_of_its_peak():
    power = np.array([[0.0, 1.0, 0.5, 2e-4, 0.9e-4, 0.3], [0.0, 1.0, 0.5, 2e-4, 0.9e-4, 0.3]])
    assert scales(power) == 4 and scales(power, least=1e-5) == 6
