"""Scenes into substructure: what each seed draws, as padded tensors, with the mass it holds taken off the smooth lens.

Mass is no shortcut (populations.md of the project): where a scene conserves mass, the projected mass inside the circle
theta_E is that of the bare power law, for each realisation, and beyond it the mean convergence of the population is
taken off by a uniform sheet. Everything is drawn with numpy in float64 from the scene's seed, so that a scene is the
same on every device; strengths include Scene.deflection.
"""

from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.physics import subhalo, wave
from lenslab.physics import substructure as sub
from lenslab.physics.spline import Field, field_of_nodes
from lenslab.scene import MAX_CLUMPS, Scene
from lenslab.scenes import Scenes


@dataclass(frozen=True)
class Points:
    """Point masses (B, N), padded with theta_E = 0; `number` (B,) of them are real, the first of each row."""

    x: Tensor        # arcsec
    y: Tensor
    theta_E: Tensor  # arcsec
    mass: Tensor     # Msun
    number: np.ndarray


@dataclass(frozen=True)
class Halos:
    """Truncated NFW halos (B, N) with lenstronomy's TNFW parameters, padded with alpha_Rs = 0."""

    x: Tensor         # arcsec
    y: Tensor
    Rs: Tensor        # arcsec
    alpha_Rs: Tensor  # arcsec
    r_trunc: Tensor   # arcsec
    mass: Tensor      # Msun, M200 at infall
    number: np.ndarray


@dataclass(frozen=True)
class Rods:
    """Uniform straight lines of mass (B, N), each with the mass of a point of theta_E; padded with theta_E = 0."""

    x0: Tensor       # arcsec
    y0: Tensor
    x1: Tensor
    y1: Tensor
    theta_E: Tensor  # arcsec
    number: np.ndarray


@dataclass(frozen=True)
class Realisation:
    """The substructure of a batch of B scenes; None where they have none of a sort."""

    theta_E: Tensor                      # (B,) arcsec, the smooth lens without what the substructure holds
    points: Points | None = None
    halos: Halos | None = None
    rods: Rods | None = None
    field: Field | None = None           # granules and soliton, about the lens centre
    annulus_kappa: Tensor | None = None  # (B,) <= 0: taken off between theta_E of the scene and annulus_outer
    annulus_outer: Tensor | None = None  # (B,) arcsec

    def take(self, rows) -> "Realisation":
        """Some rows of the batch, by a slice or an index array; padding that they do not need falls away."""
        return _take(self, rows)


def _take(record, rows):
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    values = {name: value if value is None else _take(value, rows) if is_dataclass(value) else value[rows]
              for name, value in values.items()}
    if "number" in values:
        longest = max(1, int(values["number"].max(initial=0)))
        values = {name: value if name == "number" else value[:, :longest] for name, value in values.items()}
    return type(record)(**values)


def realise(scenes: Scenes) -> Realisation:
    """Draw the substructure of every scene from its seed_substructure.

    theta_E and the places of clumps set by hand keep their gradient; what is drawn has none.
    """
    template = scenes.template.substructure
    if template.kind == "none" and not template.clumps:
        return Realisation(scenes["lens.theta_E"])
    return _Draw(scenes).realisation()


def waves(scene: Scene, half_width: float | None = None, side: int = 192, depth: float = 0.0) -> wave.WaveSlice:
    """A plane through the wave field of a fuzzy scene's halo, with its vortices, for drawing.

    half_width in arcsec; unless given, 1.5 theta_E or as much as the grid resolves, the smaller. Where the waves are
    longer than 0.2 theta_E these are the very waves of the image; shorter ones are of the same statistics.
    """
    lens, dark = scene.lens, scene.substructure
    at = subhalo.host(lens.theta_E, lens.q, lens.gamma, scene.z_lens, scene.z_source, scene.H0, scene.Om0)
    made_of = wave.one(wave.granules(np.array([dark.m22]), np.array([dark.f_dm]), at), 0)
    if half_width is None:
        half_width = min(1.5 * lens.theta_E, float(made_of.wavelength) * side / 12)
    return wave.wave_slice(scene.seed_substructure, made_of, half_width, side, depth)


