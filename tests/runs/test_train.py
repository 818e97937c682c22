"""The loop: what it learns, when it ends, when it saves, and what it begins from."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import lenslab.runs.train as loop
from lenslab.checkpoint import load, read_card
from lenslab.runs.folder import RunFolder, read_lines
from tests.runs import toy
from tests.runs.sittings import SHORT, After, curve, run, weights


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


def test_patience_ends_a_training_on_validation_data_and_test_data_is_seen_once(tmp_path, monkeypatch):
    seen, losses = [], iter([3.0, 2.0, 2.5, 2.0, 9.0])

    def evaluate(trained, config, split="validation"):
        seen.append(split)
        return {"loss": next(losses) if split == "validation" else 7.0}

    monkeypatch.setattr(toy, "evaluate", evaluate)
    result = run(tmp_path, replace(SHORT, steps=100, validate_every=2, patience=2))
    assert seen == ["validation"] * 4 + ["test"]  # 2.0 at step 4 is not undercut at 6 and 8
    assert result == {"status": "finished", "step": 8, "metrics": {"loss": 7.0}}
    assert read_card(tmp_path / "best.safetensors")["steps"] == 4
    assert read_card(tmp_path / "last.safetensors")["steps"] == 8
    assert run(tmp_path, replace(SHORT, steps=100, validate_every=2, patience=2))["step"] == 8 and len(seen) == 5


def test_minutes_of_the_processor_end_a_training_which_is_then_validated_and_finished(tmp_path, monkeypatch):
    """By a clock on which each look takes 3 s: the 20th step is the first behind a minute, a stop in between or not."""
    clock = iter(range(0, 10**6, 3))
    monkeypatch.setattr(loop, "process_time", lambda: next(clock))
    settings = replace(SHORT, steps=100, minutes=1, validate_every=50)
    assert run(tmp_path, settings, stopped=After(5))["status"] == "stopped"
    result = run(tmp_path, settings)
    assert result["status"] == "finished" and result["step"] == 20
    lines = read_lines(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines if "val_loss" in line] == [20]
    assert read_card(tmp_path / "best.safetensors")["complete"]


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


def test_a_second_checkpoint_lends_its_weights_in_place_of_the_first_ones(tmp_path):
    for name, seed in (("first", 0), ("second", 1)):
        run(tmp_path / name, replace(SHORT, seed=seed))
    first, second = (tmp_path / name / "best.safetensors" for name in ("first", "second"))
    run(tmp_path / "third", replace(SHORT, steps=1, lr=1e-12, ema=0), init=[first, second])
    found = weights(tmp_path / "third")
    assert all(np.allclose(found[name], value, atol=1e-6) for name, value in weights(tmp_path / "second",
                                                                                     "best.safetensors").items())
    assert read_card(tmp_path / "third" / "best.safetensors")["steps"] == read_card(first)["steps"] + 1


def test_init_continues_from_a_checkpoint_and_the_sums_go_on(tmp_path, monkeypatch):
    run(tmp_path / "first", replace(SHORT, pause=0.01))
    old = read_card(tmp_path / "first" / "best.safetensors")
    drawn, real = [], toy.draw
    monkeypatch.setattr(toy, "draw", lambda seed, size: (drawn.append(seed), real(seed, size))[1])
    second = replace(SHORT, steps=5, validate_every=5, lr=1e-9, ema=0)
    run(tmp_path / "second", second, init=[tmp_path / "first" / "best.safetensors"], stopped=After(2))
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


def test_a_training_in_bfloat16_keeps_float32_weights(tmp_path):
    run(tmp_path, replace(SHORT, precision="bfloat16"))
    tensors, card = load(tmp_path / "best.safetensors")
    assert card["precision"] == "bfloat16" and {tensor.dtype for tensor in tensors.values()} == {torch.float32}
