import numpy as np
import pytest
import torch

from lenslab.images import fast
from lenslab.images.compiled import why_not
from lenslab.images.realise import realise
from lenslab.images.simulate import noise_free
from lenslab.population import find
from lenslab.sets.draw import items


@pytest.mark.skipif(bool(why_not()), reason="no C++ compiler here")
def test_compiled_halos_are_the_eager_ones_for_any_number():
    _, scenes = next(group for group in find("hst").chunk(0, 1).groups
                     if group[1].template.substructure.kind == "cdm")
    fewest = scenes.take(torch.argsort(scenes["substructure.f_sub"])[:3]).to(dtype=torch.float32)
    for rows in (slice(0, 3), slice(0, 1)):
        some = fewest.take(rows)
        realisation = realise(some)
        eager, compiled = noise_free(some, realisation), noise_free(some, realisation, fast.shine)
        assert (eager - compiled).abs().max() < 1e-4 * eager.abs().max()


def test_other_lenses_are_untouched():
    eager, compiled = (items(find("deeplense-2"), 0, 1, compiled=flag) for flag in (False, True))
    assert torch.equal(eager.image, compiled.image)


def test_padding_to_two_adds_nothing_and_keeps_the_rest():
    columns = torch.arange(1.0, 4.0)[None]
    wide = fast.at_least_two(columns)
    assert wide.shape == (2, 3) and torch.equal(wide[:1], columns) and not wide[1].any()
    assert np.array_equal(fast.at_least_two(torch.ones(3, 1)).numpy(), [[1, 0]] * 3)
    assert torch.equal(fast.at_least_two(torch.ones(2, 2)), torch.ones(2, 2))
