"""The live lens in a real browser, held against the simulator: by software graphics, and without any."""

from base64 import b64decode
from functools import lru_cache

import numpy as np
import pytest
import torch

from lenslab.images import simulate
from lenslab.images.model import lens_model
from lenslab.physics import cosmology
from lenslab.physics.curves import critical_curves
from lenslab.physics.lens_images import lens_images
from lenslab.picture import remember
from lenslab.scene import SUBSTRUCTURE, Camera, Clump, Scene, Sersic
from lenslab.scenes import Scenes
from lenslab.ui.live_lens import component
from lenslab.ui.simulate.panels import KIND_STARTS

SIDE, AGREE = 128, 0.01   # pixels; of the brightest one
CAMERA = Camera(num_pix=SIDE, pixel_scale=0.04, supersampling=1, noise="none")
KNOT = Sersic(magnitude=25.0, R_sersic=0.03, n_sersic=1.0, q=0.9, phi=0.3, center_x=0.1, center_y=-0.05)
BASE = Scene().set({"camera": CAMERA, "source.clumps": (KNOT,)})
HALO, POINT = Clump(log10_mass=9.7), Clump(log10_mass=9.0, center_x=-1.0, center_y=0.4, profile="POINT_MASS")
KINDS = {   # what each must say so that its dark matter is seen
    "cdm": {"substructure.f_sub": 0.1}, "wdm": {"substructure.f_sub": 0.1}, "fdm": {}, "vortex": {},
    "deeplense_cdm": {"substructure.log10_m_min": 8.5}, "deeplense_axion": {}}
SCENES = {
    "isothermal": {}, "shallow": {"lens.gamma": 1.8}, "steep": {"lens.gamma": 2.3},
    "flat, off the middle": {"lens.q": 0.3, "lens.center_x": 0.3, "lens.gamma2": -0.08},
    "multipoles": {"lens.a3_a": 0.03, "lens.a4_a": 0.03}, "concentrated": {"source.n_sersic": 4.0},
    "lens light": {"lens_light": (Sersic(magnitude=20.0, n_sersic=4.0, R_sersic=0.6),)},
    "no blur": {"camera.psf": "none"}, "more rays": {"camera.supersampling": 2, "substructure.kind": "vortex"},
    "clumps": {"substructure.clumps": (HALO, POINT)},
    "few halos": {"substructure.kind": "cdm", "substructure.log10_m_resolved": 8.8},
    "many halos and a clump, off the middle": {
        "substructure.kind": "cdm", "substructure.f_sub": 0.1, "lens.center_x": 0.2, "substructure.clumps": (HALO,)},
    **{kind: {"substructure.kind": kind, **KIND_STARTS.get(kind, {}), **more} for kind, more in KINDS.items()},
}
HARNESS = """
window.brightness = (numbers, values) => {   // as the page draws it, or as dragged to other values
  window.picture ??= brush(document.body.appendChild(document.createElement("canvas")))
  const data = unpacked(numbers), dragged = { ...data.values, ...values }, { side, rays } = data.camera
  picture.draw(lensOf(data, dragged), lightsOf(data, dragged, data.picture), side, rays)
  const bytes = new Uint8Array(picture.pixels().buffer)
  return [picture.constructor.name, btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))]
}
window.curves = (numbers) => {
  const data = unpacked(numbers), { values } = data
  return new Curves(data).of(lensOf(data, values), values["source.center_x"], values["source.center_y"])
}
"""
NO_WEBGL2 = """const all = HTMLCanvasElement.prototype.getContext
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind === "webgl2" ? null : all.call(this, kind, ...more)
}"""


@pytest.fixture(scope="module", params=["ShaderPicture", "PlainPicture"])
def bench(browser, request):
    """A page with the script of the live lens, with WebGL2 and without; and which class must draw there."""
    context = browser.new_context()
    if request.param == "PlainPicture":
        context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    page.goto("about:blank")
    page.set_content(f"<body><script type=module>{component.script()}{HARNESS}</script>")
    page.wait_for_function("Boolean(window.curves)")
    yield page, request.param
    context.close()


