"""Light profiles against lenstronomy and by integration, pictures by hand, gradients by differences."""

import numpy as np
import pytest
import torch
from lenstronomy.LightModel.Profiles.sersic import SersicElliptic
from scipy.integrate import quad

from lenslab.physics import light
from lenslab.physics.grid import pixel_axis


def numbers(*values, dtype=torch.float64):
    return [torch.tensor(float(value), dtype=dtype).reshape(1, 1, 1) for value in values]


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("n_sersic", [0.3, 1.0, 4.0, 8.0])
@pytest.mark.parametrize("q", [1.0, 1 - 1e-6, 0.6, 0.1])
def test_sersic_is_lenstronomys(n_sersic, q, dtype, tolerance):
    """With a pixel on the centre, where the radius is held at 1e-4 arcsec."""
    c = (1 - q) / (1 + q)
    kwargs = dict(amp=2.0, R_sersic=0.4, n_sersic=n_sersic, e1=c * np.cos(1.2), e2=c * np.sin(1.2), center_x=0.1,
                  center_y=-0.2)
    axis = pixel_axis(41, 0.1, dtype=dtype)
    x, y = axis[None, None, :], axis[None, :, None]
    X, Y = np.meshgrid(axis.double().numpy(), axis.double().numpy())
    expected = SersicElliptic().function(X, Y, **kwargs)
    ours = light.sersic_surface_brightness(x, y, *numbers(*kwargs.values(), dtype=dtype))
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours[0].double().numpy(), expected, rtol=0, atol=tolerance * expected.max())


@pytest.mark.parametrize("n_sersic", [0.5, 1.0, 2.5, 4.0])
def test_total_flux_by_integration_and_back(n_sersic):
    amp, R = 1.7, 0.4
    values = numbers(amp, R, n_sersic)

    def ring(s):  # r = R s^(2 n) makes the cusp smooth
        r = torch.tensor(R * s ** (2 * n_sersic)).reshape(1, 1, 1)
        value = light.sersic_surface_brightness(r, 0 * r, *values, *numbers(0, 0, 0, 0))
        return float(value) * 2 * np.pi * float(r) * 2 * n_sersic * R * s ** (2 * n_sersic - 1)
    whole, _ = quad(ring, 0, 6, epsrel=1e-10, limit=200)
    flux = light.sersic_total_flux(*values)
    assert float(flux) == pytest.approx(whole, rel=1e-6)  # the floor of 1e-4 arcsec takes less off
    torch.testing.assert_close(light.sersic_amplitude(flux, *values[1:]), values[0], rtol=1e-14, atol=0)


@pytest.mark.parametrize("n_sersic", [1.0, 4.0])
def test_half_of_the_light_is_within_R_sersic(n_sersic):
    """To the 0.2 % that the approximate b_n is off."""
    axis = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    r = (0.4 * axis ** (2 * n_sersic))[None, None]
    value = light.sersic_surface_brightness(r, 0 * r, *numbers(1, 0.4, n_sersic, 0, 0, 0, 0))[0, 0]
    within = float((value * 2 * np.pi * r[0, 0] * 2 * n_sersic * 0.4 * axis ** (2 * n_sersic - 1)).mean())
    assert within / float(light.sersic_total_flux(*numbers(1, 0.4, n_sersic))) == pytest.approx(0.5, abs=2e-3)


def test_sersic_gradients():
    """Also of a round one and on its centre, where the profile is flat within its floor of 1e-4 arcsec."""
    spots = [torch.tensor([[[0.2, -0.4, 0.0]]], dtype=torch.float64), torch.tensor([[[0.1, 0.3, 0.0]]]).double()]
    for e1, e2 in ((0.1, -0.2), (0.0, 0.0)):
        inputs = [value.clone().requires_grad_() for value in (*spots, *numbers(2, 0.4, 2.5, e1, e2, 0, 0))]
        assert torch.autograd.gradcheck(light.sersic_surface_brightness, inputs, atol=1e-6)
    inputs = [value.requires_grad_() for value in numbers(2, 0.4, 2.5)]
    assert torch.autograd.gradcheck(light.sersic_total_flux, inputs)
    assert torch.autograd.gradcheck(light.sersic_amplitude, inputs)


