"""The settings that every training has, and how words of a shell or a page become a task's Config."""

from contextlib import suppress
from dataclasses import Field, asdict, dataclass, fields

from lenslab.quantity import check, checked, choice, count, number

PRECISIONS = ("auto", "float32", "bfloat16")
OPTIMIZERS = ("adamw", "sgd")
WORDS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


@dataclass(frozen=True)
class Training:
    """Base of every task's Config: plain numbers, each declared once with its limits and a sentence."""

    steps: int = count(2000, 1, 10**8, "How many batches the network sees.", "Steps")
    minutes: float = number(0.0, 0.0, 1e6, "min", "CPU time of the training, without that of processes which simulate "
                            "beside it, after which it ends before its steps do; 0 is no end.", "Minutes")
    batch: int = count(64, 1, 65536, "Images in a batch, over all processes together.", "Batch")
    lr: float = number(1e-3, 0.0, 10.0, "", "Largest learning rate, reached after the warm-up.", "Learning rate",
                       open_low=True)
    seed: int = count(0, 0, 2**31 - 1, "Initial weights, data and dropout follow from it.", "Seed")
    warmup: int = count(100, 0, 10**6, "Steps over which the learning rate rises from zero.", "Warm-up")
    final_lr: float = number(0.01, 0.0, 1.0, "", "Learning rate at the end, as a share of the largest; between them "
                             "lies half a cosine.", "Final share")
    optimizer: str = choice("adamw", OPTIMIZERS, "AdamW adapts each weight's step; SGD has momentum 0.9.", "Optimizer")
    weight_decay: float = number(0.01, 0.0, 10.0, "", "Pull of the weights towards zero.", "Weight decay")
    clip: float = number(1.0, 0.0, 1e6, "", "Longest gradient that is followed as it is; 0 follows all.", "Clip")
    ema: float = number(0.999, 0.0, 0.999999, "", "Memory of the running mean of the weights, which is what is "
                        "validated and kept; 0 keeps the weights themselves.", "Mean of weights")
    precision: str = choice("auto", PRECISIONS, "Auto is bfloat16 where the device has it in hardware, else "
                            "float32.", "Precision")
    validate_every: int = count(200, 1, 10**7, "Steps between two looks at validation data.", "Validate every")
    patience: int = count(0, 0, 10**6, "Validations without a lower loss before training ends; 0 never ends early.",
                          "Patience")
    log_every: int = count(10, 1, 10**6, "Steps that one line of the curve averages.", "Log every")

    def __post_init__(self):
        check(self)


def configure(kind: type, settings: dict, stored: dict | None = None):
    """A Config of `kind` from settings (words or values), the rest from `stored` and then from the defaults.

    Raises ValueError for a name that it has not, and for a value that it refuses.
    """
    known = {item.name: item for item in fields(kind)}
    for name in settings:
        if name not in known:
            raise ValueError(f"There is no setting {str(name)[:40]!r}; choose from {', '.join(known)}.")
    return kind(**{**(stored or {}), **{name: of_word(kind.__name__, known[name], value)
                                        for name, value in settings.items()}})


def of_word(owner: str, item: Field, value):
    """The value of a field, from a word of the shell or from a value."""
    kind = item.metadata.get("kind", str)
    if isinstance(value, str) and kind is not str:
        with suppress(KeyError, ValueError):  # a word that is none is refused by the check below
            value = WORDS[value.strip().lower()] if kind is bool else kind(value)
    return checked(owner, item, value) if "kind" in item.metadata else value


def plain(config) -> dict:
    """A Config as JSON sees it."""
    return asdict(config)


__all__ = ["OPTIMIZERS", "PRECISIONS", "Training", "configure", "plain"]
