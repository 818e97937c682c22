"""The Match page without a browser: the truth leaves noise alone, hints help, and a fit lands where the image is."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lenslab.scene import Scene
from lenslab.ui import cached, state
from lenslab.ui.frame import OPEN
from lenslab.ui.match import moves, targets
from lenslab.ui.match.fit import before
from lenslab.ui.match.play import explained
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "match.py"


def chi2(scene: Scene, target: targets.Target) -> float:
    return cached.hold_against(scene, target.observation).chi2_per_pixel


@pytest.mark.parametrize(("make", "number"), [(targets.mystery, 0), (targets.hunt, 0), (targets.hunt, 3)])
def test_the_truth_leaves_noise_alone_and_the_start_does_not(make, number):
    target = make(number)
    n = target.observation.image.numel()
    assert chi2(target.truth, target) == pytest.approx(1, abs=5 * np.sqrt(2 / n))    # of chi2 with n degrees of freedom
    assert chi2(target.start, target) > 1 + 10 * np.sqrt(2 / n)


def test_a_hint_is_a_move_towards_the_truth():
    target = targets.hunt(0)
    there, begun = target.truth.substructure.clumps[0], target.start
    off = begun.set({"substructure.clumps.0.center_x": there.center_x - 0.2,
                     "substructure.clumps.0.center_y": there.center_y})
    assert moves.best_move(off, target.observation, lambda: None) == "clump_right"
    assert moves.best_move(target.truth, target.observation, lambda: None) is None


def test_a_fit_of_a_square_lies_where_the_square_did():
    found = Scene().set({"lens.center_x": 0.1, "source.center_y": -0.2})
    placed = before(found, targets.mystery(0).start, (0.5, -0.25))
    assert (placed.lens.center_x, placed.lens.center_y) == pytest.approx((0.6, -0.25))
    assert (placed.source.center_x, placed.source.center_y) == pytest.approx((found.source.center_x + 0.5, -0.45))
    assert placed.camera == targets.mystery(0).start.camera


def test_what_is_explained_is_counted_from_the_first_lens_to_noise_alone():
    assert [explained(value, 3.0) for value in (4.0, 3.0, 2.0, 1.0, 0.9)] == ["0%", "0%", "50%", "100%", "100%"]


def test_a_visitor_matches_hunts_and_sees_the_answer(monkeypatch):
    monkeypatch.delenv("LENSLAB_DATA", raising=False)
    app = AppTest.from_file(str(PAGE), default_timeout=200)
    app.session_state[OPEN] = True
    checked(app.run())
    assert app.session_state[state.SCENE] == targets.mystery(0).start
    assert [metric.value for metric in app.metric][:2] == ["0%", "0%"]
    app.button(key="match.reveal").click()
    checked(app.run())
    assert app.session_state[state.SCENE] == targets.mystery(0).truth
    assert app.metric[0].value in ("99%", "100%") and "| true |" in app.info[0].value
    app.segmented_control(key="match.form.game").set_value("clump")
    checked(app.run())
    assert app.session_state[state.SCENE] == targets.hunt(0).start
