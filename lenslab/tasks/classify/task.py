"""Which dark matter does an image show? Networks from sigmas to the classes of a population."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenslab.feed.chunks import chunks_beside
from lenslab.feed.order import elements
from lenslab.feed.stream import SetFeed, StreamFeed, simulated
from lenslab.fit import recipes, smooth
from lenslab.images.observation import Observation
from lenslab.insight import cards
from lenslab.nets import CLASSIFIERS, inputs
from lenslab.population import find
from lenslab.quantity import LONGEST, choice, count, file, number, switch
from lenslab.sets.dataset import population_of
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.classify.answers import inputs_of, logits_of, probabilities_of, temperature_of
from lenslab.tasks.classify.judge import view_of
from lenslab.tasks.lens_parameters import load_regressor
from lenslab.tasks.lens_view import COORDINATES, SetItems
from lenslab.tasks.trained import Trained
from lenslab.tasks.training import Training

INPUT = ("num_pix", "pixel_scale", "symmetry")    # what a network may know of its input beside the constants
PHYSICS = 0.05         # weight of what a lens layer learns without labels, beside the cross-entropy


@dataclass(frozen=True)
class Config(Training):
    """What a training of a classifier needs beyond the optimiser's settings.

    population   name, with switches if any; it gives classes, camera and symmetry, and images to be judged by
    data         an HDF5 set of that population to train on; empty: simulate
    regressor    a checkpoint whose LensRegressor begins the fits of training images and stays the network's own,
                 whatever --init brings; empty: fits begin near the truth, the regressor is taught beside
    """

    network: str = choice("cnn", tuple(CLASSIFIERS), "cnn is the baseline and the quickest; lens_residual fits a "
                          "smooth lens to each image and sees what it leaves; equivariant knows the symmetry of its "
                          "population; resnet, vit, lensiformer and lenspinn are those of the field, mended.",
                          "Network")
    width: int = count(16, 4, 256, "Channels of the first block; each further block has twice as many.", "Width")
    population: str = "seed-64"
    data: str = file("", "An HDF5 file of python -m lenslab dataset on the machine that trains, to learn from instead "
                     "of fresh images.", "Data set", "simulate while it learns")
    regressor: str = file("", "For lens_residual: a checkpoint of the task lens_parameters, or of a lens_residual, on "
                          "the machine that trains. Fits of training images begin where it says.", "Start of the fits",
                          "near the truth")
    images: int = count(0, 0, 10**6, "Train on so many images again and again; 0 simulates without end.", "Images")
    reuse: int = count(4, 1, 64, "How often each simulated image is shown, each time turned anew; more asks less of "
                       "the simulator.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    augment: bool = switch(True, "Turn and mirror images as far as the population has that symmetry.", "Augment")
    crop: int = count(0, 0, 1024, "Pixels on a side of the middle of the frame that the network sees; 0 is all of it.",
                      "Crop")
    smoothing: float = number(inputs.SMOOTHING, 0.3, 20, "PSF FWHM", "Width of the smoothing whose residual is "
                              "the second channel.", "Smoothing")
    validation: int = count(960, 30, 10**6, "Images that choose the best weights and the temperature.", "Validation")
    test: int = count(1200, 30, 10**6, "Images that the finished network is judged by.", "Test")

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.population, str) or len(self.population) > LONGEST:
            raise ValueError(f"population must be a word, not {str(self.population)[:40]!r}.")


@dataclass(frozen=True)
class Classification:
    """What a network says of images; the rows sum to 1."""

    probabilities: Tensor          # (B, C) float64, calibrated by the temperature of the checkpoint
    classes: tuple[str, ...]


def build(config: Config, card: dict | None = None) -> Trained:
    """A network with fresh weights, and the card that says what it is given; that of a checkpoint is followed."""
    begun = "" if card is not None else config.regressor
    card = facts(config) if card is None else sound(card)
    model = network_of(config, card, len(card["classes"]))
    if model.needs_fit and begun:
        own = model.regressor.requires_grad_(False)     # it learns no more, or later fits would be other than it saw
        own.load_state_dict(load_regressor(begun, model.lens).state_dict())
    return Trained(model, card)


def network_of(config: Training, card: dict, outputs: int, **more) -> nn.Module:
    """The network that a Config with `network` and `width` names, for the input that a card describes."""
    kind, settings = CLASSIFIERS[config.network]
    if kind.needs_fit:
        settings = settings | {"lens": smooth.of_card(card.get("smooth_lens")),
                               "recipe": recipes.of_card(card.get("fit_recipe"))}
    return kind(outputs, width=config.width, **{name: card[name] for name in INPUT}, **settings, **more,
                **card["constants"])


def facts(config: Config) -> dict:
    """What a checkpoint must tell of its network's input, so that no later change of a population changes it."""
    population = find(config.population)
    camera = population.camera
    fitted = CLASSIFIERS[config.network][0].needs_fit
    return dict(classes=list(population.classes), population=population.name, num_pix=camera.num_pix,
                pixel_scale=camera.pixel_scale, symmetry=population.symmetry, definition=population.definition,
                constants=dict(psf_fwhm=camera.fwhm / camera.pixel_scale, smoothing=config.smoothing,
                               softening=inputs.SOFTENING, scale=inputs.SCALE, crop=config.crop),
                **({"smooth_lens": smooth.to_card(smooth.smooth_lens(population.name, config.crop)),
                   "fit_recipe": recipes.to_card(recipes.FIRST)} if fitted else {}))


