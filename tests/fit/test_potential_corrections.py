"""Corrections of the potential: what they change in an image, found in a residual that has them and not in noise."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import solve_triangular

from lenslab.fit import Fit, potential_corrections, smooth_lens
from lenslab.fit.least_squares import priors
from lenslab.fit.model import images_of, shining, tangents
from lenslab.fit.potential_corrections import (
    BOX,
    SPECTRA,
    STRENGTHS,
    averaged,
    columns,
    explained,
    summed_up,
    under,
    waves,
)
from lenslab.fit.rays import deflection, grid, scenes_at


@pytest.fixture(scope="module")
def lens():
    """The middle lens of hst, its source a little off the axis, under noise that makes S about 300."""
    lens = smooth_lens("hst")
    place = lens.mean.clone()
    place[lens.names.index("source_x")] += 0.1
    place = torch.cat([place, torch.zeros(1, dtype=torch.float64)])[None]
    scenes = scenes_at(lens, place)
    image = images_of(scenes, shining(scenes, deflection(lens, scenes))[:, None])
    return lens, place, torch.full_like(image, float(image.norm()) / 300)


def fitted(lens, place, residual):
    P = len(lens.names)
    return Fit(place[:, :P], place[:, P], torch.eye(P)[None], residual, residual, residual.square().sum((1, 2, 3)),
               residual.new_zeros(1, 0, 7))


def test_a_wave_changes_the_image_as_rays_do_that_it_bends(lens):
    """Against images whose rays are bent by the gradient of the wave itself."""
    lens, place, sigma = lens
    scenes = scenes_at(lens, place)
    x, y = grid(scenes)
    alpha, theta_E = deflection(lens, scenes), scenes["lens.theta_E"].item()
    found = list(columns(lens, sigma, place, None))
    for (a, b), pair in list(zip(waves(), found, strict=True))[::9]:
        length = math.hypot(a, b)
        phase = 2 * math.pi / BOX / theta_E * (a * (x - scenes["lens.center_x"]) + b * (y - scenes["lens.center_y"]))
        for k, wave in enumerate((phase.sin(), phase.cos())):
            ends = [images_of(scenes, shining(scenes, tuple(
                part - sign * 1e-6 * theta_E * along / length * wave for part, along in zip(alpha, (a, b), strict=True)
            ))[:, None]) for sign in (1, -1)]
            change = (ends[0] - ends[1])[:, 0] / 2e-6 / sigma[:, 0]
            assert float((pair[:, k] - change).norm() / change.norm()) < 2e-3


def test_ripples_are_found_and_noise_has_none(lens):
    """Waves of a hundredth of theta_E and less, under noise: most of what they change is found, and in the right place.
    In noise alone an observer who must guess finds next to nothing."""
    lens, place, sigma = lens
    draw = torch.Generator().manual_seed(1)
    each = torch.cat(list(columns(lens, sigma, place, None)), 1)[0]
    length = torch.tensor([math.hypot(*wave) for wave in waves()]).repeat_interleave(2)
    amplitudes = STRENGTHS[3] * torch.randn(len(each), generator=draw, dtype=torch.float64) / length
    change = (amplitudes[:, None, None] * each).sum(0)
    noise = torch.randn(change.shape, generator=draw, dtype=torch.float64)
    seen = explained(lens, sigma, fitted(lens, place, (change + noise)[None, None]))
    told = seen.change[0, 0]
    bare = explained(lens, sigma, fitted(lens, place, change[None, None])).change[0, 0]   # what no smooth lens follows
    energy = float(bare.square().sum())
    assert energy > 300 and float((told * bare).sum()) / math.sqrt(energy * float(told.square().sum())) > 0.9
    nothing = explained(lens, sigma, fitted(lens, place, noise[None, None]))
    assert float(nothing.change.square().sum()) < 5
    assert seen.evidence > 50 and nothing.evidence < 0.5
    assert seen.strength > 0.5 and seen.slope < 0, "the strongest and the shallowest of the spectra made it"


def test_pieces_of_a_batch_are_the_batch(lens):
    lens, place, sigma = lens
    residual = torch.randn(6, 1, *sigma.shape[2:], generator=torch.Generator().manual_seed(2)).double()
    found = fitted(lens, place, residual[:1])
    many = replace(found, coordinates=found.coordinates.repeat(6, 1), amplitude=found.amplitude.repeat(6),
                   covariance=found.covariance.repeat(6, 1, 1), model=residual, residual=residual,
                   chi2=residual.square().sum((1, 2, 3)), compact=found.compact.repeat(6, 1, 1))
    whole = potential_corrections(lens, sigma.repeat(6, 1, 1, 1), many)
    one = explained(lens, sigma, fitted(lens, place, residual[4:5]))
    for name, part in vars(whole).items():
        torch.testing.assert_close(part[4:5], getattr(one, name), rtol=1e-6, atol=1e-9)
    planes = whole.planes
    assert torch.equal(planes[:, :1], whole.change) and planes.shape[1] == 4
    assert torch.equal(planes[:, 1:], torch.stack([whole.evidence, whole.strength, whole.slope], 1)[
        ..., None, None].expand(-1, -1, *planes.shape[2:]))


def test_the_average_over_spectra_is_bayes_theorem_for_one_wave():
    """A curve so small that only the first wave is seen: its posterior mean under a mixture of Gaussians and nothing,
    each weighed by the density of what was seen."""
    n = 2 * len(waves())
    seen, precision = 0.02, 1e5      # an amplitude measured to 0.003
    curve, push = torch.zeros(1, n, n, dtype=torch.float64), torch.zeros(1, n, dtype=torch.float64)
    k = next(2 * k for k, wave in enumerate(waves()) if wave == (1, 0))
    curve[0, k, k], push[0, k] = precision, precision * seen
    density, mean = [math.exp(-0.5 * precision * seen**2) * precision**0.5], [0.0]
    for strength in STRENGTHS:
        for _ in range(3):           # of wave number 1 all slopes are the same
            total = 1 / precision + strength**2
            density.append(math.exp(-0.5 * seen**2 / total) / total**0.5)
            mean.append(seen * strength**2 / total)
    expected = sum(d * m for d, m in zip(density, mean, strict=True)) / sum(density)
    assert float(averaged(*under(curve, push))[0, k]) == pytest.approx(expected, rel=1e-9)


def test_the_evidence_is_that_of_the_whole_image_as_gaussians(lens, monkeypatch):
    """Against the density of all pixels at once, whose covariance has noise, the smooth lens and, or not, ripples."""
    lens, place, sigma = lens
    spectrum = strength, slope = SPECTRA[6]
    monkeypatch.setattr(sys.modules["lenslab.fit.potential_corrections"], "SPECTRA",
                        [spectrum])     # the package calls a function so
    place = torch.cat([lens.mean, torch.zeros(1, dtype=torch.float64)])[None]
    S = tangents(lens, sigma, place)[0].numpy()
    B = torch.cat(list(columns(lens, sigma, place, None)), 1)[0].flatten(1).numpy().T
    width = strength * np.repeat([math.hypot(*wave) for wave in waves()], 2) ** (-slope / 2)
    spread = np.append(priors(lens, place)[0][:-1].numpy() ** -0.5, 10.0)       # the amplitude is free
    rng = np.random.default_rng(3)
    left = B @ (width * rng.normal(size=len(width))) + rng.normal(size=len(B))
    own = np.eye(len(B)) + (S * spread**2) @ S.T

    def ln_density(covariance: np.ndarray) -> float:      # scipy's takes twenty times as long for 4,096 pixels
        lower = np.linalg.cholesky(covariance)
        return -np.log(lower.diagonal()).sum() - 0.5 * np.square(solve_triangular(lower, left, lower=True)).sum()
    with_them, without = ln_density(own + (B * width**2) @ B.T), ln_density(own)
    found = explained(lens, sigma, fitted(lens, place, torch.from_numpy(left).reshape(sigma.shape)))
    assert abs(with_them - without) > 5 and float(found.evidence) == pytest.approx(with_them - without, rel=1e-3)


def test_numbers_of_the_spectra_follow_their_evidence():
    even = torch.full((1, len(SPECTRA)), 0.7, dtype=torch.float64)
    assert [float(number) for number in summed_up(even)] == pytest.approx([0.7, 0, 0], abs=1e-12)
    sure = even.clone()
    sure[0, SPECTRA.index((STRENGTHS[3], 2.0))] = 60
    strengths = [math.log10(strength) for strength in STRENGTHS]
    assert [float(number) for number in summed_up(sure)] == pytest.approx(
        [60 - math.log(len(SPECTRA)), strengths[3] - sum(strengths) / 4, -1.0], abs=1e-9)
    assert float(summed_up(torch.full((1, len(SPECTRA)), -1e9))[0]) == pytest.approx(-math.log(len(SPECTRA)))
