"""Do the explanations of a classifier show where the substructure is? Scored on test images, chance beside.

    python benchmarks/explain.py CHECKPOINT --n 100 [--least 3] [--write] [--json]
                                            [--channel NAME] [--population NAME] [--sky]

For each class of the checkpoint's population that has substructure, n test images whose lambda (lenslab.images.ceiling)
is at least `--least` sigmas, below which nobody could point at anything; the class that is explained is the true one.

    share      of the map's weight within one PSF FWHM of the true signal; chance: a map even over the arc
    on_arc     the same of the weight upon the arc alone: a map that is right there may spill over into the sky
    pointing   how often the strongest pixel lies there; the same chance
    deleted    area under the probability of the class as pixels lose their substructure, in the order of the map (lower
               is better); inserted: as they gain it (higher is better). chance: the arc in random order; best: the
               order of the true signal. --sky: pixels are replaced by empty sky instead
    sanity     rank correlation over the arc of the maps of the network and of copies with shuffled weights; a map near
               1 shows the image, whatever was learnt
    empty      share of the maps in which nothing argues for the class
    ms         of one map of one image beyond the prediction, median

`image` stands among the methods as a map too: brightness in sigmas, where an eye looks that learnt nothing. Means over
images with the 95 % interval of the bootstrap; `over` is the paired gain over chance, above 0 where the map is better.
With --write the scores go into the header, where the Classify page finds what it says of each map.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from torch import Tensor, nn

from lenslab import checkpoint
from lenslab.images.ceiling import residuals
from lenslab.images.observation import Observation
from lenslab.images.realise import realise
from lenslab.insight import localise
from lenslab.insight.explain import METHODS, explain, window
from lenslab.population import Population, find
from lenslab.sets.draw import brighter, exposed, items, wanted
from lenslab.sets.galaxies import with_galaxies
from lenslab.tasks.classify import answers
from lenslab.tasks.trained import AT_ONCE as FORWARD
from lenslab.tasks.trained import Trained, load

SEED = 0           # of the test images, those that every checkpoint is judged by
AT_ONCE = 8        # images explained together
SHUFFLES = 3       # copies with shuffled weights,
SHUFFLED = 24      # and images that are explained by them
MOST_CHUNKS = 40   # where a class shows too little, the search for its images ends
TURNS = 5          # of the clock
SCORES = ("share", "on_arc", "pointing", "deleted", "inserted", "sanity")


@dataclass(frozen=True)
class Images:
    """Test images of one class, and what is true of them."""

    observation: Observation    # (n, 1, H, W)
    signal: np.ndarray          # (n, H, W) sigmas, what substructure changes beyond any smooth model
    strong: float               # share of the class's images that show as much as was asked


def images_of(population: Population, label: int, n: int, least: float) -> Images:
    """The first n test images of a class whose lambda is at least so much; fewer where the search ended."""
    image, variance, signals, looked, strong = [], [], [], 0, 0
    for chunk in range(MOST_CHUNKS):
        rows, signal = signals_of(population, label, chunk)
        seen = np.flatnonzero(np.sqrt((signal**2).sum((1, 2))) >= least)
        looked, strong, kept = looked + len(rows), strong + len(seen), seen[:n - sum(map(len, signals))]
        if len(kept):
            drawn = items(population, chunk, SEED, "test")
            image.append(drawn.image[rows[kept]])
            variance.append(drawn.variance[rows[kept]])
            signals.append(signal[kept])
        if sum(map(len, signals)) == n:
            break
    if not signals:
        raise ValueError(f"No test image of {population.classes[label]} in {population.name} shows {least:g} sigmas; "
                         "give a smaller --least.")
    return Images(Observation(torch.cat(image), torch.cat(variance), population.camera.pixel_scale),
                  np.concatenate(signals), strong / looked)


def signals_of(population: Population, label: int, chunk: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m,) of a chunk that are of a class, and their true signal (m, H, W) in sigmas."""
    drawn = with_galaxies(population.chunk(chunk, SEED, "test"), "test")
    found = {}
    for rows, scenes in drawn.groups:
        mine = np.flatnonzero(drawn.labels[rows] == label)
        for start in range(0, len(mine), AT_ONCE):
            some = mine[start:start + AT_ONCE]
            plain = scenes.take(some).to(dtype=torch.float32)
            with torch.no_grad():
                shift = exposed(plain, realise(plain), wanted(drawn, rows[some]))[0]
            signal = residuals(brighter(scenes.take(some), shift))[:, 0].numpy()
            found |= dict(zip(rows[some].tolist(), signal, strict=True))
    order = sorted(found)
    return np.array(order), np.stack([found[row] for row in order])


