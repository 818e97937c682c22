"""The classifier that sees what a smooth lens leaves of an image: the residual of a fit, in sigmas, beside the image.

The fit goes through the differentiable simulator (lenslab.fit) and is started by a network of its own, `regressor`,
from several places. With the residual of the true smooth lens a plain network learnt in minutes what the image alone
had not taught it in half an hour; the fit stands for the truth, which nobody has of a real lens.
"""

import torch
from torch import Tensor, nn

from lenslab.fit import Fit, SmoothLens, fit, inflated_noise, potential_corrections
from lenslab.fit.recipes import FIRST, FitRecipe
from lenslab.nets.lens_regressor import LensRegressor
from lenslab.nets.moments import Moments
from lenslab.nets.physics_cnn import PhysicsCNN
from lenslab.physics.grid import middle

NUMBERS = 3       # planes that each hold a number, after the maps


class LensResidual(PhysicsCNN):
    """Given is (B, 2, H, W): the image in sigmas and the residual in sigmas; `complete` makes it of an image.

    Where sources have compact components it is (B, 4 + NUMBERS, H, W): the residual of a source that is a profile alone
    shows substructure best if that is all there is; beside it stand the one of a source with them, and what of that
    looks like lensing (lenslab.fit.potential_corrections). Such fits are dear and most of their images tell little, so
    that the last layers get sums over all three as well (`Moments`), and NUMBERS as planes: the evidence for
    corrections of the potential, their strength and slope.
    """

    needs_fit = True

    def __init__(self, n_classes: int, psf_fwhm: float, *, lens: SmoothLens, crop: int = 0, dropout: float = 0.2,
                 recipe: FitRecipe = FIRST, **settings):
        """lens: what is fitted, in the part of the frame that is seen; recipe: how."""
        super().__init__(n_classes, psf_fwhm, residual=False, fit=3 if lens.compact else 1, crop=crop, dropout=dropout,
                         **settings)
        self.lens, self.crop, self.recipe = lens, crop, recipe
        self.regressor = LensRegressor(len(lens.names), deep=lens.free)
        self.moments = Moments(len(self.channel_names) - 1) if self.lens.compact else None
        if self.moments is not None:
            before, after = self.head[2].in_features, self.head[2].out_features
            self.head[2] = nn.Linear(before + self.moments.number + NUMBERS, after)

    def left(self, given: Tensor) -> Tensor:
        """What the best smooth lens leaves (B, h, w) in sigmas, of what `complete` gave."""
        return given[:, self.channel_names.index("residual with compact components") if self.lens.compact else 1]

    def chi2(self, given: Tensor) -> Tensor:
        """Of that lens (B,) float64."""
        return self.left(given).double().square().sum((1, 2))

    def corrections(self, given: Tensor) -> tuple[Tensor, Tensor] | None:
        """What of that looks like lensing (B, h, w) in sigmas, and ln of its evidence (B,), or None."""
        if not self.lens.compact:
            return None
        place = self.channel_names.index("potential corrections")
        return given[:, place], given[:, place + 1].mean((1, 2))

    def see(self, given: Tensor) -> Tensor:
        maps = len(self.channel_names)
        return torch.cat([super().see(given[:, :maps]), middle(given[:, maps:], self.crop)], 1)

    def embed(self, seen: Tensor) -> Tensor:
        maps, told = seen.tensor_split([len(self.channel_names)], 1)
        if self.moments is None:
            return super().embed(maps)
        told = torch.asinh(told.float().mean((2, 3)))      # an evidence may be a thousand
        return torch.cat([super().embed(maps), self.moments(self.channels.stretch.back(maps)), told], 1)

    def complete(self, image: Tensor, sigma: Tensor) -> tuple[Tensor, Fit]:
        """What the network is given (B, K, h, w) of images and their noise (B, 1, h, w), and the fit behind it.

        Both in the unit of the population's camera, h and w those of `lens.camera`.
        """
        return fitted(self.regressor, self.lens, image, sigma, self.recipe)


@torch.no_grad()
def fitted(regressor: LensRegressor, lens: SmoothLens, image: Tensor, sigma: Tensor, recipe: FitRecipe = FIRST
           ) -> tuple[Tensor, Fit]:
    """`LensResidual.complete`, with fits that begin where `regressor` says."""
    sigmas = image / sigma
    read = regressor(sigmas)
    tries = recipe.fewer if lens.compact else recipe.starts
    starts = [lens.plain(read + regressor.error * shift(k, lens).to(read)) for k in range(tries)]
    weighed = inflated_noise(image, sigma, recipe.profile) if lens.compact else sigma
    tried = fit(lens, image.repeat(tries, 1, 1, 1), weighed.repeat(tries, 1, 1, 1), torch.cat(starts),
                recipe.trials, rounds=0, sharp=0, recipe=recipe)
    first = tried.chi2.unflatten(0, (tries, -1)).argmin(0) * len(image) + torch.arange(len(image)).to(image.device)
    found = fit(lens, image, sigma, tried.coordinates[first], recipe.steps, rounds=0, recipe=recipe)
    left = [found.residual]
    if lens.compact:
        found = fit(lens, image, sigma, tried.coordinates[first], recipe.seeking, recipe=recipe)
        left += [found.residual, potential_corrections(lens, sigma, found, recipe).planes]
    return torch.cat([sigmas, *left], dim=1), found


def shift(k: int, lens: SmoothLens) -> Tensor:
    """Where the k-th start lies, in errors of the first; the same for every image and always."""
    if k == 0:
        return torch.zeros(len(lens.names))
    return torch.randn(len(lens.names), generator=torch.Generator().manual_seed(k))
