"""The sum over halos by Gaussians; the oracle is the direct sum, which is tested against lenstronomy."""

import numpy as np
import pytest
import torch

from lenslab.physics import clumps, multi_gaussian
from lenslab.physics.grid import pixel_axis
from lenslab.physics.multi_gaussian import tnfws_on_rays


def drawn(n, batch=2, seed=1, reach=3.7):
    """Rs, alpha_Rs, r_trunc, x, y (batch, n) as wide and as heavy as those of `hst` (lightest the most)."""
    rng = np.random.default_rng(seed)
    mass = 10**7.5 * (1 - rng.random((batch, n)) * (1 - 10 ** (-0.9 * 2.5))) ** (-1 / 0.9)
    Rs = 0.07 * (mass / 10**7.5) ** 0.45 * 10 ** rng.normal(0, 0.2, mass.shape)
    alpha_Rs = 4e-4 * (mass / 10**7.5) ** 0.6 * 10 ** rng.normal(0, 0.2, mass.shape)
    r, phi = reach * rng.random(mass.shape) ** 0.5, 2 * np.pi * rng.random(mass.shape)
    return [torch.from_numpy(value) for value in (
        Rs, alpha_Rs, Rs * 10 ** rng.uniform(-0.5, 1.3, mass.shape), r * np.cos(phi), r * np.sin(phi))]


def direct(rays, spacing, halos):
    axis = pixel_axis(rays, spacing, dtype=halos[0].dtype)
    return torch.stack(clumps.tnfws_deflection(axis[None, None, :], axis[None, :, None], *halos))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rays, spacing, reach", [(48, 0.107, 3.7), (33, 0.1, 2.4), (64, 0.02, 6.0), (16, 0.2, 2.0)])
def test_it_is_the_direct_sum(rays, spacing, reach, dtype):
    """Frames that hold all halos or few of them, rays farther apart than halos are wide, and near ones."""
    halos = drawn(60, reach=reach)
    error = torch.stack(tnfws_on_rays(rays, spacing, *[value.to(dtype) for value in halos])) - direct(
        rays, spacing, halos)
    assert float(error.square().mean().sqrt()) < 1e-5
    assert float(error.abs().max()) < 2e-4


def test_padding_adds_nothing_and_blocks_do_not_show(monkeypatch):
    halos = drawn(20)
    whole = torch.stack(tnfws_on_rays(32, 0.1, *halos))
    padded = [torch.cat([value, torch.zeros(2, 7, dtype=value.dtype)], 1) for value in halos]
    torch.testing.assert_close(torch.stack(tnfws_on_rays(32, 0.1, *padded)), whole, rtol=0, atol=1e-14)
    monkeypatch.setitem(multi_gaussian.HELD, "cpu", 1)
    torch.testing.assert_close(torch.stack(tnfws_on_rays(32, 0.1, *halos)), whole, rtol=0, atol=1e-14)


def test_its_derivatives_are_those_of_the_direct_sum():
    halos = [value.requires_grad_() for value in drawn(6, batch=1, reach=1.0)]
    weights = torch.from_numpy(np.random.default_rng(3).standard_normal((2, 1, 24, 24)))
    ours, theirs = (torch.autograd.grad((alpha * weights).sum(), halos) for alpha in (
        torch.stack(tnfws_on_rays(24, 0.1, *halos)), direct(24, 0.1, halos)))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=0.02 * float(other.abs().max()))
    _, tangent = torch.func.jvp(lambda x: torch.stack(tnfws_on_rays(24, 0.1, *halos[:3], x, halos[4])),
                                (halos[3].detach(),), (torch.ones_like(halos[3]),))
    assert float((tangent * weights).sum()) == pytest.approx(float(ours[3].sum()), rel=1e-9)
