"""Maps of corrections: one potential and its derivatives, sigmas that hold, a planted mass at its place."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab.fit.correction_maps import correction_maps, posterior, potentials
from lenslab.fit.marginal import marginal
from lenslab.fit.potential_corrections import SPECTRA, columns, widths
from lenslab.images.simulate import maps
from lenslab.scene import Clump, Substructure
from lenslab.scenes import Scenes
from tests.fit.test_perturber import SCENE, fitted

CLUMP = Clump(log10_mass=9.3, center_x=0.85, center_y=0.6, profile="POINT_MASS")
DIM = replace(SCENE, source=replace(SCENE.source, magnitude=23.5))
CLUMPY = replace(DIM, substructure=Substructure(kind="none", clumps=(CLUMP,), conserve_mass=False))


def arcs_of(problem, found):
    return (problem.expected(found.left) / problem.sigma)[0, 0] > 1


@pytest.fixture(scope="module")
def clumpy():
    problem, found = fitted(CLUMPY)
    return arcs_of(problem, found), correction_maps(problem, found, arcs_of(problem, found))


@pytest.fixture(scope="module")
def smooth():
    problem, found = fitted(DIM)
    return problem, found, arcs_of(problem, found)


def test_alpha_is_the_gradient_of_psi_and_kappa_half_its_laplacian(clumpy):
    """By differences; waves of 0.7" on pixels of 0.08" allow some percent."""
    _, told = clumpy
    psi, scale = told.psi.double().numpy(), SCENE.camera.pixel_scale
    slope_y, slope_x = np.gradient(psi, scale)
    laplacian = np.gradient(slope_x, scale, axis=1) + np.gradient(slope_y, scale, axis=0)
    assert int(np.isfinite(laplacian).sum()) > 1000
    for seen, meant in ((slope_x, told.alpha_x), (slope_y, told.alpha_y), (laplacian / 2, told.delta_kappa)):
        seen, meant = seen[4:-4, 4:-4], meant.double().numpy()[4:-4, 4:-4]
        off = np.sqrt(np.nanmean((seen - meant) ** 2) / np.nanmean(meant**2))
        assert off < 0.1, off


def test_a_planted_mass_shows_where_it_is_and_psi_is_that_of_the_mass(clumpy):
    """Against the true potential of a point mass in the arcs; both less constant, gradient and shear, and less a sheet
    of mass, which the smooth lens follows. Waves of 0.7" know nothing of its cusp."""
    arcs, told = clumpy
    assert told.evidence > 50
    scale, side = SCENE.camera.pixel_scale, SCENE.camera.num_pix
    row, column = divmod(int(told.delta_kappa.nan_to_num(-9).argmax()), side)
    x, y = ((k - (side - 1) / 2) * scale for k in (column, row))
    assert np.hypot(x - CLUMP.center_x, y - CLUMP.center_y) < 0.2
    true = (maps(Scenes.of([CLUMPY])).psi - maps(Scenes.of([DIM])).psi)[0]
    axis = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * scale
    x, y = axis.expand(side, -1)[arcs], axis[:, None].expand(-1, side)[arcs]
    free = torch.stack([torch.ones_like(x), x, y, x * x - y * y, x * y, x * x + y * y], 1)
    both = torch.stack([true.double()[arcs], told.psi.double()[arcs]], 1)
    left = both - free @ torch.linalg.lstsq(free, both).solution
    assert float(torch.corrcoef(left.T)[0, 1]) > 0.6


def test_a_smooth_lens_has_corrections_within_their_sigmas(smooth):
    problem, found, arcs = smooth
    told = correction_maps(problem, found, arcs)
    assert told.evidence < 2
    for name in ("psi", "alpha_x", "alpha_y", "delta_kappa"):
        off = (getattr(told, name) / getattr(told, f"{name}_sigma"))[arcs]
        assert float(off.abs().max()) < 3, name
    assert abs(told.chi2 - float(found.left.double().square().sum())) < 20
    x = (torch.arange(len(arcs), dtype=torch.float64) - (len(arcs) - 1) / 2)[None].expand_as(arcs)[arcs]
    assert abs(float((told.psi[arcs] * x).sum())) < 1e-3 * float((told.psi[arcs] * x).abs().sum()), "a gradient is left"


def test_sigmas_are_the_spread_over_many_draws_of_potentials_lenses_and_noise(smooth):
    """Amplitudes of a spectrum that is drawn, or none, a smooth lens that its prior draws, and noise: what the maps
    are off by has the variance that they say."""
    problem, found, arcs = smooth
    draw = torch.Generator().manual_seed(0)

    def normal(n: int) -> torch.Tensor:
        return torch.randn(n, generator=draw, dtype=torch.float64)

    T = torch.cat(list(columns(problem.lens, problem.sigma, found.state.place, None)), 1)[0].flatten(1).mT.double()
    J = problem.jacobian(found.state)[0].double()
    pull = problem.prior(found.state)[0][0]
    moved = torch.where(pull > 0, pull.clamp_min(1e-9) ** -0.5, 0.1)      # the flux has no prior
    told = marginal(problem, found, T)
    kappa = potentials(problem, found, arcs)[3][:, arcs][:, ::40].double()
    off, meant = [], []
    for k in range(130):
        spectrum = k % (len(SPECTRA) + 1)
        a = widths(SPECTRA[spectrum], T) * normal(T.shape[1]) if spectrum < len(SPECTRA) else torch.zeros(T.shape[1])
        left = T @ a.to(T) + J @ (moved * normal(len(moved))) + normal(len(T))
        mean, covariance, _, _ = posterior(told.curve, told.seen.mT @ left)
        off.append(((a.to(T) - mean) @ kappa).square())
        meant.append(torch.einsum("np,nm,mp->p", kappa, covariance, kappa))
    off, meant = torch.stack(off), torch.stack(meant)
    assert float(off.sum() / meant.sum()) == pytest.approx(1, abs=0.2)
    usual = (off < meant).double().mean()
    assert 0.6 < float(usual) < 0.85      # 0.68 of a bell; more of a mixture with "none" in it
