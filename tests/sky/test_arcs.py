"""An image without an arc is told: noise, nothing at all, a galaxy alone. Arcs, rings and quasars are left in peace."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from lenslab.images.simulate import observe_scene
from lenslab.scene import Scene, Sersic
from lenslab.sky import arcs, beside, catalogue, read
from lenslab.sky.upload import open_upload

LENS = Scene().set({"lens_light": (Sersic(magnitude=19.0, R_sersic=0.6, n_sersic=4.0, q=0.7, phi=0.4),)})
real = pytest.mark.skipif(not catalogue.real_lenses(), reason="LENSLAB_DATA names no folder of real lenses")


def png(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def grains(seed: int, width: float) -> np.ndarray:
    """Noise whose neighbours are alike over `width` pixels, as counts of 8 bits."""
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=(128, 128)), width)
    return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("picture", [np.full((100, 100), 128, np.uint8), grains(0, 0.0), grains(1, 1.0),
                                     grains(2, 2.5)], ids=["constant", "noise", "blurred noise", "coarse noise"])
def test_noise_and_nothing_are_no_lenses(picture):
    seen = open_upload("picture.png", png(picture), pixel_scale=0.05).observation
    told, = arcs.missing(beside.frame(seen))
    assert "No arc" in told and told.endswith(".")


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.13, -0.31)])
def test_a_galaxy_alone_is_no_lens_and_with_its_arcs_it_is_one(place):
    moved = LENS.set({"lens_light.0.center_x": place[0], "lens_light.0.center_y": place[1],
                      "lens.center_x": place[0], "lens.center_y": place[1]})
    assert arcs.missing(observe_scene(moved.set({"source.magnitude": 40.0})))
    assert not arcs.missing(observe_scene(moved))


def test_a_ring_that_is_the_same_all_round_is_seen():
    """A round lens right before a round source: half a turn changes nothing, but light rises from middle to ring."""
    ring = Scene().set({"lens.q": 1.0, "lens.gamma1": 0.0, "lens.gamma2": 0.0, "source.center_x": 0.0,
                        "source.center_y": 0.0, "source.q": 1.0,
                        "lens_light": (Sersic(magnitude=22.0, R_sersic=0.4, n_sersic=2.0),)})
    assert not arcs.missing(observe_scene(ring))


def test_masked_pixels_are_no_arcs():
    alone = observe_scene(LENS.set({"source.magnitude": 40.0}))
    mask = np.ones(alone.image.shape, bool)
    mask[..., 10:14, 10:14] = False
    mask = alone.image.new_tensor(mask).bool()
    spoiled = alone.image.where(mask, alone.image.new_tensor(1e6))
    assert arcs.missing(replace(alone, image=spoiled, mask=mask))


@real
@pytest.mark.parametrize("name", catalogue.real_lenses())
def test_every_real_lens_shows_its_arcs(name):
    assert not arcs.missing(beside.frame(read.read_real(name)))
