"""The bicubic spline against scipy's RectBivariateSpline, which lenstronomy's INTERPOL uses."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RectBivariateSpline

from lenslab.physics import spline

SIDE, HALF = 23, 1.7


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(5)
    nodes = rng.normal(size=(2, 4, SIDE, SIDE))
    half = np.array([HALF, 0.6])
    x, y = rng.uniform(-1, 1, (2, 2, 9, 11)) * half[:, None, None]
    return nodes, half, x, y


def scipy_spline(nodes, half):
    axis = np.linspace(-half, half, nodes.shape[-1])
    return RectBivariateSpline(axis, axis, nodes, kx=3, ky=3, s=0)


def test_equals_scipy_everywhere(case):
    nodes, half, x, y = case
    axis = np.linspace(-1, 1, SIDE)
    x = np.concatenate([x, np.broadcast_to(axis[:11], (2, 1, 11)) * half[:, None, None]], axis=1)  # nodes and corners
    y = np.concatenate([y, np.broadcast_to(axis[-11:], (2, 1, 11)) * half[:, None, None]], axis=1)
    field = spline.field_of_nodes(torch.tensor(nodes), torch.tensor(half))
    ours = spline.spline(torch.tensor(x), torch.tensor(y), field.coefficients, field.half_width).numpy()
    for b in range(2):
        for k in range(4):
            theirs = scipy_spline(nodes[b, k], half[b]).ev(y[b], x[b])  # rows grow with y
            np.testing.assert_allclose(ours[b, k], theirs, atol=1e-10)


def test_the_three_quantities_and_their_order(case):
    nodes, half, x, y = case
    field = spline.field_of_nodes(torch.tensor(nodes), torch.tensor(half))
    x, y = torch.tensor(x), torch.tensor(y)
    quantities = [spline.field_potential(field, x, y), *spline.field_deflection(field, x, y),
                  spline.field_convergence(field, x, y)]
    for k, quantity in enumerate(quantities):
        np.testing.assert_allclose(quantity[1], scipy_spline(nodes[1, k], half[1]).ev(y[1], x[1]), atol=1e-10)
        np.testing.assert_array_equal(field.nodes.psi[0], nodes[0, 0])


def test_a_row_and_a_column_make_a_grid(case):
    nodes, half, _, _ = case
    field = spline.field_of_nodes(torch.tensor(nodes), torch.tensor(half))
    axis = torch.linspace(-0.5, 0.5, 7, dtype=torch.float64)
    grid = spline.field_potential(field, axis[None, None, :], axis[None, :, None])
    np.testing.assert_allclose(grid[0], scipy_spline(nodes[0, 0], half[0])(axis, axis), atol=1e-10)


def test_zero_outside_the_box(case):
    nodes, half, _, _ = case
    field = spline.field_of_nodes(torch.tensor(nodes), torch.tensor(half))
    far = torch.tensor([-2.0, 1.71, 0.0, 30.0], dtype=torch.float64).reshape(1, 1, 4)
    assert (spline.field_potential(field, far, torch.full_like(far, 1.8)) == 0).all()


def test_slopes_are_those_of_the_spline(case):
    """Reverse and forward mode against scipy's analytic partial derivatives."""
    nodes, half, x, y = case
    field = spline.field_of_nodes(torch.tensor(nodes[:1]), torch.tensor(half[:1]))
    x, y = torch.tensor(x[:1], requires_grad=True), torch.tensor(y[:1], requires_grad=True)
    slope_x, slope_y = torch.autograd.grad(spline.field_potential(field, x, y).sum(), (x, y))
    theirs = scipy_spline(nodes[0, 0], half[0])
    x, y = x.detach(), y.detach()
    np.testing.assert_allclose(slope_x[0], theirs.ev(y[0], x[0], dy=1), atol=1e-9)
    np.testing.assert_allclose(slope_y[0], theirs.ev(y[0], x[0], dx=1), atol=1e-9)
    _, forward = torch.func.jvp(lambda a: spline.field_potential(field, a, y), (x,), (torch.ones_like(x),))
    np.testing.assert_allclose(forward, slope_x, atol=1e-12)


def test_float32_from_the_same_code(case):
    nodes, half, x, y = (torch.tensor(part) for part in case)
    exact = spline.field_potential(spline.field_of_nodes(nodes, half), x, y)
    half_precision = spline.field_potential(spline.field_of_nodes(nodes.float(), half.float()), x.float(), y.float())
    assert half_precision.dtype == torch.float32
    assert (half_precision - exact).abs().max() < 1e-4 * exact.abs().max()
