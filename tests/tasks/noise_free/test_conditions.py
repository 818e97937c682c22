"""Conditions are numbers of the Scene: read off it, turned with the image, standardised and back, left open."""

import numpy as np
import pytest
import torch

from lenslab.images.simulate import noise_free
from lenslab.population import find
from lenslab.scenes import Scenes, flatten
from lenslab.sets.item import index_of, item
from lenslab.symmetry import GROUPS
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.conditions import CLASS, Conditions, S, conditions_of
from lenslab.tasks.noise_free.view import CONDITIONS, NoiseFree


def table_of(conditions, scene, label):
    columns = flatten(scene, len(scene.source.clumps)) | {S: 100.0}
    return conditions.table({path: np.array([value]) for path, value in columns.items()}, np.array([label]))


def turned(scene, element):
    """The scene as it would stand in the turned image, by the element's action on places and directions."""
    changes = {}
    for owner in ("lens", "source"):
        x, y = element.spin(1, scene.get(f"{owner}.center_x"), scene.get(f"{owner}.center_y"))
        changes |= {f"{owner}.center_x": x, f"{owner}.center_y": y, f"{owner}.phi": element.angle(
            scene.get(f"{owner}.phi"))}
    changes["lens.gamma1"], changes["lens.gamma2"] = element.spin(2, scene.lens.gamma1, scene.lens.gamma2)
    x, y = element.spin(1, scene.substructure.vortex_x, scene.substructure.vortex_y)
    changes |= {"substructure.vortex_x": x, "substructure.vortex_y": y,
                "substructure.vortex_phi": element.angle(scene.substructure.vortex_phi)}
    return scene.set(changes)


@pytest.mark.parametrize("place", range(8))
def test_conditions_turn_as_the_image_does(place):
    element, population = GROUPS["D4"][place], find("hst")
    one = item(population, index_of(population, 4, 0))
    scene = one.scene.set({"source.clumps": (), "lens.a3_a": 0.0, "lens.a4_a": 0.0})
    other, conditions = turned(scene, element), conditions_of("hst")
    images = noise_free(Scenes.of([scene, other], dtype=torch.float64))
    assert torch.allclose(element.maps(images[:1]), images[1:], atol=1e-7 * float(images.max()))
    before, after = (torch.from_numpy(table_of(conditions, s, one.label)) for s in (scene, other))
    assert torch.allclose(conditions.turn(before, "D4", np.array([place])), after, atol=1e-5, equal_nan=True)


def test_a_vortex_has_its_numbers_and_no_others():
    conditions, population = conditions_of("hst"), find("hst")
    one = item(population, index_of(population, population.classes.index("vortex"), 0))
    table = table_of(conditions, one.scene, one.label)[0]
    assert np.isnan(table[conditions.at("substructure.m22")]).all()
    assert table[conditions.at("substructure.f_vortex")] == pytest.approx(one.scene.substructure.f_vortex)
    phi = one.scene.substructure.vortex_phi
    assert table[conditions.at("substructure.vortex_phi")] == pytest.approx([np.cos(2 * phi), np.sin(2 * phi)])
    assert table[conditions.at("source.center")[0]] == pytest.approx(
        one.scene.source.center_x - one.scene.lens.center_x)
    assert table[conditions.at(CLASS)].tolist() == [0, 0, 0, 0, 1]


def test_numbers_of_a_population_are_standardised_by_it():
    conditions = conditions_of("hst")
    view = NoiseFree("hst", 3)
    tables = [torch.from_numpy(view.table(made)) for made in view.items_of([0, 1], "cpu")]
    numbers, known = conditions.standard(torch.cat(tables))
    assert set(known[:, conditions.groups.index("lens.theta_E")].tolist()) == {True}
    share = known[:, conditions.groups.index("substructure.f_sub")].float().mean()
    assert float(share) == pytest.approx(0.4)           # two of five classes, in equal shares
    for path in ("lens.theta_E", "lens.shear", "source.R_sersic", "signal_to_noise", CLASS):
        mine = numbers[:, conditions.at(path)]
        assert float(mine.mean()) == pytest.approx(0, abs=0.25)
        assert float(mine.square().mean()) == pytest.approx(1, abs=0.25)


def test_what_is_open_is_nothing_to_a_network():
    conditions = conditions_of("hst")
    table = torch.ones(1, len(conditions.names))
    table[:, conditions.at("lens.shear")] = float("nan")
    numbers, known = conditions.standard(table)
    assert numbers[0, conditions.at("lens.shear")].tolist() == [0, 0]
    assert known[0].logical_not().nonzero().tolist() == [[conditions.groups.index("lens.shear")]]


def test_a_card_brings_them_back_and_an_unsound_one_is_refused():
    conditions = conditions_of("hst")
    assert Conditions.of_card(conditions.to_card()) == conditions
    for broken in (None, {}, dict(conditions.to_card(), classes=[]), dict(conditions.to_card(), conditions=[{}])):
        with pytest.raises(ValueError, match="no sound conditions"):
            Conditions.of_card(broken)


def test_what_a_population_holds_fixed_is_no_condition():
    paths = conditions_of("seed-64").groups
    assert "lens.theta_E" in paths and "substructure.m22" in paths
    assert not {"lens.shear", "lens.gamma", "z_lens", "substructure.f_vortex"} & set(paths)


def test_brightness_comes_back_and_darkness_is_the_lowest():
    u, brightness = torch.tensor([0.0, 0.3, 5, 400], dtype=torch.float64), Brightness()
    assert torch.allclose(brightness.counts(brightness.stretch(u)), u)
    assert float(brightness.stretch(u)[0]) == pytest.approx(brightness.lowest)
    assert Brightness.of_card(brightness.to_card()) == brightness
    with pytest.raises(ValueError, match="no sound brightness"):
        Brightness.of_card(dict(a=0, m=1, s=1))


def test_images_are_those_before_the_noise_with_their_conditions():
    view = NoiseFree("seed-64", 1)
    shown = view.examples(view.columns(0))
    conditions, population = conditions_of("seed-64"), find("seed-64")
    one = item(population, 7, 1, "train")
    expected = noise_free(Scenes.of([one.scene], dtype=torch.float32))
    rms = float(expected.max() / shown.inputs[7].max())
    assert torch.allclose(shown.inputs[7] * rms, expected[0], rtol=1e-3, atol=1e-4 * float(expected.max()))
    row = shown.targets[CONDITIONS][7]
    assert float(row[conditions.at("lens.theta_E")]) == pytest.approx(one.scene.lens.theta_E)
    assert float(row[conditions.at(S)]) == pytest.approx(one.signal_to_noise, rel=1e-4)
