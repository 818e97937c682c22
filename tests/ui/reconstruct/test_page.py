"""The Reconstruct page without a browser: a lens forms and is told with its errors, a stop keeps the page, what is no
lens is a sentence, and what was found goes on to other pages."""

import io
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.io import fits
from streamlit.testing.v1 import AppTest

from lenslab.figures import lens_fit
from lenslab.fit import observed
from lenslab.fit.observed import Masks
from lenslab.images.export import to_fits
from lenslab.images.observation import Observation
from lenslab.images.simulate import observe_scene
from lenslab.scene import Camera, Clump, Lens, Scene, Source, Substructure
from lenslab.sky.catalogue import KnownLens
from lenslab.sky.points import points
from lenslab.tasks.reconstruct import NETWORKS, Settings, starting_network
from lenslab.tasks.reconstruct.record import Parameter
from lenslab.ui import state
from lenslab.ui.frame import OPEN
from lenslab.ui.gate import Gate
from lenslab.ui.pick.real import KEPT, Kept
from lenslab.ui.reconstruct import batch, export, form, image, numbers, where, work
from tests.ui.screens import checked

PAGE = Path(__file__).parents[3] / "pages" / "reconstruct.py"
# A small frame and a plain fit, which take a second.
SCENE = Scene(lens=Lens(theta_E=0.8, q=0.8, phi=0.5), z_lens=0.4, z_source=1.6,
              source=Source(magnitude=23.0, R_sersic=0.15, n_sersic=1.0, center_x=0.12, center_y=0.05),
              substructure=Substructure(kind="none", clumps=(Clump(log10_mass=8.0, center_x=0.8, center_y=0.1),)),
              camera=Camera(num_pix=32, pixel_scale=0.08, fwhm=0.13, exposure_time=4000.0))
PLAIN = {f"free.{name}": value for name, value in dict(
    compact=False, multipoles=False, slope=False, lens_light="none", perturber=True, corrections=True).items()}


def open_page(**session) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=120)
    app.session_state[OPEN] = True
    app.session_state["reconstruct.kept"] = dict(PLAIN)
    for name, value in session.items():
        app.session_state[name.replace("__", ".")] = value
    return checked(app.run())


def words(app: AppTest) -> str:
    return "\n".join(item.value for kind in (app.markdown, app.caption, app.info, app.warning, app.success)
                     for item in kind)


def settled(app: AppTest) -> work.Working:
    """Once the last reconstruction is over, looked at meanwhile as a browser does."""
    end = time.monotonic() + 120
    working = list(app.session_state[work.MADE].values())[-1]
    while not working.turn.done.wait(0.05) and time.monotonic() < end:
        working.turn.place()
    checked(app.run())
    return working


@pytest.fixture(scope="module")
def simulated() -> AppTest:
    """The page with the visitor's lens reconstructed."""
    app = open_page(scene=SCENE)
    assert app.segmented_control(key="reconstruct.form.source").value == "lens"
    checked(app.button(key="reconstruct.begin").click().run())
    settled(app)
    return app


def look(app: AppTest, name: str) -> AppTest:
    return checked(app.segmented_control(key="reconstruct.look").set_value(name).run())


def test_a_lens_forms_and_its_numbers_stand_beside_the_truth(simulated):
    working = list(simulated.session_state[work.MADE].values())[-1]
    found = working.found
    assert found.converged and abs(found.parameters["lens.theta_E"].mean - 0.8) < 0.02
    assert len(working.chi2) > 3 and working.chi2[0] > working.chi2[-1] and working.forming is not None
    assert "Einstein radius" in simulated.success[0].value
    table = look(simulated, "Numbers").table[0].value
    row = table[table[""] == "Einstein radius"].iloc[0]
    assert row["true"].startswith("0.80") and row["fitted"].startswith(("0.79", "0.80", "0.81"))
    assert "sigmas from nothing" in words(look(simulated, "What is left"))
    assert "M☉" in words(simulated), "redshifts of a simulated lens are known"
    assert "The fit begins there" in words(look(simulated, "Where it looks"))


