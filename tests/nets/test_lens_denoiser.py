"""The planes of a generator are the lens equation: judged by lenstronomy."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.lens_model import LensModel

from lenslab.nets.lens_denoiser import NEAREST, SourcePlane
from lenslab.physics.grid import pixel_axis
from lenslab.tasks.generate.task import Config, build, network_input
from lenslab.tasks.noise_free.conditions import Conditions, conditions_of

PLAIN = {"lens.theta_E": 1.1, "lens.e1": 0.12, "lens.e2": -0.05, "lens.gamma1": 0.03, "lens.gamma2": -0.04,
         "lens.gamma": 2.15, "lens.center_x": 0.03, "lens.center_y": -0.02, "source.center_x": 0.1,
         "source.center_y": -0.2, "source.R_sersic": 0.3, "source.e1": 0.1, "source.e2": 0.2}


def table(conditions: Conditions, **changes) -> torch.Tensor:
    values = PLAIN | changes
    return torch.tensor([[values.get(name, 0.1) for name in conditions.names]])


def planes(conditions: Conditions, **changes) -> torch.Tensor:
    known = dict(zip(conditions.names, conditions.group_of, strict=True))
    plane = SourcePlane(conditions.names, conditions.mean, conditions.scale, conditions.log, known, 64, 0.08, {})
    return plane(network_input(conditions, table(conditions, **changes)))[0]


def test_each_pixel_looks_where_lenstronomy_says():
    lens = LensModel(["EPL", "SHEAR"])
    x, y = np.meshgrid(*[pixel_axis(64, 0.08).double().numpy()] * 2)
    epl = dict(theta_E=1.1, e1=0.12, e2=-0.05, gamma=2.15, center_x=0.03, center_y=-0.02)
    beta_x, beta_y = lens.ray_shooting(x, y, [epl, dict(gamma1=0.03, gamma2=-0.04)])
    dx, dy = beta_x - 0.03 - 0.1, beta_y + 0.02 + 0.2         # the source is counted from the lens
    found = planes(conditions_of("hst")).double().numpy()
    softened = 0.3 + np.hypot(dx, dy)
    assert np.abs(found[0] - dx / softened).max() < 2e-4
    assert np.abs(found[1] - dy / softened).max() < 2e-4
    z = dx + 1j * dy - (0.1 + 0.2j) * (dx - 1j * dy)         # the source's ellipse, as lenstronomy's Sersic
    R = np.abs(z) / np.sqrt(1 - 0.1**2 - 0.2**2) / 0.3
    assert np.abs(found[2] - np.log(R + NEAREST)).max() < 5e-3
    assert (found[3] == 1).all()


@pytest.mark.parametrize("name", ["lens.theta_E", "source.center_x"])
def test_they_are_dark_where_the_lens_is_left_open(name):
    assert not planes(conditions_of("hst"), **{name: float("nan")}).any()


def test_every_weight_learns_from_the_planes_and_from_the_conditions():
    trained = build(Config())
    model, conditions = trained.model, Conditions.of_card(trained.card["conditions"])
    for name, parameter in model.named_parameters():      # silent layers speak, so that all below them is heard
        if name.endswith("weight") and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(0))
    asked = network_input(conditions, table(conditions))
    x = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    model(x, torch.zeros(1), asked).square().sum().backward()
    silent = [name for name, parameter in model.named_parameters()
              if parameter.grad is None or not parameter.grad.any()]
    assert silent == []
