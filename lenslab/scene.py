"""The Scene: plain numbers that say all that is true of one lens. Everything else is a function of it.

A Scene is frozen, hashes, and turns to JSON and back; a setting is named everywhere by its path in it, as in
`lens.theta_E`. Lengths on the sky are arcsec, angles radians (counter-clockwise from the x axis), masses solar masses.
Names are lenstronomy's.
"""

import json
import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from math import pi

from lenslab.quantity import briefly, check, choice, count, number, switch

SUBSTRUCTURE = ("none", "cdm", "wdm", "fdm", "vortex", "deeplense_cdm", "deeplense_axion")
PSFS = ("gaussian", "moffat", "pixel", "none")
NOISES = ("gaussian", "poisson", "none")
MAX_JSON_BYTES = 20 * 2**20
MAX_CLUMPS = 5000
MAX_RAYS = 4096  # rays across the frame: pixels times supersampling
VERSION = 1


@dataclass(frozen=True)
class Lens:
    """Elliptical power law (a SIE at slope 2) with multipoles and external shear.

    theta_E counts everything inside the ring, substructure included: what clumps hold is taken off the smooth part.
    Angular multipoles follow lenstronomy's EPL_MULTIPOLE_M3M4.
    """

    theta_E: float = number(1.2, 0, 10, "arcsec", "Radius of the ring that a source exactly behind would make.",
                            "Einstein radius", open_low=True)
    q: float = number(0.8, 0.1, 1, "", "Minor over major axis of the lens mass; 1 is round.", "Axis ratio")
    phi: float = number(0.4, -pi, pi, "rad", "Direction of the major axis, from x towards y.", "Orientation")
    gamma: float = number(2.0, 1.2, 2.8, "", "Slope of the 3D mass density, rho ~ r^-gamma; 2 is isothermal.",
                          "Density slope")
    center_x: float = number(0.0, -20, 20, "arcsec", "Centre of the lens to the right.", "Lens x")
    center_y: float = number(0.0, -20, 20, "arcsec", "Centre of the lens upwards.", "Lens y")
    gamma1: float = number(0.03, -0.5, 0.5, "", "Tidal stretch along x by masses nearby.", "Shear gamma1")
    gamma2: float = number(0.0, -0.5, 0.5, "", "Tidal stretch along the diagonal by masses nearby.", "Shear gamma2")
    a3_a: float = number(0.0, -0.2, 0.2, "", "Lopsidedness of the isodensity contours, a fraction of their size.",
                         "Multipole m = 3")
    delta_phi_m3: float = number(0.0, -pi, pi, "rad", "Angle of the m = 3 term from the major axis.", "m = 3 angle")
    a4_a: float = number(0.0, -0.2, 0.2, "", "Disky (+) or boxy (-) contours, a fraction of their size.",
                         "Multipole m = 4")
    delta_phi_m4: float = number(0.0, -pi, pi, "rad", "Angle of the m = 4 term from the major axis.", "m = 4 angle")

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class Sersic:
    """Elliptical Sersic light; the radius is that of the product-average circle, as in lenstronomy."""

    magnitude: float = number(23.0, 5, 40, "AB mag", "Apparent brightness, before lensing.", "Magnitude")
    R_sersic: float = number(0.25, 0, 20, "arcsec", "Radius that holds half of the light.", "Half-light radius",
                             open_low=True)
    n_sersic: float = number(1.0, 0.3, 8, "", "Concentration: 1 is a disc, 4 an elliptical galaxy.", "Sersic index")
    q: float = number(0.8, 0.1, 1, "", "Minor over major axis; 1 is round.", "Axis ratio")
    phi: float = number(1.0, -pi, pi, "rad", "Direction of the major axis.", "Orientation")
    center_x: float = number(0.0, -20, 20, "arcsec", "Position to the right, on the sky.", "x")
    center_y: float = number(0.0, -20, 20, "arcsec", "Position upwards, on the sky.", "y")

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class Source(Sersic):
    """The galaxy behind: a Sersic with clumps of star formation, or a picture in the place of both.

    The centres of clumps count from the centre of the source, so that they move with it.
    `picture` is the content hash of a picture kept beside the JSON (lenslab.picture); it is scaled to `picture_width`
    and its summed light to `magnitude`, and turned by phi.
    """

    center_x: float = number(0.08, -20, 20, "arcsec", "Position of the source to the right, behind the lens.",
                             "Source x")
    center_y: float = number(0.05, -20, 20, "arcsec", "Position of the source upwards, behind the lens.", "Source y")
    clumps: tuple[Sersic, ...] = ()
    picture: str | None = None
    picture_width: float = number(2.0, 0.01, 40, "arcsec", "Width of the picture on the sky.", "Picture width")

    def __post_init__(self):
        check(self)
        _check_tuple("Source.clumps", self.clumps, Sersic, 20)
        _check_hash("Source.picture", self.picture)


