"""The gate: never more at once than it has places, in the order of asking, and never blocked by who went away."""

import threading
import time

import pytest

from lenslab.ui import gate
from lenslab.ui.gate import Gate, Stopped, waiting_sentence


def until(condition, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def holder():
    """Work that lasts until told, and the event that tells it."""
    release = threading.Event()

    def work(turn):
        while not release.wait(0.005):
            turn.check()
        return "held"

    return work, release


def test_results_and_errors_come_through():
    doors = Gate()
    good, bad = doors.ask(lambda turn: 6 * 7), doors.ask(lambda turn: 1 / 0)
    assert good.done.wait(5) and good.result() == 42
    assert bad.done.wait(5)
    with pytest.raises(ZeroDivisionError):
        bad.result()
    after = doors.ask(lambda turn: "still open")
    assert after.done.wait(5) and after.result() == "still open"


@pytest.mark.parametrize("places", [1, 3])
def test_no_more_run_at_once_than_there_are_places_and_all_finish(places):
    doors, lock, now, most = Gate(places), threading.Lock(), [0], [0]

    def work(turn):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.002)
        with lock:
            now[0] -= 1

    turns: list = []
    askers = [threading.Thread(target=lambda: turns.extend(doors.ask(work) for _ in range(10))) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(turns) == 80 and all(turn.done.wait(20) for turn in turns)
    assert most[0] == places


def test_first_come_first_served_and_the_place_in_the_queue_is_told():
    doors, order = Gate(), []
    work, release = holder()
    first = doors.ask(work)
    assert until(lambda: first.started is not None)
    others = [doors.ask(lambda turn, k=k: order.append(k)) for k in range(5)]
    assert [turn.place() for turn in others] == [1, 2, 3, 4, 5]
    assert "waiting, 2 before" in waiting_sentence("Fitting", others[1])
    assert "Fitting: 0 s" in waiting_sentence("Fitting", first)
    others[2].cancel()
    assert [turn.place() for turn in others if turn is not others[2]] == [1, 2, 3, 4]
    release.set()
    assert all(turn.done.wait(5) for turn in others)
    assert order == [0, 1, 3, 4]
    with pytest.raises(Stopped):
        others[2].result()


def test_stopping_running_work_frees_the_place():
    doors = Gate()
    work, _ = holder()
    running = doors.ask(work)
    after = doors.ask(lambda turn: "next")
    assert until(lambda: running.started is not None)
    running.cancel()
    assert after.done.wait(5) and after.result() == "next"
    with pytest.raises(Stopped):
        running.result()


def test_a_session_that_vanishes_waiting_or_running_blocks_nobody(monkeypatch):
    monkeypatch.setattr(gate, "PATIENCE", 0.2)
    doors = Gate()
    work, _ = holder()
    running, waiting = doors.ask(work), doors.ask(work)  # nobody looks at these again
    mine = doors.ask(lambda turn: "mine")
    assert until(lambda: mine.place() == 0 and mine.done.is_set())
    assert mine.result() == "mine"
    for left in (running, waiting):
        with pytest.raises(Stopped):
            left.result()


def test_cancelling_what_is_done_is_harmless():
    doors = Gate()
    turn = doors.ask(lambda turn: 1)
    assert turn.done.wait(5)
    turn.cancel()
    assert turn.result() == 1


def test_progress_promises_a_time():
    doors = Gate()
    work, release = holder()
    turn = doors.ask(work)
    assert until(lambda: turn.started is not None)
    turn.progress, turn.started = 0.25, time.monotonic() - 10
    assert "25%" in waiting_sentence("Sampling", turn) and "about 30 s left" in waiting_sentence("Sampling", turn)
    release.set()
    assert turn.done.wait(5)
