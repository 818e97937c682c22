"""Sums over residuals: 0 for white noise at any scale, more where a wiggle is, the same however an image is turned."""

import math

import pytest
import torch

from lenslab.nets import moments
from lenslab.nets.inputs import Stretch
from lenslab.nets.moments import CUTS, FEWEST, SCALES, Moments, smoothed


@pytest.fixture(scope="module")
def noise():
    return torch.randn(40, 1, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sigma", SCALES)
def test_a_smoothing_keeps_white_noise_at_one(noise, sigma):
    """Away from the edge, where the dark beyond the frame takes some."""
    middle = smoothed(noise, sigma)[..., 14:-14, 14:-14]
    assert float(middle.std()) == pytest.approx(1, abs=0.06)


def bare(residuals: int) -> Moments:
    """Without its batch norm: what is measured, not what training made of it."""
    found = Moments(residuals)
    found.norm = torch.nn.Identity()
    return found


def test_means_are_those_of_the_pixels_that_a_cut_leaves(noise, monkeypatch):
    monkeypatch.setattr(moments, "FARTHEST", math.inf)
    image = torch.zeros(40, 1, 64, 64)
    image[..., 10:20, 10:20] = 10.0                       # above two cuts of three, 100 pixels
    residual = noise.clone()
    residual[..., 10:20, 10:20] = 3.0
    found = bare(1)(torch.cat([image, residual], 1))
    assert found.shape == (40, bare(1).number)
    inside = [math.log(100 + FEWEST)] * 2 + [math.log(FEWEST)]
    assert found[0, :len(CUTS)].tolist() == pytest.approx(inside, rel=1e-5)
    first = len(CUTS) + 1
    assert found[:, first:first + 2].flatten().tolist() == pytest.approx([math.log(9)] * 80, rel=1e-4)
    whole = (noise.square().sum((1, 2, 3)) - noise[..., 10:20, 10:20].square().sum((1, 2, 3)) + 900) / 4096
    assert found[:, first + 4].tolist() == pytest.approx(whole.log().tolist(), abs=1e-4)


def test_a_fit_that_has_failed_says_so_and_no_more(noise):
    """Wiggles a hundred and a million times the noise are both as far as any sum goes."""
    measure = Moments(1).eval()
    found = [measure(torch.cat([20 * noise.abs(), scale * noise], 1)).detach() for scale in (100, 1e6)]
    assert float(found[1].abs().max()) == moments.FARTHEST
    assert (found[0][:, len(CUTS) + 1:] == found[1][:, len(CUTS) + 1:]).all()


def test_a_turned_image_has_the_same_sums(noise):
    given = torch.cat([20 * noise[:4].abs(), noise[4:8], noise[8:12]], 1)
    turned = torch.rot90(given.flip(-1), 1, (-2, -1))
    torch.testing.assert_close(bare(2)(turned), bare(2)(given), rtol=1e-4, atol=1e-4)


def test_the_stretch_has_a_way_back():
    sigmas = torch.linspace(-300, 300, 601)
    stretch = Stretch(20.0, 1.0)
    torch.testing.assert_close(stretch.back(stretch(sigmas)), sigmas, rtol=1e-4, atol=1e-3)
