"""What a scene costs is told before it is drawn: refused, sent through the gate, or drawn at once."""

import time
from types import SimpleNamespace

import pytest

from lenslab.scene import Scene
from lenslab.ui import cached, cost, links

HEAVY = {"camera.num_pix": "512", "camera.supersampling": "4", "substructure.kind": "deeplense_cdm",
         "substructure.n_points": "95"}  # kept a core busy for 45 s


def test_a_link_that_would_keep_a_core_busy_is_refused_before_a_ray_is_shot(monkeypatch):
    monkeypatch.setattr(cached.simulate, "observe", lambda *_: pytest.fail("it was drawn"))
    start = time.process_time()
    problem = cached.problem(links.from_query(HEAVY))
    assert "95 clumps" in problem and "seconds of a processor" in problem and problem.endswith(".")
    assert time.process_time() - start < 5


def test_cost_grows_with_what_is_summed_over():
    scene, sharp = Scene(), Scene().set({"camera.supersampling": 4})
    assert cost.image_seconds(sharp, 0, 0) == pytest.approx(4 * cost.image_seconds(scene, 0, 0))
    plain, points, halos = (cost.seconds(scene, *number) for number in ((0, 0), (50, 0), (0, 50)))
    assert plain < points < halos and plain < cached.GATED  # the first lens is drawn at once


def test_what_may_take_a_second_passes_the_gate_and_all_else_does_not(monkeypatch):
    asked = []

    def gate(work, doing, **_):
        asked.append(doing)
        return work(SimpleNamespace(check=lambda: None))

    monkeypatch.setattr(cached, "through_the_gate", gate)
    monkeypatch.setattr(cached, "get_script_run_ctx", lambda **_: object())
    assert cached.in_turn(lambda scene: scene.z_lens, Scene(), 0.5 * cached.GATED, "quick") == 0.5 and not asked
    assert cached.in_turn(lambda scene: scene.z_lens, Scene(), 2 * cached.GATED, "slow") == 0.5 and asked == ["slow"]
    monkeypatch.setattr(cached, "get_script_run_ctx", lambda **_: None)  # within the gate: it would wait for itself
    assert cached.in_turn(lambda scene: scene.z_lens, Scene(), 2 * cached.GATED, "again") == 0.5 and asked == ["slow"]
