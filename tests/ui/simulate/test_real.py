"""Beside a real lens: what is published belongs to the very file of the list, and what is no lens is told."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lenslab.images.export import to_fits
from lenslab.images.simulate import observe_scene
from lenslab.scene import Scene, Sersic
from lenslab.sky import catalogue
from lenslab.ui import state
from lenslab.ui.simulate import real
from tests.test_app import look, open_app

LENS = Scene().set({"lens_light": (Sersic(magnitude=20.0, R_sersic=0.6),)})


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A list of one lens, of which an Einstein radius of 1.38" is published."""
    (tmp_path / "lenses").mkdir()
    (tmp_path / "lenses" / "j0000.fits").write_bytes(to_fits(None, observe_scene(LENS)))
    (tmp_path / "lens_parameters.csv").write_text("name,theta_E_arcsec,image_here\nJ0000,1.38,lenses/j0000.fits\n")
    monkeypatch.setenv("LENSLAB_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def session(monkeypatch) -> dict:
    """A session without a page, since no test can put a file into a page's uploader."""
    found = {}
    monkeypatch.setattr(real.st, "session_state", found)
    return found


def upload(session: dict, name: str, data: bytes) -> real.RealLens:
    session["real.file"] = SimpleNamespace(name=name, getvalue=lambda: data)
    real.uploaded()
    return session[real.REAL]


def test_published_figures_belong_to_the_file_whatever_it_is_called(folder, session):
    data = (folder / "lenses" / "j0000.fits").read_bytes()
    same = upload(session, "mine.fits", data)
    assert same.known.theta_E == 1.38 and state.scene().lens.theta_E == 1.38
    assert session["real.name"] == "lenses/j0000.fits"
    other = to_fits(None, observe_scene(LENS.set({"seed_noise": 2})))
    assert upload(session, "j0000.fits", other).known is None and session["real.name"] is None
    assert len(other) == len(data) and catalogue.listed(other) is None


def test_a_refused_file_leaves_the_lens_and_its_name(folder, session):
    upload(session, "mine.fits", (folder / "lenses" / "j0000.fits").read_bytes())
    assert upload(session, "broken.fits", b"SIMPLE  =").known.theta_E == 1.38
    assert session["real.name"] == "lenses/j0000.fits" and state.notice().endswith(".")


def test_noise_held_beside_a_lens_is_told_to_be_none(session, monkeypatch):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)).save(out, "PNG")
    session["real.scale"] = 0.08
    noise = upload(session, "noise.png", out.getvalue())
    assert "No arc" in noise.doubts[0]
    monkeypatch.undo()                  # the page has a session of its own
    app = open_app()
    app.session_state["scene"], app.session_state[real.REAL] = session["scene"], noise
    assert noise.doubts[0] in [warning.value for warning in look(app, "Beside a real lens").warning]
