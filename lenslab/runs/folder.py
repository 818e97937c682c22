"""A run is a folder, and the folder is all there is to know of it. Standard library only, until a state is written.

    config.json            task, config, device, code version; written once
    metrics.jsonl          one object a line with step and loss, in the order of steps, no step twice
    log.txt                what happened, for people
    state.safetensors      all that going on needs, with its card in the header and a checksum of its numbers
    state.previous.safetensors   the state before, taken when the newest cannot be read
    state.json             the card of the newest state, for readers without safetensors
    last.safetensors, best.safetensors   checkpoints
    status.json            what the process in charge says of itself; whether it lives, the lock says
    .lock                  held by the process in charge; the kernel frees it when that dies, however it dies

One file holds the whole state: two that must agree could not both be replaced at once.
"""

import contextlib
import errno
import hashlib
import json
import os
import platform
import time
from pathlib import Path

from filelock import FileLock, Timeout

from lenslab import strict_json
from lenslab.checkpoint import load, save, write_atomically

JOURNAL = "study.log"     # of a study (lenslab.runs.search), which is a folder of runs and no run itself
STATE, PREVIOUS = "state.safetensors", "state.previous.safetensors"
ENDS = ("finished", "failed", "stopped")
FULL = (errno.ENOSPC, errno.EDQUOT)
PATIENCE = 2.0  # s; whoever looks whether a run lives holds its lock for a moment


