"""How well does a network measure, and are its errors honest? On images that steered nothing. `config` is the task's.

Each quantity is judged on the images that have it, given their class: the error of the posterior's median, and how
often its central 68 % and 95 % hold the truth. What images tell beyond the prior is the gain: nats of log density at
the truth over that of the prior.
"""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from lenslab.feed.stream import HELD_OUT_SEED, held_out, simulated
from lenslab.insight import calibration
from lenslab.insight.novelty import Novelty
from lenslab.nets.measurer import Measurer
from lenslab.nets.posterior import normal
from lenslab.tasks.classify.answers import features_of as last_features
from lenslab.tasks.measure.quantities import SMOOTH, Quantities
from lenslab.tasks.measure.skies import shared_errors
from lenslab.tasks.measure.task import CLASS_WEIGHT, Estimate, estimate_of, features_of, view_of
from lenslab.tasks.measure.view import TRUTH
from lenslab.tasks.trained import Trained
from lenslab.tasks.training import Training

USUAL = 1200           # training images that tell what is usual for a network
RESAMPLES = 500        # behind intervals
FEWEST = 30            # images that a quantity is judged by


def evaluate(trained: Trained, config: Training, split: str = "validation") -> dict:
    """Plain numbers with intervals. With the split "test" the temperature of each block is set first, by validation
    images, "novelty" has learnt what is usual, and "card" holds ranks, coverage curves, and the errors that many lenses
    share, by validation images too."""
    model, quantities = trained.model, Quantities.of_card(trained.card["measures"])
    shown = held_out(view_of(config, HELD_OUT_SEED, "validation"), config.validation, config.workers)
    features = features_of(model, shown.inputs)
    if split == "validation":
        return scores(trained, features, shown.targets[TRUTH], shown.labels)
    model.temperature.copy_(temperatures(model, features, quantities.scores(shown.targets[TRUTH]).to(features)))
    drawn = estimate_of(trained, features).samples.numpy()
    errors = shared_errors(drawn, shown.targets[TRUTH].numpy(), quantities)
    held = shown.inputs
    shown = held_out(view_of(config, HELD_OUT_SEED, split), config.test, config.workers)
    features = features_of(model, shown.inputs)
    found = scores(trained, features, shown.targets[TRUTH], shown.labels, RESAMPLES)
    found["card"] = {"calibration": curves(estimate_of(trained, features), shown.targets[TRUTH].numpy()),
                     "shared_errors": errors}
    usual = simulated(view_of(config, config.seed, "train"), min(USUAL, config.images or USUAL), config.workers)
    learnt = last_features(trained, usual.inputs)
    found["novelty"] = Novelty(learnt.shape[1], len(quantities.classes)).fit(
        learnt, last_features(trained, held), torch.from_numpy(usual.labels))
    return found


def scores(trained: Trained, features: Tensor, truth: Tensor, labels: np.ndarray, resamples: int = 0) -> dict:
    """Of features (N, n) and what is true (N, Q), each number beside its interval."""
    model, quantities = trained.model, Quantities.of_card(trained.card["measures"])
    with torch.no_grad():
        targets = quantities.scores(truth).to(features)
        ln = model.log_prob(features, targets).double().cpu()
        logits = model.logits(features).double().cpu()
    known = torch.stack([targets[:, places].isfinite().all(1) for places in quantities.blocks.values()], 1).cpu()
    prior = torch.stack([normal(targets[:, places].double()) for places in quantities.blocks.values()], 1).cpu()
    gain = (ln - prior).where(known, 0)
    dark = [k for k, block in enumerate(quantities.blocks) if block != SMOOTH]
    owners = known[:, dark].any(1)
    wrong = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
    estimate = estimate_of(trained, features)
    found = dict(loss=float(-ln.sum(1).mean() + CLASS_WEIGHT * wrong), n=len(labels),
                 gain=float(gain[:, dark].sum(1)[owners].mean()) if dark else 0.0,
                 gain_lens=float(gain[:, 0].mean()) if SMOOTH in quantities.blocks else 0.0,
                 accuracy=float((logits.argmax(1).numpy() == labels).mean()))
    return found | by_key(estimate, truth.numpy(), resamples)


