"""Galaxies as lenses, as `hst` and `euclid` would see them, and `seed-64`, the simplest set of the three classes.

The laws are those of a survey no one has flown: wide enough that a network must measure rather than remember. Nothing
but the substructure depends on the class, and the ring holds the same mass for every class.
"""

from dataclasses import replace

import numpy as np

from lenslab.instruments import INSTRUMENTS
from lenslab.physics import cosmology
from lenslab.population.record import (
    CHUNK,
    Law,
    Population,
    Sample,
    Streams,
    bell,
    dark_columns,
    fixed,
    log_uniform,
    uniform,
    whole,
)
from lenslab.scenes import DARK

H0, OM0 = 70.0, 0.3   # km/s/Mpc and matter density, the Scene's own
MOST_CLUMPS = 5

GALAXY_LAWS = {
    "z_lens": uniform(0.2, 0.8),
    "z_source_beyond": uniform(0, 1),            # share of the way from z_lens + 0.3 to 3
    "sigma_v": uniform(160, 350),                # km/s; theta_E is that of the isothermal sphere
    "lens.q": uniform(0.5, 1),
    "lens.phi": uniform(-np.pi / 2, np.pi / 2),
    "lens.gamma": bell(2.0, 0.15),
    "lens.center_x": uniform(-0.05, 0.05),
    "lens.center_y": uniform(-0.05, 0.05),
    "lens.a3_a": uniform(0, 0.01),
    "lens.a4_a": uniform(0, 0.01),
    "lens.delta_phi_m3": uniform(-np.pi / 3, np.pi / 3),
    "lens.delta_phi_m4": uniform(-np.pi / 4, np.pi / 4),
    "shear": uniform(0, 0.1),
    "shear_phi": uniform(-np.pi / 2, np.pi / 2),
    "source.offset": fixed(0.4),                 # of theta_E: the disc in which the centre is uniform
    "source.R_kpc": log_uniform(0.5, 5),
    "source.n_sersic": uniform(0.5, 4),
    "source.q": uniform(0.4, 1),
    "source.phi": uniform(-np.pi / 2, np.pi / 2),
    "clumps.share_of_items": fixed(0.5),
    "clumps.number": whole(1, MOST_CLUMPS),
    "clumps.light": uniform(0.1, 0.5),           # their share of the source's light
    "clumps.R_over_source": log_uniform(0.08, 0.3),
    "clumps.n_sersic": uniform(0.5, 1.5),
    "clumps.q": uniform(0.6, 1),
    "clumps.offset": fixed(1.5),                 # of the source's radius: the disc in which their centres are uniform
}
SMOOTH_SWITCHES = {  # what a switch that is off puts in the place of a law
    "slope": {"lens.gamma": fixed(2.0)},
    "multipoles": {"lens.a3_a": fixed(0.0), "lens.a4_a": fixed(0.0)},
}
REAL_LAWS = {  # of galaxies=on: pictures of real galaxies, which lenslab.sets.galaxies puts in
    "galaxies.share_of_items": fixed(0.5),
    "galaxies.phi": uniform(-np.pi, np.pi),      # the half-light radius follows source.R_kpc, the place source.offset
}
STRING_LAWS = {"string_density": log_uniform(0.003, 0.1)}     # of strings=on, 1/kpc^2: some 0.3 to 10 within a ring
LIGHT_LAWS = {  # of the `-light` populations: an elliptical on the Faber-Jackson relation, with or without a disc
    "light.M_AB_at_220": bell(-22.0, 0.4),       # absolute AB magnitude at sigma_v = 220 km/s; no K-correction
    "light.R_kpc": log_uniform(2, 8),
    "light.n_sersic": uniform(2.5, 5),
    "light.dq": uniform(-0.1, 0.1),              # axis ratio, less that of the mass
    "light.dphi": bell(0, 0.1),                  # rad, orientation less that of the mass
    "light.share_with_disc": fixed(0.5),
    "light.disc": uniform(0.1, 0.5),             # the disc's share of the light; its index is 1
    "light.disc_R_over_bulge": uniform(1.5, 3),
}
GALAXY_DARK = {
    "cdm": {"f_sub": log_uniform(0.005, 0.1)},
    "wdm": {"f_sub": log_uniform(0.005, 0.1), "log10_m_hm": uniform(7, 9.5)},
    "fdm": {"m22": log_uniform(0.03, 3), "f_dm": uniform(0.3, 0.7)},
    "vortex": {"f_vortex": log_uniform(0.005, 0.05), "log10_m_axion": uniform(-24, -22),
               "vortex_phi": uniform(-np.pi / 2, np.pi / 2)},
}
# Of the variance that subhalos add, those below 10^7.5 Msun hold (10^7.5/10^10)^1.1 = 0.2 %, and they are 65 % of those
# above 10^7: not drawn, they are part of the smooth lens. Euclid sees less and has larger frames: 10^7.7 there, or a
# rare draw would pass scene.MAX_CLUMPS.
HALOS = {"slope": fixed(-1.9), "log10_m_min": fixed(6), "log10_m_max": fixed(10), "log10_m_resolved": fixed(7.5)}
GALAXY_DARK["cdm"] |= HALOS
GALAXY_DARK["wdm"] |= HALOS


