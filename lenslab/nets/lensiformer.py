"""Lensiformer (Velôso et al. 2023), mended: parts of an image attend to parts of the source they come from.

Published, its deflection was no gradient of any potential, and pixels were pushed to whole places, where the gradient
stops: the branch of physics never trained. Here alpha is the gradient of psi, of an ellipsoid with shear and of a
further convergence for each pixel; the source is laid back smoothly; and since beta is known for every part of the
image, attention knows which part of the source it comes from.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.nets.attention import Attention, heads_of
from lenslab.nets.lens_layer import Lensed
from lenslab.nets.lens_net import LensNet

WIDTH = 16
KAPPA = 0.1          # largest convergence that a pixel can have beside the ellipsoid, which has 0.5 on the ring
SCALE2 = 0.1         # square of how far attention reaches at first, in half sides of the source plane


class Crossing(nn.Module):
    """Tokens of an image (B, C, h, w) take up what those of the source (B, C, m, m) hold near where they come from."""

    def __init__(self, channels: int, heads: int | None = None):
        super().__init__()
        heads = heads or heads_of(channels)
        self.norm, self.norm_source = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.query, self.mix = nn.Linear(channels, channels, bias=False), nn.Linear(channels, 2 * channels, bias=False)
        self.out = nn.Linear(channels, channels)
        self.nearness = nn.Parameter(torch.full((heads,), 1 / SCALE2).log())
        self.heads = heads

    def forward(self, maps: Tensor, source: Tensor, place: Tensor) -> Tensor:
        """place: (B, 2, H, W), where the pixels come from, -1 to 1 across the source plane."""
        B, C, h, w = maps.shape
        m = source.shape[-1]
        tokens, parts = (part.flatten(2).transpose(1, 2) for part in (maps, source))
        q = self.query(self.norm(tokens)).view(B, h * w, self.heads, -1).transpose(1, 2)
        k, v = self.mix(self.norm_source(parts)).view(B, m * m, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        axis = (2 * torch.arange(m, device=place.device, dtype=place.dtype) + 1 - m) / m
        x, y = F.adaptive_avg_pool2d(place, (h, w)).flatten(2).unbind(1)            # (B, h * w)
        along, up = axis.repeat(m), axis.repeat_interleave(m)                       # (m * m,)
        distance2 = (x[..., None] - along).square() + (y[..., None] - up).square()
        bias = -self.nearness.exp()[:, None, None] * distance2[:, None].clamp_max(4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        seen = self.out(seen.transpose(1, 2).reshape(B, h * w, C))
        return maps + seen.transpose(1, 2).view(B, C, h, w)


class Lensiformer(LensNet):
    """Embeds as the mean of the image's tokens, after they have seen the source's."""

    def __init__(self, n_classes: int, psf_fwhm: float, *, pixel_scale: float, num_pix: int, width: int = WIDTH,
                 dropout: float = 0.2, **constants):
        super().__init__(psf_fwhm, pixel_scale=pixel_scale, num_pix=num_pix, width=width, **constants)
        channels = 4 * width
        self.kappa = nn.Conv2d(channels, 1, 1)
        nn.init.normal_(self.kappa.weight, std=1e-3)       # nearly an ellipsoid at first
        self.image_tokens = tokens(2, width, halved=3)     # image and what the lensed source leaves of it
        self.source_tokens = tokens(1, width, halved=2)
        self.source_encoder = Attention(channels)
        self.crossing = Crossing(channels)
        self.decoder = Attention(channels)
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, n_classes))

    @property
    def evidence(self) -> nn.Module:
        return self.decoder

    def kappa_of(self, maps: Tensor, side: int) -> Tensor:
        kappa = KAPPA * torch.tanh(self.kappa(maps))
        return F.interpolate(kappa, size=(side, side), mode="bilinear", align_corners=False)[:, 0]

    def features_of(self, seen: Tensor, lensed: Lensed) -> Tensor:
        image = self.image_tokens(torch.cat([seen, seen - lensed.image.to(seen)], dim=1))
        source = self.source_encoder(self.source_tokens(lensed.source))
        maps = self.decoder(self.crossing(image, source, lensed.place))
        return self.norm(maps.mean((2, 3)))


def tokens(before: int, width: int, halved: int) -> nn.Sequential:
    """(B, before, h, w) to (B, 4 width, h / 2^halved, w / 2^halved): convolutions, the last ones with stride 2."""
    layers = []
    for place, (channels, size) in enumerate(((width, 5), (2 * width, 3), (4 * width, 3))):
        stride = 2 if place >= 3 - halved else 1
        layers += [nn.Conv2d(before, channels, size, stride, padding=size // 2, bias=False),
                   nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    return nn.Sequential(*layers)
