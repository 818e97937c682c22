"""A training is its folder: stopped, cut off, damaged or refused anything, it goes on as if nothing had been."""

import errno
import json
import math
import os
import time
from dataclasses import replace

import numpy as np
import pytest

from lenslab.checkpoint import load, read_card
from lenslab.runs import jobs
from lenslab.runs.folder import RunFolder, read_lines
from tests.runs.sittings import SHORT, After, curve, run, weights


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


def test_a_loss_that_is_no_number_ends_in_a_sentence_and_spoils_nothing(tmp_path):
    with pytest.raises(FloatingPointError, match=r"Loss became nan at step 7; try lr below 0.05\."):
        run(tmp_path, replace(SHORT, spoiled=7), save_every=0)
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["phase"] == "failed" and "step 7" in status["message"]
    tensors, card = load(tmp_path / "state.safetensors")
    assert card["step"] == 6 and all(tensor.isfinite().all() for tensor in tensors.values())


@pytest.fixture
def filling(monkeypatch):
    """A disk on which forty more files find room."""
    real, saves = os.fsync, 0

    def full(handle):
        nonlocal saves
        saves += 1
        if saves > 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    return monkeypatch


def test_a_full_disk_is_told_and_room_made_the_training_goes_on(tmp_path, whole, filling):
    filling.setenv("LENSLAB_RUNS", str(tmp_path))
    path = tmp_path / "run"
    with pytest.raises(ValueError, match="disk of .* is full. Free some space, then resume the run"):
        run(path, save_every=0)
    job = jobs.find("run")  # status.json could not be replaced, and tells it all the same
    assert job.status == "failed" and job.task == "toy" and f"The disk of {path} is full. Free some" in job.message
    with pytest.raises(OSError, match="No space left"), RunFolder(path) as folder:
        folder.say("waiting")  # as the shell does before its turn
    assert jobs.find("run").message.startswith("The disk is full. Free some space")
    filling.undo()
    run(path)
    assert curve(path) == curve(whole)


def test_last_words_on_the_log_are_told_where_no_status_could_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("LENSLAB_RUNS", str(tmp_path))
    with RunFolder(tmp_path / "run") as folder:
        folder.say("running")
    log = tmp_path / "run" / "log.txt"
    log.write_text("2026-01-01 10:00:00 beginning\nlenslab: The disk is full. Free some space.\n")
    job = jobs.find("run")
    assert (job.status, job.message) == ("failed", "The disk is full. Free some space.")
    log.write_text(log.read_text() + "2026-01-01 11:00:00 going on at step 7\n")  # and then it was killed
    assert (jobs.find("run").status, jobs.find("run").message) == ("interrupted", "")


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
