"""Is anything odd about a lens? Networks that have seen smooth lenses alone, and their judgement."""

from lenslab.tasks.anomaly.judge import evaluate
from lenslab.tasks.anomaly.task import Config, Oddness, batches, build, loss, predict

__all__ = ["Config", "Oddness", "batches", "build", "evaluate", "loss", "predict"]
