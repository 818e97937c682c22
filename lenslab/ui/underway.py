"""Work that a page looks on at: a thread of the gate does it, and Stop keeps what is there.

What a visitor no longer wants, as of a slider that has moved on, ends at its next step.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import streamlit as st

from lenslab.ui.gate import GATE, Stopped, Turn

QUICK = 0.4       # s that a page waits before it begins to watch


@dataclass(eq=False, kw_only=True)
class Underway:
    """A piece of work and what there is of it by now. Whoever inherits has `order`, what was asked for, and `make`."""

    turn: Turn | None = None
    too_large: ClassVar[str] = "There is no memory for so many images at once; ask for fewer."

    @property
    def over(self) -> bool:
        return self.turn.done.is_set()

    @property
    def refusal(self) -> str | None:
        """Why it cannot be done."""
        try:
            self.turn.result()
        except Stopped:
            return None
        except ValueError as error:
            return str(error)
        return None

    def work(self, turn: Turn) -> None:
        """All of it; too little memory is a refusal."""
        with memory_or(self.too_large):
            self.make(turn)

    def make(self, turn: Turn) -> None:
        raise NotImplementedError


@contextmanager
def memory_or(refusal: str):
    """Work whose lack of memory is a ValueError with that sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise ValueError(refusal) from None
        raise


def underway(key: str, order, begin: Callable[[Underway | None], Underway]) -> Underway:
    """What there is of an order under a key of the session; a new one is begun with what stood in its place, which
    is left."""
    held = st.session_state.get(key)
    if held is None or held.order != order:
        if held is not None:
            held.turn.cancel()
        held = begin(held)
        held.turn = GATE.ask(held.work)
        st.session_state[key] = held
        held.turn.done.wait(QUICK)
    return held


def forget(key: str) -> None:
    """Let an order begin anew."""
    held = st.session_state.pop(key, None)
    if held is not None:
        held.turn.cancel()
