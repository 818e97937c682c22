"""The source as pixels: whatever brightness explains an image best through a lens that is found already.

With the lens held an image is linear in the brightness of its source, d = L s + noise: rays read the source between
its pixels, and the camera blurs and bins them. Too many numbers for the data are held together by a quadratic penalty
on slopes and on brightness, s^T H s, whose strength is the one that makes the image most likely (its evidence: Suyu et
al. 2006, astro-ph/0601493, eq. 19). Such a source fits a wrong lens nearly as well as the right one, and the evidence
may be highest where the source is hardly lensed: so it begins at the fit of a profile, whose images have been counted
(lenslab.fit.multiple_images), and never chooses among lenses.
"""

from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit.multiple_images import images
from lenslab.fit.problem import FitProblem, State
from lenslab.fit.rays import deflection, scenes_at, struck
from lenslab.images.simulate import photographed

SIDE = 30                 # source pixels across
REACH = 3.0               # half-light radii of the profile to the edge of the grid, and no fewer arcsec than
LEAST = 0.15
RIM = 1e-2                # of the penalty on slopes, that on brightness: what makes H invertible
STRENGTHS = 10.0, 60      # powers of ten about the middle of the data's curvature that are searched, and steps
AT_ONCE = 2**23           # numbers of light on rays in one piece


@dataclass(frozen=True)
class PixelSource:
    """A source of pixels behind the lens of one image."""

    brightness: Tensor          # (S, S) unit of the image/arcsec^2, rows grow with y
    sigma: Tensor               # (S, S) one sigma of it, the lens held
    center: tuple[float, float]     # arcsec, source plane
    half_width: float           # arcsec from the middle to the outermost pixels' centres
    model: Tensor               # (N, N) image of the arcs
    residual: Tensor            # (N, N) sigmas
    chi2: float                 # over the pixels that are fitted
    evidence: float             # ln of it, with the strength that makes it highest
    strength: float
    effective_freedom: float    # brightnesses that the image tells


def pixel_source(problem: FitProblem, state: State) -> PixelSource:
    """That of one image behind the lens of a fit; ValueError where that lens shows its source but once."""
    if not bool(images(problem, state).several[0]):
        raise ValueError("The fit that a pixelised source begins at shows its source but once; any image can be had "
                         "from such a one. Fit the lens anew from other starts.")
    with one_thread(), torch.inference_mode():
        scenes = scenes_at(problem.lens, state.place)
        center = float(scenes["source.center_x"]), float(scenes["source.center_y"])
        half = max(REACH * float(scenes["source.R_sersic"]), LEAST)
        sigma = problem.sigma[0, 0]
        known = sigma.isfinite()
        image = (problem.image - problem.light_of(state.glow) if state.glow.shape[1] else problem.image)[0, 0]
        L = operator(problem, scenes, center, half)
        D = (L / sigma.flatten()[:, None])[known.flatten()].double()
        d = (image / sigma)[known].double()
        H = penalty(SIDE).to(D)
        s, covariance, strength, evidence, freedom = most_likely(D, d, H)
        model = (L @ s.float()).reshape(sigma.shape)
        residual = torch.where(known, (image - model) / sigma, 0.0)
    return PixelSource(s.reshape(SIDE, SIDE).clone(), covariance.diagonal().sqrt().reshape(SIDE, SIDE).clone(), center,
                       half, model.clone(), residual.clone(), float(residual.double().square().sum()),
                       evidence, strength, freedom)


def operator(problem: FitProblem, scenes, center: tuple[float, float], half: float) -> Tensor:
    """L (N^2, S^2): the camera's image of each source pixel, a tent that falls to 0 at its neighbours."""
    camera = problem.lens.camera
    step = 2 * half / (SIDE - 1)
    beta = [(b - at) / step + (SIDE - 1) / 2 for b, at in zip(struck(scenes, deflection(problem.lens, scenes)), center,
                                                              strict=True)]
    axis = torch.arange(SIDE).to(beta[0])
    across, up = ((1 - (b - axis[:, None, None]).abs()).clamp_min(0) for b in beta)     # (S, rays, rays)
    columns = []
    per_row = max(1, AT_ONCE // across[0].numel())
    for row in range(SIDE):
        for part in across.split(per_row):
            columns.append(photographed(camera, part * up[row]).flatten(1))
    return torch.cat(columns).mT


def penalty(side: int) -> Tensor:
    """H (S^2, S^2): squares of the differences between neighbours, dark beyond the grid, and RIM of each brightness."""
    line = 2 * torch.eye(side, dtype=torch.float64) - torch.diag(torch.ones(side - 1, dtype=torch.float64), 1) \
        - torch.diag(torch.ones(side - 1, dtype=torch.float64), -1)
    one = torch.eye(side, dtype=torch.float64)
    return torch.kron(line, one) + torch.kron(one, line) + RIM * torch.eye(side**2, dtype=torch.float64)


def most_likely(D: Tensor, d: Tensor, H: Tensor) -> tuple[Tensor, Tensor, float, float, float]:
    """s (S,), its covariance, the strength, ln of the evidence and the numbers that are told, of d = D s + unit noise.

    In coordinates in which H is one, D^T D is diagonalised once, and every strength costs a sum.
    """
    root = torch.linalg.cholesky(H)
    W = torch.linalg.solve_triangular(root, D.mT, upper=False).mT           # D H^(-1/2)
    values, axes = torch.linalg.eigh(W.mT @ W)
    values = values.clamp_min(0)
    along = axes.mT @ (W.mT @ d)
    middle = float(values.mean().clamp_min(1e-300))
    best = None
    for power in torch.linspace(-STRENGTHS[0] / 2, STRENGTHS[0] / 2, STRENGTHS[1]).tolist():
        strength = middle * 10**power
        told = along / (values + strength)
        lnE = 0.5 * float((along * told).sum() - d.square().sum() + (strength / (values + strength)).log().sum()) \
            - 0.5 * len(d) * log(2 * pi)
        if best is None or lnE > best[0]:
            best = lnE, strength, told
    evidence, strength, told = best
    back = torch.linalg.solve_triangular(root.mT, axes, upper=True)         # H^(-1/2) and the axes
    covariance = (back / (values + strength)) @ back.mT
    return back @ told, covariance, strength, evidence, float((values / (values + strength)).sum())
