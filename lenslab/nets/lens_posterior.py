"""A lens and its errors from an image in one pass of a network that lenses what it says, and looks at what is left.

A first network reads the image. Then, a few times: the lens equation shows what was read, and a network sees image,
model and residual, and is told which way the image's likelihood rises, as the Gauss-Newton step there; it answers with
its own step. That is a recurrent inference machine (Putzky & Welling 2017, 1706.04008; for lenses Morningstar et al.
2019, 1901.01359), told the curvature as well: it need not learn what a derivative is. The last look also says how sure
it is: a Gaussian whose covariance is that of the curvature, bent as it has learnt.

The source is a Sersic profile here, so that the noise is inflated by a share of the light that no profile explains.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lenslab.fit.model import first_amplitude, precise, residual, tangents
from lenslab.fit.rays import deflection, scenes_at
from lenslab.fit.smooth import SmoothLens
from lenslab.images.model import source_light
from lenslab.nets.inputs import Stretch
from lenslab.nets.lens_net import TIMID
from lenslab.nets.lens_regressor import LensRegressor, block
from lenslab.nets.potential_lens import PotentialLens

LOOKS = 2
SHARES = 0.3, 0.1           # of the light, that a profile may be wrong by: the two steps that a look is told
BRIGHTEST = 1e4             # sigmas: a model that is out of all measure says no more than that
SMALLEST = 0.1              # arcsec: Einstein radius
STEEPEST = 1e5              # sigmas for a unit of a coordinate, likewise
FINEST = 1e-4               # population standard deviations: sigmas that are smaller are none
FARTHEST = 3.0              # population standard deviations that a step may be long
ARC = 2.0                   # sigmas of the model from which on a pixel is of the arcs
CELLS, HIDDEN = 4, 256
FREEDOM = 30.0              # degrees of freedom of Student's t
IMAGE = 0.5                 # weight of the likelihood of the image beside that of the parameters
HELD = 0.7                  # share of the Gauss-Newton step that a look takes before it has learnt better,
WIDER = 0.9                 # and the logarithm of what its sigmas are over the curvature's


@dataclass(frozen=True)
class Posterior:
    """A Gaussian of coordinates (B, P), in population standard deviations from the mean."""

    mean: Tensor            # (B, P)
    scale_tril: Tensor      # (B, P, P) lower triangular; times its transpose it is the covariance
    before: tuple[Tensor, ...] = ()      # (B, P) each: what was said before the last look

    def log_prob(self, truth: Tensor) -> Tensor:
        """(B,)"""
        return torch.distributions.MultivariateNormal(self.mean, scale_tril=self.scale_tril).log_prob(truth)

    @property
    def covariance(self) -> Tensor:
        return self.scale_tril @ self.scale_tril.mT

    def surprise(self, truth: Tensor) -> Tensor:
        """Minus the log of Student's t with these numbers (B,), up to a constant: what is learnt by. Within a few
        sigmas it is the Gaussian's, but one lens that was read badly does not rule a batch."""
        z = torch.linalg.solve_triangular(self.scale_tril, (truth - self.mean)[..., None], upper=False)
        square, width = z.square().sum((1, 2)), self.scale_tril.diagonal(dim1=1, dim2=2).log().sum(1)
        return 0.5 * (FREEDOM + truth.shape[1]) * (square / FREEDOM).log1p() + width


def sigmas_of(image: Tensor, sigma: Tensor) -> Tensor:
    """(B, 2, H, W) of images and their noise (B, 1, H, W): sigmas, and the least noise over that of each pixel.

    A pixel of infinite noise is left out: 0 in both.
    """
    known = sigma.isfinite()
    return torch.cat([torch.where(known, image, 0.0) / torch.where(known, sigma, 1.0),
                      torch.where(known, sigma.amin((2, 3), keepdim=True) / sigma, 0.0)], 1)


