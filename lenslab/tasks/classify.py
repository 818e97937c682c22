"""Which dark matter does an image show? Networks from sigmas to the classes of a population."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.checkpoint import load_into, read_card
from lenslab.images.observation import Observation
from lenslab.insight import metrics
from lenslab.nets import CLASSIFIERS, inputs
from lenslab.population import Population, find
from lenslab.quantity import choice, count, number, switch
from lenslab.tasks.chunks import chunks_beside, rendering
from lenslab.tasks.feed import FileImages, SetFeed, StreamFeed, population_of, simulated
from lenslab.tasks.order import elements, turned
from lenslab.tasks.training import Training, configure

HELD_OUT_SEED = 0      # validation and test images are the same for every run, so that runs can be compared
AT_ONCE = 256          # images in one forward pass of a judgement
MAX_CLASSES = 64
JUDGED = {"validation": 200, "test": 1000}     # resamples behind the intervals


@dataclass(frozen=True)
class Config(Training):
    """What a training of a classifier needs beyond the optimiser's settings.

    population   name, with switches if any; it gives classes, camera and symmetry, and images to be judged by
    data         an HDF5 set of that population to train on; empty: simulate
    """

    network: str = choice("cnn", tuple(CLASSIFIERS), "cnn is the baseline; physics_cnn sees what a smoothing leaves "
                          "as a second channel, with batch norm and stronger dropout.", "Network")
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
    model = kind(len(card["classes"]), width=config.width, **settings, **card["constants"])
    model.card = card
    return model


def facts(config: Config) -> dict:
    """What a checkpoint must tell of its network's input, so that no later change of a population changes it."""
    population = find(config.population)
    camera = population.camera
    return dict(classes=list(population.classes), num_pix=camera.num_pix, pixel_scale=camera.pixel_scale,
                symmetry=population.symmetry,
                constants=dict(psf_fwhm=camera.fwhm / camera.pixel_scale, smoothing=config.smoothing,
                               softening=inputs.SOFTENING, scale=inputs.SCALE))


def sound(card: dict) -> dict:
    """The card of a file that may come from anywhere, as far as a network is built from it."""
    classes, constants = card.get("classes"), card.get("constants")
    named = isinstance(classes, list) and 2 <= len(classes) <= MAX_CLASSES and len(set(map(str, classes))) \
        == len(classes) and all(isinstance(name, str) and 0 < len(name) <= 64 for name in classes)
    known = {"psf_fwhm", "smoothing", "softening", "scale"}
    bounded = isinstance(constants, dict) and set(constants) == known and all(
        type(value) in (int, float) and 1e-3 <= value <= 1e3 for value in constants.values())
    if not named or not bounded or constants["psf_fwhm"] * constants["smoothing"] > 200:
        raise ValueError("The card of this checkpoint has no sound classes and input constants; make the checkpoint "
                         "anew with python -m lenslab train classify.")
    return card


def load(path, device: torch.device | str = "cpu") -> nn.Module:
    """The network of a checkpoint, ready to predict; `model.card` is its whole card."""
    card = read_card(path)
    if card.get("task") != "classify" or not isinstance(card.get("config"), dict):
        raise ValueError(f"{path} is no classifier but a checkpoint for {str(card.get('task'))[:40]!r}; "
                         "choose one made by python -m lenslab train classify.")
    model = build(configure(Config, card["config"]), card)
    load_into(model, path)
    return model.to(device).eval()


def loss(model: nn.Module, sigmas: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits; in float32, since bfloat16 has too few digits for a logarithm of a sum."""
    return F.cross_entropy(model(sigmas).float(), labels)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> sigmas (B / world, 1, H, W), labels (B / world,)."""
    population, device = find(config.population), torch.device(device)
    symmetry = population.symmetry if config.augment else "none"
    feed = feed_of(config, population, device, rank, world)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        sigmas, labels = feed(step)
        which = elements(symmetry, config.batch, config.seed, step)[rank::world]
        return turned(sigmas.to(device), symmetry, which), torch.from_numpy(labels).to(device)

    return draw


def feed_of(config: Config, population: Population, device: torch.device, rank: int, world: int):
    """A set on disk, so many simulated images again and again, or an endless stream."""
    if config.data:
        held = population_of(config.data)
        if held.name != population.name:
            raise ValueError(f"{config.data} holds {held.name}, but {population.name} is to be learnt; give "
                             f"--population {held.name}.")
        images = FileImages(config.data)
        return SetFeed(images, images.set.labels, config.batch, config.seed, rank, world)
    if config.images:
        sigmas, labels = simulated(population, config.images, config.seed, "train", config.workers, config.compiled)
        return SetFeed(lambda rows: sigmas[torch.from_numpy(rows)], labels, config.batch, config.seed, rank, world)
    options = rendering(population, config.compiled)
    chunks = chunks_beside(population, config.seed, device, options, config.workers)
    return StreamFeed(config.batch, config.seed, config.reuse, chunks, rank, world)


@lru_cache(maxsize=4)
def held_out(population: str, size: int, split: str, workers: int, compiled: bool) -> tuple[Tensor, np.ndarray]:
    """Fixed images to judge by, simulated once: sigmas (n, 1, H, W), labels (n,)."""
    return simulated(find(population), size, HELD_OUT_SEED, split, workers, compiled)


def evaluate(model: nn.Module, config: Config, device: torch.device, split: str = "validation") -> dict:
    """Metrics with intervals. The temperature is fitted to validation images, whatever the split.

    loss is that of the bare logits; ece that of the calibrated probabilities, ece_raw without the temperature.
    """
    sigmas, labels = held_out(config.population, config.validation, "validation", config.workers, config.compiled)
    logits = logits_of(model, sigmas, device)
    temperature = metrics.temperature(logits, labels)
    if split != "validation":
        sigmas, labels = held_out(config.population, config.test, split, config.workers, config.compiled)
        logits = logits_of(model, sigmas, device)
    classes = tuple(model.card["classes"])
    return judged(logits, labels, classes, temperature, JUDGED[split]) | {"temperature": temperature}


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


def logits_of(model: nn.Module, sigmas: Tensor, device: torch.device | str) -> np.ndarray:
    """(N, C) float64 of images in sigmas, piece by piece; in float32 always, so that answers are the same anywhere."""
    with torch.no_grad(), torch.autocast(torch.device(device).type, enabled=False):
        parts = [model(part.to(device)).double().cpu() for part in sigmas.split(AT_ONCE)]
    return torch.cat(parts).numpy()


def probabilities_of(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / T), (N, C) float64."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def sigmas_of(observation: Observation) -> Tensor:
    """Image over noise (B, 1, H, W) float32; 0 where nothing is known."""
    sigmas = (observation.image / observation.variance.sqrt()).float()
    return sigmas if observation.mask is None else torch.where(observation.mask, sigmas, torch.zeros_like(sigmas))


def temperature_of(model: nn.Module) -> float:
    """That of a network's card; 1 where it has none."""
    measured = model.card.get("metrics")
    value = measured.get("temperature") if isinstance(measured, dict) else None
    low, high = metrics.TEMPERATURES
    return float(np.clip(value, low, high)) if isinstance(value, int | float) else 1.0


def predict(model: nn.Module, observation: Observation) -> Classification:
    """Calibrated probabilities of images on the scale of pixels that the network was trained for."""
    device = next(model.parameters()).device
    logits = logits_of(model, sigmas_of(observation), device)
    return Classification(torch.from_numpy(probabilities_of(logits, temperature_of(model))),
                          tuple(model.card["classes"]))
