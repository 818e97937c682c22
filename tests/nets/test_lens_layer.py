"""The lens layer against closed forms, the deflectors of the simulator, and what bilinear sharing must keep."""

from math import log, pi

import pytest
import torch
from scipy.integrate import dblquad

from lenslab.nets.lens_layer import HALF, SELF, LensLayer, deflection_of, potential_of, sampled, splat
from lenslab.physics.deflectors import shear_deflection, sie_deflection
from lenslab.physics.grid import pixel_axis

SCALE, SIDE = 0.08, 64
LENS = dict(theta_E=1.2, e1=0.1, e2=-0.15, center_x=0.03, center_y=-0.02, gamma1=0.04, gamma2=-0.03)


def lens(count=1, **changes):
    return {name: torch.full((count,), value, dtype=torch.float64) for name, value in (LENS | changes).items()}


def ring(blur=0.15):
    """A Gaussian source behind LENS, rendered from the deflectors alone: (1, 1, SIDE, SIDE)."""
    axis = pixel_axis(SIDE, SCALE, dtype=torch.float64)
    x, y = axis[None, :], axis[:, None]
    e = {name: torch.tensor(LENS[name], dtype=torch.float64) for name in LENS}
    alpha = sie_deflection(x, y, *(e[name] for name in ("theta_E", "e1", "e2", "center_x", "center_y")))
    shear = shear_deflection(x, y, e["gamma1"], e["gamma2"])
    beta_x, beta_y = x - alpha[0] - shear[0], y - alpha[1] - shear[1]
    return 20 * torch.exp(-((beta_x - 0.1) ** 2 + (beta_y + 0.05) ** 2) / (2 * blur**2))[None, None], beta_x, beta_y


def test_rays_are_those_of_the_simulators_ellipsoid_with_shear():
    _, beta_x, beta_y = ring()
    x, y = LensLayer(SCALE).beta(SIDE, lens())
    torch.testing.assert_close(x[0], beta_x, rtol=0, atol=1e-12)
    torch.testing.assert_close(y[0], beta_y, rtol=0, atol=1e-12)


def test_the_true_lens_gives_source_and_image_back_and_another_does_not():
    """What is lost is what 32 pixels across the source cannot hold: 0.06" each, for a source of 0.15"."""
    image = ring()[0]
    found = LensLayer(SCALE)(image, lens())
    axis = torch.linspace(-1, 1, 32, dtype=torch.float64) * HALF * 1.2
    source = 20 * torch.exp(-((axis[None, :] - 0.1) ** 2 + (axis[:, None] + 0.05) ** 2) / (2 * 0.15**2))
    assert (found.hits > 1).all()
    assert (found.source[0, 0] - source).abs().max() < 1.5
    error = (found.image - image).square().mean()
    assert error < 0.05
    for wrong in (lens(theta_E=1.35), lens(theta_E=1.05), lens(e1=-0.1)):
        assert (LensLayer(SCALE)(image, wrong).image - image).square().mean() > 30 * error


def test_a_further_convergence_moves_the_rays_by_its_deflection():
    kappa = torch.rand(1, SIDE, SIDE, dtype=torch.float64)
    layer = LensLayer(SCALE)
    for with_it, without, alpha in zip(layer.beta(SIDE, lens(), kappa), layer.beta(SIDE, lens()),
                                       deflection_of(kappa, SCALE), strict=True):
        torch.testing.assert_close(with_it, without - alpha)


def gaussian(side, s, kappa0=0.5):
    axis = pixel_axis(side, SCALE, dtype=torch.float64)
    x, y = axis[None, :].expand(side, side), axis[:, None].expand(side, side)
    return x, y, kappa0 * torch.exp(-(x**2 + y**2) / (2 * s**2))


@pytest.mark.parametrize("side", [64, 65])
def test_deflection_of_a_gaussian_is_its_enclosed_mass_over_the_radius(side):
    """alpha = 2 kappa0 s^2 (1 - exp(-r^2/2s^2)) / r; central differences of it err by (pixel/s)^2/6, 2 %."""
    s = 0.25
    x, y, kappa = gaussian(side, s)
    alpha_x, alpha_y = deflection_of(kappa[None], SCALE)
    r2 = (x**2 + y**2).clamp_min(1e-12)
    expected = 2 * 0.5 * s**2 * -torch.expm1(-r2 / (2 * s**2)) / r2
    size = (expected * x).abs().max()
    assert (alpha_x[0] - expected * x).abs().max() < 0.025 * size
    assert (alpha_y[0] - expected * y).abs().max() < 0.025 * size
    outside = r2 > 1.5**2                       # far away there is a point mass, and nothing comes round the frame
    torch.testing.assert_close(alpha_x[0][outside], (expected * x)[outside], rtol=4e-3, atol=1e-6)


