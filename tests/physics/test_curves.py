"""Critical curves where det A vanishes in closed form; lenstronomy's curves; and no curve where there is none."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LensModel.lens_model_extensions import LensModelExtensions

from lenslab.physics import deflectors, raytrace
from lenslab.physics.curves import critical_curves
from tests.physics.lenses import point_mass, shear, sis, soft_ellipse, soft_sphere, together


def det(deflection, theta):
    return raytrace.determinant(deflection, *torch.from_numpy(theta.T.copy())[:, None, None]).reshape(-1).numpy()


@pytest.mark.parametrize("center", [(0.0, 0.0), (0.013, -0.021)])
def test_a_point_mass_has_its_ring_and_a_caustic_point(center):
    # at the centre of the frame a grid point lies on the mass itself
    curves = critical_curves(lambda x, y: tuple(torch.nan_to_num(each) for each in point_mass(1.3, *center)[0](x, y)),
                             2.0)
    assert len(curves) == 1 and curves[0].closed
    np.testing.assert_allclose(np.hypot(*(curves[0].theta - center).T), 1.3, rtol=1e-9)
    np.testing.assert_allclose(curves[0].beta, np.broadcast_to(center, curves[0].beta.shape), atol=1e-8)


def test_a_singular_centre_feigns_no_curve():
    curves = critical_curves(lambda x, y: tuple(torch.nan_to_num(each) for each in sis(1.1)[0](x, y)), 2.0)
    assert len(curves) == 1
    np.testing.assert_allclose(np.hypot(*curves[0].theta.T), 1.1, rtol=1e-9)


def test_a_soft_sphere_has_a_tangential_and_a_radial_curve():
    # tangential: s = theta_E; radial: s^3 = theta_E core^2, with s^2 = r^2 + core^2
    theta_E, core = 1.2, 0.3
    outer, inner = critical_curves(soft_sphere(theta_E, core)[0], 2.0)
    np.testing.assert_allclose(np.hypot(*outer.theta.T), np.sqrt(theta_E**2 - core**2), rtol=1e-9)
    np.testing.assert_allclose(np.hypot(*inner.theta.T), np.sqrt((theta_E * core**2) ** (2 / 3) - core**2), rtol=1e-9)


def test_det_vanishes_on_every_vertex_and_the_caustic_has_four_sharp_cusps():
    lens = together(soft_ellipse(1.3, 0.8, 0.02), shear(0.04, 0.03))
    curves = critical_curves(lens[0], 2.0, focus=np.array([[0, 0, 0.1]]))
    assert len(curves) == 2 and all(curve.closed for curve in curves)
    for curve in curves:
        assert np.abs(det(lens[0], curve.theta)).max() < 1e-8
        assert (curve.theta[0] == curve.theta[-1]).all()
        steps = np.hypot(*np.diff(curve.theta, axis=0).T)
        assert steps.max() < 0.05
    turns = np.diff(curves[0].beta, axis=0)
    backwards = (turns * np.roll(turns, 1, 0)).sum(1) < 0  # at a cusp the caustic turns back
    assert backwards.sum() == 4


def test_a_curve_that_leaves_the_frame_is_open():
    assert not critical_curves(soft_sphere(1.2, 0.01)[0], 1.1)[0].closed


def test_a_frame_without_critical_points_has_no_curve():
    assert critical_curves(shear(0.1, 0.0)[0], 1.0) == []


def test_a_sheet_with_an_edge_cuts_the_curve_where_it_jumps():
    def deflection(x, y):  # sphere of uniform surface density 1.5 and radius 1, a point outside
        r2 = x**2 + y**2
        scale = torch.where(r2 < 1, 1.5 + 0 * r2, 1.5 / r2)
        return scale * x, scale * y
    curves = critical_curves(deflection, 2.0)
    # det A: 1/4 inside, -5/4 beyond the edge, 0 at r^2 = 1.5
    assert len(curves) == 2
    np.testing.assert_allclose(np.hypot(*curves[0].theta.T), np.sqrt(1.5), rtol=1e-9)
    np.testing.assert_allclose(np.hypot(*curves[1].theta.T), 1.0, atol=2e-5)


def test_a_clump_smaller_than_the_grid_is_found_where_one_looks():
    clump = (1.7, 0.4, 0.012)
    lens = together(sis(1.0), point_mass(clump[2], *clump[:2]))
    assert len(critical_curves(lens[0], 2.5)) == 1
    curves = critical_curves(lens[0], 2.5, focus=np.array([[clump[0], clump[1], 0.05]]))
    assert len(curves) >= 2
    small = curves[1].theta - clump[:2]
    assert np.hypot(*small.T).max() < 0.03 and np.abs(det(lens[0], curves[1].theta)).max() < 1e-7


def test_lenstronomys_curves_of_an_ellipsoid():
    column = dict(theta_E=1.2, e1=0.1, e2=0.05, center_x=0.03, center_y=-0.02)
    kwargs = [dict(column, gamma=1.9), dict(gamma1=0.03, gamma2=-0.02)]
    model = LensModel(["EPL", "SHEAR"])
    theirs_x, theirs_y, *_ = LensModelExtensions(model).critical_curve_caustics(kwargs, compute_window=4,
                                                                                grid_scale=0.02)
    values = {name: torch.tensor(value, dtype=torch.float64) for name, value in kwargs[0].items()}

    def deflection(x, y):
        a, b = deflectors.epl_deflection(x, y, **values), shear(0.03, -0.02)[0](x, y)
        return a[0] + b[0], a[1] + b[1]
    ours = critical_curves(deflection, 2.0)[0]
    assert np.abs(1 / model.magnification(*ours.theta.T, kwargs)).max() < 1e-8
    longest = max(range(len(theirs_x)), key=lambda k: len(theirs_x[k]))
    theirs = np.stack([theirs_x[longest], theirs_y[longest]], 1)
    apart = np.linalg.norm(theirs[:, None] - ours.theta[None], axis=-1).min(1)
    assert apart.max() < 0.015  # half the distance of our vertices, and lenstronomy's linear interpolation
    np.testing.assert_allclose(np.stack(model.ray_shooting(*ours.theta.T, kwargs), 1), ours.beta, atol=1e-9)
