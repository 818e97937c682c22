"""Rays of a smooth lens, read off a circle: they meet the source where lenstronomy's do, and change as its do."""

import numpy as np
import pytest
import torch
from lenstronomy.LensModel.lens_model import LensModel

from lenslab.fit import smooth_lens
from lenslab.fit.rays import Rays, deflection, grid, scenes_at

MODELS = ["EPL", "MULTIPOLE", "MULTIPOLE", "SHEAR"]
ROWS = 3


def places(lens):
    return lens.plain(torch.randn(ROWS, len(lens.names), generator=torch.Generator().manual_seed(3)).double())


def alpha_of_lenstronomy(lens, place):
    """alpha (2, B, N ss, N ss) of the rays at places (B, P)."""
    scenes = scenes_at(lens, place)
    x, y = (axis.numpy()[0] for axis in torch.broadcast_tensors(*grid(scenes)))
    found = []
    for row in range(len(place)):
        value = {path.removeprefix("lens."): float(value[row]) for path, value in scenes.values.items()
                 if path.startswith("lens.")}
        center = dict(center_x=value["center_x"], center_y=value["center_y"])
        scale = value["theta_E"] / np.sqrt(value["q"])
        kwargs = [dict(theta_E=value["theta_E"], gamma=value["gamma"], e1=value["e1"], e2=value["e2"], **center)]
        kwargs += [dict(m=m, a_m=value[f"a{m}_a"] * scale, phi_m=value["phi"] + value[f"delta_phi_m{m}"], **center)
                   for m in (3, 4)]
        kwargs.append(dict(gamma1=value["gamma1"], gamma2=value["gamma2"]))
        found.append(np.stack(LensModel(MODELS).alpha(x, y, kwargs)))
    return np.stack(found, 1)


@pytest.mark.parametrize("name", ["hst", "deeplense-1", "deeplense-2-mended"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rays_are_bent_as_lenstronomys(name, dtype):
    """Exactly where all lenses are the same; else between nodes of the circle, a ten-thousandth of a pixel off."""
    lens = smooth_lens(name)
    place = places(lens)
    ours = np.stack(deflection(lens, scenes_at(lens, place.to(dtype))))
    theirs = alpha_of_lenstronomy(lens, place)
    assert np.abs(ours - theirs).max() < 5e-6


def test_rays_change_with_the_mass_as_lenstronomys_do():
    """For a unit of each coordinate, where light rises along x alone, and along y alone. Rays within 0.1" of the
    centre are left out, where lenstronomy's own differences are not straight."""
    lens = smooth_lens("hst")
    place = places(lens)
    scenes = scenes_at(lens, place)
    rays = Rays(scenes)
    outside = (rays.square > 0.01).numpy()
    ones, none = torch.ones_like(rays.square), torch.zeros_like(rays.square)
    along_x, along_y = (rays.pushed(lens, torch.stack(push)) for push in ((ones, none), (none, ones)))
    assert list(along_x) == list(lens.mass_names)
    for name in lens.mass_names:
        k = lens.names.index(name)
        step = torch.zeros_like(place)
        step[:, k] = 0.01 * float(lens.std[k])
        wanted = alpha_of_lenstronomy(lens, place + step) - alpha_of_lenstronomy(lens, place - step)
        wanted = (wanted / (0.02 * float(lens.std[k])))[:, outside]
        found = torch.stack([along_x[name], along_y[name]]).numpy()[:, outside]
        assert np.linalg.norm(found - wanted) < 2e-3 * np.linalg.norm(wanted), name


def test_a_ray_through_the_very_centre_rules_nothing():
    """At the centre of a lens steeper than isothermal the deflection has no direction and no end."""
    lens = smooth_lens("hst")
    place = lens.mean.clone()[None]
    place[:, lens.names.index("gamma")] = 2.3
    axis = grid(scenes_at(lens, place))[0].flatten()
    for name in ("center_x", "center_y"):
        place[:, lens.names.index(name)] = axis[len(axis) // 2]
    rays = Rays(scenes_at(lens, place))
    assert float(rays.square.min()) == 0
    push = torch.ones(2, *rays.square.shape, dtype=place.dtype)
    assert all(part.isfinite().all() for part in (*rays.alpha(), *rays.pushed(lens, push).values()))
    assert max(float(part.abs().max()) for part in rays.alpha()) < 10
