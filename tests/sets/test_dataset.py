import errno
import json
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from lenslab.images.realise import realise
from lenslab.images.simulate import noise_free, observe, observe_scene
from lenslab.physics import noise as noises
from lenslab.population import CHUNK, find
from lenslab.scenes import Scenes
from lenslab.sets import dataset
from lenslab.sets.draw import brighter, estimated_variance, exposed, items, wanted

QUICK = "deeplense-2"  # 64 x 64, no supersampling


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A set of three chunks, the last one cut, by one process."""
    path = tmp_path_factory.mktemp("sets") / "small.h5"
    counts = []
    dataset.write(QUICK, 250, path, seed=4, report=lambda done, total: counts.append((done, total)))
    assert counts == [(0, 250), (120, 250), (240, 250), (250, 250)]
    return path


def arrays(path):
    with h5py.File(path, "r") as file:
        return {name: file[name][:] for name in dataset.NAMES}


def test_two_workers_write_the_same_numbers_as_one(small, tmp_path):
    dataset.write(QUICK, 250, tmp_path / "two.h5", seed=4, workers=2)
    one, two = arrays(small), arrays(tmp_path / "two.h5")
    for name in dataset.NAMES:
        assert np.array_equal(one[name], two[name], equal_nan=True), name


def test_a_killed_run_goes_on_and_loses_and_doubles_nothing(small, tmp_path):
    path, size = tmp_path / "killed.h5", 6 * CHUNK
    command = [sys.executable, "-m", "lenslab", "dataset", QUICK, "--size", str(size), "--seed", "4", "--out", path,
               "--workers", "2"]
    partial = path.with_name("killed.h5.partial")
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline, done = time.monotonic() + 120, 0
    while not done and time.monotonic() < deadline:
        time.sleep(0.01)
        if partial.exists():
            with h5py.File(partial, "r", locking=False) as file:
                done = int(file["done"][:].sum())
    workers = children(process.pid)
    process.kill()
    process.wait()
    assert done and not path.exists()
    with h5py.File(partial, "r") as file:
        finished = np.flatnonzero(file["done"][:])
        kept = {int(chunk): file["image"][CHUNK * chunk] for chunk in finished}
    assert 0 < len(finished) < 6
    with pytest.raises(ValueError, match="finish that one, or delete it"):
        dataset.write(QUICK, size, path, seed=5)
    with pytest.raises(ValueError, match="not finished"):
        dataset.read(partial)
    counts = []
    dataset.write(QUICK, size, path, seed=4, report=lambda done, total: counts.append(done))
    assert counts == list(range(CHUNK * len(finished), size + 1, CHUNK))  # only what was missing is made
    resumed, whole, drawn = arrays(path), arrays(small), find(QUICK).draw(size, 4)
    for name in dataset.NAMES[:-1]:
        assert np.array_equal(resumed[name][:250], whole[name], equal_nan=True), name
    assert np.array_equal(resumed["label"], drawn.labels)
    for rows, scenes in drawn.groups:
        assert np.array_equal(resumed["seeds"][rows], scenes.seeds)
    assert all(np.array_equal(resumed["image"][CHUNK * chunk], image) for chunk, image in kept.items())
    assert len(np.unique(resumed["seeds"][:, 1])) == size
    assert not partial.exists()
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, workers))  # their pipes closed with their parent


def children(pid):
    """Processes that a process started; none where the system has no /proc."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_set_says_all_that_is_true_of_it(small):
    population = find(QUICK)
    with dataset.read(small) as images:
        assert len(images) == 250 and images.classes == ["no_sub", "cdm", "axion"]
        assert images.header["definition"] == json.loads(json.dumps(population.definition))
        assert images.header["seed"] == 4 and images.header["split"] == "train"
        drawn = population.draw(250, 4)
        assert np.array_equal(images.labels, drawn.labels)
        assert np.array_equal(images.column("axion_mass"), drawn.truths["axion_mass"], equal_nan=True)
        for rows, scenes in drawn.groups:
            for path in ("source.center_x", "lens.theta_E", "substructure.log10_m_axion"):
                assert np.array_equal(images.column(path)[rows], scenes[path].numpy()), path
        assert images.images(slice(3, 5)).shape == (2, 1, 64, 64)
        with pytest.raises(ValueError, match="no column 'colour'"):
            images.column("colour")


