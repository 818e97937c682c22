"""Two processes that share a batch follow the gradient of the whole batch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenslab.checkpoint import load
from lenslab.runs.folder import RunFolder, read_lines
from lenslab.runs.team import Team
from lenslab.runs.train import train
from tests.runs import toy

ROOT = Path(__file__).parent.parent.parent
PROGRAM = Path(__file__).parent / "lenslab_with_toy.py"
SETTINGS = dict(steps=12, batch=32, optimizer="sgd", lr=0.1, warmup=0, weight_decay=0, clip=0.01, ema=0, log_every=1,
                validate_every=6, precision="float32")


def test_two_processes_have_the_gradient_of_the_joint_batch(tmp_path, monkeypatch):
    """SGD clipped to a length of 0.01: every step goes along the gradient, whose length the curve tells."""
    words = [f"{name}={value}" for name, value in SETTINGS.items()]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--",
                           PROGRAM, "train", "toy", "--run", tmp_path / "two", "--device", "cpu", *words],
                          cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with RunFolder(tmp_path / "one") as folder:
        train(toy, toy.Config(**SETTINGS), folder, device="cpu")
    one, two = (read_lines(tmp_path / name / "metrics.jsonl") for name in ("one", "two"))
    assert [line["step"] for line in two] == list(range(1, 13))  # one process alone has written
    for name in ("loss", "gradient"):
        # float32 sums of 32 rows in another order: some 1e-7, twelve steps of it
        assert np.allclose([line[name] for line in one], [line[name] for line in two], rtol=3e-6)
    assert [line["val_loss"] for line in one[5::6]] == pytest.approx([line["val_loss"] for line in two[5::6]], rel=1e-5)
    for name, tensor in load(tmp_path / "one" / "last.safetensors")[0].items():
        assert np.allclose(tensor, load(tmp_path / "two" / "last.safetensors")[0][name], rtol=0, atol=1e-6)
    assert "2 process(es)" in (tmp_path / "two" / "log.txt").read_text()
    assert json.loads((tmp_path / "two" / "status.json").read_text())["phase"] == "finished"


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Team, "__enter__", lambda self: self)
    monkeypatch.setattr(Team, "__exit__", lambda self, *_: None)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with RunFolder(tmp_path) as folder, pytest.raises(ValueError, match="32 cannot be shared by 3 processes"):
        train(toy, toy.Config(**SETTINGS), folder, device="cpu")
