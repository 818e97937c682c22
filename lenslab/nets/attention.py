"""Attention among the pixels of a small map."""

from math import gcd

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HEADS = 4


def heads_of(channels: int) -> int:
    """HEADS, or as many as share the channels evenly."""
    return gcd(channels, HEADS)


class Offsets(nn.Module):
    """What attention adds for how far two tokens of an h x w map lie apart: (HEADS, h * w, h * w).

    A small network of the offset, not a table (Liu et al. 2022, 2111.09883): frames may have any side.
    """

    def __init__(self, heads: int, hidden: int = 32):
        super().__init__()
        self.heads = heads
        self.way = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, heads, bias=False))

    def forward(self, h: int, w: int) -> Tensor:
        weight = self.way[0].weight
        dy = torch.arange(1 - h, h, device=weight.device)
        dx = torch.arange(1 - w, w, device=weight.device)
        grid = torch.stack(torch.meshgrid(dy, dx, indexing="ij"), -1).to(weight.dtype)
        table = self.way(grid.sign() * torch.log1p(grid.abs())).flatten(0, 1)
        rows, columns = torch.arange(h, device=weight.device), torch.arange(w, device=weight.device)
        down = (rows[:, None, None, None] - rows[None, None, :, None]) + h - 1
        across = (columns[None, :, None, None] - columns[None, None, None, :]) + w - 1
        places = (down * (2 * w - 1) + across).reshape(-1)
        return table.index_select(0, places).view(h * w, h * w, self.heads).permute(2, 0, 1)


class Attention(nn.Module):
    """(B, C, h, w) to the same: self-attention and a layer for each token, both beside a short cut, norms first."""

    def __init__(self, channels: int, heads: int | None = None):
        super().__init__()
        heads = heads or heads_of(channels)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.mix, self.out = nn.Linear(channels, 3 * channels, bias=False), nn.Linear(channels, channels)
        self.offsets = Offsets(heads)
        self.layer = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))
        self.heads = heads

    def forward(self, maps: Tensor) -> Tensor:
        B, C, h, w = maps.shape
        x = maps.flatten(2).transpose(1, 2)
        q, k, v = self.mix(self.norm1(x)).view(B, h * w, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=self.offsets(h, w).to(q.dtype)[None])
        x = x + self.out(seen.transpose(1, 2).reshape(B, h * w, C))
        x = x + self.layer(self.norm2(x))
        return x.transpose(1, 2).view(B, C, h, w)
