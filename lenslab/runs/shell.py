"""`python -m lenslab train` and `python -m lenslab jobs`: words in, a run out. Loads torch when its turn has come."""

import os
import re
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from lenslab.runs import jobs as background
from lenslab.runs.folder import RunFolder, sentence
from lenslab.runs.turns import Turn, queue_of

WITH_VALUE = ("--run", "--network", "--population", "--data", "--steps", "--seed", "--device", "--init")
LOOK_EVERY = 0.25  # s between two looks for the flag that stops a run


def add_train(commands) -> None:
    one = commands.add_parser("train", help="train a network", description="Train a network in a folder. The same "
                              "command on the folder of a stopped or killed run goes on with it.",
                              epilog="Every setting of the task may be given as key=value, as in lr=0.0003. "
                              "On several GPUs: torchrun --standalone --nproc-per-node 4 -m -- lenslab train ... "
                              "(the -- keeps torchrun from taking --run for its own). precision=auto takes bfloat16 "
                              "where the device has it in hardware; LENSLAB_PRECISION=float32 or bfloat16 overrules "
                              "that, as LENSLAB_DEVICE does for --device auto.")
    one.add_argument("task", help="what to train: classify, ...")
    one.add_argument("--run", type=Path, required=True, help="folder of the run")
    one.add_argument("--network", help="network=NAME")
    one.add_argument("--population", help="population=NAME, simulated while training")
    one.add_argument("--data", help="data=FILE, a set of python -m lenslab dataset, instead of simulating")
    one.add_argument("--steps", help="steps=N")
    one.add_argument("--seed", help="seed=N")
    one.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps or auto")
    one.add_argument("--restart", action="store_true", help="begin anew in a folder that holds a run")
    one.add_argument("--init", type=Path, action="append", help="checkpoint to continue from: steps and duration sum "
                     "up; one of another population, and each that is named after the first, lends what weights fit")
    one.add_argument("--wait", action="store_true", help="wait until no other such training has the device")
    take_settings(one)


def take_settings(parser) -> None:
    """Let `key=value` stand anywhere among the options, which argparse does not do for a list of positionals."""
    known, setting = parser.parse_known_args, re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)

    def parse_known_args(words, namespace=None):
        found = [place for place, word in enumerate(words) if setting.fullmatch(word)
                 and (place == 0 or words[place - 1] not in WITH_VALUE)]
        namespace, rest = known([word for place, word in enumerate(words) if place not in found], namespace)
        namespace.settings = [words[place] for place in found]
        return namespace, rest

    parser.parse_known_args = parse_known_args


def add_jobs(commands) -> None:
    some = commands.add_parser("jobs", help="list, stop and resume runs in the background")
    some.add_argument("action", nargs="?", choices=("list", "stop", "resume"), default="list")
    some.add_argument("name", nargs="?", help="name of the run")


def jobs(action: str, name: str | None) -> None:
    if action != "list":
        if name is None:
            raise ValueError(f"Name the run to {action}; see python -m lenslab jobs.")
        found = [getattr(background, action)(name)]
    else:
        found = background.listed() if name is None else [background.find(name)]
    print(f"{'name':24} {'status':12} {'task':12} {'step':>14}  device")
    for job in found:
        print(f"{job.name:24} {job.status:12} {job.task:12} {job.step:>7}/{job.steps or '?':<6}  {job.device}"
              + (f"  {job.message}" if job.message else ""))
    if not found:
        print("No runs yet. Begin one: python -m lenslab train classify --run runs/first")


