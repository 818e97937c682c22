"""Real galaxies as sources: `hst:galaxies=on` with a small folder of made-up ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab import picture
from lenslab.images.simulate import observe_scene
from lenslab.population import CHUNK, find
from lenslab.sets import dataset, draw, galaxies
from lenslab.sets.draw import items, scenes_of


def disc(side, width, scale, seed):
    """An exponential disc of scale length `scale` pixels off the middle, with noise of a sky of both signs."""
    y, x = np.indices((side, width))
    light = np.exp(-np.hypot(x - 0.45 * width, y - 0.55 * side) / scale)
    return (light + np.random.default_rng(seed).normal(0, 0.002, light.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Galaxies in each of two splits: two to train, one to test, none to validate."""
    home = tmp_path_factory.mktemp("data")
    (home / "sources").mkdir()
    wanted = ["train", "train", "test"]
    for seed in range(100):
        image = disc(60, 70, 5 + seed % 3, seed)
        split = galaxies.Galaxy(picture.remember(image), image, 1.0).split
        if split in wanted:
            wanted.remove(split)
            np.save(home / "sources" / f"{seed}.npy", image)
    assert not wanted
    return home


@pytest.fixture
def data(folder, monkeypatch):
    monkeypatch.setenv("LENSLAB_DATA", str(folder))


