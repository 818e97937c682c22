"""Which dark matter does an image show? Networks from sigmas to the classes of a population."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.checkpoint import load_into, read_card
from lenslab.fit import smooth_lens
from lenslab.images.observation import Observation
from lenslab.images.workers import columns_from
from lenslab.insight import metrics
from lenslab.insight.judgement import BARE, Held, judge, truths_of
from lenslab.insight.novelty import Novelty
from lenslab.nets import CLASSIFIERS, inputs
from lenslab.population import find
from lenslab.quantity import choice, count, number, switch
from lenslab.tasks.chunks import chunks_beside
from lenslab.tasks.feed import SetFeed, StreamFeed, population_of, simulated
from lenslab.tasks.order import SYMMETRIES, elements, turned
from lenslab.tasks.seen import Recipe, Seen, SetItems, measured, middle
from lenslab.tasks.training import Training, configure

HELD_OUT_SEED = 0      # validation and test images are the same for every run, so that runs can be compared
AT_ONCE = 256          # images in one forward pass of a judgement
MAX_CLASSES = 64
UNKNOWN = 1e6          # times the usual noise: pixels of which nothing is known
INPUT = ("num_pix", "pixel_scale", "symmetry")    # what a network may know of its input beside the constants
USUAL = 1200           # training images that tell what is usual for a network
PHYSICS = 0.05         # weight of what a lens layer learns without labels, beside the cross-entropy
JUDGED = {"validation": 200, "test": 1000}     # resamples behind the intervals


@dataclass(frozen=True)
class Config(Training):
    """What a training of a classifier needs beyond the optimiser's settings.

    population   name, with switches if any; it gives classes, camera and symmetry, and images to be judged by
    data         an HDF5 set of that population to train on; empty: simulate
    """

    network: str = choice("cnn", tuple(CLASSIFIERS), "cnn is the baseline and the quickest; lens_residual fits a "
                          "smooth lens to each image and sees what it leaves; equivariant knows the symmetry of its "
                          "population; resnet, vit, lensiformer and lenspinn are those of the field, mended.",
                          "Network")
    width: int = count(16, 4, 256, "Channels of the first block; each further block has twice as many.", "Width")
    population: str = "seed-64"
    data: str = ""
    images: int = count(0, 0, 10**6, "Train on so many images again and again; 0 simulates without end.", "Images")
    reuse: int = count(4, 1, 64, "How often each simulated image is shown, each time turned anew; more asks less of "
                       "the simulator.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    compiled: bool = switch(True, "Compile the sums over halos where the population has any and a C++ compiler is "
                            "here: five times faster after half a minute.", "Compile")
    augment: bool = switch(True, "Turn and mirror images as far as the population has that symmetry.", "Augment")
    crop: int = count(0, 0, 1024, "Pixels on a side of the middle of the frame that the network sees; 0 is all of it.",
                      "Crop")
    smoothing: float = number(inputs.SMOOTHING, 0.3, 20, "PSF FWHM", "Width of the smoothing whose residual is "
                              "the second channel.", "Smoothing")
    validation: int = count(960, 30, 10**6, "Images that choose the best weights and the temperature.", "Validation")
    test: int = count(1200, 30, 10**6, "Images that the finished network is judged by.", "Test")

    def __post_init__(self):
        super().__post_init__()
        for name in ("population", "data"):
            if not isinstance(getattr(self, name), str) or len(getattr(self, name)) > 1000:
                raise ValueError(f"{name} must be a word, not {str(getattr(self, name))[:40]!r}.")
        find(self.population)


@dataclass(frozen=True)
class Classification:
    """What a network says of images; the rows sum to 1."""

    probabilities: Tensor          # (B, C) float64, calibrated by the temperature of the checkpoint
    classes: tuple[str, ...]


def build(config: Config, card: dict | None = None) -> nn.Module:
    """A network with fresh weights. Its `card` has class names and input constants; one of a checkpoint is followed."""
    card = facts(config) if card is None else sound(card)
    kind, settings = CLASSIFIERS[config.network]
    if kind.needs_fit:
        settings = settings | {"population": card["population"]}
    model = kind(len(card["classes"]), width=config.width, **{name: card[name] for name in INPUT}, **settings,
                 **card["constants"])
    model.novelty = Novelty(model.head[-1].in_features, len(card["classes"]))
    model.card = card
    return model


def facts(config: Config) -> dict:
    """What a checkpoint must tell of its network's input, so that no later change of a population changes it."""
    population = find(config.population)
    camera = population.camera
    return dict(classes=list(population.classes), population=population.name, num_pix=camera.num_pix,
                pixel_scale=camera.pixel_scale, symmetry=population.symmetry,
                constants=dict(psf_fwhm=camera.fwhm / camera.pixel_scale, smoothing=config.smoothing,
                               softening=inputs.SOFTENING, scale=inputs.SCALE, crop=config.crop))


