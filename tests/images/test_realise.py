"""Substructure of a batch: mass inside the ring the same for every kind, seeds, gradients, cameras."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lenslab.images.model import LensModel
from lenslab.images.realise import realise, waves
from lenslab.physics import cosmology
from lenslab.physics.halos import tnfw_deflection
from lenslab.scene import Clump, Scene
from lenslab.scenes import Scenes

BASE = Scene().set({"lens.q": 0.7, "lens.center_x": 0.05, "lens.center_y": -0.1, "lens.gamma": 2.1,
                    "substructure.log10_m_resolved": 9.0, "substructure.f_sub": 0.06})
HAND = (Clump(10.5, 1.15, 0.2), Clump(10.0, 0.4, -0.9, "POINT_MASS"), Clump(10.0, -2.2, 0.5))
CASES = {
    "cdm": {"substructure.kind": "cdm"},
    "wdm": {"substructure.kind": "wdm", "substructure.log10_m_hm": 9.0},
    "fdm": {"substructure.kind": "fdm"},
    "fdm, long waves": {"substructure.kind": "fdm", "substructure.m22": 0.03},
    "vortex": {"substructure.kind": "vortex", "substructure.vortex_x": 0.7},
    "long vortex": {"substructure.kind": "vortex", "substructure.log10_m_axion": -24.0, "substructure.vortex_y": 0.4},
    "many vortices": {"substructure.kind": "vortex", "substructure.string_density": 0.05,
                      "substructure.log10_m_axion": -23.0},
    "points": {"substructure.kind": "deeplense_cdm"},
    "poisson points": {"substructure.kind": "deeplense_cdm", "substructure.n_points": 0,
                       "substructure.log10_m_min": 8.0},
    "axion": {"substructure.kind": "deeplense_axion", "substructure.n_points": 100,
              "substructure.log10_m_axion": -23.8},
    "by hand": {"substructure.clumps": HAND},
    "cdm and by hand": {"substructure.kind": "cdm", "substructure.clumps": HAND, "deflection": 0.6},
}


def batch(changes=None, n=1, dtype=torch.float64, **more) -> Scenes:
    scene = BASE.set({**(changes or {}), **more})
    return Scenes.of([scene.set({"seed_substructure": 11 + i}) for i in range(n)], dtype=dtype)


def area(radius: float, r_nodes: int = 500, angles: int = 900):
    """Polar grid about the lens centre: x, y (1, r, angle) and the area of each cell; Gauss in r^(1/2) for the cusp."""
    u, weight = np.polynomial.legendre.leggauss(r_nodes)
    u, weight = (u + 1) / 2, weight / 2
    r, dr = radius * u**2, radius * 2 * u * weight
    phi = (np.arange(angles) + 0.5) * (2 * np.pi / angles)
    x, y = r[:, None] * np.cos(phi) + 0.05, r[:, None] * np.sin(phi) - 0.1
    cell = (r * dr * 2 * np.pi / angles)[:, None]
    return torch.tensor(x)[None], torch.tensor(y)[None], torch.tensor(cell)


def kappa_mass(scenes: Scenes, realisation, radius: float) -> float:
    """Projected mass over Sigma_cr (arcsec^2) in the circle: kappa on a fine grid, points and rods by hand."""
    x, y, cell = area(radius)
    mass = 0.0
    for xs, ys, cells in zip(x.split(100, dim=1), y.split(100, dim=1), cell.split(100), strict=True):
        mass += float((LensModel(scenes, realisation).convergence(xs, ys)[0] * cells).sum())
    if (p := realisation.points) is not None:
        inside = torch.hypot(p.x - 0.05, p.y + 0.1) < radius
        mass += np.pi * float((p.theta_E**2 * inside).sum())
    for r in rods_of(realisation):
        t = (torch.arange(200000, dtype=torch.float64) + 0.5) / 200000
        inside = torch.hypot(r.x0 + t * (r.x1 - r.x0) - 0.05, r.y0 + t * (r.y1 - r.y0) + 0.1) < radius
        mass += np.pi * float(r.theta_E**2 * inside.double().mean())
    return mass


@pytest.mark.parametrize("case", CASES)
def test_mass_inside_the_ring_is_the_same_for_every_kind(case):
    scenes, smooth = batch(CASES[case]), batch()
    realisation = realise(scenes)
    expected = kappa_mass(smooth, realise(smooth), 1.2)
    assert expected == pytest.approx(np.pi * 1.2**2, rel=0.05)  # 1 for a round lens
    assert kappa_mass(scenes, realisation, 1.2) == pytest.approx(expected, rel=1e-4)
    if "fdm" not in case:
        assert float(realisation.theta_E) < 1.2 * (1 - 1e-5)  # something was there to be taken off


@pytest.mark.parametrize("case", ["cdm", "wdm", "long vortex", "axion"])
def test_mass_beyond_the_ring_is_taken_off_in_the_mean(case):
    """In the circle that the sheet fills: exactly for a line, and for a population in the mean of 64 seeds."""
    scenes = batch(CASES[case], n=1 if case in ("long vortex", "axion") else 64)
    realisation = realise(scenes)
    outer = float(realisation.annulus_outer[0])
    sheet = np.pi * realisation.annulus_kappa.numpy() * (outer**2 - 1.2**2)
    assert outer > 1.3 and (sheet < 0).all()
    if (halos := realisation.halos) is not None:  # M(< r) = pi r alpha_r about each halo: whole at 1e3 r_trunc
        far = 1e3 * halos.r_trunc
        whole = np.pi * far * tnfw_deflection(far, 0 * far, halos.Rs, halos.alpha_Rs.clamp_min(1e-30), halos.r_trunc,
                                              0 * far, 0 * far)[0]
        held = (whole * (halos.alpha_Rs > 0)).sum(1).numpy()
        inside = np.pi * 1.2**2 * circle() * (1 - (realisation.theta_E.numpy() / 1.2) ** 1.1)
        beyond = held - inside
        assert beyond.mean() == pytest.approx(-sheet.mean(), abs=4 * beyond.std() / 8)
        assert beyond.std() / 8 < 0.1 * beyond.mean()
    else:
        inside = np.pi * 1.2**2 * circle() * (1 - (realisation.theta_E.numpy() / 1.2) ** 1.1)
        line = realisation.rods or realisation.points
        assert inside - sheet == pytest.approx(np.pi * float((line.theta_E**2).sum()), rel=1e-9)


def rods_of(realisation) -> list:
    """Lines of one scene by themselves, each with plain numbers."""
    rods = realisation.rods
    names = ("x0", "y0", "x1", "y1", "theta_E")
    return [] if rods is None else [SimpleNamespace(**{name: getattr(rods, name)[0, k] for name in names})
                                    for k in range(int(rods.number[0]))]


def circle() -> float:
    angle = (np.arange(2000) + 0.5) * (2 * np.pi / 2000)
    return float(((0.7 * np.cos(angle) ** 2 + np.sin(angle) ** 2 / 0.7) ** -0.55).mean())


def test_conservation_can_be_switched_off():
    for case in ("cdm", "vortex", "points"):
        realisation = realise(batch(CASES[case], **{"substructure.conserve_mass": False}))
        assert float(realisation.theta_E) == 1.2 and realisation.annulus_kappa is None


def test_none_adds_nothing():
    scenes = batch()
    realisation = realise(scenes)
    assert realisation.theta_E is scenes["lens.theta_E"]
    assert all(part is None for name, part in vars(realisation).items() if name != "theta_E")


def test_a_seed_says_all_and_a_batch_is_its_scenes():
    scenes = batch(CASES["cdm and by hand"], n=4)
    together, again = realise(scenes), realise(scenes)
    torch.testing.assert_close(together.halos.x, again.halos.x, rtol=0, atol=0)
    for row in range(4):
        alone, taken = realise(scenes.take(slice(row, row + 1))), together.take(slice(row, row + 1))
        assert taken.halos.x.shape == alone.halos.x.shape == (1, alone.halos.number[0])
        for name in ("x", "y", "Rs", "alpha_Rs", "r_trunc", "mass"):
            torch.testing.assert_close(getattr(taken.halos, name), getattr(alone.halos, name), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(taken.theta_E, alone.theta_E, rtol=1e-12, atol=0)
    assert len(set(together.halos.number)) > 1
    padding = torch.arange(together.halos.x.shape[1]) >= torch.tensor(together.halos.number)[:, None]
    assert (together.halos.alpha_Rs[padding] == 0).all() and (together.halos.alpha_Rs[~padding] > 0).all()


@pytest.mark.parametrize("case", ["cdm", "fdm"])
def test_substructure_is_the_same_through_another_camera(case):
    near, far = (realise(batch(CASES[case], **{"camera.pixel_scale": scale})) for scale in (0.05, 0.1))
    if case == "fdm":
        torch.testing.assert_close(near.field.coefficients, far.field.coefficients, rtol=0, atol=0)
        return
    places = [set(zip(r.halos.x[0].tolist(), r.halos.mass[0].tolist(), strict=True)) for r in (near, far)]
    assert places[0] < places[1]  # the wide frame only adds subhalos
    reach = [torch.hypot(r.halos.x - 0.05, r.halos.y + 0.1).max() for r in (near, far)]
    assert reach[0] <= near.annulus_outer[0] < reach[1] <= far.annulus_outer[0]
    assert far.annulus_outer[0] > 64 * 0.1 / 2**0.5  # covers the corners


def test_the_faithful_points_of_deeplense():
    scenes = batch(CASES["points"], n=3)
    points = realise(scenes).points
    assert points.x.shape == (3, 25)
    r = torch.hypot(points.x - 0.05, points.y + 0.1)
    assert (r >= 0.25).all() and (r <= 2).all()
    d = cosmology.distances(0.5, 1.5, 70.0, 0.3)
    np.testing.assert_allclose(points.theta_E, cosmology.theta_E_of_mass(points.mass.numpy(), d), rtol=1e-12)
    assert ((points.mass >= 1e6) & (points.mass <= 1e10)).all()


def test_the_vortex_of_deeplense():
    """100 points of 3e8 Msun on [-l, l], l = 0.03 arcsec (1e-22 eV/m), through the place of the vortex at its angle."""
    scenes = batch({"substructure.kind": "deeplense_axion", "substructure.n_points": 100,
                    "substructure.log10_m_axion": -24.0, "substructure.vortex_phi": 0.3})
    points = realise(scenes).points
    along = np.linspace(-3, 3, 100)
    np.testing.assert_allclose(points.x[0], along * np.cos(0.3), atol=1e-12)
    np.testing.assert_allclose(points.y[0], along * np.sin(0.3), atol=1e-12)
    np.testing.assert_allclose(points.mass, 3e8, rtol=1e-9)


def test_a_rod_weighs_what_f_vortex_says():
    scenes = batch(CASES["vortex"])
    rod, = rods_of(realise(scenes))
    assert float(rod.theta_E) ** 2 == pytest.approx(0.02 * 1.2**2 * circle(), rel=1e-6)
    length = float(torch.hypot(rod.x1 - rod.x0, rod.y1 - rod.y0))
    assert length == pytest.approx(2 * 0.03 * 10**1.5)


def test_many_vortices_are_a_poisson_process_of_their_density():
    """Number, place and mass of the lines of 400 scenes, against their means and the errors of those."""
    density, reach = 0.05, 2 * 1.2
    scenes = batch(CASES["many vortices"], n=400)
    rods = realise(scenes).rods
    kpc = cosmology.kpc_per_arcsec(0.5, 70.0, 0.3)
    expected = density * np.pi * (reach * kpc) ** 2
    assert rods.number.mean() == pytest.approx(expected, abs=4 * (expected / 400) ** 0.5)
    assert rods.number.var() == pytest.approx(expected, rel=0.3)
    real = rods.theta_E > 0
    assert real.sum(1).tolist() == rods.number.tolist()
    r = torch.hypot((rods.x0 + rods.x1) / 2 - 0.05, (rods.y0 + rods.y1) / 2 + 0.1)[real]
    assert r.max() < reach and float((r**2).mean()) == pytest.approx(reach**2 / 2, rel=0.02)
    inside = rods.theta_E.square() * real * (torch.hypot(
        (rods.x0 + rods.x1) / 2 - 0.05, (rods.y0 + rods.y1) / 2 + 0.1) < 1.2)
    assert float(inside.sum(1).mean()) == pytest.approx(0.02 * 1.2**2 * circle(), rel=0.05)


def test_deflection_scales_every_mass():
    for case, strength in (("cdm", lambda r: r.halos.alpha_Rs), ("points", lambda r: r.points.theta_E**2),
                           ("vortex", lambda r: r.rods.theta_E**2), ("fdm", lambda r: r.field.nodes.kappa)):
        weak, full = (realise(batch(CASES[case], deflection=factor)) for factor in (0.6, 1.0))
        torch.testing.assert_close(strength(weak), 0.6 * strength(full), rtol=1e-12, atol=1e-14)


def test_clumps_by_hand_stand_where_they_are_put():
    scenes = batch({"substructure.clumps": HAND})
    realisation = realise(scenes)
    np.testing.assert_allclose(realisation.halos.x[0], [1.15, -2.2])
    np.testing.assert_allclose(realisation.halos.y[0], [0.2, 0.5])
    np.testing.assert_allclose(realisation.halos.mass[0], [10**10.5, 1e10])
    np.testing.assert_allclose([realisation.points.x[0, 0], realisation.points.y[0, 0]], [0.4, -0.9])


def test_theta_E_keeps_its_gradient():
    scenes = batch(CASES["points"])
    theta_E = scenes["lens.theta_E"].clone().requires_grad_()
    realisation = realise(scenes.with_values(**{"lens.theta_E": theta_E}))
    slope, = torch.autograd.grad(realisation.theta_E.sum(), theta_E)
    assert float(slope) == pytest.approx(float(realisation.theta_E.detach()) / 1.2)


def test_too_much_substructure_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"draw about \d+ subhalos; at most 5000 are allowed: raise .*\.$"):
        realise(batch({"substructure.kind": "cdm", "substructure.f_sub": 0.4, "substructure.log10_m_resolved": 6.0}))
    heavy = tuple(Clump(11.9, 0.1 * k, 0.0, "POINT_MASS") for k in range(3))
    with pytest.raises(ValueError, match=r"times as heavy as all that is there.*\.$"):
        realise(batch({"substructure.clumps": heavy}))


def test_float32_is_the_same_lens():
    double, single = (realise(batch(CASES["cdm and by hand"], dtype=dtype)) for dtype in (torch.float64, torch.float32))
    assert single.halos.x.dtype == single.theta_E.dtype == torch.float32
    torch.testing.assert_close(single.halos.alpha_Rs.double(), double.halos.alpha_Rs, rtol=1e-4, atol=1e-9)


def test_the_page_sees_the_waves_of_the_scene():
    scene = BASE.set({"substructure.kind": "fdm", "substructure.m22": 0.03, "seed_substructure": 5})
    plane = waves(scene, side=96)
    assert plane.axis[-1] <= 1.5 * 1.2 and plane.density.shape == (96, 96)
    assert len(plane.vortices) > 0 and set(plane.winding) <= {-1, 1}
    np.testing.assert_array_equal(plane.density, waves(scene.set({"camera.pixel_scale": 0.05}), side=96).density)