def sample_galaxies(population: Population, labels: np.ndarray, streams: Streams) -> Sample:
    """Columns of one chunk; lengths in arcsec, magnitudes of the source relative until S is set."""
    laws = population.laws
    columns, truths = lenses(population, streams)
    columns |= {path: law.at(streams.uniform(path)) for path, law in laws.items()
                if path.startswith("lens.") and path not in columns}
    shear, phi = laws["shear"].at(streams.uniform("shear")), laws["shear_phi"].at(streams.uniform("shear_phi"))
    columns |= {"lens.gamma1": shear * np.cos(2 * phi), "lens.gamma2": shear * np.sin(2 * phi)}
    n_clumps, source = sources(laws, columns, truths, streams)
    columns |= source
    n_lights = 0
    if "light.R_kpc" in laws:
        n_lights, lights = lens_lights(laws, columns, truths, streams)
        columns |= lights
    columns |= dark_columns(population, labels, streams)
    x, y = streams.disc("vortex")  # the middle of the line lies anywhere within the ring
    columns["substructure.vortex_x"] = columns["lens.center_x"] + x * columns["lens.theta_E"]
    columns["substructure.vortex_y"] = columns["lens.center_y"] + y * columns["lens.theta_E"]
    truths["signal_to_noise"] = laws["signal_to_noise"].at(streams.uniform("signal_to_noise"))
    return Sample(columns, truths, n_lights, n_clumps)


def lenses(population: Population, streams: Streams) -> tuple[dict, dict]:
    """Redshifts, velocity dispersion and Einstein radius, drawn anew where theta_E is out of the kept range."""
    laws, names = population.laws, ("z_lens", "z_source_beyond", "sigma_v")
    rngs = {name: streams.rng(name) for name in names}
    low, high = population.kept["lens.theta_E"]
    kept = []
    while sum(rows.shape[1] for rows in kept) < CHUNK:
        z_lens, beyond, sigma_v = (laws[name].at(rngs[name].random(4 * CHUNK)) for name in names)
        z_source = z_lens + 0.3 + beyond * (3 - z_lens - 0.3)
        theta_E = cosmology.theta_E_of_sigma_v(sigma_v, cosmology.distances(z_lens, z_source, H0, OM0))
        good = (theta_E >= low) & (theta_E <= high)
        kept.append(np.stack([z_lens, z_source, theta_E, sigma_v])[:, good])
    z_lens, z_source, theta_E, sigma_v = np.concatenate(kept, axis=1)[:, :CHUNK]
    return {"z_lens": z_lens, "z_source": z_source, "lens.theta_E": theta_E}, {"sigma_v": sigma_v}


