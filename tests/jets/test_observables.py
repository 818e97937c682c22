"""Observables of jets made by hand, by closed forms and by Pythia's own clustering where it is installed."""

import numpy as np
import pytest

from lenslab.jets import observables
from lenslab.jets.images import pitch
from lenslab.jets.recombination import groomed, history, mass, massless


def jet(*pixels_of, side=125, channel=1) -> np.ndarray:
    """An image with (row, column, GeV) lit, rows and columns from the middle."""
    image = np.zeros((1, 3, side, side), np.float32)
    for row, column, energy in pixels_of:
        image[0, channel, side // 2 + row, side // 2 + column] = energy
    return image


def test_the_mass_of_two_pixels_is_that_of_two_massless_particles():
    """m^2 = 2 p_T1 p_T2 (cosh d eta - cos d phi), whatever the axis."""
    seen = observables.observe(jet((10, 4, 300.0), (-8, -12, 150.0)))
    d_eta, d_phi = 18 * pitch(125), 16 * pitch(125)
    assert seen["mass"][0] == pytest.approx((2 * 300 * 150 * (np.cosh(d_eta) - np.cos(d_phi)))**0.5, rel=1e-6)
    assert seen["pt"][0] == pytest.approx((300**2 + 150**2 + 2 * 300 * 150 * np.cos(d_phi))**0.5, rel=1e-6)
    assert seen["ecal_share"][0] == 1 and seen["tracks"][0] == 0


def test_what_lies_beyond_the_jets_radius_is_not_of_the_jet():
    near = observables.observe(jet((0, 0, 400.0), (10, 0, 50.0)))
    far = observables.observe(jet((0, 0, 400.0), (10, 0, 50.0), (0, 50, 90.0)))       # 0.87 away
    assert far["pt"][0] == near["pt"][0] and far["hits_ecal"][0] == 3


def test_girth_and_profile_of_two_equal_pixels():
    seen = observables.observe(jet((6, 0, 200.0), (-6, 0, 200.0)))
    half = 6 * pitch(125)
    assert seen["girth"][0] == pytest.approx(half, rel=1e-6)
    ring = int(half / 0.1)
    assert seen.profile[0, ring] == pytest.approx(1) and seen.profile.sum() == pytest.approx(1)


def test_pt_d_counts_tracks_by_their_momentum():
    image = jet((0, 0, 100.0)) + jet((1, 0, 4.0), (0, 3, 4.0), (5, 5, 4.0), (2, 2, 4.0), channel=0)
    seen = observables.observe(image)
    assert seen["pt_d"][0] == pytest.approx(0.5) and seen["tracks"][0] == 4       # 1 / sqrt(4)


def test_n_subjettiness_of_pairs_and_triples():
    """Two close pairs: tau_2 is their inner spread, and three particles leave nothing for tau_3."""
    seen = observables.observe(jet((20, 0, 100.0), (20, 2, 100.0), (-20, 0, 100.0), (-20, 2, 100.0)))
    inner, outer = pitch(125), np.hypot(20, 1) * pitch(125)
    assert seen["tau21"][0] == pytest.approx(inner / outer, rel=2e-3)
    three = observables.observe(jet((20, 0, 100.0), (-20, 0, 100.0), (0, 25, 90.0)))
    assert three["tau32"][0] == pytest.approx(0, abs=1e-9) and three["tau21"][0] > 0.3
    one = observables.observe(jet((0, 0, 100.0)))
    assert np.isfinite(one.table).all() and one["mass"][0] == pytest.approx(0, abs=1e-4)
    assert np.isfinite(observables.observe(jet()).table).all()


def test_d2_of_an_equilateral_triangle_is_one():
    """e2 = 3 (1/9) a and e3 = (1/27) a^3, so that D2 = 1 at any size."""
    for a in (0.1, 0.5):
        angle = 2 * np.pi * np.arange(3) / 3
        y, phi = a / 3**0.5 * np.sin(angle), a / 3**0.5 * np.cos(angle)
        assert observables.d2(np.full((1, 3), 1 / 3), y[None], phi[None])[0] == pytest.approx(1, rel=1e-9)


def test_soft_drop_drops_what_is_soft_and_keeps_what_is_hard():
    """z = 20 / 420 falls below 0.1 and is dropped; the pair of 200 + 200 passes."""
    pair = massless(np.array([200.0, 200.0]), np.array([0.1, -0.1]), np.zeros(2))
    p = np.concatenate([pair, massless(np.array([20.0]), np.array([0.0]), np.array([0.6]))])[None]
    found = groomed(p, history(p, 0), 0.1, 0.0, 0.8)
    assert mass(found)[0] == pytest.approx((2 * 200**2 * (np.cosh(0.2) - 1))**0.5)
    kept = groomed(p, history(p, 0), 0.04, 0.0, 0.8)
    assert np.allclose(kept[0], p.sum(1)[0])
    lone = groomed(p[:, 2:], history(p[:, 2:], 0), 0.1, 0.0, 0.8)
    assert np.allclose(lone, p[:, 2])


@pytest.mark.parametrize("power", [0, 1])
def test_histories_are_those_of_fastjet(power):
    """Three exclusive subjets of random particles are those that FastJet's core leaves at three."""
    pythia8mc = pytest.importorskip("pythia8mc")
    rng = np.random.default_rng(power)
    for size in (8, 40):
        pt, y, phi = rng.exponential(10, size) + 0.5, rng.uniform(-0.5, 0.5, size), rng.uniform(-0.5, 0.5, size)
        p = massless(pt, y, phi)
        ours = history(p[None], power, keep=(3,)).sets[3][0]
        event = pythia8mc.Event()
        event.init()
        event.append(90, -11, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for px, py, pz, E in p:
            event.append(22, 91, 0, 0, float(px), float(py), float(pz), float(E), 0.0)
        finder = pythia8mc.SlowJet(power, 1e3, 0.0, 25.0, 1, 2, None, False)
        finder.setup(event)
        finder.doNSteps(size - 3)
        theirs = np.array([[q.px(), q.py(), q.pz(), q.e()] for q in map(finder.p, range(finder.sizeAll()))])
        assert np.allclose(np.sort(ours, 0), np.sort(theirs, 0), rtol=1e-9)


def test_many_jets_at_once_are_as_each_alone():
    rng = np.random.default_rng(0)
    images = np.where(rng.random((6, 3, 32, 32)) < 0.05, rng.exponential(8, (6, 3, 32, 32)), 0).astype(np.float32)
    images[3] = 0
    together = observables.observe(images)
    for k in range(6):
        alone = observables.observe(images[k:k + 1])
        assert np.allclose(alone.table[0], together.table[k], rtol=1e-9, atol=1e-12)
        assert np.allclose(alone.profile[0], together.profile[k])
