"""Hits and grids: nothing is lost, and what is turned is turned exactly."""

import numpy as np
import pytest

from lenslab.jets.detector import Measured
from lenslab.jets.images import BINS, FLOORS, Hits, cut


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(0)

    def lit(side, share):
        return np.where(rng.random((side, side)) < share, rng.exponential(3, (side, side)) + 1, 0)

    return [Measured(lit(125, 0.01), lit(125, 0.02), lit(25, 0.1)) for _ in range(5)]


@pytest.mark.parametrize("side", BINS)
def test_binning_keeps_the_energy_of_every_channel(measured, side):
    images = Hits.of(measured).images(side)
    for image, jet in zip(images, measured, strict=True):
        kept = [part.astype(np.float16).astype(float).sum() for part in (jet.tracks, jet.ecal, jet.hcal)]
        assert image.sum((1, 2)) == pytest.approx(kept, rel=1e-5)
    assert images.shape == (5, 3, side, side)


def test_at_full_size_tracks_and_ecal_are_what_was_measured(measured):
    images = Hits.of(measured).images(125)
    for image, jet in zip(images, measured, strict=True):
        assert np.allclose(image[0], jet.tracks, rtol=1e-3) and np.allclose(image[1], jet.ecal, rtol=1e-3)
        assert np.allclose(image[2], np.kron(jet.hcal, np.ones((5, 5)) / 25), rtol=1e-3)


@pytest.mark.parametrize("side", BINS)
def test_coarser_pixels_are_sums_of_the_finest(measured, side):
    fine, coarse = (Hits.of(measured).images(s) for s in (125, side))
    bins = BINS[side]
    padded = np.pad(fine, [(0, 0), (0, 0), *[(0, side * bins - 125)] * 2])
    assert np.allclose(coarse, padded.reshape(5, 3, side, bins, side, bins).sum((3, 5)), rtol=1e-4)


def test_a_flip_turns_the_window_not_the_pixels(measured):
    hits, flips = Hits.of(measured), np.array([[0, 0], [1, 0], [0, 1], [1, 1], [1, 0]], bool)
    turned = [Measured(*(part[::-1 if e else 1, ::-1 if p else 1] for part in (jet.tracks, jet.ecal, jet.hcal)))
              for jet, (e, p) in zip(measured, flips, strict=True)]
    assert np.allclose(hits.images(32, flips), Hits.of(turned).images(32), rtol=1e-6)


def test_jets_are_taken_in_any_order_and_joined(measured):
    hits, rows = Hits.of(measured), np.array([4, 0, 4, 2])
    assert np.array_equal(hits.take(rows).images(64), hits.images(64)[rows])
    both = Hits.joined([hits.take(rows[:1]), hits.take(rows[1:])])
    assert np.array_equal(both.images(64), hits.images(64)[rows])
    assert len(hits.take(np.array([], int))) == 0


def test_dense_images_become_the_same_hits(measured):
    hits = Hits.of(measured)
    again = Hits.of_images(hits.images(125).astype(np.float64))
    assert np.array_equal(again.counts, hits.counts) and np.array_equal(again.places, hits.places)
    assert np.allclose(again.values, hits.values, rtol=2e-3)


def test_thresholds_cut_what_is_fainter_and_leave_what_was_measured(measured):
    images = Hits.of(measured).images(32)
    assert np.array_equal(cut(images), images)
    faint = np.broadcast_to(0.9 * FLOORS[:, None, None], (1, 3, 32, 32))
    assert not cut(faint).any() and (cut(faint / 0.9) > 0).all()


def test_another_size_is_refused_in_words(measured):
    with pytest.raises(ValueError, match="choose one of"):
        Hits.of(measured).images(50)
