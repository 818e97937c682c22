"""Images of lenses made by diffusion: what can be asked for, what is learnt, how images are drawn and judged."""

from lenslab.tasks.generate.judging import evaluate
from lenslab.tasks.generate.sampling import Samples, Way, predict
from lenslab.tasks.generate.task import Config, batches, build, loss

__all__ = ["Config", "Samples", "Way", "batches", "build", "evaluate", "loss", "predict"]
