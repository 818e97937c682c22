"""A network that says a lens and its errors: what it starts from, what it learns from, and what it says of an image."""


from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab.feed.order import elements
from lenslab.fit import smooth_lens
from lenslab.images.simulate import observe_scene
from lenslab.nets.lens_posterior import LensPosterior, sigmas_of
from lenslab.population import find
from lenslab.scene import Camera, Lens, Scene, Source
from lenslab.sets import draw
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks import TASKS, reconstruct
from lenslab.tasks.reconstruct.task import turned

N = 24


@pytest.fixture(scope="module")
def lens():
    return smooth_lens("hst")


@pytest.fixture(scope="module")
def shown(lens):
    """Images of smooth lenses as a network is given them (N, 2, H, W), and their coordinates (N, P)."""
    items = draw.items(find("hst"), 0, 0, "test", bare=True).take(slice(0, N))
    truth = lens.standard(lens.of_table(find("hst").paths, items.parameters))
    return sigmas_of(items.image, items.variance.sqrt()), truth


@pytest.fixture(scope="module")
def network(lens):
    torch.manual_seed(0)
    return LensPosterior(lens)


def test_every_weight_has_a_gradient_of_the_likelihoods(network, shown):
    given, truth = shown
    network.train().zero_grad()
    network.loss(given, truth, torch.arange(N) < 6).backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_an_image_without_labels_teaches_all_that_says_the_lens(network, shown):
    """All but how sure it is, and whatever steers nothing but that."""
    network.train().zero_grad()
    given = shown[0]
    network.unexplained(given, network(given)).backward()
    dull = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
    assert dull == {"looks.1.bend.weight", "looks.1.bend.bias"}


def test_the_image_is_likeliest_where_the_lens_is_true(network, shown):
    given, truth = shown
    network.eval()
    with torch.no_grad():
        right = network.image_loss(given, truth)
        for name in ("theta_E", "e1", "gamma2", "source_x"):
            wrong = truth.clone()
            wrong[:, network.lens.names.index(name)] += 0.5
            assert network.image_loss(given, wrong) > right + 0.02, name


def test_a_look_near_the_truth_steps_towards_it(network, shown):
    """As far as noise and compact components of the sources let it, and knows more than the population does."""
    given, truth = shown
    look = network.looks[0]
    off = truth + 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    _, _, steps, scale_tril = look.slopes(given, off)
    k = network.lens.names.index("theta_E")
    assert ((off + steps[1] - truth)[:, k].abs().median() < 0.6 * (off - truth)[:, k].abs().median())
    sigma = (scale_tril @ scale_tril.mT).diagonal(dim1=1, dim2=2).sqrt()
    assert (sigma > 0).all() and (sigma <= 1.001).all()       # a prior of one standard deviation knows that much


def test_what_is_left_out_is_not_seen(network, shown):
    """A hole in the noise hides what lies under it, whatever its pixels hold."""
    items = draw.items(find("hst"), 0, 0, "test", bare=True).take(slice(0, 2))
    sigma = items.variance.sqrt()
    sigma[..., 10:20, 10:20] = torch.inf
    changed = items.image.clone()
    changed[..., 10:20, 10:20] = 1e6
    network.eval()
    with torch.no_grad():
        one, other = network(sigmas_of(items.image, sigma)), network(sigmas_of(changed, sigma))
    assert torch.equal(one.mean, other.mean) and one.mean.isfinite().all() and one.scale_tril.isfinite().all()


def test_coordinates_turn_with_their_images(network, lens, shown):
    """A model of turned coordinates is the turned model of the others, at a PSF that is round."""
    given, truth = shown
    places = elements(len(GROUPS["D4"]), N, 3, 0)
    with torch.no_grad():
        still = turn_maps(network.shown(given, truth), "D4", places)
        moved = network.shown(turn_maps(given, "D4", places), turned(lens, truth, "D4", places))
    torch.testing.assert_close(moved, still, rtol=0, atol=0.02 * float(still.max()))
    assert (moved - still).abs().mean() < 1e-3


def test_the_task_judges_by_the_metrics_that_it_declares(monkeypatch, lens, shown):
    """With a network that says the truth and one sigma: 0 error, and all inside."""
    class Oracle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lens, self.weight = lens, torch.nn.Parameter(torch.zeros(()))

        def forward(self, given):
            eye = torch.eye(len(lens.names)).expand(len(given), -1, -1)
            return reconstruct.task.Posterior(shown[1] + 1.5, eye)

    found = reconstruct.task.judgement_of(reconstruct.task.Trained(Oracle(), {}), *shown)
    assert {metric.name for metric in TASKS["reconstruct"].metrics} <= found.keys()
    assert found["coverage_68"] == 0 and found["coverage_95"] == 1
    assert found["loss"] == pytest.approx(0.5 * np.log(2 * np.pi) + 1.5**2 / 2, rel=1e-5)
    plain = lens.plain(shown[1])[:, 0]
    assert found["theta_E"] == pytest.approx(float((1.5 * float(lens.std[0]) / plain).median()), rel=1e-4)


def test_the_shipped_network_reads_a_lens_at_one_go():
    """Of a lens like those that it was taught, on another camera's pixels: within 4 of its own sigmas and 3 %."""
    scene = Scene(lens=Lens(theta_E=1.1, q=0.8, phi=0.5, gamma1=0.03, gamma2=-0.02),
                  source=Source(magnitude=23.0, R_sersic=0.15, n_sersic=1.0, center_x=0.12, center_y=0.05),
                  camera=Camera(num_pix=80, pixel_scale=0.06, fwhm=0.13, exposure_time=4000.0))
    image = replace(observe_scene(scene, dtype=torch.float32), scenes=None)
    told, = reconstruct.NETWORKS["amortised"].steps(image, settings=reconstruct.Settings(lens_light="none"))
    found = told.reconstruction.parameters["lens.theta_E"]
    assert abs(found.mean - 1.1) < min(4 * found.std, 0.033) and told.share == 1
    assert told.reconstruction.covariance.shape == (len(told.reconstruction.names),) * 2
    assert (torch.linalg.eigvalsh(told.reconstruction.covariance) > 0).all()
