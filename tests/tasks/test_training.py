"""A classifier in the loop: stopped and resumed it is the same training, and it learns what can be learnt."""

import numpy as np
import torch

from lenslab.checkpoint import read_card
from lenslab.feed import stream
from lenslab.feed.examples import Examples
from lenslab.runs.folder import RunFolder, read_lines
from lenslab.runs.train import train
from lenslab.tasks import classify
from lenslab.tasks.classify import judge, task


def run(path, config, stop_after=None):
    seen = []

    def stopped():
        seen.append(None)
        return stop_after is not None and len(seen) >= stop_after

    with RunFolder(path) as folder:
        train(classify, config, folder, device="cpu", stopped=stopped)
    return [line["loss"] for line in read_lines(path / "metrics.jsonl")]


def test_a_stream_that_was_stopped_goes_on_with_the_same_losses(tmp_path):
    """Dropout, turns, order and simulated images all follow from (seed, step)."""
    config = classify.Config(network="physics_cnn", population="deeplense-2", width=4, steps=8, batch=50, log_every=1,
                             validate_every=8, validation=30, test=30, workers=0, reuse=2, precision="float32")
    whole = run(tmp_path / "whole", config)
    assert len(run(tmp_path / "parts", config, stop_after=3)) == 3
    assert run(tmp_path / "parts", config) == whole and len(whole) == 8
    card = read_card(tmp_path / "parts" / "best.safetensors")
    assert card["complete"] and card["split"] == "test" and card["classes"] == ["no_sub", "cdm", "axion"]
    assert set(card["metrics"]["intervals"]) >= {"macro_auc", "accuracy", "ece"} and card["metrics"]["temperature"] > 0


def test_a_network_learns_what_is_in_the_images(tmp_path, monkeypatch):
    """Rings of three radii in noise: their classes are plain to the eye, and after 60 steps to the network."""
    def rings(view, size, *_):
        rng = np.random.default_rng([view.seed, len(view.split)])
        labels = np.arange(size) % 3
        axis = np.arange(32) - 15.5
        r = np.hypot(axis[:, None], axis)
        images = 20 * np.exp(-0.5 * ((r - 5 - 3 * labels[:, None, None]) / 1.5) ** 2) + rng.normal(size=(size, 32, 32))
        return Examples(torch.from_numpy(images[:, None]).float(), labels)

    for place in (task, judge, stream):
        monkeypatch.setattr(place, "simulated", rings)
    stream.held_out.cache_clear()
    config = classify.Config(width=4, images=90, steps=60, batch=30, warmup=5, lr=3e-3, ema=0.9, validate_every=30,
                             validation=90, test=300, precision="float32")
    run(tmp_path / "run", config)
    stream.held_out.cache_clear()
    metrics = read_card(tmp_path / "run" / "best.safetensors")["metrics"]
    assert metrics["accuracy"] > 0.98 and metrics["macro_auc"] > 0.999 and metrics["n"] == 300
