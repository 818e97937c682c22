"""Sequential recombination of all that a jet holds, for many jets at once.

The two nearest of a jet's particles become one until one is left; which are nearest is what the algorithm says:

    d_ij = min(p_Ti, p_Tj)^(2 power) DeltaR_ij^2         power 1: k_T (Catani et al. 1993), 0: Cambridge/Aachen
                                                         (Dokshitzer et al. 1997), momenta added (the E-scheme)
"""

from dataclasses import dataclass

import numpy as np

FAR = np.inf


@dataclass(frozen=True)
class History:
    """B jets of at most n particles; step s of n - 1 makes one of two. Momenta are (p_x, p_y, p_z, E).

    into, gone   (B, n - 1)     places of the two, the harder first: the sum stands at the first; -1 where there are
                                no two left
    softer       (B, n - 1)     p_T of the softer over the sum of both
    apart        (B, n - 1)     DeltaR of the two
    momentum     (B, n - 1, 4)  of the two together
    sets         {k: (B, k, 4)} the momenta when k were left, those of jets with fewer are 0
    """

    into: np.ndarray
    gone: np.ndarray
    softer: np.ndarray
    apart: np.ndarray
    momentum: np.ndarray
    sets: dict[int, np.ndarray]


def massless(pt: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """(..., 4) momenta."""
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], -1)


def pt_y_phi(p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p_T, rapidity and phi (...,) of momenta (..., 4); 0 of what has no energy."""
    pt = np.hypot(p[..., 0], p[..., 1])
    there = p[..., 3] > 0
    y = np.arctanh(np.where(there, p[..., 2], 0) / np.where(there, p[..., 3], 1))
    return pt, y, np.arctan2(p[..., 1], p[..., 0])


def mass(p: np.ndarray) -> np.ndarray:
    """(...,) of momenta (..., 4)."""
    return np.sqrt(np.maximum(p[..., 3]**2 - (p[..., :3]**2).sum(-1), 0))


def delta_r(y1, phi1, y2, phi2) -> np.ndarray:
    return np.hypot(y1 - y2, np.mod(phi1 - phi2 + np.pi, 2 * np.pi) - np.pi)


def history(p: np.ndarray, power: float, keep: tuple[int, ...] = ()) -> History:
    """Of momenta p (B, n, 4), 0 where a jet has fewer; `keep`: for which numbers left the momenta are kept.

    Every particle remembers its nearest, and only those whose nearest has changed look anew (as FastJet does).
    """
    p = np.array(p, np.float64)
    B, n, _ = p.shape
    pt, y, phi = pt_y_phi(p)
    alive = pt > 0
    left = alive.sum(1)
    near, how = np.zeros((B, n), int), np.full((B, n), FAR)
    steps = max(0, n - 1)
    out = History(np.full((B, steps), -1), np.full((B, steps), -1), np.zeros((B, steps)), np.zeros((B, steps)),
                  np.zeros((B, steps, 4)), {k: np.zeros((B, k, 4)) for k in keep})

    def distances(jets: np.ndarray, places: np.ndarray) -> np.ndarray:
        """(m, n) from some particles to all of their jets."""
        d = delta_r(y[jets], phi[jets], y[jets, places][:, None], phi[jets, places][:, None])**2
        d = d * np.minimum(pt[jets], pt[jets, places][:, None])**(2 * power) if power else d
        d = np.where(alive[jets], d, FAR)
        d[np.arange(len(jets)), places] = FAR
        return d

    def look(jets: np.ndarray, places: np.ndarray) -> np.ndarray:
        d = distances(jets, places)
        near[jets, places] = d.argmin(1)
        how[jets, places] = d.min(1)
        return d

    for place in range(n):
        look(np.flatnonzero(alive[:, place]), np.full(alive[:, place].sum(), place))
    for step in range(steps):
        for k in keep:
            for jet in np.flatnonzero(left == k):
                out.sets[k][jet] = p[jet, alive[jet]]
        jets = np.flatnonzero(left > 1)
        if not len(jets):
            break
        i = how[jets].argmin(1)
        j = near[jets, i]
        i, j = np.where(pt[jets, i] >= pt[jets, j], i, j), np.where(pt[jets, i] >= pt[jets, j], j, i)
        out.into[jets, step], out.gone[jets, step] = i, j
        out.softer[jets, step] = pt[jets, j] / (pt[jets, i] + pt[jets, j])
        out.apart[jets, step] = delta_r(y[jets, i], phi[jets, i], y[jets, j], phi[jets, j])
        p[jets, i] += p[jets, j]
        p[jets, j] = 0
        out.momentum[jets, step] = p[jets, i]
        pt[jets, i], y[jets, i], phi[jets, i] = pt_y_phi(p[jets, i])
        pt[jets, j] = 0
        alive[jets, j], how[jets, j] = False, FAR
        left[jets] -= 1
        d = look(jets, i)
        closer = d < how[jets]
        how[jets] = np.where(closer, d, how[jets])
        near[jets] = np.where(closer, i[:, None], near[jets])
        lost = alive[jets] & ((near[jets] == j[:, None]) | ((near[jets] == i[:, None]) & ~closer))
        rows, places = np.nonzero(lost)
        look(jets[rows], places)
    for k in keep:
        for jet in np.flatnonzero(left == k):
            out.sets[k][jet] = p[jet, alive[jet]]
    return out


def groomed(p: np.ndarray, declustered: History, cut: float, beta: float, R: float) -> np.ndarray:
    """Soft drop (Larkoski, Marzani, Soyez & Thaler 2014, 1402.2657, eq. 1.1) of jets p (B, n, 4): momenta (B, 4).

    The Cambridge/Aachen history is walked back along the harder of the two, until the softer one has more than
    cut x (DeltaR / R)^beta of their p_T. Where none has, one particle is left.
    """
    jets = np.arange(len(p))
    steps = declustered.into.shape[1]
    there = declustered.into >= 0
    place = np.where(there.any(1), declustered.into[jets, there.sum(1) - 1] if steps else 0,
                     np.hypot(p[..., 0], p[..., 1]).argmax(1))
    found, done = np.zeros((len(p), 4)), np.zeros(len(p), bool)
    for step in reversed(range(steps)):
        here = ~done & there[:, step] & (declustered.into[:, step] == place)
        stops = here & (declustered.softer[:, step] > cut * (declustered.apart[:, step] / R)**beta)
        found[stops] = declustered.momentum[stops, step]
        done |= stops
    found[~done] = p[jets, place][~done]
    return found
