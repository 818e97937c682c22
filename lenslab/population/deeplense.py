"""DeepLenseSim's Models I and II (Alexander et al. 2020, 1909.07346; github.com/mwt5345/DeepLenseSim), as published
and mended.

Each defect of that simulator is a switch: on, it is as published; off, it is mended and all else stays.
"""

from dataclasses import replace

import numpy as np
import torch

from lenslab.instruments import INSTRUMENTS
from lenslab.physics import cosmology, light
from lenslab.population.record import CHUNK, Population, Sample, Streams, dark_columns, fixed, log_uniform, uniform

H0, OM0, Z_LENS, Z_SOURCE = 70.0, 0.3, 0.5, 1.0
MASS = 1e12                # Msun inside the Einstein radius
ARCSEC = 206265            # in a radian, as rounded there
Z_CONVENTION = 2.5         # Model II calls the deflections those of a source at 2.5, and lenstronomy rescales them
AMP, R_SERSIC, N_SERSIC = 20.0, 0.25, 1.0
N_POINTS = 25              # drawn from a Poisson law and the draw then ignored
F_SUB = log_uniform(0.003, 0.05)  # of the mended ones: share of the mass within 2 arcsec

DEFECTS = {  # what each switch does while it is on
    "noise_twice": "noise is added twice, and brightness comes in whole counts, none below 0",
    "doubled": "the image is added to itself where its noise belongs",
    "wrong_distances": "rings have a wrong size, since distances of the wrong kind are subtracted",
    "flat_mass_function": "heavy clumps are far too common (slope -0.9 of the mass function, not -1.9)",
    "fixed_number": "every lens has just 25 clumps",
    "mass_not_conserved": "clumps come on top of the mass of the smooth lens",
    "z_source_convention": "light is bent as for a source at redshift 2.5, then rescaled to the one at 1.0",
    "fixed_macro": "all lenses have one mass, shape and shear, all sources one shape and brightness",
}
SWITCHES = {
    "deeplense-1": tuple(name for name in DEFECTS if name not in ("doubled", "z_source_convention")),
    "deeplense-2": tuple(name for name in DEFECTS if name != "noise_twice"),
}
VARIED = {  # fixed_macro=off
    "log10_mass": uniform(11.6, 12.1), "lens.q": uniform(0.5, 1), "lens.phi": uniform(-np.pi / 2, np.pi / 2),
    "shear": uniform(0, 0.1), "shear_phi": uniform(-np.pi / 2, np.pi / 2), "source.R_sersic": log_uniform(0.15, 0.4),
    "source.n_sersic": uniform(0.5, 4), "source.q": uniform(0.4, 1), "source.phi": uniform(-np.pi / 2, np.pi / 2),
}


def axis_ratio(e1: float, e2: float) -> tuple[float, float]:
    """q and phi of lenstronomy's ellipticity."""
    c = np.hypot(e1, e2)
    return float((1 - c) / (1 + c)), float(np.arctan2(e2, e1) / 2)


def fixed_laws() -> dict:
    """The macro model of every published image."""
    lens_q, lens_phi = axis_ratio(0.1, 0.0)
    source_q, source_phi = axis_ratio(-0.1, 0.1)
    return {"log10_mass": fixed(np.log10(MASS)), "lens.q": fixed(lens_q), "lens.phi": fixed(lens_phi),
            "shear": fixed(0.05), "shear_phi": fixed(0.0), "source.R_sersic": fixed(R_SERSIC),
            "source.n_sersic": fixed(N_SERSIC), "source.q": fixed(source_q), "source.phi": fixed(source_phi)}


def distance_error() -> float:
    """What the wrong distances do to theta_E^2 of any mass: 1.281" comes out in the place of 1.665"."""
    d = cosmology.distances(Z_LENS, Z_SOURCE, H0, OM0)
    L_l, L_s = cosmology.luminosity_distance(Z_LENS, H0, OM0), cosmology.luminosity_distance(Z_SOURCE, H0, OM0)
    rounding = (ARCSEC * np.pi / 180 / 3600) ** 2
    return float((L_s - L_l) / (L_l * L_s) / (d.D_ls / (d.D_l * d.D_s)) * rounding)


def convention_factor() -> float:
    """D_ls/D_s of the source over that at Z_CONVENTION: 0.634, by which lenstronomy shrinks every deflection.

    Model II took the distances of pyHalo's cosmology of its day; with (70, 0.3) the factor differs by less than 0.1 %.
    """
    true, said = (cosmology.distances(Z_LENS, z, H0, OM0) for z in (Z_SOURCE, Z_CONVENTION))
    return float(true.D_ls / true.D_s / (said.D_ls / said.D_s))