def sound(card: dict) -> dict:
    """The card of a file that may come from anywhere, as far as a network is built from it."""
    classes, constants = card.get("classes"), card.get("constants")
    named = isinstance(classes, list) and 2 <= len(classes) <= MAX_CLASSES and len(set(map(str, classes))) \
        == len(classes) and all(isinstance(name, str) and 0 < len(name) <= 64 for name in classes)
    known = {"psf_fwhm", "smoothing", "softening", "scale", "crop"}
    bounded = isinstance(constants, dict) and set(constants) == known and all(
        type(value) in (int, float) and 1e-3 <= value <= 1e3 for name, value in constants.items() if name != "crop")
    placed = type(card.get("num_pix")) is int and 16 <= card["num_pix"] <= 1024 and \
        type(card.get("pixel_scale")) is float and 1e-3 <= card["pixel_scale"] <= 10 and \
        card.get("symmetry") in SYMMETRIES and isinstance(card.get("population"), str)
    if not (named and bounded and placed) or constants["psf_fwhm"] * constants["smoothing"] > 200 or \
            type(constants["crop"]) is not int or not 0 <= constants["crop"] <= 1024:
        raise ValueError("The card of this checkpoint has no sound classes and input constants; make the checkpoint "
                         "anew with python -m lenslab train classify.")
    find(card["population"])
    return card


def load(path, device: torch.device | str = "cpu") -> nn.Module:
    """The network of a checkpoint, ready to predict; `model.card` is its whole card."""
    card = read_card(path)
    if card.get("task") != "classify" or not isinstance(card.get("config"), dict):
        raise ValueError(f"{path} is no classifier but a checkpoint for {str(card.get('task'))[:40]!r}; "
                         "choose one made by python -m lenslab train classify.")
    model = build(configure(Config, card["config"]), card)
    load_into(model, path)
    if model.needs_fit:
        smooth_lens(model.population, model.crop)     # a second of drawing, here and not before the first answer
    return model.to(device).eval()


