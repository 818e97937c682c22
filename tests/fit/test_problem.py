"""One fit as a record: tangents are differences, a mask weighs nothing, and noise follows the light as photons do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from astropy.io import fits

from lenslab.fit import lens_sersics, observed
from lenslab.fit.descent import descend, downhill
from lenslab.fit.multiple_images import images
from lenslab.fit.noise_law import noise_law
from lenslab.fit.posterior import covariance
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.refined import Recipe, without_idle
from lenslab.images import reference
from lenslab.images.observation import Observation
from lenslab.images.simulate import observe_scene
from lenslab.physics import light
from lenslab.scene import Camera, Lens, Scene, Sersic, Source
from lenslab.scenes import flatten
from lenslab.tasks.reconstruct import starting_network

SCENE = Scene(lens=Lens(theta_E=1.0, q=0.75, phi=0.5, gamma1=0.03, gamma2=-0.02),
              source=Source(magnitude=22.5, R_sersic=0.15, n_sersic=1.2, center_x=0.1, center_y=0.05),
              lens_light=(Sersic(magnitude=20.5, R_sersic=0.5, n_sersic=3.0, q=0.8, phi=0.5),),
              camera=Camera(num_pix=40, pixel_scale=0.08, fwhm=0.13, exposure_time=4000.0, sky_brightness=22.3))


@pytest.fixture(scope="module")
def made():
    """A lens with its galaxy's light, made ready as a real image is."""
    return observed.target(replace(observe_scene(SCENE, dtype=torch.float32), scenes=None), starting_network()[1])


def state_of(made):
    torch.manual_seed(0)
    lens = made.problem.lens
    place = torch.cat([lens.mean, torch.zeros(1)]).float()[None].clone()
    place[0, lens.names.index("e1")] = 0.1
    compact = torch.tensor([[0.3, -0.2, -1.5, 1.0, 0.1, -0.1, 0.3], [-0.4, 0.2, -1.0, 0.8, 0.0, 0.1, 0.2]] + 3 * [
        [0.0, 0.0, -1.9, 1.0, 0.0, 0.0, 0.0]]).flatten()[None]
    return State(place, compact, made.problem.glow.clone())


def test_tangents_are_what_differences_say(made):
    """Of lens, profile, soft components and lens light, each a unit of its own, in float64."""
    problem = made.problem
    problem = FitProblem(problem.lens, problem.image.double(), problem.sigma.double(), problem.glow.double())
    state = State(*(part.double() for part in state_of(made)))
    J = problem.jacobian(state)[0]
    names = problem.names(state)
    for k in [names.index(name) for name in ("theta_E", "log_R", "log_flux", "clump_0.x", "clump_0.log_R", "clump_1.e1",
                                             "clump_1.n", "lens_light_0.log_R", "lens_light_0.log_n", "sky")]:
        step = torch.zeros(1, len(names), dtype=torch.float64)
        step[0, k] = 1e-4
        rise = (problem.residual(state.moved(-step)) - problem.residual(state.moved(step)))[0] / 2e-4
        assert float((rise - J[:, k]).norm() / rise.norm()) < 5e-3, names[k]


def test_a_sersic_with_a_core_has_the_tangents_that_autograd_gives():
    at = torch.tensor([[0.3, -0.1, 0.4, 1.4, 0.1, -0.2]], dtype=torch.float64).unbind(1)
    x, y, R, n, e1, e2 = (value.clone().requires_grad_() for value in at)
    zero = torch.zeros(1, dtype=torch.float64)
    found = light.sersic_tangents(x, y, light.sersic_amplitude(1.0, R, n), R, n, e1, e2, zero, zero, core=0.2)
    glow = light.sersic_surface_brightness(x, y, light.sersic_amplitude(1.0, R, n), R, n, e1, e2, zero, zero, core=0.2)
    slopes = torch.autograd.grad(glow.sum(), (x, y, R, n, e1, e2))
    for name, slope in zip(("x", "y", "log_R", "n", "e1", "e2"), slopes, strict=True):
        assert found[name].item() == pytest.approx((slope * (R if name == "log_R" else 1)).item(), rel=1e-8), name


def test_lens_light_is_lenstronomy_s(made):
    """Numbers of a galaxy as an image: that of the reference, whose source is too faint to count."""
    scene = replace(SCENE, source=replace(SCENE.source, magnitude=40.0))
    truth = reference.compare(scene).lenstronomy
    part = SCENE.lens_light[0]
    c = (1 - part.q) / (1 + part.q)
    flux = 10 ** (0.4 * (SCENE.camera.zero_point - part.magnitude))
    numbers = torch.tensor([[0.0, 0.0, np.log(part.R_sersic), np.log(part.n_sersic), c * np.cos(2 * part.phi),
                             c * np.sin(2 * part.phi), np.log(flux), 0.0]], dtype=torch.float64)
    found = lens_sersics.image_and_tangents(SCENE.camera, numbers, slopes=False)[0][0, 0].numpy()
    np.testing.assert_allclose(found, truth, atol=1e-4 * truth.max())


def test_a_masked_pixel_weighs_nothing_whatever_it_holds(made):
    circle = observed.Masks(circles=((0.8, 0.8, 0.4),))
    image = made.observation.image.clone()
    spoilt = image.clone()
    x, y = observed.axes_of(made.observation)
    spoilt[0, 0][torch.hypot(x - 0.8, y - 0.8) <= 0.4] = 1e4
    known = observed.usable_pixels(made.observation, made.center, made.offset, circle)
    sigma = torch.where(known, made.problem.sigma, torch.inf)
    one, two = (FitProblem(made.problem.lens, seen, sigma, made.problem.glow) for seen in (image, spoilt))
    state = state_of(made)
    assert torch.equal(one.residual(state), two.residual(state)) and torch.equal(one.jacobian(state),
                                                                                 two.jacobian(state))


