"""`python -m lenslab evaluate` on sets and on npz files, which may come from anywhere."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch

from lenslab.checkpoint import FORMAT, save
from lenslab.insight import metrics
from lenslab.population import find
from lenslab.runs.evaluate import evaluate
from lenslab.sets import dataset, stacks
from lenslab.sets.draw import items
from lenslab.tasks import classify
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import load
from lenslab.tasks.training import plain

SIZE = 90
POPULATION = "deeplense-2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network with weights of chance, a set, and the images of the set by class."""
    folder = tmp_path_factory.mktemp("evaluate")
    torch.manual_seed(0)
    config = classify.Config(width=4, population=POPULATION)
    built = classify.build(config)
    save(folder / "net.safetensors", built.model.state_dict(), built.card | dict(
        format=FORMAT, task="classify", config=plain(config), population=POPULATION, metrics={"temperature": 1.7}))
    dataset.write(POPULATION, SIZE, folder / "set.h5", seed=0, split="test")
    with dataset.read(folder / "set.h5") as made:
        arrays = {name: made.images().numpy()[made.labels == k, 0] for k, name in enumerate(made.classes)}
    np.savez(folder / "set.npz", **arrays)
    return folder


def judge(capsys, checkpoint, **settings):
    evaluate(checkpoint, json=True, **settings)
    captured = capsys.readouterr()
    return json.loads(captured.out.splitlines()[-1]), captured.err


def test_a_set_is_judged_as_the_metrics_say(folder, capsys):
    found, _ = judge(capsys, folder / "net.safetensors", data=folder / "set.h5")
    model = load(folder / "net.safetensors")
    with dataset.read(folder / "set.h5") as made:
        logits = answers.logits_of(model, made.images() / made.variance().sqrt())
        labels = made.labels
    probabilities = np.exp(logits / 1.7) / np.exp(logits / 1.7).sum(1, keepdims=True)
    assert found["n"] == SIZE and found["accuracy"] == metrics.accuracy(probabilities, labels)
    assert found["ece"] == pytest.approx(metrics.calibration_error(probabilities, labels), abs=1e-9)
    for k, name in enumerate(("no_sub", "cdm", "axion")):
        assert found["auc"][name] == pytest.approx(metrics.auc(probabilities[:, k], labels == k), abs=1e-12)
    assert found["macro_auc"] == pytest.approx(np.mean(list(found["auc"].values())), abs=1e-12)
    assert set(found["intervals"]) == {"macro_auc", "accuracy", "ece", "auc.no_sub", "auc.cdm", "auc.axion"}
    assert all(low <= high for low, high in found["intervals"].values())


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4", "float16"])
def test_images_without_metadata_score_as_in_their_set(folder, capsys, tmp_path, dtype):
    """deeplense-2 has one camera, so that nothing is lost with the metadata; half floats keep 3 digits of a pixel."""
    arrays = dict(np.load(folder / "set.npz"))
    np.savez_compressed(tmp_path / "x.npz", **{name: array.astype(dtype) for name, array in arrays.items()})
    one, _ = judge(capsys, folder / "net.safetensors", data=folder / "set.h5")
    two, said = judge(capsys, folder / "net.safetensors", data=tmp_path / "x.npz")
    assert "camera of deeplense-2 is assumed" in said
    assert two["n"] == SIZE
    assert two["macro_auc"] == pytest.approx(one["macro_auc"], abs=0.01 if dtype == "float16" else 1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "int16", ">i4", "int64", "uint32", "float64"])
def test_whole_numbers_are_read_as_the_numbers_they_are(tmp_path, dtype):
    array = np.random.default_rng(0).integers(0, 99, (7, 16, 20)).astype(dtype)
    np.savez(tmp_path / "x.npz", a=array, b=np.asfortranarray(array))
    found, others = stacks.stacks(tmp_path / "x.npz", ("a", "b"))
    for stack in found.values():
        read = torch.cat(list(stacks.pieces(tmp_path / "x.npz", stack)))
        assert read.dtype == torch.float32 and (read[:, 0].numpy() == array.astype(np.float32)).all()
    assert others == [] and len(torch.cat(list(stacks.pieces(tmp_path / "x.npz", found["a"], 3)))) == 3


def test_pieces_join_without_a_seam(tmp_path, monkeypatch):
    monkeypatch.setattr(stacks, "PIECE", 3 * 16 * 16 * 8)
    array = np.random.default_rng(0).normal(size=(10, 16, 16))
    np.savez_compressed(tmp_path / "x.npz", a=array)
    found, _ = stacks.stacks(tmp_path / "x.npz", ("a",))
    read = list(stacks.pieces(tmp_path / "x.npz", found["a"]))
    assert [len(piece) for piece in read] == [3, 3, 3, 1]
    assert (torch.cat(read)[:, 0].numpy() == array.astype(np.float32)).all()


