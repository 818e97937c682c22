"""Stretches: what the colour bar says is what the pixels hold."""

import numpy as np
import pytest

from lenslab.figures.stretch import STRETCHES, Stretch, nice

IMAGE = np.random.default_rng(1).normal(0, 0.01, (40, 40)) + np.linspace(0, 3, 40) ** 3


@pytest.mark.parametrize("kind", STRETCHES)
def test_a_tick_stands_where_its_name_is_drawn(kind):
    stretch = Stretch.of(kind, IMAGE, noise=0.01)
    places, names = stretch.ticks()
    assert len(places) >= 3
    # names carry three digits, so places agree to 1 %
    np.testing.assert_allclose(places, stretch.apply(np.array([float(name) for name in names])), rtol=1e-2, atol=1e-6)
    low, high = stretch.limits
    assert low < high
    assert all(low - 1e-6 <= place <= high + 1e-6 for place in places)
    assert (np.diff(places) >= 0.11 * (high - low)).all()


@pytest.mark.parametrize("kind", STRETCHES)
def test_brighter_is_never_darker(kind):
    stretch = Stretch.of(kind, IMAGE, noise=0.01)
    ladder = np.linspace(-0.1, 30, 500)
    assert (np.diff(stretch.apply(ladder)) >= 0).all()


def test_asinh_is_linear_for_the_faint_and_logarithmic_for_the_bright():
    stretch = Stretch("asinh", 0.0, 1e6, 1.0)
    faint, bright = stretch.apply(np.array([1e-3, 2e-3])), stretch.apply(np.array([1e4, 1e5]))
    assert faint[1] / faint[0] == pytest.approx(2, rel=1e-5)          # asinh x = x - x^3/6
    assert bright[1] - bright[0] == pytest.approx(np.log(10), rel=1e-5)  # asinh x = ln 2x


def test_pictures_that_are_compared_share_their_limits():
    both = Stretch.of("linear", IMAGE, 2 * IMAGE)
    assert both.high == pytest.approx(2 * IMAGE.max())


def test_a_flat_or_masked_image_still_has_a_range():
    for image in (np.zeros((4, 4)), np.full((4, 4), np.nan)):
        for kind in STRETCHES:
            low, high = Stretch.of(kind, image).limits
            assert np.isfinite([low, high]).all() and low < high


def test_an_unknown_stretch_is_refused_by_name():
    with pytest.raises(ValueError, match="sqrt.*asinh"):
        Stretch.of("sqrt", IMAGE)


def test_nice_lengths():
    assert [nice(v) for v in (0.07, 1.0, 3.9, 5.0, 99)] == [0.05, 1, 2, 5, 50]
