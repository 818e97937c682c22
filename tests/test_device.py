"""The device asked for is the one given, or a sentence says why not."""

import pytest
import torch

from lenslab.device import resolve_device, supported_dtype


def machine(monkeypatch, cuda=0, mps=False):
    monkeypatch.delenv("LENSLAB_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize("cuda, mps, fastest", [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda"),
                                                (1, True, "cuda")])
def test_without_a_wish_the_fastest_is_taken(monkeypatch, cuda, mps, fastest):
    machine(monkeypatch, cuda, mps)
    assert resolve_device().type == resolve_device("auto").type == fastest


def test_the_environment_wishes_and_the_call_overrules(monkeypatch):
    machine(monkeypatch, cuda=2)
    monkeypatch.setenv("LENSLAB_DEVICE", "cuda:1")
    assert resolve_device() == torch.device("cuda:1") and resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name, sentence", [("gpu", "choose cpu, cuda"), ("cuda:x", "is no device"),
                                            ("cuda:2", "2 CUDA devices"), ("mps", "no such Apple GPU")])
def test_a_device_that_is_not_here_is_refused(monkeypatch, name, sentence):
    machine(monkeypatch, cuda=2)
    with pytest.raises(ValueError, match=sentence):
        resolve_device(name)
    monkeypatch.setenv("LENSLAB_DEVICE", name)
    with pytest.raises(ValueError, match="LENSLAB_DEVICE"):
        resolve_device()


def test_apple_gpus_fall_to_single_precision_and_say_so():
    dtype, sentence = supported_dtype("mps", torch.float64)
    assert dtype == torch.float32 and "float32" in sentence
    assert supported_dtype("cpu", torch.float64) == (torch.float64, "")
    assert supported_dtype("mps", torch.float32) == (torch.float32, "")
