"""A checkpoint is one file that says what it is, comes back bit for bit, and is refused in words when it is another."""

import errno
import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lenslab import checkpoint
from lenslab.insight import table

CARD = {"task": "classify", "network": "cnn", "population": "seed-64", "steps": 100, "duration": 4000.0,
        "metrics": {"accuracy": 0.912, "intervals": {"accuracy": [0.9, 0.92]}}, "split": "test", "complete": True}


def network(width=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def test_the_file_is_safetensors_as_its_specification_says(tmp_path):
    """Read by hand: 8 bytes of length, JSON, numbers at their offsets, little-endian."""
    model = network()
    checkpoint.save(tmp_path / "a.safetensors", model.state_dict(), CARD)
    data = (tmp_path / "a.safetensors").read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    assert json.loads(header["__metadata__"]["lenslab"]) == CARD
    begin, end = header["0.weight"]["data_offsets"]
    numbers = np.frombuffer(data[8 + length + begin:8 + length + end], "<f4").reshape(header["0.weight"]["shape"])
    assert np.array_equal(numbers, model[0].weight.detach().numpy())


def test_weights_come_back_bit_for_bit_and_the_card_with_them(tmp_path):
    model, other = network(), network()
    model[1].running_mean += 0.1
    checkpoint.save(tmp_path / "a.safetensors", model.state_dict(), CARD)
    assert checkpoint.load_into(other, tmp_path / "a.safetensors") == CARD == checkpoint.read_card(
        tmp_path / "a.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(),
                                                 strict=True))


def test_tied_weights_are_written_twice(tmp_path):
    model = network()
    model.again = model[0]
    checkpoint.save(tmp_path / "a.safetensors", model.state_dict(), CARD)
    tensors, _ = checkpoint.load(tmp_path / "a.safetensors")
    assert torch.equal(tensors["again.weight"], tensors["0.weight"])


def test_a_card_holds_plain_values_whatever_they_were(tmp_path):
    card = {"task": "toy", "a": np.float64(0.5), "b": torch.tensor([1, 2]), "c": (1, 2), "nothing": float("nan"),
            "table": np.eye(2), 3: True}
    checkpoint.save(tmp_path / "a.safetensors", {}, card)
    assert checkpoint.read_card(tmp_path / "a.safetensors") == {
        "task": "toy", "a": 0.5, "b": [1, 2], "c": [1, 2], "nothing": None, "table": [[1, 0], [0, 1]], "3": True}
    with pytest.raises(TypeError, match="plain values only, not Linear"):
        checkpoint.save(tmp_path / "a.safetensors", {}, {"network": nn.Linear(1, 1)})
    with pytest.raises(ValueError, match="at most 1048576 fit"):
        checkpoint.save(tmp_path / "a.safetensors", {}, {"long": "x" * (1 << 20)})


def header(card="{}", tensors=None, length=None, data=b""):
    text = json.dumps({"__metadata__": {"lenslab": card}, **(tensors or {})}).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