@dataclass(frozen=True)
class Clump:
    """One dark clump placed by hand: a truncated NFW subhalo with the mean concentration of its mass, or a point."""

    log10_mass: float = number(9.5, 5, 12, "log10 Msun", "Mass of the clump (M200 at infall for a halo).", "Clump mass")
    center_x: float = number(1.2, -20, 20, "arcsec", "Position of the clump to the right.", "Clump x")
    center_y: float = number(0.0, -20, 20, "arcsec", "Position of the clump upwards.", "Clump y")
    profile: str = choice("TNFW", ("TNFW", "POINT_MASS"), "A halo with a soft centre, or all mass in a point.",
                          "Clump profile")

    def __post_init__(self):
        check(self)


@dataclass(frozen=True)
class Substructure:
    """What the dark matter does on small scales; each kind reads its own numbers.

    none; cdm, wdm: a population of truncated NFW subhalos; fdm: interference granules and soliton; vortex: uniform
    rods; deeplense_cdm, deeplense_axion: the point masses of DeepLenseSim.
    """

    kind: str = choice("none", SUBSTRUCTURE, "What the dark matter is made of.", "Dark matter")
    f_sub: float = number(0.03, 0, 0.5, "", "Share of the mass within twice the Einstein radius that is in subhalos.",
                          "Subhalo mass fraction")
    slope: float = number(-1.9, -3, -0.5, "", "Slope of the subhalo mass function dN/dm.", "Mass function slope")
    log10_m_min: float = number(6.0, 5, 11, "log10 Msun", "Lightest subhalo counted in the mass fraction.",
                                "Lightest subhalo")
    log10_m_max: float = number(10.0, 6, 12, "log10 Msun", "Heaviest subhalo.", "Heaviest subhalo")
    log10_m_resolved: float = number(8.0, 5, 11, "log10 Msun", "Lighter subhalos are carried by the smooth lens: "
                                     "each changes the image by far less than its noise.", "Lightest drawn subhalo")
    log10_m_hm: float = number(8.5, 5, 11, "log10 Msun", "Warm dark matter: below this mass halos are missing.",
                               "Half-mode mass")
    m22: float = number(0.1, 0.01, 100, "1e-22 eV", "Fuzzy dark matter: mass of the particle; lighter means larger "
                        "waves.", "Particle mass")
    f_dm: float = number(0.5, 0, 1, "", "Fuzzy dark matter: share of the lens mass near the ring that is dark matter.",
                         "Dark fraction")
    f_vortex: float = number(0.02, 0, 0.2, "", "Vortex: its share of the mass inside the Einstein radius.",
                             "Vortex mass fraction")
    log10_m_axion: float = number(-23.5, -24.5, -21.5, "log10 eV", "Vortex: mass of the axion; lighter means a longer "
                                  "line.", "Axion mass")
    string_density: float = number(0.0, 0, 10, "1/kpc^2", "Vortices: so many lines a square kiloparsec of sky, at "
                                   "random places; 0: one line, where it is put.", "Density of vortex lines")
    vortex_x: float = number(0.0, -20, 20, "arcsec", "Middle of the vortex line to the right.", "Vortex x")
    vortex_y: float = number(0.0, -20, 20, "arcsec", "Middle of the vortex line upwards.", "Vortex y")
    vortex_phi: float = number(0.5, -pi, pi, "rad", "Direction of the vortex line.", "Vortex angle")
    n_points: int = count(25, 0, MAX_CLUMPS, "Number of point masses (DeepLense); 0 draws it from the mass fraction.",
                          "Points")
    log10_m_point: float = number(8.4771212547196626, 5, 11, "log10 Msun", "Mass of each point on DeepLense's vortex.",
                                  "Mass of a point")
    conserve_mass: bool = switch(True, "Take the mass of the clumps off the smooth lens, so that the ring keeps its "
                                 "mass.", "Conserve mass")
    clumps: tuple[Clump, ...] = ()

    def __post_init__(self):
        check(self)
        if self.log10_m_min >= self.log10_m_max:
            raise ValueError(f"Lightest subhalo 10^{self.log10_m_min:g} Msun is not below the heaviest, "
                             f"10^{self.log10_m_max:g} Msun; make the lightest lighter or the heaviest heavier.")
        _check_tuple("Substructure.clumps", self.clumps, Clump, MAX_CLUMPS)


