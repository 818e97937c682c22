"""What can be trained. A task is a module with six names, and a row in the table below; the loop knows nothing more.

    Config                                 frozen dataclass, a lenslab.tasks.training.Training with fields of its own
    build(config, card=None) -> Trained    a network with fresh weights, and the card that its checkpoints carry: all
                                           that its answers depend on. With the card of a checkpoint, what that says
    loss(model, *batch) -> Tensor          mean over the batch, a scalar
    batches(config, device, rank=0, world=1) -> draw; draw(step) -> tuple of tensors
                                           a pure function of (config.seed, step): rows rank::world of the joint batch
    evaluate(trained, config, split="validation") -> dict
                                           plain numbers under the names of the row, among them "loss" (lower is
                                           better); more may be nested: "intervals" {name: [low, high]}, "confusion"
                                           [[...]], ...; split "test", which is asked for once, may also give "card":
                                           more for the checkpoint's card, and "novelty": a lenslab.insight.novelty
    predict(trained, ...)                  the task's own record, for pages

This module loads no torch: shell and pages list tasks and metrics without.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from lenslab.quantity import Metric


@dataclass(frozen=True)
class Task:
    """A row: what the task asks, where it stands, and every number that its `evaluate` returns, each declared once."""

    title: str
    path: str
    metrics: tuple[Metric, ...]

    @property
    def module(self) -> ModuleType:
        return import_module(self.path)


SHARE = (0.0, 1.0)
LOSS = Metric("loss", "Loss", "", "lower", "What training makes small, on images that it does not learn from.")
TASKS = {
    "classify": Task("Which dark matter does an image show?", "lenslab.tasks.classify", (
        LOSS,
        Metric("macro_auc", "Macro AUC", "", "higher", "Chance that an image of a class gets a higher probability of "
               "it than an image of another class; the mean over classes. 0.5 is guessing.", interval=True,
               limits=SHARE, guess=lambda n: 0.5),
        Metric("accuracy", "Accuracy", "", "higher", "Share of images whose likeliest class is the true one.",
               interval=True, limits=SHARE, guess=lambda n: 1 / n if n else None),
        Metric("ece", "Calibration error", "", "lower", "How far its probabilities are from how often it is right, on "
               "average; 0 is perfect.", interval=True),
        Metric("ece_raw", "Calibration error before the temperature", "", "", "The same of the bare network, which is "
               "never asked."),
        Metric("temperature", "Temperature", "", "", "What its logits are divided by, so that its probabilities are "
               "honest; above 1 it was too sure."),
        Metric("floor", "AUC of a fit alone", "", "", "Smooth lenses against the rest by how badly the best smooth "
               "lens fits: what no network may stay below."),
    )),
    "lens_parameters": Task("What are the numbers of the smooth lens?", "lenslab.tasks.lens_parameters", (
        LOSS,
        Metric("error", "Error", "population standard deviations", "lower", "Root mean square over all numbers of the "
               "lens; 1 is what the population's mean would give.",
               guess=lambda n: 1.0),
    )),
}
# What the loop tells of any training, beside the task's own: see lenslab.runs.train.
PACE = (
    Metric("lr", "Learning rate", "", "", "It rises over the warm-up and falls along half a cosine."),
    Metric("rate", "Images a second", "", "", "Learnt from, simulation included."),
    Metric("data_share", "Time spent on data", "", "", "Share of the time that it waits for images: near 0, simulation "
           "does not hold training back.", limits=SHARE),
    Metric("gradient", "Length of the gradient", "", "", "Before it is clipped."),
)


def metrics_of(task: object) -> tuple[Metric, ...]:
    """What a task is judged by; of a task that is not known here, as a card may name one, the loss alone."""
    return TASKS[task].metrics if isinstance(task, str) and task in TASKS else (LOSS,)


def verdicts_of(task: object) -> tuple[Metric, ...]:
    """Those by which its networks are compared, the loss aside, which networks of other settings do not share."""
    return tuple(metric for metric in metrics_of(task) if metric.better and metric is not LOSS)