class _Draw:
    """One call of realise: the scenes' numbers as float64 arrays (B,), and the parts as they are drawn."""

    def __init__(self, scenes: Scenes):
        self.scenes, self.kind = scenes, scenes.template.substructure.kind
        self.clumps = scenes.template.substructure.clumps
        self.like, self.seeds = scenes["lens.theta_E"], scenes.seeds[:, 0]
        self.theta_E, self.deflection = self.value("lens.theta_E"), self.value("deflection")
        self.center = self.value("lens.center_x"), self.value("lens.center_y")
        e1, e2 = (part.detach().cpu().double().numpy() for part in scenes.ellipticity("lens"))
        e = np.minimum(np.hypot(e1, e2), 0.9999)
        self.at = subhalo.host(self.theta_E, (1 - e) / (1 + e), self.value("lens.gamma"), self.value("z_lens"),
                           self.value("z_source"), self.value("H0"), self.value("Om0"))
        self.unit = self.deflection / (np.pi * self.at.sigma_cr)  # theta_E^2 of a solar mass
        self.inside = np.zeros(len(self.seeds))  # mass inside the ring over pi Sigma_cr, arcsec^2
        self.sheet = np.zeros(len(self.seeds))   # mean convergence beyond the ring
        self.outer = 2 * self.theta_E

    def value(self, path: str) -> np.ndarray:
        return self.scenes[path].detach().cpu().double().numpy()

    def setting(self, name: str) -> np.ndarray:
        return self.value(f"substructure.{name}")

    def tensor(self, array) -> Tensor:
        return torch.as_tensor(array).to(self.like.device, self.like.dtype)

    def realisation(self) -> Realisation:
        points, halos, rods, field = [], [], None, None
        if self.kind in ("cdm", "wdm"):
            halos.append(self.subhalos())
        elif self.kind == "deeplense_cdm":
            points.append(self.deeplense_cdm())
        elif self.kind == "deeplense_axion":
            points.append(self.deeplense_axion())
        elif self.kind == "vortex":
            rods = self.vortices()
        elif self.kind == "fdm":
            field = self.granules()
        for profile, drawn, add in (("POINT_MASS", points, self.clump_points), ("TNFW", halos, self.clump_halos)):
            if chosen := [k for k, clump in enumerate(self.clumps) if clump.profile == profile]:
                drawn.append(add(chosen))
        return Realisation(self.smooth_theta_E(), self.padded_points(points), self.padded_halos(halos), rods, field,
                           *self.annulus())

    # Populations

    def subhalos(self) -> subhalo.Halos:
        law = sub.mass_law(*(self.setting(name) for name in ("f_sub", "slope", "log10_m_min", "log10_m_max",
                                                         "log10_m_resolved")),
                           self.setting("log10_m_hm") if self.kind == "wdm" else None)
        camera = self.scenes.template.camera
        radius = sub.disc_radius(self.theta_E, *self.center, camera.num_pix * camera.pixel_scale / 2**0.5)
        per_kpc2 = sub.density(law, self.at)
        sub.check_number(sub.drawn_number(law, self.at, per_kpc2, radius).max(initial=0), MAX_CLUMPS)
        sub.check_candidates(sub.candidates(law, self.at, per_kpc2, radius).max(initial=0))
        drawn = sub.draw_subhalos(self.seeds, law, self.at, per_kpc2, radius)
        if self.conserving:
            self.outer, self.sheet = radius, self.deflection * sub.drawn_convergence(law, self.at, per_kpc2)
            self.count_halos(drawn)
        return drawn

    def deeplense_cdm(self) -> tuple:
        slope = self.setting("slope")
        m_min, m_max = 10 ** self.setting("log10_m_min"), 10 ** self.setting("log10_m_max")
        mean, number = sub.power_law_mean(slope, m_min, m_max), self.setting("n_points")
        poisson = number == 0
        number = np.where(poisson, self.setting("f_sub") * self.at.mass_within(2.0) / mean, number)
        sub.check_number(number.max(initial=0), MAX_CLUMPS)
        row, x, y, mass = sub.deeplense_points(self.seeds, slope, m_min, m_max, number, poisson)
        if self.conserving:  # the part of the points' mean profile beyond the ring, from there to their last radius
            self.outer = np.maximum(2.0, 1.001 * self.theta_E)
            beyond = np.clip((2 - self.theta_E) / 1.75, 0, 1) * number * mean * self.unit
            self.sheet = beyond / (self.outer**2 - self.theta_E**2)
        return self.counted_points(row, x + self.center[0][row], y + self.center[1][row], mass)

    def deeplense_axion(self) -> tuple:
        mass, number = 10 ** self.setting("log10_m_point"), self.setting("n_points")
        wanted = np.round(self.setting("f_sub") * self.at.mass_within(2.0) / mass)
        number = np.where(number == 0, wanted, number)
        sub.check_number(number.max(initial=0), MAX_CLUMPS)
        number = number.astype(int)
        x0, y0, x1, y1 = self.ends()
        row = np.repeat(np.arange(len(number)), number)
        place = np.concatenate([np.linspace(0, 1, n) if n > 1 else np.full(n, 0.5) for n in number])
        x, y = x0[row] + place * (x1 - x0)[row], y0[row] + place * (y1 - y0)[row]
        points = self.counted_points(row, x, y, mass[row])
        if self.conserving:
            self.spread(number * mass * self.unit - self.inside, x0, y0, x1, y1)
        return points

    def vortices(self) -> Rods:
        """One line where it is put; or, where a density is told, a Poisson number of them anywhere within 2 theta_E."""
        density = self.setting("string_density")
        number = density * np.pi * (self.theta_E * self.at.kpc) ** 2      # within the ring, on average
        sub.check_number(4 * number.max(initial=0), MAX_CLUMPS)
        row, r, angle, phi, share = sub.vortex_lines(self.seeds, number)
        placed, r = density[row] == 0, 2 * self.theta_E[row] * r
        x = np.where(placed, self.setting("vortex_x")[row], self.center[0][row] + r * np.cos(angle))
        y = np.where(placed, self.setting("vortex_y")[row], self.center[1][row] + r * np.sin(angle))
        x0, y0, x1, y1 = self.ends(x, y, np.where(placed, self.setting("vortex_phi")[row], phi), row)
        whole = self.setting("f_vortex") * self.at.mass * self.unit
        theta_E2 = share * whole[row]
        if self.conserving:
            cx, cy = (part[row] for part in self.center)
            held = theta_E2 * sub.chord_share(x0 - cx, y0 - cy, x1 - cx, y1 - cy, self.theta_E[row])
            self.inside += np.bincount(row, held, len(self.seeds))
            self.spread(whole - self.inside, *self.ends())
            self.outer = np.where(density > 0, 2 * self.theta_E, self.outer)
            self.sheet = np.where(density > 0, whole / self.theta_E**2, self.sheet)
        place = _Places(row, len(self.seeds))
        return Rods(*(self.tensor(place.pad(part)) for part in (x0, y0, x1, y1, np.sqrt(theta_E2))), place.number)

    def granules(self) -> Field:
        made_of = wave.granules(self.setting("m22"), self.setting("f_dm"), self.at)
        nodes, half_width = wave.field_nodes(self.seeds, made_of, self.like.detach())
        nodes = nodes * self.tensor(self.deflection)[:, None, None, None]
        return field_of_nodes(nodes, self.tensor(half_width))

    def ends(self, *line):
        """Ends on the sky, arcsec: of the line of each scene, or of lines with x, y, direction and row."""
        x, y, phi, row = line or (*(self.setting(f"vortex_{name}") for name in ("x", "y", "phi")), slice(None))
        half = sub.vortex_half_length(self.setting("log10_m_axion"))[row]
        dx, dy = half * np.cos(phi), half * np.sin(phi)
        return x - dx, y - dy, x + dx, y + dy

    # Clumps placed by hand

    def placed(self, chosen: list[int]):
        """Row, x, y from the lens centre, and mass (B k,) of chosen clumps, clump after clump."""
        x, y, mass = (np.concatenate([self.setting(f"clumps.{k}.{name}") for k in chosen])
                      for name in ("center_x", "center_y", "log10_mass"))
        row = np.tile(np.arange(len(self.seeds)), len(chosen))
        return row, x, y, 10**mass

    def clump_points(self, chosen: list[int]) -> tuple:
        return self.counted_points(*self.placed(chosen))

    def clump_halos(self, chosen: list[int]) -> subhalo.Halos:
        row, x, y, mass = self.placed(chosen)
        drawn = sub.mean_halos(row, x - self.center[0][row], y - self.center[1][row], mass, self.at)
        if self.conserving:
            self.count_halos(drawn, nodes=48)
        return drawn

    # Mass

    @property
    def conserving(self) -> bool:
        return self.scenes.template.substructure.conserve_mass

    def counted_points(self, row, x, y, mass) -> tuple:
        if self.conserving:
            inside = np.hypot(x - self.center[0][row], y - self.center[1][row]) < self.theta_E[row]
            np.add.at(self.inside, row, inside * mass * self.unit[row])
        return row, x, y, mass

    def count_halos(self, drawn: subhalo.Halos, nodes: int = 6) -> None:
        inside = drawn.inside_circle(self.theta_E[drawn.row], nodes)
        np.add.at(self.inside, drawn.row, inside * self.deflection[drawn.row])

    def spread(self, beyond, x0, y0, x1, y1) -> None:
        """Take off the mass of a line beyond the ring (over pi Sigma_cr) as a sheet that reaches to its farther end."""
        cx, cy = self.center
        reach = np.maximum(np.hypot(x0 - cx, y0 - cy), np.hypot(x1 - cx, y1 - cy))
        self.outer = np.maximum(reach, 1.001 * self.theta_E)
        self.sheet = np.where(reach > self.outer * 0.9999, beyond, 0.0) / (self.outer**2 - self.theta_E**2)

    def smooth_theta_E(self) -> Tensor:
        """theta_E (1 - M_sub/M)^(1/(gamma - 1)): a power law has mass ~ theta_E^(gamma - 1) in a fixed circle."""
        if not self.conserving:
            return self.like
        share = self.inside / (self.theta_E**2 * subhalo.circle_mass(self.at.q, self.at.gamma))
        if (share >= 1).any():
            raise ValueError(f"The substructure inside the Einstein radius is {share.max():.2f} times as heavy as all "
                             "that is there; it must be lighter than the lens: lower f_sub or the masses, take "
                             "clumps away, or switch conserve_mass off.")
        return self.like * self.tensor((1 - share) ** (1 / (self.at.gamma - 1)))

    def annulus(self) -> tuple:
        if not self.sheet.any():
            return None, None
        return self.tensor(-self.sheet), self.tensor(self.outer)

    # Flat lists into padded tensors

    def padded_points(self, parts: list[tuple]) -> Points | None:
        if not parts:
            return None
        row, x, y, mass = (np.concatenate(column) for column in zip(*parts, strict=True))
        place = _Places(row, len(self.seeds))
        return Points(*self.positions(place, x, y), self.tensor(place.pad(np.sqrt(mass * self.unit[row]))),
                      self.tensor(place.pad(mass)), place.number)

    def padded_halos(self, parts: list[subhalo.Halos]) -> Halos | None:
        if not parts:
            return None
        row, x, y, mass, Rs, alpha_Rs, r_trunc = (
            np.concatenate(column) for column in zip(*(vars(part).values() for part in parts), strict=True))
        place = _Places(row, len(self.seeds))
        return Halos(*self.positions(place, x + self.center[0][row], y + self.center[1][row]),
                     self.tensor(place.pad(Rs, 1.0)), self.tensor(place.pad(alpha_Rs * self.deflection[row])),
                     self.tensor(place.pad(r_trunc, 1.0)), self.tensor(place.pad(mass)), place.number)

    def positions(self, place: "_Places", x, y) -> tuple[Tensor, Tensor]:
        return self.tensor(place.pad(x)), self.tensor(place.pad(y))


class _Places:
    """Where the entries of a flat list go in a padded (B, N) array, keeping their order within a row."""

    def __init__(self, row: np.ndarray, rows: int):
        self.number = np.bincount(row, minlength=rows)
        self.order = np.argsort(row, kind="stable")
        start = np.concatenate([[0], np.cumsum(self.number)[:-1]])
        self.row = row[self.order]
        self.column = np.arange(len(row)) - start[self.row]

    def pad(self, values: np.ndarray, empty: float = 0.0) -> np.ndarray:
        table = np.full((len(self.number), max(1, int(self.number.max(initial=0)))), empty)
        table[self.row, self.column] = values[self.order]
        return table
