"""One loop that trains every task, and may be killed at any moment."""

import math
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from time import process_time
from types import ModuleType

import torch

import lenslab
from lenslab.checkpoint import FORMAT, fits, load_into, read_card, save, take_over, tensors_of
from lenslab.checkpoint import plain as plain_values
from lenslab.runs.folder import FULL, RunFolder, no_room
from lenslab.runs.learner import Learner, rate, resolve_precision, seed_step, used
from lenslab.runs.team import Team
from lenslab.tasks.trained import Trained
from lenslab.tasks.training import Training, plain

SETTLING = 10      # batches that give the mean of the weights its batch statistics: the first of the training
SAVE_EVERY = 30.0  # s between two saved states, by a clock that never jumps
LONGEST = 60.0     # s that a kill may cost; until then a large state is saved in a twentieth of the time


def train(task: ModuleType, config: Training, folder: RunFolder, *, device: str | torch.device | None = None,
          restart: bool = False, init: Sequence[str | os.PathLike] = (), stopped: Callable[[], bool] = lambda: False,
          report: Callable[[dict], None] = lambda line: None, save_every: float | None = None) -> dict:
    """Train, or go on with the training of a folder, to its end or until `stopped()`; returns {status, step, metrics}.

    The folder is open (`with RunFolder(path) as folder`). `report` gets every line of metrics.jsonl. `init` is a
    checkpoint to begin from: steps and duration sum up, and the stream of data goes on behind what it has seen. Any
    after the first lend their weights in its place: of the task lens_parameters, say, whose network begins a
    classifier's fits.
    Raises ValueError for what a user can mend, FloatingPointError when the loss is no number any more.
    """
    try:
        with Team(device) as team:
            if team.main:
                folder.say("running", task=task_name(task))
            sitting = Session(task, config, folder, team, restart, init)
            folder.begun = True
            result = sitting.run(stopped, report, SAVE_EVERY if save_every is None else save_every)
            if team.main:
                folder.say(result["status"])
            return result
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise ValueError(no_room(folder.path)) from None