def drawn(bench, scene: Scene, dragged: dict | None = None) -> np.ndarray:
    """Counts a second in each pixel, as the browser has them."""
    page, painter = bench
    by, values = page.evaluate("all => brightness(...all)", [component.numbers(scene), dragged])
    assert by == painter
    return np.frombuffer(b64decode(values), "<f4").reshape((SIDE, SIDE)) * scene.camera.pixel_scale**2


@lru_cache
def simulated(scene: Scene) -> np.ndarray:
    return simulate.noise_free(Scenes.of([scene], dtype=torch.float32))[0, 0].numpy()


def apart(image: np.ndarray, scene: Scene) -> float:
    """From the simulator's image without noise, as a share of its brightest pixel."""
    truth = simulated(scene)
    return float(np.abs(image - truth).max() / truth.max())


def test_every_kind_of_dark_matter_is_among_them():
    assert {"none", *KINDS} == set(SUBSTRUCTURE)


@pytest.mark.parametrize("name", SCENES)
def test_the_browser_draws_what_the_simulator_draws(bench, name):
    scene = BASE.set(SCENES[name])
    assert apart(drawn(bench, scene), scene) < AGREE
    if name in KINDS:   # else a lens without its dark matter would pass as well
        assert apart(simulated(scene.set({"substructure.kind": "none"})), scene) > 2 * AGREE


def test_a_picture_is_bent_as_the_simulator_bends_it(bench):
    rows = np.add.outer(np.arange(24.0), 2 * np.arange(30.0) % 7)
    scene = BASE.set({"source.picture": remember(rows), "source.picture_width": 1.2, "source.phi": 0.4})
    assert apart(drawn(bench, scene), scene) < AGREE


def test_a_dragged_lens_is_the_scene_it_says(bench):
    """The ring keeps its mass while a clump crosses it, and tides cut the clump off where it goes."""
    scene = BASE.set({"substructure.clumps": (HALO,), "lens_light": (Sersic(magnitude=21.0),)})
    dragged = {"lens.theta_E": 1.0, "lens.q": 0.6, "lens.phi": -0.7, "source.center_x": -0.1, "lens.center_x": 0.2,
               "lens_light.0.center_x": 0.2,
               "substructure.clumps.0.center_x": 0.5, "substructure.clumps.0.center_y": 0.5}
    image = drawn(bench, scene, dragged)
    assert apart(image, scene.set(dragged)) < AGREE
    assert apart(image, scene) > 10 * AGREE


@pytest.mark.parametrize("name", ["isothermal", "flat, off the middle", "clumps", "vortex"])
def test_curves_and_images_are_those_of_the_core(bench, name):
    scene = BASE.set(SCENES[name])
    found = bench[0].evaluate("numbers => curves(numbers)", component.numbers(scene))
    model = lens_model(Scenes.of([scene], dtype=torch.float64))
    half = scene.camera.num_pix * scene.camera.pixel_scale / 2
    longest = critical_curves(model.deflection, half)[0]
    at = max(range(len(found["critical"])), key=lambda k: len(found["critical"][k]))
    lines = [np.array(found[kind][at]) for kind in ("critical", "caustics")]
    for line, truth in zip(lines, (longest.theta, longest.beta), strict=True):
        gaps = np.linalg.norm(truth[:, None] - line[None], axis=-1)
        assert gaps.min(1).max() < 0.06 and gaps.min(0).max() < 0.03   # vertices are 0.05 arcsec apart
    far = cosmology.distances(scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    truth = lens_images(model.deflection, model.potential, scene.source.center_x, scene.source.center_y,
                        half_width=half, time_delay_distance=float(cosmology.time_delay_distance(scene.z_lens, far)),
                        focus=np.array([[clump.center_x, clump.center_y, 0.35] for clump in scene.substructure.clumps]))
    bright = np.abs(truth.mu) > 0.05
    seen = {(round(image["x"], 2), round(image["y"], 2)): image["mu"] for image in found["images"]
            if abs(image["mu"]) > 0.05}
    assert len(seen) == bright.sum()
    for x, y, mu in zip(truth.x[bright], truth.y[bright], truth.mu[bright], strict=True):
        place = min(seen, key=lambda each: np.hypot(each[0] - x, each[1] - y))
        assert np.hypot(place[0] - x, place[1] - y) < 0.02 and seen[place] == pytest.approx(mu, rel=0.05)