class LensPosterior(nn.Module):
    """`sigmas_of` (B, 2, H, W) to a Posterior of the coordinates of a SmoothLens."""

    def __init__(self, lens: SmoothLens, looks: int = LOOKS):
        super().__init__()
        camera = replace(lens.camera, supersampling=1)      # a ray a pixel: what it is off by is learnt as well
        self.lens = replace(lens, template=replace(lens.template, camera=camera))
        self.regressor = LensRegressor(len(lens.names), lens.free)
        self.looks = nn.ModuleList([Look(self.lens, sure=k == looks - 1) for k in range(looks)])
        self.layer = PotentialLens(camera)

    def forward(self, given: Tensor) -> Posterior:
        with torch.autocast(given.device.type, enabled=False):
            given = given.float()
            said = [self.regressor(given[:, :1])]
            for look in self.looks:     # each learns from its own answer: a step makes up for where it began
                at, scale_tril = look(given, said[-1].detach())
                said.append(at)
            return Posterior(said[-1], scale_tril, tuple(said[:-1]))

    def loss(self, given: Tensor, truth: Tensor, explained: Tensor | None = None) -> Tensor:
        """How surprising true coordinates are, for each of them, and how far off is what was said before.

        explained   (B,) bool: images that what is said of them must explain, too
        """
        found = self(given)
        value = found.surprise(truth).mean() / truth.shape[1]
        for early in found.before:
            value = value + nn.functional.smooth_l1_loss(early, truth)
        if explained is None or not explained.any():
            return value
        return value + IMAGE * self.unexplained(given[explained], replace(
            found, mean=found.mean[explained], before=tuple(early[explained] for early in found.before)))

    def unexplained(self, given: Tensor, found: Posterior) -> Tensor:
        """How badly what is said of images explains them, what was said before the last look too: needs no labels."""
        said = (*found.before, found.mean)
        return sum(self.image_loss(given, at) for at in said) / len(said)

    def image_loss(self, given: Tensor, coordinates: Tensor) -> Tensor:
        """Minus the log likelihood of images for each pixel, the scale of their noise marginalised: half the logarithm
        of the mean square residual (Sivia & Skilling 2006, 8.2). It needs no labels, and one image that is explained
        badly does not rule the others.
        """
        w = in_light(shown := self.shown(given, coordinates), SHARES[1])
        known = given[:, 1:] > 0
        square = (w * (given[:, :1] - shown)).square().sum((1, 2, 3)) / known.sum((1, 2, 3)).clamp_min(1)
        return 0.5 * square.clamp_min(1e-6).log().mean()

    def shown(self, given: Tensor, coordinates: Tensor) -> Tensor:
        """What the lens layer shows of coordinates (B, P): (B, 1, H, W) sigmas; as bright as fits the image best."""
        place = placed(self.lens, given, coordinates)
        scenes = scenes_at(self.lens, place)
        lensing = self.layer.behind(deflection(self.lens, scenes), lambda x, y: source_light(scenes, x, y))
        return (lensing.image * given[:, 1:]).clamp(-BRIGHTEST, BRIGHTEST)


def placed(lens: SmoothLens, given: Tensor, coordinates: Tensor) -> Tensor:
    """A place (B, P + 1) of coordinates (B, P) in standard deviations, its amplitude that which fits the image best."""
    place = lens.plain(coordinates)
    least = [SMALLEST if name == "theta_E" else -torch.inf for name in lens.names]    # below a fit's limits is no lens
    place = place.clamp_min(place.new_tensor(least))
    with torch.no_grad():
        amplitude = first_amplitude(lens, *back(given), place)
    return torch.cat([place, amplitude[:, None]], 1)


def back(given: Tensor) -> tuple[Tensor, Tensor]:
    """Image and noise (B, 1, H, W) of what was `sigmas_of`, in units of the least noise."""
    known = given[:, 1:] > 0
    weight = torch.where(known, given[:, 1:], 1.0)
    return given[:, :1] / weight, torch.where(known, 1 / weight, torch.inf)


def in_light(model: Tensor, share: float) -> Tensor:
    """Of the noise over what it becomes where a share of the model's light (sigmas) is added to it in quadrature."""
    return (1 + (share * model.detach()).square()).rsqrt()


