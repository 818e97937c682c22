"""A detector like CMS, with numbers instead of Geant4: particles to tracks and the energies of cells.

The window is 125 x 125 crystals of ECAL, which are 25 x 25 towers of HCAL, about the tower that holds the jet's axis,
as CMS's end-to-end papers cut it (Andrews et al. 2020, 1902.08276). Constants marked [G] are guesses, to be replaced by
who knows better. Not simulated: showers that reach further than to the next cell, dead cells, the gap between barrel
and endcap, photons that convert, nuclear interactions, time.
"""

from dataclasses import dataclass

import numpy as np

SIDE, TOWERS = 125, 25                        # cells on a side of the window
PER_TOWER = SIDE // TOWERS                    # crystals of a tower, on a side
CRYSTAL = 2 * np.pi / 360                     # rad, and in eta: JINST 3 S08004 (CMS 2008), 4.1: 360 x 170 in the barrel
TOWER = PER_TOWER * CRYSTAL                   # ibid. 5.1: 0.087 x 0.087
WINDOW = SIDE * CRYSTAL
ELECTRON, PHOTON, MUON, HADRON = range(4)

BEND = 0.735             # GeV: 0.3 B r / 2 in the field of 3.8 T, ECAL being at r = 1.29 m (ibid. 2, 4.1): the p_T of a
#                          circle that just reaches it
TRACK_ETA = 2.5          # ibid. 3.1
TRACK_PT = 0.3           # GeV [G]: softer ones are not found
EFFICIENT = 1.0          # GeV [G]
EFFICIENCY = 0.70, 0.95  # below and above that [G]
# sigma(p_T)/p_T = a + b p_T in quadrature, up to |eta|: the CMS card of Delphes 3 (1307.6346), momentum resolution.
TRACK_RESOLUTION = ((0.5, 0.010, 1.5e-4), (1.5, 0.015, 2.5e-4), (TRACK_ETA, 0.025, 5.5e-4))
EARLY = 0.67             # [G] share of hadrons that begin to shower in ECAL
EARLY_SHARE = 1.5, 2.5   # [G] Beta law of what such a one leaves there
ECAL_MIDDLE, HCAL_MIDDLE = 0.79, 0.70    # [G] share of a shower in the cell that it hits
ECAL_RESOLUTION = 0.028, 0.040, 0.003    # GeV^1/2, GeV, 1: stochastic, noise of a crystal, constant: Adzic et al. 2007,
#                                          JINST 2 P04004
HCAL_RESOLUTION = 0.847, 0.0, 0.074      # the two together, as pions see them: CMS HCAL, Eur. Phys. J. C 60 (2009) 359
FAINTEST = TRACK_PT, 0.10, 0.70          # GeV: tracks, ECAL and HCAL keep nothing fainter; the last two [G], in E_T


@dataclass(frozen=True)
class Particles:
    """Visible particles, arrays (n,): p_T and energy in GeV, charge in e, kind one of ELECTRON ... HADRON."""

    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    energy: np.ndarray
    charge: np.ndarray
    kind: np.ndarray

    @staticmethod
    def of_rows(rows: list[tuple]) -> "Particles":
        return Particles(*np.array(rows, np.float64).reshape(-1, 6).T)

    def at(self, rows: np.ndarray) -> "Particles":
        return Particles(*(column[rows] for column in vars(self).values()))

    def near(self, eta: float, reach: float) -> "Particles":
        return self.at(np.abs(self.eta - eta) < reach)

    def joined(self, other: "Particles") -> "Particles":
        return Particles(*(np.concatenate(pair) for pair in zip(vars(self).values(), vars(other).values(),
                                                                strict=True)))


@dataclass(frozen=True)
class Measured:
    """What the window holds, in GeV: tracks and ECAL (125, 125), HCAL (25, 25)."""

    tracks: np.ndarray
    ecal: np.ndarray
    hcal: np.ndarray