def sample(population: Population, labels: np.ndarray, streams: Streams) -> Sample:
    """Columns of one chunk, the simulator's errors in theta_E, shear and `deflection`."""
    laws, on = population.laws, population.switches
    error = distance_error() if on["wrong_distances"] else 1.0
    factor = convention_factor() if on.get("z_source_convention") else 1.0
    columns = {path: law.at(streams.uniform(path)) for path, law in laws.items() if "." in path}
    mass = 10 ** laws["log10_mass"].at(streams.uniform("log10_mass"))
    true_theta_E = cosmology.theta_E_of_mass(mass, cosmology.distances(Z_LENS, Z_SOURCE, H0, OM0))
    shear = factor * laws["shear"].at(streams.uniform("shear"))
    phi = laws["shear_phi"].at(streams.uniform("shear_phi"))
    every = np.ones(CHUNK)
    columns |= {"z_lens": Z_LENS * every, "z_source": Z_SOURCE * every, "deflection": error * factor * every,
                "lens.theta_E": factor * np.sqrt(error) * true_theta_E, "lens.gamma": 2 * every,
                "lens.gamma1": shear * np.cos(2 * phi), "lens.gamma2": shear * np.sin(2 * phi)}
    columns |= dark_columns(population, labels, streams)
    if not on["fixed_number"] and on["flat_mass_function"]:
        number = streams.rng("n_points").poisson(N_POINTS, CHUNK)
        columns["substructure.n_points"] = np.maximum(number, 1).astype(float)  # 0 would ask for f_sub
    return Sample(columns, {"axion_mass": axion_masses(population, labels, columns)})


def axion_masses(population: Population, labels: np.ndarray, columns: dict) -> np.ndarray:
    """eV, as the published files carry it; NaN for the other classes."""
    return np.where(labels == population.classes.index("axion"), 10 ** columns["substructure.log10_m_axion"], np.nan)


def cameras(family: str, switches: dict[str, bool]):
    """The camera of a model, and the magnitude of its source."""
    if family == "deeplense-1":
        camera = replace(INSTRUMENTS["DeepLense I"], noise_twice=switches["noise_twice"])
        flux = light.sersic_total_flux(*(torch.tensor(value, dtype=torch.float64)
                                         for value in (AMP, R_SERSIC, N_SERSIC)))
        return camera, camera.zero_point - 2.5 * np.log10(float(flux))
    return replace(INSTRUMENTS["DeepLense II"], doubled=switches["doubled"]), 20.0


def deeplense_population(name: str, switches: dict[str, bool]) -> Population:
    """deeplense-1 or deeplense-2, by its switches; all of them off is the `-mended` twin."""
    family = name.split(":")[0].removesuffix("-mended")
    camera, magnitude = cameras(family, switches)
    laws = fixed_laws() if switches["fixed_macro"] else VARIED
    laws = laws | {"source.center_x": uniform(-0.35, 0.35), "source.center_y": uniform(-0.35, 0.35),
                   "source.magnitude": fixed(magnitude)}
    if not switches["fixed_macro"]:  # or the total flux would tell the magnification, and that the class
        laws |= {"source.magnitude": uniform(magnitude - 0.75, magnitude + 0.75)}
    if family == "deeplense-1":
        laws |= {"camera.exposure_time": log_uniform(10**3, 10**3.5)}
    flat, always = switches["flat_mass_function"], switches["fixed_number"]
    cdm = {"slope": fixed(-0.9 if flat else -1.9), "log10_m_min": fixed(6), "log10_m_max": fixed(10),
           "n_points": fixed(N_POINTS)}
    if not flat and not always:  # 25 masses of the true slope would be invisible
        cdm |= {"n_points": fixed(0), "f_sub": F_SUB, "log10_m_min": fixed(7)}
    axion = {"log10_m_axion": uniform(-24, -22), "log10_m_point": fixed(np.log10(3e8)), "n_points": fixed(100),
             "vortex_phi": uniform(-np.pi, np.pi)}
    on = [text for switch, text in DEFECTS.items() if switches.get(switch)]
    return Population(
        name=name, family=family, classes=("no_sub", "cdm", "axion"),
        kinds=("none", "deeplense_cdm", "deeplense_axion"), symmetry="C2" if switches["fixed_macro"] else "D4",
        camera=camera, laws=laws, dark={"cdm": cdm, "axion": axion}, sample=sample, switches=switches,
        conserve_mass=not switches["mass_not_conserved"],
        about=f"Lenses as the simulator of DeepLense draws them (Model {'I' * int(family[-1])}), "
              + (f"with its habits: {'; '.join(on)}." if on else "with all its errors mended."),
        notes={"H0": H0, "Om0": OM0, "z_lens": Z_LENS, "z_source": Z_SOURCE})
