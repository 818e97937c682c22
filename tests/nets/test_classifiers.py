"""Classifier networks: inputs against closed forms and scipy, nets with weights set by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lenslab.nets import CLASSIFIERS, CNN, PhysicsCNN
from lenslab.nets.inputs import FWHM_PER_SIGMA, Channels, Residual, Stretch
from lenslab.nets.resnet import Basic
from lenslab.physics.grid import middle
from lenslab.population import find
from lenslab.sets.draw import items
from lenslab.tasks import classify


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


@pytest.mark.parametrize("side, crop, left", [(64, 32, 32), (64, 33, 34), (75, 33, 33), (75, 32, 33), (64, 0, 64),
                                              (64, 64, 64), (64, 90, 64)])
def test_a_crop_is_central_whatever_is_odd(side, crop, left):
    image = images(side=side)
    kept = middle(image, crop)
    assert kept.shape[-2:] == (left, left)
    assert torch.equal(middle(torch.rot90(image, 1, (-2, -1)), crop), torch.rot90(kept, 1, (-2, -1)))
    assert torch.equal(middle(image.flip(-1), crop), kept.flip(-1))


def test_the_smoothing_sees_beyond_the_crop():
    image = images()
    seen = Channels(1.9, residual=True, crop=20)(image)
    assert torch.equal(seen, Channels(1.9, residual=True)(image)[..., 22:-22, 22:-22])


def test_a_residual_that_is_given_passes_through_the_same_stretch():
    channels, both = Channels(1.9, residual=False, fit=True), images().repeat(1, 2, 1, 1)
    both[:, 1] *= 0.1
    assert channels.names == ("image", "residual")
    assert torch.equal(channels(both), Stretch()(both))
    with pytest.raises(AssertionError):
        channels(both[:, :1])
    with pytest.raises(AssertionError):
        Channels(1.9, residual=False)(both)


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


def given(net, sigmas):
    """What a network is given of images alone: where it wants the residual of a fit, their own roughness stands in."""
    return torch.cat([sigmas, Residual(1.9)(sigmas)], dim=1) if net.needs_fit else sigmas


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_gradient_reaches_every_tensor(name, built, lenses):
    sigmas, labels, _ = lenses
    net = built(name)
    loss = torch.nn.functional.cross_entropy(net(given(net, sigmas)), labels)
    if net.needs_fit:
        loss = loss + net.regressor.loss(sigmas, torch.ones(len(sigmas), len(net.regressor.error)))
    loss.backward()
    for key, tensor in net.named_parameters():
        assert tensor.grad is not None and tensor.grad.isfinite().all() and tensor.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("side", [64, 75, 16])
def test_answers_are_logits_for_every_size(name, side, built):
    """Logits, not probabilities: a softmax before the cross-entropy would hold its loss above 0.5514."""
    net = built(name, num_pix=side).eval()
    logits = net(given(net, images(side=side).float()))
    assert logits.shape == (2, 3)
    assert not torch.allclose(logits.sum(1), torch.ones(2))
    assert isinstance(net.head[-1], torch.nn.Linear)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_three_stages_make_the_answer(name, built, lenses):
    net = built(name).eval()
    seen = net.see(given(net, lenses[0]))
    assert seen.shape == (24, len(net.channel_names), 64, 64) and net.channel_names[0] == "image"
    features = net.embed(seen)
    assert features.ndim == 2
    torch.testing.assert_close(net.head(features), net(given(net, lenses[0])))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_answer_is_in_the_evidence(name, built, lenses):
    """The map that Grad-CAM looks at is seen once in a pass, is one of the image, and bears on every image."""
    net, maps = built(name).eval(), []
    net.evidence.register_forward_hook(lambda module, inputs, output: maps.append(output))
    logits = net(given(net, lenses[0]))
    assert len(maps) == 1 and maps[0].ndim == 4 and len(maps[0]) == 24 and maps[0].shape[-1] >= 4
    gradient = torch.autograd.grad(logits[:, 1].sum(), maps[0])[0]
    assert (gradient.flatten(1).abs().amax(1) > 0).all()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_lies_outside_the_crop_is_not_seen(name, built):
    """But for the reach of a smoothing, 4 sigmas of its kernel."""
    net, sigmas = built(name, crop=32).eval(), images().float()
    beyond = sigmas.clone()
    beyond[..., :10, :] += 100
    beyond[..., -10:] -= 100
    with torch.no_grad():
        one, other = net(given(net, sigmas)), net(given(net, beyond))
    assert torch.equal(one, other)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_networks_are_small(name, built):
    assert sum(tensor.numel() for tensor in built(name).parameters()) < 1e6


def test_weights_keep_the_names_that_checkpoints_have(built):
    assert list(built("cnn").state_dict()) == [f"{layer}.{part}" for layer in (
        "features.0", "features.3", "features.6", "head.2", "head.5") for part in ("weight", "bias")]
    norms = {f"features.{k}.{part}" for k in (1, 5, 9) for part in (
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert set(built("physics_cnn").state_dict()) == norms | {f"features.{k}.weight" for k in (0, 4, 8)} | {
        f"head.{k}.{part}" for k in (2, 5) for part in ("weight", "bias")}


def test_a_block_whose_way_is_silent_is_its_short_cut():
    block, x = Basic(4, 4, 1).eval(), torch.randn(2, 4, 8, 8)
    torch.nn.init.zeros_(block.way[-1].weight)
    assert torch.equal(block(x), x.clamp_min(0))
    wide = Basic(4, 8, 2).eval()
    torch.nn.init.zeros_(wide.way[-1].weight)
    with torch.no_grad():
        wide.short[0].weight.copy_(torch.eye(8)[:, :4, None, None])
    torch.testing.assert_close(wide(x)[:, :4], x[..., ::2, ::2].clamp_min(0), rtol=1e-4, atol=1e-5)


def test_the_ablation_differs_by_one_input_channel_only():
    for kind in (CNN, PhysicsCNN):
        one, two = kind(3, 1.9, residual=False), kind(3, 1.9, residual=True)
        shapes = [{key: tuple(tensor.shape) for key, tensor in net.named_parameters()} for net in (one, two)]
        assert [key for key in shapes[0] if shapes[0][key] != shapes[1][key]] == ["features.0.weight"]
        assert shapes[0]["features.0.weight"] == (16, 1, 3, 3) and shapes[1]["features.0.weight"] == (16, 2, 3, 3)


def test_what_follows_from_constants_is_no_weight():
    assert not any("kernel" in key for key in PhysicsCNN(3, 1.9).state_dict())


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_a_network_is_judged_as_it_was_trained(name):
    """With dropout off, and means over batches those of the last one, both ways of running give the same answers."""
    torch.manual_seed(0)
    model = classify.build(classify.Config(network=name, population="seed-64", width=4)).model.train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.eval()
        elif isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0
    drawn = items(find("seed-64"), 0, 0)
    given = (drawn.image / drawn.variance.sqrt())[:32]
    given = torch.cat([given, torch.randn_like(given)], 1) if model.needs_fit else given
    with torch.no_grad():
        trained = model(given)
        judged = model.eval()(given)
    assert (judged - trained).abs().max() < 0.1 * trained.std()
