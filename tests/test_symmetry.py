"""Symmetries against a grid of coordinates, and against the simulator: the turned lens's image is the turned image."""

import numpy as np
import pytest
import torch

from lenslab.feed.order import elements
from lenslab.fit.smooth import SPINS, smooth_lens
from lenslab.images.simulate import noise_free
from lenslab.population import find
from lenslab.symmetry import GROUPS, turn_maps, turn_numbers


def affine(symmetry):
    """What each element does to the coordinates of a grid, as 2 x 2 matrices of whole numbers."""
    x = torch.arange(5.0) - 2
    grid = torch.stack([x.expand(5, 5), x[:, None].expand(5, 5)])[None]          # x, y on a frame about 0
    count = len(GROUPS[symmetry])
    moved = turn_maps(grid.expand(count, 2, 5, 5), symmetry, np.arange(count))
    matrices = []
    for image in moved:       # image(x, y) = M (x, y): read off at (1, 0) and (0, 1)
        matrix = torch.stack([image[:, 2, 3], image[:, 3, 2]], dim=1)
        expected = torch.einsum("ij,jhw->ihw", matrix, grid[0])
        assert (image == expected).all()
        matrices.append(matrix)
    return matrices


@pytest.mark.parametrize("symmetry, size", [("D4", 8), ("C2", 2), ("none", 1)])
def test_turns_are_a_group_of_that_size(symmetry, size):
    matrices = [tuple(matrix.int().flatten().tolist()) for matrix in affine(symmetry)]
    assert len(set(matrices)) == size and (1, 0, 0, 1) in matrices
    for a in matrices:
        assert abs(a[0] * a[3] - a[1] * a[2]) == 1
        for b in matrices:
            product = (np.reshape(a, (2, 2)) @ np.reshape(b, (2, 2))).flatten()
            assert tuple(product.tolist()) in matrices


def test_c2_is_the_half_turn_alone():
    assert sorted(tuple(matrix.int().flatten().tolist()) for matrix in affine("C2")) == [(-1, 0, 0, -1), (1, 0, 0, 1)]


def test_every_image_is_turned_by_its_own_element():
    images = torch.randn(16, 1, 6, 6)
    places = elements(8, 16, 0, 0)
    turned = turn_maps(images, "D4", places)
    for image, out, place in zip(images, turned, places, strict=True):
        element = GROUPS["D4"][place]
        expected = np.rot90(image[0].numpy()[:, ::-1] if element.mirrored else image[0].numpy(), element.quarters)
        assert (out[0].numpy() == expected).all()


@pytest.mark.parametrize("population", ["hst", "euclid", "deeplense-1-mended"])
def test_the_image_of_turned_numbers_is_the_turned_image(population):
    """All elements, every coordinate of the smooth lens: places, ellipticities, shear, multipoles. In float64."""
    lens = smooth_lens(population)
    names, values = lens.names, lens.mean + lens.std * torch.tensor([-1.0, 1.1])[torch.arange(len(lens.names)) % 2]
    count = len(GROUPS["D4"])
    table = lens.within_limits(values.expand(count, -1).clone())
    places, amplitude = np.arange(count), torch.zeros(count, dtype=torch.float64)
    turned = turn_numbers(table, names, SPINS, "D4", places)
    image = noise_free(lens.scenes(table, amplitude))
    assert {name for pair in SPINS for name in pair} >= set(names) - {"theta_E", "gamma", "log_R", "log_n"}
    torch.testing.assert_close(noise_free(lens.scenes(turned, amplitude)), turn_maps(image, "D4", places),
                               rtol=0, atol=1e-10 * float(image.max()))
    if population == "hst":      # and each of them is seen: without its turn the image is another
        both = np.array([5])         # a mirror and a quarter: spin 4 does not feel the quarter alone
        for pair in SPINS:
            others = {name: spin for name, spin in SPINS.items() if name != pair}
            wrong = noise_free(lens.scenes(turn_numbers(table[:1], names, others, "D4", both), amplitude[:1]))
            assert float((wrong - turn_maps(image[:1], "D4", both)).abs().max()) > 1e-4 * float(image.max()), pair


def test_an_angle_turns_as_the_vector_that_points_along_it():
    phi = torch.linspace(-3, 3, 7, dtype=torch.float64)
    for element in GROUPS["D4"]:
        x, y = element.spin(1, phi.cos(), phi.sin())
        angle = element.angle(phi)
        torch.testing.assert_close(angle.cos(), x, rtol=0, atol=1e-12)
        torch.testing.assert_close(angle.sin(), y, rtol=0, atol=1e-12)


def test_half_of_a_pair_is_refused():
    with pytest.raises(ValueError, match="turn into each other"):
        turn_numbers(torch.zeros(1, 1), ("e1",), SPINS, "D4", np.array([1]))


def test_faithful_replicas_turn_by_halves_alone():
    assert find("deeplense-1").symmetry == "C2" and find("hst").symmetry == "D4"
