"""Sections of a document that several commands write: each command rewrites its own and leaves the others alone."""

import re
from pathlib import Path

from lenslab.checkpoint import write_atomically

HEADING = re.compile(r"^## .*$", re.MULTILINE)


def section(text: str, heading: str) -> str:
    """A section of a text with its heading, up to the next heading of its rank; "" where there is none."""
    begun = re.search(rf"^## {re.escape(heading)}$", text, re.MULTILINE)
    if begun is None:
        return ""
    end = HEADING.search(text, begun.end())
    return text[begun.start():end.start() if end else len(text)]


def put_section(file: Path, heading: str, body: str) -> None:
    """Write a section in the place of the one that is there, or at the end of the file."""
    text, new = file.read_text(), f"## {heading}\n\n{body.strip()}\n\n"
    old = section(text, heading)
    text = text.replace(old, new) if old else f"{text.rstrip()}\n\n{new}"
    write_atomically(file, (text.rstrip() + "\n").encode())
