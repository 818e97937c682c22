"""Trainings of a few minutes for each task, as data: what a newcomer begins with, and how the form opens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """Settings that differ from a task's defaults, by what they are for; a population is a setting like the others."""

    title: str
    sentence: str
    settings: dict
    minutes: float        # about, on two cores of which one may be busy
    name: str = "first"   # of its run


# Short, so that the learning rate rises at once and the mean of weights forgets the first ones. That of classify took
# 74 s of processor time on an EPYC, simulation included (each image is shown eight times); lens_parameters 29 s.
PRESETS = {
    "classify": (Preset(
        "A first network",
        "It simulates lenses with no substructure, with clumps of cold dark matter and with the waves of axions (fuzzy "
        "dark matter), learns on the fly, and ends with a table of what it mixes up. Two minutes take it well beyond "
        "guessing; hours take it further.",
        dict(network="cnn", population="seed-64", steps=160, lr=0.002, warmup=20, ema=0.95, validate_every=20, reuse=8,
             validation=240, test=360), 2),),
    "lens_parameters": (Preset(
        "A first look at a lens",
        "It simulates smooth lenses of one kind and learns to read off them where the lens and its source are, and how "
        "the source is shaped. A fit of a lens can begin where it says.",
        dict(population="deeplense-2", steps=300, batch=32, lr=0.002, warmup=30, ema=0.95, validate_every=50, reuse=4,
             validation=240, test=360), 2, "first-look"),),
}


def presets_of(task: str) -> tuple[Preset, ...]:
    """Those of a task; a task without any begins with its defaults."""
    return PRESETS.get(task, ())
