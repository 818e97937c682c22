"""Runs in the background: started, watched, stopped, resumed, kept, deleted. Loads neither torch nor numpy.

A run is a folder of `runs/` and a process of its own session that outlives the app. Whether it lives is asked of the
kernel (the lock in its folder), never of a number in a file: a run whose file says running and whose lock is free was
killed, and is called interrupted. With LENSLAB_PUBLIC=1 this module only reads.
"""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lenslab import strict_json
from lenslab.checkpoint import checkpoints_folder, read_card, write_atomically
from lenslab.insight.table import write_table
from lenslab.runs.folder import ENDS, JOURNAL, RunFolder, alive, read_json, read_lines
from lenslab.runs.turns import queue_of, waiting_line

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = [sys.executable, "-m", "lenslab"]
STATUSES = ("waiting", "running", *ENDS, "interrupted")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SPOKEN = "lenslab: "  # so begins the sentence that a command ends with, as __main__ prints it
START_WAIT = 60.0  # s until a started process has its folder in hand
PATIENCE = (5.0, 25.0, 10.0)  # s after the flag, after SIGTERM, after SIGKILL


@dataclass(frozen=True)
class Job:
    """A run as it is at this moment."""

    name: str
    folder: Path
    status: str                # one of STATUSES
    message: str = ""          # the sentence of a failure
    task: str = ""
    config: dict = field(default_factory=dict, hash=False)
    device: str = ""
    step: int = 0              # of the newest line of its curve
    steps: int = 0
    place: int = 0             # trainings before it, while it waits
    changed: float = 0.0       # seconds since 1970, when the status was written
    has_checkpoint: bool = False

    @property
    def live(self) -> bool:
        return self.status in ("waiting", "running")


def public() -> bool:
    """Whether this is a public demonstration, where runs are shown only."""
    return os.environ.get("LENSLAB_PUBLIC", "").strip().lower() in ("1", "true", "yes", "on")


def refuse_in_public(what: str) -> None:
    if public():
        raise ValueError(f"This is a public demonstration (LENSLAB_PUBLIC is set): it shows runs and does not {what} "
                         "them. Install lenslab on a machine of your own to train.")


def runs_folder() -> Path:
    """Where runs live: LENSLAB_RUNS, or `runs` beside the package."""
    return Path(os.environ.get("LENSLAB_RUNS") or ROOT / "runs").resolve()


def check_name(name: str) -> str:
    """A name that is a plain file name on every system, or a ValueError."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or ".." in name or name.endswith("."):
        raise ValueError(f"{str(name)[:80]!r} cannot be a name: take 1 to 64 letters, digits, dots, dashes and "
                         "underscores, and begin with a letter or a digit.")
    return name


def folder_of(name: str) -> Path:
    """The folder of a run that is there."""
    folder = runs_folder() / check_name(name)
    if not folder.is_dir() or folder.is_symlink():
        raise ValueError(f"There is no run {name!r}; see python -m lenslab jobs.")
    return folder


def listed() -> list[Job]:
    """Every run, the youngest first."""
    return sorted((find(name) for name in folders() if not (runs_folder() / name / JOURNAL).exists()),
                  key=lambda job: (-job.changed, job.name))


def studies() -> list[str]:
    """Names of the folders that hold a study (lenslab.runs.search), in order."""
    return sorted(name for name in folders() if (runs_folder() / name / JOURNAL).exists())


def folders() -> list[str]:
    try:
        return [entry.name for entry in os.scandir(runs_folder())
                if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def find(name: str) -> Job:
    """One run as it is now."""
    folder = folder_of(name)
    lives = alive(folder)  # before its files: one that ends in between has written its end by then
    said, config, lines = read_json(folder / "status.json"), read_json(folder / "config.json"), last_line(folder)
    phase = said.get("phase")
    device = str(config.get("device") or said.get("device") or "")
    status, message = phase if phase in ENDS and not lives else "interrupted", str(said.get("message", ""))
    place = 0
    if lives:
        status = phase if phase in ("waiting", "running") else "running"
    if status == "waiting":
        line = waiting_line(runs_folder() / ".turns" / queue_of(str(said.get("device", ""))))
        place = line.index(name) if name in line else len(line)
    if status == "interrupted" and (told := last_words(folder)):
        status, message = "failed", told
    settings = config.get("config") or said.get("settings")  # before its turn a run has but the words of its start
    settings = settings if isinstance(settings, dict) else {}
    step = lines.get("step", 0)
    return Job(name=name, folder=folder, status=status, message=message, place=place,
               task=str(config.get("task") or said.get("task") or ""), config=settings, device=device, step=step,
               steps=whole(settings.get("steps")), changed=real(said.get("changed")),
               has_checkpoint=any((folder / f"{kind}.safetensors").exists() for kind in ("best", "last")))


def metrics(name: str) -> list[dict]:
    """The curve of a run: the lines of its metrics.jsonl."""
    return read_lines(folder_of(name) / "metrics.jsonl")


def log_tail(name: str, lines: int = 40) -> str:
    """The end of a run's log."""
    return "\n".join(tail(folder_of(name) / "log.txt").splitlines()[-lines:])