def maps_of(model: nn.Module, given: Tensor, label: int, method: str, channel: str | None) -> np.ndarray:
    """(n, H, W)"""
    return torch.cat([explain(model, part, label, method, channel).map for part in given.split(AT_ONCE)]).numpy()


def scored(trained: Trained, images: Images, label: int, channel: str | None = None, sky: bool = False) -> dict:
    """{"chance", "best", METHODS..., "image"}: {score: [mean, low, high]}."""
    model = trained.model
    given = torch.cat([answers.inputs_of(trained, part) for part in pieces(images.observation)])
    sigmas, signal = given[:, 0].numpy(), middle(images.signal, given.shape[-2:])
    fwhm, truth = trained.card["constants"]["psf_fwhm"], localise.true_pixels(signal)
    # what substructure adds to the image, it adds to the residual of a fitted smooth lens as well
    baseline = torch.zeros_like(given) if sky else given - torch.from_numpy(signal)[:, None].to(given)
    temperature = answers.temperature_of(trained)

    def probability(shown: Tensor) -> Tensor:
        return torch.cat([torch.softmax(model(part).double() / temperature, 1)[:, label]
                          for part in shown.split(FORWARD)])

    def curved(order: np.ndarray) -> dict[str, np.ndarray]:
        found = localise.curves(probability, given, baseline, order, sigmas)
        return dict(deleted=found.deleted, inserted=found.inserted)

    even = localise.arc(sigmas).astype(float)

    def placed(weights: np.ndarray) -> dict[str, np.ndarray]:
        return dict(share=localise.share_within(weights, truth, fwhm),
                    on_arc=localise.share_within(weights * even, truth, fwhm),
                    pointing=localise.pointing_game(weights, truth, fwhm))
    chance = placed(even) | curved(localise.blind_order(sigmas))
    maps = {method: maps_of(model, given, label, method, channel) for method in METHODS}
    maps |= {"image": sigmas.clip(min=0)}
    table = {"chance": summary(chance), "best": summary(curved(localise.order_of(np.abs(signal))))}
    for name, weights in maps.items():
        mine = placed(weights) | curved(localise.order_of(weights))
        table[name] = summary(mine | {f"over.{score}": (values - chance[score]) * (-1 if score == "deleted" else 1)
                                      for score, values in mine.items()})
        table[name]["empty"] = float((weights.max((1, 2)) == 0).mean())
    for method in METHODS:
        table[method]["sanity"] = sanity(model, given[:SHUFFLED], label, method, channel, maps[method][:SHUFFLED])
    with torch.no_grad():
        bare = torch.zeros_like(given), given - torch.from_numpy(signal)[:, None].to(given)
        table["probability"] = summary(dict(image=probability(given), without_substructure=probability(bare[1]),
                                            empty_sky=probability(bare[0])))
    return table


def middle(signal: np.ndarray, given: tuple[int, int]) -> np.ndarray:
    """What of the signal (n, H, W) lies in that middle part of the frame which a network is given."""
    top, left = window(given, signal.shape[-2:])
    return signal[:, top:top + given[0], left:left + given[1]]


def sanity(model: nn.Module, given: Tensor, label: int, method: str, channel: str | None, maps: np.ndarray) -> list:
    """Of the maps of a class with those of shuffled copies, over that part of the arc which the network sees."""
    where = np.zeros(maps.shape, bool)
    with torch.no_grad():
        height, width = model.see(given[:1]).shape[-2:]
    top, left = window((height, width), given.shape[-2:])
    where[:, top:top + height, left:left + width] = True
    where &= localise.arc(given[:, 0].numpy())
    found = [localise.rank_correlation(maps, maps_of(localise.randomised(model, seed), given, label, method, channel),
                                       where) for seed in range(SHUFFLES)]
    return list(localise.mean_interval(np.mean(found, axis=0)))


