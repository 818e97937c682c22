"""One item alone is the item of its chunk; changed, it differs in that one thing."""

import numpy as np
import pytest
import torch

from lenslab.images.simulate import observe_scene
from lenslab.picture import remember
from lenslab.population import CHUNK, find
from lenslab.scene import Scene
from lenslab.sets import draw, what_if
from lenslab.sets.item import index_of, item, observation_of

SEED = 3


def test_an_item_alone_has_the_pixels_of_its_chunk():
    population = find("deeplense-2")
    items = draw.items(population, 1, SEED, "test")
    for row in (0, 1, 2, 117):
        found = item(population, CHUNK + row, SEED)
        alone = observation_of(found.scene)
        peak = float(items.image[row].abs().max())
        np.testing.assert_allclose(alone.image[0].numpy(), items.image[row].numpy(), atol=1e-4 * peak)
        np.testing.assert_allclose(alone.variance[0].numpy(), items.variance[row].numpy(), rtol=1e-3)
        assert found.label == items.labels[row]
        assert found.signal_to_noise == pytest.approx(items.truths["signal_to_noise"][row], rel=1e-4)


def test_an_item_is_as_bright_as_its_population_asks():
    population = find("seed-64")
    drawn = draw.scenes_of(population, 3, SEED, "test")
    for rows, scenes in drawn.groups:
        found = item(population, int(rows[0]), SEED)
        assert found.signal_to_noise == pytest.approx(drawn.truths["signal_to_noise"][rows[0]], rel=1e-4)
        assert found.scene.source.magnitude == pytest.approx(float(scenes["source.magnitude"][0]), abs=1e-4)
        assert found.scene.substructure.kind == population.kinds[drawn.labels[rows[0]]]


@pytest.mark.parametrize("name", ["seed-64", "hst"])
def test_items_are_found_by_class_and_number(name):
    population = find(name)
    labels = np.concatenate([population.chunk(k, SEED, "test").labels for k in range(2)])
    for label in range(len(population.classes)):
        known = np.flatnonzero(labels == label)
        for number in (0, 1, 30):
            if number < len(known):
                assert index_of(population, label, number, SEED) == known[number]


def test_a_place_that_is_none_is_refused():
    with pytest.raises(ValueError, match="whole number from 0"):
        item(find("seed-64"), -1)


# What if

VORTEX = Scene().set({"substructure.kind": "vortex", "substructure.f_vortex": 0.02, "camera.num_pix": 48})


def observed(scene):
    return observation_of(scene).image[0, 0]


def test_without_substructure_is_the_smooth_lens_and_its_change_grows_with_its_mass():
    seen, = what_if.sweep(VORTEX, "substructure", [0, 0.5, 1, 2])
    torch.testing.assert_close(seen.image[0, 0], observed(VORTEX.set({"substructure.kind": "none"})))
    torch.testing.assert_close(seen.image[2, 0], observed(VORTEX))
    change = [(seen.model[k] - seen.model[0]).square().sum().sqrt() for k in (1, 2, 3)]
    assert change[1] / change[0] == pytest.approx(2, rel=0.3) and change[2] / change[1] == pytest.approx(2, rel=0.3)


def test_noise_is_so_many_times_as_large_with_the_same_random_numbers():
    seen, = what_if.sweep(VORTEX, "noise", [1, 0.5, 3])
    noise = (seen.image - seen.model)[:, 0]
    torch.testing.assert_close(seen.model[1], seen.model[0])
    torch.testing.assert_close(noise[1], 0.5 * noise[0], rtol=1e-2, atol=1e-4 * float(noise[0].abs().max()))
    torch.testing.assert_close(noise[2], 3 * noise[0], rtol=1e-2, atol=1e-4 * float(noise[0].abs().max()))
    torch.testing.assert_close(seen.image[0, 0], observed(VORTEX))


def test_seeing_is_the_camera_with_another_psf():
    sharp, same, broad = what_if.sweep(VORTEX, "seeing", [0.5, 1, 2])
    torch.testing.assert_close(same.image[0, 0], observed(VORTEX))
    torch.testing.assert_close(broad.image[0, 0], observed(VORTEX.set({"camera.fwhm": 0.3})))
    assert sharp.model.max() > same.model.max() > broad.model.max()
    assert float(broad.model.sum()) == pytest.approx(float(sharp.model.sum()), rel=0.02)


def test_factors_work_together_and_one_changes_nothing():
    assert what_if.changed(VORTEX) == VORTEX
    both = what_if.changed(VORTEX, substructure=2, seeing=2)
    assert both.deflection == 2 and both.camera.fwhm == pytest.approx(0.3)
    assert what_if.changed(VORTEX, substructure=0).substructure.kind == "none"


def test_work_between_two_images_can_be_stopped():
    calls = []
    what_if.sweep(VORTEX, "substructure", [0, 1, 2], lambda: calls.append(1))
    assert len(calls) == 3


def test_a_measured_psf_stays_in_a_sweep():
    """The simulator's own exposure: a kernel that moves light by two pixels does so here as well."""
    kernel = np.zeros((7, 7), np.float32)
    kernel[3, 5] = 1.0
    scene = Scene().set({"camera.psf": "pixel", "camera.psf_picture": remember(kernel)})
    found, = what_if.sweep(scene, "seeing", [1.0])
    np.testing.assert_allclose(found.model, observe_scene(scene, dtype=torch.float32).model, rtol=1e-5, atol=1e-6)
    plain = observe_scene(Scene().set({"camera.psf": "none"}), dtype=torch.float32).model
    middle = [float((image * torch.arange(64)).sum() / image.sum()) for image in (found.model, plain)]
    assert middle[0] - middle[1] == pytest.approx(2, abs=0.05)