def card(name: str) -> dict:
    """The card of a run's best checkpoint, or of its last; {} while there is none."""
    for kind in ("best", "last"):
        path = folder_of(name) / f"{kind}.safetensors"
        if path.exists():
            return read_card(path)
    return {}


def start(name: str, task: str, settings: dict | None = None, *, device: str = "auto", init: str | None = None) -> Job:
    """Start `python -m lenslab train` in a folder of its own and return once it waits for its device, or runs.

    settings: {name: value} of the task's Config. A run that fails at once is returned as failed, with its sentence.
    """
    refuse_in_public("start")
    folder = runs_folder() / check_name(name)
    words = [task, *(settings or {}), device]
    if not all(re.fullmatch(r"\w[\w:.]*", str(word)) for word in words):
        raise ValueError(f"{words} holds what is no name of a task, a setting or a device.")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ValueError(f"There is a run {name!r} already; take another name, resume that one, or delete it.") \
            from None
    except OSError as error:
        raise ValueError(f"{folder} cannot be made ({error.strerror}); set LENSLAB_RUNS to a folder that you may "
                         "write to.") from None
    arguments = [f"{key}={word(value)}" for key, value in (settings or {}).items()]
    return launch(name, ["train", task, *arguments, "--device", device, *([f"--init={init}"] if init else [])])


def resume(name: str) -> Job:
    """Go on with a stopped, failed or interrupted run, with the settings in its folder."""
    refuse_in_public("resume")
    job = find(name)
    if job.live:
        raise ValueError(f"Run {name} is {job.status} already.")
    if job.status == "finished":
        raise ValueError(f"Run {name} is finished; start another from its checkpoint to train longer.")
    if not job.task:
        raise ValueError(f"Run {name} ended before its settings were written; delete it and start it again.")
    said = read_json(job.folder / "status.json")
    begun = (job.folder / "state.safetensors").exists()  # from then on config.json says all
    words = [] if begun else [f"{key}={word(value)}" for key, value in (said.get("settings") or {}).items()]
    words += [] if begun else [f"--init={path}" for path in said.get("init") or []]
    return launch(name, ["train", job.task, *words, "--device", str(said.get("device") or job.device)])


