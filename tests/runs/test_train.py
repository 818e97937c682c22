"""A training is its folder: killed, cut off or refused anything, it goes on as if nothing had been."""

import errno
import json
import math
import os
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import lenslab.runs.train as loop
from lenslab.checkpoint import load, read_card
from lenslab.runs.folder import RunFolder, read_lines
from lenslab.runs.learner import Learner, rate, resolve_precision
from lenslab.runs.train import train
from tests.runs import toy

SHORT = toy.Config(steps=12, batch=16, lr=0.05, warmup=3, validate_every=4, log_every=3, dropout=True, ema=0.9)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(path, config=SHORT, **settings):
    with RunFolder(path) as folder:
        return train(toy, config, folder, device="cpu", **settings)


def curve(path):
    """What of metrics.jsonl does not tell the time."""
    return [{name: value for name, value in line.items() if name not in ("rate", "data_share", "seconds")}
            for line in read_lines(path / "metrics.jsonl")]


def weights(path, name="last.safetensors"):
    return {key: value.tolist() for key, value in load(path / name)[0].items()}


class After:
    """Stop after so many looks, which is so many steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left <= 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The same training without any interruption."""
    path = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    run(path)
    return path


def test_the_loop_finds_the_best_separation_of_two_gaussians(tmp_path):
    """Clouds at -mu and +mu with unit spread: no classifier has accuracy above Phi(|mu|)."""
    config = toy.Config(steps=200, batch=256, lr=0.1, warmup=10, validate_every=50, ema=0.98, weight_decay=0)
    result = run(tmp_path, config)
    bayes = 0.5 * (1 + math.erf(np.linalg.norm(toy.MEAN) / math.sqrt(2)))
    # 2000 test items: a standard error of 0.0074, three of them on either side
    assert result["status"] == "finished" and abs(result["metrics"]["accuracy"] - bayes) < 0.022
    weight = load(tmp_path / "best.safetensors")[0]["1.weight"][0].numpy()
    assert np.allclose(weight, 2 * toy.MEAN, atol=0.2)  # the exact log odds are 2 mu x
    lines = read_lines(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines] == list(range(10, 201, 10))
    assert lines[0].keys() >= {"step", "loss", "lr", "gradient", "rate", "data_share", "seconds"}
    assert [line["step"] for line in lines if "val_accuracy" in line] == [50, 100, 150, 200]


@pytest.mark.parametrize("steps", [1, 4, 5, 11])
def test_a_stopped_training_goes_on_with_the_same_bits(tmp_path, whole, steps):
    assert run(tmp_path, stopped=After(steps)) | {"metrics": 0} == {"status": "stopped", "step": steps, "metrics": 0}
    assert read_card(tmp_path / "last.safetensors")["complete"] is False
    assert run(tmp_path)["status"] == "finished"
    assert curve(tmp_path) == curve(whole)
    assert weights(tmp_path) == weights(whole) and weights(tmp_path, "best.safetensors") == weights(
        whole, "best.safetensors")


class Cut(BaseException):
    """The power goes."""


def test_a_cut_at_any_moment_of_writing_costs_steps_and_never_the_run(tmp_path, whole, monkeypatch):
    """Cut before one rename or sync after another, with a state saved after every step."""
    calls, limit = 0, math.inf

    def counted(real):
        def call(*arguments):
            nonlocal calls
            calls += 1
            if calls > limit:
                raise Cut
            return real(*arguments)

        return call

    monkeypatch.setattr(os, "replace", counted(os.replace))
    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    config, first = replace(SHORT, steps=5, validate_every=2, log_every=1), tmp_path / "first"
    run(first, config, save_every=0)
    total = calls
    assert total > 80
    for cut in range(0, total, 4):
        path = tmp_path / str(cut)
        calls, limit = 0, cut
        with pytest.raises(Cut):
            run(path, config, save_every=0)
        calls, limit = 0, math.inf
        run(path, config, save_every=0)
        assert curve(path) == curve(first), cut
        assert weights(path) == weights(first), cut


def test_the_curve_is_cut_back_to_the_state_and_half_a_line_dropped(tmp_path, whole):
    run(tmp_path, stopped=After(7))
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 9, "loss": 123.0}\n{"step": 12, "lo')
    (tmp_path / ".state.safetensors.123.tmp").write_bytes(b"litter of a kill")
    run(tmp_path)
    assert curve(tmp_path) == curve(whole)
    assert not list(tmp_path.glob("*.tmp")) and not list(tmp_path.glob(".*.tmp"))


def damage(path, how):
    data = path.read_bytes()
    if how == "flipped":
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    else:
        path.write_bytes(data[:-9])


@pytest.mark.parametrize("how", ["truncated", "flipped"])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path, whole, how):
    run(tmp_path, stopped=After(7), save_every=0)
    damage(tmp_path / "state.safetensors", how)
    run(tmp_path)
    log = (tmp_path / "log.txt").read_text()
    assert log.count("going on from state.previous.safetensors, step 6") == 1
    assert ("not whole" if how == "truncated" else "its checksum differs") in log
    assert curve(tmp_path) == curve(whole)


