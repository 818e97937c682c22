"""What of a residual looks like lensing: corrections of the potential that would explain it, and what they change.

Small masses bend light a little more, and so change an image by the slope of its source times that bend: most of what
noise leaves cannot be had so. The corrections are waves over the ring with Gaussian amplitudes, of a spectrum
that is a power of the wave number. How probable an image is with spectra of many strengths and slopes, its lens and
source free to follow, is their evidence, and the waves found are averaged by it, with "none" as one of the spectra:
a smooth lens has corrections near zero. The linear correction is that of Koopmans 2005 (astro-ph/0501324), its evidence
as in Vegetti & Koopmans 2009 (0805.0201).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit.compact import CompactSersics
from lenslab.fit.least_squares import Fit, pieces, priors
from lenslab.fit.model import Beyond, images_of, precise, response, source, tangents
from lenslab.fit.rays import deflection, grid, scenes_at, struck
from lenslab.fit.recipes import FIRST, FitRecipe
from lenslab.fit.smooth import SmoothLens
from lenslab.images.model import column
from lenslab.scenes import Scenes

FINEST = 5          # waves across the box at most: on 480 lenses 8 tell no more, and 4 less (AUC, lambda > 6)
BOX = 3.6           # Einstein radii
STRENGTHS = (3e-4, 1e-3, 3e-3, 1e-2)     # one sigma of the bend by a wave as long as the box, in Einstein radii
SLOPES = (2.0, 3.0, 4.0)                 # its square falls by this power of the wave number
SPECTRA = [(strength, slope) for slope in SLOPES for strength in STRENGTHS]
NEVER = -1e9        # ln of an evidence that rounding has spoilt
JITTER = 1e-7       # of the diagonal: directions of the smooth lens that repeat each other


@dataclass(frozen=True)
class PotentialCorrections:
    """What B images tell of the potential. Where that is nothing, evidence is near 0 and no spectrum is likelier."""

    change: Tensor      # (B, 1, H, W) of the image in sigmas, beside what lens and source follow them
    evidence: Tensor    # (B,) ln of how many times likelier an image is with them, the mean over SPECTRA, than without
    strength: Tensor    # (B,) mean lg of the strength and
    slope: Tensor       # (B,) mean slope, each by its evidence, less what is usual

    @property
    def planes(self) -> Tensor:
        """(B, 4, H, W): the change, and each number as an even plane, so that what keeps images keeps these as well."""
        numbers = torch.stack([self.evidence, self.strength, self.slope], 1)[..., None, None]
        return torch.cat([self.change, numbers.expand(-1, -1, *self.change.shape[2:])], 1)


def waves() -> list[tuple[int, int]]:
    """Wave numbers (a, b) in units of one wave across the box, each direction once."""
    numbers = range(-FINEST, FINEST + 1)
    return [(a, b) for a in numbers for b in range(FINEST + 1) if 0 < a * a + b * b <= FINEST**2 and (b or a > 0)]


def potential_corrections(lens: SmoothLens, sigma: Tensor, found: Fit, recipe: FitRecipe = FIRST
                          ) -> PotentialCorrections:
    """Those of images with noise sigma (B, 1, H, W), of what their smooth lens leaves, found by that recipe."""
    with one_thread(), torch.inference_mode():
        parts = [explained(lens, sigma[rows], Fit(*(part[rows] for part in vars(found).values())), recipe)
                 for rows in pieces(lens, sigma)]
    fields = zip(*(vars(part).values() for part in parts), strict=True)
    return PotentialCorrections(*map(torch.cat, fields))


def explained(lens: SmoothLens, sigma: Tensor, found: Fit, recipe: FitRecipe = FIRST) -> PotentialCorrections:
    """One piece of a batch."""
    place = found.coordinates
    prior, mean = priors(lens, place, recipe)
    if lens.amplitude:
        place = torch.cat([place, found.amplitude[:, None]], 1)
    pull, off, beyond = prior.expand(len(place), -1), place - mean, None
    if found.compact.shape[1]:
        beyond = Beyond(CompactSersics, found.compact.flatten(1))
        width, middle = CompactSersics.prior(beyond.values)
        pull, off = torch.cat([pull, width], 1), torch.cat([off, beyond.values - middle], 1)
    smooth = precise(tangents(lens, sigma, place, beyond=beyond).nan_to_num(0.0, 0.0, 0.0))
    bent = precise(torch.cat(list(columns(lens, sigma, place, beyond)), 1).flatten(2).mT.nan_to_num(0.0, 0.0, 0.0))
    left = precise(found.residual.flatten(1))[..., None]
    normal = smooth.mT @ smooth + torch.diag_embed(precise(pull))
    factor = torch.linalg.cholesky_ex(normal + torch.diag_embed(JITTER * normal.diagonal(dim1=1, dim2=2) + 1e-12))[0]
    slope = smooth.mT @ left - precise(pull * off)[..., None]
    follow = torch.cholesky_solve(smooth.mT @ bent, factor)        # the smooth lens, for a unit of each wave
    curve = bent.mT @ bent - (bent.mT @ smooth) @ follow
    push = bent.mT @ left - follow.mT @ slope
    each, evidences = under(curve, push[..., 0])
    waved = averaged(each, evidences)[..., None]
    change = bent @ waved - smooth @ (follow @ waved)
    return PotentialCorrections(change[..., 0].to(sigma).reshape(sigma.shape).nan_to_num(0.0, 0.0, 0.0),
                   *(number.to(sigma) for number in summed_up(evidences)))


def columns(lens: SmoothLens, sigma: Tensor, place: Tensor, beyond: Beyond | None) -> Iterator[Tensor]:
    """Change of the image in sigmas by waves whose bend is theta_E, (B, 2, H, W) for each: as sine and as cosine."""
    scenes = scenes_at(lens, place)
    light, along_x, along_y = source(scenes, struck(scenes, deflection(lens, scenes)), beyond)
    rise = response(scenes, images_of(scenes, light[:, None])) / sigma
    theta_E = column(scenes["lens.theta_E"])
    (sin_x, cos_x), (sin_y, cos_y) = (turns(scenes, axis, name) for axis, name in zip(grid(scenes), "xy", strict=True))
    for a, b in waves():
        back = 1 if a >= 0 else -1
        sine = back * sin_x[abs(a)] * cos_y[b] + cos_x[abs(a)] * sin_y[b]
        cosine = cos_x[abs(a)] * cos_y[b] - back * sin_x[abs(a)] * sin_y[b]
        bend = (a * along_x + b * along_y) * theta_E / (a * a + b * b) ** 0.5
        yield images_of(scenes, torch.stack([bend * sine, bend * cosine], 1)) * rise


def turns(scenes: Scenes, axis: Tensor, name: str) -> tuple[list[Tensor], list[Tensor]]:
    """Sines and cosines of 0, 1, ... waves across the box, along an axis of the rays."""
    phase = 2 * pi / BOX * (axis - column(scenes[f"lens.center_{name}"])) / column(scenes["lens.theta_E"])
    return [torch.sin(k * phase) for k in range(FINEST + 1)], [torch.cos(k * phase) for k in range(FINEST + 1)]


def widths(spectrum: tuple[float, float], like: Tensor) -> Tensor:
    """One sigma (n,) of the amplitude of each wave, as sine and as cosine."""
    length = torch.tensor([(a * a + b * b) ** 0.5 for a, b in waves()]).repeat_interleave(2).to(like)
    strength, slope = spectrum
    return strength * length ** (-slope / 2)


def under(curve: Tensor, push: Tensor) -> tuple[Tensor, Tensor]:
    """Amplitudes (B, S, n) that each of SPECTRA makes of the quadratic form, with ln of its evidence (B, S)."""
    evidences, found = [], []
    for spectrum in SPECTRA:
        width = widths(spectrum, push)
        factor = torch.linalg.cholesky_ex(torch.eye(len(width)).to(push) + width[:, None] * curve * width)[0]
        best = torch.cholesky_solve((width * push)[..., None], factor)[..., 0]
        evidences.append(0.5 * (best * width * push).sum(1) - factor.diagonal(dim1=1, dim2=2).log().sum(1))
        found.append(width * best)
    return torch.stack(found, 1).nan_to_num(0.0, 0.0, 0.0), torch.stack(evidences, 1).nan_to_num(NEVER, NEVER, NEVER)


def averaged(each: Tensor, evidences: Tensor) -> Tensor:
    """Amplitudes (B, n): of the spectra and of none, by their evidence."""
    share = torch.softmax(torch.cat([evidences, torch.zeros_like(evidences[:, :1])], 1), 1)
    return torch.einsum("bj,bjn->bn", share[:, :-1], each)


def summed_up(evidences: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What `PotentialCorrections` says of them: (B,) each."""
    share = torch.softmax(evidences, 1)
    strengths, slopes = evidences.new_tensor(SPECTRA).unbind(1)
    strengths = strengths.log10()
    total = torch.logsumexp(evidences, 1) - log(len(SPECTRA))
    return total.clamp_min(-log(len(SPECTRA))), share @ (strengths - strengths.mean()), share @ (slopes - slopes.mean())