def test_exposures_of_model_1_are_read_off_the_sky():
    """Each image of deeplense-1 has its own exposure, which only a simulator's file would tell: 3 % off at most for
    19 of 20, and sigmas with it, where the middle of the range would be 78 % off at its ends."""
    population = find("deeplense-1")
    drawn = items(population, 0, 0, "test")
    true = drawn.image / drawn.variance.sqrt()
    sky = stacks.corners(drawn.image) / (stacks.CLIPPED_MEAN * 0.01)
    exposure = drawn.parameters[:, population.paths.index("camera.exposure_time")]
    error = sky.numpy() / exposure - 1
    assert abs(error.mean()) < 0.008 and error.std() < 0.03
    image, sigma = stacks.with_noise(population.camera, 0.01, drawn.image)
    bare = image / sigma
    assert (bare - true).abs().max() < 0.4 and (bare / true)[true > 5].std() < 0.03


def test_other_arrays_are_named_and_missing_classes_are_said(folder, capsys, tmp_path):
    arrays = dict(np.load(folder / "set.npz"))
    np.savez(tmp_path / "x.npz", no_sub=arrays["no_sub"], axion=arrays["axion"][:5], axion_mass=np.zeros(3),
             text=np.array("hello"))
    found, said = judge(capsys, folder / "net.safetensors", data=tmp_path / "x.npz")
    assert "axion_mass" in said and "text" in said and "no images of cdm" in said
    assert set(found["auc"]) == {"no_sub", "axion"}
    assert found["n"] == len(arrays["no_sub"]) + 5
    only, _ = judge(capsys, folder / "net.safetensors", data=tmp_path / "x.npz", n=7)
    assert only["n"] == 7 and np.sum(only["confusion"], axis=1).tolist() == [4, 0, 3]


def test_one_class_alone_has_no_auc_and_still_is_json(folder, capsys, tmp_path):
    np.savez(tmp_path / "x.npz", cdm=np.load(folder / "set.npz")["cdm"])
    found, _ = judge(capsys, folder / "net.safetensors", data=tmp_path / "x.npz")
    assert found["macro_auc"] is None and found["auc"] == {} and 0 <= found["accuracy"] <= 1


def test_a_population_is_simulated(folder, capsys):
    found, said = judge(capsys, folder / "net.safetensors", n=60)
    assert found["n"] == 60 and "split test" in said
    same, _ = judge(capsys, folder / "net.safetensors", data=folder / "set.h5", n=60)
    assert found["macro_auc"] == pytest.approx(same["macro_auc"], abs=1e-9)


def test_pixels_that_are_no_number_are_empty(folder, capsys, tmp_path):
    arrays = dict(np.load(folder / "set.npz"))
    arrays["cdm"][0, 3, 3], arrays["cdm"][1, 4, 4] = np.nan, np.inf
    np.savez(tmp_path / "x.npz", **arrays)
    found, said = judge(capsys, folder / "net.safetensors", data=tmp_path / "x.npz")
    assert "2 pixels" in said and found["n"] == SIZE


def announcing(shape, dtype="<f8", data=b""):
    """An npy member whose header says one thing and whose body is another."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, dict(descr=dtype, fortran_order=False, shape=shape))
    return out.getvalue() + data


@pytest.mark.parametrize("member", [
    announcing((10**6, 1000, 1000)), announcing((5, 64)), announcing((5, 64, 64), "<c16", bytes(5 * 64 * 64 * 16)),
    announcing((5, 64, 64), "|O", bytes(5 * 64 * 64 * 8)), announcing((2, 4, 4), data=bytes(256)), b"\x93NUMPY",
    b"cdm", announcing((5, 64, 64), "<f8", bytes(100)), announcing((-5, 64, 64))])
def test_a_file_that_lies_is_refused_in_words(folder, tmp_path, member):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cdm.npy", member)
    with pytest.raises(ValueError, match=r"\.$"):
        evaluate(folder / "net.safetensors", data=tmp_path / "x.npz")


def test_pickled_objects_are_never_opened(folder, tmp_path):
    np.savez(tmp_path / "x.npz", cdm=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="python objects"):
        evaluate(folder / "net.safetensors", data=tmp_path / "x.npz")


def test_a_damaged_file_or_none_is_refused_in_words(folder, tmp_path):
    whole = (folder / "set.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[:len(whole) // 2])
    for path in (tmp_path / "x.npz", tmp_path / "nothing.npz", folder / "net.safetensors"):
        with pytest.raises(ValueError, match=r"\.$"):
            evaluate(folder / "net.safetensors", data=path)
    np.savez(tmp_path / "y.npz", other=np.zeros((2, 64, 64)))
    with pytest.raises(ValueError, match="no_sub, cdm, axion are wanted"):
        evaluate(folder / "net.safetensors", data=tmp_path / "y.npz")


def test_the_table_shows_the_same_numbers(folder, capsys):
    evaluate(folder / "net.safetensors", data=folder / "set.h5")
    shown = capsys.readouterr().out
    found, _ = judge(capsys, folder / "net.safetensors", data=folder / "set.h5")
    assert f"{found['accuracy']:.4f}" in shown and "auc.axion" in shown
