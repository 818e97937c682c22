"""`python -m lenslab tune`: words in, a study out. Loads torch and optuna when their turn has come."""

import argparse
import sys
from pathlib import Path

from lenslab.runs.shell import Flag, take_settings


def add_tune(commands) -> None:
    one = commands.add_parser("tune", help="find the best settings of a task", description="Try settings of a task, "
                              "prune what goes badly, and say which is best. The same command goes on with a study; "
                              "several may run beside each other.",
                              epilog="key=value holds a setting for all trials, as in minutes=5 or fits=FOLDER.")
    one.add_argument("task", help="measure")
    one.add_argument("--population", required=True, help="population=NAME")
    one.add_argument("--trials", type=positive, required=True, metavar="N", help="of the whole study")
    one.add_argument("--run", type=Path, required=True, help="folder of the study")
    one.add_argument("--seed", type=int, default=0, help="of the search (default 0)")
    take_settings(one)


def positive(word: str) -> int:
    if not (word.isdecimal() and 0 < int(word) <= 10**5):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number between 1 and 100000")
    return int(word)


def tune(task: str, population: str, trials: int, run: Path, seed: int, settings: list[str]) -> None:
    from lenslab import tasks
    from lenslab.runs.search import search

    if task not in tasks.TASKS:
        raise ValueError(f"There is no task {task[:40]!r}; choose from {', '.join(tasks.TASKS)}.")
    words = dict(word.split("=", 1) for word in settings) | {"population": population}

    def say(trial) -> None:
        told = f"{trial.value:.4f}" if trial.state.name == "COMPLETE" else "pruned"
        own = " ".join(f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
                       for name, value in trial.params.items())
        print(f"lenslab: trial {trial.number}: {told}  {own}", file=sys.stderr, flush=True)

    best = search(task, run, trials, words, seed=seed, report=say, stopped=Flag(run / "stop"))
    if best is None:
        raise ValueError("No trial has ended; look into the log.txt of each in the study's folder.")
    own = " ".join(f"{name}={value}" for name, value in best.params.items())
    print(f"best loss {best.value:.4f}: python -m lenslab train {task} --population {population} --run RUN {own}")
