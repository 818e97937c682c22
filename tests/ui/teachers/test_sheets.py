"""Sheets to print: a ruler on the ring gives the mass that the answers tell; and the app of a class."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from astropy import constants, units
from astropy.cosmology import FlatLambdaCDM
from PIL import Image

from lenslab.ui.teachers import serve, sheets
from lenslab.ui.texts.teachers import TEXTS


def test_a_ruler_measures_the_ring_and_the_formula_weighs_it():
    sheet = sheets.tasks(TEXTS["en"], "en")
    image = np.asarray(Image.open(io.BytesIO(b64decode(re.search(r"base64,([^\"]+)", sheet)[1]))))
    width = float(re.search(r"img \{ width: ([\d.]+)cm", sheet)[1])
    ink = 255.0 - image
    cm = width / len(ink)
    y, x = (np.indices(ink.shape) - (len(ink) - 1) / 2) * cm
    r = np.hypot(x, y)
    radii = np.arange(0.5, 0.45 * width, 0.05)
    profile = [ink[(r > radius - 0.1) & (r < radius + 0.1)].mean() for radius in radii]
    measured = radii[int(np.argmax(profile))]
    told = sheets.numbers()
    assert measured == pytest.approx(told["cm"], abs=0.25)      # as well as a ruler and an eye can
    scene, universe = sheets.ring(), FlatLambdaCDM(H0=70, Om0=0.3)
    theta = (scene.lens.theta_E * units.arcsec).to_value("rad")
    d_l, d_s = (universe.angular_diameter_distance(z) for z in (scene.z_lens, scene.z_source))
    d_ls = universe.angular_diameter_distance_z1z2(scene.z_lens, scene.z_source)
    mass = (constants.c**2 / 4 / constants.G * d_l * d_s / d_ls * theta**2).to_value("Msun")
    digits, power = f"{mass:.1e}".split("e")
    assert told["mass"].startswith(f"{digits} × 10") and 0 < told["dark"] < 1
    assert int("".join("0123456789"["⁰¹²³⁴⁵⁶⁷⁸⁹".index(each)] for each in told["mass"].split("10")[1])) == int(power)


@pytest.mark.parametrize("tongue", TEXTS)
def test_answers_stand_apart_and_point_at_choices_that_there_are(tongue):
    words = TEXTS[tongue]
    assert len(words["questions"]) == 5
    tasks, answers = sheets.tasks(words, tongue), sheets.answers(words, tongue)
    for _, choices, right, why in words["questions"]:
        assert 0 <= right < len(choices)
        assert sheets.plain(why) in answers and sheets.plain(why) not in tasks
    assert "{" not in re.sub(r"<style>.*</style>", "", tasks + answers, flags=re.S)
    assert len(words["tasks_list"]) == len(words["tasks_answers"])


def test_a_class_is_let_in_by_the_network_and_starts_no_training():
    line = serve.command("192.168.1.7", 8600)
    assert "--server.address=0.0.0.0" in line and "--browser.serverAddress=192.168.1.7" in line
    assert "--server.port=8600" in line


def test_the_whole_way_of_make_class_runs_in_public_mode(monkeypatch, capsys):
    ran = {}
    monkeypatch.setattr(serve.subprocess, "run", lambda line, **more: ran.update(more, line=line))
    monkeypatch.setattr("sys.argv", ["serve", "--address", "192.168.1.7", "--port", "8600"])
    serve.main()
    assert ran["env"]["LENSLAB_PUBLIC"] == "1" and ran["env"][serve.ADDRESS] == "http://192.168.1.7:8600"
    assert "http://192.168.1.7:8600" in capsys.readouterr().out