@pytest.mark.parametrize("n_sersic", [0.5, 1.0, 4.0])
def test_the_changes_of_a_profile_of_constant_flux_are_those_of_lenstronomys(n_sersic):
    """Central differences of lenstronomy's profile, whose amplitude keeps the flux; no slope on the centre."""
    given = dict(R_sersic=0.4, n_sersic=n_sersic, e1=0.2, e2=-0.1, center_x=0.1, center_y=-0.2)
    spots = np.array([0.3, -0.5, 0.11, 1.0]), np.array([0.2, 0.1, -0.2, -1.0])

    def value(step=0.0, **moved):
        """Light where positions or shape have moved by a step."""
        shape = {name: x + step * moved.get(name, 0) for name, x in given.items()}
        shape["R_sersic"] *= np.exp(step * moved.get("log_R", 0))
        amp = float(light.sersic_amplitude(*numbers(2.0, shape["R_sersic"], shape["n_sersic"])))
        return SersicElliptic().function(spots[0] + step * moved.get("x", 0), spots[1] + step * moved.get("y", 0), amp,
                                         **shape)

    middle = given["center_x"], given["center_y"]
    at = [torch.from_numpy(np.append(*pair)).reshape(1, 1, -1) for pair in zip(spots, middle, strict=True)]
    amp = light.sersic_amplitude(*numbers(2.0, 0.4, n_sersic))
    found = light.sersic_tangents(*at, amp, *numbers(*given.values()))
    assert found.keys() == {"light", "x", "y", "log_R", "n", "e1", "e2"}
    assert found["light"][0, 0, :-1].numpy() == pytest.approx(value(), rel=1e-9)
    for name in ("x", "y", "log_R", "n", "e1", "e2"):
        moved = {"n": "n_sersic"}.get(name, name)
        change = (value(1e-6, **{moved: 1}) - value(-1e-6, **{moved: 1})) / 2e-6
        assert found[name][0, 0, :-1].numpy() == pytest.approx(change, rel=1e-5, abs=1e-7 * value().max()), name
    assert float(found["x"][0, 0, -1]) == float(found["y"][0, 0, -1]) == 0


# ---- pictures ------------------------------------------------------------------------------------------------------

PICTURE = torch.tensor([[1.0, 2.0, 0.5], [0.0, 4.0, 3.0]], dtype=torch.float64)


def test_picture_has_its_pixels_where_they_belong():
    """3 x 2 pixels of 0.5 arcsec: columns at x = -0.5, 0, 0.5, rows at y = -0.25, 0.25, light 10.5 in units of flux."""
    x = torch.tensor([-0.5, 0.0, 0.5]).double()[None, None] + 1
    y = torch.tensor([-0.25, 0.25]).double()[None, :, None] - 2
    value = light.picture_surface_brightness(x, y, PICTURE, *numbers(7, 1.5, 0, 1, -2))
    torch.testing.assert_close(value[0], PICTURE * 7 / (10.5 * 0.25), rtol=1e-14, atol=0)


def test_picture_is_bilinear_between_pixels_and_dark_outside():
    x = torch.tensor([[[0.25, 0.75, 0.999999, 1.0, 50.0, -1e12]]]).double()
    value = light.picture_surface_brightness(x, torch.full_like(x, -0.25), PICTURE, *numbers(10.5 * 0.25, 1.5, 0, 0, 0))
    expected = torch.tensor([[[1.25, 0.25, 0.0, 0.0, 0.0, 0.0]]]).double()
    torch.testing.assert_close(value, expected, rtol=0, atol=2e-6)


def test_picture_is_turned_by_phi():
    """A quarter turn takes the pixel at +x to +y."""
    x, y = numbers(0, 0.5)
    turned = light.picture_surface_brightness(x + 0.25, y, PICTURE, *numbers(1, 1.5, np.pi / 2, 0, 0))
    straight = light.picture_surface_brightness(y, x - 0.25, PICTURE, *numbers(1, 1.5, 0, 0, 0))
    torch.testing.assert_close(turned, straight, rtol=1e-12, atol=0)


def test_picture_integrates_to_its_flux():
    """A grid that splits its pixels evenly integrates the tents of the bilinear rule exactly."""
    axis = pixel_axis(64, 0.0625, dtype=torch.float64)
    x, y = axis[None, None, :], axis[None, :, None]
    value = light.picture_surface_brightness(x, y, PICTURE, *numbers(7, 1.5, 0, 0, 0))
    assert float(value.sum()) * 0.0625**2 == pytest.approx(7, rel=1e-13)


def test_batch_of_pictures_gives_each_its_own():
    axis = pixel_axis(9, 0.2, dtype=torch.float64)
    x, y, values = axis[None, None, :], axis[None, :, None], numbers(1, 1.5, 0.3, 0.1, 0)
    both = light.picture_surface_brightness(x, y, torch.stack([PICTURE, PICTURE.flip(1)]), *values)
    torch.testing.assert_close(both[1:], light.picture_surface_brightness(x, y, PICTURE.flip(1), *values))
    torch.testing.assert_close(both[:1], light.picture_surface_brightness(x, y, PICTURE, *values))


def test_picture_gradients():
    inputs = [value.requires_grad_() for value in (
        torch.tensor([[[0.2, -0.61, 0.7]]]).double(), torch.tensor([[[0.1, 0.32, 0.0]]]).double(), PICTURE.clone(),
        *numbers(2, 1.5, 0.4, 0.05, 0.02))]
    assert torch.autograd.gradcheck(light.picture_surface_brightness, inputs, atol=1e-6)
