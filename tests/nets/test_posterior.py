"""Densities over a few numbers: they are densities, their samples are theirs, and they learn a posterior that is known
in closed form."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from lenslab.nets.posterior import HEADS, normal

FEATURES = 4


@pytest.fixture(params=HEADS)
def head(request):
    torch.manual_seed(0)
    return lambda numbers: HEADS[request.param](FEATURES, numbers).double()


def test_a_density_integrates_to_one(head):
    one = head(1)
    features = torch.randn(3, FEATURES, dtype=torch.float64)
    z = torch.linspace(-12, 12, 4001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        for row in features:
            density = one.log_prob(row.expand(len(z), -1), z).exp()
            assert float(torch.trapezoid(density, z[:, 0])) == pytest.approx(1, abs=2e-3)


def test_samples_are_of_the_density_that_is_told(head):
    one = head(1)
    features = torch.randn(1, FEATURES, dtype=torch.float64)
    noise = torch.randn(1, 4000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = torch.linspace(-12, 12, 8001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        drawn = one.transport(features, noise)[0, :, 0].numpy()
        cdf = torch.cumulative_trapezoid(one.log_prob(features.expand(len(z), -1), z).exp(), z[:, 0]).numpy()
    assert kstest(drawn, lambda x: np.interp(x, z[1:, 0].numpy(), cdf)).pvalue > 1e-3


def test_joint_samples_have_the_mean_ratio_of_one(head):
    two = head(2)
    features = torch.randn(2, FEATURES, dtype=torch.float64)
    noise = torch.randn(2, 4000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        drawn = two.transport(features, noise)
        ln = torch.stack([two.log_prob(features[k].expand(4000, -1), drawn[k]) for k in range(2)])
    bounded = normal(drawn / 0.5) - 2 * np.log(0.5)      # a narrower bell: the ratio has a finite variance
    ratio = (bounded - ln).exp()
    assert ratio.mean(1).numpy() == pytest.approx(1, abs=6 * float(ratio.std(1).max()) / 4000**0.5)


def test_a_linear_image_of_a_number_is_read_as_bayes_reads_it():
    """z ~ N(0, 1), seen as z + N(0, s^2): the posterior is N(x/(1 + s^2), s^2/(1 + s^2))."""
    torch.manual_seed(0)
    one, s = HEADS["point"](1, 1), 0.5
    optimizer = torch.optim.Adam(one.parameters(), lr=0.05)
    for _ in range(300):
        z = torch.randn(512, 1)
        value = -one.log_prob(z + s * torch.randn(512, 1), z).mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    with torch.no_grad():
        mean, width = one.parts(torch.tensor([[1.0]]))
    assert float(mean) == pytest.approx(1 / (1 + s**2), abs=0.05)
    assert float(width) == pytest.approx((s**2 / (1 + s**2)) ** 0.5, abs=0.05)