def summary(scores: dict) -> dict[str, list[float]]:
    return {name: list(localise.mean_interval(np.asarray(values))) for name, values in scores.items()}


def pieces(observation: Observation) -> list[Observation]:
    parts = zip(observation.image.split(AT_ONCE), observation.variance.split(AT_ONCE), strict=True)
    return [Observation(image, variance, observation.pixel_scale) for image, variance in parts]


def milliseconds(model: nn.Module, given: Tensor) -> dict[str, float]:
    """Of one map of one image; the first call of each, which imports and warms, is not counted."""
    found = {}
    for method in METHODS:
        explain(model, given[:1], 0, method)
        times = []
        for _ in range(TURNS):
            start = perf_counter()
            explain(model, given[:1], 0, method)
            times.append(1e3 * (perf_counter() - start))
        found[method] = median(times)
    return found


def printed(name: str, n: int, strong: float, table: dict) -> None:
    said = table["probability"]
    print(f"\n{name}: {n} images ({strong:.0%} of the class show as much); its probability {said['image'][0]:.3f}, "
          f"without substructure {said['without_substructure'][0]:.3f}, of an empty sky {said['empty_sky'][0]:.3f}")
    print(f"{'':22}" + "".join(f"{score:>24}" for score in SCORES) + f"{'empty':>8}")
    for row in ("chance", "best", "image", *METHODS):
        cells = [table[row].get(score) for score in SCORES]
        words = [f"{cell[0]:.3f} [{cell[1]:.3f}, {cell[2]:.3f}]" if cell else "" for cell in cells]
        empty = table[row].get("empty")
        print(f"{row:22}" + "".join(f"{word:>24}" for word in words) + ("" if empty is None else f"{empty:8.2f}"),
              flush=True)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=100, help="images of each class")
    parser.add_argument("--least", type=float, default=3.0, help="lambda, in sigmas, that an image must have")
    parser.add_argument("--channel", help="of what the network sees; without it all channels together")
    parser.add_argument("--population", help="whose images are explained; without it those it was trained on")
    parser.add_argument("--sky", action="store_true", help="delete to an empty sky, not to the smooth lens")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the scores into the header of the checkpoint")
    settings = parser.parse_args(words)
    if settings.write and (settings.channel or settings.population or settings.sky):
        parser.error("--write is for what the page shows: the network's own images, all channels, the smooth lens for "
                     "a baseline. Leave out --channel, --population and --sky.")
    trained = load(settings.checkpoint, task="classify")
    population = find(settings.population or trained.card["population"])
    if list(population.classes) != list(trained.card["classes"]):
        parser.error(f"{settings.checkpoint.name} tells {', '.join(trained.card['classes'])} apart, but "
                     f"{population.name} has {', '.join(population.classes)}; give another --population.")
    out = dict(checkpoint=settings.checkpoint.stem, network=trained.card["config"]["network"],
               population=population.name, channel=settings.channel, least=settings.least,
               baseline="sky" if settings.sky else "without substructure", classes={})
    for label, name in enumerate(population.classes):
        if population.kinds[label] == "none":
            continue
        images = images_of(population, label, settings.n, settings.least)
        table = scored(trained, images, label, settings.channel, settings.sky)
        out["classes"][name] = dict(n=len(images.signal), strong=images.strong, **table)
        printed(name, len(images.signal), images.strong, table)
    out["ms"] = milliseconds(trained.model, answers.inputs_of(trained, pieces(images.observation)[0]))
    print("\nms of one map: " + ", ".join(f"{name} {value:.0f}" for name, value in out["ms"].items()))
    if settings.write:
        checkpoint.remark(settings.checkpoint, explanations={name: out[name] for name in ("least", "classes")})
    if settings.json:
        print(json.dumps(out))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