def train(task: str, settings: list[str], run: Path, device: str, restart: bool, init: list[Path] | None, wait: bool,
          **named) -> None:
    """A training from the first word to the last; a fault of the code keeps its trace, the rest is a sentence."""
    words = pairs(settings, {name: value for name, value in named.items() if value is not None})
    task = "jets" if task == "generate" and "data" in words else task   # lenses are simulated; a set is one of jets
    first = int(os.environ.get("RANK", 0)) == 0
    flag = Flag(run / "stop")
    try:
        with RunFolder(run, alone=first) as folder, ExitStack() as stack:
            if first:
                folder.say("waiting" if wait else "running", task=task, device=device, settings=words,
                           init=[str(path.resolve()) for path in init or []])
            if wait and first:
                step_aside(device)
                turn = stack.enter_context(Turn(background.runs_folder() / ".turns" / queue_of(device), run.name))
                if not turn.wait(flag):
                    folder.say("stopped", "It was stopped while it waited.")
                    return
                folder.say("running")
            learn(folder, task, words, device, restart, init, flag)
    except (ArithmeticError, MemoryError, RuntimeError) as error:
        if isinstance(error, ArithmeticError | MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise ValueError(sentence(error)) from None
        raise


def step_aside(device: str) -> None:
    """Leave a core, and the right of way, to the app beside which a training runs. Before torch is loaded."""
    with suppress(AttributeError, OSError):
        os.nice(5)
        if queue_of(device) == "cpu":
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) - 1)))


def learn(folder: RunFolder, name: str, words: dict, device: str, restart: bool, init: list[Path] | None, flag) -> None:
    """The part that needs torch."""
    from lenslab.runs.train import train as run
    from lenslab.tasks import TASKS
    from lenslab.tasks.training import configure

    if name not in TASKS:
        raise ValueError(f"No task {name[:40]!r}; choose from {', '.join(TASKS) or 'none yet'}.")
    task = TASKS[name].module
    stored = {} if restart else folder.config()
    if stored and stored.get("task") != name:
        raise ValueError(f"{folder.path} holds a training of {stored.get('task')}; take another folder, or begin anew "
                         "with --restart.")
    config = configure(task.Config, words, stored.get("config"))
    progress = Progress(config.steps) if folder.alone else lambda line: None
    run(task, config, folder, device=None if device == "auto" else device, restart=restart, init=init or (),
        stopped=flag, report=progress)


def pairs(settings: list[str], named: dict[str, str]) -> dict[str, str]:
    """{"lr": "0.001"} from ["lr=0.001"] and from the options; said twice with two values is refused."""
    words = dict(named)
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ValueError(f"{setting[:40]!r} is no setting; write key=value, as in lr=0.0003.")
        if words.get(name, value) != value:
            raise ValueError(f"{name} is given twice, as {words[name]} and as {value}.")
        words[name] = value
    return words


class Flag:
    """Whether to stop: SIGTERM, Ctrl-C once (twice ends at once), or the file `stop` in the folder."""

    def __init__(self, path: Path):
        self.path, self.stop, self.looked = path, False, 0.0
        signal.signal(signal.SIGTERM, self.raised)
        signal.signal(signal.SIGINT, self.raised)

    def raised(self, number, _frame) -> None:
        if self.stop and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop = True

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self.stop and now >= self.looked + LOOK_EVERY:
            self.looked, self.stop = now, self.path.exists()
        return self.stop


class Progress:
    """A line on a terminal; nothing elsewhere, since the folder has it all."""

    def __init__(self, steps: int):
        self.steps, self.begin, self.first = steps, time.monotonic(), None     # the share that is done

    def __call__(self, line: dict) -> None:
        if not sys.stderr.isatty():
            return
        self.first = line["done"] if self.first is None else self.first
        spent, done = time.monotonic() - self.begin, line["done"] - self.first
        left = f", {spent / done * (1 - line['done']):.0f} s left" if done else ""
        judged = "".join(f", {name} {value:.4g}" for name, value in line.items()
                         if name.startswith("val_") and value is not None)
        sys.stderr.write(f"\r{line['step']}/{self.steps} loss {line['loss']:.4g}, {line['rate']:.0f}/s, "
                         f"data {line['data_share']:.0%}{left}{judged}   " + ("\n" if judged else ""))
        sys.stderr.flush()
