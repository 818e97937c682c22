"""The sentence under the image says what is in it: ring, arcs or images, and how often the source is seen."""

import numpy as np
import pytest

from lenslab.physics import cosmology
from lenslab.scene import Scene
from lenslab.ui import cached
from lenslab.ui.simulate import pictures
from lenslab.ui.simulate.gallery import BY_NAME

SMALL = {"source.R_sersic": 0.04, "source.magnitude": 22.0}
ROUND = Scene().set({**SMALL, "lens.q": 1.0, "lens.gamma1": 0.0, "source.center_y": 0.0})


@pytest.mark.parametrize(("name", "words"), [
    ("Ring", "a ring all round"), ("Cross", "seen 4 times"), ("Double", "seen twice"), ("Cusp", "arcs"),
    ("DeepLense I", "a ring all round"), ("Cold dark matter", "a ring all round")])
def test_presets_are_called_what_they_are(name, words):
    assert words in pictures.image_sentence(BY_NAME[name].scene)


def test_a_ring_has_light_all_round_and_arcs_have_gaps():
    """The dimmest place of the image along the critical curve stands well above the noise of a pixel, or in it."""
    for name, lit in (("Ring", True), ("Warm dark matter", True), ("Cusp", False), ("Young galaxy", False)):
        scene = BY_NAME[name].scene
        scene = scene.set({"lens_light": ()})
        noise, image, (x, y) = np.median(cached.observe(scene).noise), cached.observe(scene).model[0, 0].numpy(), \
            cached.sketch(scene).critical[0]
        row, column = (np.rint(each / scene.camera.pixel_scale + (len(image) - 1) / 2).astype(int) for each in (y, x))
        assert (image[row, column].min() > 3 * noise) == lit, name
        assert ("ring all round" in pictures.image_sentence(scene)) == lit, name


@pytest.mark.parametrize(("offset", "words"), [(0.5, "seen twice"), (1.15, "4.3% of the source's own light"),
                                               (1.25, "outside all curves")])
def test_an_isothermal_sphere_doubles_what_lies_within_its_einstein_radius(offset, words):
    """mu of the second image is 1 - theta_E/beta with theta_E = 1.2: -1.4, -0.043, and none."""
    assert words in pictures.image_sentence(ROUND.set({"source.center_x": offset}))


def test_a_light_lens_is_not_taken_for_none():
    """At 100 km/s the second image of the default source was missed, and the source called outside the caustics."""
    d = cosmology.distances(0.5, 1.5, 70.0, 0.3)
    scene = Scene().set({"lens.theta_E": float(cosmology.theta_E_of_sigma_v(100.0, d))})
    assert "outside" not in pictures.image_sentence(scene)
    assert "seen twice" in pictures.image_sentence(scene.set(SMALL))
    assert "blurs" in pictures.image_sentence(scene)  # 0.16 arcsec before a blur of 0.15


def test_a_steep_lens_is_said_to_make_a_second_image_of_everything():
    assert "a second image of everything" in pictures.image_sentence(
        ROUND.set({"lens.gamma": 2.02, "source.center_x": 1.0, "source.center_y": 0.0, "lens.theta_E": 0.8}))


@pytest.mark.parametrize("changes", [{}, {"lens.center_x": 1.5, "lens.center_y": -1.0}, {"lens.gamma": 1.7}])
def test_the_source_plane_holds_the_source_and_all_curves(changes):
    scene = Scene().set(changes)
    found, (_, half) = cached.sketch(scene), cached.source_plane(scene)
    x0, y0 = scene.lens.center_x, scene.lens.center_y       # the middle of the frame
    assert all(max(np.abs(x - x0).max(), np.abs(y - y0).max()) < half for x, y in (*found.cut, *found.caustics))
    assert max(abs(scene.source.center_x - x0), abs(scene.source.center_y - y0)) < half
