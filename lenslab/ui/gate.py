"""One gate for the heavy calls of all pages: fits, sampling, explanations, checks.

A machine has few cores, and visitors who wait their turn finish sooner than visitors who all compute at once. Work runs
in a thread of the gate, in the order of asking, and knows nothing of Streamlit. The page's script only watches: when
its visitor turns a slider, presses stop or goes away, the script ends, and with it the turn. A turn that nobody has
looked at for PATIENCE is taken for left, so that a vanished session can never block the others.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import streamlit as st

from lenslab.ui.line import LINE

PATIENCE = 30.0  # s; a watching script looks every INTERVAL
INTERVAL = 0.1   # s


class Stopped(Exception):
    """Raised by work that has been asked to stop."""


class Turn:
    """One piece of work on its way through the gate."""

    def __init__(self, gate: "Gate", work: Callable[["Turn"], Any]):
        self.gate, self.work = gate, work
        self.stop = threading.Event()
        self.done = threading.Event()
        self.progress = 0.0      # 0 to 1, set by the work
        self.started: float | None = None
        self.looked_at = time.monotonic()
        self._result: Any = None
        self._error: BaseException | None = None

    def check(self) -> None:
        """For the work to call now and then: raises Stopped once nobody wants it any more."""
        if self.stop.is_set() or time.monotonic() - self.looked_at > PATIENCE:
            raise Stopped

    def place(self) -> int:
        """How many are before this one; 0 while it runs."""
        self.looked_at = time.monotonic()
        return self.gate.place(self)

    def cancel(self) -> None:
        """Leave the queue, or ask the running work to stop; harmless when all is done."""
        self.stop.set()
        self.gate.leave(self)

    def result(self):
        """What the work returned; raises what it raised."""
        assert self.done.is_set(), "ask for the result of a turn that is done"
        if self._error is not None:
            raise self._error
        return self._result

    def run(self) -> None:
        self.started = time.monotonic()
        try:
            self.check()
            self._result = self.work(self)
        except BaseException as error:  # handed to whoever asks for the result
            self._error = error
        finally:
            self.done.set()


class Gate:
    """At most `places` pieces of work at once, first come, first served."""

    def __init__(self, places: int = 1):
        self.places = places
        self._waiting: deque[Turn] = deque()
        self._running: set[Turn] = set()
        self._lock = threading.Lock()

    def ask(self, work: Callable[[Turn], Any]) -> Turn:
        """Queue a piece of work; it starts as soon as there is a place."""
        turn = Turn(self, work)
        with self._lock:
            self._waiting.append(turn)
        self._admit()
        return turn

    def place(self, turn: Turn) -> int:
        self._admit()  # those left by their sessions fall out here
        with self._lock:
            return self._waiting.index(turn) + 1 if turn in self._waiting else 0

    def leave(self, turn: Turn) -> None:
        with self._lock:
            waited = turn in self._waiting
            if waited:
                self._waiting.remove(turn)
        if waited:
            turn._error = Stopped()
            turn.done.set()
        self._admit()

    def _admit(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                for turn in [turn for turn in self._waiting if now - turn.looked_at > PATIENCE]:
                    self._waiting.remove(turn)
                    turn._error = Stopped()
                    turn.done.set()
                if not self._waiting or len(self._running) >= self.places:
                    return
                turn = self._waiting.popleft()
                self._running.add(turn)
            threading.Thread(target=self._work, args=(turn,), name="lenslab.gate", daemon=True).start()

    def _work(self, turn: Turn) -> None:
        try:
            turn.run()
        finally:
            with self._lock:
                self._running.discard(turn)
            self._admit()


GATE = Gate()


def through_the_gate(work: Callable[[Turn], Any], doing: str, *, key: str, on_stop: Callable[[], None] | None = None):
    """The result of heavy work, with a waiting sentence and a stop button while it lasts.

    doing     what is done, as in "Drawing the same scene with lenstronomy"
    on_stop   called when the visitor presses stop; the page should then no longer ask for this work
    """
    turn = GATE.ask(work)
    if turn.done.wait(0.05):
        return turn.result()
    LINE.step_out()
    spot = st.empty()
    try:
        with spot.container(horizontal=True, vertical_alignment="center"):
            words = st.empty()
            st.button("Stop", key=key, icon=":material/stop_circle:", on_click=on_stop)
        while not turn.done.wait(INTERVAL):
            words.markdown(waiting_sentence(doing, turn))  # here Streamlit ends a script that is no longer wanted
        spot.empty()
        return turn.result()
    finally:
        turn.cancel()


def waiting_sentence(doing: str, turn: Turn) -> str:
    """What a visitor reads meanwhile."""
    ahead = turn.place()
    if ahead:
        return f":material/hourglass_top: {doing}: waiting, {ahead} before this one."
    seconds = time.monotonic() - (turn.started or time.monotonic())
    part = f", {turn.progress:.0%}" if turn.progress else ""
    left = f", about {seconds / turn.progress - seconds:.0f} s left" if turn.progress > 0.02 and seconds > 3 else ""
    return f":material/progress_activity: {doing}{part}: {seconds:.0f} s{left}."