def sound(card: dict) -> dict:
    """The card of a file that may come from anywhere, as far as a network is built from it."""
    constants = card.get("constants")
    known = {"psf_fwhm", "smoothing", "softening", "scale", "crop"}
    bounded = isinstance(constants, dict) and set(constants) == known and all(
        type(value) in (int, float) and 1e-3 <= value <= 1e3 for name, value in constants.items() if name != "crop")
    placed = type(card.get("num_pix")) is int and 16 <= card["num_pix"] <= 1024 and \
        type(card.get("pixel_scale")) is float and 1e-3 <= card["pixel_scale"] <= 10 and \
        str(card.get("symmetry")) in GROUPS and isinstance(card.get("population"), str)
    if not (cards.are_classes(card.get("classes")) and bounded and placed) or \
            constants["psf_fwhm"] * constants["smoothing"] > 200 or \
            type(constants["crop"]) is not int or not 0 <= constants["crop"] <= 1024:
        raise ValueError("The card of this checkpoint has no sound classes and input constants; make the checkpoint "
                         "anew with python -m lenslab train classify.")
    return card


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
    learning = model.needs_fit and next(model.regressor.parameters()).requires_grad
    return value + model.regressor.loss(upright, truth) if learning else value


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> given (B / world, K, H, W), labels (B / world,); for networks that fit also sigmas and truth.

    What is given is turned as the symmetry of the population allows; sigmas and truth are not.
    """
    population, device = find(config.population), torch.device(device)
    symmetry = population.symmetry if config.augment else "none"
    feed, fitted = feed_of(config, device, rank, world), CLASSIFIERS[config.network][0].needs_fit

    def draw(step: int) -> tuple[Tensor, ...]:
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), config.batch, config.seed, step)[rank::world]
        inputs = shown.inputs.to(device)
        batch = turn_maps(inputs, symmetry, places), torch.from_numpy(shown.labels).to(device)
        return batch + (inputs[:, :1], shown.targets[COORDINATES].to(device)) if fitted else batch

    return draw


def feed_of(config: Config, device: torch.device, rank: int, world: int):
    """A set on disk, so many simulated images again and again, or an endless stream."""
    view = view_of(config, config.seed, "train")
    if config.data:
        held = population_of(config.data)
        if held.name != config.population:
            raise ValueError(f"{config.data} holds {held.name}, but {config.population} is to be learnt; give "
                             f"--population {held.name}.")
        return SetFeed(SetItems(config.data, view), config.batch, config.seed, rank, world)
    if config.images:
        return SetFeed(simulated(view, config.images, config.workers), config.batch, config.seed, rank, world)
    return StreamFeed(config.batch, config.seed, config.reuse, chunks_beside(view, device, config.workers), rank,
                      world)


def predict(trained: Trained, observation: Observation) -> Classification:
    """Calibrated probabilities of images on the scale of pixels that the network was trained for."""
    logits = logits_of(trained, inputs_of(trained, observation))
    return Classification(torch.from_numpy(probabilities_of(logits, temperature_of(trained))),
                          tuple(trained.card["classes"]))
