"""Corrections of the potential of one lens as maps, each with one sigma: what no smooth lens explains, and how sure.

The waves of lenslab.fit.potential_corrections are the ansatz: psi is a sum of them, alpha its gradient and delta kappa
half its Laplacian, wave by wave, so that the three belong to one potential exactly. Their amplitudes have a Gaussian
posterior under each spectrum; the maps are the mean over spectra, "none" among them, by their evidence, and one sigma
is that of the mixture. An image does not tell all of a potential: a constant changes nothing, a gradient moves the
source, a shear belongs to the smooth lens. They are taken off psi by least squares over the arcs, and off alpha with
it; a shear has no kappa. Waves repeat beyond their box, which the arcs do not reach: the maps end there.
"""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from lenslab.device import one_thread
from lenslab.fit.descent import Minimum
from lenslab.fit.marginal import marginal
from lenslab.fit.potential_corrections import BOX, SPECTRA, columns, summed_up, under, waves, widths
from lenslab.fit.problem import FitProblem
from lenslab.fit.rays import scenes_at
from lenslab.physics.grid import pixel_axis

MAPS = "psi", "alpha_x", "alpha_y", "delta_kappa"


@dataclass(frozen=True, eq=False)
class CorrectionMaps:
    """Of one lens, on the pixels (N, N) of its frame; NaN beyond the box."""

    psi: Tensor                  # arcsec^2, less its constant, gradient and shear in the arcs
    psi_sigma: Tensor
    alpha_x: Tensor              # arcsec
    alpha_x_sigma: Tensor
    alpha_y: Tensor              # arcsec
    alpha_y_sigma: Tensor
    delta_kappa: Tensor
    delta_kappa_sigma: Tensor
    change: Tensor               # of the image in sigmas, with lens, source and lens light following
    evidence: float              # ln of how many times likelier the image is with them than without
    evidences: tuple[float, ...]     # the same under each of SPECTRA, alone
    strength: float              # mean lg of the bend by a wave as long as the box in theta_E, less what is usual
    slope: float                 # mean power of the wave number that its square falls by, less what is usual
    chi2: float                  # over the pixels that are fitted
    effective_freedom: float     # amplitudes that the image tells


def correction_maps(problem: FitProblem, best: Minimum, arcs: Tensor) -> CorrectionMaps:
    """Beside the fit of one image.

    arcs   (N, N)   bool: the pixels in which psi has no constant, gradient or shear
    """
    with one_thread(), torch.inference_mode():
        lens, place = problem.lens, best.state.place
        told = marginal(problem, best, torch.cat(list(columns(lens, problem.sigma, place, problem.beyond(best.state))),
                                                 1)[0].flatten(1).mT.nan_to_num(0.0, 0.0, 0.0))
        mean, covariance, evidences, freedom = posterior(told.curve, told.push)
        change = told.seen @ mean
        made = {}
        for name, basis in zip(MAPS, potentials(problem, best, arcs), strict=True):
            made[name] = torch.einsum("n,nyx->yx", mean, basis)
            variance = torch.einsum("nyx,nm,myx->yx", basis, covariance, basis)
            made[f"{name}_sigma"] = variance.clamp_min(0).sqrt()
        evidence, strength, slope = (float(number[0]) for number in summed_up(evidences[None]))
        left = best.left[0].double() - change
        side = len(arcs)
    return CorrectionMaps(**{name: part.float().clone() for name, part in made.items()},
                          change=change.reshape(side, side).float().clone(), evidence=evidence,
                          evidences=tuple(evidences.tolist()), strength=strength, slope=slope,
                          chi2=float(left.square().sum()), effective_freedom=freedom)


def posterior(curve: Tensor, push: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mean (n,) and covariance (n, n) of the amplitudes, ln of the evidence (S,) of each of SPECTRA, and how many
    amplitudes the image tells: of the mixture of all spectra and none."""
    each, evidences = (part[0] for part in under(curve[None], push[None]))
    share = torch.softmax(torch.cat([evidences, evidences.new_zeros(1)]), 0)[:-1]
    mean, freedom, one = share @ each, 0.0, torch.eye(len(push)).to(push)
    second = torch.zeros_like(curve)
    for part, amplitudes, spectrum in zip(share, each, SPECTRA, strict=True):
        width = widths(spectrum, push)
        smaller = torch.linalg.inv(one + width[:, None] * curve * width)
        second += part * (width[:, None] * smaller * width + amplitudes[:, None] * amplitudes)
        freedom += float(part * (one - smaller).trace())
    return mean, second - mean[:, None] * mean, evidences, freedom


def potentials(problem: FitProblem, best: Minimum, arcs: Tensor) -> tuple[Tensor, ...]:
    """psi, alpha_x, alpha_y and delta kappa (n, N, N) of each wave that `columns` bends rays by, in their order."""
    camera, scenes = problem.lens.camera, scenes_at(problem.lens, best.state.place)
    axis = pixel_axis(camera.num_pix, camera.pixel_scale, dtype=torch.float64)
    theta_E, at_x, at_y = (float(scenes[f"lens.{name}"]) for name in ("theta_E", "center_x", "center_y"))
    x, y = (axis - at_x).expand(len(axis), -1), (axis - at_y)[:, None].expand(-1, len(axis))
    unit = 2 * pi / (BOX * theta_E)
    psi, alpha_x, alpha_y, kappa = [], [], [], []
    for a, b in waves():
        length, phase = (a * a + b * b) ** 0.5, unit * (a * x + b * y)
        for wave, integral in ((phase.sin(), -phase.cos()), (phase.cos(), phase.sin())):
            alpha_x.append(-theta_E * a / length * wave)       # `columns` moves the source, as minus alpha does
            alpha_y.append(-theta_E * b / length * wave)
            psi.append(-theta_E / (length * unit) * integral)
            kappa.append(0.5 * theta_E * length * unit * integral)
    psi, alpha_x, alpha_y, kappa = map(torch.stack, (psi, alpha_x, alpha_y, kappa))
    none, one = torch.zeros_like(x), torch.ones_like(x)
    free = torch.stack([one, x, y, (x * x - y * y) / 2, x * y])
    along_x, along_y = torch.stack([none, one, none, x, y]), torch.stack([none, none, one, -y, x])
    back = torch.linalg.pinv(free[:, arcs].mT) if arcs.any() else free.new_zeros(len(free), 0)
    off = psi[:, arcs] @ back.mT      # (n, 5)
    inside = torch.where((x.abs() < BOX / 2 * theta_E) & (y.abs() < BOX / 2 * theta_E), 1.0, torch.nan)
    return tuple(inside * (part - torch.einsum("nk,kyx->nyx", off, change)) for part, change in
                 ((psi, free), (alpha_x, along_x), (alpha_y, along_y), (kappa, torch.zeros_like(free))))
