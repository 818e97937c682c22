"""Two sets by the balls round their members: fidelity and diversity apart, and copies of what was trained on.

Distances are Euclidean, so that columns count by their size. All pairs are walked in blocks: 5,000 a side fit easily.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.diffusion.two_samples import AT_ONCE, pair

K = 5


@dataclass(frozen=True)
class Neighbours:
    """Shares in [0, 1], but for density. Each has its own floor, since even one law gives no 1."""

    precision: float    # generated rows within some ball of the reference: they look real
    recall: float       # rows of the reference within some ball of the generated: all kinds are made
    density: float      # balls of the reference round a generated row, over k; 1 on average where the law is one
    coverage: float     # balls of the reference that hold a generated row


def neighbours(generated: np.ndarray | Tensor, reference: np.ndarray | Tensor, k: int = K) -> Neighbours:
    """Precision and recall (Kynkaanniemi et al. 2019, 1904.06991, eq. 1-2), density and coverage (Naeem et al. 2020,
    2002.09797, eq. 2-3) of features (m, d) against (n, d).

    A ball goes from a row to its k-th nearest of its own set, itself not counted. Where the law is one, density is 1
    on average and coverage 1 - (n-1)...(n-k) / ((m+n-1)...(m+n-k)), in any number of columns: 0.969 for k = 5, n = m.
    """
    generated, reference = pair(generated, reference, least=k + 1)
    mine, theirs = radii(generated, k), radii(reference, k)
    precise = density = 0
    recalled = covered = torch.zeros(len(reference), dtype=torch.bool)
    for part, radius in zip(generated.split(AT_ONCE), mine.split(AT_ONCE), strict=True):
        distance = torch.cdist(part, reference)
        inside = distance <= theirs
        precise += int(inside.any(1).sum())
        density += int(inside.sum())
        covered = covered | inside.any(0)
        recalled = recalled | (distance <= radius[:, None]).any(0)
    m = len(generated)
    return Neighbours(precise / m, float(recalled.double().mean()), density / (k * m), float(covered.double().mean()))


def radii(x: Tensor, k: int) -> Tensor:
    """(n,) distance from each row of x (n, d) to its k-th nearest other row."""
    return torch.cat([torch.cdist(part, x).kthvalue(k + 1, dim=1).values for part in x.split(AT_ONCE)])


def nearest(images: np.ndarray | Tensor, blocks: Iterable[np.ndarray | Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Of every image (n, ...) the nearest in a training set that comes in blocks (?, ...), a stream if need be.

    returns  (n,) float32 distance, the rms difference of a pixel, in the images' unit; (n,) int64 place in the set

    The nearest is sought by |y|^2 - 2 x.y in single precision, on the device of the images, and its distance is then
    taken from the difference itself: a copy is at 0 exactly. Where training turns and mirrors its images, a copy may
    be turned as well: hand the turned blocks in too.
    """
    x = torch.as_tensor(images).float()
    centre = x.mean(0).flatten()
    best = torch.full((len(x),), torch.inf, device=x.device)
    place = torch.full((len(x),), -1, dtype=torch.int64, device=x.device)
    gone = 0
    for block in blocks:
        y = torch.as_tensor(block).to(x)
        assert y.shape[1:] == x.shape[1:], (y.shape, x.shape)
        flat, there = x.flatten(1), y.flatten(1)
        near = torch.addmm((there - centre).square().sum(1)[None], flat - centre, (there - centre).T,
                           alpha=-2).argmin(1)
        distance = (flat - there[near]).square().mean(1).sqrt()
        closer = distance < best
        best, place = torch.where(closer, distance, best), torch.where(closer, gone + near, place)
        gone += len(y)
    if not gone:
        raise ValueError("The training set is empty, so that nothing is nearest; give at least one image of it.")
    return best.cpu().numpy(), place.cpu().numpy()


def copy_share(distance: np.ndarray, held_out: np.ndarray, quantile: float = 0.01) -> float:
    """Share of generated images closer to the training set than all but `quantile` of images held out from it.

    distance, held_out  (n,) and (m,) as `nearest` gives them, to one and the same set
    Where nothing is memorised it is about `quantile` itself, and copies add their share: the thought of Meehan et al.
    2020 (2004.05675) and of Stein et al. 2023 (2306.04675), section 5.
    """
    return float((np.asarray(distance) < np.quantile(held_out, quantile)).mean())