def test_the_scene_of_an_item_makes_its_pixels(small, tmp_path):
    """The columns are the whole truth: a Scene rebuilt from a row gives the image of that row, noise and all."""
    dataset.write("seed-64", 3, tmp_path / "noisy.h5", seed=1)
    for path, rows in ((small, (0, 1, 2)), (tmp_path / "noisy.h5", (0, 1, 2))):  # each class once
        with dataset.read(path) as images:
            for row in rows:
                again = observe_scene(images.scene(row), dtype=torch.float64)
                peak = float(again.image.abs().max())
                assert np.allclose(images.images([row])[0].numpy(), again.image[0].numpy(), atol=2e-4 * peak)


def test_clumps_lens_light_and_pictures_come_back_in_scenes():
    """hst-light has every optional part: all items of two chunks rebuilt from columns alone match the scenes drawn."""
    population = find("hst-light")
    drawn = population.draw(CHUNK, 2)
    for rows, scenes in drawn.groups:
        if scenes.template.substructure.kind in ("cdm", "wdm", "fdm"):
            continue  # slow to render, and no different here
        values = {path: scenes[path][:1] for path in scenes.values}
        again = Scenes.from_values(population.template(int(drawn.labels[rows[0]]), len(scenes.template.lens_light)),
                                   values, scenes.seeds[:1]).scene(0)
        assert again == scenes.scene(0)


def test_signal_to_noise_is_what_was_asked_measured_on_images():
    """S = sqrt(sum I^2/variance) of the noise-free arcs, lens light no signal but a source of noise."""
    drawn, measured, asked = find("hst-light").chunk(0, 7), [], []
    for rows, wide in drawn.groups:
        if wide.template.substructure.kind not in ("none", "vortex"):
            continue  # slow to render, and no different here
        shift, _, told = exposed(wide.to(dtype=torch.float32), realise(wide.to(dtype=torch.float32)),
                                 wanted(drawn, rows))
        scenes = brighter(wide, shift)
        dark = {path: torch.full_like(value, 60.0) if path.endswith("magnitude") and "lens_light" in path else value
                for path, value in scenes.values.items()}
        arcs, observation = noise_free(scenes.with_values(**dark)), observe(scenes)
        assert (observation.model >= arcs).all()
        measured += (arcs**2 / observation.variance).sum((1, 2, 3)).sqrt().tolist()
        asked += drawn.truths["signal_to_noise"][rows].tolist()
        assert np.allclose(told, drawn.truths["signal_to_noise"][rows], rtol=1e-9)
    assert len(asked) == 48 and np.allclose(measured, asked, rtol=1e-4)  # magnitudes are set on float32 images
    assert min(asked) >= 50 and max(asked) <= 500


def test_the_estimated_variance_is_right_in_the_mean():
    """Over many draws of the noise, (image - mean)^2 / estimate is 1 where photons are many."""
    population = find("deeplense-1")
    for camera in (population.camera, find("deeplense-1:noise_twice=off").camera):
        model = torch.full((1, 1, 200, 200), 0.05, dtype=torch.float64)
        rms, exposure, gain = (torch.tensor([value], dtype=torch.float64) for value in (0.01, 2000.0, 1.0))
        image = noises.noisy(model, rms, exposure, gain, noises.SeededDraws([1]), noise_twice=camera.noise_twice)
        mean, true = noises.moments(model, rms, exposure, gain, noise_twice=camera.noise_twice)
        estimate = estimated_variance(camera, image, rms, exposure * gain)
        assert np.isclose(float(estimate.mean()), float((image - mean).square().mean()), rtol=0.03)
        assert np.isclose(float(estimate.mean()), float(true.mean()), rtol=0.01)


@pytest.mark.parametrize("changes, said", [
    (dict(size=0), "whole number of images"), (dict(seed=-3), "seed is -3"), (dict(split="dev"), "choose from train"),
    (dict(population="hstt"), "choose from hst"), (dict(workers=0), "between 1 and 256"),
])
def test_wrong_requests_are_refused_in_a_sentence(tmp_path, changes, said):
    with pytest.raises(ValueError, match=said):
        dataset.write(**(dict(population=QUICK, size=3, path=tmp_path / "x.h5") | changes))


