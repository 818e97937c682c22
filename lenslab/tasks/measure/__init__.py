"""What is the dark matter made of, in numbers? Quantities and priors, stored fits, the task, its judgement."""

from lenslab.tasks.measure.judge import evaluate
from lenslab.tasks.measure.task import Config, Estimate, batches, build, facts, loss, predict, searched

__all__ = ["Config", "Estimate", "batches", "build", "evaluate", "facts", "loss", "predict", "searched"]