class Look(nn.Module):
    """Coordinates (B, P) and better ones, after a look at what they leave of the image.

    sure   whether it also says how sure it is
    """

    def __init__(self, lens: SmoothLens, sure: bool):
        super().__init__()
        self.lens, self.sure = lens, sure
        P = len(lens.names)
        self.stretch = Stretch()
        layers, before = [], 3
        for channels in (16, 32, 32):
            layers += block(before, channels, stride=2)
            before = channels
        self.eye = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(CELLS), nn.Flatten(),
                                 nn.Linear(before * CELLS**2, 64), nn.ReLU())
        self.mind = nn.Sequential(nn.Linear(64 + 4 * P + 3, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU())
        self.step = nn.Linear(HIDDEN, 2 * P)
        self.bend = nn.Linear(HIDDEN, P * (P + 1) // 2) if sure else None
        for layer in (self.step, self.bend) if sure else (self.step,):
            nn.init.normal_(layer.weight, std=TIMID / 4)
            nn.init.zeros_(layer.bias)
        self.register_buffer("lower", torch.tril_indices(P, P), persistent=False)

    def forward(self, given: Tensor, at: Tensor) -> tuple[Tensor, Tensor | None]:
        model, left, steps, scale_tril = self.slopes(given, at)
        sigma = scale_tril.square().sum(2).sqrt()
        arcs = (model > ARC).float()
        n = arcs.sum((1, 2, 3)).clamp_min(1)
        told = [(in_light(model, share) * left).square().mul(arcs).sum((1, 2, 3)).div(n).clamp_min(1e-2).log()
                for share in SHARES] + [given[:, :1].square().sum((1, 2, 3)).clamp_min(1).log() / 2 - 4]
        maps = self.eye(self.stretch(torch.cat([given[:, :1], model, left], 1)))
        mind = self.mind(torch.cat([maps, at, *steps, sigma.log(), torch.stack(told, 1)], 1))
        own, share = self.step(mind).chunk(2, 1)
        found = at + (HELD + share) * steps[1] + own * sigma
        if not self.sure:
            return found, None
        bend = self.bend(mind)
        T = bend.new_zeros(len(bend), *scale_tril.shape[1:])
        T[:, self.lower[0], self.lower[1]] = bend
        diagonal = T.diagonal(dim1=1, dim2=2)
        return found, scale_tril @ (T.tril(-1) + torch.diag_embed((WIDER + diagonal).clamp(-4, 4).exp()))

    @torch.no_grad()
    def slopes(self, given: Tensor, at: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor], Tensor]:
        """Model and residual (B, 1, H, W) in sigmas, Gauss-Newton steps (B, P), and the curvature's covariance as its
        Cholesky factor (B, P, P); both with the population's prior."""
        image, sigma = back(given)
        place, P = placed(self.lens, given, at), at.shape[1]
        left = residual(self.lens, image, sigma, place).reshape(given[:, :1].shape)
        model = (given[:, :1] - left).clamp(-BRIGHTEST, BRIGHTEST)
        J = tangents(self.lens, sigma, place).nan_to_num(0.0, 0.0, 0.0).clamp(-STEEPEST, STEEPEST)
        J = J * torch.cat([self.lens.std.to(J), J.new_ones(J.shape[2] - P)])
        prior = torch.cat([J.new_ones(P), J.new_zeros(J.shape[2] - P)])
        middle = torch.cat([at, at.new_zeros(len(at), J.shape[2] - P)], 1)
        steps = []
        for share in SHARES:
            w = in_light(model, share).flatten(1)
            weighed = J * w[..., None]
            normal = precise(weighed.mT @ weighed) + torch.diag_embed(precise(prior) + 1e-6)
            slope = precise((weighed.mT @ (w * left.flatten(1))[..., None])[..., 0] - prior * middle)
            covariance = torch.linalg.inv(normal)[:, :P]
            steps.append((covariance @ slope[..., None])[..., 0].clamp(-FARTHEST, FARTHEST).to(at))
        own = covariance[:, :, :P]
        least = FINEST**2 * torch.eye(P, dtype=own.dtype, device=own.device)     # of directions that rounding eats
        return model, left, tuple(steps), torch.linalg.cholesky((own + own.mT) / 2 + least).to(at)