def test_a_full_disk_is_told_in_our_words_and_the_set_goes_on(tmp_path, monkeypatch):
    """As h5py does it: the write fails, then the closing fails in other words."""
    to_disk, calls = dataset.to_disk, []

    def full(file):
        calls.append(file)
        if len(calls) == 2:  # the first is of the empty file
            try:
                raise OSError(errno.ENOSPC, "Can't write data (file write failed)")
            finally:
                raise RuntimeError("Can't decrement id ref count")
        to_disk(file)

    monkeypatch.setattr(dataset, "to_disk", full)
    with pytest.raises(ValueError, match=r"disk of .*x\.h5 is full; the whole set takes 0 MB\. Free some space.*\.$"):
        dataset.write(QUICK, 3, tmp_path / "x.h5")
    dataset.write(QUICK, 3, tmp_path / "x.h5")
    with dataset.read(tmp_path / "x.h5") as images:
        assert len(images) == 3


def test_a_finished_set_is_never_written_over(small):
    with pytest.raises(ValueError, match="is there already"):
        dataset.write(QUICK, 250, small, seed=4)


def hostile(path, name):
    """A set with one thing wrong."""
    with h5py.File(path, "r+") as file:
        if name in ("external link", "soft link"):
            del file["image"]
            file["image"] = h5py.SoftLink("/label") if name == "soft link" else h5py.ExternalLink("other.h5", "/image")
        elif name == "external storage":
            del file["image"]
            file.create_dataset("image", (250, 64, 64), "<f4", external=[("/etc/hostname", 0, 250 * 64 * 64 * 4)])
        elif name == "virtual":
            del file["image"]
            layout = h5py.VirtualLayout((250, 64, 64), "<f4")
            layout[:] = h5py.VirtualSource("other.h5", "image", (250, 64, 64))
            file.create_virtual_dataset("image", layout)
        elif name == "objects":
            del file["image"]
            file.create_dataset("image", (250, 64, 64), h5py.string_dtype())
        elif name == "compressed":
            del file["image"]
            file.create_dataset("image", (250, 64, 64), "<f4", compression="gzip")
        elif name == "header":
            file.attrs["header"] = np.bytes_(b'{"lenslab_dataset": 1, "size": 1e99}')
        elif name == "huge":
            header = json.loads(file.attrs["header"]) | {"size": 10**8}
            file.attrs["header"] = np.bytes_(json.dumps(header))
            for array, (shape, dtype) in dataset.shapes(header).items():
                del file[array]
                file.create_dataset(array, shape, dtype)  # nothing is on disk until it is written
        elif name == "header as text":
            file.attrs["header"] = file.attrs["header"].decode()
        elif name == "definition":
            header = json.loads(file.attrs["header"]) | {"definition": [1]}
            file.attrs["header"] = np.bytes_(json.dumps(header))
        elif name == "digits":
            file.attrs["header"] = np.bytes_(file.attrs["header"].replace(b'"seed": 4', b'"seed": ' + b"4" * 400))
        elif name == "unfinished":
            file["done"][1] = 0


@pytest.mark.parametrize("name", ["external link", "soft link", "external storage", "virtual", "objects", "compressed",
                                  "header", "header as text", "definition", "digits", "huge", "unfinished"])
def test_hostile_files_are_refused_in_a_sentence(small, tmp_path, name):
    path = tmp_path / "hostile.h5"
    path.write_bytes(small.read_bytes())
    hostile(path, name)
    with pytest.raises(ValueError, match=r"\.$"):
        dataset.read(path)


def test_what_is_no_set_at_all_is_refused(small, tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "short.h5").write_bytes(small.read_bytes()[:20000])
    for name in ("text.h5", "short.h5", "missing.h5"):
        with pytest.raises(ValueError, match=r"\.$"):
            dataset.read(tmp_path / name)


def test_ceilings_are_a_column_when_asked_for():
    population = find("deeplense-2")
    coarse = replace(population.camera, num_pix=32, pixel_scale=2 * population.camera.pixel_scale)
    made = items(replace(population, camera=coarse), 0, 1, ceiling=True)
    smooth = made.labels == 0
    assert np.allclose(made.truths["ceiling"][smooth], 0, atol=1e-6) and (made.truths["ceiling"][~smooth] > 0).all()
    assert realise(find("deeplense-2").chunk(0, 1).groups[0][1]).points is None
