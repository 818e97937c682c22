"""What physicists measure of a jet, from its image alone, so that simulated and generated jets are read alike.

A pixel of ECAL and HCAL together is a massless particle at its centre; the jet is all of them within R = 0.8 of the
middle of the window, which holds the axis of the jet to half a tower.
"""

from dataclasses import dataclass

import numpy as np

from lenslab.jets.detector import CRYSTAL, SIDE
from lenslab.jets.images import pixels
from lenslab.jets.recombination import delta_r, groomed, history, mass, massless, pt_y_phi

R = 0.8
SOFT_DROP = 0.1, 0.0          # z_cut and beta, as CMS tags tops and Ws (JINST 15 (2020) P06005)
RINGS = 8                     # of the radial profile, each 0.1 wide
AT_ONCE = 100                 # jets


@dataclass(frozen=True)
class Observable:
    title: str
    unit: str
    text: str
    whole: bool = False      # a count


OBSERVABLES = {
    "pt": Observable("Transverse momentum", "GeV", "Of the sum of all that the calorimeters saw."),
    "mass": Observable("Mass", "GeV", "Of the same sum: how far apart the parts of a jet fly, times their energy."),
    "soft_drop_mass": Observable("Mass after soft drop", "GeV", "The same after soft parts at wide angles are dropped, "
                                 "which leaves a W or a top whole."),
    "girth": Observable("Girth", "", "Mean distance from the axis, weighted with p_T: gluon jets are wider."),
    "tracks": Observable("Tracks", "", "Lit pixels of the tracker in the jet: gluons make more charged particles.",
                         True),
    "pt_d": Observable("p_T D", "", "1: one track has all of the momentum; small: many share it."),
    "tau21": Observable("tau 2 / tau 1", "", "Small where the jet is two clusters rather than one, as of a W."),
    "tau32": Observable("tau 3 / tau 2", "", "Small where it is three clusters rather than two, as of a top."),
    "d2": Observable("D2", "", "Small where it is two clusters, by the distances of all pairs and triples."),
    "ecal_share": Observable("Share of ECAL", "", "Of the energy, how much the electromagnetic calorimeter saw."),
    "hits_ecal": Observable("Lit pixels of ECAL", "", "In the whole window.", True),
    "hits_hcal": Observable("Lit pixels of HCAL", "", "In the whole window.", True),
}


@dataclass(frozen=True)
class Observed:
    """Of n jets: table (n, P) by OBSERVABLES, and the share of p_T in each of RINGS round the axis (n, RINGS)."""

    table: np.ndarray
    profile: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        return self.table[:, list(OBSERVABLES).index(name)]

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows) -> "Observed":
        return Observed(self.table[rows], self.profile[rows])


def observe(images: np.ndarray) -> Observed:
    """Of images (n, 3, side, side) in GeV."""
    parts = [observe_block(images[k:k + AT_ONCE]) for k in range(0, len(images), AT_ONCE)]
    return Observed(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def observe_block(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    eta, phi = places(images.shape[-1])
    inside = np.hypot(eta, phi) < R
    calorimeter = images[:, 1:].sum(1, dtype=np.float64)
    p = packed(np.where(inside, calorimeter, 0), eta, phi)
    jet = p.sum(1)
    pt, y, phi_jet = pt_y_phi(jet)
    each, y_each, phi_each = pt_y_phi(p)
    total = np.maximum(each.sum(1), 1e-12)
    away = delta_r(y_each, phi_each, y[:, None], phi_jet[:, None])
    tau = subjettiness(p, each, y_each, phi_each, total)
    tracks = np.where(inside, images[:, 0], 0).reshape(len(images), -1).astype(np.float64)
    lit = images > 0
    table = np.stack([
        pt, mass(jet), mass(groomed(p, history(p, 0), *SOFT_DROP, R)), (each * away).sum(1) / total,
        (tracks > 0).sum(1), np.sqrt((tracks**2).sum(1)) / np.maximum(tracks.sum(1), 1e-12),
        ratio(tau[2], tau[1]), ratio(tau[3], tau[2]), d2(each / total[:, None], y_each, phi_each),
        images[:, 1].sum((1, 2)) / np.maximum(calorimeter.sum((1, 2)), 1e-12), *lit[:, 1:].sum((2, 3)).T], 1)
    ring = np.minimum((away / R * RINGS).astype(int), RINGS - 1)
    profile = np.bincount((np.arange(len(images))[:, None] * RINGS + ring).ravel(), (each / total[:, None]).ravel(),
                          len(images) * RINGS)
    return table, profile.reshape(-1, RINGS)


def places(side: int) -> tuple[np.ndarray, np.ndarray]:
    """(side, side) eta and phi of the pixels' centres, from the middle of the window."""
    bins = pixels(side)
    axis = (bins * np.arange(side) + (bins - SIDE) / 2) * CRYSTAL
    return np.meshgrid(axis, axis, indexing="ij")


def packed(E_T: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Momenta (B, n, 4) of the lit pixels of E_T (B, side, side), 0 where a jet has fewer than another."""
    flat = E_T.reshape(len(E_T), -1)
    most = max(1, int((flat > 0).sum(1).max(initial=0)))
    at = np.argsort(-flat, 1, kind="stable")[:, :most]
    return massless(np.take_along_axis(flat, at, 1), eta.ravel()[at], phi.ravel()[at])


def subjettiness(p: np.ndarray, pt: np.ndarray, y: np.ndarray, phi: np.ndarray, total: np.ndarray) -> dict:
    """N-subjettiness {N: (B,)} for N = 1, 2, 3, with the subjets of exclusive k_T as its axes (Thaler & Van Tilburg
    2011, 1011.2268, eq. 2.1)."""
    axes = history(p, 1, keep=(1, 2, 3)).sets
    out = {}
    for N, momenta in axes.items():
        _, y_axis, phi_axis = pt_y_phi(momenta)
        away = delta_r(y[:, :, None], phi[:, :, None], y_axis[:, None], phi_axis[:, None])
        out[N] = (pt * away.min(2)).sum(1) / (R * total)
        out[N][(momenta[..., 3] == 0).any(1)] = 0        # as many axes as particles
    return out


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where b is."""
    return np.where(b > 1e-9, a / np.maximum(b, 1e-9), 0)


def d2(z: np.ndarray, y: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """D2 with beta = 1 (Larkoski, Moult & Neill 2014, 1409.6298) of shares of p_T (B, n): e3 / e2^3, the sums over
    pairs and triples of the product of shares and of all distances among them."""
    apart = delta_r(y[:, :, None], phi[:, :, None], y[:, None], phi[:, None])
    weighted = apart * z[:, None]
    e2 = (weighted * z[:, :, None]).sum((1, 2)) / 2
    e3 = (weighted * z[:, :, None] * (weighted @ apart)).sum((1, 2)) / 6
    return ratio(e3, e2**3)
