"""Attention with weights set by hand."""

import pytest
import torch
from torch.nn import functional as F

from lenslab.nets.attention import Attention, Offsets
from lenslab.nets.lensiformer import Crossing


@torch.no_grad()
def plain(block):
    """Queries and keys are 0, values and the way out pass everything on, the layer after is silent."""
    for tensor in block.parameters():
        tensor.zero_()
    block.norm1.weight.fill_(1)
    channels = len(block.norm1.weight)
    block.mix.weight[2 * channels:] = torch.eye(channels)
    block.out.weight.copy_(torch.eye(channels))
    return block.double()


@torch.no_grad()
def test_without_queries_every_token_gets_the_mean_of_all():
    block, x = plain(Attention(8, heads=2)), torch.randn(3, 8, 4, 5, dtype=torch.float64)
    normed = F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2)
    torch.testing.assert_close(block(x), x + normed.mean((2, 3), keepdim=True))


@torch.no_grad()
def test_a_bias_that_likes_no_distance_leaves_each_token_with_itself():
    block, x = plain(Attention(8, heads=2)), torch.randn(3, 8, 4, 4, dtype=torch.float64)
    block.offsets.way[0].weight.copy_(torch.tensor([[1., 0], [-1, 0], [0, 1], [0, -1]]).repeat(8, 1))
    block.offsets.way[2].weight.fill_(-100)       # the ReLUs add up to |dy| + |dx|, in logarithms
    normed = F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2)
    torch.testing.assert_close(block(x), x + normed)


@pytest.mark.parametrize("channels", [6, 7, 114])
def test_any_number_of_channels_is_shared_among_heads(channels):
    """A search may ask for any width."""
    maps = torch.randn(2, channels, 3, 3)
    assert Attention(channels)(maps).shape == maps.shape
    assert Crossing(channels)(maps, torch.randn(2, channels, 4, 4), torch.zeros(2, 2, 6, 6)).shape == maps.shape


def test_offsets_depend_on_the_offset_alone_and_not_on_the_frame():
    offsets = Offsets(2)
    small, large = (offsets(h, w).view(2, h, w, h, w) for h, w in ((3, 4), (9, 7)))
    torch.testing.assert_close(small, large[:, 4:7, 2:6, 4:7, 2:6])
    torch.testing.assert_close(small[:, 0, 0, 2, 3], large[:, 6, 1, 8, 4])
    assert not torch.allclose(small[:, 0, 0, 2, 3], small[:, 2, 3, 0, 0])     # there and back are not the same


@torch.no_grad()
@pytest.mark.parametrize("shift", [0, 1])
def test_an_image_token_takes_the_source_token_that_it_comes_from(shift):
    """Reach of nearly nothing, and places that are the centres of the source's tokens, moved by whole tokens."""
    block = Crossing(8, heads=2)
    for tensor in block.parameters():
        tensor.zero_()
    block.norm_source.weight.fill_(1)
    block.nearness.fill_(8)
    block.mix.weight[8:] = torch.eye(8)
    block.out.weight.copy_(torch.eye(8))
    axis = torch.tensor([-0.75, -0.25, 0.25, 0.75])
    x, y = axis.roll(-shift)[None, :].expand(4, 4), axis[:, None].expand(4, 4)
    source = torch.randn(2, 8, 4, 4)
    found = block(torch.zeros(2, 8, 4, 4), source, torch.stack([x, y]).expand(2, 2, 4, 4))
    normed = F.layer_norm(source.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, normed.roll(-shift, -1))
