"""What a network says of a few numbers: a density over them, given the features of an image.

Numbers come as normal scores of their prior: z = Phi^-1(F(theta)), F the prior's distribution function. Then the prior
itself is the unit normal, an image that tells nothing gets it back, and no density leaks beyond the prior's limits.

    density(features (B, F)) -> a distribution over (B, D) with
        log_prob(z (B, D)) -> (B,)
        transport(noise (B, S, D)) -> (B, S, D)    unit normal noise to samples, one for one

`transport` of the mixture needs to know which of its bells a sample comes from; that too follows from the noise.
"""

import math

import torch
import zuko
from torch import Tensor, nn
from torch.nn import functional as F

BELLS = 6              # of the mixture
NARROWEST = 0.01       # normal scores: no density is sharper
HIDDEN = 64


class Bell(nn.Module):
    """A mean and a variance for each number, by itself: how published networks give errors (Kendall & Gal 2017,
    1703.04977; Levasseur, Hezaveh & Wechsler 2017, 1708.08843)."""

    def __init__(self, features: int, numbers: int):
        super().__init__()
        self.say = nn.Linear(features, 2 * numbers)

    def parts(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, width = self.say(features).chunk(2, 1)
        return mean, NARROWEST + F.softplus(width + math.log(math.e - 1))

    def log_prob(self, features: Tensor, z: Tensor) -> Tensor:
        mean, width = self.parts(features)
        return normal((z - mean) / width) - width.log().sum(1)

    def transport(self, features: Tensor, noise: Tensor) -> Tensor:
        mean, width = self.parts(features)
        return mean[:, None] + width[:, None] * noise


class Mixture(nn.Module):
    """Several bells with full covariances (mixture density network, Bishop 1994)."""

    def __init__(self, features: int, numbers: int, bells: int = BELLS):
        super().__init__()
        self.numbers, self.bells = numbers, bells
        below = numbers * (numbers - 1) // 2
        self.say = nn.Sequential(nn.Linear(features, HIDDEN), nn.SiLU(),
                                 nn.Linear(HIDDEN, bells * (1 + 2 * numbers + below)))
        self.register_buffer("places", torch.tril_indices(numbers, numbers, -1), persistent=False)
        with torch.no_grad():                                   # bells that begin apart do not all become one
            self.say[2].bias[bells:bells * (1 + numbers)] = torch.linspace(-1.5, 1.5, bells).repeat_interleave(numbers)

    def parts(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """ln of the shares (B, K), means (B, K, D), and factors L (B, K, D, D) with z = mean + L noise."""
        K, D = self.bells, self.numbers
        share, mean, width, below = self.say(features).split([K, K * D, K * D, K * self.places.shape[1]], 1)
        L = torch.diag_embed(NARROWEST + F.softplus(width.unflatten(1, (K, D)) + math.log(math.e - 1)))
        if D > 1:
            L[:, :, self.places[0], self.places[1]] = below.unflatten(1, (K, -1))
        return share.log_softmax(1), mean.unflatten(1, (K, D)), L

    def log_prob(self, features: Tensor, z: Tensor) -> Tensor:
        share, mean, L = self.parts(features)
        within = torch.linalg.solve_triangular(L, (z[:, None] - mean)[..., None], upper=False)[..., 0]
        widths = L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return torch.logsumexp(share + normal(within) - widths, 1)

    def transport(self, features: Tensor, noise: Tensor) -> Tensor:
        """Which bell: an even spread over the samples, in proportion to the shares, in an order that `noise` sets."""
        share, mean, L = self.parts(features)
        n = noise.shape[1]
        rank = noise.sum(2).argsort(1).argsort(1)               # of each sample, a permutation that knows no bell
        order = (rank * stride(n)) % n
        edges = share.exp().cumsum(1)
        which = torch.searchsorted(edges.contiguous(), ((order + 0.5) / n).to(edges).contiguous()).clamp_max(
            self.bells - 1)
        rows = torch.arange(len(noise), device=noise.device)[:, None]
        return mean[rows, which] + (L[rows, which] @ noise[..., None])[..., 0]


class Flow(nn.Module):
    """A neural spline flow (Durkan et al. 2019, 1906.04032), zuko's."""

    def __init__(self, features: int, numbers: int):
        super().__init__()
        self.flow = zuko.flows.NSF(numbers, features, transforms=2, bins=8, hidden_features=(HIDDEN, HIDDEN))

    def log_prob(self, features: Tensor, z: Tensor) -> Tensor:
        return self.flow(features).log_prob(z)

    def transport(self, features: Tensor, noise: Tensor) -> Tensor:
        return self.flow(features).transform.inv(noise.transpose(0, 1)).transpose(0, 1)


HEADS = {"point": Bell, "mixture": Mixture, "flow": Flow}


def normal(z: Tensor) -> Tensor:
    """ln of the unit normal density over the last axis."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def stride(n: int) -> int:
    """A step that visits all of n places and runs through no part of them in order."""
    step = max(1, int(n * 0.618))
    while math.gcd(step, n) > 1:
        step += 1
    return step
