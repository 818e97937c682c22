import json

import numpy as np
import pytest
import torch
from astropy import units as u
from astropy.constants import G, M_sun, c
from astropy.cosmology import FlatLambdaCDM
from lenstronomy.Cosmo.lens_cosmo import LensCosmo

from lenslab.physics import substructure
from lenslab.population import CHUNK, POPULATIONS, SPLITS, find
from lenslab.population.record import bell, fixed, log_uniform, uniform, whole
from lenslab.scene import MAX_CLUMPS

COSMO = FlatLambdaCDM(H0=70, Om0=0.3)
GALAXIES = ("hst", "hst-light", "euclid", "euclid-light")


def columns(drawn, path):
    """One column of all items, NaN where a group has none."""
    out = np.full(len(drawn.labels), np.nan)
    for rows, scenes in drawn.groups:
        if path in scenes.values:
            out[rows] = scenes[path].numpy()
    return out


@pytest.mark.parametrize("law, cdf", [
    (uniform(-2, 3), lambda x: (x + 2) / 5),
    (log_uniform(0.5, 5), lambda x: np.log10(x / 0.5)),
    (fixed(2.0), None),
    (whole(1, 5), None),
    (bell(2.0, 0.15), None),
])
def test_laws_have_the_distribution_they_name(law, cdf):
    x = law.at((np.arange(100000) + 0.5) / 100000)
    low, high = law.limits
    assert x.min() >= low and x.max() <= high
    if cdf:
        assert np.allclose(np.quantile(cdf(x), [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=1e-4)
    if law.kind == "whole":
        assert np.array_equal(np.bincount(x.astype(int)), [0] + [20000] * 5)
    if law.kind == "bell":  # a normal cut at 2.5 sigma has 0.9546 of its deviation (its variance, in closed form)
        phi, mass = np.exp(-2.5**2 / 2) / np.sqrt(2 * np.pi), 0.9875806693484477
        assert np.isclose(x.std(), 0.15 * np.sqrt(1 - 2 * 2.5 * phi / mass), rtol=1e-3)


@pytest.mark.parametrize("text, said", [
    ("hsst", "choose from hst, hst-light"),
    ("hst:colour=off", "its switches are slope, multipoles"),
    ("deeplense-1:doubled=off", "noise_twice, wrong_distances"),
    ("seed-64:slope=off", "it has none"),
    ("hst:slope=maybe", "give on or off"),
])
def test_unknown_names_and_switches_are_told_what_there_is(text, said):
    with pytest.raises(ValueError, match=said):
        find(text)


def test_a_name_tells_only_the_switches_that_were_changed():
    assert find("hst:slope=on").name == "hst"
    assert find("deeplense-1:fixed_number=off,noise_twice=off").name == "deeplense-1:noise_twice=off,fixed_number=off"
    every = ",".join(f"{switch}=off" for switch in find("deeplense-2").switches)
    assert find(f"deeplense-2:{every}").definition | {"name": "x"} == find("deeplense-2-mended").definition | {
        "name": "x"}


@pytest.mark.parametrize("name", POPULATIONS)
def test_every_item_is_a_lawful_scene_within_the_declared_laws(name):
    population = find(name)
    drawn = population.draw(3 * CHUNK, seed=5)
    assert json.loads(json.dumps(population.definition)) == population.definition
    assert np.bincount(drawn.labels).tolist() == [3 * CHUNK // len(population.classes)] * len(population.classes)
    for rows, scenes in drawn.groups[::4]:
        scene = scenes.scene(0)  # Scene checks itself
        assert scene.substructure.kind == population.kinds[drawn.labels[rows[0]]]
        assert scene.camera.num_pix == population.camera.num_pix
    for path, law in population.laws.items():
        column = columns(drawn, path)
        if "." in path and not np.isnan(column).all() and path not in ("lens.theta_E", "source.magnitude"):
            low, high = law.limits
            assert column.min() >= low - 1e-12 and column.max() <= high + 1e-12, path
            if low < high:
                assert len(np.unique(column)) == len(column), path
    for label, laws in enumerate(population.dark.get(name, {}) for name in population.classes):
        for path, law in laws.items():
            column = columns(drawn, f"substructure.{path}")[drawn.labels == label]
            assert column.min() >= law.limits[0] and column.max() <= law.limits[1], path


@pytest.mark.parametrize("name, low, high", [("hst", 0.5, 1.8), ("euclid", 0.7, 2.2)])
def test_galaxies_follow_populations_md(name, low, high):
    drawn = find(name).draw(2400, seed=1)
    theta_E, z_lens, z_source = (columns(drawn, path) for path in ("lens.theta_E", "z_lens", "z_source"))
    sigma_v = drawn.truths["sigma_v"]
    assert low <= theta_E.min() < low + 0.1 and high - 0.1 < theta_E.max() <= high
    assert z_lens.min() >= 0.2 and z_lens.max() <= 0.8 and (z_source >= z_lens + 0.3).all() and z_source.max() <= 3
    assert sigma_v.min() >= 160 and sigma_v.max() <= 350
    for i in range(5):  # lenstronomy's c in m/s and its arcsec are rounded to 1e-6
        oracle = LensCosmo(z_lens[i], z_source[i], cosmo=COSMO).sis_sigma_v2theta_E(sigma_v[i])
        assert np.isclose(theta_E[i], oracle, rtol=1e-5)
    offset = np.hypot(columns(drawn, "source.center_x") - columns(drawn, "lens.center_x"),
                      columns(drawn, "source.center_y") - columns(drawn, "lens.center_y")) / theta_E
    assert offset.max() <= 0.4
    assert np.isclose((offset**2).mean(), 0.4**2 / 2, rtol=0.08)  # uniform in a disc: 2400 items give 1.2 %
    kpc = columns(drawn, "source.R_sersic") / COSMO.arcsec_per_kpc_proper(z_source).value
    assert kpc.min() >= 0.5 and kpc.max() <= 5
    shear = np.hypot(columns(drawn, "lens.gamma1"), columns(drawn, "lens.gamma2"))
    assert shear.max() <= 0.1 and np.isclose(shear.mean(), 0.05, atol=0.003)
    gamma = columns(drawn, "lens.gamma")
    assert np.isclose(gamma.mean(), 2, atol=0.015) and np.isclose(gamma.std(), 0.15, atol=0.015)
    clumped = ~np.isnan(columns(drawn, "source.clumps.0.magnitude"))
    assert abs(clumped.mean() - 0.5) < 0.05
    middle = np.hypot(columns(drawn, "substructure.vortex_x") - columns(drawn, "lens.center_x"),
                      columns(drawn, "substructure.vortex_y") - columns(drawn, "lens.center_y"))
    assert (middle <= theta_E + 1e-9).all() and (middle > 0.5 * theta_E).mean() > 0.7


def test_clumps_and_main_component_add_up_to_one_magnitude():
    drawn = find("hst").draw(CHUNK, seed=3)
    total = 10 ** (-0.4 * columns(drawn, "source.magnitude"))
    for k in range(5):
        total += np.nan_to_num(10 ** (-0.4 * columns(drawn, f"source.clumps.{k}.magnitude")))
    assert np.allclose(-2.5 * np.log10(total), 23, atol=1e-9)


def test_slope_and_multipoles_can_be_switched_off():
    drawn = find("hst:slope=off,multipoles=off").draw(CHUNK, seed=1)
    assert all(scenes.sie and not scenes.multipoles for _, scenes in drawn.groups)
    whole_one = find("hst").draw(CHUNK, seed=1)
    for path in ("lens.theta_E", "source.R_sersic", "substructure.f_sub"):
        assert np.array_equal(columns(drawn, path), columns(whole_one, path))


def test_an_item_does_not_depend_on_how_many_are_drawn():
    few, many = find("euclid-light").draw(50, seed=2), find("euclid-light").draw(300, seed=2)
    assert np.array_equal(few.labels, many.labels[:50])
    for path in ("lens.theta_E", "lens_light.0.magnitude", "substructure.f_sub", "source.clumps.3.q"):
        assert np.array_equal(columns(few, path), columns(many, path)[:50], equal_nan=True)


def test_splits_seeds_and_chunks_share_no_number():
    seen = []
    for split in SPLITS:
        for seed in (0, 1):
            drawn = find("hst").draw(2 * CHUNK, seed, split)
            for _rows, scenes in drawn.groups:
                seen.append(np.concatenate([scenes.seeds.ravel().astype(float), scenes["lens.q"].numpy(),
                                            scenes["lens.theta_E"].numpy()]))
    seen = np.concatenate(seen)
    assert len(np.unique(seen)) == len(seen) == 6 * 2 * CHUNK * 4


def test_what_is_asked_of_a_draw_is_checked():
    for wrong in (dict(seed=-1), dict(seed=1.5), dict(seed=1, split="dev")):
        with pytest.raises(ValueError):
            find("hst").draw(3, **wrong)


def simulators_theta_E(mass):
    """Einstein radius as DeepLenseSim computes it: luminosity distances, and D_LS = D_S - D_L."""
    D_l, D_s = COSMO.luminosity_distance(0.5), COSMO.luminosity_distance(1.0)
    return (np.sqrt(4 * G * mass * M_sun / c**2 * (D_s - D_l) / (D_l * D_s)).to_value(u.dimensionless_unscaled)
            * 206265)


def test_deeplense_1_is_the_published_lens():
    drawn = find("deeplense-1").draw(CHUNK, seed=1)
    assert np.allclose(columns(drawn, "lens.theta_E"), simulators_theta_E(1e12), rtol=1e-12)
    assert np.isclose(simulators_theta_E(1e12), 1.281, atol=5e-4)
    scene = drawn.groups[0][1].scene(0)
    e = (1 - scene.lens.q) / (1 + scene.lens.q)
    assert np.isclose(e, 0.1) and scene.lens.phi == 0 and np.isclose(scene.lens.gamma1, 0.05) and scene.lens.gamma2 == 0
    e, phi = (1 - scene.source.q) / (1 + scene.source.q), scene.source.phi
    assert np.allclose([e * np.cos(2 * phi), e * np.sin(2 * phi)], [-0.1, 0.1])
    assert np.abs(columns(drawn, "source.center_x")).max() <= 0.35
    exposure = columns(drawn, "camera.exposure_time")
    assert exposure.min() >= 1000 and exposure.max() <= 10**3.5
    # a point of mass M has theta_E^2 = deflection * M/(pi Sigma_cr) here, and its own rule there
    true = LensCosmo(0.5, 1.0, cosmo=COSMO)
    sigma_cr = (c**2 / (4 * np.pi * G) * true.ds / (true.dd * true.dds) / u.Mpc).to(u.M_sun / u.Mpc**2)
    sigma_cr = sigma_cr.value * (true.dd * np.pi / 180 / 3600) ** 2  # Msun/arcsec^2
    assert np.isclose(np.sqrt(scene.deflection * 3e8 / (np.pi * sigma_cr)), simulators_theta_E(3e8), rtol=1e-9)
    axion = next(scenes for rows, scenes in drawn.groups if drawn.labels[rows[0]] == 2).scene(0)
    assert axion.substructure.n_points == 100 and np.isclose(10**axion.substructure.log10_m_point, 3e8)
    mass = drawn.truths["axion_mass"]
    assert np.array_equal(~np.isnan(mass), drawn.labels == 2)
    assert np.nanmin(mass) >= 1e-24 and np.nanmax(mass) <= 1e-22


def test_each_defect_can_be_mended_alone():
    right = LensCosmo(0.5, 1.0, cosmo=COSMO)
    published = find("deeplense-1").draw(CHUNK, seed=1)
    mended = find("deeplense-1:wrong_distances=off").draw(CHUNK, seed=1)
    # lenstronomy's G Msun is 2.8e-4 above astropy's (CODATA 2022)
    assert np.allclose(columns(mended, "lens.theta_E"), np.sqrt(1e12 / (np.pi * right.sigma_crit_angle)), rtol=3e-4)
    assert np.allclose(columns(mended, "lens.theta_E"), 1.665, atol=1e-3)
    assert (columns(mended, "deflection") == 1).all()
    assert np.array_equal(columns(mended, "source.center_x"), columns(published, "source.center_x"))
    assert not find("deeplense-1:noise_twice=off").camera.noise_twice
    assert not find("deeplense-2:doubled=off").camera.doubled
    assert find("deeplense-1:mass_not_conserved=off").conserve_mass
    cdm = published.labels == 1
    slope = columns(find("deeplense-1:flat_mass_function=off").draw(CHUNK, 1), "substructure.slope")
    assert (slope[cdm] == -1.9).all() and (columns(published, "substructure.slope")[cdm] == -0.9).all()
    number = columns(find("deeplense-1:fixed_number=off").draw(20 * CHUNK, 1), "substructure.n_points")
    assert abs(number.mean() - 25) < 0.4 and abs(number.std() - 5) < 0.3
    varied = find("deeplense-1:fixed_macro=off")
    assert varied.symmetry == "D4" and find("deeplense-1").symmetry == "C2"
    assert columns(varied.draw(CHUNK, 1), "lens.q").std() > 0.1


def test_deeplense_2_shrinks_every_deflection_as_lenstronomy_does():
    published = find("deeplense-2").draw(CHUNK, seed=1)
    right = find("deeplense-2:z_source_convention=off").draw(CHUNK, seed=1)
    factor = (COSMO.angular_diameter_distance(0.5, 1.0) / COSMO.angular_diameter_distance(1.0)
              / (COSMO.angular_diameter_distance(0.5, 2.5) / COSMO.angular_diameter_distance(2.5))).value
    assert np.isclose(factor, 0.634, atol=5e-4)
    for path in ("lens.theta_E", "lens.gamma1", "deflection"):
        assert np.allclose(columns(published, path), factor * columns(right, path), rtol=1e-9), path
    assert np.allclose(columns(published, "lens.theta_E"), 0.812, atol=1e-3)
    assert np.allclose(columns(published, "source.magnitude"), 20)


def test_mended_points_hold_the_share_of_mass_that_was_drawn():
    drawn = find("deeplense-1-mended").draw(CHUNK, seed=1)
    cdm = drawn.labels == 1
    share = columns(drawn, "substructure.f_sub")[cdm]
    assert share.min() >= 0.003 and share.max() <= 0.05
    assert (columns(drawn, "substructure.n_points")[cdm] == 0).all()  # drawn from the share, by a Poisson law
    assert (columns(drawn, "substructure.log10_m_min")[cdm] == 7).all()


@pytest.mark.parametrize("name", ["hst", "euclid"])
def test_no_draw_has_more_halos_than_a_scene_may(name):
    """Expected number at the largest f_sub, as lenslab.physics.substructure counts it; a refusal would end a set."""
    population, most = find(name), 0.0
    for index in range(12):
        for _, scenes in population.chunk(index, 1).groups:
            if scenes.template.substructure.kind == "cdm":
                host = (scenes[path].numpy() for path in ("lens.theta_E", "lens.q", "lens.gamma", "z_lens", "z_source",
                                                          "H0", "Om0"))
                at, f_sub = substructure.host(*host), np.full(len(scenes), 0.1)
                slope, low, high, drawn = (scenes[f"substructure.{path}"].numpy() for path in (
                    "slope", "log10_m_min", "log10_m_max", "log10_m_resolved"))
                law = substructure.mass_law(f_sub, slope, low, high, drawn, None)
                radius = substructure.disc_radius(at.theta_E, 0.05, 0.05, 64 * population.camera.pixel_scale / 2**0.5)
                number = substructure.drawn_number(law, at, substructure.density(law, at), radius)
                most = max(most, number.max())
    assert 500 < most < 0.75 * MAX_CLUMPS


def test_lenses_with_many_vortex_lines_are_the_same_lenses_otherwise():
    """The switch changes one class alone, and its density is log-uniform within its limits."""
    plain, strings = (find(name).draw(3 * CHUNK, seed=4) for name in ("hst", "hst:strings=on"))
    population, densities = find("hst"), []
    for (rows, a), (same, b) in zip(plain.groups, strings.groups, strict=True):
        assert np.array_equal(rows, same)
        if population.classes[int(plain.labels[rows[0]])] == "vortex":
            densities.append(b["substructure.string_density"].numpy())
            assert not a["substructure.string_density"].any()
            assert torch.equal(a["substructure.f_vortex"], b["substructure.f_vortex"])
        else:
            assert all(np.array_equal(a[path], b[path], equal_nan=True) for path in a.values)
    densities = np.log10(np.concatenate(densities))
    assert densities.min() > -2.53 and densities.max() < -0.99 and abs(densities.mean() + 1.76) < 0.25
