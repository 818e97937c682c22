"""Classifier networks: inputs against closed forms and scipy, nets with weights set by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lenslab.nets import CLASSIFIERS, CNN, PhysicsCNN
from lenslab.nets.inputs import FWHM_PER_SIGMA, Channels, Residual, Stretch


def images(n=2, side=64, seed=0):
    return torch.from_numpy(10 * np.random.default_rng(seed).normal(size=(n, 1, side, side)))


@pytest.mark.parametrize("side", [64, 150, 9])
def test_residual_is_image_less_scipys_gaussian(side):
    image = images(side=side)
    expected = [plane - gaussian_filter(plane, 1.9 / FWHM_PER_SIGMA, mode="nearest", truncate=4.0)
                for plane in image[:, 0].numpy()]
    np.testing.assert_allclose(Residual(1.9)(image)[:, 0].numpy(), expected, atol=1e-12)


def test_residual_of_a_slope_vanishes_away_from_the_frame_and_of_a_constant_everywhere():
    x = torch.arange(64, dtype=torch.float64).expand(1, 1, 64, 64)
    left = Residual(3.0)(x)
    assert left[..., 10:-10].abs().max() < 1e-12
    assert Residual(3.0)(torch.full((1, 1, 20, 20), 7.0, dtype=torch.float64)).abs().max() < 1e-13


def test_residual_keeps_its_digits_under_autocast():
    image = images().float() + 100
    with torch.autocast("cpu", torch.bfloat16):
        inside = Residual(1.9)(image)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, Residual(1.9)(image), rtol=0, atol=0)


def test_stretch_is_odd_monotonic_linear_when_faint_and_knows_nothing_of_other_pixels():
    stretch, s = Stretch(20, 5), torch.tensor([0.01, 1.0, 60.0], dtype=torch.float64)
    np.testing.assert_allclose(stretch(s), 4 * np.arcsinh(s.numpy() / 20), rtol=1e-14)
    assert stretch(s[:1]).item() == pytest.approx(0.01 / 5, rel=1e-6)
    assert (stretch(-s) == -stretch(s)).all() and (stretch(s).diff() > 0).all()
    brighter = torch.tensor([0.01, 1.0, 6000.0], dtype=torch.float64)
    assert (stretch(brighter)[:2] == stretch(s)[:2]).all()


def test_second_channel_is_the_stretched_residual():
    channels, image = Channels(1.9, residual=True, smoothing=1.5), images()
    seen = channels(image)
    assert channels.names == ("image", "residual") and seen.shape == (2, 2, 64, 64)
    assert (seen[:, :1] == channels.stretch(image)).all()
    assert (seen[:, 1:] == channels.stretch(Residual(1.5 * 1.9)(image))).all()
    assert (Channels(1.9, residual=False)(image) == seen[:, :1]).all()


def test_baseline_with_weights_set_by_hand():
    """Centre taps of 1 pass the image on through three poolings, and the head adds up its GRID x GRID means."""
    net, image = CNN(3, 1.9).double().eval(), images(side=64)
    with torch.no_grad():
        for tensor in net.parameters():
            tensor.zero_()
        for layer in (net.features[0], net.features[3], net.features[6]):
            layer.weight[0, 0, 1, 1] = 1
        net.head[2].weight[0, :16] = 1      # the cells of channel 0, which come first
        net.head[5].weight[1, 0] = 1
        logits = net(image)
        pooled = torch.nn.functional.max_pool2d(net.channels(image).clamp_min(0), 8)
        expected = torch.nn.functional.adaptive_avg_pool2d(pooled, 4).sum((1, 2, 3))
    torch.testing.assert_close(logits[:, 1], expected)
    assert (logits[:, [0, 2]] == 0).all()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_gradient_reaches_every_tensor(name):
    kind, settings = CLASSIFIERS[name]
    torch.manual_seed(0)
    net = kind(3, 1.9, **settings)
    torch.nn.functional.cross_entropy(net(images(8).float()), torch.arange(8) % 3).backward()
    for key, tensor in net.named_parameters():
        assert tensor.grad is not None and tensor.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("side", [64, 150])
def test_answers_are_logits_for_every_size(name, side):
    """Logits, not probabilities: a softmax before the cross-entropy would hold its loss above 0.5514."""
    kind, settings = CLASSIFIERS[name]
    net = kind(3, 1.9, **settings).eval()
    logits = net(images(side=side).float())
    assert logits.shape == (2, 3)
    assert not torch.allclose(logits.sum(1), torch.ones(2))
    assert isinstance(net.head[-1], torch.nn.Linear)


def test_the_ablation_differs_by_one_input_channel_only():
    for kind in (CNN, PhysicsCNN):
        one, two = kind(3, 1.9, residual=False), kind(3, 1.9, residual=True)
        shapes = [{key: tuple(tensor.shape) for key, tensor in net.named_parameters()} for net in (one, two)]
        assert [key for key in shapes[0] if shapes[0][key] != shapes[1][key]] == ["features.0.weight"]
        assert shapes[0]["features.0.weight"] == (16, 1, 3, 3) and shapes[1]["features.0.weight"] == (16, 2, 3, 3)


def test_what_follows_from_constants_is_no_weight():
    assert not any("kernel" in key for key in PhysicsCNN(3, 1.9).state_dict())
