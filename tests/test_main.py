import io
import json
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from lenslab.__main__ import Bar, main
from lenslab.images.simulate import observe_scene
from lenslab.scene import Camera, Scene
from lenslab.sets.dataset import read

SCENE = Scene(camera=Camera(num_pix=32))


@pytest.fixture
def scene_json(tmp_path):
    (tmp_path / "scene.json").write_text(SCENE.to_json())
    return tmp_path / "scene.json"


def test_simulate_writes_the_image_of_the_scene(scene_json, tmp_path):
    wanted = observe_scene(SCENE).image[0, 0].numpy()
    for name in ("lens.fits", "lens.npz", "lens.png"):
        assert main(["simulate", str(scene_json), "--out", str(tmp_path / name)]) == 0
    with fits.open(tmp_path / "lens.fits") as hdus:
        assert np.array_equal(hdus[0].data, wanted)
    with np.load(tmp_path / "lens.npz") as arrays:
        assert np.array_equal(arrays["image"], wanted)
    assert Image.open(tmp_path / "lens.png").size[0] >= 32


def test_dataset_writes_a_set(tmp_path, capsys):
    path = tmp_path / "set.h5"
    arguments = ["dataset", "deeplense-2:doubled=off", "--size", "10", "--out", str(path), "--seed", "2", "--split",
                 "test"]
    assert main(arguments) == 0
    assert "10/10 images" in capsys.readouterr().err
    with read(path) as images:
        assert len(images) == 10 and images.header["split"] == "test"
        assert images.header["population"] == "deeplense-2:doubled=off"
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, said", [
    (["simulate", "{scene}", "--out", "{folder}/x.jpg"], "choose one of .fits, .npz, .png"),
    (["simulate", "{folder}/none.json", "--out", "{folder}/x.fits"], "No such file"),
    (["simulate", "{broken}", "--out", "{folder}/x.fits"], "no lenslab scene"),
    (["simulate", "{scene}", "--out", "{folder}/no/x.fits"], "No such file"),
    (["dataset", "hts", "--size", "3", "--out", "{folder}/x.h5"], "choose from hst"),
    (["dataset", "hst:colour=off", "--size", "3", "--out", "{folder}/x.h5"], "its switches are slope"),
    (["dataset", "hst", "--size", "0", "--out", "{folder}/x.h5"], "whole number of images"),
    (["dataset", "hst", "--size", "3", "--out", "{folder}/no/x.h5"], "does not exist"),
    (["dataset", "hst", "--size", "3", "--out", "{folder}/x.h5", "--workers", "0"], "between 1 and 256"),
])
def test_what_a_user_can_mend_is_one_sentence(scene_json, tmp_path, capsys, arguments, said):
    (tmp_path / "broken.json").write_text(json.dumps({"lens": 1}))
    places = dict(scene=scene_json, folder=tmp_path, broken=tmp_path / "broken.json")
    assert main([part.format(**places) for part in arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error and "Traceback" not in error and len(error.splitlines()) == 1
    assert not list(tmp_path.glob("x.*"))


def test_help_is_quick_and_loads_no_torch():
    code = ("import sys; from lenslab.__main__ import main\n"
            "try: main(['dataset', '--help'])\n"
            "except SystemExit: pass\n"
            "assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_bar_tells_how_far_and_how_fast():
    out = io.StringIO()
    with Bar(out) as bar:
        bar(0, 100)
        bar(50, 100)   # a file gets a line at most every ten seconds
        bar(100, 100)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 and lines[0].startswith("[" + "." * 30) and lines[1].startswith("[" + "#" * 30 + "] 100/100")