def by_key(estimate: Estimate, truth: np.ndarray, resamples: int = 0) -> dict:
    """{mae, rmse, r2, coverage68, coverage95, claimed: {key: number}}, their intervals, how many images, and the means
    of all. Claimed is the error that the posteriors themselves expect of their medians.

    Where several classes have a key their images count together.
    """
    samples, quantities = estimate.samples.numpy(), estimate.quantities
    found: dict = {name: {} for name in ("mae", "rmse", "r2", "coverage68", "coverage95", "claimed", "number")}
    intervals: dict = {}
    for key in quantities.keys:
        parts = [(samples[mine, :, k], truth[mine, k]) for k in quantities.places(key)
                 for mine in [np.isfinite(truth[:, k])]]
        drawn, true = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        if len(true) < FEWEST:
            continue
        figures = of_key(drawn, true)
        for name, value in figures.items():
            found[name][key] = value
        found["number"][key] = len(true)
        if resamples:
            rng = np.random.default_rng(0)
            rows = rng.integers(0, len(true), (resamples, len(true)))
            each = summary(drawn, true)
            again = [of_median(*(part[row] for part in each)) for row in rows]
            for name in figures:
                intervals[f"{name}.{key}"] = np.percentile([one[name] for one in again], [2.5, 97.5]).tolist()
    own = [key for key in found["r2"] if key.startswith("log10")]
    means = {f"mean_{name}": float(np.mean([found[name][key] for key in own])) for name in (
        "r2", "coverage68", "coverage95")} if own else {}
    return found | means | dict(intervals=intervals)


def of_key(drawn: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Of samples (N, S) and truths (N,)."""
    return of_median(*summary(drawn, true))


def summary(drawn: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, ...]:
    """Medians, the error that each posterior expects of its own, ranks, and truths, (N,) each."""
    median = np.median(drawn, 1)
    return median, np.abs(drawn - median[:, None]).mean(1), calibration.ranks(drawn, true), true


def of_median(median: np.ndarray, claimed: np.ndarray, pit: np.ndarray, true: np.ndarray) -> dict[str, float]:
    error = median - true
    return dict(mae=float(np.abs(error).mean()), rmse=float((error**2).mean() ** 0.5),
                r2=float(1 - (error**2).mean() / true.var()), coverage68=calibration.central_coverage(pit, 0.68),
                coverage95=calibration.central_coverage(pit, 0.95), claimed=float(claimed.mean()))


def temperatures(model: Measurer, features: Tensor, targets: Tensor) -> Tensor:
    """(blocks,) how much wider each block's posteriors must be to be likeliest on validation images."""
    chance = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 128, targets.shape[1], generator=chance).to(features)
    found = []
    for k, places in enumerate(model.blocks.values()):
        mine = targets[:, places]
        rows = mine.isfinite().all(1)
        if int(rows.sum()) < FEWEST:
            found.append(1.0)
            continue
        with torch.no_grad():
            seen, density = features[rows], model.densities[k]
            middle = torch.cat([density.transport(part, noise[..., list(places)].expand(len(part), -1, -1)).mean(1)
                                for part in seen.split(256)])

            found.append(calibration.temperature(partial(mean_density, density, seen, middle, mine[rows])))
    return torch.tensor(found).to(model.temperature)


def mean_density(density, features: Tensor, middle: Tensor, scores: Tensor, width: float) -> float:
    """Mean ln density at scores (N, D) of posteriors made `width` times as wide about their middle."""
    inside = middle + (scores - middle) / width
    return float(density.log_prob(features, inside).mean() - scores.shape[1] * np.log(width))


def curves(estimate: Estimate, truth: np.ndarray) -> dict:
    """What the page of a network shows: ranks of each quantity, and expected coverage of each block."""
    quantities, samples = estimate.quantities, estimate.samples.numpy()
    ranks, coverage = {}, {}
    for k, item in enumerate(quantities.quantities):
        mine = np.isfinite(truth[:, k])
        if mine.sum() >= FEWEST:
            one = calibration.histogram(calibration.ranks(samples[mine, :, k], truth[mine, k]))
            ranks[f"{item.block}/{item.key}"] = dict(counts=one.counts.tolist(), band=list(one.band), p=one.p)
    for block, places in quantities.blocks.items():
        mine = np.isfinite(truth[:, places]).all(1)
        if mine.sum() >= FEWEST:
            spread = truth[mine][:, places].std(0)
            curve = calibration.tarp(samples[mine][..., places] / spread, truth[mine][:, places] / spread)
            coverage[block] = {name: np.round(getattr(curve, name), 4).tolist() for name in (
                "level", "share", "low", "high")}
    return dict(ranks=ranks, coverage=coverage)
