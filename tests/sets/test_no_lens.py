"""Things that are no lens: as bright as asked, told apart by simple moments, the same for the same seed."""

import numpy as np
import pytest
import torch

from lenslab.images.simulate import signal_to_noise
from lenslab.population import find
from lenslab.sets.no_lens import KINDS, things

HST = find("hst")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "noise"])
def test_they_are_as_bright_as_lenses(kind):
    seen = things(HST, kind, 6, seed=3)
    S = signal_to_noise(seen.scenes, seen.model, seen.model).numpy()
    low, high = HST.laws["signal_to_noise"].limits
    assert S.min() > 0.98 * low and S.max() < 1.02 * high
    again = things(HST, kind, 6, seed=3)
    assert torch.equal(again.image, seen.image) and not torch.equal(things(HST, kind, 6, seed=4).image, seen.image)


def test_empty_sky_is_noise():
    seen = things(HST, "noise", 8)
    sigma = (seen.image / seen.variance.sqrt()).numpy()
    assert abs(sigma.mean()) < 0.02 and sigma.std() == pytest.approx(1, abs=0.02)


def test_a_spiral_shines_in_the_middle_and_two_rings_do_not():
    middle = np.s_[:, 0, 30:34, 30:34]
    spiral, rings = (things(HST, kind, 8).model.numpy() for kind in ("spiral", "two_rings"))
    assert (spiral[middle].mean((1, 2)) > 0.5 * spiral.max((1, 2, 3))).mean() > 0.7
    assert (rings[middle].mean((1, 2)) < 0.8 * rings.max((1, 2, 3))).all()


def test_unknown_things_are_refused():
    with pytest.raises(ValueError, match="spiral"):
        things(HST, "teapot", 1)
