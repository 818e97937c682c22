"""Networks that call images odd: what they say of images whose oddness is known."""

import math

import pytest
import torch

from lenslab.nets.autoencoder import BETA, KINDS, Autoencoder, Reversed
from lenslab.nets.lens_residual import NUMBERS
from lenslab.nets.oddity import Excess, Rarity


def images(n: int = 4, side: int = 32) -> torch.Tensor:
    return 5 * torch.randn(n, 1, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_of_an_autoencoder_learns(kind):
    torch.manual_seed(0)
    network = Autoencoder(32, kind=kind, width=4, latent=6)
    network.loss(images()).backward()
    assert all(weight.grad is not None and bool(weight.grad.abs().sum() > 0) for weight in network.parameters())
    assert network.score(images()).shape == (4,) and network.map(images()).shape == (4, 32, 32)


def test_a_drawing_that_is_right_is_not_odd():
    network = Autoencoder(32, width=4, latent=6)
    with torch.no_grad():
        network.up[-1].weight.zero_()
        network.up[-1].bias.zero_()
        empty = torch.zeros(2, 1, 32, 32)
        assert network.score(empty).tolist() == [0, 0]
        bright = empty.clone()
        bright[1, 0, 3, 4] = 20 * math.sinh(0.1)          # stretched: 2
        assert network.score(bright).tolist() == pytest.approx([0, 4 / 32**2])
        assert network.map(bright)[1, 3, 4] == pytest.approx(4)


def test_bells_at_the_unit_normal_cost_nothing_and_others_their_divergence():
    network = Autoencoder(32, kind="variational", width=4, latent=2)
    with torch.no_grad():
        network.encode.weight.zero_()
        network.encode.bias.copy_(torch.tensor([1.0, 0.0, 0.0, math.log(4)]))     # N(1, 1) and N(0, 4)
        drawn = network.map(images()).mean((1, 2))
        divergence = 0.5 * (1 + (4 - 1 - math.log(4))) / 2
        assert (network.score(images()) - drawn).tolist() == pytest.approx([BETA * divergence] * 4, abs=1e-6)


def test_a_critic_teaches_the_encoder_the_other_way_round():
    x = torch.tensor([2.0], requires_grad=True)
    (3 * Reversed.apply(x)).sum().backward()
    assert x.grad.item() == -3


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="side that 16 divides"):
        Autoencoder(50)


def given(chi2: float, evidence: float = 0.0, n: int = 3, compact: bool = False) -> torch.Tensor:
    """Frames whose residual has a chi^2 a pixel, and whose evidence is as told."""
    planes = torch.zeros(n, 4 + NUMBERS if compact else 2, 24, 24)
    planes[:, 0, 10:14, 10:14] = 50.0
    planes[:, 2 if compact else 1] = chi2**0.5
    if compact:
        planes[:, 4] = evidence
    return planes


def test_excess_is_counted_in_widths_above_what_is_usual():
    network = Excess(compact=False)
    with torch.no_grad():
        network.say[2].weight.zero_()
        # ln chi^2 is ln 1.1 +- 0.1
        network.say[2].bias.copy_(torch.tensor([math.log(1.1), math.log(math.expm1(0.08))]))
        assert network.score(given(1.1)).tolist() == pytest.approx([0] * 3, abs=1e-4)
        assert network.score(given(1.1 * math.e**0.2)).tolist() == pytest.approx([2] * 3, abs=1e-4)
        assert network.map(given(4.0))[0] == pytest.approx(torch.full((24, 24), 4.0))


def test_evidence_for_corrections_is_odd_too():
    network = Excess(compact=True)
    with torch.no_grad():
        assert (network.score(given(1.0, 50.0, compact=True)) > network.score(given(1.0, 0.0, compact=True))).all()
    network.loss(given(1.0, 1.0, compact=True)).backward()
    assert all(bool(weight.grad.abs().sum() > 0) for weight in network.parameters())


def test_rare_features_are_odd():
    torch.manual_seed(0)
    network = Rarity(torch.nn.Flatten(), 4)
    usual = torch.randn(256, 1, 2, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        network.loss(usual).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        score = network.score(torch.cat([usual[:50], torch.full((1, 1, 2, 2), 6.0)]))
    assert score[-1] > score[:-1].max()
    assert network.map(usual[:2]).shape == (2, 2, 2)