def test_what_was_found_goes_on_to_simulate_and_classify_and_into_files(simulated, monkeypatch):
    found = list(simulated.session_state[work.MADE].values())[-1].found
    plain = json.loads(export.to_json(found))
    assert plain["redshifts"] == [0.4, 1.6] and plain["perturber"]["mass_solar"] is not None
    arcs = export.arcs_of(found)
    assert arcs.mask.sum() == found.used.sum() and float(arcs.image[~arcs.mask].abs().sum()) == 0
    assert {item.key for item in look(simulated, "Hand it on").button} >= {"reconstruct.simulate",
                                                                          "reconstruct.classify"}
    session = {}
    monkeypatch.setattr(state.st, "session_state", session)
    export.to_simulate(found)
    assert session[state.SCENE] == found.scene
    assert found.scene.camera.psf_picture in session[state.PICTURES], "the session keeps the PSF that it was seen by"


def test_a_stop_leaves_the_page_and_its_button(monkeypatch):
    monkeypatch.setattr(work, "GATE", Gate(places=0))     # it never gets its turn
    app = open_page(scene=SCENE)
    checked(app.button(key="reconstruct.begin").click().run())
    assert "waiting" in words(app)
    checked(app.button(key="reconstruct.stop").click().run())
    assert "Stopped" in words(app) and app.button(key="reconstruct.begin").label == "Once more"


def test_every_switch_that_a_network_heeds_is_drawn_and_reaches_the_order():
    app = open_page(scene=SCENE)
    for fold in ("free", "masks", "noise"):
        app.session_state[f"reconstruct.fold.{fold}"] = True
    checked(app.run())
    drawn = {item.key for kind in (app.toggle, app.selectbox) for item in kind}
    assert drawn >= {f"reconstruct.form.free.{name}" for name in NETWORKS["refined"].heeds}
    checked(app.toggle(key="reconstruct.form.free.shear").set_value(False).run())
    checked(app.slider(key="reconstruct.form.outer").set_value(1.0).run())
    checked(app.number_input(key="reconstruct.form.noise").set_value(0.5).run())
    app.button(key="reconstruct.begin").click().run()
    order = list(app.session_state[work.MADE])[-1]
    assert not order.settings.shear and order.masks.outer == 1.0
    assert float(order.image.observation.variance.max()) == pytest.approx(0.25)
    list(app.session_state[work.MADE].values())[-1].turn.cancel()


@pytest.mark.parametrize("kind", ["noise", "wrong scale", "not a number"])
def test_what_is_no_lens_is_a_sentence(kind):
    draw = torch.Generator().manual_seed(0)
    seen = replace(observe_scene(SCENE, dtype=torch.float32), scenes=None, model=None)
    pixels = torch.randn(1, 1, 32, 32, generator=draw)
    if kind == "noise":
        seen = Observation(pixels, torch.ones_like(pixels), 0.08, psf=seen.psf, name=kind)
    if kind == "wrong scale":
        seen = replace(seen, pixel_scale=30.0)
    if kind == "not a number":
        seen = replace(seen, mask=torch.zeros_like(seen.image, dtype=torch.bool))
    app = open_page(**{"pick__real__kept": Kept(seen), "reconstruct__form__source": "real"})
    checked(app.button(key="reconstruct.begin").click().run())
    working = settled(app)
    told = working.refusal or working.found.why
    assert told.endswith(".") and (working.refusal or "no good fit" in told or not working.found.converged)
    assert len(app.warning) >= 1


