"""The waiting line: no more pages are drawn at once than a machine has cores for, and who waits reads why.

All visitors share one interpreter, and 25 pages drawn at once are all slow; one after the other, the first are quick.
The line is soft: nobody waits longer than PATIENCE, and who waits for something else (the gate) steps out of it.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager

PATIENCE = 10.0   # s
INTERVAL = 0.1    # s
QUIET = 0.6       # s: who waits no longer is told nothing
WORDS = ":material/groups: Many visitors at once. Your page is drawn in its turn: {ahead} before you."


class Line:
    """So many places, first come, first served."""

    def __init__(self, places: int):
        self.places = places
        self._all: list[object] = []      # who is here, in the order of coming; the first `places` of them are drawn
        self._moved = threading.Condition()
        self._mine = threading.local()

    @contextmanager
    def place(self, tell: Callable[[int], None] = lambda ahead: None):
        """A place in the line; `tell` is called now and then with how many are before this one."""
        ticket, begun = object(), time.monotonic()
        self._mine.ticket = ticket
        with self._moved:
            self._all.append(ticket)
        try:
            while (ahead := self._ahead(ticket)) > 0 and time.monotonic() - begun < PATIENCE:
                if time.monotonic() - begun > QUIET:
                    tell(ahead)
            yield
        finally:
            self.step_out()

    def step_out(self) -> None:
        """Leave the place of this thread to others, for good; harmless where it has none."""
        ticket, self._mine.ticket = getattr(self._mine, "ticket", None), None
        with self._moved:
            if ticket in self._all:
                self._all.remove(ticket)
                self._moved.notify_all()

    def _ahead(self, ticket: object) -> int:
        """How many are before a ticket that has no place yet, after a while in which that may have changed."""
        with self._moved:
            if self._all.index(ticket) >= self.places:
                self._moved.wait(INTERVAL)
            return max(0, self._all.index(ticket) - self.places + 1)


LINE = Line(max(2, os.cpu_count() or 2))


@contextmanager
def in_line(spot):
    """Draw a page in its turn; `spot` is a container of the page for the sentence meanwhile."""
    words = None

    def tell(ahead: int) -> None:
        nonlocal words
        words = words or spot.empty()
        words.info(WORDS.format(ahead=ahead))      # here Streamlit ends a script that is no longer wanted

    with LINE.place(tell):
        if words is not None:
            words.empty()
        yield
