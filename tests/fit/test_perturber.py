"""One small mass: a planted one is found where it is and as heavy, and noise alone is none more often than told."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lenslab.fit import observed
from lenslab.fit.descent import descend
from lenslab.fit.perturber import chance, perturbers, places
from lenslab.fit.problem import State
from lenslab.images.simulate import observe_scene, psf_kernel
from lenslab.physics import cosmology
from lenslab.scene import Camera, Clump, Lens, Scene, Source, Substructure
from lenslab.scenes import flatten
from lenslab.tasks.reconstruct import starting_network

SCENE = Scene(lens=Lens(theta_E=1.0, q=0.8, phi=0.5, gamma1=0.03, gamma2=-0.02),
              source=Source(magnitude=22.0, R_sersic=0.15, n_sersic=1.0, q=0.7, phi=1.0, center_x=0.12, center_y=0.05),
              camera=Camera(num_pix=44, pixel_scale=0.08, fwhm=0.13, exposure_time=4000.0))


def fitted(scene, seed=1):
    """The smooth lens of a scene, from the true one on; its PSF measured at four samples a pixel."""
    seen = replace(observe_scene(replace(scene, seed_noise=seed), dtype=torch.float32), scenes=None,
                   psf=psf_kernel(scene.camera, 5), psf_supersampling=5)
    taught = replace(starting_network()[1], compact=False)
    made = observed.target(seen, taught, components=0)
    values = flatten(scene)
    start = made.problem.lens.of_table(tuple(values), np.array([list(values.values())]))
    start = torch.cat([start, torch.full((1, 1), 0.92)], 1)
    found = descend(made.problem, State(start, start[:, :0], start[:, :0]), 20)
    return made.problem, found


def test_a_planted_mass_is_found_at_its_place_with_its_mass():
    clump = Clump(log10_mass=9.3, center_x=0.85, center_y=0.6, profile="POINT_MASS")
    scene = replace(SCENE, substructure=Substructure(kind="none", clumps=(clump,), conserve_mass=False))
    problem, found = fitted(scene)
    x, y = places(problem, found.state, 0.1)
    told = perturbers(problem, found, x, y)
    assert told.significance > 6 and told.false_alarm < 1e-3 and told.evidence > 10
    assert float(torch.hypot(x[told.best] - 0.85, y[told.best] - 0.6)) < 0.2
    true = float(cosmology.theta_E_of_mass(10**9.3, cosmology.distances(scene.z_lens, scene.z_source, scene.H0,
                                                                         scene.Om0))) ** 2
    assert float(told.mass[told.best]) == pytest.approx(true, rel=0.5)     # 0.2 dex: the mass moves the lens, too
    assert float(told.sensitivity[told.best]) < true
    smallest = told.on_grid(told.sensitivity, scene.camera.num_pix * scene.camera.pixel_scale / 2, 0.1)
    axis = (torch.arange(len(smallest)) - (len(smallest) - 1) / 2) * 0.1
    row, column = (int((axis - float(at[told.best])).abs().argmin()) for at in (y, x))
    assert smallest[row, column] == told.sensitivity[told.best]
    assert int(smallest.isfinite().sum()) == len(x)


def test_without_a_mass_its_significance_is_that_of_noise():
    """The false-alarm chance of a smooth lens is any number: of two none is small."""
    alarms = []
    for seed in (2, 3):
        problem, found = fitted(SCENE, seed)
        x, y = places(problem, found.state, 0.2)
        told = perturbers(problem, found, x, y)
        alarms.append(told.false_alarm)
        assert told.evidence < 3
    assert min(alarms) > 5e-3


def test_the_chance_of_the_largest_of_many_is_that_of_independent_ones_and_of_one():
    one = torch.ones(30, 30, dtype=torch.float64)
    many = torch.eye(30, dtype=torch.float64)
    tail = 0.5 * torch.erfc(torch.tensor(2.0 / 2**0.5)).item()
    assert chance(one, 2.0, 0) == pytest.approx(tail, abs=0.01)
    assert chance(many, 2.0, 0) == pytest.approx(1 - (1 - tail) ** 30, abs=0.03)