def sources(laws: dict[str, Law], columns: dict, truths: dict, streams: Streams) -> tuple[np.ndarray, dict]:
    """A Sersic and its clumps: their number (CHUNK,) and columns; the whole light adds up to magnitude 23."""
    out = {path: law.at(streams.uniform(path)) for path, law in laws.items()
           if path in ("source.n_sersic", "source.q", "source.phi")}
    x, y = streams.disc("source")
    reach = laws["source.offset"].a * columns["lens.theta_E"]
    out |= {"source.center_x": columns["lens.center_x"] + reach * x,
            "source.center_y": columns["lens.center_y"] + reach * y}
    truths["R_kpc"] = laws["source.R_kpc"].at(streams.uniform("source.R_kpc"))
    R = out["source.R_sersic"] = truths["R_kpc"] / cosmology.kpc_per_arcsec(columns["z_source"], H0, OM0)
    number = laws["clumps.number"].at(streams.uniform("clumps.number")).astype(int)
    number[streams.uniform("clumps.any") >= laws["clumps.share_of_items"].a] = 0
    if "galaxies.phi" in laws:
        real = streams.uniform("galaxies.any") < laws["galaxies.share_of_items"].a
        number[real] = 0
        out["source.phi"][real] = laws["galaxies.phi"].at(streams.uniform("galaxies.phi"))[real]
        truths["picture"] = np.where(real, streams.uniform("galaxies.which"), np.nan)
    light = np.where(number > 0, laws["clumps.light"].at(streams.uniform("clumps.light")), 0.0)
    weights = np.stack([streams.uniform(f"clumps.{k}.weight") + 0.2 for k in range(MOST_CLUMPS)])
    weights *= np.arange(MOST_CLUMPS)[:, None] < number
    weights /= np.maximum(weights.sum(axis=0), 1e-9)
    out["source.magnitude"] = 23 - 2.5 * np.log10(1 - light)
    for k in range(MOST_CLUMPS):
        own, share = f"source.clumps.{k}.", light * weights[k]
        x, y = streams.disc(f"clumps.{k}")
        out[own + "magnitude"] = np.where(share > 0, 23 - 2.5 * np.log10(np.maximum(share, 1e-9)), DARK)
        out[own + "R_sersic"] = R * laws["clumps.R_over_source"].at(streams.uniform(f"clumps.{k}.R"))
        out[own + "n_sersic"] = laws["clumps.n_sersic"].at(streams.uniform(f"clumps.{k}.n_sersic"))
        out[own + "q"] = laws["clumps.q"].at(streams.uniform(f"clumps.{k}.q"))
        out[own + "phi"] = np.pi * (streams.uniform(f"clumps.{k}.phi") - 0.5)
        out[own + "center_x"] = laws["clumps.offset"].a * R * x   # from the centre of the source
        out[own + "center_y"] = laws["clumps.offset"].a * R * y
    return number, out


def lens_lights(laws: dict[str, Law], columns: dict, truths: dict, streams: Streams) -> tuple[np.ndarray, dict]:
    """One or two Sersics on the lens: their number (CHUNK,) and columns.

    L ~ sigma_v^4 (Faber & Jackson 1976), so M falls by 10 log10(sigma_v/220 km/s).
    """
    def value(name):
        return laws[f"light.{name}"].at(streams.uniform(f"light.{name}"))
    number = np.where(streams.uniform("light.any_disc") < laws["light.share_with_disc"].a, 2, 1)
    absolute = value("M_AB_at_220") - 10 * np.log10(truths["sigma_v"] / 220)
    apparent = absolute + cosmology.distance_modulus(columns["z_lens"], H0, OM0)
    disc = np.where(number == 2, value("disc"), 0.0)
    R = value("R_kpc") / cosmology.kpc_per_arcsec(columns["z_lens"], H0, OM0)
    shape = {"q": np.clip(columns["lens.q"] + value("dq"), 0.3, 1), "phi": columns["lens.phi"] + value("dphi"),
             "center_x": columns["lens.center_x"], "center_y": columns["lens.center_y"]}
    out = {f"lens_light.{k}.{name}": column for k in (0, 1) for name, column in shape.items()}
    out |= {"lens_light.0.magnitude": apparent - 2.5 * np.log10(1 - disc), "lens_light.0.R_sersic": R,
            "lens_light.0.n_sersic": value("n_sersic"),
            "lens_light.1.magnitude": apparent - 2.5 * np.log10(np.maximum(disc, 1e-9)),
            "lens_light.1.R_sersic": R * value("disc_R_over_bulge"), "lens_light.1.n_sersic": np.ones(CHUNK)}
    truths["lens_magnitude"] = apparent
    return number, out


def sample_seed(population: Population, labels: np.ndarray, streams: Streams) -> Sample:
    """`seed-64`: a round isothermal lens without shear at fixed redshifts, one Sersic, mass conserved."""
    laws = population.laws
    columns = {path: law.at(streams.uniform(path)) for path, law in laws.items() if "." in path}
    x, y = streams.disc("source")
    reach = columns.pop("source.offset") * columns["lens.theta_E"]
    columns |= {"source.center_x": reach * x, "source.center_y": reach * y, "source.magnitude": np.full(CHUNK, 23.0),
                "z_lens": laws["z_lens"].at(streams.uniform("z_lens")),
                "z_source": laws["z_source"].at(streams.uniform("z_source"))}
    columns |= dark_columns(population, labels, streams)
    truths = {"signal_to_noise": laws["signal_to_noise"].at(streams.uniform("signal_to_noise"))}
    return Sample(columns, truths)


