"""What a moved redshift holds and what follows it, with astropy's distances as the oracle."""

import numpy as np
import pytest
import torch
from astropy.cosmology import FlatLambdaCDM

from lenslab.images.realise import realise
from lenslab.physics import cosmology
from lenslab.redshift import at_redshifts
from lenslab.scene import Clump, Scene, Sersic
from lenslab.scenes import Scenes, flatten

ASTROPY = FlatLambdaCDM(H0=70, Om0=0.3)
SCENE = Scene().set({"z_lens": 0.5, "z_source": 1.0, "lens.theta_E": 0.8, "source.magnitude": 22.0,
                     "source.clumps": (Sersic(magnitude=24, center_x=0.1, center_y=-0.05, R_sersic=0.05),),
                     "lens_light": (Sersic(magnitude=18, R_sersic=0.7),), "substructure.clumps": (Clump(),)})


def test_theta_E_follows_the_distances_at_fixed_sigma_v():
    moved = at_redshifts(SCENE, 0.5, 3.0)
    ratio = {z: (ASTROPY.angular_diameter_distance(0.5, z) / ASTROPY.angular_diameter_distance(z)).value
             for z in (1.0, 3.0)}
    assert moved.lens.theta_E / SCENE.lens.theta_E == pytest.approx(ratio[3.0] / ratio[1.0], rel=1e-9)
    sigma_v = [cosmology.sigma_v_of_theta_E(s.lens.theta_E, cosmology.distances(s.z_lens, s.z_source, 70, 0.3))
               for s in (SCENE, moved)]
    assert sigma_v[0] == pytest.approx(sigma_v[1], rel=1e-13)


def test_the_source_keeps_its_kpc_and_its_absolute_magnitude():
    moved = at_redshifts(SCENE, 0.7, 3.0)
    shrink = (ASTROPY.angular_diameter_distance(1.0) / ASTROPY.angular_diameter_distance(3.0)).value
    fainter = (ASTROPY.distmod(3.0) - ASTROPY.distmod(1.0)).value
    for name in ("R_sersic", "picture_width"):
        assert getattr(moved.source, name) == pytest.approx(getattr(SCENE.source, name) * shrink, rel=1e-9)
    clump, before = moved.source.clumps[0], SCENE.source.clumps[0]
    assert (clump.R_sersic, clump.center_x, clump.center_y) == pytest.approx(
        (before.R_sersic * shrink, before.center_x * shrink, before.center_y * shrink), rel=1e-9)
    assert moved.source.magnitude - 22.0 == pytest.approx(fainter, abs=1e-9)
    assert clump.magnitude - 24.0 == pytest.approx(fainter, abs=1e-9)
    light = moved.lens_light[0]
    assert light.magnitude - 18 == pytest.approx((ASTROPY.distmod(0.7) - ASTROPY.distmod(0.5)).value, abs=1e-9)
    assert light.R_sersic / 0.7 == pytest.approx(
        (ASTROPY.angular_diameter_distance(0.5) / ASTROPY.angular_diameter_distance(0.7)).value, rel=1e-9)
    assert (moved.source.center_x, moved.lens.center_x) == (SCENE.source.center_x, SCENE.lens.center_x)


@pytest.mark.parametrize("kind", ["none", "cdm", "wdm", "fdm", "vortex", "deeplense_cdm"])
def test_there_and_back_is_the_same_scene(kind):
    scene = SCENE.set({"substructure.kind": kind})
    back = at_redshifts(at_redshifts(scene, 0.3, 2.5), 0.5, 1.0)
    assert flatten(back, 1) == pytest.approx(flatten(scene, 1), rel=1e-12, nan_ok=True)


def test_subhalos_keep_their_solar_masses_and_places():
    """At fixed z_lens nothing about a subhalo changes but how much it bends, which goes as 1/Sigma_cr."""
    scene = SCENE.set({"substructure.kind": "cdm", "substructure.log10_m_resolved": 8.0, "camera.num_pix": 128})
    moved = at_redshifts(scene, 0.5, 2.0)
    before, after = (realise(Scenes.of([s], dtype=torch.float64)).halos for s in (scene, moved))
    assert before.mass.shape == after.mass.shape and before.number[0] > 20
    for name in ("mass", "x", "y", "Rs", "r_trunc"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-9)
    sigma = [cosmology.sigma_crit_kpc(cosmology.distances(0.5, z, 70.0, 0.3)) for z in (1.0, 2.0)]
    np.testing.assert_allclose(after.alpha_Rs / before.alpha_Rs, sigma[0] / sigma[1], rtol=1e-9)


def test_a_vortex_keeps_its_solar_mass():
    scene = SCENE.set({"substructure.kind": "vortex", "substructure.clumps": ()})
    moved = at_redshifts(scene, 0.5, 2.0)
    mass = [s.substructure.f_vortex * cosmology.mass_inside_theta_E(
        s.lens.theta_E, cosmology.distances(s.z_lens, s.z_source, 70.0, 0.3)) for s in (scene, moved)]
    assert mass[0] == pytest.approx(mass[1], rel=1e-12)


def test_a_source_before_the_lens_is_refused():
    with pytest.raises(ValueError, match="not beyond the lens"):
        at_redshifts(SCENE, 1.0, 0.8)
