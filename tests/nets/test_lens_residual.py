"""The network that fits: what it is given is the image and the residual of a fit that it started itself."""

import numpy as np
import pytest
import torch

from lenslab.fit import fit, potential_corrections
from lenslab.nets.lens_residual import NUMBERS
from lenslab.population import find
from lenslab.sets.draw import items
from lenslab.symmetry import turn_maps
from lenslab.tasks import classify
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import Trained

NAME = "deeplense-2:doubled=off"     # with noise, and a fit of two coordinates


@pytest.fixture(scope="module")
def drawn():
    return items(find(NAME), 0, 0, "validation")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return classify.build(classify.Config(network="lens_residual", population=NAME, width=4)).model.eval()


def test_what_it_is_given_is_the_image_and_the_residual_of_the_best_lens(model, drawn, monkeypatch):
    rows = np.arange(12)
    image, sigma = drawn.image[rows], drawn.variance[rows].sqrt()
    truth = model.lens.of_table(find(NAME).paths, drawn.parameters[rows])
    off = model.lens.standard(truth).float() + 0.3      # spreads: what a start may be wrong by
    monkeypatch.setattr(model.regressor, "forward", lambda sigmas: off)
    given, found = model.complete(image, sigma)
    assert torch.equal(given[:, :1], image / sigma) and given.shape == (12, 2, 64, 64)
    best = fit(model.lens, image, sigma, truth, steps=8)
    assert (found.chi2 - best.chi2).max() < 0.5
    smooth = drawn.labels[rows] == 0
    assert given[smooth, 1].square().mean().item() == pytest.approx(1, abs=0.05)


def test_an_answer_is_that_of_the_image_alone_whatever_stands_beside_it(model, drawn):
    image, sigma = drawn.image[:6], drawn.variance[:6].sqrt()
    together = model.complete(image, sigma)[0]
    alone = torch.cat([model.complete(image[k:k + 1], sigma[k:k + 1])[0] for k in range(6)])
    torch.testing.assert_close(together, alone, rtol=0, atol=0.02)


def test_every_tensor_learns_from_one_batch(drawn):
    config = classify.Config(network="lens_residual", population=NAME, width=4, batch=12, images=120, workers=0)
    model = classify.build(config).model
    classify.loss(model, *classify.batches(config, torch.device("cpu"))(0)).backward()
    silent = [name for name, tensor in model.named_parameters() if tensor.grad is None or not tensor.grad.any()]
    assert silent == []


def test_a_frame_of_another_size_is_refused_in_words(model):
    with pytest.raises(ValueError, match="64 x 64 pixels, and the image has 60 x 60"):
        image = torch.ones(1, 1, 60, 60)
        answers.complete(Trained(model, {"constants": {"crop": 0}}), image, image)


@pytest.fixture(scope="module")
def clumpy():
    torch.manual_seed(0)
    return classify.build(classify.Config(network="lens_residual", population="hst", width=4)).model.eval()


def test_where_sources_have_clumps_it_sees_what_either_kind_of_source_leaves(clumpy, monkeypatch):
    population = find("hst")
    drawn = items(population, 0, 0, "validation")
    rows = np.flatnonzero(drawn.labels == 0)[:4]
    image, sigma = drawn.image[rows], drawn.variance[rows].sqrt()
    truth = clumpy.lens.of_table(population.paths, drawn.parameters[rows])
    monkeypatch.setattr(clumpy.regressor, "forward", lambda sigmas: clumpy.lens.standard(truth).float())
    given, found = clumpy.complete(image, sigma)
    assert clumpy.channel_names == ("image", "residual", "residual with compact components", "potential corrections")
    assert given.shape == (4, 4 + NUMBERS, 64, 64) and found.compact.shape == (4, 5, 7)
    assert torch.equal(given[:, 2:3], found.residual)
    torch.testing.assert_close(clumpy.chi2(given), found.chi2.double(), rtol=1e-5, atol=0)
    again = potential_corrections(clumpy.lens, sigma, found)
    waves, evidence = clumpy.corrections(given)
    torch.testing.assert_close((waves, evidence), (again.change[:, 0], again.evidence))
    left = given[:, 1:3].square().sum((2, 3))
    assert (left[:, 1] < left[:, 0] + 5).all()       # clumps can only help, but for their prior
    assert clumpy(given).shape == (4, 5)


def test_its_sums_reach_the_answer(clumpy):
    """The last layers see them: wiggles without an image that would be the same to an averaged map."""
    clumpy.zero_grad()
    clumpy(torch.randn(4, 4 + NUMBERS, 64, 64)).square().sum().backward()
    first = clumpy.head[2].weight.grad[:, -clumpy.moments.number - NUMBERS:].abs().sum(0)
    assert first[:-NUMBERS].gt(0).float().mean() > 0.8 and first[-NUMBERS:].gt(0).all()


def test_the_numbers_told_beside_the_maps_are_read_however_the_image_is_turned(clumpy):
    """Evidence, strength and slope of corrections: the last features, softened, since an evidence may be a thousand."""
    given = torch.randn(2, 4 + NUMBERS, 64, 64)
    told = torch.tensor([[1000.0, 0.7, -1.0], [-0.3, 0.1, 0.4]])
    given[:, 4:] = told[..., None, None]
    with torch.no_grad():
        for which in range(8):
            features = clumpy.embed(clumpy.see(turn_maps(given, "D4", np.full(2, which))))
            torch.testing.assert_close(features[:, -NUMBERS:], torch.asinh(told), rtol=1e-5, atol=1e-5)
