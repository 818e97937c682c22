"""How odd an image is by what a network of another task, or a fit, has made of it: densities learnt on usual lenses.

    Excess   what the best smooth lens leaves of an image, against what it leaves of smooth lenses as bright and large
    Rarity   where the features of a network lie among those of smooth lenses (a flow)
"""

import torch
import zuko
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.nets.lens_residual import NUMBERS
from lenslab.physics.grid import pixel_axis

HIDDEN = 32
NARROWEST = 0.02
BRIGHT = 5.0          # sigmas above which a pixel counts as arc


class Excess(nn.Module):
    """Given is what lens_residual is given (B, K, h, w): image, residuals, and with compact components the evidence.

    chi^2 a pixel and the evidence for corrections of the potential are compared with bells whose middles follow the
    light and the size of the ring: a bright lens leaves more of itself than a faint one, smooth or not.
    """

    def __init__(self, compact: bool):
        super().__init__()
        self.compact, numbers = compact, 2 if compact else 1
        self.say = nn.Sequential(nn.Linear(2, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, 2 * numbers))

    def left(self, given: Tensor) -> Tensor:
        """(B, h, w) the last residual, sigmas."""
        return given[:, 2 if self.compact else 1]

    def statistics(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """What is odd where it is large (B, 1 or 2), and what it follows (B, 2): light and size of the ring."""
        image, chi2 = given[:, 0], self.left(given).square().mean((1, 2))
        odd = [chi2.clamp_min(1e-6).log()]
        if self.compact:
            odd.append(torch.asinh(given[:, given.shape[1] - NUMBERS].mean((1, 2))))
        lit = image.clamp_min(0) * (image > BRIGHT)
        x = pixel_axis(image.shape[-1], 1.0, device=image.device, dtype=image.dtype)
        r = torch.hypot(x[None, :], x[:, None])
        size = (lit * r).sum((1, 2)) / lit.sum((1, 2)).clamp_min(1.0)
        return torch.stack(odd, 1), torch.stack([lit.sum((1, 2)).add(1).log() - 6, size / image.shape[-1] - 0.25], 1)

    def deviations(self, given: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1 or 2) how many widths above what is usual, and ln of the widths."""
        odd, about = self.statistics(given)
        middle, width = self.say(about).chunk(2, 1)
        width = NARROWEST + F.softplus(width)
        return (odd - middle) / width, width.log()

    def loss(self, given: Tensor) -> Tensor:
        z, width = self.deviations(given)
        return (0.5 * z.square() + width).sum(1).mean()

    def score(self, given: Tensor) -> Tensor:
        """(B,) the deviations together, as one would be of a unit normal where all is usual and independent."""
        z, _ = self.deviations(given)
        return z.sum(1) / z.shape[1] ** 0.5

    def map(self, given: Tensor) -> Tensor:
        """(B, h, w) what a smooth lens leaves, squared, over its noise."""
        return self.left(given).square()


class Rarity(nn.Module):
    """Features (B, n) of a network that is held as it is, whitened, under a flow (Durkan et al. 2019)."""

    def __init__(self, backbone: nn.Module, features: int):
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.norm = nn.BatchNorm1d(features, affine=False)
        self.flow = zuko.flows.NSF(features, transforms=2, bins=6, hidden_features=(64, 64))

    def features(self, given: Tensor) -> Tensor:
        self.backbone.eval()          # no dropout, whatever the training says
        return self.norm(self.backbone(given).float())

    def loss(self, given: Tensor) -> Tensor:
        return self.score(given).mean()

    def score(self, given: Tensor) -> Tensor:
        """(B,) - ln of the density of its features, a feature."""
        found = self.features(given)
        return -self.flow().log_prob(found) / found.shape[1]

    def map(self, given: Tensor) -> Tensor:
        """(B, h, w) |gradient of the score by the image| times the image: where the strangeness is read."""
        with torch.inference_mode(False), torch.enable_grad():
            given = given.detach().clone().requires_grad_()
            gradient, = torch.autograd.grad(self.score(given).sum(), given)
        return (gradient * given).abs().sum(1)
