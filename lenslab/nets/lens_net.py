"""What networks with a lens inside share: the numbers of a lens from an image, and a loss that needs no labels."""

import torch
from torch import Tensor, nn

from lenslab.nets.classifier import Classifier
from lenslab.nets.lens_layer import HALF, Lens, Lensed, LensLayer
from lenslab.physics.grid import pixel_axis

THETA_E = (0.05, 0.45)     # what can be said, in sides of the seen frame: a ring must be seen, and whole
ELLIPTICITY = 0.35         # largest |e|: axis ratio 0.48
CENTRE = 0.03              # largest distance from the middle, in sides of the seen frame
SHEAR = 0.15
CELLS = 4                  # a side, of the means from which the numbers follow
HIDDEN = 64
TIMID = 0.02               # spread of the first weights of the last layer: all lenses start nearly alike
COMPACT = 5.0              # weight of the spread of the source beside the mean square residual
FAINT = 2.0                # what is fainter, in stretched sigmas, tells nothing of where the source lies


class LensEncoder(nn.Module):
    """Seen images (B, 1, h, w) to the numbers of a lens, each within its limits, and the last map (B, k, h/8, w/8)."""

    def __init__(self, width: int, side: float):
        """side: arcsec, of the seen frame."""
        super().__init__()
        layers, before = [], 1
        for channels, size in ((width, 5), (2 * width, 3), (4 * width, 3)):
            layers += [nn.Conv2d(before, channels, size, 2, padding=size // 2, bias=False), nn.BatchNorm2d(channels),
                       nn.ReLU()]
            before = channels
        self.features = nn.Sequential(*layers)
        self.numbers = nn.Sequential(nn.AdaptiveAvgPool2d(CELLS), nn.Flatten(), nn.Linear(before * CELLS**2, HIDDEN),
                                     nn.ReLU(), nn.Linear(HIDDEN, 7))
        nn.init.normal_(self.numbers[-1].weight, std=TIMID)   # not zero: no layer below would learn at first
        nn.init.zeros_(self.numbers[-1].bias)
        self.side = side

    def forward(self, image: Tensor) -> tuple[Lens, Tensor]:
        maps = self.features(image)
        raw = self.numbers(maps).float() if maps.dtype is torch.bfloat16 else self.numbers(maps)
        low, high = (limit * self.side for limit in THETA_E)
        theta_E = low + (high - low) * torch.sigmoid(raw[:, 0])
        e, centre, gamma = (within(raw[:, k:k + 2], limit)
                            for k, limit in ((1, ELLIPTICITY), (3, CENTRE * self.side), (5, SHEAR)))
        return dict(theta_E=theta_E, e1=e[:, 0], e2=e[:, 1], center_x=centre[:, 0], center_y=centre[:, 1],
                    gamma1=gamma[:, 0], gamma2=gamma[:, 1]), maps


def within(vector: Tensor, limit: float) -> Tensor:
    """Vectors (B, 2) of any length to vectors shorter than `limit`, of the same direction."""
    return limit * vector / (1 + vector.square().sum(1, keepdim=True)).sqrt()


class LensNet(Classifier):
    """A classifier that lays the image back on the source plane. A kind gives `features_of(seen, lensed)`.

    Lensiformer and LensPINN as published do not train their lens; here every weight has a gradient, from the labels
    and from `physics_loss`. theta_E can be asked for, and another put in its place: what is the physics worth?
    """

    def __init__(self, psf_fwhm: float, *, pixel_scale: float, num_pix: int, crop: int = 0, width: int, **constants):
        super().__init__(psf_fwhm, crop=crop, pixel_scale=pixel_scale, num_pix=num_pix, **constants)
        seen = crop if 0 < crop < num_pix else num_pix
        self.encoder = LensEncoder(width, seen * pixel_scale)
        self.layer = LensLayer(pixel_scale)

    def features_of(self, seen: Tensor, lensed: Lensed) -> Tensor:
        """(B, n_features)."""
        raise NotImplementedError

    def kappa_of(self, maps: Tensor, side: int) -> Tensor | None:
        """What the lens has beside the ellipsoid, (B, side, side), of the encoder's last map."""
        return None

    def lensed(self, seen: Tensor, theta_E: Tensor | None = None) -> Lensed:
        image = seen[:, :1]
        lens, maps = self.encoder(image)
        if theta_E is not None:
            lens = lens | {"theta_E": theta_E.to(lens["theta_E"])}
        return self.layer(image, lens, self.kappa_of(maps, image.shape[-1]))

    def embed(self, seen: Tensor, theta_E: Tensor | None = None) -> Tensor:
        return self.features_of(seen, self.lensed(seen, theta_E))

    def forward(self, given: Tensor, theta_E: Tensor | None = None) -> Tensor:
        """theta_E: (B,) arcsec, in the place of the network's own."""
        return self.head(self.embed(self.see(given), theta_E))

    def lens_parameters(self, given: Tensor) -> Lens:
        """What the network takes the lens to be: theta_E, center_x, center_y in arcsec, e1, e2, gamma1, gamma2."""
        return self.encoder(self.see(given)[:, :1])[0]

    def physics_loss(self, given: Tensor) -> Tensor:
        """How badly the image is explained by a smooth lens: a scalar that needs no labels. See `with_physics`."""
        seen = self.see(given)
        return unlikely(seen[:, :1], self.lensed(seen), self.layer.pixel_scale)

    def with_physics(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, C) and the physics loss of one pass: for training, at the price of one."""
        seen = self.see(given)
        lensed = self.lensed(seen)
        return self.head(self.features_of(seen, lensed)), unlikely(seen[:, :1], lensed, self.layer.pixel_scale)


def unlikely(image: Tensor, lensed: Lensed, pixel_scale: float) -> Tensor:
    """Mean square residual in stretched sigmas, plus COMPACT times the spread of the source: a scalar.

    The residual alone is blind to a lens that maps each pixel to a place of its own: nothing then contradicts. Among
    lenses that explain an image the one with the most compact source is meant, as a ring says by its radius.
    """
    image = image.to(lensed.image)
    return (image - lensed.image).square().mean() + COMPACT * spread(image, lensed, pixel_scale).mean()


def spread(image: Tensor, lensed: Lensed, pixel_scale: float) -> Tensor:
    """(B,) variance of where the light comes from, over the mean square radius at which it is seen."""
    light = (image - FAINT).clamp_min(0)
    light = light / light.sum((2, 3), keepdim=True).clamp_min(1e-6)
    beta = lensed.place * (HALF * lensed.lens["theta_E"])[:, None, None, None]
    axis = pixel_axis(image.shape[-1], pixel_scale, device=image.device, dtype=image.dtype)
    radius2 = axis[None, :] ** 2 + axis[:, None] ** 2
    middle = (light * beta).sum((2, 3), keepdim=True)
    variance = (light * (beta - middle).square()).sum((1, 2, 3))
    return variance / (light * radius2).sum((1, 2, 3)).clamp_min(pixel_scale**2)
