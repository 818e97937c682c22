"""The equivariant network against images turned as training turns them, and against plain convolutions."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lenslab.nets.equivariant import CentredPool, Equivariant, GroupConv, products, rings
from lenslab.symmetry import GROUPS, turn_maps


def lively(symmetry, **changes):
    """A network in float64 with every weight, mean and spread drawn at random."""
    torch.manual_seed(0)
    net = Equivariant(3, 1.9, **dict(symmetry=symmetry, width=8) | changes).double().eval()
    for key, tensor in net.state_dict().items():
        if "running_var" in key:
            tensor.uniform_(0.5, 1.5)
        elif tensor.is_floating_point():
            tensor.normal_(0, 0.3)
    return net


def every_pose(side, count):
    """One image in the eight poses of the square (8, 1, side, side), and itself as often."""
    torch.manual_seed(1)
    image = 10 * torch.randn(1, 1, side, side, dtype=torch.float64).expand(count, 1, side, side)
    return image, turn_maps(image, "D4", np.arange(count))


@pytest.mark.parametrize("side", [16, 33, 64, 75, 150])
@pytest.mark.parametrize("symmetry", GROUPS)
@torch.no_grad()
def test_logits_are_the_same_in_every_pose_of_the_group_and_in_no_other(symmetry, side):
    net = lively(symmetry, residual=side == 33, crop=20 if side == 75 else 0)
    image, posed = every_pose(side, 8)
    gap = (net(posed) - net(image)).abs().amax(1)
    inside = [GROUPS["D4"][place] in GROUPS[symmetry] for place in range(8)]
    assert (gap[inside] < 1e-11).all(), gap
    assert (gap[[not own for own in inside]] > 1e-3).all(), gap
    assert (net(image[:1]) - net(image[:1].roll(3, -1))).abs().max() > 1e-6     # nor is it blind


@torch.no_grad()
def test_float32_keeps_the_symmetry_to_its_rounding():
    net = lively("D4").float()
    image, posed = every_pose(64, 8)
    torch.testing.assert_close(net(posed.float()), net(image.float()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("symmetry, order", [("D4", 8), ("C2", 2), ("none", 1)])
def test_products_are_those_of_the_group(symmetry, order):
    table = products(symmetry)                    # g^-1 h
    assert table.shape == (order, order)
    assert (table.diagonal() == 0).all() and torch.equal(table[0], torch.arange(order))
    assert all(len(set(row.tolist())) == order for row in (*table, *table.T))
    if symmetry == "D4":                          # half turn, mirrors and identity are their own inverses
        assert sum(int(table[g, 0]) == g for g in range(8)) == 6
        assert not torch.equal(table, table.T)    # and it is no commutative group


def test_without_symmetry_it_is_a_plain_convolution():
    layer, x = GroupConv("none", 3, 4, 3, 1), torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight.view(4, 3, 3, 3), padding=1))


def test_a_lifted_filter_is_seen_in_its_poses():
    """A filter with one number, right of its middle: turned by quarters it stands above, left and below."""
    layer = GroupConv("D4", 1, 1, 3, 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 5] = 1                 # row 1, column 2
    where = [tuple(place) for pose in layer.filters()[:, 0] for place in pose.nonzero().tolist()]
    assert where[:4] == [(1, 2), (0, 1), (1, 0), (2, 1)] and where[4] == (1, 0)
    assert sorted(where) == sorted(2 * [(1, 2), (0, 1), (1, 0), (2, 1)])


@pytest.mark.parametrize("side", [7, 8, 9, 64, 75])
def test_pooling_is_centred(side):
    x = torch.randn(1, 2, side, side)
    pool = CentredPool()
    assert pool(x).shape[-1] == side // 2
    for pose in (lambda y: y.flip(-1), lambda y: y.flip(-2), lambda y: y.mT):
        assert torch.equal(pool(pose(x)), pose(pool(x)))


@pytest.mark.parametrize("side", [1, 2, 4, 8, 9, 18])
def test_rings_share_the_frame(side):
    weights = rings(side, dtype=torch.float64)
    owned = (weights > 0).sum(0)
    assert (owned == 1).all()
    sums = weights.sum((1, 2))
    assert ((sums - 1).abs() < 1e-12).logical_or(sums == 0).all()
    axis = np.arange(side) - (side - 1) / 2
    radius = np.hypot(axis[:, None], axis) / (side / 2)
    np.testing.assert_array_equal(weights.numpy().argmax(0), np.minimum((4 * radius + 1e-9).astype(int), 3))


def test_a_group_that_there_is_not_is_refused_in_words():
    with pytest.raises(ValueError, match=r"No symmetry 'D8'; choose from D4, C2, none\.$"):
        Equivariant(3, 1.9, symmetry="D8")