def loss(model: nn.Module, given: Tensor, labels: Tensor, upright: Tensor | None = None,
         truth: Tensor | None = None) -> Tensor:
    """Cross-entropy of logits; in float32, since bfloat16 has too few digits for a logarithm of a sum.

    Beside it: what a network that fits reads off upright images against the truth, and how well a lens layer's own
    lens explains the image, which needs no labels.
    """
    if hasattr(model, "with_physics"):
        logits, physics = model.with_physics(given)
        return F.cross_entropy(logits.float(), labels) + PHYSICS * physics
    value = F.cross_entropy(model(given).float(), labels)
    return value + model.start.loss(upright, truth) if model.needs_fit else value


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> given (B / world, K, H, W), labels (B / world,); for networks that fit also sigmas and truth.

    What is given is turned as the symmetry of the population allows; sigmas and truth are not.
    """
    population, device = find(config.population), torch.device(device)
    symmetry = population.symmetry if config.augment else "none"
    feed, fitted = feed_of(config, device, rank, world), CLASSIFIERS[config.network][0].needs_fit

    def draw(step: int) -> tuple[Tensor, ...]:
        seen = feed(step)
        which = elements(symmetry, config.batch, config.seed, step)[rank::world]
        given = seen.given.to(device)
        batch = turned(given, symmetry, which), torch.from_numpy(seen.labels).to(device)
        return batch + (given[:, :1], seen.truth.to(device)) if fitted else batch

    return draw


def recipe_of(config: Config, seed: int, split: str) -> Recipe:
    """How images become what the network of a Config is given while it learns."""
    fitted = CLASSIFIERS[config.network][0].needs_fit
    return Recipe(config.population, seed, split, config.compiled, config.crop, fitted)


def feed_of(config: Config, device: torch.device, rank: int, world: int):
    """A set on disk, so many simulated images again and again, or an endless stream."""
    recipe = recipe_of(config, config.seed, "train")
    if config.data:
        held = population_of(config.data)
        if held.name != config.population:
            raise ValueError(f"{config.data} holds {held.name}, but {config.population} is to be learnt; give "
                             f"--population {held.name}.")
        return SetFeed(SetItems(config.data, recipe), config.batch, config.seed, rank, world)
    if config.images:
        return SetFeed(simulated(recipe, config.images, config.workers), config.batch, config.seed, rank, world)
    return StreamFeed(config.batch, config.seed, config.reuse, chunks_beside(recipe, device, config.workers), rank,
                      world)


@lru_cache(maxsize=4)
def held_out(recipe: Recipe, size: int, workers: int) -> Seen:
    """Fixed images to judge by, simulated once."""
    return simulated(recipe, size, workers)


def evaluate(model: nn.Module, config: Config, device: torch.device, split: str = "validation") -> dict:
    """Metrics with intervals. The temperature is fitted to validation images, whatever the split.

    loss is that of the bare logits; ece that of the calibrated probabilities, ece_raw without the temperature.
    While a network that fits is trained, fits of validation images begin at the truth; the finished network is judged,
    and its temperature fitted, with fits that it has started itself. With the split "test" the network also learns
    what is usual (`novelty`), and "card" holds what its page shows.
    """
    fresh = split != "validation"
    parts = [("validation", config.validation)] + [(split, config.test)] * fresh
    given, answers = [], []
    for name, size in parts:
        recipe = recipe_of(config, HELD_OUT_SEED, name)
        if fresh and model.needs_fit:
            images, labels = afresh(model, recipe, size, config.workers, device)
        else:
            images, labels = (seen := held_out(recipe, size, config.workers)).given, seen.labels
        given.append(images)
        answers.append((logits_of(model, images, device), labels))
    temperature, classes = metrics.temperature(*answers[0]), tuple(model.card["classes"])
    found = judged(*answers[-1], classes, temperature, JUDGED[split]) | {"temperature": temperature}
    if fresh and model.needs_fit:
        found["floor"] = floor(model.chi2(given[-1]).numpy(), answers[-1][1], classes)
    if fresh:
        learn_what_is_usual(model, config, given[0], device)
        logits, labels = answers[-1]
        truths = truths_of(find(config.population), len(labels), HELD_OUT_SEED, split)
        found["card"] = {"judgement": judge(probabilities_of(logits, temperature), labels, classes, truths,
                                            Held(config.population, split, HELD_OUT_SEED))}
    return found


def floor(chi2: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> float | None:
    """AUC of chi^2 (N,) of the best smooth lens, smooth against the rest: what no network may stay below.

    None where the classes have none without substructure.
    """
    bare = next((k for k, name in enumerate(classes) if name in BARE), None)
    return None if bare is None else metrics.auc(chi2, labels != bare)


def learn_what_is_usual(model: nn.Module, config: Config, held: Tensor, device: torch.device | str) -> None:
    """Fit `novelty` to features of training images, and its threshold to those of held-out ones."""
    recipe = recipe_of(config, config.seed, "train")
    if config.data:
        items = SetItems(config.data, recipe)
        seen = items.take(np.arange(min(USUAL, len(items.labels))))
    else:
        seen = simulated(recipe, min(USUAL, config.images or USUAL), config.workers)
    model.novelty.fit(features_of(model, seen.given, device), features_of(model, held, device),
                      torch.from_numpy(seen.labels))


def features_of(model: nn.Module, given: Tensor, device: torch.device | str) -> Tensor:
    """What the last layer is given (N, F), on the CPU."""
    with torch.no_grad(), torch.autocast(torch.device(device).type, enabled=False):
        return torch.cat([model.head[:-1](model.embed(model.see(part.to(device)))).cpu()
                          for part in given.split(AT_ONCE)])


def novelty_of(model: nn.Module, given: Tensor) -> Tensor | None:
    """Share (B,) of held-out images that lie at least as far from what is usual; None where that was not learnt."""
    if not bool(model.novelty.fitted):
        return None
    device = next(model.parameters()).device
    return model.novelty.p_value(model.novelty.distance(features_of(model, given, device).to(device))).cpu()


@dataclass(frozen=True)
class Alone:
    """A network that fits, at work on simulated images of which it is told nothing; travels to processes."""

    model: nn.Module
    recipe: Recipe     # without a fit
    device: str

    def columns(self, chunk: int) -> dict[str, np.ndarray]:
        columns = self.recipe.columns(chunk)
        given = complete(self.model, *measured(find(self.recipe.population), columns), self.device)
        return {"given": given.numpy(), "label": columns["label"]}


def afresh(model: nn.Module, recipe: Recipe, size: int, workers: int, device: torch.device | str
           ) -> tuple[Tensor, np.ndarray]:
    """What a network that fits is given of held-out images when it starts the fits itself (size, K, H, W); labels.

    On a CPU the fits are shared by `workers` processes.
    """
    alone = Alone(model, replace(recipe, fitted=False), str(device))
    made = columns_from(alone.columns, size, workers if torch.device(device).type == "cpu" else 1)
    return torch.from_numpy(made["given"]), made["label"]


def complete(model: nn.Module, image: Tensor, sigma: Tensor, device: torch.device | str) -> Tensor:
    """What a network is given (B, K, H, W) of images and their noise (B, 1, H, W) in the unit of its camera."""
    image, sigma = (middle(part, model.card["constants"]["crop"]).to(device) for part in (image, sigma))
    if not model.needs_fit:
        return (image / sigma).cpu()
    side = model.lens.camera.num_pix
    if image.shape[-2:] != (side, side):
        raise ValueError(f"This network fits lenses to frames of {side} x {side} pixels, and the image has "
                         f"{image.shape[-1]} x {image.shape[-2]}; bring it to the grid of {model.population}.")
    return torch.cat([model.complete(*pair)[0] for pair in zip(image.split(AT_ONCE), sigma.split(AT_ONCE),
                                                               strict=True)]).cpu()


def judged(logits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], temperature: float,
           resamples: int) -> dict:
    """Plain numbers and their intervals, of logits (N, C) float64."""
    found = metrics.scores(probabilities_of(logits, temperature), labels, classes, resamples=resamples)
    raw = probabilities_of(logits, 1.0)
    surprise = -np.log(np.maximum(raw[np.arange(len(labels)), labels], 1e-300)).mean()
    return dict(loss=float(surprise), macro_auc=found.macro_auc, accuracy=found.accuracy, ece=found.ece, n=found.n,
                ece_raw=metrics.calibration_error(raw, labels), auc=found.auc,
                intervals={name: list(limits) for name, limits in found.intervals.items()},
                confusion=[list(row) for row in found.confusion])


def logits_of(model: nn.Module, given: Tensor, device: torch.device | str) -> np.ndarray:
    """(N, C) float64, piece by piece; in float32 always, so that answers are the same anywhere."""
    with torch.no_grad(), torch.autocast(torch.device(device).type, enabled=False):
        parts = [model(part.to(device)).double().cpu() for part in given.split(AT_ONCE)]
    return torch.cat(parts).numpy()


def probabilities_of(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / T), (N, C) float64."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def given_of(model: nn.Module, observation: Observation) -> Tensor:
    """What the network is given (B, K, H, W) float32 of images on its own pixel grid; 0 sigmas where nothing is known.

    For a network that fits, what is not known weighs nothing in the fit.
    """
    device = next(model.parameters()).device
    image, sigma = observation.image.float(), observation.variance.sqrt().float()
    if observation.mask is not None:
        image = torch.where(observation.mask, image, torch.zeros_like(image))
        sigma = torch.where(observation.mask, sigma, UNKNOWN * sigma[observation.mask].median())
    return complete(model, image, sigma, device)


def temperature_of(model: nn.Module) -> float:
    """That of a network's card; 1 where it has none."""
    measured = model.card.get("metrics")
    value = measured.get("temperature") if isinstance(measured, dict) else None
    low, high = metrics.TEMPERATURES
    return float(np.clip(value, low, high)) if isinstance(value, int | float) else 1.0


def predict(model: nn.Module, observation: Observation) -> Classification:
    """Calibrated probabilities of images on the scale of pixels that the network was trained for."""
    device = next(model.parameters()).device
    logits = logits_of(model, given_of(model, observation), device)
    return Classification(torch.from_numpy(probabilities_of(logits, temperature_of(model))),
                          tuple(model.card["classes"]))