@pytest.mark.parametrize(("content", "words"), [
    (b"", "only the beginning"),
    (b"\x00" * 9, "only the beginning"),
    (struct.pack("<Q", 2**63) + b"{}" * 50, "only the beginning"),
    (struct.pack("<Q", 9 << 20) + bytes(10 << 20), "only the beginning"),
    (pickle.dumps({"a": list(range(100))}), "no checkpoint"),
    (header("[]"), "its card is no table"),
    (header("[" * 100000), "header cannot be read"),
    (header(tensors={"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0]}}), "header cannot be read"),
    (header(tensors={"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, data=b"1234"), "not whole"),
    (header(tensors={"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, data=b"12345678"), "damaged"),
])
def test_a_foreign_or_broken_file_is_refused_in_a_sentence(tmp_path, content, words):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as told:
        checkpoint.load(path)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize("cut", [5, 100, -1])
def test_a_truncated_checkpoint_is_refused(tmp_path, cut):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, network().state_dict(), CARD)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="take another copy"):
        checkpoint.load_into(network(), path)


@pytest.mark.parametrize(("other", "words"), [
    (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), r"it has 2.bias, 2.weight too much"),
    (nn.Sequential(*network(), nn.Linear(2, 2)), r"it lacks 3.bias, 3.weight"),
    (network(5), r"0.weight is \[3, 4\] where the network has \[5, 4\]"),
])
def test_another_network_is_refused_and_left_as_it_was(tmp_path, other, words):
    checkpoint.save(tmp_path / "a.safetensors", network().state_dict(), CARD)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(ValueError, match=words):
        checkpoint.load_into(other, tmp_path / "a.safetensors")
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    model = network()
    model[2].bias.data[0] = float("nan")
    checkpoint.save(tmp_path / "a.safetensors", model.state_dict(), CARD)
    with pytest.raises(ValueError, match="not finite in 2.bias"):
        checkpoint.load_into(network(), tmp_path / "a.safetensors")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch, call):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, network().state_dict(), CARD)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, network(7).state_dict(), CARD)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.safetensors"]


def test_a_list_and_a_table_load_no_torch_and_are_made_from_headers(tmp_path):
    checkpoint.save(tmp_path / "b.safetensors", network().state_dict(), CARD | {"population": "one|two"})
    (tmp_path / "a.safetensors").write_bytes(b"junk")
    code = ("import sys; from lenslab import checkpoint; from lenslab.insight import table; "
            "print([card.get('task') for _, card in checkpoint.list_checkpoints(sys.argv[1])], "
            "'torch' in sys.modules, 'numpy' in sys.modules)")
    told = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parent.parent).stdout
    assert told.strip() == "[None, 'classify'] False False"
    table.write_table(tmp_path)
    rows = (tmp_path / "README.md").read_text().splitlines()
    weights = sum(tensor.numel() for tensor in network().state_dict().values())
    assert rows[-1] == ("| b | cnn | one/two |  |  | 0.9120 [0.9000, 0.9200] |  |  | "
                        f"{weights} |  | 67 min |  |  |  |  |  |  |  | yes |")
    assert rows[-2].startswith("| a | a.safetensors is no checkpoint of lenslab")
    assert len({row.count("|") for row in rows if row.startswith("|")}) == 1


def test_a_network_for_another_population_lends_what_fits(tmp_path):
    """By hand: a layer of the same shape is taken, one with a channel more keeps the shared ones, the rest is fresh."""
    def net(channels, classes):
        return torch.nn.ModuleDict(dict(first=torch.nn.Conv2d(channels, 4, 3), second=torch.nn.Conv2d(4, 4, 3),
                                        head=torch.nn.Linear(4, classes)))

    elder, young = net(2, 3), net(3, 5)
    usual = torch.nn.BatchNorm1d(4)      # what is usual there is not usual here: it is no weight of the network
    checkpoint.save(tmp_path / "elder.safetensors", checkpoint.tensors_of(elder, usual),
                    {"task": "classify", "population": "a"})
    head = young["head"].weight.clone()
    assert checkpoint.take_over(young, tmp_path / "elder.safetensors")["population"] == "a"
    assert torch.equal(young["second"].weight, elder["second"].weight)
    assert torch.equal(young["first"].weight[:, :2], elder["first"].weight)
    assert not any(name.startswith(checkpoint.NOVELTY) for name in checkpoint.weights(tmp_path / "elder.safetensors"))
    assert not young["first"].weight[:, 2].any() and torch.equal(young["head"].weight, head)
    with pytest.raises(ValueError, match="no weights in common"):
        checkpoint.take_over(torch.nn.Linear(7, 7), tmp_path / "elder.safetensors")


def test_a_file_fits_a_network_of_its_names_and_shapes_and_no_other(tmp_path):
    checkpoint.save(tmp_path / "a.safetensors", torch.nn.Linear(3, 2).state_dict(), {"task": "classify"})
    assert checkpoint.fits(torch.nn.Linear(3, 2), tmp_path / "a.safetensors")
    for other in (torch.nn.Linear(4, 2), torch.nn.Linear(3, 2, bias=False), torch.nn.BatchNorm1d(2)):
        assert not checkpoint.fits(other, tmp_path / "a.safetensors")
