"""A network with exactly the symmetry of its population: a turned or mirrored image gets the very same logits.

Group convolutions (Cohen & Welling 2016, 1602.07576): a map has one plane for each element of the group, and a filter
is applied in every pose. Since turns by quarters and mirrors map pixels onto pixels, nothing is interpolated. What has
to be taken care of is that layers treat both ends of a frame alike, whether its side is odd or even: no strides that
start at a corner, poolings that are centred.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.nets.classifier import Classifier
from lenslab.symmetry import GROUPS

WIDTH = 16
RINGS = 4           # concentric rings over which the last map is averaged


def products(symmetry: str) -> Tensor:
    """(G, G) places in the group: of g^-1 h in row g, column h, found by letting elements act on four cells."""
    cells = torch.arange(4).reshape(2, 2)
    elements = GROUPS[symmetry]
    places = {tuple(element.maps(cells).flatten().tolist()): place for place, element in enumerate(elements)}
    inverse = [next(h for h in elements if torch.equal(h.maps(g.maps(cells)), cells)) for g in elements]
    return torch.tensor([[places[tuple(back.maps(h.maps(cells)).flatten().tolist())] for h in elements]
                         for back in inverse])


def poses(symmetry: str, size: int, planes: int) -> Tensor:
    """(G, planes, size * size): where each number of a filter (planes, size, size) comes from, in every pose.

    Pose g of a filter w is w(g^-1 h, g^-1 x): its numbers are turned, and the planes h that it looks at change places.
    planes   1 for a filter that looks at an image, G for one that looks at a map of the group
    """
    places = torch.arange(size * size).reshape(size, size)
    turned = torch.stack([element.maps(places).flatten() for element in GROUPS[symmetry]])
    plane = products(symmetry) if planes > 1 else torch.zeros(len(turned), 1, dtype=torch.long)
    return plane[:, :, None] * size * size + turned[:, None, :]


class GroupConv(nn.Module):
    """Maps (B, before * planes, h, w) to (B, fields * G, h, w), the planes of a field next to each other.

    planes   1 where an image comes in (the lifting), G in every further layer
    """

    def __init__(self, symmetry: str, before: int, fields: int, size: int, planes: int):
        super().__init__()
        assert size % 2 == 1, "the middle of a filter must be a pixel"
        order = len(GROUPS[symmetry])
        self.weight = nn.Parameter(torch.empty(fields, before, planes * size * size))
        nn.init.kaiming_normal_(self.weight.view(fields, -1), nonlinearity="relu")
        self.register_buffer("poses", poses(symmetry, size, planes).flatten(), persistent=False)
        self.shape, self.size = (fields, before, order, planes, size, size), size

    def filters(self) -> Tensor:
        """(fields * G, before * planes, size, size)."""
        fields, before, order, planes, size, _ = self.shape
        posed = self.weight.index_select(2, self.poses).view(self.shape)
        return posed.transpose(1, 2).reshape(fields * order, before * planes, size, size)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.filters(), padding=self.size // 2)


class FieldNorm(nn.Module):
    """Batch norm with one mean and one spread for all planes of a field: with one for each, the symmetry is lost."""

    def __init__(self, fields: int, order: int):
        super().__init__()
        self.norm, self.order = nn.BatchNorm2d(fields), order

    def forward(self, x: Tensor) -> Tensor:
        B, C, h, w = x.shape
        return self.norm(x.reshape(B, C // self.order, self.order * h, w)).view(B, C, h, w)


class CentredPool(nn.Module):
    """Maxima at half the side, N // 2, of cells that lie alike from both ends: 2 x 2, and 3 x 3 at an odd side."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2 + x.shape[-1] % 2, 2)


def rings(side: int, *, device=None, dtype=torch.float32) -> Tensor:
    """(RINGS, side, side): the weights of means over rings, in steps of the half side; corners are in the last."""
    axis = (2 * torch.arange(side, device=device) - (side - 1)).abs()
    radius2 = axis[:, None] ** 2 + axis[None, :] ** 2        # whole numbers, so that a ring has no ragged edge
    limits = (torch.arange(1, RINGS, device=device) * side) ** 2
    ring = (radius2[..., None] * RINGS**2 >= limits).sum(-1)
    inside = F.one_hot(ring, RINGS).permute(2, 0, 1).to(dtype)
    return inside / inside.sum((1, 2), keepdim=True).clamp_min(1)


class Equivariant(Classifier):
    """Embeds as means over rings of maxima over the group: the same for every pose of the image.

    Rings, since the lens is in the middle: how far out something lies is the one thing that all poses agree on.
    `width` counts as elsewhere: maps have 2 width channels at first, whatever the group, so that all cost the same.
    """

    def __init__(self, n_classes: int, psf_fwhm: float, *, symmetry: str, residual: bool = False, width: int = WIDTH,
                 dropout: float = 0.2, **constants):
        super().__init__(psf_fwhm, residual=residual, **constants)
        if symmetry not in GROUPS:
            raise ValueError(f"No symmetry {str(symmetry)[:40]!r}; choose from {', '.join(GROUPS)}.")
        self.order = len(GROUPS[symmetry])
        first = max(1, 2 * width // self.order)
        layers, before, planes = [], len(self.channel_names), 1
        for fields, size, pooled in ((first, 5, True), (2 * first, 3, True), (2 * first, 3, False),
                                     (4 * first, 3, True), (4 * first, 3, False)):
            layers += [GroupConv(symmetry, before, fields, size, planes), FieldNorm(fields, self.order), nn.ReLU()]
            layers += [CentredPool()] if pooled else []
            before, planes = fields, self.order
        self.features = nn.Sequential(*layers)     # not channels_last: the norm sees a field's planes as one tall map
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(RINGS * before, n_classes))

    @property
    def evidence(self) -> nn.Module:
        return self.features

    def embed(self, seen: Tensor) -> Tensor:
        maps = self.features(seen)
        B, C, h, w = maps.shape
        best = maps.view(B, C // self.order, self.order, h, w).amax(2)
        return torch.einsum("bfhw,rhw->bfr", best, rings(h, device=best.device, dtype=best.dtype)).flatten(1)