class Session:
    """From a start or a resumption to the next stop: what is kept in the folder survives it, what is here does not."""

    def __init__(self, task, config: Training, folder: RunFolder, team: Team, restart: bool, init):
        if config.batch % team.world:
            raise ValueError(f"A batch of {config.batch} cannot be shared by {team.world} processes; "
                             f"take a multiple of {team.world}.")
        self.task, self.config, self.folder, self.team = task, config, folder, team
        torch.manual_seed(config.seed)
        built = task.build(config)
        self.facts = built.card
        self.learner = Learner(team.prepare(built.model), config)
        state = self.prepare(restart, init) if team.main else None
        team.barrier()  # the others read what the first has written
        self.origin = folder.config()["initialised_from"] or {}
        self.learner.restore(*(state or folder.load_state()))
        self.precision = resolve_precision(config.precision, team.device)
        self.metrics = {}

    def prepare(self, restart: bool, init) -> tuple[dict, dict]:
        """The folder as this training needs it: its config, the curve up to its state, and that state."""
        folder, learner = self.folder, self.learner
        if restart:
            folder.clear()
        here = folder.config()
        origin = here.get("initialised_from")
        if init and not (origin and origin["name"] == Path(init[0]).stem):
            card = read_card(init[0])
            origin = {"name": Path(init[0]).stem, "steps": card.get("steps", 0), "duration": card.get("duration", 0.0)}
        folder.begin(dict(task=task_name(self.task), config=plain(self.config), initialised_from=origin,
                          device=str(self.team.device), code=code_version()))
        state = folder.load_state()
        if state is None:
            if origin is not None:
                if not init:
                    raise ValueError(f"{folder.path} began from {origin['name']} and saved no state; name that "
                                     "checkpoint again with --init.")
                self.begin_from(*init)
                if learner.mean is not None:
                    learner.mean.load_state_dict(learner.model.state_dict())
            state = learner.state()
            folder.save_state(*state)
        folder.keep_lines(state[1]["step"])
        folder.log(f"{'going on' if state[1]['step'] else 'beginning'} at step {state[1]['step']} of "
                   f"{self.config.steps} on {self.team.device}, {self.team.world} process(es), {code_version()}")
        return state

    def begin_from(self, first, *others) -> None:
        """Take the weights of a checkpoint, and in their place those that others have; what is held stays as it is."""
        model, elder, network = self.learner.model, read_card(first), getattr(self.config, "network", "")
        other = elder.get("population") not in (None, self.facts.get("population"))
        older = network and elder.get("network") == network and not fits(model, first)
        part = elder.get("task") not in (None, task_name(self.task))
        held = [(child, deepcopy(child.state_dict())) for child in model.children() if is_held(child)]
        (take_over if other or older or part else load_into)(model, first)
        for path in others:
            take_over(model, path)
        for child, tensors in held:
            child.load_state_dict(tensors)

    def run(self, stopped, report, save_every: float) -> dict:
        config, learner, team = self.config, self.learner, self.team
        count = learner.count
        offset = int(self.origin.get("steps", 0))
        draw = self.task.batches(config, team.device, rank=team.rank, world=team.world)
        self.settling = [draw(offset + step) for step in range(SETTLING)] if learner.norms else []
        learner.model.train()
        saved = mark = time.monotonic()
        worked = process_time()
        waited, busy, since, stop = 0.0, 1e-9, count["step"], False
        while count["step"] < config.steps and not count["ended"] and not stop:
            step = count["step"]
            seed_step(config.seed, offset + step, team.rank)
            began = time.monotonic()
            batch = draw(offset + step)  # a pure function of (seed, step): a resumed run sees the same data
            synchronise(team.device)
            waited += time.monotonic() - began
            with torch.autocast(team.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16):
                value = self.task.loss(learner.model, *batch)
            loss, stop, cpu = team.mean(value.item(), float(stopped()), count["cpu"] + process_time() - worked)
            count["cpu"], worked = cpu, process_time()
            if not math.isfinite(loss):
                raise FloatingPointError(f"Loss became {loss} at step {step + 1}; try lr below {config.lr:g}.")
            length = learner.follow(value, team.average)
            busy += time.monotonic() - began
            count["sum"] += loss
            count["summed"] += 1
            count["ended"] = used(config, cpu) >= 1
            validates = count["ended"] or count["step"] % config.validate_every == 0 or count["step"] == config.steps
            if validates or count["step"] % config.log_every == 0:
                line = dict(step=count["step"], loss=count["sum"] / count["summed"], lr=rate(config, step, cpu),
                            gradient=length, rate=(count["step"] - since) * config.batch / busy,
                            data_share=waited / busy, seconds=count["seconds"] + time.monotonic() - mark,
                            done=max(count["step"] / config.steps, min(1.0, used(config, cpu))))
                waited, busy, since = 0.0, 1e-9, count["step"]
                count["sum"], count["summed"] = 0.0, 0
                if validates:
                    line |= self.validate()
                if team.main:
                    self.folder.line(line)
                    report(line)
            count["seconds"] += time.monotonic() - mark
            mark = time.monotonic()
            if team.main and (mark - saved >= save_every or stop or count["ended"]):
                self.folder.save_state(*learner.state())
                saved = time.monotonic()
                save_every = save_every and max(save_every, min(20 * (saved - mark), LONGEST - (saved - mark)))
        return self.close()

    def validate(self) -> dict:
        """Judge the network on validation data, keep it if it is the best, and say whether patience has run out."""
        count, config, team = self.learner.count, self.config, self.team
        line = {}
        if team.main:
            self.learner.settle(self.task.loss, self.settling)
            self.metrics = plain_values(self.evaluate("validation"))
            line = {f"val_{name}": value for name, value in numbers(self.metrics).items()}
            loss = self.metrics["loss"]
            if loss is not None and (count["best"] is None or loss < count["best"]):
                count["best"], count["stale"] = loss, 0
                self.keep("best")
            else:
                count["stale"] += 1
            patient = not config.patience or count["stale"] < config.patience
            count["ended"] |= not patient
            self.keep("last")
            self.folder.log(f"step {count['step']}: {words(line)}"
                            + ("" if patient else f"; no better for {count['stale']} validations: ended"))
        count["ended"] = team.mean(float(count["ended"]))[0] > 0
        return line

    def evaluate(self, split: str) -> dict:
        model = self.learner.judged
        training = model.training
        model.eval()
        with torch.no_grad():
            metrics = self.task.evaluate(Trained(model, self.facts), self.config, split=split)
        model.train(training)
        assert "loss" in metrics, f"{task_name(self.task)}.evaluate gives no loss"
        return metrics

    def keep(self, name: str, **more) -> None:
        """Write a checkpoint of the network as it is judged."""
        save(self.folder.path / f"{name}.safetensors", self.learner.judged.state_dict(), self.card() | more)

    def card(self) -> dict:
        config, count = self.config, self.learner.count
        return self.facts | dict(
            format=FORMAT, task=task_name(self.task), network=getattr(config, "network", ""),
            population=getattr(config, "population", self.facts.get("population", "")), config=plain(config),
            metrics=self.metrics, split="validation", seed=config.seed,
            steps=int(self.origin.get("steps", 0)) + count["step"],
            duration=round(self.origin.get("duration", 0.0) + count["seconds"], 1), device=str(self.team.device),
            precision=str(self.precision).removeprefix("torch."), code=code_version(),
            initialised_from=self.origin.get("name"), complete=False)

    def close(self) -> dict:
        """The end of a sitting: a stopped one leaves a checkpoint; a finished one is judged on test data, once."""
        count, folder = self.learner.count, self.folder
        finished = count["ended"] or count["step"] >= self.config.steps
        result = dict(status="finished" if finished else "stopped", step=count["step"], metrics=self.metrics)
        if self.team.main:
            if finished:
                folder.save_state(*self.learner.state())
                result["metrics"] = self.finish()
            else:
                self.learner.settle(self.task.loss, self.settling)
                self.keep("last")
            folder.log(f"{result['status']} at step {count['step']}")
        return result

    def finish(self) -> dict:
        """Mark both checkpoints complete; the best one gets its metrics on test data, which steered nothing."""
        last, best = (self.folder.path / f"{name}.safetensors" for name in ("last", "best"))
        with suppress(ValueError):
            if read_card(best)["complete"]:
                return read_card(best)["metrics"]
        self.metrics = self.metrics or plain_values(self.evaluate("validation"))
        self.keep(last.stem, complete=True)
        try:
            card = load_into(self.learner.judged, best)
        except ValueError as error:
            self.folder.log(f"{error} The last network is judged instead.")
            card = self.card()
        metrics = self.evaluate("test")
        more, novelty = metrics.pop("card", {}), metrics.pop("novelty", None)   # for the pages, beside its metrics
        metrics = plain_values(metrics)
        save(best, tensors_of(self.learner.judged, novelty),
             card | more | dict(metrics=metrics, split="test", complete=True, duration=self.card()["duration"]))
        self.folder.log("on test data: " + words(metrics))
        return metrics


def is_held(module: torch.nn.Module) -> bool:
    """Whether a training leaves all of its weights as they are."""
    return not any(tensor.requires_grad for tensor in module.parameters()) and any(True for _ in module.parameters())


def numbers(metrics: dict) -> dict:
    """The plain numbers among metrics."""
    return {name: value for name, value in metrics.items()
            if isinstance(value, int | float) and not isinstance(value, bool)}


def words(metrics: dict) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers(metrics).items())


def synchronise(device: torch.device) -> None:
    """Wait for the device, so that a clock sees what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def task_name(task) -> str:
    return task.__name__.rpartition(".")[2]


@cache
def code_version() -> str:
    """`0.1.0+1b11183`, with `-changed` where the code is not as committed; the version alone outside a repository."""
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty=-changed", "--abbrev=10", "--exclude=*"],
                               cwd=Path(lenslab.__file__).parent, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return lenslab.__version__
    return f"{lenslab.__version__}+{found.stdout.strip()}" if found.returncode == 0 else lenslab.__version__