def test_two_damaged_states_are_told_in_words(tmp_path):
    run(tmp_path, stopped=After(7), save_every=0)
    for name in ("state.safetensors", "state.previous.safetensors"):
        damage(tmp_path / name, "truncated")
    with pytest.raises(ValueError, match="cannot be read.*--restart"):
        run(tmp_path)


def test_a_damaged_best_checkpoint_does_not_cost_the_end(tmp_path):
    run(tmp_path, stopped=After(7))
    damage(tmp_path / "best.safetensors", "truncated")
    run(tmp_path)
    assert read_card(tmp_path / "best.safetensors")["complete"] is True


def test_a_finished_run_stays_as_it_is(tmp_path, whole):
    before = curve(whole), weights(whole)
    assert run(whole)["status"] == "finished"
    assert (curve(whole), weights(whole)) == before


def test_other_settings_are_refused_and_restart_begins_anew(tmp_path):
    run(tmp_path)
    with pytest.raises(ValueError, match=r"config.lr is 0.05 here and 0.1 is asked for.*--restart"):
        run(tmp_path, replace(SHORT, lr=0.1))
    assert json.loads((tmp_path / "status.json").read_text())["phase"] == "finished"  # refused, not spoilt
    run(tmp_path, replace(SHORT, lr=0.1, steps=6), restart=True)
    assert [line["step"] for line in curve(tmp_path)] == [3, 4, 6]
    assert read_card(tmp_path / "best.safetensors")["config"]["lr"] == 0.1


def test_a_loss_that_is_no_number_ends_in_a_sentence_and_spoils_nothing(tmp_path):
    with pytest.raises(FloatingPointError, match=r"Loss became nan at step 7; try lr below 0.05\."):
        run(tmp_path, replace(SHORT, spoiled=7), save_every=0)
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["phase"] == "failed" and "step 7" in status["message"]
    tensors, card = load(tmp_path / "state.safetensors")
    assert card["step"] == 6 and all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_gradient_that_is_no_number_touches_no_weight():
    model = nn.Linear(1, 1, bias=False)
    learner, before = Learner(model, SHORT), model.weight.item()
    with pytest.raises(FloatingPointError, match="gradient became nan at step 1"):
        learner.follow((model.weight - model.weight.detach()).sqrt().sum() * 0)
    assert model.weight.item() == before


def test_patience_ends_a_training_on_validation_data_and_test_data_is_seen_once(tmp_path, monkeypatch):
    seen, losses = [], iter([3.0, 2.0, 2.5, 2.0, 9.0])

    def evaluate(model, config, device, split="validation"):
        seen.append(split)
        return {"loss": next(losses) if split == "validation" else 7.0}

    monkeypatch.setattr(toy, "evaluate", evaluate)
    result = run(tmp_path, replace(SHORT, steps=100, validate_every=2, patience=2))
    assert seen == ["validation"] * 4 + ["test"]  # 2.0 at step 4 is not undercut at 6 and 8
    assert result == {"status": "finished", "step": 8, "metrics": {"loss": 7.0}}
    assert read_card(tmp_path / "best.safetensors")["steps"] == 4
    assert read_card(tmp_path / "last.safetensors")["steps"] == 8
    assert run(tmp_path, replace(SHORT, steps=100, validate_every=2, patience=2))["step"] == 8 and len(seen) == 5


def test_a_full_disk_is_told_and_room_made_the_training_goes_on(tmp_path, whole, monkeypatch):
    real, saves = os.fsync, 0

    def full(handle):
        nonlocal saves
        saves += 1
        if saves > 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match="disk of .* is full. Free some space and give the same command again"):
        run(tmp_path, save_every=0)
    monkeypatch.undo()
    run(tmp_path)
    assert curve(tmp_path) == curve(whole)


def test_a_folder_that_may_not_be_written_is_told(tmp_path):
    path = tmp_path / "locked"
    path.mkdir()
    path.chmod(0o555)
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # the administrator may write everywhere
        with pytest.raises(ValueError, match="cannot hold a run .*; take a folder that you may write to"):
            run(path)
    finally:
        os.seteuid(user)


def test_a_second_trainer_is_refused_by_the_lock(tmp_path):
    with RunFolder(tmp_path) as first:
        first.say("running")
        with pytest.raises(ValueError, match=f"in the hands of another process \\({os.getpid()} on"):
            run(tmp_path)
        assert json.loads((tmp_path / "status.json").read_text())["phase"] == "running"