def galaxy_population(name: str, switches: dict[str, bool]) -> Population:
    """hst, hst-light, euclid or euclid-light; `switches` are slope and multipoles, and what else is on."""
    family = name.split(":")[0]
    telescope = family.removesuffix("-light")
    wide = telescope == "euclid"
    camera = INSTRUMENTS["Euclid VIS" if wide else "HST WFC3 F160W"]
    camera = replace(camera, num_pix=64, supersampling=2, pixel_scale=0.10 if wide else 0.08,
                     fwhm=0.16 if wide else 0.15, psf="gaussian")
    laws = GALAXY_LAWS | {"signal_to_noise": log_uniform(20, 200) if wide else log_uniform(50, 500)}
    if family.endswith("-light"):
        laws |= LIGHT_LAWS
    dark = {kind: own | ({"log10_m_resolved": fixed(7.7)} if wide and "log10_m_resolved" in own else {})
            for kind, own in GALAXY_DARK.items()}
    for switch in SMOOTH_SWITCHES:
        laws |= {} if switches[switch] else SMOOTH_SWITCHES[switch]
    if switches.get("galaxies"):
        laws |= REAL_LAWS
    if switches.get("strings"):
        dark["vortex"] = {name: law for name, law in dark["vortex"].items() if name != "vortex_phi"} | STRING_LAWS
    return Population(
        name=name, family=telescope, classes=("smooth", "cdm", "wdm", "fdm", "vortex"),
        kinds=("none", "cdm", "wdm", "fdm", "vortex"), symmetry="D4", camera=camera, laws=laws, dark=dark,
        sample=sample_galaxies, switches=switches, most_clumps=MOST_CLUMPS,
        most_lights=2 if family.endswith("-light") else 0, kept={"lens.theta_E": (0.7, 2.2) if wide else (0.5, 1.8)},
        about=f"Galaxy lenses as {'Euclid VIS' if wide else 'HST WFC3/IR F160W'} would see them, "
              f"{'with' if family.endswith('-light') else 'without'} the light of the lens.",
        notes={"z_source": "z_lens + 0.3 + z_source_beyond (2.7 - z_lens)", "H0": H0, "Om0": OM0})


def seed_population(name: str, switches: dict[str, bool]) -> Population:
    """The seed study's set: bright and strong enough that 500 images a class can teach a small network.

    With the S and the masses of `hst` (median lambda 4 for cdm) such a network stayed at a validation AUC of 0.52; with
    these it reaches about 0.9, so that a difference between networks has room to show in either direction.
    """
    camera = replace(INSTRUMENTS["HST WFC3 F160W"], num_pix=64, supersampling=2, pixel_scale=0.08, fwhm=0.15,
                     psf="gaussian", noise="gaussian")
    laws = {
        "z_lens": fixed(0.5), "z_source": fixed(1.5), "lens.theta_E": uniform(0.8, 1.6), "lens.q": fixed(1.0),
        "lens.gamma": fixed(2.0), "lens.gamma1": fixed(0.0), "lens.gamma2": fixed(0.0), "source.offset": fixed(0.4),
        "source.R_sersic": log_uniform(0.1, 0.4), "source.n_sersic": uniform(0.5, 4), "source.q": uniform(0.4, 1),
        "source.phi": uniform(-np.pi / 2, np.pi / 2), "signal_to_noise": log_uniform(200, 1000)}
    dark = {"cdm": {"f_sub": log_uniform(0.05, 0.3), "slope": fixed(-1.9), "log10_m_min": fixed(7),
                    "log10_m_max": fixed(10), "n_points": fixed(0)},
            "axion": {"m22": log_uniform(0.03, 0.1), "f_dm": uniform(0.3, 0.7)}}
    return Population(
        name=name, family=name, classes=("no_sub", "cdm", "axion"), kinds=("none", "deeplense_cdm", "fdm"),
        symmetry="D4", camera=camera, laws=laws, dark=dark, sample=sample_seed, switches=switches,
        about="The simplest lenses: one round galaxy bends the light of one smooth galaxy. It has no substructure, "
              "small point masses at random places, or the waves of fuzzy dark matter.")
