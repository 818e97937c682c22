"""Networks with a lens inside: their theta_E against the truth, another in its place, and what their channels are."""

import numpy as np
import pytest
import torch

from lenslab.nets.lens_layer import LensLayer
from lenslab.nets.lens_net import CENTRE, ELLIPTICITY, FAINT, SHEAR, THETA_E, spread, unlikely
from lenslab.nets.lenspinn import bending

NAMES = ("lensiformer", "lenspinn")


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_the_numbers_of_a_lens_stay_within_their_limits(name, built, lenses):
    net = built(name).eval()
    low, high = (limit * 64 * 0.08 for limit in THETA_E)
    for theta_E, raw in ((low, -1e3), (high, 1e3), ((low + high) / 2, 0.0)):
        net.encoder.numbers[-1].weight.zero_()
        net.encoder.numbers[-1].bias.fill_(raw)
        lens = net.lens_parameters(lenses[0][:2])
        assert set(lens) == {"theta_E", "e1", "e2", "center_x", "center_y", "gamma1", "gamma2"}
        torch.testing.assert_close(lens["theta_E"], torch.full((2,), theta_E))
        for limit, x, y in ((ELLIPTICITY, "e1", "e2"), (CENTRE * 64 * 0.08, "center_x", "center_y"),
                            (SHEAR, "gamma1", "gamma2")):
            length = torch.full((2,), limit if raw else 0.0)
            torch.testing.assert_close(torch.hypot(lens[x], lens[y]), length)


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_a_theta_E_put_in_takes_the_place_of_the_networks_own(name, built, lenses):
    net, sigmas = built(name).eval(), lenses[0]
    own = net.lens_parameters(sigmas)["theta_E"]
    torch.testing.assert_close(net(sigmas, theta_E=own), net(sigmas))
    assert (net(sigmas, theta_E=1.3 * own) - net(sigmas)).abs().amax(1).min() > 1e-4
    assert torch.equal(net.lensed(net.see(sigmas), 1.3 * own).lens["theta_E"], 1.3 * own)


@pytest.mark.parametrize("name", NAMES)
def test_one_pass_gives_logits_and_the_loss_of_physics(name, built, lenses):
    net, sigmas = built(name).eval(), lenses[0]
    logits, loss = net.with_physics(sigmas)
    torch.testing.assert_close(logits, net(sigmas))
    torch.testing.assert_close(loss, net.physics_loss(sigmas))
    loss.backward()
    for key, tensor in net.encoder.named_parameters():
        assert tensor.grad.abs().max() > 0, key
    assert net.head[-1].weight.grad is None


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_a_crop_makes_the_limits_those_of_the_seen_frame(name, built, lenses):
    whole, part = built(name).encoder, built(name, crop=32).encoder
    assert part.side == pytest.approx(32 * 0.08) and whole.side == pytest.approx(64 * 0.08)


def test_theta_E_is_found_without_labels(lenses):
    """Descent on theta_E alone from 1.25 arcsec: the penalty of lensed images leads to the truth.

    The lenses of seed-64 are round, so that nothing else is wanting; a tenth of the rings may end elsewhere.
    """
    sigmas, truth = lenses[0][:12], lenses[2][:12]
    image = 20 * torch.asinh(sigmas / 20)
    raw = torch.full((len(image),), 1.25).log().requires_grad_()
    zero, layer = torch.zeros(len(image)), LensLayer(0.08)
    optimizer = torch.optim.Adam([raw], lr=0.04)
    for _ in range(30):
        lens = dict.fromkeys(("e1", "e2", "center_x", "center_y", "gamma1", "gamma2"), zero) | {"theta_E": raw.exp()}
        optimizer.zero_grad()
        (len(image) * unlikely(image, layer(image, lens), 0.08)).backward()
        optimizer.step()
    error = (raw.detach().exp() - truth).abs()
    assert (truth - 1.25).abs().median() > 0.1 and error.median() < 0.03 and error.quantile(0.9) < 0.1


def test_spread_of_a_ring_is_its_width_and_what_theta_E_lacks():
    """Behind a round lens its light comes from |theta| - theta_E: the radius of the ring is the best theta_E."""
    axis = (torch.arange(64) - 31.5) * 0.08
    radius = torch.hypot(axis[:, None], axis)
    image = 20 * torch.exp(-(radius - 1.1) ** 2 / (2 * 0.1**2))
    light = (image - FAINT).clamp_min(0)
    tried, zero, layer = torch.linspace(0.7, 1.5, 9), torch.zeros(9), LensLayer(0.08)
    lens = dict.fromkeys(("e1", "e2", "center_x", "center_y", "gamma1", "gamma2"), zero) | {"theta_E": tried}
    many = image.expand(9, 1, 64, 64)
    found = spread(many, layer(many, lens), 0.08)
    expected = [(light * (radius - theta_E) ** 2).sum() / (light * radius**2).sum() for theta_E in tried]
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-6)
    assert found.argmin() == 4


def test_bending_of_light_whose_logarithm_is_a_saddle():
    """ln I = 5 + a x y has the mixed derivative a; where I is 100 sigmas, ln(1 + exp(I)) is I."""
    axis = torch.arange(9, dtype=torch.float32) - 4
    image = torch.exp(5 + 0.05 * axis[:, None] * axis)[None, None]
    expected = np.tanh(0.05) ** 2
    torch.testing.assert_close(bending(image)[0, 0, 1:-1, 1:-1], torch.full((7, 7), expected), rtol=1e-3, atol=0)
    assert (bending(image)[..., 0] == 0).all() and (bending(image)[..., -1, :] == 0).all()


def test_bending_is_a_number_where_there_is_no_light_and_knows_no_brightest_pixel():
    image = 10 * torch.randn(2, 1, 16, 16)
    image[0, 0, 3, 3], image[1, 0, 5, 5] = -1e4, 0
    image.requires_grad_()
    bent = bending(image)
    bent.sum().backward()
    assert bent.isfinite().all() and image.grad.isfinite().all() and (bent >= 0).all() and (bent <= 1).all()
    image = image.detach()
    brighter = image.clone()
    brighter[..., 0, 0] = 1e6
    assert torch.equal(bending(brighter)[..., 3:, 3:], bending(image)[..., 3:, 3:])
    torch.testing.assert_close(bending(torch.rot90(image, 1, (-2, -1))), torch.rot90(bending(image), 1, (-2, -1)))
