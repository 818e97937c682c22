"""A network that measures: the features of any image network, a density over each block of numbers, and the classes."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.nets.classifier import Classifier
from lenslab.nets.posterior import HEADS


class Measurer(nn.Module):
    """What is given to `backbone` (B, K, H, W) to features (B, n), and densities given these.

    backbone   a Classifier whose n logits are the features
    blocks     {name: places of its numbers among the Q}
    head       of lenslab.nets.posterior.HEADS
    """

    def __init__(self, backbone: Classifier, features: int, blocks: dict[str, tuple[int, ...]], n_classes: int,
                 head: str):
        super().__init__()
        self.backbone, self.blocks = backbone, blocks
        self.classes = nn.Linear(features, n_classes)
        self.densities = nn.ModuleList(HEADS[head](features, len(places)) for places in blocks.values())
        # of each block: how much wider than it says its posteriors are (1 until validation images have told)
        self.register_buffer("temperature", torch.ones(len(blocks)))

    @property
    def needs_fit(self) -> bool:
        return self.backbone.needs_fit

    def forward(self, given: Tensor) -> Tensor:
        """Features (B, n)."""
        return F.silu(self.backbone(given))

    def logits(self, features: Tensor) -> Tensor:
        """Of the classes (B, C)."""
        return self.classes(features)

    def log_prob(self, features: Tensor, scores: Tensor) -> Tensor:
        """(B, blocks) ln of the density of normal scores (B, Q), before any temperature; 0 of a block that an item has
        not (NaN)."""
        out = features.new_zeros(len(features), len(self.blocks))
        for k, places in enumerate(self.blocks.values()):
            mine = scores[:, places]
            rows = mine.isfinite().all(1).nonzero()[:, 0]
            if len(rows):
                out = out.index_put((rows, torch.full_like(rows, k)),
                                    self.densities[k].log_prob(features[rows], mine[rows]))
        return out

    def samples(self, features: Tensor, noise: Tensor) -> Tensor:
        """Normal scores (B, S, Q) of noise (B, S, Q); a block is drawn jointly, blocks independently."""
        out = torch.empty_like(noise)
        for k, places in enumerate(self.blocks.values()):
            drawn = self.densities[k].transport(features, noise[..., places])
            middle = drawn.mean(1, keepdim=True)
            out[..., list(places)] = middle + self.temperature[k] * (drawn - middle)
        return out

    # What explanations, distances and fits ask of a network, its backbone answers.

    def see(self, given: Tensor) -> Tensor:
        return self.backbone.see(given)

    def embed(self, seen: Tensor) -> Tensor:
        return self.backbone.embed(seen)

    @property
    def head(self) -> nn.Module:
        return self.backbone.head

    @property
    def lens(self):
        return self.backbone.lens

    def complete(self, image: Tensor, sigma: Tensor):
        return self.backbone.complete(image, sigma)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return self.backbone.channel_names

    @property
    def evidence(self) -> nn.Module:
        return self.backbone.evidence


class Medians(nn.Module):
    """The middle of each posterior (B, Q), in normal scores, as an explanation asks for logits; with `sign` -1 what
    lowers it is what speaks for it."""

    def __init__(self, measurer: Measurer, sign: int = 1, samples: int = 32):
        super().__init__()
        self.measurer = measurer
        n = sum(map(len, measurer.blocks.values()))
        noise = torch.randn(1, samples // 2, n, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", torch.cat([noise, -noise], 1), persistent=False)
        self.sign = sign

    def see(self, given: Tensor) -> Tensor:
        return self.measurer.see(given)

    def embed(self, seen: Tensor) -> Tensor:
        return self.measurer.embed(seen)

    def head(self, embedded: Tensor) -> Tensor:
        features = F.silu(self.measurer.head(embedded))
        noise = self.noise.to(features).expand(len(features), -1, -1)
        return self.sign * self.measurer.samples(features, noise).mean(1)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return self.measurer.channel_names

    @property
    def evidence(self) -> nn.Module:
        return self.measurer.evidence