@dataclass(frozen=True)
class Camera:
    """Telescope, exposure and noise. Images are counts a second; `gain` electrons make a count."""

    num_pix: int = count(64, 8, 512, "Pixels on a side.", "Pixels")
    pixel_scale: float = number(0.08, 0.001, 2, "arcsec", "Size of a pixel.", "Pixel scale")
    supersampling: int = count(2, 1, 16, "Rays traced for a pixel, on a side.", "Rays in a pixel")
    psf: str = choice("gaussian", PSFS, "Shape of the blur by telescope and air.", "Blur (PSF)")
    fwhm: float = number(0.15, 0.001, 5, "arcsec", "Full width at half maximum of the blur.", "PSF width")
    moffat_beta: float = number(2.5, 1.1, 20, "", "Moffat wings: smaller means more light far out.", "Moffat beta")
    psf_truncation: float = number(5.0, 1, 10, "sigma", "Where the Gaussian blur is cut off.", "PSF truncation")
    psf_picture: str | None = None  # content hash of a measured kernel (lenslab.picture)
    psf_supersampling: int = count(1, 1, 8, "Kernel samples in a pixel, on a side.", "Kernel sampling")
    exposure_time: float = number(2000.0, 0.1, 1e7, "s", "Total exposure.", "Exposure")
    num_exposures: int = count(4, 1, 10000, "Read-outs that make up the exposure.", "Exposures")
    sky_brightness: float = number(22.3, 10, 40, "mag/arcsec^2", "Brightness of the empty sky.", "Sky")
    read_noise: float = number(5.0, 0, 100, "electrons", "Noise of each read-out.", "Read noise")
    zero_point: float = number(25.96, 0, 40, "mag", "Magnitude that makes one count a second.", "Zero point")
    gain: float = number(1.0, 0.01, 100, "electrons/count", "Electrons that make a count.", "Gain")
    background_rms: float | None = None  # counts/s a pixel; None: from sky, read noise and exposure
    noise: str = choice("gaussian", NOISES, "One Gaussian with the combined variance, true photon counts, or none.",
                        "Noise")
    noise_twice: bool = switch(False, "As DeepLense I does: noise is added to an image that has noise already, and "
                               "brightness comes in whole counts, none below 0.",
                               "Noise drawn twice")
    doubled: bool = switch(False, "As DeepLense II does: the image is added to itself where its noise belongs, so that "
                           "it is twice as bright and has no noise.", "Image doubled")

    def __post_init__(self):
        check(self)
        _check_hash("Camera.psf_picture", self.psf_picture)
        if (self.psf == "pixel") != (self.psf_picture is not None):
            raise ValueError(f"Camera.psf is {self.psf!r} and psf_picture {briefly(self.psf_picture)}; a measured PSF "
                             "needs both psf='pixel' and its picture, any other PSF needs psf_picture to be empty.")
        if self.num_pix * self.supersampling > MAX_RAYS:
            raise ValueError(f"{self.num_pix} pixels x {self.supersampling} rays are "
                             f"{self.num_pix * self.supersampling} rays on a side; at most {MAX_RAYS} are allowed: "
                             "take fewer pixels or a lower supersampling.")
        rms = self.background_rms
        if rms is not None and not (type(rms) in (int, float) and 0 < rms < 1e9):
            raise ValueError(f"Camera.background_rms is {briefly(rms)}; give a number of counts/s above 0, or none.")


