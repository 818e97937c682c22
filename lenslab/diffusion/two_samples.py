"""How unlike two sets are, by their features. Arrays or tensors in, plain numbers out; 0 where both have one law.

    a, b  (n, d) and (m, d): one row an image, one column a feature (of a network, or an observable); what has more
    axes is flattened, a vector is one column. The unit of both distances follows from that of the features.

A figure of two finite sets is no zero even where the law is one: it means something only beside its floor, the same
figure of the reference against an independent draw of itself, of as many rows. Features of another network make
another figure: only those of Inception may be called FID, and these are not.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

LEVEL = 0.95
RESAMPLES = 200
AT_ONCE = 1024         # rows of one side in a block of pairs: 5,000 of the other make 41 MB


class Interval(NamedTuple):
    """A figure and where it may lie; arrays where the figure is one number for each of several scales."""

    value: float | np.ndarray
    low: float | np.ndarray
    high: float | np.ndarray


def rows(features: np.ndarray | Tensor) -> Tensor:
    """(n, d) float64 in main memory, checked: the sums below cancel to many digits."""
    x = torch.as_tensor(features).detach().to("cpu", torch.float64)
    x = x[:, None] if x.ndim == 1 else x.flatten(1)
    broken = int((~x.isfinite().all(1)).sum())
    if broken:
        raise ValueError(f"{broken} of {len(x)} rows hold numbers that are not finite, and such have no distance; "
                         "leave them out and say how many they were.")
    return x


def pair(a: np.ndarray | Tensor, b: np.ndarray | Tensor, least: int) -> tuple[Tensor, Tensor]:
    """Both sides as `rows`, of as many columns and at least so many rows."""
    a, b = rows(a), rows(b)
    assert a.shape[1] == b.shape[1], (a.shape, b.shape)
    if min(len(a), len(b)) < least:
        raise ValueError(f"Sets of {len(a)} and {len(b)} are too small to compare; give at least {least} a side.")
    return a, b


def frechet(a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> float:
    """Squared Frechet distance of the Gaussians with the means and covariances of a and b; unit of features squared.

        |mu_a - mu_b|^2 + Tr(A + B - 2 (A B)^(1/2))            Heusel et al. 2017 (1706.08500), eq. 6

    The trace of the root is the sum of the singular values of A^(1/2) B^(1/2), and those are of the triangles of the
    centred rows: no square is formed and rooted again, so that columns without spread cost no digits.

    It is biased up: sets of n and m rows of one Gaussian have on average, with l the eigenvalues of its covariance,
    (1/n + 1/m) (5/4 sum_i l_i + 1/2 sum_ij l_i l_j / (l_i + l_j)), which grows as d^2. Compare at one n only.
    """
    a, b = pair(a, b, least=2)
    between = (a.mean(0) - b.mean(0)).square().sum()
    A, B = (torch.linalg.qr((x - x.mean(0)) / (len(x) - 1) ** 0.5).R for x in (a, b))
    within = A.square().sum() + B.square().sum() - 2 * torch.linalg.svdvals(A @ B.T).sum()
    return float(between + within.clamp_min(0))


def kernel_distance(a: np.ndarray | Tensor, b: np.ndarray | Tensor, degree: int = 3) -> float:
    """Squared maximum mean discrepancy with the kernel (x . y / d + 1)^degree; no unit.

    Binkowski et al. 2018 (1801.01401), section 4, with the unbiased estimate of Gretton et al. 2012, eq. 3: its mean
    is that of endless sets at any n, and so it falls below 0 half the time where the law is one. It sees moments up to
    `degree`: 3 as in that paper, 4 as Kansal et al. 2022 (2211.10295) for jets. Columns count by their size: bring
    observables of several units to one scale first.
    """
    a, b = pair(a, b, least=2)

    def k(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** degree

    def among(x: Tensor) -> Tensor:
        own = (x.square().sum(1) / x.shape[1] + 1) ** degree
        return (sum(k(part, x).sum() for part in x.split(AT_ONCE)) - own.sum()) / (len(x) * (len(x) - 1))

    across = sum(k(part, b).sum() for part in a.split(AT_ONCE)) / (len(a) * len(b))
    return float(among(a) + among(b) - 2 * across)


def interval(figure: Callable[..., float | np.ndarray], *numbers: int, seed: int = 0, resamples: int = RESAMPLES,
             within: tuple[float, float] = (-np.inf, np.inf)) -> Interval:
    """A figure of sets of so many rows, with its central 95 %: interval(lambda i, j: frechet(a[i], b[j]), 500, 400).

    figure     takes the rows to use of each set, (n,) int64 each: sets that are paired share one
    within     the figure's own limits: what is moved beyond them is held there

    Each resample is half of every set, drawn without putting back. The spread among halves is the spread of the
    whole (the jackknife that deletes n / 2: Shao & Wu 1989, Ann. Statist. 17, 1176), as the bootstrap's is; but no
    row comes twice, and rows that do are what neighbours and unbiased sums take for copies. A figure that depends on
    n is another one for halves: the spread is kept and moved to the estimate. Where the law is one, `frechet` and
    `kernel_distance` scatter less than their halves do, and the interval is some 1.7 times as wide as it need be.
    """
    rng = np.random.default_rng([seed, *numbers])
    value = np.asarray(figure(*(np.arange(n) for n in numbers)), np.float64)
    halves = np.stack([figure(*(np.sort(rng.permutation(n)[:n // 2]) for n in numbers)) for _ in range(resamples)])
    low, high = np.quantile(halves - halves.mean(0) + value, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0).clip(*within)
    return Interval(value, low, high) if value.ndim else Interval(float(value), float(low), float(high))
