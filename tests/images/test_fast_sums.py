"""Images by the sums that are fast for many halos and for fields, beside those by the direct ones (`traced`)."""

import pytest
import torch

from lenslab.images.realise import realise
from lenslab.images.simulate import bent_apart, noise_free, traced
from lenslab.population import find


def of_class(population, kind, n):
    scenes = next(scenes for _, scenes in find(population).chunk(0, 1).groups
                  if scenes.template.substructure.kind == kind)
    return scenes.take(slice(0, n))


@pytest.mark.parametrize("population", ["hst", "euclid"])
@pytest.mark.parametrize("kind", ["none", "cdm", "wdm", "fdm", "vortex"])
def test_images_are_those_of_the_direct_sums(population, kind):
    scenes = of_class(population, kind, 2)
    realisation = realise(scenes)
    fast, slow = (noise_free(scenes, realisation, shine) for shine in (None, traced))
    difference = (fast - slow).abs().amax((1, 2, 3)) / slow.amax((1, 2, 3))
    assert float(difference.max()) < (1e-4 if kind in ("cdm", "wdm") else 1e-12)
    assert (kind in ("cdm", "wdm", "fdm")) == bool(bent_apart(scenes, realisation)[1])


def test_gradients_reach_the_lens_through_the_field():
    scenes = of_class("hst", "fdm", 1)
    realisation = realise(scenes)
    slopes = []
    for shine in (None, traced):
        center = scenes["lens.center_x"].clone().requires_grad_()
        image = noise_free(scenes.with_values(**{"lens.center_x": center}), realisation, shine)
        slopes.append(torch.autograd.grad(image.square().sum(), center)[0])
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-9, atol=0)
