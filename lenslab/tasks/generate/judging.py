"""Generated images against simulated ones, each figure beside its floor: the simulator against itself.

Two disjoint sets of test images are drawn. A generator makes images for the conditions of the first; they are compared
with the second, as the first is. All images are noise-free. Features are those of a judge that learnt on simulated
images (lenslab.tasks.judge): no figure here is an FID.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lenslab.checkpoint import checkpoints_folder
from lenslab.diffusion import classifier_test, neighbours, pixels, spectrum, two_samples
from lenslab.feed.order import CHUNK
from lenslab.feed.stream import HELD_OUT_SEED, held_out
from lenslab.feed.workers import chunks_from
from lenslab.symmetry import GROUPS
from lenslab.tasks import judge as judges
from lenslab.tasks.generate.sampling import Way, predict
from lenslab.tasks.generate.task import Config, held_out_loss
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.conditions import Conditions
from lenslab.tasks.noise_free.frame import frame_of
from lenslab.tasks.noise_free.view import CONDITIONS, NoiseFree
from lenslab.tasks.trained import Trained, load

TRAINING = 6000        # training images among which copies are sought, and their turns
COPIES = 512           # generated images that are sought there
RESAMPLES = 50
LEGIBLE = 0.3          # R^2 of a condition in simulated images, below which no image tells it


@dataclass(frozen=True)
class Side:
    """Images x (n, 1, H, W), stretched, with what the figures need of them.

    spectra   (n, K) of u; reading: what the judge sees, or None without a judge
    """

    x: Tensor
    u: Tensor
    spectra: np.ndarray
    reading: judges.Reading | None

    @staticmethod
    def of(u: Tensor, brightness: Brightness, judge: Trained | None) -> "Side":
        x = brightness.stretch(u)
        return Side(x, u, spectrum.power_spectrum(u[:, 0]), None if judge is None else judges.predict(judge, x))

    @property
    def shape(self) -> np.ndarray:
        """(n, K + 4) log power and moments: what a classifier that knows no lenses goes by."""
        return np.concatenate([np.log10(self.spectra.clip(1e-12)), pixels.moments(self.x[:, 0])], 1)


def evaluate(trained: Trained, config: Config, split: str = "validation") -> dict:
    """The loss on images that were not learnt from; on test images also all figures beside their floors."""
    if split != "test":
        return held_out_loss(trained, config, split, config.validation)
    found = held_out_loss(trained, config, split, config.test)
    return found | figures(trained, judge_of(trained.card["population"]), config.test, workers=config.workers)


def judge_of(population: str) -> Trained | None:
    """The judge of a population's images, where one is shipped."""
    path = checkpoints_folder() / f"judge-{population.partition(':')[0]}.safetensors"
    return load(path, task="judge") if path.exists() else None


def figures(trained: Trained, judge: Trained | None, n: int, way: Way | None = None, workers: int = 1) -> dict:
    """All figures of a generator on n images a side, as plain values; those of a judge only where there is one."""
    frame, name = frame_of(trained.card), trained.card["population"]
    conditions, brightness = frame.conditions, frame.brightness
    shown = held_out(NoiseFree(name, HELD_OUT_SEED, "test"), 2 * n, workers)
    table = shown.targets[CONDITIONS][:n]
    here, other = (Side.of(shown.inputs[rows], brightness, judge) for rows in (slice(0, n), slice(n, 2 * n)))
    made = predict(trained, table, way)
    broken = ~made.images.flatten(1).isfinite().all(1)
    images = torch.where(broken[:, None, None, None], 0.0, made.images)
    mine = Side.of(images, brightness, judge)
    found = dict(n=n, broken=int(broken.sum()), sampler=made.way.sampler, steps_of_sampler=made.way.steps)
    found |= plain_figures(mine, here, other)
    if judge is not None:
        more = judgement_of(conditions, table, shown.labels[:n], mine, here, other)
        found |= more | dict(intervals=found["intervals"] | more["intervals"])
    return found


