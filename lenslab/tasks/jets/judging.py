"""Generated jets against simulated ones, each figure beside its floor: the simulation against itself.

Two disjoint sets of simulated jets are needed. A generator makes images for the conditions of the first (here); they
are compared with the second (other), as the first is. No figure of a generator is fitted to the simulation, and no
image is rescaled to what was asked for.
"""

from dataclasses import dataclass

import numpy as np

from lenslab.diffusion import classifier_test, pixels, two_samples
from lenslab.jets.files import Jets
from lenslab.jets.images import cut
from lenslab.jets.observables import OBSERVABLES, RINGS, Observed, observe
from lenslab.tasks.jets.conditions import JetConditions
from lenslab.tasks.jets.pixels import Pixels
from lenslab.tasks.jets.sampling import JetSamples, Way, predict
from lenslab.tasks.jets.task import Config, held_out_loss, jets_of, parts_of
from lenslab.tasks.trained import Trained

BINS = 5                         # of requested mass, with as many jets each
LEAST = 20                       # jets of a flavour, below which it is not judged
PEAKS = {"top": (140.0, 210.0), "W": (60.0, 110.0)}    # GeV of soft-drop mass, within which the highest place is sought
SMOOTH = 5.0                     # GeV: half a width of the kernel by which that is found


@dataclass(frozen=True)
class Side:
    """Images (n, 3, side, side) as they are judged, and all that is read off them; `jets` says what they should be."""

    jets: Jets
    images: np.ndarray
    seen: Observed

    @staticmethod
    def of(jets: Jets, images: np.ndarray) -> "Side":
        images = alike(images)
        return Side(jets, images, observe(images))

    def take(self, rows: np.ndarray) -> "Side":
        return Side(self.jets.take(rows), self.images[rows], self.seen.take(rows))

    @property
    def features(self) -> np.ndarray:
        """(n, P + RINGS + 1) of observables, profile and flavour: how they go together is what trees look for."""
        return np.column_stack([self.seen.table, self.seen.profile, self.jets.label])


def alike(images: np.ndarray) -> np.ndarray:
    """Images cut and rounded alike, whoever made them: else a classifier would see how they were kept."""
    return cut(images.clip(0, 6e4).astype(np.float16).astype(np.float32))


def evaluate(trained: Trained, config: Config, split: str = "validation") -> dict:
    """The loss on jets that were not learnt from; on those of the test also all figures beside their floors."""
    found = held_out_loss(trained, config, split)
    if split != "test":
        return found
    jets = jets_of(config)
    rows = parts_of(config, len(jets))["test"]
    here = jets.take(rows[:config.test])
    return found | figures(trained, here, jets.take(rows[config.test:]), made_for(trained, here))


def made_for(trained: Trained, jets: Jets, way: Way | None = None) -> JetSamples:
    """A jet for the conditions of each one."""
    return predict(trained, JetConditions.of_card(trained.card["conditions"]).table(jets), way)


def figures(trained: Trained, here: Jets, other: Jets, made: JetSamples) -> dict:
    """All figures of what a generator has made for the jets of `here`, as plain values."""
    side = Pixels.of_card(trained.card["pixels"]).side
    images = made.images.numpy()
    broken = ~np.isfinite(images).all((1, 2, 3))
    mine = Side.of(here, np.where(broken[:, None, None, None], 0, images))
    return dict(n=len(here), broken=int(broken.sum()), sampler=made.way.sampler, steps_of_sampler=made.way.steps) | \
        compared(mine, *(Side.of(jets, jets.hits.images(side)) for jets in (here, other)))


def compared(mine: Side, here: Side, other: Side) -> dict:
    """The figures of images made for the jets of `here`."""
    auc, usual = (classifier_test.classifier_auc(one.features, other.features, classifier_test.trees)
                  for one in (mine, here))
    distance = frechet(mine, other), frechet(here, other)
    obeyed = closure(mine, here)
    w1 = marginals(mine, here, other)
    taggers = {f"{name}{end}": tagging(one, other).get(name, float("nan"))
               for end, one in (("", mine), ("_floor", here)) for name in ("tagger", "tagger_top")}
    return dict(
        obeyed, **floors(closure(other, here)), **{f"{name}_null": obeyed_by_chance for name, obeyed_by_chance in
                                                   summary(closure(shuffled(mine), here)).items()},
        marginals=max((a / b for a, b in w1.values() if b > 0), default=0.0), w1={k: list(v) for k, v in w1.items()},
        profile=ring_distance(mine, other), profile_floor=ring_distance(here, other),
        auc_observables=auc.value, auc_observables_floor=usual.value, frechet=distance[0], frechet_floor=distance[1],
        peaks=peaks(mine), peaks_floor=peaks(here), **taggers, intervals=dict(auc_observables=[auc.low, auc.high]))


def floors(found: dict) -> dict:
    return {f"{name}_floor": value for name, value in summary(found).items()}


def summary(found: dict) -> dict:
    return {name: found[name] for name in ("pt_closure", "pt_width", "mass_closure")}