class RunFolder:
    """The folder of one run, in the hands of this process: `with RunFolder(path) as folder`.

    A second process is refused. With `alone=False` (the other processes of one training) it is only read.
    """

    def __init__(self, path: str | os.PathLike, alone: bool = True):
        self.path, self.alone, self.lock, self.lines = Path(path), alone, None, None
        self.told, self.before, self.begun = {}, {}, False

    def __enter__(self) -> "RunFolder":
        if not self.alone:
            return self
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.lock = FileLock(self.path / ".lock", timeout=PATIENCE, thread_local=False)
            self.lock.acquire()
        except Timeout:
            status = read_json(self.path / "status.json")
            raise ValueError(f"{self.path} is in the hands of another process ({status.get('pid', '?')} on "
                             f"{status.get('host', '?')}); wait for it, stop it, or take another folder.") from None
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise ValueError(f"{self.path} cannot hold a run ({error.strerror}); take a folder that you may write "
                             "to.") from None
        except OSError as error:
            raise ValueError(f"{self.path} cannot hold a run ({error.strerror or error}); take another folder, on a "
                             "disk that can be written to.") from None
        self.before = read_json(self.path / "status.json")
        with contextlib.suppress(OSError):
            (self.path / "stop").unlink(missing_ok=True)
            for left in self.path.glob(".*.tmp"):
                left.unlink()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if error is not None and self.lock is not None:
            with contextlib.suppress(OSError):
                if not self.begun and self.before.get("phase") in ("finished", "stopped"):
                    write_json(self.path / "status.json", self.before)  # a command refused is no fault of the run
                else:
                    self.fail(sentence(error))
        if self.lines is not None:
            with contextlib.suppress(OSError):  # a line that found no room on the disk finds none now
                self.lines.close()
            self.lines = None
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def say(self, phase: str, message: str = "", **more) -> None:
        """Write status.json: waiting, running, finished, failed or stopped, with a sentence; `more` stays for good."""
        self.told |= more
        write_json(self.path / "status.json", self.status(phase, message))

    def status(self, phase: str, message: str) -> dict:
        return dict(phase=phase, message=message, pid=os.getpid(), host=platform.node(), changed=time.time(),
                    **self.told)

    def fail(self, message: str) -> None:
        """Say why it failed, on a full disk too: there the old file is written over, in the room that it has.

        That is not atomic, and is done where nothing else can be.
        """
        try:
            self.say("failed", message)
        except OSError as error:
            if error.errno not in FULL:
                raise
            text = json.dumps(self.status("failed", message)).encode()
            with open(self.path / "status.json", "r+b") as file:
                file.write(text)
                file.truncate()

    def log(self, text: str) -> None:
        """A line in log.txt; a disk too full for it must not end a training."""
        with contextlib.suppress(OSError), open(self.path / "log.txt", "a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def config(self) -> dict:
        """config.json, {} where there is none yet."""
        return read_json(self.path / "config.json")

    def begin(self, config: dict) -> None:
        """Write config.json, or see that the one here is the same training; a ValueError says what differs."""
        here = self.config()
        if here:
            old, new = flat(here), flat(config)
            differing = sorted(name for name in (old.keys() | new.keys()) - {"code", "device"}
                               if old.get(name) != new.get(name))
            if differing:
                told = "; ".join(f"{name} is {old.get(name)!r} here and {new.get(name)!r} is asked for"
                                 for name in differing[:4])
                raise ValueError(f"{self.path} holds another training: {told}. Take another folder, or begin anew "
                                 "with --restart.")
            return
        write_json(self.path / "config.json", config)

    def clear(self) -> None:
        """Begin anew: the state goes first, so that a kill between leaves no state without its curve."""
        for name in (STATE, PREVIOUS, "state.json", "config.json", "metrics.jsonl", "last.safetensors",
                     "best.safetensors"):
            (self.path / name).unlink(missing_ok=True)

    def keep_lines(self, step: int) -> None:
        """Cut metrics.jsonl back to the steps up to `step`, as one replacement; half a line is dropped too."""
        path = self.path / "metrics.jsonl"
        if path.exists():
            kept = "".join(json.dumps(line) + "\n" for line in read_lines(path) if line["step"] <= step).encode()
            if kept != path.read_bytes():
                write_atomically(path, kept)

    def line(self, values: dict) -> None:
        """One line of metrics.jsonl."""
        if self.lines is None:
            self.lines = open(self.path / "metrics.jsonl", "a")  # noqa: SIM115  closed in __exit__
        self.lines.write(json.dumps(values, allow_nan=False) + "\n")
        self.lines.flush()

    def save_state(self, tensors: dict, card: dict) -> None:
        """The state, with the curve up to it on the disk before it; the state before is kept."""
        if self.lines is not None:
            os.fsync(self.lines.fileno())
        card = {**card, "sha256": digest(tensors)}
        save(self.path / STATE, tensors, card, keep=self.path / PREVIOUS)
        write_json(self.path / "state.json", card)

    def load_state(self) -> tuple[dict, dict] | None:
        """Tensors and card of the newest state that is whole; None where there has been none.

        A ValueError when there are states and none can be read.
        """
        faults = []
        for name in (STATE, PREVIOUS):
            if not (self.path / name).exists():
                continue
            try:
                tensors, card = load(self.path / name)
                if digest(tensors) != card.get("sha256"):
                    raise ValueError(f"{name} is damaged (its checksum differs).")
            except ValueError as error:
                faults.append(str(error).rstrip("."))
                continue
            if self.alone and faults:
                (self.path / STATE).unlink()  # or the next save would put it in the place of this one
                self.log(f"{faults[0]}: going on from {name}, step {card['step']}.")
            return tensors, card
        if faults:
            raise ValueError(f"The state of {self.path} cannot be read: {'; '.join(faults)}. Begin anew with "
                             "--restart, or continue from its last.safetensors in another folder with --init.")
        return None


def digest(tensors: dict) -> str:
    """SHA-256 over names, shapes and bytes."""
    import torch

    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()


def alive(path: Path) -> bool:
    """Whether a process has this run in its hands: a fact of the kernel, not of a number in a file."""
    return held(Path(path) / ".lock")


def held(path: Path) -> bool:
    """Whether somebody holds a lock file; one that is not there, or may not be opened, nobody holds.

    Looking holds it for some microseconds, so that one who finds it held looks again before he believes it.
    """
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0.02, poll_interval=0.004, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def sentence(error: BaseException) -> str:
    """What to tell a user of an error."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "The memory of the device is too small for this batch; take a smaller batch or network."
    if isinstance(error, OSError) and error.errno in FULL:
        return no_room(error.filename)
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted at the keyboard."
    if isinstance(error, ValueError | OSError | ArithmeticError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}; the log has the whole trace."


def no_room(path: str | os.PathLike | None = None) -> str:
    return (f"The disk{f' of {path}' if path else ''} is full. Free some space, then resume the run (or give the same "
            "command again): it goes on from its last saved state.")


def write_json(path: Path, table: dict) -> None:
    write_atomically(path, json.dumps(table, indent=1, allow_nan=False).encode())


def read_json(path: Path) -> dict:
    """A small JSON table; {} where there is none or it cannot be read."""
    try:
        value = strict_json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_lines(path: Path) -> list[dict]:
    """Lines of metrics.jsonl in the order of steps; half a line, or one out of order, is left out."""
    lines, last = [], -1
    try:
        text = path.read_bytes()
    except OSError:
        return []
    for row in text.split(b"\n"):
        try:
            line = strict_json.loads(row)
            if type(line["step"]) is int and line["step"] > last:
                lines.append(line)
                last = line["step"]
        except (ValueError, TypeError, KeyError):
            continue
    return lines


def flat(table: dict, path: str = "") -> dict:
    """{"config": {"lr": 1}} -> {"config.lr": 1}, for comparison."""
    found = {}
    for name, value in table.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found