def plain_figures(mine: Side, here: Side, other: Side) -> dict:
    """What needs no judge."""
    auc = classifier_test.classifier_auc(mine.shape, other.shape)
    K = spectrum.scales(here.spectra)
    ratio, floor = (spectrum.power_ratio(side.spectra[:, :K], here.spectra[:, :K]) for side in (mine, other))
    half = len(mine.x) // 2
    return dict(
        auc_spectra=auc.value, auc_spectra_floor=classifier_test.classifier_auc(here.shape, other.shape).value,
        power=float(np.abs(ratio - 1).max()), power_floor=float(np.abs(floor - 1).max()), power_ratio=ratio.tolist(),
        pixels=pixels.wasserstein(mine.x, other.x), pixels_floor=pixels.wasserstein(here.x, other.x),
        paired=rms(mine.x - here.x), shuffled=rms(mine.x - here.x.roll(half, 0)),
        intervals=dict(auc_spectra=[auc.low, auc.high]))


def rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def judgement_of(conditions: Conditions, table: Tensor, labels: np.ndarray, mine: Side, here: Side,
                 other: Side) -> dict:
    """What the judge's features and readings tell."""
    a, b, c = (side.reading.features for side in (mine, here, other))
    distance = two_samples.interval(lambda i, j: two_samples.frechet(a[i], c[j]), len(a), len(c), resamples=RESAMPLES,
                                    within=(0, np.inf))
    auc = classifier_test.classifier_auc(a, c)
    near, usual = neighbours.neighbours(a, c), neighbours.neighbours(b, c)
    obeyed, own = (judges.recovery(conditions, side.reading, table) for side in (mine, here))
    legible = [obeyed[path] / own[path] for path in own if own[path] > LEGIBLE]
    truth = torch.from_numpy(labels)
    right, usually = ((side.reading.logits.argmax(1) == truth).float().mean() for side in (mine, here))
    return dict(
        frechet=distance.value, frechet_floor=two_samples.frechet(b, c),
        kernel=two_samples.kernel_distance(a, c), kernel_floor=two_samples.kernel_distance(b, c),
        auc_features=auc.value, auc_features_floor=classifier_test.classifier_auc(b, c).value,
        **{name: getattr(near, name) for name in ("precision", "recall", "density", "coverage")},
        **{f"{name}_floor": getattr(usual, name) for name in ("precision", "recall", "density", "coverage")},
        accuracy=float(right), accuracy_floor=float(usually),
        obedience=float(np.mean(legible)) if legible else None,
        recovery={path: [obeyed[path], own[path]] for path in own},
        class_auc={name: [class_auc(side.reading.logits, truth, conditions, name) for side in (mine, here)]
                   for name in conditions.classes[1:]},
        intervals=dict(frechet=[distance.low, distance.high], auc_features=[auc.low, auc.high]))


def class_auc(logits: Tensor, truth: Tensor, conditions: Conditions, name: str) -> float | None:
    """How well the judge tells a class from the first, smooth lenses, by its own logits."""
    k = conditions.classes.index(name)
    score = (logits[:, k] - logits[:, 0]).numpy()
    positive, negative = score[(truth == k).numpy()], score[(truth == 0).numpy()]
    return float(classifier_test.delong(positive, negative)[0]) if len(positive) and len(negative) else None


def copies(trained: Trained, images: Tensor, config_seed: int, workers: int = 1) -> dict:
    """How near generated images (n, 1, H, W), u, come to those of the training and their turns, beside held-out ones.

    share   of them that are nearer than all but 1 % of held-out images
    """
    brightness, name = frame_of(trained.card).brightness, trained.card["population"]
    chunks = list(range(TRAINING // CHUNK))
    view = NoiseFree(name, config_seed)
    x = brightness.stretch(torch.cat([torch.from_numpy(columns["image"]) for _, columns in chunks_from(
        view.columns, chunks, workers)]))
    turned = [element.maps(x) for element in GROUPS[trained.card["symmetry"]]]
    fresh = held_out(NoiseFree(name, HELD_OUT_SEED, "validation"), COPIES, workers).inputs
    mine, held = (neighbours.nearest(brightness.stretch(part[:COPIES]), turned)[0] for part in (images, fresh))
    return dict(copies=neighbours.copy_share(mine, held), nearest=float(np.median(mine)),
                nearest_held_out=float(np.median(held)), n=len(mine), training=len(x))
