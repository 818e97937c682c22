"""What can be trained. A task is a module with six names, and a row in the table below; the loop knows nothing more.

    Config                                 frozen dataclass, a lenslab.tasks.training.Training with fields of its own
    build(config) -> nn.Module             may carry `card`, a plain dict (class names, input constants) for checkpoints
    loss(model, *batch) -> Tensor          mean over the batch, a scalar
    batches(config, device, rank=0, world=1) -> draw; draw(step) -> tuple of tensors
                                           a pure function of (config.seed, step): rows rank::world of the joint batch
    evaluate(model, config, device, split="validation") -> dict
                                           plain numbers, among them "loss" (lower is better); more may be nested:
                                           "intervals" {name: [low, high]}, "confusion" [[...]], ...; split "test",
                                           which is asked for once, may also give "card": more for the checkpoint's card
    predict(model, ...)                    the task's own record, for pages
"""

from lenslab.tasks import classify, lens_parameters

TASKS = {"classify": classify, "lens_parameters": lens_parameters}