def test_noise_of_a_model_is_that_of_its_own_light():
    """variance = background^2 + light / exposure, read off an image of the same camera."""
    rng = np.random.default_rng(0)
    bright = torch.linspace(0, 2, 60).repeat(60, 1)[None, None]
    variance = 0.01**2 + bright / 2000
    image = bright + torch.from_numpy(rng.normal(size=bright.shape)).float() * variance.sqrt()
    told = 0.01**2 + image.clamp_min(0) / 2000
    known = torch.ones_like(image, dtype=torch.bool)
    known[..., :5] = False
    sigma = noise_law(image, told, known)(bright)
    assert torch.isinf(sigma[..., :5]).all()
    ratio = (sigma.square() / variance)[..., 10:]
    assert float((ratio - 1).abs().max()) < 0.08     # the dark is its tenth percentile, of light that is hardly dark


def test_a_source_outside_of_the_caustics_is_seen_once_and_one_behind_the_lens_more_than_once(made):
    place = state_of(made).place
    place[0, made.problem.lens.names.index("theta_E")] = 0.8
    behind, beside = place.clone(), place.clone()
    k = made.problem.lens.names.index("source_x")
    behind[0, k], beside[0, k] = 0.05, 1.4
    nothing = place[:, :0]
    found = [images(made.problem, State(at, nothing, nothing)) for at in (behind, beside)]
    assert bool(found[0].several) and float(found[0].magnification) > 4
    assert not bool(found[1].several)


def test_a_descent_from_the_truth_stays_and_its_errors_cover_the_truth():
    """20 noises of one smooth lens: chi^2 of pulls of lens coordinates over its number is 1 within its scatter."""
    _, taught = starting_network()
    scene = replace(SCENE, lens_light=())
    pulls = []
    for seed in range(12):
        seen = replace(observe_scene(replace(scene, seed_noise=seed), dtype=torch.float32), scenes=None)
        target = observed.target(seen, replace(taught, compact=False), components=0)
        lens = target.problem.lens
        truth = lens.of_table(*table(scene)).float()
        start = torch.cat([truth, truth.new_full((1, 1), 0.4 * np.log(10) * (23.0 - scene.source.magnitude))], 1)
        found = descend(target.problem, State(start, start[:, :0], start[:, :0]), 15)
        assert bool(found.settled)
        spread = covariance(found, None, len(lens.names)).diagonal().sqrt()
        pulls.append(((found.state.place[0, :-1] - truth[0]).double() / spread)[:2])
    pulls = torch.stack(pulls)
    assert 0.5 < float(pulls.square().mean()) < 1.8      # 24 numbers: 99 % of chi^2 / 24 lies in 0.4 to 1.9


def test_a_compact_component_that_only_fits_noise_is_taken_out_and_one_that_shines_stays():
    """The truth has one; a second one begins elsewhere with a hundredth of the profile's flux."""
    _, taught = starting_network()
    clump = Sersic(magnitude=24.5, R_sersic=0.03, n_sersic=1.0, q=1.0, center_x=0.1, center_y=-0.06)
    scene = replace(SCENE, lens_light=(), source=replace(SCENE.source, clumps=(clump,)))
    target = observed.target(replace(observe_scene(scene, dtype=torch.float32), scenes=None), taught, components=0)
    truth = taught.of_table(*table(replace(scene, source=SCENE.source))).float()
    place = torch.cat([truth, truth.new_full((1, 1), 0.4 * np.log(10) * (23.0 - scene.source.magnitude))], 1)
    R = SCENE.source.R_sersic
    true = [0.1 / R, -0.06 / R, np.log(0.03 / R), 1.0, 0.0, 0.0, 10 ** (0.4 * (SCENE.source.magnitude - 24.5))]
    both = torch.tensor([true + [-0.8, 0.9, np.log(0.155), 1.0, 0.0, 0.0, 0.01]]).float()
    begun = descend(target.problem, State(place, both, place[:, :0]), 10)
    found = without_idle(target.problem, begun, Recipe())
    assert found.state.compact.shape[1] == 7 and abs(float(found.state.compact[0, 6]) - true[6]) < 0.3 * true[6]
    assert float(found.left.square().sum() - begun.left.square().sum()) < 14


def table(scene):
    values = flatten(scene)
    return tuple(values), np.array([list(values.values())])


def test_a_file_of_a_real_image_is_fitted_on_its_own_pixels(tmp_path):
    seen = observe_scene(SCENE)
    hdu = fits.PrimaryHDU(seen.image[0, 0].numpy())
    frame = Observation(torch.from_numpy(hdu.data.astype(np.float32))[None, None], seen.variance.float(), 0.08,
                        psf=seen.psf)
    target = observed.target(frame, starting_network()[1])
    camera = target.problem.lens.camera
    assert (camera.num_pix, camera.pixel_scale, camera.psf) == (40, 0.08, "pixel")
    assert target.galaxies == 1 and target.problem.glow.shape[1] in (8, 15)


def test_a_descent_that_is_followed_step_by_step_ends_where_it_ends_unseen(made):
    begun = state_of(made)
    costs = [float(seen.cost) for seen in downhill(made.problem, begun, 4)]
    assert len(costs) > 2 and costs == sorted(costs, reverse=True)
    assert costs[-1] == float(descend(made.problem, begun, 4).cost)
