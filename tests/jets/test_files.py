"""Sets of jets: the same whoever makes them, whole or not there, and refused in words where they are unsound."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from lenslab.__main__ import main
from lenslab.feed.order import CHUNK
from lenslab.jets import files
from lenslab.jets.detector import Measured
from lenslab.jets.draw import Draw
from lenslab.jets.images import Hits


def columns(self, chunk: int) -> dict:
    """A chunk as Draw makes it, without Pythia."""
    rng = np.random.default_rng((self.seed, chunk))
    seen = [Measured(*(np.where(rng.random((side, side)) < 0.01, 2.0, 0) for side in (125, 125, 25)))
            for _ in range(CHUNK)]
    return vars(Hits.of(seen)) | dict(label=np.arange(CHUNK) % 3, pt=rng.uniform(400, 600, CHUNK).astype(np.float32),
                                      mass=rng.uniform(20, 200, CHUNK).astype(np.float32),
                                      eta=np.zeros(CHUNK, np.float32))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(Draw, "columns", columns)
    monkeypatch.setattr(Draw, "definition", {"pythia": "none"})


def same(a: files.Jets, b: files.Jets) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(
        (*vars(a.hits).values(), a.label, a.pt, a.mass), (*vars(b.hits).values(), b.label, b.pt, b.mass), strict=True))


def test_a_set_that_was_stopped_goes_on_and_is_the_same(quick, tmp_path, monkeypatch):
    counts = []
    files.write(250, tmp_path / "whole.h5", seed=4, report=lambda done, total: counts.append((done, total)))
    assert counts == [(0, 250), (120, 250), (240, 250), (250, 250)]

    def fails(self, chunk):
        if chunk == 2:
            raise KeyboardInterrupt
        return columns(self, chunk)

    monkeypatch.setattr(Draw, "columns", fails)
    with pytest.raises(KeyboardInterrupt):
        files.write(250, tmp_path / "stopped.h5", seed=4)
    assert not (tmp_path / "stopped.h5").exists()
    made = []
    monkeypatch.setattr(Draw, "columns", lambda self, chunk: made.append(chunk) or columns(self, chunk))
    with pytest.raises(ValueError, match="begun otherwise"):
        files.write(250, tmp_path / "stopped.h5", seed=5)
    files.write(250, tmp_path / "stopped.h5", seed=4)
    assert made == [2]
    whole, stopped = (files.read(tmp_path / name) for name in ("whole.h5", "stopped.h5"))
    assert same(whole, stopped) and len(whole) == 250 and np.bincount(whole.label).tolist() == [84, 83, 83]
    assert not list(tmp_path.glob("*.partial"))


def test_jets_are_the_same_for_any_number_of_workers(tmp_path, monkeypatch):
    """A chunk of Pythia's (here of three jets) is the same whatever its process made before."""
    pytest.importorskip("pythia8mc")
    import lenslab.jets.draw as draw

    monkeypatch.setattr(draw, "CHUNK", 3)
    first = Draw(seed=7).columns(1)
    Draw(seed=7).columns(0)
    again = Draw(seed=7).columns(1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    other = Draw(seed=7, split="test").columns(1)
    assert not np.array_equal(first["pt"], other["pt"]) and first["label"].tolist() == [0, 1, 2]


def test_the_sample_holds_balanced_jets_that_were_simulated():
    jets = files.read(files.SAMPLE)
    assert len(jets) == 2000 and jets.flavours == ("quark", "gluon", "top")
    assert np.abs(np.bincount(jets.label) - 2000 / 3).max() < 1 and jets.header["definition"]["pileup"] == 0
    assert files.SAMPLE.stat().st_size < 2e6
    assert jets.pt.min() > 400 and jets.pt.max() < 600 and np.median(jets.mass[jets.label == 2]) > 120


@pytest.mark.parametrize("words, told", [
    (["--size", "0", "--out", "{folder}/x.h5"], "whole number of jets"),
    (["--size", "3", "--out", "{folder}/no/x.h5"], "does not exist"),
    (["--size", "3", "--out", "{folder}/x.h5", "--pileup", "-1"], "from 0 to 200"),
    (["--size", "3", "--out", "{folder}/x.h5", "--workers", "0"], "between 1 and 256"),
    (["--size", "3", "--out", "{folder}/x.h5", "--from", "{folder}/y.h5", "--channels", "ecal,hcal"], "in the order"),
    (["--size", "3", "--out", "{folder}/x.h5", "--from", "{folder}/y.h5", "--scale", "1,loud,1"], "three numbers"),
    (["--size", "3", "--out", "{folder}/x.h5", "--from", "{folder}/y.h5"], "There is no file")])
def test_what_cannot_be_made_is_refused_in_words(quick, words, told, tmp_path, capsys):
    assert main(["dataset", "jets", *(word.format(folder=tmp_path) for word in words)]) == 2
    error = capsys.readouterr().err
    assert told in error and error.strip().endswith(".")


def test_the_shell_writes_a_set(quick, tmp_path):
    assert main(["dataset", "jets", "--size", "10", "--seed", "2", "--out", str(tmp_path / "jets.h5")]) == 0
    assert files.read(tmp_path / "jets.h5").header["seed"] == 2


def damaged(path, change) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def swap(name, values):
    def change(file):
        del file[name]
        file[name] = values
    return change


@pytest.mark.parametrize("change", [
    swap("places", np.full(10, 60000, np.uint16)), swap("pt", np.zeros(10, np.float64)),
    swap("pt", np.full(10, np.nan, np.float32)), swap("label", np.full(10, 9, np.uint8)),
    lambda file: file.__delitem__("values"), lambda file: file.attrs.__setitem__("header", np.bytes_("[]")),
    lambda file: (file.__delitem__("mass"), file.__setitem__("mass", h5py.ExternalLink("/etc/passwd", "x"))),
    lambda file: (file.__delitem__("pt"), file.create_dataset("pt", (10**9,), np.float32, compression="gzip"))])
def test_unsound_files_are_refused_in_words(quick, change, tmp_path):
    files.write(10, tmp_path / "jets.h5")
    damaged(tmp_path / "jets.h5", change)
    with pytest.raises(ValueError, match="jets.h5 is .*make"):
        files.read(tmp_path / "jets.h5")


def test_a_file_of_another_kind_is_refused_in_words(tmp_path):
    (tmp_path / "x.h5").write_text(json.dumps({"pt": 1}))
    for name in ("x.h5", "y.h5"):
        with pytest.raises(ValueError, match="no set of jets|There is no file"):
            files.read(tmp_path / name)


def test_rows_are_taken_together(quick, tmp_path):
    files.write(10, tmp_path / "jets.h5")
    jets = files.read(tmp_path / "jets.h5")
    some = jets.take(np.array([7, 2]))
    assert some.pt.tolist() == jets.pt[[7, 2]].tolist()
    assert np.array_equal(some.hits.images(32), jets.hits.images(32)[[7, 2]])
    assert replace(some, header={"flavours": ["a"]}).flavours == ("a",)
