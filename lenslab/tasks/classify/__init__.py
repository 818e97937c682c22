"""Which dark matter does an image show? The task, the fits behind some of its networks, its answers, its judgement."""

from lenslab.tasks.classify.judge import evaluate
from lenslab.tasks.classify.task import Classification, Config, batches, build, facts, loss, predict

__all__ = ["Classification", "Config", "batches", "build", "evaluate", "facts", "loss", "predict"]
