"""What physics buys: its arithmetic, its null, and one small cell from end to end."""

import numpy as np
import pytest
import torch

from benchmarks import physics
from lenslab.nets.lens_layer import LensLayer

LENS = {name: torch.tensor([value]) for name, value in dict(
    theta_E=1.1, e1=0.1, e2=-0.1, center_x=0.02, center_y=0.0, gamma1=0.03, gamma2=0.02).items()}


def test_the_null_bends_by_seven_tenths():
    true, false = (kind(0.1).beta(16, LENS) for kind in (LensLayer, physics.FalseLayer))
    axis = (torch.arange(16) - 7.5) * 0.1
    plain = torch.broadcast_tensors(axis[None, None, :], axis[None, :, None])
    for at, bent, less in zip(plain, true, false, strict=True):
        torch.testing.assert_close(at - less, 0.7 * (at - bent), rtol=0, atol=1e-5)


@pytest.mark.parametrize("row", physics.ROWS)
def test_every_weight_of_every_row_has_a_gradient(row):
    torch.manual_seed(0)
    net = physics.Seer(row, 3, 32, 0.1, 1.9)
    sigmas = 5 * torch.randn(4, 2 if row == "fit" else 1, 32, 32).abs()
    seen, badly = net.embed(sigmas)
    value = net.head(seen).square().sum()
    (value if badly is None else value + badly).backward()
    assert [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()] == []
    assert (badly is not None) == (row in physics.EXPLAINED)


def test_elsewhere_noise_is_still_one_and_light_is_kept():
    camera = physics.find("hst").camera
    noise = torch.randn(20, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    assert float(physics.elsewhere(noise, camera).std()) == pytest.approx(1, abs=0.01)
    light = torch.zeros(200, 1, 65, 65)
    light[..., 32, 32] = 1000.0
    assert float(physics.elsewhere(light, camera).mean(0).sum()) == pytest.approx(500, abs=25)


def test_lines_are_means_over_seeds_of_what_is_there():
    cells = [dict(task="theta_E", row="layer", size=1000, seed=seed, theta_E=value, elsewhere=0.1)
             for seed, value in enumerate((0.03, 0.05))]
    line, = physics.table(cells)
    assert (line["row"], line["size"]) == ("layer", 1000) and "smooth" not in line
    half = 12.7062 * np.std([0.03, 0.05], ddof=1) / np.sqrt(2)
    assert line["theta_E"]["mean"] == pytest.approx(0.04) and line["theta_E"]["seeds"] == 2
    assert line["theta_E"]["high"] == pytest.approx(0.04 + half, rel=1e-4)
    assert "layer" in physics.as_text([line], 10.0)


def test_a_cell_is_done_once(tmp_path, monkeypatch, capsys):
    done = []

    def cell(task, row, size, seed, minutes, workers):
        done.append((row, seed))
        return dict(task=task, row=row, size=size, seed=seed, theta_E=0.1, elsewhere=0.2)

    monkeypatch.setattr(physics, "cell", cell)
    words = ["--folder", str(tmp_path), "--rows", "none", "--sizes", "1000", "--tasks", "theta_E", "--seeds", "2"]
    assert physics.main(words) == physics.main(words) == 0
    assert done == [("none", 0), ("none", 1)] and "0.1000" in capsys.readouterr().out
