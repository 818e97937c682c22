"""A small UNet for images of one to a few channels, with conditions by adaptive group norm.

It works on 2 x 2 pixels at a time and is told where each of them lies: without coordinates rings had no centre after
241 seconds of a core, with them they had. First and last layers stay in float32 whatever autocast says: at small sigma
the noise is below bfloat16's step at a bright pixel.
"""

from math import pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EMBEDDING = 256
WAVES = 24        # of the embedding of time, from 1/4 to 16 periods in a unit
HEAD = 32         # channels of an attention head


class Norm(nn.Module):
    """Group norm of 8 channels a group, with a scale and shift of its own and of the conditions where they come."""

    def __init__(self, width: int):
        super().__init__()
        self.groups = width // 8 if width % 8 == 0 else 1
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, more: Tensor | None = None) -> Tensor:
        scale, shift = self.scale[None], self.shift[None]
        if more is not None:
            a, b = more.chunk(2, 1)
            scale, shift = scale * (1 + a), shift + b
        with torch.autocast(x.device.type, enabled=False):
            x = F.group_norm(x, self.groups, eps=1e-5)
        return torch.addcmul(shift.to(x.dtype)[:, :, None, None], x, scale.to(x.dtype)[:, :, None, None])


class Block(nn.Module):
    """Two convolutions beside an identity; the second norm is set by time and conditions (Dhariwal & Nichol 2021)."""

    def __init__(self, before: int, after: int, embedding: int):
        super().__init__()
        self.norm1, self.conv1 = Norm(before), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = Norm(after), nn.Conv2d(after, after, 3, padding=1)
        self.adapt = nn.Linear(embedding, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        silent(self.conv2)
        nn.init.normal_(self.adapt.weight, std=0.02)      # not zero: nothing below would learn at first
        nn.init.zeros_(self.adapt.bias)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        return self.skip(x) + self.conv2(F.silu(self.norm2(h, self.adapt(embedded))))


class Attention(nn.Module):
    """Every place looks at every other, beside an identity."""

    def __init__(self, width: int):
        super().__init__()
        self.heads = next(heads for heads in range(max(1, width // HEAD), 0, -1) if width % heads == 0)
        self.norm, self.qkv, self.out = Norm(width), nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)
        silent(self.out)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        B, C, H, W = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(B, 3, self.heads, C // self.heads, H * W).transpose(-1, -2).unbind(1)
        h = F.scaled_dot_product_attention(q.contiguous(), k.contiguous(), v.contiguous())
        return x + self.out(h.transpose(-1, -2).reshape(B, C, H, W))


def silent(layer: nn.Conv2d) -> None:
    """A layer that says nothing at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


class Level(nn.Module):
    """`depth` blocks at one resolution, each followed by attention where that is wanted."""

    def __init__(self, before: int, after: int, embedding: int, depth: int, attention: bool):
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(depth):
            layers.append(Block(after if k else before, after, embedding))
            layers += [Attention(after)] if attention else []
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, embedded)
        return x


class UNet(nn.Module):
    """F (B, channels, side, side) from x of that shape, time (B,) and conditions (B, n_conditions).

    widths   channels at a half, a quarter and an eighth of the side; attention at the last two
    planes   images (B, planes, side, side) that tell of the conditions pixel by pixel, seen beside x
    """

    def __init__(self, widths: tuple[int, int, int], n_conditions: int, *, channels: int = 1, side: int = 64,
                 depth: int = 1, embedding: int = EMBEDDING, coordinates: bool = True, planes: int = 0):
        super().__init__()
        assert side % 8 == 0, side
        a, b, c = widths
        self.coordinates = coordinates
        axis = (torch.arange(side // 2) - (side // 2 - 1) / 2) / (side / 4)
        x, y = axis[None, :].expand(side // 2, -1), axis[:, None].expand(-1, side // 2)
        self.register_buffer("places", torch.stack([x, y, (x * x + y * y).sqrt()])[None], persistent=False)
        self.register_buffer("waves", 2 * pi * torch.logspace(-2, 4, WAVES, base=2.0), persistent=False)
        self.time = nn.Linear(2 * WAVES, embedding)
        self.conditions = nn.Sequential(nn.Linear(n_conditions, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.mix = nn.Linear(embedding, embedding)
        self.stem = nn.Conv2d(4 * (channels + planes) + 3 * coordinates, a, 3, padding=1)
        deep = dict(embedding=embedding, depth=depth)
        self.down = nn.ModuleList([Level(a, a, attention=False, **deep), Level(b, b, attention=True, **deep),
                                   Level(c, c, attention=True, **deep)])
        self.shrink = nn.ModuleList([nn.Conv2d(a, b, 3, stride=2, padding=1), nn.Conv2d(b, c, 3, stride=2, padding=1)])
        self.middle = nn.ModuleList([Block(c, c, embedding), Attention(c), Block(c, c, embedding)])
        self.up = nn.ModuleList([Level(2 * c, c, attention=True, **deep), Level(2 * b, b, attention=True, **deep),
                                 Level(2 * a, a, attention=False, **deep)])
        self.grow = nn.ModuleList([nn.Conv2d(c, b, 3, padding=1), nn.Conv2d(b, a, 3, padding=1)])
        self.norm, self.head = Norm(a), nn.Conv2d(a, 4 * channels, 3, padding=1)
        silent(self.head)

    def forward(self, x: Tensor, time: Tensor, conditions: Tensor, planes: Tensor | None = None) -> Tensor:
        kind = x.device.type
        with torch.autocast(kind, enabled=False):
            embedded = self.embed(time, conditions)
            h = F.pixel_unshuffle(x.float(), 2)
            h = torch.cat([h, self.places.expand(len(h), -1, -1, -1)], 1) if self.coordinates else h
            h = h if planes is None else torch.cat([h, F.pixel_unshuffle(planes.float(), 2)], 1)
            h = self.stem(h)
        if torch.is_autocast_enabled(kind):
            h, embedded = (part.to(torch.get_autocast_dtype(kind)) for part in (h, embedded))
        skips = []
        for k, level in enumerate(self.down):
            h = level(self.shrink[k - 1](h) if k else h, embedded)
            skips.append(h)
        for layer in self.middle:
            h = layer(h, embedded)
        for k, level in enumerate(self.up):
            h = self.grow[k - 1](F.interpolate(h, scale_factor=2, mode="nearest")) if k else h
            h = level(torch.cat([h, skips.pop()], 1), embedded)
        with torch.autocast(kind, enabled=False):
            return F.pixel_shuffle(self.head(F.silu(self.norm(h.float()))), 2)

    def embed(self, time: Tensor, conditions: Tensor) -> Tensor:
        """Time as waves and conditions, (B, embedding)."""
        phase = time.float()[:, None] * self.waves
        found = self.time(torch.cat([phase.sin(), phase.cos()], 1)) + self.conditions(conditions.float())
        return F.silu(self.mix(F.silu(found)))
