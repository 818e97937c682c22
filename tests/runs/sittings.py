"""Sittings of the toy: what its tests share. A sitting lasts from a start or a resumption to the next stop."""

from lenslab.checkpoint import load
from lenslab.runs.folder import RunFolder, read_lines
from lenslab.runs.train import train
from tests.runs import toy

SHORT = toy.Config(steps=12, batch=16, lr=0.05, warmup=3, validate_every=4, log_every=3, dropout=True, ema=0.9)


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