def measure(particles: Particles, eta: float, phi: float, rng: np.random.Generator) -> Measured:
    """The window about the axis (eta, phi) of a jet."""
    corner = [(np.floor(x / TOWER) - TOWERS // 2) * TOWER for x in (eta, phi)]
    tracks = tracked(particles, rng)
    depth = np.full(len(particles.pt), 0.0)                        # share of the energy that ECAL gets
    hadron = particles.kind == HADRON
    early = hadron & (rng.random(len(depth)) < EARLY)
    depth[early] = rng.beta(*EARLY_SHARE, early.sum())
    depth[(particles.kind == ELECTRON) | (particles.kind == PHOTON)] = 1
    charged = particles.charge != 0
    arrives = (particles.kind != MUON) & (~charged | (particles.pt > BEND))
    bent = particles.phi - particles.charge * np.arcsin(np.minimum(1, BEND / particles.pt))
    place = particles.eta[arrives], np.where(charged, bent, particles.phi)[arrives]
    E, depth = particles.energy[arrives], depth[arrives]
    E_T = E / np.cosh(particles.eta[arrives])
    ecal = spread(laid(*place, E_T * depth, corner, CRYSTAL, SIDE, edge=1), ECAL_MIDDLE)
    hcal = spread(laid(*place, E_T * (1 - depth), corner, TOWER, TOWERS, edge=1), HCAL_MIDDLE)
    return Measured(laid(tracks.eta, tracks.phi, tracks.pt, corner, CRYSTAL, SIDE),
                    read_out(ecal, corner[0], CRYSTAL, ECAL_RESOLUTION, FAINTEST[1], rng),
                    read_out(hcal, corner[0], TOWER, HCAL_RESOLUTION, FAINTEST[2], rng))


def tracked(particles: Particles, rng: np.random.Generator) -> Particles:
    """Charged particles that are found, with p_T as it is measured; the rest of them as it was."""
    chance = np.where(particles.pt > EFFICIENT, EFFICIENCY[1], EFFICIENCY[0])
    found = particles.at((particles.charge != 0) & (np.abs(particles.eta) < TRACK_ETA)
                         & (rng.random(len(chance)) < chance))
    row = np.searchsorted([limit for limit, _, _ in TRACK_RESOLUTION[:-1]], np.abs(found.eta))
    a, b = np.array(TRACK_RESOLUTION)[row, 1:].T
    pt = found.pt * (1 + np.hypot(a, b * found.pt) * rng.standard_normal(len(row)))
    found = Particles(pt, found.eta, found.phi, found.energy, found.charge, found.kind)
    return found.at(pt > TRACK_PT)


def laid(eta: np.ndarray, phi: np.ndarray, values: np.ndarray, corner: list[float], pitch: float, side: int,
         edge: int = 0) -> np.ndarray:
    """Values (n,) summed in cells (side + 2 edge)^2 of a window whose lowest corner, without the edge, is given."""
    row = np.floor((eta - corner[0]) / pitch).astype(int) + edge
    column = np.floor((np.mod(phi - corner[1] + np.pi / 2, 2 * np.pi) - np.pi / 2) / pitch).astype(int) + edge
    side = side + 2 * edge
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    return np.bincount(row[inside] * side + column[inside], values[inside], side * side).reshape(side, side)


def spread(cells: np.ndarray, middle: float) -> np.ndarray:
    """Cells (n + 2, n + 2) over their neighbours, `middle` of each staying where it is, as a product of two laws on a
    line; the (n, n) inside of the edge. What leaves it is lost."""
    own = middle**0.5
    other = (1 - own) / 2
    rows = own * cells[1:-1] + other * (cells[:-2] + cells[2:])
    return own * rows[:, 1:-1] + other * (rows[:, :-2] + rows[:, 2:])


def read_out(E_T: np.ndarray, corner: float, pitch: float, resolution: tuple[float, float, float], faintest: float,
             rng: np.random.Generator) -> np.ndarray:
    """E_T (n, n) of cells as measured, 0 where less than `faintest` is left. Noise is drawn where there is a signal."""
    stochastic, noise, constant = resolution
    steep = np.cosh(corner + (np.arange(len(E_T)) + 0.5) * pitch)[:, None]
    E = E_T * steep
    sigma = np.sqrt(stochastic**2 * E + noise**2 + (constant * E)**2)
    seen = np.where(E > 0, E + sigma * rng.standard_normal(E.shape), 0) / steep
    return np.where(seen >= faintest, seen, 0)
