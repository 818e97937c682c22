"""From one image a lens: of known truth, of noise, and as files that a shell gives and gets."""

import io
import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from astropy.io import fits

from lenslab.__main__ import main
from lenslab.fit.problem import FitProblem, State
from lenslab.images import export
from lenslab.images.simulate import observe_scene
from lenslab.physics import cosmology
from lenslab.runs import reconstruct as shell
from lenslab.scene import Camera, Lens, Scene, Sersic, Source
from lenslab.tasks.reconstruct import NETWORKS, Settings, reconstruct, scenery, starting_network
from lenslab.tasks.reconstruct.refined import usual

# As bright as lenses are: of a source four times brighter the shape would tell that a PSF of one sample a pixel is not
# quite the camera's.
SCENE = Scene(lens=Lens(theta_E=1.0, q=0.8, phi=0.5, gamma1=0.03, gamma2=-0.02),
              source=Source(magnitude=23.5, R_sersic=0.15, n_sersic=1.0, q=0.7, phi=1.0, center_x=0.12, center_y=0.05),
              lens_light=(Sersic(magnitude=20.5, R_sersic=0.5, n_sersic=2.0, q=0.8, phi=0.5),),
              camera=Camera(num_pix=44, pixel_scale=0.08, fwhm=0.13, exposure_time=4000.0))
PLAIN = Settings(compact=False, multipoles=False, slope=False)
ARGUMENTS = ["--json", "--no-compact", "--no-multipoles", "--no-slope", "--lens-light", "1", "--workers", "1",
             "--source", "pixels", "--perturber", "--corrections", "--redshifts", "0.5,1.5"]


def last(observation, settings=PLAIN):
    *before, end = reconstruct(observation, *starting_network(), settings=settings)
    assert [one.share for one in before] == sorted(one.share for one in before) and before[-1].share < end.share == 1
    assert all(one.reconstruction is None for one in before) and not torch.is_inference_mode_enabled()
    return end.reconstruction


@pytest.fixture(scope="module")
def found():
    return last(replace(observe_scene(SCENE, dtype=torch.float32), scenes=None))


def test_the_lens_that_was_simulated_is_found_with_honest_errors(found):
    assert found.converged and found.why == ""
    truth = {"lens.theta_E": 1.0, "lens.q": 0.8, "lens.phi": 0.5, "lens.gamma1": 0.03, "lens.gamma2": -0.02,
             "source.center_x": 0.12, "source.R_sersic": 0.15}
    for path, value in truth.items():
        one = found.parameters[path]
        assert 0 < one.std < 0.1 and abs(one.mean - value) < 4 * one.std, (path, one)
    assert abs(found.parameters["lens.theta_E"].mean - 1) < 0.01
    assert 0.85 < found.reduced_chi2 < 1.15
    assert found.effective_freedom < 25


def test_its_maps_are_those_of_one_potential(found):
    """alpha = grad psi and kappa = half the Laplacian of psi, by differences away from the centre and the rim."""
    scale = found.observation.pixel_scale
    psi = found.psi.numpy()
    slope_y, slope_x = np.gradient(psi, scale)
    away = np.s_[3:12, 3:-3]
    np.testing.assert_allclose(slope_x[away], found.alpha_x.numpy()[away], atol=2e-3)
    np.testing.assert_allclose(slope_y[away], found.alpha_y.numpy()[away], atol=2e-3)
    laplacian = np.gradient(np.gradient(psi, scale, axis=1), scale, axis=1) + np.gradient(slope_y, scale, axis=0)
    np.testing.assert_allclose(0.5 * laplacian[away], found.kappa.numpy()[away], atol=5e-3)


def test_its_files_hold_the_image_the_maps_and_the_scene(found):
    opened = fits.open(io.BytesIO(found.to_fits()))
    names = {hdu.name for hdu in opened}
    assert names >= {"MODEL", "RESIDUAL", "KAPPA", "PSI", "SOURCE", "SCENE", "ARC_MASK", "USED"}
    np.testing.assert_allclose(opened["MODEL"].data, found.model.numpy(), rtol=1e-6)
    scene = Scene.from_json(opened["SCENE"].data.tobytes())
    assert scene == found.scene
    again = observe_scene(replace(scene, camera=replace(scene.camera, noise="none")), dtype=torch.float32).model[0, 0]
    arcs = found.model - found.lens_light
    drawn = again - observe_scene(replace(scene, source=replace(scene.source, magnitude=40.0)),
                                  dtype=torch.float32).model[0, 0]
    np.testing.assert_allclose(drawn.numpy(), arcs.numpy(), atol=0.02 * float(arcs.max()))
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert plain["parameters"]["lens.theta_E"]["mean"] == pytest.approx(1, abs=0.01)


