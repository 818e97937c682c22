"""The best smooth lens of each image of a batch: Gauss-Newton through the simulator, a fixed number of steps.

chi^2 = sum ((image - expected) / sigma)^2 + sum ((p - mean) / (prior std))^2, with the noise that an observer
estimates. The weak prior (Gaussian about the population) keeps what the image does not tell, such as the multipoles of
a faint arc, where it can be. Where sources have compact components, these are sought first (lenslab.fit.annealed), and
rounds of lenslab.fit.joint follow. Where more than noise is left, it may be substructure, or components that were not
found: these are then sought anew, from the lens that there is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit import annealed, compact, joint
from lenslab.fit.compact import CompactSersics
from lenslab.fit.levenberg_marquardt import SHARP, descend
from lenslab.fit.model import Beyond, first_amplitude, precise
from lenslab.fit.recipes import FIRST, FitRecipe
from lenslab.fit.smooth import SmoothLens

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
    compact: Tensor        # (B, n, 7) compact components of the source (lenslab.fit.compact.NAMES); n may be 0


def fit(lens: SmoothLens, image: Tensor, sigma: Tensor, start: Tensor, steps: int = FIRST.steps,
        rounds: int | None = None, values: Tensor | None = None, sharp: int = SHARP, recipe: FitRecipe = FIRST) -> Fit:
    """The smooth lens of each image, from starts (B, P) in plain coordinates.

    image, sigma  (B, 1, H, W)  in the unit of the population's camera, H and W those of `lens.camera`
    steps         with the source's profile alone; where rounds with compact components follow, before them
    rounds        with compact components, where the population's sources have them; 0 leaves these away, None is the
                  recipe's
    values        (B, n * 7) of the compact components at the start, where they are known: nothing is then sought
    sharp         last steps with the profile alone whose tangents have all rays, and not one a pixel
    """
    rounds = recipe.rounds if rounds is None else rounds
    with one_thread(), torch.inference_mode():     # a tenth less time than without gradients alone
        made = whole(lens, image, sigma, lens.within_limits(start.to(image)), steps, rounds, values, recipe,
                     sharp=sharp)
        most = image[0].numel() + recipe.noise * (2 * image[0].numel()) ** 0.5
        for share in recipe.again if lens.compact and rounds and values is None else ():
            rows = (made.chi2 > most).nonzero()[:, 0]
            if len(rows):
                other = whole(lens, image[rows], sigma[rows], made.coordinates[rows], 0, rounds, None, recipe, share)
                made = replaced(made, rows, other)
    return Fit(*(part.clone() for part in vars(made).values()))     # tensors that may meet gradients again


def whole(lens: SmoothLens, image: Tensor, sigma: Tensor, start: Tensor, steps: int, rounds: int,
          values: Tensor | None, recipe: FitRecipe, share: float | None = None, sharp: int = SHARP) -> Fit:
    """All pieces of a batch."""
    parts = [best(lens, image[rows], sigma[rows], start[rows], steps, rounds, None if values is None
                  else values[rows].to(image), share, sharp, recipe) for rows in pieces(lens, image)]
    return parts[0] if len(parts) == 1 else Fit(*(torch.cat(column) for column in zip(
        *(vars(part).values() for part in parts), strict=True)))


def replaced(made: Fit, rows: Tensor, other: Fit) -> Fit:
    """The same fits, but at `rows` those of another that leave less."""
    better = other.chi2 < made.chi2[rows]
    columns = []
    for old, new in zip(vars(made).values(), vars(other).values(), strict=True):
        column = old.clone()
        column[rows[better]] = new[better]
        columns.append(column)
    return Fit(*columns)


def pieces(lens: SmoothLens, image: Tensor) -> tuple[Tensor, ...]:
    """Rows of a batch (B, ...) that are worked on together."""
    rays = (lens.camera.num_pix * lens.camera.supersampling) ** 2
    return torch.arange(len(image)).split(max(1, AT_ONCE // rays) if image.device.type == "cpu" else len(image))


def priors(lens: SmoothLens, like: Tensor, recipe: FitRecipe = FIRST) -> tuple[Tensor, Tensor]:
    """Inverse squares (Q,) of the widths of the coordinates' priors and their middle; the amplitude has none."""
    mean = torch.cat([lens.mean.to(like), like.new_zeros(1 if lens.amplitude else 0)])
    return lens.pull(recipe.prior, like), mean


def best(lens: SmoothLens, image: Tensor, sigma: Tensor, place: Tensor, steps: int, rounds: int,
         values: Tensor | None, share: float | None, sharp: int, recipe: FitRecipe) -> Fit:
    """One piece of a batch."""
    (prior, mean), P = priors(lens, image, recipe), len(lens.names)
    if lens.amplitude:
        place = torch.cat([place, first_amplitude(lens, image, sigma, place)[:, None]], 1)
    if lens.compact and rounds:
        if values is None:
            place, values = annealed.search(lens, image, sigma, place, mean, steps, share, recipe)
        components = Beyond(CompactSersics, values)
        place, values, left, normal = joint.descend(lens, image, sigma, place, components, prior, mean, rounds)
    else:
        place, left, normal = descend(lens, image, sigma, place, prior, mean, steps, sharp)
        values = image.new_zeros(len(image), 0)
    covariance = torch.linalg.inv(precise(normal)).to(image)[:, :place.shape[1], :place.shape[1]]
    amplitude = place[:, P] if lens.amplitude else place.new_zeros(len(place))
    left = left.reshape(image.shape)
    return Fit(place[:, :P], amplitude, covariance, image - left * sigma, left, left.square().sum((1, 2, 3)),
               values.unflatten(1, (values.shape[1] // len(compact.NAMES), len(compact.NAMES))))
