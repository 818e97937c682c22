"""The waiting line: so many at once, in the order of coming, nobody for ever."""

import threading
import time

import pytest

from lenslab.ui import line
from lenslab.ui.line import Line


def visitors(queue: Line, number: int, work) -> list[int]:
    """So many come one after the other; returns the order in which they were drawn."""
    order, threads = [], []

    def come(who: int) -> None:
        with queue.place():
            order.append(who)
            work(who)

    for who in range(number):
        threads.append(threading.Thread(target=come, args=(who,)))
        threads[-1].start()
        time.sleep(0.02)
    for thread in threads:
        thread.join(10)
    return order


def test_no_more_than_the_places_are_drawn_at_once_and_first_come_first_served():
    now, most, lock = 0, 0, threading.Lock()

    def work(who: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1

    assert visitors(Line(2), 6, work) == list(range(6))
    assert most == 2


def test_who_waits_is_told_and_who_was_stopped_leaves_no_hole(monkeypatch):
    monkeypatch.setattr(line, "QUIET", 0.0)
    queue, told = Line(1), []

    def stop(ahead: int) -> None:
        told.append(ahead)
        raise KeyboardInterrupt

    with queue.place():
        thread = threading.Thread(target=lambda: pytest.raises(KeyboardInterrupt, queue.place(stop).__enter__))
        thread.start()
        thread.join(5)
    assert told == [1]
    with queue.place(stop):      # at once: nobody is before this one
        pass


def test_nobody_waits_for_one_who_has_stepped_out_or_holds_on_for_ever(monkeypatch):
    queue = Line(1)
    with queue.place():
        begun = time.monotonic()
        queue.step_out()
        visitors(queue, 1, lambda who: None)
        assert time.monotonic() - begun < 5
    monkeypatch.setattr(line, "PATIENCE", 0.3)
    with queue.place():
        assert visitors(queue, 1, lambda who: None) == [0]
