"""Networks that have seen usual images alone, and say how odd another one is: three autoencoders.

What an autoencoder has not learnt to draw it draws badly. All three squeeze an image through a few numbers:

    autoencoder   the error of the drawing alone
    variational   the numbers are bells about their means, held near the unit normal (Kingma & Welling 2014, 1312.6114)
    adversarial   a critic cannot tell the numbers from unit normals (Makhzani et al. 2016, 1511.05644; on lenses
                  Alexander et al. 2020, 2008.12731). Critic and encoder learn in one step, by a reversed gradient
                  (Ganin & Lempitsky 2015, 1409.7495)
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.nets.inputs import Stretch

KINDS = "autoencoder", "variational", "adversarial"
BETA = 0.02            # weight of the bells' distance from the unit normal, a number and pixel
CRITIC = 0.02          # weight of the critic beside the error of the drawing
HALVINGS = 4           # of the frame's side on the way down


class Autoencoder(nn.Module):
    """Images in sigmas (B, 1, N, N), N a multiple of 16, to drawings of them in stretched brightness."""

    def __init__(self, side: int, *, kind: str = KINDS[0], width: int = 16, latent: int = 24):
        super().__init__()
        if kind not in KINDS or side % 2**HALVINGS:
            raise ValueError(f"{str(kind)[:40]!r} at {side} pixels is no autoencoder here; choose one of "
                             f"{', '.join(KINDS)}, and a side that {2**HALVINGS} divides.")
        self.kind, self.stretch = kind, Stretch()
        widths = [width * factor for factor in (1, 2, 4, 4)]
        self.cells = side // 2**HALVINGS
        down, up, before = [], [], 1
        for channels in widths:
            down += [nn.Conv2d(before, channels, 4, 2, padding=1), nn.GroupNorm(4, channels), nn.SiLU()]
            before = channels
        for channels in [*widths[-2::-1], width]:
            up += [nn.Upsample(scale_factor=2), nn.Conv2d(before, channels, 3, padding=1), nn.GroupNorm(4, channels),
                   nn.SiLU()]
            before = channels
        flat = widths[-1] * self.cells**2
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up, nn.Conv2d(before, 1, 3, padding=1))
        self.encode = nn.Linear(flat, latent * (2 if kind == "variational" else 1))
        self.decode = nn.Linear(latent, flat)
        self.critic = nn.Sequential(nn.Linear(latent, 64), nn.SiLU(), nn.Linear(64, 1)) if kind == "adversarial" \
            else None

    def code(self, sigmas: Tensor) -> tuple[Tensor, Tensor | None]:
        """The numbers (B, L) of an image, and with bells the logarithms of their variances."""
        found = self.encode(self.down(self.stretch(sigmas)).flatten(1))
        if self.kind != "variational":
            return found, None
        mean, width = found.chunk(2, 1)
        return mean, width.clamp(-12, 8)

    def draw(self, code: Tensor) -> Tensor:
        """The image (B, 1, N, N) of some numbers, in stretched brightness."""
        return self.up(self.decode(code).unflatten(1, (-1, self.cells, self.cells)))

    def forward(self, sigmas: Tensor) -> Tensor:
        return self.draw(self.code(sigmas)[0])

    def loss(self, sigmas: Tensor) -> Tensor:
        mean, width = self.code(sigmas)
        code = mean if width is None else mean + (0.5 * width).exp() * torch.randn_like(mean)
        value = F.mse_loss(self.draw(code), self.stretch(sigmas))
        if width is not None:
            value = value + BETA * 0.5 * (mean.square() + width.exp() - 1 - width).mean()
        if self.critic is not None:
            usual = self.critic(torch.randn_like(mean))
            coded = self.critic(Reversed.apply(mean))
            value = value + CRITIC * (F.softplus(-usual) + F.softplus(coded)).mean()
        return value

    def map(self, sigmas: Tensor) -> Tensor:
        """(B, N, N) what the drawing misses, squared, in stretched brightness."""
        return (self.stretch(sigmas) - self(sigmas)).square()[:, 0]

    def score(self, sigmas: Tensor) -> Tensor:
        """(B,) how odd an image is: the mean of `map`, and with bells or a critic the strangeness of its numbers."""
        found = self.map(sigmas).mean((1, 2))
        mean, width = self.code(sigmas)
        if width is not None:
            found = found + BETA * 0.5 * (mean.square() + width.exp() - 1 - width).mean(1)
        if self.critic is not None:
            found = found + CRITIC * F.softplus(-self.critic(mean))[:, 0]
        return found


class Reversed(torch.autograd.Function):
    """What comes in goes out; its gradient turns round."""

    @staticmethod
    def forward(_, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return -gradient
