"""Finished parts of a long measurement, in a file: a run that was stopped goes on where it was."""

import hashlib
import json
from pathlib import Path

from lenslab import checkpoint


def weights(path: Path) -> str:
    """A word for the numbers of a checkpoint, whatever its header says beside them."""
    data = path.read_bytes()
    return hashlib.sha256(data[8 + int.from_bytes(data[:8], "little"):]).hexdigest()


def name_of(path: Path) -> str:
    """A checkpoint's name in a table: that of its run, for what a run calls best or last."""
    return path.parent.name if path.stem in ("best", "last") else path.stem


class Parts(dict):
    """{name: plain values}; each is on the disk before it is called done.

    file   where they lie
    about  what is measured, plain values; parts of anything else are forgotten
    """

    def __init__(self, file: Path, about: dict):
        self.file, self.about = file, checkpoint.plain(about)
        found = json.loads(file.read_text()) if file.exists() else {}
        super().__init__(found["parts"] if found.get("about") == self.about else {})

    def __setitem__(self, name: str, values) -> None:
        super().__setitem__(name, checkpoint.plain(values))
        checkpoint.write_atomically(self.file, json.dumps(dict(about=self.about, parts=self)).encode())

    def forget(self) -> None:
        """All is where it belongs."""
        self.file.unlink(missing_ok=True)
