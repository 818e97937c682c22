"""Files in the layouts of CMS open data, made here by pyarrow and h5py."""

import h5py
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from lenslab.jets import files, open_data
from lenslab.jets.open_data import Reading, convert, pieces


@pytest.fixture(scope="module")
def images():
    """(6, 8, 125, 125): hits in a few crystals; towers in the third channel."""
    rng = np.random.default_rng(0)
    found = np.where(rng.random((6, 8, 125, 125)) < 0.01, rng.exponential(4, (6, 8, 125, 125)) + 0.5, 0)
    towers = np.where(rng.random((6, 25, 25)) < 0.1, 20.0, 0)
    found[:, 2] = np.kron(towers, np.ones((5, 5)) / 25)
    return found.astype(np.float32)


PT, MASS, Y = np.linspace(100, 300, 6), np.linspace(10, 60, 6), np.array([0, 1, 1, 0, 1, 0.0])


def write_parquet(path, images, name="X_jets", groups=2, **columns):
    table = pyarrow.table({name: images.tolist()} | {key: list(values) for key, values in columns.items()})
    parquet.write_table(table, path, row_group_size=groups)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("e2e")
    write_parquet(path / "three.parquet", images[:, :3], pt=PT, m0=MASS, y=Y)
    write_parquet(path / "eight.parquet", images[:2], "X_jet", mass=MASS[:2], pt=PT[:2], ieta=[3, 4], iphi=[5, 6])
    with h5py.File(path / "three.h5", "w") as file:
        file["X_jets"], file["pt"], file["m0"], file["y"] = np.moveaxis(images[:, :3], 1, -1), PT, MASS, Y
    return path


@pytest.mark.parametrize("name", ["three.parquet", "three.h5"])
def test_all_jets_are_read_piece_by_piece(folder, images, name):
    found = list(pieces(folder / name, Reading(), at_once=2))
    assert len(found) == 3
    assert np.array_equal(np.concatenate([part.images for part in found]), images[:, :3])
    assert np.concatenate([part.pt for part in found]).tolist() == pytest.approx(PT)
    assert np.concatenate([part.mass for part in found]).tolist() == pytest.approx(MASS)
    assert np.concatenate([part.label for part in found]).tolist() == Y.tolist()


def test_of_eight_channels_three_are_used_and_the_others_kept(folder, images):
    part, = pieces(folder / "eight.parquet", Reading(labels=("top",)))
    assert np.array_equal(part.images, images[:2, :3]) and np.array_equal(part.others, images[:2, 3:])
    assert part.label.tolist() == [0, 0] and part.mass.tolist() == pytest.approx(MASS[:2])


def test_order_and_scale_of_channels_are_what_they_are_said_to_be(folder, images):
    reading = Reading(channels=("ecal", "tracks", "hcal"), scale=(2.0, 1.0, 0.5))
    part = next(pieces(folder / "three.h5", reading))
    assert np.allclose(part.images[:, 0], images[:, 1]) and np.allclose(part.images[:, 1], 2 * images[:, 0])
    assert np.allclose(part.images[:, 2], images[:, 2] / 2)


def test_a_real_file_becomes_a_set_of_ours(folder, images, tmp_path):
    convert(folder / "three.parquet", tmp_path / "real.h5", Reading(), most=5)
    jets = files.read(tmp_path / "real.h5")
    assert len(jets) == 5 and jets.flavours == ("gluon", "quark") and "three.parquet" in jets.header["source"]
    assert np.allclose(jets.hits.images(125), images[:5, :3], rtol=2e-3)


@pytest.mark.parametrize("ending", ["parquet", "h5"])
def test_what_is_exported_is_read_again(images, tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    open_data.to_e2e(path, images[:, :3], PT, MASS, Y)
    parts = list(pieces(path, Reading(), at_once=4))
    assert np.allclose(np.concatenate([part.images for part in parts]), images[:, :3])
    with pytest.raises(ValueError, match="choose .h5 or .parquet"):
        open_data.to_e2e(tmp_path / "x.csv", images[:, :3], PT, MASS, Y)


def wrong(folder, images, name):
    path = folder / name
    small, columns = images[:2, :3, :, :25], dict(pt=PT[:2], m0=MASS[:2], y=Y[:2])
    if name == "axes.parquet":
        write_parquet(path, small, **columns)
    elif name == "last.parquet":
        write_parquet(path, np.moveaxis(images[:2, :3], 1, -1), **columns)
    elif name == "no-pt.parquet":
        write_parquet(path, images[:2, :3], m0=MASS[:2], y=Y[:2])
    elif name == "ragged.parquet":
        parquet.write_table(pyarrow.table({"X_jets": [[[[1.0]]], [[[1.0, 2.0]]]]} | {
            key: list(values) for key, values in columns.items()}), path)
    elif name == "words.parquet":
        parquet.write_table(pyarrow.table({"X_jets": ["a", "b"]} | {
            key: list(values) for key, values in columns.items()}), path)
    elif name == "label.parquet":
        write_parquet(path, images[:2, :3], pt=PT[:2], m0=MASS[:2], y=[0, 7])
    elif name == "nan.h5":
        with h5py.File(path, "w") as file:
            file["X_jets"] = np.full((1, 125, 125, 3), np.nan)
            file["pt"], file["m0"], file["y"] = [1.0], [1.0], [0]
    elif name == "first.h5":
        with h5py.File(path, "w") as file:
            file["X_jets"], file["pt"], file["m0"], file["y"] = images[:2, :3], PT[:2], MASS[:2], Y[:2]
    elif name == "cut.parquet":
        path.write_bytes((folder / "eight.parquet").read_bytes()[:5000])
    elif name == "text.parquet":
        path.write_text("pt,m0\n1,2\n")
    return path


@pytest.mark.parametrize("name, told", [
    ("axes.parquet", "axes"), ("last.parquet", "axes"), ("no-pt.parquet", "columns"), ("ragged.parquet", "axes"),
    ("words.parquet", "axes"), ("label.parquet", "name a label"), ("nan.h5", "not finite"), ("first.h5", "axes"),
    ("cut.parquet", "cannot be read"), ("text.parquet", "neither parquet nor HDF5"), ("none.h5", "There is no file")])
def test_other_files_are_refused_in_words(tmp_path, folder, images, name, told):
    for kept in ("eight.parquet",):
        (tmp_path / kept).write_bytes((folder / kept).read_bytes())
    with pytest.raises(ValueError, match=told) as error:
        list(pieces(wrong(tmp_path, images, name), Reading()))
    assert str(error.value).endswith(".")
