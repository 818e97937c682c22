"""Sums over clumps against lenstronomy and against one clump at a time, padding, derivatives, compiled code."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.lens_model import LensModel

from lenslab.physics import clumps, deflectors, halos
from lenslab.physics.grid import pixel_axis

B, N, SIDE = 3, 12, 20
AXIS = pixel_axis(SIDE, 0.15, dtype=torch.float64)
X, Y = AXIS[None, None, :], AXIS[None, :, None]
_rng = np.random.default_rng(5)
_draw = [torch.tensor(_rng.uniform(low, high, (B, N))) for low, high in
         ((0.01, 0.1), (-1.4, 1.4), (-1.4, 1.4), (0.02, 0.3), (0.001, 0.01), (1.0, 10.0))]
THETA_E, CX, CY, RS, ALPHA, _tau = _draw
CX[0, 0], CY[0, 0] = AXIS[4], AXIS[7]  # a pixel exactly on a clump
R_TRUNC = _tau * RS
for padded in (THETA_E, ALPHA, RS, R_TRUNC):
    padded[1, -4:] = 0
HALOS = RS, ALPHA, R_TRUNC, CX, CY
SUMS = {"point_masses": (THETA_E, CX, CY), "tnfws": HALOS}
QUANTITIES = ["potential", "deflection", "convergence"]


def call(kind, quantity, x=X, y=Y, values=None):
    value = getattr(clumps, f"{kind}_{quantity}")(x, y, *(SUMS[kind] if values is None else values))
    return value if isinstance(value, tuple) else (value,)


def everywhere(dtype=torch.float64):
    return [(grid + 0 * X + 0 * Y).repeat(B, 1, 1).to(dtype) for grid in (X, Y)]


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("kind", SUMS)
def test_sums_are_lenstronomys(kind, dtype, tolerance):
    x, y = X.to(dtype), Y.to(dtype)
    values = [value.to(dtype) for value in SUMS[kind]]
    maps = [value for quantity in QUANTITIES for value in call(kind, quantity, x, y, values)]
    columns, rows = np.meshgrid(AXIS.numpy(), AXIS.numpy())
    for row in range(B):
        if kind == "point_masses":
            kwargs = [dict(theta_E=float(t), center_x=float(a), center_y=float(b))
                      for t, a, b in zip(THETA_E[row], CX[row], CY[row], strict=True) if t > 0]
        else:
            kwargs = [dict(zip(("Rs", "alpha_Rs", "r_trunc", "center_x", "center_y"), map(float, one), strict=True))
                      for one in zip(*[value[row] for value in HALOS], strict=True) if one[1] > 0]
        model = LensModel([{"point_masses": "POINT_MASS", "tnfws": "TNFW"}[kind]] * len(kwargs))
        expected = [model.potential(columns, rows, kwargs), *model.alpha(columns, rows, kwargs)]
        if kind == "tnfws":
            expected.append(model.kappa(columns, rows, kwargs))
        for place, (mine, theirs) in enumerate(zip(maps, expected, strict=kind == "tnfws")):
            error = np.abs(mine[row].double().numpy() - theirs) / np.abs(theirs).max()
            if row == 0 and kind == "point_masses" and place == 0:
                error[7, 4] = 0  # ln r on the mass itself, which either code holds at its own floor
            assert error.max() < tolerance


def test_points_hold_no_mass_beside_themselves():
    kappa, = call("point_masses", "convergence")
    assert kappa.shape == (B, SIDE, SIDE) and not kappa.any()


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("kind", SUMS)
def test_a_sum_is_the_sum_of_single_clumps(kind, quantity):
    """The functions for one clump are tested on their own; every row and every clump counts once."""
    single = getattr({"point_masses": deflectors, "tnfws": halos}[kind],
                     f"{kind.replace('masses', 'mass').replace('tnfws', 'tnfw')}_{quantity}")
    safe = [torch.where(ALPHA == 0, 1.0, value) if kind == "tnfws" and k in (0, 2) else value
            for k, value in enumerate(SUMS[kind])]
    total = None
    for k in range(N):
        one = single(X, Y, *[value[:, k, None, None] for value in safe])
        one = one if isinstance(one, tuple) else (one,)
        total = one if total is None else [a + b for a, b in zip(total, one, strict=True)]
    for mine, theirs in zip(call(kind, quantity), total, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-13 * float(theirs.abs().max()))


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("kind", SUMS)
def test_padding_adds_exactly_nothing(kind, quantity):
    padded = [torch.cat([value, torch.zeros(B, 5, dtype=value.dtype)], 1) for value in SUMS[kind]]
    for mine, without in zip(call(kind, quantity, values=padded), call(kind, quantity), strict=True):
        torch.testing.assert_close(mine, without, rtol=1e-15, atol=1e-15)
    nothing = [torch.zeros(B, 3, dtype=torch.float64) for _ in SUMS[kind]]
    empty = [torch.zeros(B, 0, dtype=torch.float64) for _ in SUMS[kind]]
    for values in (nothing, empty):
        assert not any(value.any() or value.shape != (B, SIDE, SIDE) for value in call(kind, quantity, values=values))


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("kind", SUMS)
def test_positions_of_any_layout_give_the_same(kind, quantity):
    x, y = everywhere()
    expected = call(kind, quantity)
    for mine, listed, theirs in zip(call(kind, quantity, x, y),
                                    call(kind, quantity, x.flatten(1), y.flatten(1)), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-13)
        torch.testing.assert_close(listed.reshape(theirs.shape), theirs, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", SUMS)
def test_chunks_do_not_show(kind, monkeypatch):
    whole = call(kind, "deflection")
    for size in (1, SIDE**2 + 1, 5 * SIDE**2):
        monkeypatch.setattr(clumps, "CACHED", size)
        monkeypatch.setattr(clumps, "HELD", size)
        torch.testing.assert_close(call(kind, "deflection"), whole, rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", SUMS)
def test_identities_and_the_two_ways_to_differentiate(kind):
    """grad psi = alpha, div alpha = 2 kappa, curl alpha = 0, and forward mode gives the same derivative."""
    x, y = everywhere()
    x, y = x[:, ::3, ::3].contiguous() + 0.01, y[:, ::3, ::3].contiguous()
    x_, y_ = x.clone().requires_grad_(), y.clone().requires_grad_()
    psi, = call(kind, "potential", x_, y_)
    alpha_x, alpha_y = call(kind, "deflection", x_, y_)
    kappa, = call(kind, "convergence", x, y)
    gradient = torch.autograd.grad(psi.sum(), (x_, y_))
    torch.testing.assert_close(gradient, call(kind, "deflection", x, y), rtol=0, atol=1e-12)
    xx, xy = torch.autograd.grad(alpha_x.sum(), (x_, y_), retain_graph=True)
    yx, yy = torch.autograd.grad(alpha_y.sum(), (x_, y_))
    torch.testing.assert_close(xy, yx, rtol=0, atol=1e-11)
    torch.testing.assert_close(0.5 * (xx + yy), kappa, rtol=0, atol=1e-10)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    _, (forward, _) = torch.func.jvp(lambda x, y: call(kind, "deflection", x, y), (x, y), (one, zero))
    torch.testing.assert_close(forward, xx, rtol=0, atol=1e-11)
    with torch.autograd.forward_ad.dual_level(), torch.no_grad():
        dual = torch.autograd.forward_ad.make_dual(x, one)
        tangent = torch.autograd.forward_ad.unpack_dual(call(kind, "deflection", dual, y)[0]).tangent
    torch.testing.assert_close(tangent, xx, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", SUMS)
def test_gradients(kind):
    """By differences, with a pad among the clumps and a pixel on one (whose own pull is 0 there)."""
    spots = [torch.tensor([[0.3, -0.2]]).double(), torch.tensor([[0.1, 0.5]]).double()]
    values = [value[1:2, 6:9].clone() for value in SUMS[kind]]
    inputs = [value.requires_grad_() for value in (*spots, *values)]
    assert float(values[0][0, 2]) == 0
    if kind == "tnfws":  # differences of Rs and alpha_Rs of padding make it a halo: they are left out
        inputs[2:] = [value.detach()[:, :2].clone().requires_grad_() for value in inputs[2:]]
    assert torch.autograd.gradcheck(lambda *some: (*call(kind, "deflection", *some[:2], some[2:]),
                                                   *call(kind, "potential", *some[:2], some[2:])), inputs, atol=1e-6)
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    values = [value.clone().requires_grad_() for value in SUMS[kind]]
    alpha_x, alpha_y = call(kind, "deflection", x, y, values)
    assert all(grad.isfinite().all() for grad in torch.autograd.grad((alpha_x + alpha_y).sum(), (x, y, *values)))
