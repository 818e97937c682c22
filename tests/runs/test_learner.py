"""One step of learning, each part against the formula by hand."""

import copy
import platform
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from lenslab.runs.learner import Learner, rate, resolve_precision
from tests.runs import toy
from tests.runs.sittings import SHORT


def test_a_gradient_that_is_no_number_touches_no_weight():
    model = nn.Linear(1, 1, bias=False)
    learner, before = Learner(model, SHORT), model.weight.item()
    with pytest.raises(FloatingPointError, match="gradient became nan at step 1"):
        learner.follow((model.weight - model.weight.detach()).sqrt().sum() * 0)
    assert model.weight.item() == before


def test_the_learning_rate_rises_straight_and_falls_as_half_a_cosine():
    config = toy.Config(steps=110, warmup=10, lr=0.2, final_lr=0.1)
    assert [rate(config, step) for step in (0, 4, 9)] == pytest.approx([0.02, 0.1, 0.2])
    assert rate(config, 10) == pytest.approx(0.2)
    assert rate(config, 60) == pytest.approx(0.2 * (0.1 + 0.9 / 2))  # half way down
    assert rate(config, 110) == pytest.approx(0.02)
    assert sum(rate(config, step) for step in range(10, 111)) / 101 == pytest.approx(0.2 * 0.55, rel=1e-12)


def test_the_learning_rate_follows_the_minutes_where_those_end_first():
    config = toy.Config(steps=10**6, warmup=10, lr=0.2, final_lr=0.1, minutes=2)
    assert rate(config, 9, 60) == pytest.approx(0.2)
    assert rate(config, 10, 60) == pytest.approx(0.2 * (0.1 + 0.9 / 2))
    assert rate(config, 10, 120) == rate(config, 10, 300) == pytest.approx(0.02)


def test_the_mean_of_weights_is_the_recursion_by_hand():
    learner = Learner(nn.Linear(1, 1), toy.Config(ema=0.99, warmup=0))
    expected, parameter = learner.model.weight.item(), learner.model.weight
    for step in range(30):
        learner.follow((parameter - 3).square().sum() + learner.model.bias.square().sum())
        memory = min(0.99, (1 + step) / (10 + step))
        expected = memory * expected + (1 - memory) * parameter.item()
    assert learner.mean.weight.item() == pytest.approx(expected, abs=1e-6)


def test_a_long_gradient_is_shortened_and_its_length_told():
    model = nn.Linear(2, 1, bias=False)
    learner = Learner(model, toy.Config(optimizer="sgd", clip=0.5, lr=1.0, warmup=0, weight_decay=0, ema=0))
    before = model.weight.detach().clone()
    assert learner.follow((model.weight * torch.tensor([[3.0, 4.0]])).sum()) == pytest.approx(5.0)
    assert (model.weight.detach() - before).norm().item() == pytest.approx(0.5, rel=1e-5)


CPU = torch.device("cpu")


@pytest.fixture
def nobody_overrules(monkeypatch):
    monkeypatch.delenv("LENSLAB_PRECISION", raising=False)


def test_the_environment_overrules_auto_and_nothing_else(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict(avx512_bf16=True))
    monkeypatch.setenv("LENSLAB_PRECISION", "float32")
    assert resolve_precision("auto", CPU) == torch.float32 and resolve_precision("bfloat16", CPU) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    monkeypatch.setenv("LENSLAB_PRECISION", "bfloat16")
    assert resolve_precision("auto", CPU) == torch.bfloat16 and resolve_precision("float32", CPU) == torch.float32
    monkeypatch.setenv("LENSLAB_PRECISION", "half")
    with pytest.raises(ValueError, match="'half' is no precision .LENSLAB_PRECISION.; choose auto, float32, bfloat16"):
        resolve_precision("auto", CPU)


@pytest.mark.usefixtures("nobody_overrules")
def test_the_precision_that_is_asked_for_is_taken():
    assert resolve_precision("float32", CPU) == torch.float32
    assert resolve_precision("bfloat16", CPU) == torch.bfloat16
    assert resolve_precision("auto", torch.device("mps")) == torch.float32


@pytest.mark.usefixtures("nobody_overrules")
@pytest.mark.parametrize(("able", "wanted"), [
    (dict(avx2=True), torch.float32),                          # Zen 3: bfloat16 seven times slower than float32
    (dict(avx2=True, avx512_f=True, avx512_bf16=False, amx_bf16=False), torch.float32),  # Skylake: emulated
    (dict(avx2=True, avx512_f=True, avx512_bf16=True, amx_bf16=False), torch.bfloat16),  # Cooper Lake, Zen 4
    (dict(avx512_f=True, avx512_bf16=True, amx_tile=True, amx_bf16=True), torch.bfloat16),  # Sapphire Rapids
    (dict(neon=True, bf16=True, sve_bf16=True, architecture="arm64"), torch.float32),    # not tried, so not taken
    ({}, torch.float32),
])
def test_auto_takes_bfloat16_on_a_processor_that_multiplies_in_it(monkeypatch, able, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert resolve_precision("auto", CPU) == wanted


@pytest.mark.usefixtures("nobody_overrules")
def test_auto_says_of_this_processor_what_the_kernel_says():
    table = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not table.exists():
        pytest.skip("No kernel here that lists the flags of an x86 processor.")
    flags = set(next(row for row in table.read_text().splitlines() if row.startswith("flags")).split())
    able = bool(flags & {"avx512_bf16", "amx_bf16"})
    assert resolve_precision("auto", CPU) == (torch.bfloat16 if able else torch.float32)


@pytest.mark.usefixtures("nobody_overrules")
@pytest.mark.parametrize(("capability", "wanted"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16),
                                                    ((9, 0), torch.bfloat16)])
def test_auto_takes_bfloat16_on_graphics_cards_since_ampere(monkeypatch, capability, wanted):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", None)
    assert resolve_precision("auto", torch.device("cuda")) == wanted


def test_the_mean_weights_get_the_batch_statistics_that_torch_gives_averaged_weights():
    """torch.optim.swa_utils.update_bn is the oracle; the moving weights keep theirs, and dropout stays out of it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2))
    learner = Learner(model, toy.Config(ema=0.9))
    with torch.no_grad():
        for tensor in learner.mean.parameters():
            tensor.add_(0.3 * torch.randn(tensor.shape))
    batches = [(torch.randn(40, 3), torch.randint(0, 2, (40,))) for _ in range(4)]
    oracle = copy.deepcopy(learner.mean)
    update_bn(batches, oracle)
    moving = model[1].running_mean.clone()
    learner.settle(lambda network, inputs, labels: nn.functional.cross_entropy(network(inputs), labels), batches)
    torch.testing.assert_close(learner.mean[1].running_mean, oracle[1].running_mean)
    torch.testing.assert_close(learner.mean[1].running_var, oracle[1].running_var)
    assert torch.equal(model[1].running_mean, moving) and not any(part.training for part in learner.mean.modules())
    assert learner.mean[1].momentum == 0.1
