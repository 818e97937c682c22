"""Images of jets made by diffusion: the second domain on the same core. Knows no lens, but for the frame of tasks."""

from lenslab.tasks.jets.judging import evaluate
from lenslab.tasks.jets.sampling import JetSamples, predict
from lenslab.tasks.jets.task import Config, batches, build, loss

__all__ = ["Config", "JetSamples", "batches", "build", "evaluate", "loss", "predict"]