def test_deflection_has_no_curl():
    alpha_x, alpha_y = deflection_of(torch.randn(2, 31, 31, dtype=torch.float64), SCALE)
    curl = (alpha_x[:, 2:, 1:-1] - alpha_x[:, :-2, 1:-1]) - (alpha_y[:, 1:-1, 2:] - alpha_y[:, 1:-1, :-2])
    assert curl.abs().max() < 1e-14 < alpha_x.abs().max()


def test_laplacian_of_the_potential_is_twice_the_convergence():
    x, y, kappa = gaussian(64, 0.4)
    psi = potential_of(kappa[None], SCALE)[0]
    laplacian = (psi[2:, 1:-1] + psi[:-2, 1:-1] + psi[1:-1, 2:] + psi[1:-1, :-2] - 4 * psi[1:-1, 1:-1]) / SCALE**2
    assert (laplacian / 2 - kappa[1:-1, 1:-1]).abs().max() < 0.02 * 0.5


def test_a_pixel_acts_upon_itself_by_the_mean_of_the_logarithm():
    quarter = dblquad(lambda y, x: 0.5 * log(x * x + y * y), 0, 0.5, 0, 0.5, epsabs=1e-6)[0]
    assert 4 * quarter == pytest.approx(SELF, abs=1e-5)
    one = torch.zeros(1, 5, 5, dtype=torch.float64)
    one[0, 2, 2] = 1
    far = potential_of(one, SCALE)[0, 2, 4]
    assert far.item() == pytest.approx(SCALE**2 / pi * log(2 * SCALE), rel=1e-9)


def rays(low, high, count=2, side=9):
    torch.manual_seed(0)
    return low + (high - low) * torch.rand(count, 2, side, side, dtype=torch.float64)


def test_splat_keeps_light_rays_and_their_middle():
    image, where = torch.rand(2, 3, 9, 9, dtype=torch.float64), rays(0, 11)
    light, hits = splat(image, where, 12)
    torch.testing.assert_close(light.sum((2, 3)), image.sum((2, 3)))
    torch.testing.assert_close(hits.sum((1, 2, 3)), torch.full((2,), 81.0, dtype=torch.float64))
    axis = torch.arange(12, dtype=torch.float64)
    torch.testing.assert_close((light * axis).sum((2, 3)), (image * where[:, :1]).sum((2, 3)))
    torch.testing.assert_close((light * axis[:, None]).sum((2, 3)), (image * where[:, 1:]).sum((2, 3)))


def test_a_ray_on_a_pixel_goes_there_alone_and_one_beyond_nowhere():
    where = torch.tensor([[3.0, 5.0], [2.5, 0.0], [-1.0, 3.0], [float("nan"), 1.0]], dtype=torch.float64)
    light, _ = splat(torch.ones(1, 1, 1, 4, dtype=torch.float64), where.T.reshape(1, 2, 1, 4), 6)
    assert light[0, 0, 5, 3] == 1 and light[0, 0, 0, 2] == light[0, 0, 0, 3] == 0.5
    assert light.nansum() == 2


def test_splat_is_the_transpose_of_sampling():
    image, source, where = (torch.randn(2, 3, 9, 9, dtype=torch.float64), torch.randn(2, 3, 12, 12,
                            dtype=torch.float64), rays(-2, 13))
    there, back = splat(image, where, 12)[0], sampled(source, 2 * where / 11 - 1)
    torch.testing.assert_close((there * source).sum(), (image * back).sum())


def test_splat_has_the_gradient_of_its_rays():
    image = torch.rand(1, 1, 3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda where: splat(image, where, 6), rays(0, 5, 1, 3).requires_grad_())


def test_the_layer_keeps_its_digits_under_autocast():
    image, numbers = ring()[0].float(), {name: value.float() for name, value in lens().items()}
    layer = LensLayer(SCALE)
    with torch.autocast("cpu", torch.bfloat16):
        inside = layer(image, numbers)
    torch.testing.assert_close(inside.image, layer(image, numbers).image, rtol=0, atol=0)