def test_a_survey_s_frame_is_shown_as_coarsely_as_a_screen_and_its_middle_is_fitted():
    """2,000 x 2,000 pixels: a lens in the middle of noise."""
    lens = observe_scene(SCENE, dtype=torch.float32)
    pixels = 1e-3 * torch.randn(1, 1, 2000, 2000, generator=torch.Generator().manual_seed(0))
    pixels[..., 984:1016, 984:1016] = lens.image
    wide = Observation(pixels, torch.full_like(pixels, float(lens.variance.median())), 0.08, psf=lens.psf)
    shown = lens_fit.with_masks(wide, (), None, None, title="", height=300)
    assert max(np.shape(shown.data[0].z)) <= 400
    assert shown.layout.xaxis.range[1] == pytest.approx(80.0, rel=1e-3)
    seen = np.asarray(shown.data[0].customdata)
    assert np.abs(np.unravel_index(seen.argmax(), seen.shape) - np.array([199.5, 199.5])).max() < 4
    made = observed.target(wide, starting_network()[1], components=0)
    assert made.observation.image.shape[-1] == 88 and made.offset == pytest.approx((0, 0), abs=0.08)
    assert any("88 x 88" in step for step in made.steps)


def test_several_files_make_a_table_and_one_download():
    """A lens and a broken file, as the shell's table tells them; each in its turn."""
    whole = to_fits(None, replace(observe_scene(SCENE), scenes=None))
    settings = Settings(**{name.removeprefix("free."): value for name, value in PLAIN.items()})
    made = batch.Batch({"lens.fits": whole, "cut.fits": whole[:len(whole) // 2]}, "refined", settings, None)
    made.turn = Gate().ask(made.work)
    while not made.turn.done.wait(0.05):
        made.turn.place()
    rows = [batch.row(name, answer) for name, answer in made.answers.items()]
    assert rows[0]["Einstein radius"].startswith(("0.79", "0.80", "0.81")) and "cut short" in rows[1]["verdict"]
    archive = zipfile.ZipFile(io.BytesIO(batch.to_zip(made)))
    assert archive.namelist() == ["reconstruction-1.fits", "reconstruction-1.json"]
    assert "DELTA_PSI" in {hdu.name for hdu in fits.open(io.BytesIO(archive.read("reconstruction-1.fits")))}


def test_a_click_paints_and_a_click_into_a_circle_takes_it_back(monkeypatch):
    session = {}
    monkeypatch.setattr(form.st, "session_state", session)
    one = image.of_scene(SCENE, "here")
    form.paint(one, 0.5, 0.2)
    form.paint(one, -0.5, 0.0)
    assert form.masks(one) == Masks(circles=((0.5, 0.2, form.BRUSH), (-0.5, 0.0, form.BRUSH)))
    form.paint(one, 0.45, 0.25)
    assert [circle[0] for circle in form.circles(one)] == [-0.5]


def test_points_are_found_and_arcs_and_galaxies_are_none():
    """Two stars drawn with the PSF beside a lens whose arcs are as bright."""
    scene = replace(SCENE, camera=replace(SCENE.camera, num_pix=60))
    seen = observe_scene(scene)
    stamp = torch.zeros(60, 60, dtype=torch.float64)
    blur = torch.from_numpy(image.bare(seen, scene).psf)
    side = len(blur) // image.SAMPLES
    pixel = blur[:side * 5, :side * 5].reshape(side, 5, side, 5).sum((1, 3))
    for row, column in ((8, 12), (50, 44)):
        stamp[row - side // 2:row - side // 2 + side, column - side // 2:column - side // 2 + side] += 20 * pixel
    found = points(replace(seen, image=seen.image + stamp))
    assert not points(seen)
    meant = {((column - 29.5) * 0.08, (row - 29.5) * 0.08) for row, column in ((8, 12), (50, 44))}
    assert len(found) == 2 and all(min(np.hypot(x - a, y - b) for a, b in meant) < 0.12 for x, y, _ in found)


def test_numbers_have_the_digits_that_their_errors_deserve():
    assert numbers.with_error(1.40612, 0.0031, "″") == "1.4061 ± 0.0031″"
    assert numbers.with_error(47.31, 7.5, "°") == "47.3 ± 7.5°"
    assert numbers.true(Scene(lens=Lens(phi=1.5)), "lens.phi", -1.6) == pytest.approx(1.5 - np.pi)
    known = KnownLens("A", theta_E=1.38, theta_E_err=0.02, q=0.8, model="SIE (Someone 2008)")
    assert numbers.literature(known, "lens.theta_E") == "1.38 ± 0.02″" and numbers.literature(known, "lens.q") == "0.8"
    assert numbers.whose(known) == "SIE (Someone 2008)"


def test_a_position_angle_counts_from_north_to_east(simulated):
    """Light that is longest along +x: north up and east left, it lies at 90 degrees; mirrored as well; north to the
    right (a quarter turn clockwise from +y), at 0."""
    found = list(simulated.session_state[work.MADE].values())[-1].found
    along_x = replace(found, parameters={"lens.phi": Parameter(0.0, 0.1, None, "rad")})
    for north, east_left, meant in ((0.0, True, 90), (0.0, False, 90), (-np.pi / 2, True, 0)):
        turned = replace(along_x, observation=replace(found.observation, north=north, east_left=east_left))
        assert numbers.position_angle(turned) % 180 == pytest.approx(meant, abs=1e-9)


def test_an_image_of_another_page_is_chosen_when_this_one_opens():
    seen = replace(observe_scene(SCENE), scenes=None, model=None, name="Generated image 1")
    app = open_page(**{KEPT.replace(".", "__"): Kept(seen), "reconstruct__form__source": "real"})
    assert "Generated image 1" in words(app)


def test_a_picture_of_a_star_is_the_blur_of_the_fit(tmp_path):
    """A Gaussian star, off the middle of its file and on no sky, is the kernel of that Gaussian."""
    y, x = np.mgrid[:15, :17]
    star = np.exp(-((x - 9) ** 2 + (y - 7) ** 2) / (2 * 1.2**2))
    out = io.BytesIO()
    np.save(out, 40 * star)
    psf = image.kernel_of("star.npy", out.getvalue())
    assert psf.values.shape == (15, 15) and psf.values.argmax() == 15 * 7 + 7
    assert psf.values.sum() == pytest.approx(1) and psf.values[7, 8] / psf.values[7, 7] == pytest.approx(
        np.exp(-1 / (2 * 1.2**2)))
    plain = image.of_scene(SCENE, "here")
    better = image.otherwise(plain, 0.0, 0.0, psf)
    assert better is not plain and np.array_equal(better.observation.psf, psf.values)
    assert image.otherwise(plain, 0.0, 0.0, None) is plain
    out = io.BytesIO()
    np.save(out, -star)
    with pytest.raises(ValueError, match="give another"):
        image.kernel_of("hole.npy", out.getvalue())


def test_where_a_network_looks_is_drawn_for_each_number():
    """Integrated gradients of a coordinate sum to what the image adds to it, to what 32 steps leave of a logarithmic
    stretch; what lowers is not what raises."""
    made = work.Order(image.of_scene(SCENE, "here"), "amortised", Settings(lens_light="none"), Masks())
    found = where.read(made, "theta_E", "integrated_gradients")
    regressor, lens = where.readers()["amortised"]
    sigmas = found.given.image
    with torch.no_grad():
        change = regressor(sigmas) - regressor(torch.zeros_like(sigmas))
    total = float(found.higher.map.sum() - found.lower.map.sum())
    assert total == pytest.approx(float(change[0, lens.names.index("theta_E")]), rel=0.15)
    assert not (found.higher.map * found.lower.map).any()
    assert where.read(made, "e1", "grad_cam").higher.map.shape == sigmas[0].shape


def test_a_file_that_is_too_large_for_the_memory_is_a_sentence_and_the_others_are_done(monkeypatch):
    def hungry(observation, **more):
        raise MemoryError
        yield

    monkeypatch.setitem(NETWORKS, "refined", replace(NETWORKS["refined"], steps=hungry))
    seen = replace(observe_scene(SCENE, dtype=torch.float32), scenes=None, model=None)
    one = batch.Batch({name: to_fits(None, seen) for name in ("a.fits", "b.fits")}, "refined", Settings(), None)
    one.turn = Gate().ask(one.work)
    assert one.turn.done.wait(60)
    one.turn.result()
    assert len(one.answers) == 2 and all("no memory" in answer for answer in one.answers.values())
