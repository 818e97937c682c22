"""The lowest living ticket has the device."""

import subprocess
import sys
from pathlib import Path

import pytest

from lenslab.runs.turns import Turn, queue_of, waiting_line

ROOT = Path(__file__).parent.parent.parent
HOLDER = """
import sys, time
from pathlib import Path
from lenslab.runs.turns import Turn
with Turn(Path(sys.argv[1]), sys.argv[2]):
    print("in", flush=True)
    time.sleep(60)
"""


def test_tickets_are_served_in_their_order(tmp_path):
    with Turn(tmp_path, "b") as first, Turn(tmp_path, "a") as second:
        assert first.ahead() == [] and second.ahead() == ["b"]
        assert waiting_line(tmp_path) == ["b", "a"]
        assert first.wait() is True
        assert second.wait(stopped=iter([False, True]).__next__) is False
        with Turn(tmp_path, "b") as third:
            assert third.ahead() == ["b", "a"]
    assert waiting_line(tmp_path) == [] and not list(tmp_path.glob("*.ticket"))


def test_nobody_waits_for_the_dead(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path, "dead"], stdout=subprocess.PIPE, cwd=ROOT)
    assert holder.stdout.readline() == b"in\n"
    with Turn(tmp_path, "next") as turn:
        assert turn.ahead() == ["dead"] and waiting_line(tmp_path) == ["dead", "next"]
        holder.kill()
        holder.wait()
        holder.stdout.close()
        assert waiting_line(tmp_path) == ["next"]  # a look throws nothing away
        assert len(list(tmp_path.glob("*.ticket"))) == 2
        assert turn.wait() is True
        assert len(list(tmp_path.glob("*.ticket"))) == 1


@pytest.mark.parametrize(("device", "queue"), [("cpu", "cpu"), ("cuda", "cuda-0"), ("cuda:0", "cuda-0"),
                                               ("cuda:1", "cuda-1"), ("MPS", "mps")])
def test_a_device_has_one_queue_whatever_it_is_called(device, queue, monkeypatch):
    assert queue_of(device) == queue
    monkeypatch.setenv("LENSLAB_DEVICE", device)
    assert queue_of("auto") == queue