@pytest.fixture(scope="module")
def small(folder):
    """hst:galaxies=on with few and large pixels, and the first chunk of it."""
    population = find("hst:galaxies=on")
    population = replace(population, camera=replace(population.camera, num_pix=16, pixel_scale=0.32, supersampling=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENSLAB_DATA", str(folder))
        return population, items(population, 0, 3), scenes_of(population, CHUNK, 3)


def test_half_light_is_that_of_the_closed_forms():
    y, x = np.indices((201, 181)) - 100.0
    assert np.isclose(galaxies.half_light_radius(np.exp(-(x**2 + y**2) / 2 / 12**2)), 1.17741 * 12, rtol=0.01)
    exponential = disc(400, 400, 20, 1)  # half of an exponential disc's light lies within 1.6783 scale lengths
    assert np.isclose(galaxies.half_light_radius(exponential), 1.6783 * 20, rtol=0.03)


def test_half_of_the_sources_are_galaxies_of_the_split_alone(data, small):
    population, made, drawn = small
    ids = made.truths["picture"]
    assert set(ids[~np.isnan(ids)]) == {galaxy.id for galaxy in galaxies.of_split("train")}
    assert len(set(ids[~np.isnan(ids)])) == 2
    assert abs((~np.isnan(ids)).mean() - 0.5) < 0.15  # 120 coins: 0.046
    named = [scenes.template.source.picture for _, scenes in drawn.groups]
    assert set(named) == {None, *(galaxy.name for galaxy in galaxies.of_split("train"))}
    (one,) = galaxies.of_split("test")
    tests = items(population, 0, 3, "test").truths["picture"]
    assert set(tests[~np.isnan(tests)]) == {one.id} and one.id not in ids
    with pytest.raises(ValueError, match=r"None of the 3 galaxies .* split validation.*\.$"):
        galaxies.of_split("validation")


def test_pictures_have_the_radius_of_the_law_and_the_light_that_S_asks(data, small):
    population, made, drawn = small
    at = {path: k for k, path in enumerate(population.paths)}
    asked, plain = population.chunk(0, 3).truths["signal_to_noise"], find("hst").chunk(0, 3).truths["R_kpc"]
    assert np.array_equal(made.truths["R_kpc"], plain)  # the switch moves no other column
    assert np.allclose(made.truths["signal_to_noise"], asked, rtol=1e-4)
    turned = []
    for rows, scenes in drawn.groups:
        name = scenes.template.source.picture
        if name is None:
            continue
        image = picture.recall(name)
        on_sky = galaxies.half_light_radius(image) * scenes["source.picture_width"].numpy() / image.shape[1]
        assert np.allclose(on_sky, scenes["source.R_sersic"].numpy())
        assert np.allclose(made.parameters[rows, at["source.picture_width"]], scenes["source.picture_width"].numpy())
        assert np.isnan(made.parameters[rows, at["source.q"]]).all()
        turned.append(scenes["source.phi"].numpy())
    turned = np.concatenate(turned)
    assert turned.min() < -np.pi / 2 and turned.max() > np.pi / 2  # a whole turn: a picture has no half-turn symmetry


def test_other_sources_are_as_without_the_switch(small):
    population, made, drawn = small
    plain = find("hst").chunk(0, 3)
    sersic = np.isnan(made.truths["picture"])
    for path in ("lens.theta_E", "source.phi", "source.clumps.0.R_sersic", "substructure.f_sub"):
        columns = [np.full(CHUNK, np.nan) for _ in range(2)]
        for column, groups in zip(columns, (drawn.groups, plain.groups), strict=True):
            for rows, scenes in groups:
                if path in scenes.values:
                    column[rows] = scenes[path].numpy()
        assert np.array_equal(columns[0][sersic], columns[1][sersic], equal_nan=True), path
    assert find("hst:galaxies=off").definition == find("hst").definition
    assert "galaxies.phi" in population.definition["laws"] and population.name == "hst:galaxies=on"


def test_a_set_names_its_galaxies_and_gives_its_scenes_back(data, small, tmp_path, monkeypatch):
    population, made, _ = small
    monkeypatch.setattr(draw, "find", lambda name: population)
    dataset.write(population, 40, tmp_path / "set.h5", seed=3)
    with dataset.read(tmp_path / "set.h5") as images:
        assert images.header["pictures"] == [galaxy.name for galaxy in galaxies.of_split("train")]
        assert torch.equal(images.images(), made.image[:40])
        row = int(np.flatnonzero(~np.isnan(made.truths["picture"][:40]))[0])
        scene = images.scene(row)
        assert scene.source.picture in images.header["pictures"] and not scene.source.clumps
        again = observe_scene(scene, dtype=torch.float32).image[0]
        assert torch.allclose(again, made.image[row], atol=1e-4 * float(made.image[row].max()))
        plain = int(np.flatnonzero(np.isnan(made.truths["picture"][:40]))[0])
        assert images.scene(plain).source.picture is None


def test_a_set_is_not_finished_with_other_galaxies(data, small, tmp_path, monkeypatch):
    population, made, _ = small
    columns = {"truths": np.array([[1.0, 5.0]])}
    header = {"pictures": ["0" * 12 + "5" + "a" * 51], "truths": ["R_kpc", "picture"]}
    dataset.check_pictures(header, columns)
    with pytest.raises(ValueError, match="other galaxies"):
        dataset.check_pictures(header | {"pictures": ["f" * 64]}, columns)
    begun = dataset.header_of(population, 40, 3, "train", dict(ceiling=False))
    assert "with 2 galaxies" in dataset.summary(begun)


@pytest.mark.parametrize("found", [7.0, -1.0, 1e30, np.inf])
def test_a_picture_that_no_header_lists_is_refused(found):
    with pytest.raises(ValueError, match="does not list"):
        galaxies.source_of(["f" * 64], found)


def test_a_forged_list_of_pictures_is_refused(data, small, tmp_path, monkeypatch):
    population, _, _ = small
    header = dataset.header_of(population, 40, 3, "train", dict(ceiling=False))
    for number, forged in enumerate(("abc", [1], {"a": 1})):
        path = tmp_path / f"{number}.h5"
        dataset.lay_out(path, header | {"pictures": forged})
        with pytest.raises(ValueError, match="no set of lenslab images"):
            dataset.read(path)


def test_without_a_folder_there_is_a_sentence(monkeypatch, tmp_path):
    for home in ("", str(tmp_path)):
        monkeypatch.setenv("LENSLAB_DATA", home)
        with pytest.raises(ValueError, match=r"there are none: put pictures.*LENSLAB_DATA.*\.$"):
            dataset.write("hst:galaxies=on", 10, tmp_path / "x.h5")
    assert not list(tmp_path.iterdir())


def test_a_galaxy_lost_in_its_frame_is_refused(monkeypatch, tmp_path):
    (tmp_path / "sources").mkdir()
    lost = np.zeros((100, 100), np.float32)
    lost[50, 50] = 1
    np.save(tmp_path / "sources" / "lost.npy", lost)
    monkeypatch.setenv("LENSLAB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="fills too little"):
        galaxies.galaxies()
