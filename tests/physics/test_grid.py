"""Pixel centres against the conventions and lenstronomy's supersampled grid."""

import numpy as np
import pytest
import torch
from lenstronomy.Util.util import make_grid, make_subgrid

from lenslab.physics.grid import pixel_axis


@pytest.mark.parametrize("num_pix", [7, 64])
def test_centres_follow_the_convention(num_pix):
    axis = pixel_axis(num_pix, 0.08, dtype=torch.float64).numpy()
    np.testing.assert_allclose(axis, [(i - (num_pix - 1) / 2) * 0.08 for i in range(num_pix)], rtol=0, atol=1e-15)


@pytest.mark.parametrize("supersampling", [1, 2, 3, 4])
def test_rays_split_a_pixel_as_lenstronomy_splits_it(supersampling):
    axis = pixel_axis(9, 0.08, supersampling, dtype=torch.float64).numpy()
    x, y = make_subgrid(*make_grid(9, 0.08), subgrid_res=supersampling)
    side = 9 * supersampling
    np.testing.assert_allclose(x.reshape(side, side), np.tile(axis, (side, 1)), rtol=0, atol=1e-14)
    np.testing.assert_allclose(y.reshape(side, side), np.tile(axis[:, None], (1, side)), rtol=0, atol=1e-14)


def test_float32_axis_is_symmetric_to_the_bit():
    axis = pixel_axis(63, 0.0813, 3)
    assert torch.equal(axis, -axis.flip(0)) and axis.dtype == torch.float32


def test_each_image_may_have_its_own_scale():
    scales = torch.tensor([0.05, 0.08], dtype=torch.float64)
    both = pixel_axis(8, scales, 2, dtype=torch.float64)
    assert torch.equal(both[1], pixel_axis(8, 0.08, 2, dtype=torch.float64))
