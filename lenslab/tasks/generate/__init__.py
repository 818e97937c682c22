"""Images of lenses made by diffusion: what can be asked for, what is learnt, how images are drawn and judged."""

from lenslab.tasks.generate.task import Config, batches, build, evaluate, loss

__all__ = ["Config", "batches", "build", "evaluate", "loss"]