def test_a_clock_that_jumps_changes_nothing(tmp_path, whole, monkeypatch):
    jumps = iter(np.random.default_rng(0).uniform(-1e9, 4e9, 10000))
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    run(tmp_path, stopped=After(5))
    run(tmp_path)
    assert curve(tmp_path) == curve(whole)
    seconds = [line["seconds"] for line in read_lines(tmp_path / "metrics.jsonl")]
    assert seconds == sorted(seconds) and seconds[-1] < 60
    assert 0 <= read_card(tmp_path / "best.safetensors")["duration"] < 60


def test_a_state_is_saved_every_thirty_seconds(tmp_path, monkeypatch):
    """With a clock of its own, on which every batch takes ten seconds."""
    saved, clock = [], SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    keep, draw = RunFolder.save_state, toy.draw

    def slow(seed, size):
        clock.now += 10 if size == SHORT.batch else 0
        return draw(seed, size)

    monkeypatch.setattr(toy, "draw", slow)
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(RunFolder, "save_state",
                        lambda self, tensors, card: (saved.append(card["step"]), keep(self, tensors, card)))
    run(tmp_path)
    assert saved == [0, 3, 6, 9, 12, 12] and loop.SAVE_EVERY == 30
    assert read_lines(tmp_path / "metrics.jsonl")[-1]["seconds"] == 120
    assert read_lines(tmp_path / "metrics.jsonl")[-1]["data_share"] == pytest.approx(1)


def test_a_state_that_is_slow_to_save_is_saved_less_often_but_every_minute(tmp_path, monkeypatch):
    saved, clock = [], SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    keep, draw = RunFolder.save_state, toy.draw

    def slow(self, tensors, card):
        saved.append(clock.now)
        clock.now += 8
        keep(self, tensors, card)

    monkeypatch.setattr(toy, "draw", lambda seed, size: (setattr(clock, "now", clock.now + 1), draw(seed, size))[1])
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(RunFolder, "save_state", slow)
    run(tmp_path, replace(SHORT, steps=200, validate_every=1000))
    # from the beginning of one to the end of the next, which is what a kill can cost: 52 s of steps and 8 of saving
    assert np.diff(saved[1:-1]).tolist() == [60.0] * 3


def test_init_continues_from_a_checkpoint_and_the_sums_go_on(tmp_path, monkeypatch):
    run(tmp_path / "first", replace(SHORT, pause=0.01))
    old = read_card(tmp_path / "first" / "best.safetensors")
    drawn, real = [], toy.draw
    monkeypatch.setattr(toy, "draw", lambda seed, size: (drawn.append(seed), real(seed, size))[1])
    second = replace(SHORT, steps=5, validate_every=5, lr=1e-9, ema=0)
    run(tmp_path / "second", second, init=tmp_path / "first" / "best.safetensors", stopped=After(2))
    assert drawn[:2] == [(0, old["steps"]), (0, old["steps"] + 1)]  # data that the first has not seen
    run(tmp_path / "second", second)
    new = read_card(tmp_path / "second" / "best.safetensors")
    assert new["initialised_from"] == "best" and new["steps"] == old["steps"] + 5
    assert new["duration"] >= old["duration"] and new["complete"]
    assert np.allclose(weights(tmp_path / "second")["1.weight"],
                       weights(tmp_path / "first", "best.safetensors")["1.weight"], atol=1e-7)


def test_waiting_for_data_is_told_as_its_share(tmp_path):
    run(tmp_path, replace(SHORT, pause=0.05))
    shares = [line["data_share"] for line in read_lines(tmp_path / "metrics.jsonl")]
    assert all(0.5 < share <= 1 for share in shares)  # a toy step takes some milliseconds


def test_the_learning_rate_rises_straight_and_falls_as_half_a_cosine():
    config = toy.Config(steps=110, warmup=10, lr=0.2, final_lr=0.1)
    assert [rate(config, step) for step in (0, 4, 9)] == pytest.approx([0.02, 0.1, 0.2])
    assert rate(config, 10) == pytest.approx(0.2)
    assert rate(config, 60) == pytest.approx(0.2 * (0.1 + 0.9 / 2))  # half way down
    assert rate(config, 110) == pytest.approx(0.02)
    assert sum(rate(config, step) for step in range(10, 111)) / 101 == pytest.approx(0.2 * 0.55, rel=1e-12)


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


def test_bfloat16_is_taken_where_the_hardware_has_it(monkeypatch):
    cpu = torch.device("cpu")
    assert resolve_precision("float32", cpu) == torch.float32
    assert resolve_precision("bfloat16", cpu) == torch.bfloat16
    for able in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: {"avx512_bf16": able, "amx_bf16": False})
        assert resolve_precision("auto", cpu) == (torch.bfloat16 if able else torch.float32)


def test_a_training_in_bfloat16_keeps_float32_weights(tmp_path):
    run(tmp_path, replace(SHORT, precision="bfloat16"))
    tensors, card = load(tmp_path / "best.safetensors")
    assert card["precision"] == "bfloat16" and {tensor.dtype for tensor in tensors.values()} == {torch.float32}
