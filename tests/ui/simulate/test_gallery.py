"""Presets and controls show what they say."""

import numpy as np
import pytest

from lenslab.scene import Scene, Sersic
from lenslab.scenes import flatten
from lenslab.ui import cached
from lenslab.ui.controls import RANGES, declaration, label_of, range_of
from lenslab.ui.simulate.gallery import BY_NAME, PRESETS, name_of


def bright_images(name: str) -> np.ndarray:
    found = cached.sketch(BY_NAME[name].scene)
    return np.abs(found.magnification)[np.abs(found.magnification) > 0.05]


@pytest.mark.parametrize(("name", "number"), [("Cross", 4), ("Double", 2), ("Cusp", 4)])
def test_a_preset_has_as_many_images_as_its_name_says(name, number):
    assert len(bright_images(name)) == number


def test_three_images_of_the_cusp_lie_together():
    found = cached.sketch(BY_NAME["Cusp"].scene)
    angle = np.sort(np.degrees(np.arctan2(found.y, found.x)))
    gaps = np.diff([*angle, angle[0] + 360])
    assert np.sort(gaps)[:2].sum() < 100  # a fold pair or a cross would spread over more


def test_a_ring_is_a_ring():
    scene = BY_NAME["Ring"].scene
    image = cached.observe(scene).model[0, 0].numpy()
    axis = (np.arange(64) - 31.5) * scene.camera.pixel_scale
    r = np.hypot(axis[None, :], axis[:, None])
    on = image[np.abs(r - scene.lens.theta_E) < 0.05]
    assert on.min() > 0.4 * on.max()
    assert image[r < 0.3].max() < 0.2 * on.min()


def test_presets_are_known_by_their_scene_and_differ():
    assert len({preset.scene for preset in PRESETS}) == len(PRESETS)
    assert all(name_of(preset.scene) == preset.name for preset in PRESETS)
    assert name_of(Scene().set({"lens.q": 0.55})) is None


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_the_page_draws_every_preset(preset):
    assert cached.problem(preset.scene) is None


def test_warm_dark_matter_has_fewer_small_clumps_than_cold():
    cold, warm = (cached.realisation(cached.dark(BY_NAME[f"{kind} dark matter"].scene)).halos.number[0]
                  for kind in ("Cold", "Warm"))
    assert warm < 0.7 * cold


def test_every_slider_stays_within_what_the_scene_allows():
    scene = Scene().set({"lens_light": (Sersic(),)})
    for path in set(flatten(scene)) - {"camera.background_rms"}:  # has no slider
        meta, at = declaration(path).metadata, range_of(path)
        assert at.low < at.high
        assert at.meant(at.low) >= meta["low"] - 1e-9 and at.meant(at.high) <= meta["high"] + 1e-9, path
        assert at.meant(at.shown(0.7)) == pytest.approx(0.7)
        assert label_of(path)[0] and label_of(path)[1].endswith(".")
    assert RANGES


def test_scenes_that_would_run_for_minutes_are_refused_in_words():
    heavy = Scene().set({"camera.num_pix": 512, "camera.supersampling": 8})
    assert "at most 2048" in cached.problem(heavy)
    crowd = Scene().set({"substructure.kind": "cdm", "camera.num_pix": 256, "camera.supersampling": 8})
    assert "minutes of a processor" in cached.problem(crowd)
    lost = Scene().set({"source.picture": "0" * 64})
    assert "is not here" in cached.problem(lost)
