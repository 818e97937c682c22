"""The best smooth lens of each image of a batch: Levenberg-Marquardt through the simulator, a fixed number of steps.

chi^2 = sum ((image - expected) / sigma)^2 + sum ((p - mean) / (PRIOR std))^2, with the noise that an observer
estimates. The weak prior (Gaussian about the population) keeps what the image does not tell, such as the multipoles of
a faint arc, where it can be. Levenberg 1944, Marquardt 1963: the damping falls where a step helps and grows where not.
Where sources have clumps, rounds of lenslab.fit.joint follow: one with Gaussians, which finds them, and some
with knots, which are as sharp as they are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.fit import joint, knots
from lenslab.fit.clumps import Clumps, number
from lenslab.fit.knots import Knots
from lenslab.fit.model import Beyond, first_amplitude, kept, precise, residual, tangents
from lenslab.fit.smooth import SmoothLens

STEPS = 8
ROUNDS = 6               # with knots, where sources have clumps
PRIOR = 2.0              # spreads of the population that one sigma of the prior is wide
DAMPING = 1e-2           # at the start, of the diagonal
EASED, RAISED = 0.2, 8.0
SHARP = 2                # last steps whose tangents have all rays: with one a pixel chi^2 ends 1 above its minimum
AT_ONCE = 2**16          # rays in one piece on a CPU: it stays in cache


@dataclass(frozen=True)
class Fit:
    """Smooth lenses fitted to B images."""

    coordinates: Tensor    # (B, P), by SmoothLens.names
    amplitude: Tensor      # (B,) logarithm of the flux or exposure over that of the SmoothLens
    covariance: Tensor     # (B, P, P) of the coordinates, or (B, P + 1, P + 1) with the amplitude last
    model: Tensor          # (B, 1, H, W) expected image, in the image's unit
    residual: Tensor       # (B, 1, H, W) in sigmas
    chi2: Tensor           # (B,) without the prior
    knots: Tensor          # (B, n, 7) clumps of the source (lenslab.fit.knots.NAMES); n may be 0


def fit(lens: SmoothLens, image: Tensor, sigma: Tensor, start: Tensor, steps: int = STEPS, rounds: int = ROUNDS,
        values: Tensor | None = None) -> Fit:
    """The smooth lens of each image, from starts (B, P) in plain coordinates.

    image, sigma  (B, 1, H, W)  in the unit of the population's camera, H and W those of `lens.camera`
    steps         with the source's profile alone
    rounds        more, with knots, where the population's sources have clumps
    values        (B, n * 7) of the knots at the start, where they are known: else Gaussians find them
    """
    start = lens.kept(start.to(image))
    with torch.no_grad():
        parts = [best(lens, image[rows], sigma[rows], start[rows], steps, rounds,
                      None if values is None else values[rows].to(image)) for rows in pieces(lens, image)]
    return parts[0] if len(parts) == 1 else Fit(*(torch.cat(column) for column in zip(
        *(vars(part).values() for part in parts), strict=True)))


def pieces(lens: SmoothLens, image: Tensor) -> tuple[Tensor, ...]:
    """Rows of a batch (B, ...) that are worked on together."""
    rays = (lens.camera.num_pix * lens.camera.supersampling) ** 2
    return torch.arange(len(image)).split(max(1, AT_ONCE // rays) if image.device.type == "cpu" else len(image))


def priors(lens: SmoothLens, like: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse squares (Q,) of the widths of the coordinates' priors and their middle; the amplitude has none."""
    prior, mean = (PRIOR * lens.std.to(like)).square().reciprocal(), lens.mean.to(like)
    free = like.new_zeros(1 if lens.amplitude else 0)
    return torch.cat([prior, free]), torch.cat([mean, free])


def best(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, steps: int, rounds: int,
         values: Tensor | None) -> Fit:
    """One piece of a batch."""
    (prior, mean), P = priors(lens, image), len(lens.names)
    if lens.amplitude:
        place = torch.cat([place, first_amplitude(lens, image, sigma, place)[:, None]], 1)
    found, left, normal = image.new_zeros(len(image), 0, len(knots.NAMES)), None, None
    if steps or not (lens.clumpy and rounds):
        place, left, normal = descend(lens, image, sigma, place, prior, mean, steps)
    if lens.clumpy and rounds:
        if values is None:
            blank = Beyond(Clumps, image.new_zeros(len(image), number()))
            place, weights, _, _ = joint.descend(lens, image, sigma, place, blank, prior, mean, rounds=1)
            values = knots.seen_in(weights)
        start = Beyond(Knots, values)
        place, values, left, normal = joint.descend(lens, image, sigma, place, start, prior, mean, rounds)
        found = values.unflatten(1, (knots.NUMBER, len(knots.NAMES)))
    covariance = torch.linalg.inv(precise(normal)).to(image)[:, :place.shape[1], :place.shape[1]]
    amplitude = place[:, P] if lens.amplitude else place.new_zeros(len(place))
    return Fit(place[:, :P], amplitude, covariance, image - left.reshape(image.shape) * sigma,
               left.reshape(image.shape), left.square().sum(1), found)


def descend(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, prior: Tensor, mean: Tensor, steps: int
            ) -> tuple[Tensor, Tensor, Tensor]:
    """From places (B, Q), by the source's profile alone: places, what is left (B, M) in sigmas, normal matrices.

    prior, mean   (Q,)  inverse squares of the widths of the priors of the coordinates, and their middle
    """
    damping = torch.full((len(image),), DAMPING).to(image)
    left = residual(lens, image, sigma, place)
    cost = left.square().sum(1) + ((place - mean).square() * prior).sum(1)
    for step in range(steps):
        sharp = step >= steps - SHARP
        if sharp:
            damping = damping.clamp_max(DAMPING)     # the blunt tangents' troubles are not theirs
        J = tangents(lens, sigma, place, supersampling=None if sharp else 1)
        normal = J.mT @ J + prior.diag()      # the last one, a step before the end, gives the covariance
        slope = (J.mT @ left[..., None])[..., 0] - prior * (place - mean)
        scale = normal.diagonal(dim1=1, dim2=2)
        move = torch.linalg.solve(normal + torch.diag_embed(damping[:, None] * scale + 1e-12), slope)
        trial = kept(lens, place + move)
        there = residual(lens, image, sigma, trial)
        price = there.square().sum(1) + ((trial - mean).square() * prior).sum(1)
        better = price < cost
        place, left = torch.where(better[:, None], trial, place), torch.where(better[:, None], there, left)
        cost = torch.where(better, price, cost)
        damping = torch.where(better, damping * EASED, damping * RAISED).clamp(1e-9, 1e6)
    return place, left, normal
