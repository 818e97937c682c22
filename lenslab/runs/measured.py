"""`python -m lenslab evaluate` of networks that measure: posteriors beside what is true, of images from anywhere."""

import zipfile
from pathlib import Path

import numpy as np

from lenslab.runs.evaluate import npz_parts, say, set_parts, simulated_parts

AXION_MASS = "axion_mass"     # as published files call it, eV; the key is log10_m_axion
FEWEST = 30                   # images with a truth below which nothing is scored


def judge_measurer(network, checkpoint: str, population: str | None, data: Path | None, n: int | None,
                   workers: int) -> dict:
    """{mae, rmse, r2, coverage68, coverage95: {key: number}}, intervals, n; without truths what it says of each image.
    """
    import torch

    from lenslab.population import find
    from lenslab.tasks.classify import answers
    from lenslab.tasks.measure.judge import RESAMPLES, by_key
    from lenslab.tasks.measure.quantities import Quantities
    from lenslab.tasks.measure.task import estimate_of, features_of

    quantities = Quantities.of_card(network.card["measures"])
    classes, name = quantities.classes, population or network.card["population"]
    if data is None:
        parts = simulated_parts(find(name), n or 3000, workers)
    elif zipfile.is_zipfile(data):
        parts = npz_parts(data, classes, find(name), n)
    else:
        parts = set_parts(data, network.card, n)
    features, names = [], []
    for image, sigma, labels in parts:
        own = np.isin(labels, classes)
        if own.any():
            at = torch.from_numpy(own)
            features.append(features_of(network.model, answers.complete(network, image[at], sigma[at])))
            names.append(labels[own])
    if not features:
        raise ValueError(f"There is no image of a class of this network; it knows {', '.join(classes)}.")
    names = np.concatenate(names)
    estimate = estimate_of(network, torch.cat(features))
    if data is None:
        truth = truths_simulated(find(name), quantities, len(names))
    elif zipfile.is_zipfile(data):
        truth = truths_of_npz(data, quantities, names)
    else:
        truth = truths_of_set(data, quantities, len(names), names)
    more = dict(task="measure", checkpoint=checkpoint, population=name, data=data.name if data else None, n=len(names),
                classes=list(classes))
    if not any(np.isfinite(truth[:, k]).sum() >= FEWEST for k in range(truth.shape[1])):
        say(f"no truth of {', '.join(quantities.keys)} comes with at least {FEWEST} images: no score is possible, "
            "what the network says follows")
        return more | dict(answers=said_of(estimate, names))
    labels = np.array([classes.index(word) for word in names])
    accuracy = float((estimate.probabilities.argmax(1).numpy() == labels).mean())
    return by_key(estimate, truth, RESAMPLES) | more | dict(accuracy=accuracy)


def said_of(estimate, names: np.ndarray) -> list[dict]:
    """Of each image: its class as the file names it, and median and central 68 % of what that class has."""
    rows = []
    for row, name in enumerate(names):
        told = {}
        for k, item in enumerate(estimate.quantities.quantities):
            if item.block in ("lens", name):
                low, median, high = np.quantile(estimate.samples[row, :, k].numpy(), [0.16, 0.5, 0.84]).tolist()
                told[item.key] = dict(median=median, low68=low, high68=high)
        rows.append({"class": str(name), **told})
    return rows


def truths_simulated(population, quantities, n: int) -> np.ndarray:
    from lenslab.feed.stream import HELD_OUT_SEED
    from lenslab.population import CHUNK
    from lenslab.tasks.measure.quantities import truths

    owners = tuple((item.kind, item.block) for item in quantities.quantities)
    chunks = range(-(-n // CHUNK))
    return np.concatenate([truths(population, population.chunk(chunk, HELD_OUT_SEED, "test"), owners)
                           for chunk in chunks])[:n]


def truths_of_set(path: Path, quantities, n: int, names: np.ndarray) -> np.ndarray:
    """By the columns of an HDF5 set; what it has no column for stays unknown."""
    from lenslab.sets import dataset

    out = np.full((n, len(quantities.quantities)), np.nan)
    with dataset.read(path) as images:
        columns = dict(zip(images.header["columns"], images.file["parameters"][:n].T, strict=True))
        if {"lens.q", "lens.phi"} <= columns.keys():
            e = (1 - columns["lens.q"]) / (1 + columns["lens.q"])
            columns |= {"lens.e1": e * np.cos(2 * columns["lens.phi"]), "lens.e2": e * np.sin(2 * columns["lens.phi"])}
        for k, item in enumerate(quantities.quantities):
            if item.kind.path in columns:
                values = columns[item.kind.path]
                with np.errstate(invalid="ignore", divide="ignore"):
                    values = np.log10(values) if item.kind.log else values
                out[:, k] = np.where((item.block == "lens") | (names == item.block), values, np.nan)
    return out


def truths_of_npz(path: Path, quantities, names: np.ndarray) -> np.ndarray:
    """By its arrays that are called as a quantity: one value for each image of the classes that have it, class after
    class in the card's order."""
    from lenslab.sets.stacks import numbers

    found = numbers(path, (*quantities.keys, AXION_MASS))
    if AXION_MASS in found:
        with np.errstate(invalid="ignore", divide="ignore"):
            found.setdefault("log10_m_axion", np.log10(found.pop(AXION_MASS)))
    out = np.full((len(names), len(quantities.quantities)), np.nan)
    for key, values in found.items():
        places = quantities.places(key)
        owners = [quantities.quantities[k].block for k in places]
        blocks = quantities.classes if owners == ["lens"] else [name for name in quantities.classes if name in owners]
        sizes = [int((names == name).sum()) for name in blocks]
        if len(values) != sum(sizes):
            raise ValueError(f"{path.name}: {key} has {len(values)} values, and there are {sum(sizes)} images of "
                             f"{', '.join(blocks)}; give one for each, class after class, and leave --n away.")
        for name, part in zip(blocks, np.split(values, np.cumsum(sizes)[:-1]), strict=True):
            place = places[0] if owners == ["lens"] else places[owners.index(name)]
            out[names == name, place] = part
    return out