@dataclass(frozen=True)
class Scene:
    """One lens, whole: who bends, who shines, what is dark, who looks, and how far away they are."""

    lens: Lens = field(default_factory=Lens)
    lens_light: tuple[Sersic, ...] = ()
    source: Source = field(default_factory=Source)
    substructure: Substructure = field(default_factory=Substructure)
    camera: Camera = field(default_factory=Camera)
    z_lens: float = number(0.5, 0, 10, "", "Redshift of the lens: how far it is.", "Redshift of the lens",
                           open_low=True)
    z_source: float = number(1.5, 0, 20, "", "Redshift of the source, behind the lens.", "Redshift of the source",
                             open_low=True)
    H0: float = number(70.0, 30, 120, "km/s/Mpc", "Hubble constant of the flat LCDM universe.", "Hubble constant")
    Om0: float = number(0.3, 0.01, 1, "", "Matter density of the universe.", "Matter density")
    deflection: float = number(1.0, 0.01, 10, "", "Factor on every mass of substructure when it deflects: 1 is right; "
                               "the replicas of DeepLense carry that simulator's error in it.", "Deflection factor")
    seed_substructure: int = count(1, 0, 2**53 - 1, "Which clumps are drawn.", "Seed of the dark matter")
    seed_noise: int = count(1, 0, 2**53 - 1, "Which noise is drawn.", "Seed of the noise")

    def __post_init__(self):
        check(self)
        for name, kind in (("lens", Lens), ("source", Source), ("substructure", Substructure), ("camera", Camera)):
            assert isinstance(getattr(self, name), kind), name
        _check_tuple("Scene.lens_light", self.lens_light, Sersic, 4)
        if self.z_source <= self.z_lens:
            raise ValueError(f"Redshift of the source {self.z_source:g} is not beyond the lens at {self.z_lens:g}; "
                             "move the source farther away or the lens nearer.")
        _check_number_drawn(self)

    def get(self, path: str):
        """The value at a path, as in `lens.theta_E` or `lens_light.0.R_sersic`: declared settings and no attribute."""
        value = self
        for part in path.split("."):
            if isinstance(value, tuple) and re.fullmatch("[0-9]{1,4}", part) and int(part) < len(value):
                value = value[int(part)]
            elif is_dataclass(value) and part in (item.name for item in fields(value)):
                value = getattr(value, part)
            else:
                raise ValueError(f"A scene has no setting {path[:60]!r}; {part[:60]!r} is unknown there. "
                                 "Paths look like lens.theta_E or source.R_sersic.")
        return value

    def set(self, changes: dict) -> "Scene":
        """A scene with other values at some paths, checked once after all are in place."""
        data = to_dict(self)
        for path, value in changes.items():
            self.get(path)
            *parents, last = path.split(".")
            spot = data
            for part in parents:
                spot = spot[int(part)] if isinstance(spot, list) else spot[part]
            value = to_dict(value) if is_dataclass(value) or isinstance(value, tuple) else value
            spot[int(last) if isinstance(spot, list) else last] = value
        return from_dict(data)

    def to_json(self) -> str:
        return json.dumps({"lenslab_scene": VERSION, **to_dict(self)}, indent=1)

    @staticmethod
    def from_json(text: str | bytes) -> "Scene":
        """Read a scene.json that may come from anywhere; ValueError says what is wrong with it."""
        if len(text) > MAX_JSON_BYTES:
            raise ValueError(f"The scene is {len(text) / 2**20:.0f} MB long; at most 20 MB are read. "
                             "Export it again from the Simulate page.")
        try:
            data = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ValueError(f"This is no scene.json: {reason}. Export one from the Simulate page.") from None
        if not isinstance(data, dict) or data.pop("lenslab_scene", None) != VERSION:
            raise ValueError(f'This JSON is no lenslab scene: it needs "lenslab_scene": {VERSION}. '
                             "Export one from the Simulate page.")
        return from_dict(data)


