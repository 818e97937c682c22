"""The faithful DeepLense images against lenstronomy, called as DeepLenseSim's deeplense/lens.py calls it."""

import numpy as np
import pytest
import torch
from astropy import units as u
from astropy.constants import G, M_sun, c
from astropy.cosmology import FlatLambdaCDM

from lenslab.images.realise import realise
from lenslab.images.simulate import noise_free, observe
from lenslab.population import find

COSMO = FlatLambdaCDM(H0=70, Om0=0.3, Ob0=0.05)


def mass_to_radius(mass):
    """DeepLens.mass_to_radius: luminosity distances, their difference for D_LS, and a rounded radian."""
    D_l, D_s = COSMO.luminosity_distance(0.5).to(u.m), COSMO.luminosity_distance(1.0).to(u.m)
    theta = np.sqrt(4 * G * mass * M_sun / c**2 * (D_s - D_l) / (D_l * D_s))
    return (theta * 206265).value


def lens_of(scenes, realisation, row, axion_mass):
    """lens_model_list and kwargs of make_single_halo, and of make_vortex or make_old_cdm with the masses drawn here."""
    names = ["SIE", "SHEAR"]
    kwargs = [{"theta_E": mass_to_radius(1e12), "e1": 0.1, "e2": 0, "center_x": 0, "center_y": 0.0},
              {"gamma1": 0.05, "gamma2": 0}]
    kind = scenes.template.substructure.kind
    if kind == "deeplense_axion":
        length = 0.06 / 2 / axion_mass * 1e-22
        angle = float(scenes["substructure.vortex_phi"][row])
        for along in np.linspace(-length, length, 100):
            kwargs.append({"theta_E": mass_to_radius(3e10 / 100), "center_x": along * np.cos(angle),
                           "center_y": along * np.sin(angle)})
    elif kind == "deeplense_cdm":
        points = realisation.points
        assert points.number[row] == 25
        for k in range(25):
            x, y, mass = (float(values[row, k]) for values in (points.x, points.y, points.mass))
            assert 0.25 <= np.hypot(x, y) <= 2 and 1e6 <= mass <= 1e10
            kwargs.append({"theta_E": mass_to_radius(mass), "center_x": x, "center_y": y})
    return names + ["POINT_MASS"] * (len(kwargs) - 2), kwargs


def model_1(names, kwargs, x, y):
    """simple_sim, up to its noise."""
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel
    from lenstronomy.Util import util

    _, _, ra, dec, _, _, matrix, _ = util.make_grid_with_coordtransform(
        numPix=150, deltapix=0.05, center_ra=0, center_dec=0, subgrid_res=1, inverse=False)
    data = ImageData(background_rms=1e-2, exposure_time=1000.0, ra_at_xy_0=ra, dec_at_xy_0=dec,
                     transform_pix2angle=matrix, image_data=np.zeros((150, 150)))
    psf = PSF(psf_type="GAUSSIAN", fwhm=0.087, pixel_size=0.05, truncation=3)
    image = ImageModel(data, psf, lens_model_class=LensModel(names), source_model_class=LightModel(["SERSIC_ELLIPSE"]),
                       kwargs_numerics={"supersampling_factor": 1, "supersampling_convolution": False})
    source = {"amp": 20, "R_sersic": 0.25, "n_sersic": 1, "e1": -0.1, "e2": 0.1, "center_x": x, "center_y": y}
    return image.image(kwargs, [source], kwargs_lens_light=None, kwargs_ps=None)


def model_2(names, kwargs, x, y):
    """simple_sim_2, up to the doubling; its cosmology is that of Model I here, pyHalo's there."""
    from lenstronomy.SimulationAPI.ObservationConfig.Euclid import Euclid
    from lenstronomy.SimulationAPI.sim_api import SimAPI

    sim = SimAPI(numpix=64, kwargs_single_band=Euclid("VIS", "GAUSSIAN", coadd_years=6).kwargs_single_band(),
                 kwargs_model={"lens_model_list": names, "lens_redshift_list": [0.5] * len(names),
                               "source_light_model_list": ["SERSIC_ELLIPSE"], "source_redshift_list": [1.0],
                               "cosmo": COSMO, "z_source_convention": 2.5, "z_source": 1.0})
    source = {"magnitude": 20, "R_sersic": 0.25, "n_sersic": 1, "e1": -0.1, "e2": 0.1, "center_x": x, "center_y": y}
    _, amplitudes, _ = sim.magnitude2amplitude(None, [source])
    return sim.image_model_class({"point_source_supersampling_factor": 1}).image(kwargs, amplitudes, None)


@pytest.mark.parametrize("name, simulator", [("deeplense-1", model_1), ("deeplense-2", model_2)])
def test_faithful_images_are_those_of_the_published_calls(name, simulator):
    drawn = find(name).chunk(0, 11)
    for rows, scenes in drawn.groups:
        few = scenes.take(np.arange(2))
        realisation = realise(few)
        ours = noise_free(few, realisation)
        for row in range(2):
            names, kwargs = lens_of(few, realisation, row, drawn.truths["axion_mass"][rows[row]])
            theirs = simulator(names, kwargs, float(few["source.center_x"][row]), float(few["source.center_y"][row]))
            assert np.abs(ours[row, 0].numpy() - theirs).max() < 1e-9 * theirs.max()


def test_model_2_is_doubled_and_free_of_noise():
    _, scenes = find("deeplense-2").chunk(0, 11).groups[1]
    few = scenes.take(np.arange(3))
    assert torch.equal(observe(few).image, 2 * noise_free(few))


def test_model_1_is_integer_counts_with_the_noise_of_two_draws():
    """simple_sim: Gaussian with photons and background, counts, negatives to 0, and Poisson once more."""
    _, scenes = find("deeplense-1").chunk(0, 11).groups[0]
    few = scenes.take(np.arange(6))
    observation, model = observe(few), noise_free(few)
    image = observation.image
    assert (image >= 0).all() and torch.equal(image, image.round())
    counts = few["camera.exposure_time"][:, None, None, None]
    bright = model > 0.05  # so that no count is near 0: E n = t m, var n = t^2 rms^2 + 2 t m
    pull = (image - counts * model) / (counts**2 * 1e-4 + 2 * counts * model).sqrt()
    n = int(bright.sum())
    assert n > 3000
    assert abs(float(pull[bright].mean())) < 4 / n**0.5 and abs(float(pull[bright].std()) - 1) < 4 / (2 * n) ** 0.5

