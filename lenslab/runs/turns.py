"""One training at a time on each device: the rest wait in the order of their tickets. Standard library only.

A ticket is a numbered file that its process holds locked. The lowest living ticket has the device; the kernel frees
the lock of a process that dies, so that no dead one is ever waited for, and no daemon is needed.
"""

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from lenslab.runs.folder import held

POLL = 0.2  # s


class Turn:
    """A place in the queue of a device, from `with` to its end."""

    def __init__(self, folder: Path, name: str):
        self.folder, self.name, self.number, self.lock = folder, re.sub(r"[^\w.-]", "_", name), None, None

    def __enter__(self) -> "Turn":
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.desk():
            self.number = max((number for number, _, _ in tickets(self.folder)), default=0) + 1
            self.lock = FileLock(self.folder / f"{self.number:08d}.{self.name}.ticket", thread_local=False)
            self.lock.acquire(timeout=2)  # a moment's patience: somebody may just be looking
        return self

    def __exit__(self, *_) -> None:
        with self.desk():
            self.lock.release()
            with contextlib.suppress(OSError):
                Path(self.lock.lock_file).unlink(missing_ok=True)

    def desk(self) -> FileLock:
        """Tickets are taken, looked at and thrown away under one lock, so that no number is used twice."""
        return FileLock(self.folder / "desk.lock", thread_local=False)

    def ahead(self) -> list[str]:
        """Names before this one, the running one first."""
        with self.desk():
            return [name for number, name, path in tickets(self.folder)
                    if number < self.number and living(path)]

    def wait(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Wait for the device; False when stopped before."""
        while not stopped():
            if not self.ahead():
                return True
            time.sleep(POLL)
        return False


def waiting_line(folder: Path) -> list[str]:
    """Names with a living ticket, the running one first; for those who only look."""
    return [name for _, name, path in tickets(folder) if held(path)]


def tickets(folder: Path) -> list[tuple[int, str, Path]]:
    found = []
    for path in folder.glob("*.ticket"):
        number, _, name = path.name.removesuffix(".ticket").partition(".")
        if number.isdecimal():
            found.append((int(number), name, path))
    return sorted(found)


def living(path: Path) -> bool:
    """Whether the holder of a ticket lives; the ticket of a dead one is thrown away (under the desk's lock)."""
    if held(path):
        return True
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return False


def queue_of(device: str) -> str:
    """The queue of a device by name, without loading torch: `cuda` and `cuda:0` are one, `auto` is what is here."""
    name = (device or "auto").strip().lower()
    if name == "auto":
        name = (os.environ.get("LENSLAB_DEVICE") or "").strip().lower() or guess()
    return "cuda-0" if name == "cuda" else name.replace(":", "-")


def guess() -> str:
    """The device that torch would take: a driver's file tells it."""
    if Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists():
        return "cuda"
    return "mps" if sys.platform == "darwin" and os.uname().machine == "arm64" else "cpu"