PARTS = {Scene: dict(lens=Lens, source=Source, substructure=Substructure, camera=Camera),
         Source: {}, Substructure: {}}
LISTS = {Scene: dict(lens_light=Sersic), Source: dict(clumps=Sersic), Substructure: dict(clumps=Clump)}


def to_dict(record):
    """Nested dictionaries and lists of plain numbers."""
    if isinstance(record, tuple):
        return [to_dict(item) for item in record]
    if not is_dataclass(record):
        return record
    return {item.name: to_dict(getattr(record, item.name)) for item in fields(record)}


def from_dict(data, kind: type = Scene):
    """The record that a dictionary describes; missing settings keep their defaults, unknown ones are refused."""
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__} is {str(data)[:40]!r}; it must be a set of named settings.")
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} has no setting {str(unknown[0])[:40]!r}; "
                         f"it knows {', '.join(sorted(known))}.")
    values = dict(data)
    for name, part in PARTS.get(kind, {}).items():
        if name in values:
            values[name] = from_dict(values[name], part)
    for name, part in LISTS.get(kind, {}).items():
        if name in values:
            if not isinstance(values[name], list) or len(values[name]) > MAX_CLUMPS:
                raise ValueError(f"{kind.__name__}.{name} must be a list of at most {MAX_CLUMPS} entries.")
            values[name] = tuple(from_dict(item, part) for item in values[name])
    return kind(**values)


def differences(scene: Scene, base: Scene) -> dict:
    """{path: value} of all in which a scene differs from another: short enough for a link."""

    def walk(a, b, path):
        if is_dataclass(a):
            for item in fields(a):
                yield from walk(getattr(a, item.name), getattr(b, item.name), f"{path}{item.name}.")
        elif a != b:
            yield path[:-1], a

    return dict(walk(scene, base, ""))


def _check_tuple(name: str, value, kind: type, most: int) -> None:
    if not isinstance(value, tuple) or not all(isinstance(item, kind) for item in value):
        raise ValueError(f"{name} must be a list of {kind.__name__} entries.")
    if len(value) > most:
        raise ValueError(f"{name} holds {len(value)} entries; at most {most} are allowed: take some away.")


def _check_number_drawn(scene: Scene) -> None:
    """Refuse a scene whose dark matter would be more clumps than MAX_CLUMPS in the mean, or take too many draws."""
    if scene.substructure.kind in ("none", "fdm", "vortex"):
        return
    from lenslab.physics import substructure  # astropy, for those who draw subhalos

    sub, lens, camera = scene.substructure, scene.lens, scene.camera
    names = ("f_sub", "slope", "log10_m_min", "log10_m_max", "log10_m_resolved", "log10_m_hm", "n_points",
             "log10_m_point")
    held, drawn = substructure.expected_numbers(
        sub.kind, **{name: getattr(sub, name) for name in names}, theta_E=lens.theta_E, q=lens.q, gamma=lens.gamma,
        center_x=lens.center_x, center_y=lens.center_y, half_diagonal=camera.num_pix * camera.pixel_scale / 2**0.5,
        z_lens=scene.z_lens, z_source=scene.z_source, H0=scene.H0, Om0=scene.Om0)
    substructure.check_number(held, MAX_CLUMPS)
    substructure.check_candidates(drawn)


def _check_hash(name: str, value) -> None:
    if value is not None and not (isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value)):
        raise ValueError(f"{name} is {str(value)[:70]!r}; it must be empty or the 64 hex digits of a picture's hash.")


def _refuse_constant(name: str):
    raise ValueError(f"{name} is no number of a scene")


__all__ = ["Camera", "Clump", "Lens", "Scene", "Sersic", "Source", "Substructure", "differences", "from_dict",
           "replace", "to_dict"]
