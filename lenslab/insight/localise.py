"""Does an explanation show where the substructure is? The simulator knows, so that every map is scored.

The truth is what substructure changes in the image, in sigmas, with all that a smooth lens and source could mimic
projected out (`lenslab.images.ceiling.residuals`): the evidence that is there for anybody. Arrays of a batch:

    weights  (B, H, W) >= 0   a map of evidence (lenslab.insight.explain)
    signal   (B, H, W)        the truth, in sigmas, signed
    truth    (B, H, W) bool   the pixels that hold it (`true_pixels`)
    sigmas   (B, H, W)        the image over its noise

Substructure is seen only where there is light, so a map that merely finds the arc looks good. Each score therefore
stands beside its chance: that of a map which knows the arc and nothing else.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from scipy.stats import rankdata
from torch import Tensor, nn

from lenslab.insight import metrics

HELD = 0.9         # share of the signal's square sum that the true pixels hold
LIT = 3.0          # sigmas above which a pixel belongs to the arc
STEPS = 16         # of deletion and insertion


@dataclass(frozen=True)
class Curves:
    """Probability of a class as pixels are replaced, in some order, a step at a time."""

    share: np.ndarray        # (K,) pixels replaced, as a share of the number of pixels in the arc: 0 to 1
    deletion: np.ndarray     # (B, K) from the image towards the baseline: a good order makes it fall at once
    insertion: np.ndarray    # (B, K) from the baseline towards the image: a good order makes it rise at once

    @property
    def deleted(self) -> np.ndarray:
        """(B,) area under the deletion curve; lower is better."""
        return np.trapezoid(self.deletion, self.share, axis=1)

    @property
    def inserted(self) -> np.ndarray:
        """(B,) area under the insertion curve; higher is better."""
        return np.trapezoid(self.insertion, self.share, axis=1)


def true_pixels(signal: np.ndarray, held: float = HELD) -> np.ndarray:
    """The fewest pixels, strongest first, that hold so much of the signal's square sum; none where there is none.

    The square sum is lambda^2, so that these pixels are those by which the substructure could be told.
    """
    squares = np.asarray(signal, np.float64) ** 2
    flat = squares.reshape(len(squares), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranked = np.take_along_axis(flat, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked          # what the stronger ones hold already
    kept = np.zeros(flat.shape, bool)
    np.put_along_axis(kept, order, (before < held * flat.sum(1, keepdims=True)) & (ranked > 0), axis=1)
    return kept.reshape(squares.shape)


def near(truth: np.ndarray, psf_fwhm: float) -> np.ndarray:
    """Pixels whose centre lies within one FWHM of the PSF (in pixels) of a true one: no map can be finer than that."""
    truth = np.asarray(truth, bool)
    return np.stack([distance_transform_edt(~one) <= psf_fwhm if one.any() else one for one in truth])


def arc(sigmas: np.ndarray) -> np.ndarray:
    """Pixels that are lit beyond doubt, above LIT sigmas."""
    return np.asarray(sigmas) > LIT


def share_within(weights: np.ndarray, truth: np.ndarray, psf_fwhm: float) -> np.ndarray:
    """(B,) share of a map's weight within one FWHM of the PSF of true pixels; a map of nothing finds nothing, 0.

    Of a map that is even over the arc, `arc(sigmas)`, it is the chance level.
    """
    weights = flat(weights)
    inside = (weights * flat(near(truth, psf_fwhm))).sum(1)
    total = weights.sum(1)
    return np.divide(inside, total, out=np.zeros(len(weights)), where=total > 0)


def pointing_game(weights: np.ndarray, truth: np.ndarray, psf_fwhm: float) -> np.ndarray:
    """(B,) 1 where a map's strongest pixel lies within one FWHM of a true one, else 0 (Zhang et al. 2016, 1608.00507).

    Of several equal ones, as a patch of occlusion has, the share that does. A map of nothing points nowhere, 0. The
    chance level is that of `share_within`: a pixel of the arc, drawn blindly.
    """
    weights = flat(weights)
    top = weights.max(1, keepdims=True)
    strongest = (weights == top) & (top > 0)
    return (strongest & flat(near(truth, psf_fwhm)).astype(bool)).sum(1) / np.maximum(strongest.sum(1), 1)


def order_of(weights: np.ndarray, seed: int = 0) -> np.ndarray:
    """Place (B, H, W) of each pixel as a map ranks them, 0 for its strongest; equal pixels in random order."""
    weights = np.asarray(weights, np.float64)
    return ranks(weights, np.random.default_rng(seed).random(weights.shape))


def blind_order(sigmas: np.ndarray, seed: int = 0) -> np.ndarray:
    """As `order_of` for a map that knows the arc and nothing else: its pixels first, each in random order."""
    return order_of(arc(sigmas).astype(np.float64), seed)


def ranks(weights: np.ndarray, ties: np.ndarray) -> np.ndarray:
    order = np.lexsort((flat(ties), -flat(weights)), axis=1)
    place = np.empty(order.shape, np.int64)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return place.reshape(weights.shape)


def curves(probability: Callable[[Tensor], Tensor], given: Tensor, baseline: Tensor, order: np.ndarray,
           sigmas: np.ndarray, steps: int = STEPS) -> Curves:
    """Deletion and insertion (Petsiuk et al. 2018, 1806.07421) until as many pixels are replaced as the arc has.

    probability  (B, K, H, W) -> (B,), of the class that was explained
    baseline     (B, K, H, W), what replaces a pixel: zeros are an empty sky. `given` less the true signal is the same
                 lens without its substructure, on which a network answers as it was taught to; an arc with holes is
                 something that it has never seen.
    """
    share = np.linspace(0, 1, steps + 1)
    place = torch.from_numpy(order).to(given.device)[:, None]
    number = flat(arc(sigmas)).sum(1)
    deletion, insertion = [], []
    with torch.no_grad():
        for part in share:
            count = torch.from_numpy(np.round(part * number).astype(np.int64)).to(given.device)
            replaced = place < count[:, None, None, None]
            deletion.append(probability(torch.where(replaced, baseline, given)).double().cpu().numpy())
            insertion.append(probability(torch.where(replaced, given, baseline)).double().cpu().numpy())
    return Curves(share, np.stack(deletion, axis=1), np.stack(insertion, axis=1))


def randomised(model: nn.Module, seed: int = 0) -> nn.Module:
    """A network whose every tensor of weights has its own numbers in random order: all that was learnt is lost.

    Adebayo et al. 2018 (1810.03292) draw the weights anew; shuffled ones keep the scale of each layer, whatever its
    kind, so that the answers stay of the same order.
    """
    net, draw = deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in net.parameters():
            mixed = torch.randperm(weights.numel(), generator=draw).to(weights.device)
            weights.copy_(weights.flatten()[mixed].reshape(weights.shape))
    return net


def rank_correlation(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(B,) Spearman's rho of two maps over the pixels `where` (B, H, W); 0 where a map is the same everywhere.

    The sanity check: maps of a trained network and of its `randomised` copy must not agree. A map near 1 shows the
    image, whatever was learnt. Take the arc for `where`: over a whole frame any two maps agree that the sky is empty.
    """
    found = []
    for a, b, some in zip(np.asarray(one), np.asarray(other), np.asarray(where, bool), strict=True):
        a, b = (rankdata(value[some]) - (some.sum() + 1) / 2 for value in (a, b))
        length = np.sqrt((a**2).sum() * (b**2).sum())
        found.append((a * b).sum() / length if length > 0 else 0.0)
    return np.array(found)


def mean_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Mean of scores (N,) of images, and its 95 % interval by the bootstrap over images."""
    values = np.asarray(values, np.float64)
    if not len(values):
        raise ValueError("There are no images to score; give at least one that has substructure.")
    alike = np.zeros(len(values), np.int64)
    means = np.concatenate([weights @ values / len(values)
                            for weights in metrics.bootstrap(alike, metrics.RESAMPLES, seed)])
    low, high = np.quantile(means, [(1 - metrics.LEVEL) / 2, (1 + metrics.LEVEL) / 2])
    return float(values.mean()), float(low), float(high)


def flat(values: np.ndarray) -> np.ndarray:
    """(B, H, W) as (B, H W) float64."""
    values = np.asarray(values, np.float64)
    assert values.ndim == 3, values.shape
    return values.reshape(len(values), -1)
