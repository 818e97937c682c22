"""Scenes: what goes out comes back, and what is wrong is refused in words."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from lenslab.scene import MAX_CLUMPS, Camera, Clump, Scene, Sersic, Source, Substructure, differences
from lenslab.scenes import Scenes, flatten, group

RICH = Scene(lens_light=(Sersic(magnitude=19.0), Sersic(R_sersic=1.5)),
             source=Source(clumps=(Sersic(center_x=0.1), Sersic(center_y=-0.2))),
             substructure=Substructure("cdm", clumps=(Clump(9.0), Clump(8.0, profile="POINT_MASS"))),
             camera=Camera(background_rms=0.01))


@pytest.mark.parametrize("scene", [Scene(), RICH])
def test_json_gives_back_the_same_scene(scene):
    assert Scene.from_json(scene.to_json()) == scene
    assert hash(Scene.from_json(scene.to_json())) == hash(scene)


def test_differences_are_all_that_a_link_needs():
    changed = RICH.set({"lens.theta_E": 1.4, "z_source": 2.5})
    assert differences(changed, RICH) == {"lens.theta_E": 1.4, "z_source": 2.5}
    assert Scene().set(differences(RICH, Scene())) == RICH


def test_get_and_set_speak_in_paths():
    assert RICH.get("lens_light.1.R_sersic") == 1.5
    assert RICH.set({"lens_light.1.R_sersic": 2}).lens_light[1].R_sersic == 2.0
    with pytest.raises(ValueError, match="no setting 'lens.mass'"):
        RICH.get("lens.mass")


@pytest.mark.parametrize("path", [path for path in flatten(Scene()) if path != "camera.background_rms"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, 1e300, "1", None, True, [1.0]])
def test_no_number_takes_nonsense(path, value):
    with pytest.raises(ValueError, match=r"\.$"):
        Scene().set({path: value})


@pytest.mark.parametrize("text, says", [
    ("", "no scene.json"), ("[1, 2]", "no lenslab scene"), ("{}", '"lenslab_scene": 1'), ("nul", "no scene.json"),
    ('{"lenslab_scene": 1, "lens": {"mass": 3}}', "no setting 'mass'"),
    ('{"lenslab_scene": 1, "lens": {"theta_E": NaN}}', "NaN"),
    ('{"lenslab_scene": 1, "lens": 3}', "set of named settings"),
    ('{"lenslab_scene": 1, "lens_light": {}}', "list"),
    ('{"lenslab_scene": 1, "substructure": {"kind": "magic"}}', "choose one of none, cdm"),
    ('{"lenslab_scene": 1, "camera": {"num_pix": 512, "supersampling": 16}}', "at most 4096"),
    ('{"lenslab_scene": 1, "camera": {"psf": "pixel"}}', "psf_picture"),
    ('{"lenslab_scene": 1, "source": {"picture": "../../secret"}}', "64 hex digits"),
    ('{"lenslab_scene": 1, "z_lens": 2, "z_source": 1}', "not beyond the lens"),
    ('{"lenslab_scene": 1, "a": ' + "[" * 100_000, "no scene.json"),
])
def test_a_bad_file_is_refused_in_words(text, says):
    with pytest.raises(ValueError, match=r"\.$") as caught:
        Scene.from_json(text)
    assert says in str(caught.value)


def test_the_number_of_clumps_is_bounded_before_they_are_made():
    data = json.loads(RICH.to_json())
    data["substructure"]["clumps"] = [{}] * (MAX_CLUMPS + 1)
    with pytest.raises(ValueError, match="at most 5000"):
        Scene.from_json(json.dumps(data))


@pytest.mark.parametrize("changes", [
    {"substructure.kind": "cdm", "substructure.f_sub": 0.5, "substructure.log10_m_resolved": 5.0},
    {"substructure.kind": "wdm", "substructure.log10_m_resolved": 5.0, "camera.pixel_scale": 2.0,
     "substructure.f_sub": 0.5},
    {"substructure.kind": "deeplense_cdm", "substructure.n_points": 0, "substructure.log10_m_max": 6.5},
])
def test_too_many_subhalos_are_refused_before_any_is_drawn(changes):
    with pytest.raises(ValueError, match="at most 5000 are allowed: raise the lightest drawn subhalo"):
        Scene().set(changes)


@pytest.mark.parametrize("changes", [
    {"substructure.f_sub": 0.001, "lens.theta_E": 1e-6, "z_lens": 0.001},   # a frame of 0.1 kpc within 8 kpc
    {"substructure.f_sub": 0.2, "substructure.slope": -2.4, "substructure.log10_m_hm": 11.0}])  # 1 in 2,800 is kept
def test_what_would_be_drawn_for_few_subhalos_is_bounded_too(changes):
    with pytest.raises(ValueError, match="at most 500000 are drawn"):
        Scene().set({"substructure.kind": "wdm", "substructure.log10_m_min": 5.0, "substructure.log10_m_resolved": 5.0}
                    | changes)


def test_every_number_has_a_label_a_tooltip_and_a_default_within_its_limits():
    for record in (Scene(), *RICH.lens_light, RICH.lens, RICH.source, RICH.substructure, RICH.camera, Clump()):
        for item in fields(record):
            if item.metadata.get("kind") in (float, int):
                assert item.metadata["label"] and item.metadata["text"].endswith("."), item.name
                assert item.metadata["low"] <= item.default <= item.metadata["high"], item.name


def test_a_batch_holds_the_same_numbers_and_gives_the_scenes_back():
    other = replace(RICH, source=replace(RICH.source, clumps=(Sersic(center_x=0.3),)), seed_noise=7)
    batch = Scenes.of([RICH, other], dtype=torch.float64)
    assert batch["lens.theta_E"].tolist() == [RICH.lens.theta_E] * 2
    assert [batch.scene(row) for row in range(2)] == [RICH, other]
    assert batch.take(slice(1, 2)).scene(0) == other
    assert batch.take(np.array([1, 0])).scene(1) == RICH


def test_scenes_of_other_structure_stand_in_other_batches():
    scenes = [Scene(), RICH, Scene(z_source=2.0), Scene().set({"camera.num_pix": 32})]
    assert [rows for rows, _ in group(scenes)] == [[0, 2], [1], [3]]


def test_the_closed_sie_stands_in_only_where_every_slope_is_2_and_wants_no_gradient():
    batch = Scenes.of([Scene(), Scene()])
    assert batch.sie and not batch.multipoles
    assert not Scenes.of([Scene(), Scene().set({"lens.gamma": 2.1})]).sie
    slope = batch["lens.gamma"].clone().requires_grad_()
    assert not batch.with_values(**{"lens.gamma": slope}).sie
