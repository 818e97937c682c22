"""The detector on single particles, whose places, shares and spreads are known beforehand."""

import numpy as np
import pytest

from lenslab.jets import detector
from lenslab.jets.detector import CRYSTAL, ELECTRON, HADRON, MUON, PHOTON, SIDE, Particles, measure

MIDDLE = SIDE // 2
AXIS = 0.01, 0.01          # in the tower whose lowest corner is at 0, 0


def one(pt, eta=0.0, phi=0.0, charge=0.0, kind=PHOTON, n=1) -> Particles:
    """A massless particle, n times over."""
    return Particles.of_rows([(pt, eta, phi, pt * np.cosh(eta), charge, kind)] * n)


def cell(row: int) -> float:
    """Middle of a row of the window about AXIS."""
    return (row - MIDDLE + 2 + 0.5) * CRYSTAL


def test_a_photon_lights_the_crystal_that_it_hits_and_its_neighbours():
    seen = measure(one(100.0, cell(70), cell(40)), *AXIS, np.random.default_rng(0))
    assert np.unravel_index(seen.ecal.argmax(), seen.ecal.shape) == (70, 40)
    assert seen.ecal[70, 40] == pytest.approx(79, abs=3) and seen.ecal.sum() == pytest.approx(100, abs=3)
    assert (seen.ecal > 0).sum() <= 9 and seen.hcal.sum() == 0 and seen.tracks.sum() == 0


def test_the_resolution_of_ecal_is_that_of_the_beam_test():
    """50 GeV: 2.8 % / sqrt(E) in all, 40 MeV in each of the nine crystals, 0.3 % of each."""
    rng, photon = np.random.default_rng(1), one(50.0, cell(62), cell(62))
    found = np.array([measure(photon, *AXIS, rng).ecal.sum() for _ in range(200)])
    shares = np.outer(*[np.array([1, 0, 1]) * (1 - 0.79**0.5) / 2 + np.array([0, 1, 0]) * 0.79**0.5] * 2)
    sigma = (0.028**2 * 50 + 9 * 0.04**2 + (0.003 * 50)**2 * (shares**2).sum())**0.5
    assert found.std() == pytest.approx(sigma, rel=4 / 400**0.5)
    assert found.mean() == pytest.approx(50, abs=4 * sigma / 200**0.5)


@pytest.mark.parametrize("charge", [1.0, -1.0])
def test_a_charged_particle_bends_by_its_momentum(charge):
    """2 GeV: sin(d phi) = 0.3 B r / (2 p_T), 22 degrees at the face of ECAL; its track points back to the vertex."""
    rng = np.random.default_rng(0)
    electron = one(2.0, cell(62), cell(62), charge, ELECTRON)
    seen = next(seen for seen in (measure(electron, *AXIS, rng) for _ in range(20)) if seen.tracks.any())
    assert np.argwhere(seen.tracks).tolist() == [[62, 62]]
    away = np.arcsin(0.3 * 3.8 * 1.29 / (2 * 2.0)) / CRYSTAL
    assert np.unravel_index(seen.ecal.argmax(), seen.ecal.shape)[1] == 62 + np.round(-charge * away)


def test_what_curls_up_leaves_a_track_alone_and_so_does_a_muon():
    for particle in (one(0.7, charge=1.0, kind=HADRON, n=50), one(60.0, charge=-1.0, kind=MUON, n=50)):
        seen = measure(particle, *AXIS, np.random.default_rng(2))
        assert seen.ecal.sum() == seen.hcal.sum() == 0 and seen.tracks.sum() > 0


def test_tracks_are_found_as_often_and_as_well_as_they_should():
    rng = np.random.default_rng(3)
    soft = detector.tracked(one(0.8, charge=1.0, kind=HADRON, n=4000), rng)
    hard = detector.tracked(one(100.0, 1.0, charge=1.0, kind=HADRON, n=4000), rng)
    assert len(soft.pt) / 4000 == pytest.approx(0.70, abs=4 * (0.7 * 0.3 / 4000)**0.5)
    assert len(hard.pt) / 4000 == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 4000)**0.5)
    assert (hard.pt / 100).std() == pytest.approx(np.hypot(0.015, 100 * 2.5e-4), rel=4 / 7600**0.5)
    assert not len(detector.tracked(one(5.0, 2.6, charge=1.0, kind=HADRON, n=100), rng).pt)
    assert not len(detector.tracked(one(0.1, charge=1.0, kind=HADRON, n=100), rng).pt)


def test_hadrons_leave_their_energy_in_both_calorimeters():
    """On average all of it, ECAL the share 0.67 x 1.5 / 4 of the laws of its depth."""
    rng, neutron = np.random.default_rng(4), one(100.0, cell(62), cell(62), kind=HADRON)
    found = [measure(neutron, *AXIS, rng) for _ in range(200)]
    ecal, hcal = (np.array([getattr(seen, name).sum() for seen in found]) for name in ("ecal", "hcal"))
    total, share = ecal + hcal, ecal / 100
    assert total.mean() == pytest.approx(100, abs=4 * total.std() / 200**0.5)
    assert share.mean() == pytest.approx(0.67 * 1.5 / 4, abs=4 * share.std() / 200**0.5)


def test_the_window_closes_round_the_circle():
    """A jet at phi = pi sees what lies on both sides of it."""
    sides = Particles.of_rows([(50.0, 0.01, np.pi - 0.03, 50.0, 0.0, PHOTON), (50.0, 0.01, 0.03 - np.pi, 50.0, 0.0,
                                                                               PHOTON)])
    seen = measure(sides, 0.01, np.pi - 0.001, np.random.default_rng(0))
    assert seen.ecal.sum() == pytest.approx(100, abs=3)
    far = measure(sides, 0.01, 0.0, np.random.default_rng(0))
    assert far.ecal.sum() == 0


def test_nothing_fainter_than_the_thresholds_is_kept():
    rng = np.random.default_rng(5)
    many = Particles.of_rows([(pt, *rng.uniform(-1, 1, 2), pt, 0.0, HADRON) for pt in rng.exponential(0.5, 500)])
    seen = measure(many, *AXIS, rng)
    assert seen.ecal[seen.ecal > 0].min() >= 0.1 and seen.hcal[seen.hcal > 0].min() >= 0.7