def test_noise_alone_is_no_good_fit():
    empty = replace(SCENE, lens_light=(), source=replace(SCENE.source, magnitude=40.0))
    made = last(replace(observe_scene(empty, dtype=torch.float32), scenes=None))
    assert not made.converged and "no good fit" in made.why


def test_what_a_switch_turns_off_is_held_where_a_plain_lens_has_it():
    taught = starting_network()[1]
    lens = usual(taught, Settings(shear=False, multipoles=False, slope=False))
    assert not {"gamma1", "gamma", "a3_x", "a4_y"} & set(lens.names)
    scenes = lens.scenes(lens.mean[None], torch.zeros(1, dtype=torch.float64))
    assert [float(scenes[f"lens.{name}"]) for name in ("gamma", "gamma1", "gamma2", "a3_a", "a4_a")] == [2, 0, 0, 0, 0]


def test_a_source_flatter_than_a_scene_may_be_becomes_the_flattest_one():
    taught = starting_network()[1]
    place = torch.cat([taught.mean, torch.zeros(1)]).float()[None].clone()
    place[0, taught.names.index("log_n")] = -1.5
    problem = FitProblem(taught, torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64), torch.zeros(1, 0))
    scene = scenery.scene_of(problem, State(place, place[:, :0], place[:, :0]))
    assert scene.source.n_sersic == pytest.approx(0.3)


def test_the_shell_ends_with_one_object_and_a_broken_file_is_a_sentence(tmp_path, capsys):
    whole = export.to_fits(None, replace(observe_scene(SCENE), scenes=None))
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "lens.fits").write_bytes(whole)
    (folder / "cut.fits").write_bytes(whole[:len(whole) // 2])
    assert main(["reconstruct", str(folder), "--out", str(out), *ARGUMENTS]) == 0
    answers = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(answers) == {"lens.fits", "cut.fits"} and "cut short" in answers["cut.fits"]["error"]
    one = answers["lens.fits"]
    assert one["converged"] and {"mean", "std", "systematic"} <= set(one["parameters"]["lens.theta_E"])
    assert {"reduced_chi2", "why", "seconds"} <= set(one) and json.loads((out / "lens.json").read_text()) == one
    assert one["pixelised_source"]["chi2"] < one["chi2"] + 30      # 1,528 pixels have a scatter of 55
    assert one["perturber"]["evidence_against_none"] < 5 and one["perturber"]["false_alarm_anywhere"] > 1e-3
    own = float(cosmology.sigma_crit_arcsec(cosmology.distances(0.5, 1.5, SCENE.H0, SCENE.Om0)))
    assert one["perturber"]["mass_solar"] == pytest.approx(one["perturber"]["mass"] * np.pi * own, rel=1e-9)
    assert one["corrections"]["evidence_against_none"] < 3
    opened = fits.open(out / "lens.fits")
    assert len(opened["PERTURBERS"].data) == one["perturber"]["places"]
    smallest = opened["SENSITIVITY"].data
    assert opened["SENSITIVITY"].header["BUNIT"] == "solMass" and np.isfinite(smallest).sum() == len(
        opened["PERTURBERS"].data) and np.nanmin(smallest) == pytest.approx(
        one["perturber"]["least_mass_at_5_sigma_solar"], rel=1e-5)
    arcs = opened["ARC_MASK"].data.astype(bool)
    assert np.nanmax(np.abs(opened["DELTA_KAPPA"].data / opened["DELTA_KAPPA_SIGMA"].data)[arcs]) < 4
    assert opened["PIXEL_SOURCE"].data.ndim == 2
    assert (out / "lens.fits").exists() and not (out / "cut.fits").exists()
    assert main(["reconstruct", str(folder / "cut.fits"), "--out", str(out), *ARGUMENTS]) == 2
    assert "cut short" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--pixel-scale", "0"], ["--noise", "nan"], ["--mask", "1,2"], ["--workers", "0"],
                                   ["--redshifts", "0.6,0.2"]])
def test_an_option_that_makes_no_sense_is_refused_in_words(words, capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["reconstruct", "a.fits", "--out", str(tmp_path), *words])
    assert "is no " in capsys.readouterr().err


def test_the_shell_offers_what_the_page_offers():
    """It lists them by itself, since it answers --help without torch."""
    assert set(shell.NETWORKS) == set(NETWORKS)
    listened = {word for network in NETWORKS.values() for word in network.heeds}
    assert listened <= {item.name for item in fields(Settings)}