def shuffled(side: Side) -> Side:
    """The same images with the requests of other jets of their flavour: the null of closure."""
    order = np.arange(len(side.jets))
    for label in range(len(side.jets.flavours)):
        rows = np.flatnonzero(side.jets.label == label)
        order[rows] = np.roll(rows, len(rows) // 2)
    return Side(side.jets.take(order), side.images, side.seen)


def closure(mine: Side, here: Side) -> dict:
    """How images obey their requests, beside how simulated ones do theirs: the worst of all flavours, and each.

    pt_closure     median of image p_T over requested p_T, over that of the simulation, less 1
    pt_width       half of what lies between its 16 % and 84 %, likewise
    mass_closure   median image mass over that of the simulation in BINS bins of requested mass, likewise
    """
    by = {}
    for label, name in enumerate(here.jets.flavours):
        a, b = (side.take(np.flatnonzero(side.jets.label == label)) for side in (mine, here))
        if min(len(a.jets), len(b.jets)) < LEAST:
            continue
        (middle, width), (usual, own) = (response(side) for side in (a, b))
        edges = np.quantile(b.jets.mass, np.linspace(0, 1, BINS + 1)[1:-1])
        bins = [np.searchsorted(edges, side.jets.mass) for side in (a, b)]
        masses = [[float(np.median(side.seen["mass"][at == k])) if (at == k).any() else float("nan")
                   for k in range(BINS)] for side, at in zip((a, b), bins, strict=True)]
        asked = [float(np.median(b.jets.mass[bins[1] == k])) for k in range(BINS)]
        by[name] = dict(pt=[middle, usual], width=[width, own], requested=asked, mass=masses[0], simulated=masses[1])
    worst = {"pt_closure": [over(*one["pt"]) for one in by.values()],
             "pt_width": [over(*one["width"]) for one in by.values()],
             "mass_closure": [over(a, b) for one in by.values() for a, b in zip(one["mass"], one["simulated"],
                                                                               strict=True)]}
    return {name: float(np.nanmax(np.abs(values), initial=0)) for name, values in worst.items()} | dict(closure=by)


def over(a: float, b: float) -> float:
    return a / b - 1 if b > 0 else float("nan")


def response(side: Side) -> tuple[float, float]:
    """Median of image p_T over requested p_T, and half of what lies between its 16 % and 84 %."""
    low, middle, high = np.quantile(side.seen["pt"] / side.jets.pt, [0.16, 0.5, 0.84])
    return float(middle), float((high - low) / 2)


def marginals(mine: Side, here: Side, other: Side) -> dict[str, tuple[float, float]]:
    """1-Wasserstein distance of each observable, and its floor; the mean over flavours, in the observable's unit."""
    labels = [label for label in range(len(here.jets.flavours)) if min(
        (side.jets.label == label).sum() for side in (mine, here, other)) >= LEAST]
    if not labels:
        return {}
    return {name: tuple(float(np.mean([pixels.wasserstein(side.seen[name][side.jets.label == label],
                                                          other.seen[name][other.jets.label == label])
                                       for label in labels])) for side in (mine, here)) for name in OBSERVABLES}


def ring_distance(a: Side, b: Side) -> float:
    """Sum over rings of the difference of mean radial profiles."""
    assert a.seen.profile.shape[1] == RINGS
    return float(np.abs(a.seen.profile.mean(0) - b.seen.profile.mean(0)).sum())


def frechet(a: Side, b: Side) -> float:
    """Squared Frechet distance on observables, each brought to mean 0 and spread 1 by the reference: the physics
    distance of Kansal et al. 2022 (2211.10295), which they take of energy flow polynomials instead."""
    middle, spread = b.seen.table.mean(0), b.seen.table.std(0).clip(1e-9)
    return two_samples.frechet((a.seen.table - middle) / spread, (b.seen.table - middle) / spread)


def peaks(side: Side) -> dict[str, float]:
    """GeV: where the soft-drop mass of top jets is most frequent, near the top and near the W."""
    if "top" not in side.jets.flavours:
        return {}
    mass = side.seen["soft_drop_mass"][side.jets.label == side.jets.flavours.index("top")]
    grid = {name: np.arange(*span, 0.5) for name, span in PEAKS.items()}
    height = {name: np.exp(-0.5 * ((x[:, None] - mass) / SMOOTH)**2).sum(1) for name, x in grid.items()}
    return {name: float(x[height[name].argmax()]) for name, x in grid.items() if len(mass) >= LEAST}


def tagging(taught: Side, other: Side) -> dict[str, float]:
    """AUC on simulated jets of trees taught on some: quarks against gluons, and tops against the rest."""
    flavours, found = taught.jets.flavours, {}
    for name, yes, no in (("tagger", ("gluon",), ("quark",)), ("tagger_top", ("top",), ("quark", "gluon"))):
        if not {*yes, *no} <= set(flavours):
            continue
        sides = []
        for side in (taught, other):
            kind = np.array(flavours)[side.jets.label]
            rows = np.isin(kind, [*yes, *no])
            sides.append((side.seen.table[rows], np.isin(kind[rows], yes)))
        (x, y), (x_other, y_other) = sides
        if 0 in (y.sum(), (~y).sum(), y_other.sum(), (~y_other).sum()):
            continue
        score = classifier_test.trees(0).fit(x, y).predict_proba(x_other)[:, 1]
        found[name] = classifier_test.delong(score[y_other], score[~y_other])[0]
    return found
