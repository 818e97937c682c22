"""One fit of a batch as a record: what is seen, what is free, and what is usual of what is free.

A state of it is three blocks of numbers: a place (B, Q), coordinates of the smooth lens with the logarithm of the
source's flux last; compact components (B, K) of the source (lenslab.fit.compact), where it has them; and the light of
the lens galaxy (B, L) (lenslab.fit.lens_sersics), where that is not taken off beforehand. A pixel of which nothing is
known, or that is left out, has infinite noise: it weighs nothing, and no other rule is needed for masks.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from lenslab.fit import compact, lens_sersics
from lenslab.fit.compact import SoftSersics
from lenslab.fit.model import Beyond, precise, residual, tangents, within_limits
from lenslab.fit.rays import scenes_at
from lenslab.fit.smooth import SmoothLens
from lenslab.images.model import flux


class State(NamedTuple):
    """Where a fit is."""

    place: Tensor      # (B, Q)
    compact: Tensor    # (B, K); K may be 0
    glow: Tensor       # (B, L) of the lens galaxy's light; L may be 0

    @property
    def all(self) -> Tensor:
        """(B, Q + K + L) float64."""
        return torch.cat([precise(part) for part in self], 1)

    def take(self, rows) -> "State":
        return State(*(part[rows] for part in self))

    def moved(self, step: Tensor) -> "State":
        """The state that lies a step (B, Q + K + L) further."""
        steps = step.split([part.shape[1] for part in self], 1)
        return State(*((precise(part) + more).to(part) for part, more in zip(self, steps, strict=True)))

    def where(self, better: Tensor, other: "State") -> "State":
        """The other one's rows where `better` (B,) says so."""
        return State(*(torch.where(better[:, None], new, old) for old, new in zip(self, other, strict=True)))


@dataclass(frozen=True, eq=False)
class FitProblem:
    """Images of one camera and the lenses that are sought in them.

    lens     whose camera took them: pixels, measured PSF; whose mean and std are the prior
    glow     (B, L)  the light of lens galaxies where their fit begins, which its prior lies about; (B, 0) for none
    width    of the priors of the coordinates, in standard deviations of `lens`
    """

    lens: SmoothLens
    image: Tensor      # (B, 1, N, N)
    sigma: Tensor      # (B, 1, N, N) one sigma, in the image's unit; infinite where nothing is known
    glow: Tensor
    width: float = 1.0

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows) -> "FitProblem":
        return replace(self, image=self.image[rows], sigma=self.sigma[rows], glow=self.glow[rows])

    @property
    def counted(self) -> Tensor:
        """(B,) pixels that weigh something."""
        return self.sigma.isfinite().sum((1, 2, 3))

    @property
    def arcs(self) -> Tensor:
        """The images (B, 1, N, N) less the galaxy's light where its fit begins: for stages that hold it."""
        return self.image if not self.glow.shape[1] else self.image - self.light_of(self.glow)

    def light_of(self, glow: Tensor) -> Tensor:
        """Images (B, 1, N, N) of lens galaxies."""
        return lens_sersics.image_and_tangents(self.lens.camera, glow, slopes=False)[0]

    def names(self, state: State) -> tuple[str, ...]:
        """What each number of a state is, by the path that a page or a file names it with."""
        lens = (*self.lens.names, *(["log_flux"] if self.lens.amplitude else []))
        clumps = [f"clump_{k}.{name}" for k in range(state.compact.shape[1] // len(compact.NAMES))
                  for name in compact.NAMES]
        glow = [f"lens_light_{k}.{name}" for k in range(state.glow.shape[1] // len(lens_sersics.NAMES))
                for name in lens_sersics.NAMES]
        return (*lens, *clumps, *glow, *(["sky"] if state.glow.shape[1] else []))

    def beyond(self, state: State) -> Beyond | None:
        return Beyond(SoftSersics, state.compact) if state.compact.shape[1] else None

    def residual(self, state: State) -> Tensor:
        """(image - expected) / sigma, (B, N^2)."""
        image = self.image - self.light_of(state.glow) if state.glow.shape[1] else self.image
        return residual(self.lens, image, self.sigma, state.place, self.beyond(state))

    def jacobian(self, state: State, supersampling: int | None = None) -> Tensor:
        """Change of the expected image in sigmas for a unit of each number, (B, N^2, Q + K + L)."""
        J = tangents(self.lens, self.sigma, state.place, supersampling, self.beyond(state))
        if state.glow.shape[1]:
            change = lens_sersics.image_and_tangents(self.lens.camera, state.glow)[1]
            J = torch.cat([J, (change / self.sigma).flatten(2).mT], 2)
        return J.nan_to_num(0.0, 0.0, 0.0)

    def prior(self, state: State) -> tuple[Tensor, Tensor]:
        """Inverse squares of the widths of the priors, and their middle: (B, Q + K + L) float64 each."""
        like = state.place
        mean = torch.cat([self.lens.mean.to(like), like.new_zeros(1 if self.lens.amplitude else 0)]).expand_as(like)
        pull = [self.lens.pull(self.width, like).expand_as(like)]
        middle = [mean]
        if state.compact.shape[1]:
            width, of_compact = SoftSersics.prior(state.compact)
            pull, middle = [*pull, width.expand_as(state.compact)], [*middle, of_compact]
        if state.glow.shape[1]:
            pull, middle = [*pull, lens_sersics.priors(state.glow)], [*middle, self.glow]
        return precise(torch.cat(pull, 1)), precise(torch.cat(middle, 1))

    def limits(self, state: State) -> tuple[Tensor, Tensor]:
        """Beyond which no number goes: (Q + K + L,) float64 each."""
        lens, n = self.lens, state.compact.shape[1] // len(compact.NAMES)
        parts = []
        for edge, far, of_compact, of_glow in zip(("low", "high"), (-12.0, 12.0), (compact.LOWEST, compact.HIGHEST),
                                                  lens_sersics.limits(state.glow), strict=True):
            parts.append(torch.cat([getattr(lens, edge).double().cpu(), torch.full((1 if lens.amplitude else 0,), far),
                                    torch.tensor(of_compact * n), of_glow.double().cpu()]).to(state.place.device))
        return parts[0], parts[1]

    def within_limits(self, state: State) -> State:
        compacts = SoftSersics.within_limits(state.compact) if state.compact.shape[1] else state.compact
        glow = state.glow
        if glow.shape[1]:
            low, high = lens_sersics.limits(glow)
            glow = torch.minimum(torch.maximum(glow, low), high)
        return State(within_limits(self.lens, state.place), compacts, glow)

    def price(self, left: Tensor, state: State) -> Tensor:
        """chi^2 and the priors (B,) float64, of what is left (B, N^2) in sigmas."""
        pull, middle = self.prior(state)
        return precise(left).square().sum(1) + ((state.all - middle).square() * pull).sum(1)

    def expected(self, left: Tensor) -> Tensor:
        """The model's images (B, 1, N, N) where a pixel weighs something; elsewhere the images themselves."""
        known = self.sigma.isfinite()
        return torch.where(known, self.image - left.reshape(self.image.shape) * self.sigma, self.image)

    def source_flux(self, state: State) -> Tensor:
        """(B,) of the source, compact components included, as it would be seen without a lens; counts/s."""
        profile = flux(scenes_at(self.lens, state.place), "source")
        if not state.compact.shape[1]:
            return profile
        share = state.compact.unflatten(1, (-1, len(compact.NAMES)))[..., -1].sum(1)
        return profile * (1 + share)