def launch(name: str, arguments: list[str]) -> Job:
    """The process, in its own session, with its output in the run's log; returns when it has the folder in hand."""
    folder = runs_folder() / name
    before = read_json(folder / "status.json").get("changed")
    environment = dict(os.environ, LENSLAB_RUNS=str(runs_folder()), PYTHONUNBUFFERED="1")
    with open(folder / "log.txt", "ab") as log:
        process = subprocess.Popen([*PROGRAM, *arguments, "--run", str(folder), "--wait"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd=ROOT,
                                   env=environment)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie in a long-lived app
    until = time.monotonic() + START_WAIT
    while time.monotonic() < until and process.poll() is None:
        if read_json(folder / "status.json").get("changed") != before:
            break
        time.sleep(0.02)
    if process.poll() is not None and read_json(folder / "status.json").get("changed") == before:
        with RunFolder(folder) as own:
            own.say("failed", (tail(folder / "log.txt").strip().splitlines() or ["It ended without a word."])[-1])
    return find(name)


def stop(name: str, patience: tuple[float, float, float] = PATIENCE, background: bool = False) -> Job:
    """End a run so that it can be resumed: a flag in its folder, then SIGTERM, then SIGKILL to its whole group.

    It saves its state on the first two, and its simulating processes must live to see that; killed, it goes back to the
    last saved one. With `background` a process of
    its own sees to it, and this returns at once.
    """
    refuse_in_public("stop")
    folder = folder_of(name)
    if not alive(folder):
        raise ValueError(f"Run {name} is {find(name).status}: there is nothing to stop.")
    said = read_json(folder / "status.json")
    if said.get("host") != platform.node():
        raise ValueError(f"Run {name} runs on {said.get('host')}; stop it there.")
    (folder / "stop").touch()
    if background:
        helper = subprocess.Popen([*PROGRAM, "jobs", "stop", name], stdin=subprocess.DEVNULL, cwd=ROOT,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                  env=dict(os.environ, LENSLAB_RUNS=str(runs_folder())))
        threading.Thread(target=helper.wait, daemon=True).start()
        return find(name)
    if not ended(folder, patience[0]):
        send(folder, signal.SIGTERM)
    if not ended(folder, patience[1]):
        send(folder, getattr(signal, "SIGKILL", signal.SIGTERM), group=True)
        if not ended(folder, patience[2]):
            raise ValueError(f"Run {name} does not end, even killed (process {said.get('pid')}); look at the machine.")
    if find(name).status == "interrupted":
        with RunFolder(folder) as own:
            own.say("stopped", "It was killed; it goes on from its last saved state.", device=said.get("device"))
    return find(name)


def keep(name: str, as_name: str | None = None) -> Path:
    """Copy the best checkpoint of a run (or its last) among the kept ones, where every page finds it."""
    refuse_in_public("keep")
    folder = folder_of(name)
    source = next((path for path in (folder / "best.safetensors", folder / "last.safetensors") if path.exists()), None)
    if source is None:
        raise ValueError(f"Run {name} has no checkpoint yet; it writes one at its first validation.")
    read_card(source)
    target = checkpoints_folder() / f"{check_name(as_name or name)}.safetensors"
    if target.exists():
        raise ValueError(f"There is a checkpoint {target.stem!r} already; take another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, source.read_bytes())
    write_table(target.parent)
    return target


def delete(name: str) -> None:
    """Delete a run that is not under way, with all its files."""
    refuse_in_public("delete")
    folder = folder_of(name)
    if alive(folder):
        raise ValueError(f"Run {name} is under way; stop it first.")
    with RunFolder(folder):
        grave = folder.with_name(f".deleted-{name}-{os.getpid()}")
        folder.rename(grave)
    shutil.rmtree(grave)


def send(folder: Path, what: int, group: bool = False) -> None:
    """A signal to a run or its whole group; the process lives as long as its lock is held: the number is its own."""
    pid = read_json(folder / "status.json").get("pid")
    if not isinstance(pid, int) or pid <= 1 or not alive(folder):
        return
    try:
        if group and hasattr(os, "killpg") and os.getpgid(pid) == pid:
            os.killpg(pid, what)
        else:
            os.kill(pid, what)
    except ProcessLookupError:
        return


def ended(folder: Path, patience: float) -> bool:
    until = time.monotonic() + patience
    while alive(folder):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def whole(value) -> int:
    """The number of steps, which is a word as long as a run waits for its turn."""
    return int(value) if type(value) is int or isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value) else 0


def real(value) -> float:
    """A number out of a file that anybody may have written; 0 for what is none."""
    return float(value) if type(value) in (int, float) else 0.0


def word(value) -> str:
    """A setting as the shell writes it."""
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def tail(path: Path, size: int = 65536) -> str:
    """The end of a text file, however long it is."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def last_words(folder: Path) -> str:
    """The sentence that a process ended with on its log, where no room was left to say so in status.json; else ""."""
    line = (tail(folder / "log.txt", 8192).strip().splitlines() or [""])[-1]
    return line.removeprefix(SPOKEN) if line.startswith(SPOKEN) else ""


def last_line(folder: Path) -> dict:
    """The newest whole line of a curve, without reading the curve."""
    for row in reversed(tail(folder / "metrics.jsonl", 8192).splitlines()):
        try:
            line = strict_json.loads(row)
        except ValueError:
            continue
        if isinstance(line, dict) and type(line.get("step")) is int:
            return line
    return {}
