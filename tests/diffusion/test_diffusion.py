"""The core of diffusion against distributions whose answer is known."""

from math import log2

import pytest
import torch

from lenslab.diffusion import denoise, guidance, sample
from lenslab.diffusion.process import HIGHEST, LOWEST, PROCESSES
from lenslab.diffusion.unet import UNet

MEAN, SPREAD = 0.3, 0.5


def gaussian(x, sigma):
    """The exact denoiser of N(MEAN, SPREAD^2)."""
    return MEAN + (x - MEAN) * SPREAD**2 / (SPREAD**2 + sigma**2)


def exact(x, first):
    """Where the probability flow of that Gaussian takes x from sigma = first to 0."""
    return MEAN + (x - MEAN) * SPREAD / (SPREAD**2 + first**2) ** 0.5


@pytest.mark.parametrize("name", PROCESSES)
def test_an_oracle_network_gives_the_data_back_at_every_noise(name):
    process = PROCESSES[name]
    generator = torch.Generator().manual_seed(0)
    x0, eps = (torch.randn(64, 1, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    sigma = torch.logspace(-3, 1.6, 64, dtype=torch.float64)

    def oracle(x, time, conditions):
        assert x.var().item() < 4      # unit variance comes in, give or take what 64 x 16 numbers scatter
        return process.target(x0, eps, denoise.wide(sigma))

    s = denoise.wide(sigma)
    D = process.denoised(x0 + s * eps, oracle((x0 + s * eps) * process.c_in(s), process.time(sigma), None), s)
    torch.testing.assert_close(D, x0, rtol=0, atol=1e-12)
    assert denoise.loss(lambda *_: process.target(x0, eps, s), process, x0, None, sigma, eps).item() < 1e-12


@pytest.mark.parametrize("name", PROCESSES)
def test_sigmas_of_training_are_seeded_within_limits_and_mixed_as_asked(name):
    def drawn(share):
        return PROCESSES[name].sigmas(4000, torch.Generator().manual_seed(3), share)

    assert torch.equal(drawn(0.2), drawn(0.2)) and drawn(0).min() >= LOWEST and drawn(0).max() <= HIGHEST
    more = (drawn(0.5) < 0.02).float().mean() - (drawn(0) < 0.02).float().mean()
    assert more.item() == pytest.approx(0.5 * 0.417, abs=0.06)     # ln(10)/ln(250) of half of them


@pytest.mark.parametrize("name, steps", [("dpmpp_2m", 60), ("heun", 60), ("euler", 500), ("ancestral", 500)])
def test_a_gaussian_comes_back_with_its_mean_and_spread(name, steps):
    """The spread of 4,000 numbers is known to 1.1 %; first-order samplers take more steps to be as exact."""
    sigmas, generator = sample.karras(steps), torch.Generator().manual_seed(7)
    x = sigmas[0] * sample.normal(range(4000), (1, 1, 1)).double()
    fresh = dict(noise=lambda step: torch.randn(x.shape, generator=generator)) if name == "ancestral" else {}
    found = sample.last(sample.SAMPLERS[name](gaussian, x, sigmas, **fresh))
    assert found.mean().item() == pytest.approx(MEAN, abs=0.03)
    assert found.std().item() == pytest.approx(SPREAD, rel=0.04)


@pytest.mark.parametrize("name, order", [("euler", 1), ("heun", 2), ("dpmpp_2m", 2)])
def test_samplers_converge_with_their_order(name, order):
    """On sigmas even in their logarithm, from 4 to 0.05: the error falls by 2^order where steps are halved."""
    x = torch.tensor([[[[3.0]]], [[[-5.0]]]], dtype=torch.float64)

    def off(steps):
        sigmas = [4.0 * (0.05 / 4.0) ** (k / steps) for k in range(steps + 1)]
        there = MEAN + (x - MEAN) * ((SPREAD**2 + 0.05**2) / (SPREAD**2 + 16.0)) ** 0.5
        seen = []

        def watched(x, sigma):
            seen.append((sigma, x))
            return gaussian(x, sigma)

        for _ in sample.SAMPLERS[name](watched, x, [*sigmas, 0.0]):
            pass
        end = next(x for sigma, x in seen if sigma == sigmas[-1])
        return (end - there).abs().max().item()

    assert log2(off(40) / off(80)) == pytest.approx(order, abs=0.25)


def test_an_image_is_that_of_its_seed_in_any_batch():
    assert torch.equal(sample.normal([5, 9], (1, 4, 4))[1], sample.normal([9], (1, 4, 4))[0])
    assert not torch.equal(sample.normal([9], (1, 4, 4)), sample.normal([9], (1, 4, 4), step=1))


def test_guidance_is_unconditional_at_0_conditional_at_1_and_linear_beyond():
    x, asked = torch.randn(3, 1, 2, 2), []

    def saying(value):
        def D(x, sigma):
            asked.append(value)
            return torch.full_like(x, value)
        return D

    for weight, expected in ((0.0, 2.0), (1.0, 5.0), (1.5, 6.5)):
        assert guidance.guided(saying(5.0), saying(2.0), weight)(x, 1.0).unique().item() == pytest.approx(expected)
    assert asked[:2] == [2.0, 5.0]          # what does not count is not asked


def test_conditions_are_left_away_by_groups():
    there = torch.ones(4000, 3, dtype=torch.bool)
    there[:, 2] = False
    group = torch.tensor([0, 0, 1, 2])
    conditions, keep = guidance.dropped(torch.ones(4000, 4), there, 0.2, 0.1, torch.Generator().manual_seed(1), group)
    assert torch.equal(conditions, keep[:, group].float()) and not keep[:, 2].any()
    assert keep[:, 0].float().mean().item() == pytest.approx(0.8 * 0.9, abs=0.03)
    assert (~keep).all(1).float().mean().item() == pytest.approx(0.1 + 0.9 * 0.04, abs=0.03)


def test_consistency_at_stage_0_is_diffusion_and_vanishes_for_a_point():
    """All data in one point: the exact denoiser is that point at any noise, and nothing is left to learn."""
    point, process = torch.full((8, 1, 2, 2), 0.7), PROCESSES["edm"]
    sigma, eps = torch.linspace(0.1, 5, 8), torch.randn(8, 1, 2, 2)

    def network(x, time, conditions):
        s = denoise.wide((4 * time).exp())
        return (point - x / process.c_in(s) / (1 + s * s)) / (s / (1 + s * s).sqrt())

    for stage in (0, 3):
        assert denoise.consistency_loss(network, process, point, None, sigma, eps, stage).item() < 1e-5

    def silent(x, time, conditions):
        return torch.zeros_like(x)

    D = denoise.estimate(silent, process, point + denoise.wide(sigma) * eps, sigma, None)
    c = 0.06 * 2.0
    expected = ((((D - point).square().sum((1, 2, 3)) + c * c).sqrt() - c) / sigma).mean()
    assert denoise.consistency_loss(silent, process, point, None, sigma, eps, 0).item() == pytest.approx(
        expected.item(), rel=1e-5)


def test_every_weight_of_the_network_learns_and_conditions_are_heard():
    torch.manual_seed(0)
    network = UNet((8, 16, 16), 3, side=16, embedding=16)
    x0, conditions = torch.randn(4, 1, 16, 16), torch.randn(4, 3)
    optimiser = torch.optim.SGD(network.parameters(), 0.05)
    sigma, eps = torch.tensor([0.1, 0.5, 1.0, 5.0]), torch.randn(4, 1, 16, 16)
    assert network(x0, sigma, conditions).abs().max() == 0       # silent at first: D is then the shrunk x
    for _ in range(3):                                          # the last layers are silent, then those before them
        optimiser.zero_grad()
        denoise.loss(network, PROCESSES["edm"], x0, conditions, sigma, eps).backward()
        optimiser.step()
    silent = [name for name, weight in network.named_parameters() if not weight.grad.any()]
    assert silent == []
    assert not torch.equal(network(x0, sigma, conditions), network(x0, sigma, conditions + 1))


def test_a_small_network_learns_a_distribution_with_its_condition():
    """Images of one brightness c + 0.2 noise, c asked for: after 150 steps of a tiny network samples obey."""
    torch.manual_seed(1)
    generator, process = torch.Generator().manual_seed(2), PROCESSES["edm"]
    network = UNet((8, 8, 8), 1, side=8, embedding=16)
    optimiser = torch.optim.Adam(network.parameters(), 6e-3)
    for _ in range(150):
        c = 2 * torch.rand(32, 1, generator=generator) - 1
        x0 = c[:, :, None, None] + 0.2 * torch.randn(32, 1, 1, 1, generator=generator).expand(-1, -1, 8, 8)
        eps = torch.randn(32, 1, 8, 8, generator=generator)
        optimiser.zero_grad()
        denoise.loss(network, process, x0, c, process.sigmas(32, generator), eps).backward()
        optimiser.step()
    asked = torch.linspace(-0.9, 0.9, 64)[:, None]
    sigmas = sample.karras(12)
    with torch.no_grad():
        found = sample.last(sample.dpmpp_2m(denoise.denoiser(network, process, asked),
                                            sigmas[0] * sample.normal(range(64), (1, 8, 8)), sigmas))
    r = torch.corrcoef(torch.stack([found.mean((1, 2, 3)), asked[:, 0]]))[0, 1].item()
    assert r > 0.85, r
