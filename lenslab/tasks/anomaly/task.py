"""Is anything odd about a lens? Networks that have seen smooth lenses alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lenslab import checkpoint
from lenslab.feed.chunks import chunks_beside
from lenslab.feed.examples import Examples
from lenslab.feed.order import CHUNK, elements
from lenslab.feed.stream import SetFeed, StreamFeed, simulated
from lenslab.images.observation import Observation
from lenslab.insight.judgement import SMOOTH_CLASSES
from lenslab.nets.autoencoder import HALVINGS, KINDS, Autoencoder
from lenslab.nets.oddity import Excess, Rarity
from lenslab.physics.grid import middle_side
from lenslab.population import Population, find
from lenslab.quantity import choice, count, file, switch
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks import measure
from lenslab.tasks.classify import answers
from lenslab.tasks.classify.task import facts as input_facts
from lenslab.tasks.classify.task import network_of, sound
from lenslab.tasks.lens_view import LensView
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training, configure

RESIDUAL, FLOW = "residual", "flow"
TABLE = 1001           # quantiles of the scores of usual images that are kept


@dataclass(frozen=True)
class Config(Training):
    """What a training of an anomaly detector needs beyond the optimiser's settings.

    classifier   for kind residual: a lens_residual whose fits are judged
    measurer     for kind flow: a checkpoint of the task measure whose features are judged
    """

    kind: str = choice(KINDS[0], (*KINDS, FLOW, RESIDUAL), "autoencoder, variational and adversarial draw an image and "
                       "see what they miss; flow asks how rare the features of a measuring network are; residual asks "
                       "whether a smooth lens leaves more of the image than it should.", "Kind")
    population: str = "deeplense-1"
    width: int = count(16, 4, 128, "Channels of the first layer.", "Width")
    latent: int = count(24, 2, 512, "Numbers that an image is squeezed through.", "Numbers")
    classifier: str = file("", "For residual: a checkpoint of a lens_residual on the machine that trains.",
                           "Classifier", "no fits")
    measurer: str = file("", "For flow: a checkpoint of the task measure on the machine that trains.", "Measurer",
                         "no features")
    fits: str = file("", "A folder of python -m lenslab fits on the machine that trains.", "Stored fits",
                     "make them")
    images: int = count(0, 0, 10**6, "Train on so many images again and again; 0 simulates without end (2,000 for "
                        "residual and flow).", "Images")
    reuse: int = count(4, 1, 64, "How often each simulated image is shown, each time turned anew.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    augment: bool = switch(True, "Turn and mirror images as far as the population has that symmetry.", "Augment")
    crop: int = count(0, 0, 1024, "Pixels on a side of the middle of the frame that the network sees; 0 is all of it.",
                      "Crop")
    validation: int = count(960, 30, 10**6, "Smooth images that choose the best weights and tell what is usual.",
                            "Validation")
    test: int = count(1200, 30, 10**6, "Images of all classes that the finished network is judged by.", "Test")

    @property
    def begun(self) -> bool:
        """Whether images come with what a fit or a network has made of them."""
        return self.kind in (RESIDUAL, FLOW)


@dataclass(frozen=True, eq=False)
class Oddness:
    """How odd images are.

    score   (B,)        larger is odder
    p       (B,)        share of usual lenses, not seen in training, that are at least as odd
    map     (B, h, w)   where; of the middle of the frame that the network sees
    """

    score: Tensor
    p: Tensor
    map: Tensor


class Detector(nn.Module):
    """A network with `score`, `map` and `loss`, and the scores of usual images (TABLE,), which it has not learnt from.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("table", torch.zeros(TABLE))

    @property
    def needs_fit(self) -> bool:
        return getattr(self.network, "needs_fit", False)

    def p(self, score: Tensor) -> Tensor:
        """Share of usual images that are at least as odd, never 0."""
        above = TABLE - torch.searchsorted(self.table.to(score), score.contiguous())
        return (above + 1) / (TABLE + 1)


class FittedExcess(Excess):
    """`Excess` with what makes its fits."""

    needs_fit = True

    def __init__(self, backbone: nn.Module):
        super().__init__(backbone.lens.compact)
        self.backbone = backbone.requires_grad_(False)

    @property
    def lens(self):
        return self.backbone.lens

    def complete(self, image: Tensor, sigma: Tensor):
        return self.backbone.complete(image, sigma)


def build(config: Config, card: dict | None = None) -> Trained:
    fresh = card is None
    card = facts(config) if fresh else sound(card)
    if config.kind in KINDS:
        crop = card["constants"]["crop"]
        network = Autoencoder(middle_side(card["num_pix"], crop), kind=config.kind, width=config.width,
                              latent=config.latent)
    elif config.kind == RESIDUAL:
        learnt = measure.Config(network="lens_residual", population=config.population)
        backbone = network_of(learnt, card, 2)
        if fresh:
            measure.task.begin(backbone, config.classifier)
        network = FittedExcess(backbone)
    else:
        own = configure(measure.Config, plain_settings(card["measurer"]["config"]))
        inner = measure.build(own, card["measurer"]["card"]).model
        if fresh:
            checkpoint.load_into(inner, config.measurer)
        network = FeatureRarity(inner, own.features)
    return Trained(Detector(network), card)


class FeatureRarity(Rarity):
    """`Rarity` of the features of a measuring network, with what that needs to see an image."""

    @property
    def needs_fit(self) -> bool:
        return self.backbone.needs_fit

    @property
    def lens(self):
        return self.backbone.lens

    def complete(self, image: Tensor, sigma: Tensor):
        return self.backbone.complete(image, sigma)


def plain_settings(settings: object) -> dict:
    if not isinstance(settings, dict):
        raise ValueError("The card of this checkpoint does not say which features it judges; make it anew with "
                         "python -m lenslab train anomaly.")
    return settings


def facts(config: Config) -> dict:
    """What a checkpoint must tell so that no later change of a population changes its answers."""
    smooth_class(find(config.population))
    side = find(config.population).camera.num_pix
    crop = config.crop or side - side % 2**HALVINGS
    learnt = measure.Config(population=config.population, crop=0 if crop == side else crop)
    card = input_facts(learnt)
    if config.kind == RESIDUAL:
        if not config.classifier:
            raise ValueError("kind=residual judges the fits of a classifier; give classifier=a checkpoint of python -m "
                             "lenslab train classify network=lens_residual for this population.")
        card = measure.facts(measure.Config(network="lens_residual", population=config.population,
                                            classifier=config.classifier))
    if config.kind == FLOW:
        if not config.measurer:
            raise ValueError("kind=flow judges the features of a measuring network; give measurer=a checkpoint of "
                             "python -m lenslab train measure for this population.")
        elder = checkpoint.read_card(config.measurer)
        if elder.get("task") != "measure" or elder.get("population") != card["population"]:
            raise ValueError(f"{Path(config.measurer).name} measures nothing of {card['population']}; give a "
                             "checkpoint of python -m lenslab train measure for it.")
        names = ("classes", "population", "num_pix", "pixel_scale", "symmetry", "definition", "constants", "measures",
                 "smooth_lens", "fit_recipe")
        card |= dict(constants=elder["constants"], measurer=dict(
            config=elder["config"], card={name: elder[name] for name in names if name in elder}))
    return card


def smooth_class(population: Population) -> int:
    """The class of lenses without substructure."""
    found = [k for k, name in enumerate(population.classes) if name in SMOOTH_CLASSES]
    if not found:
        raise ValueError(f"{population.name} has no smooth lenses, so that nothing is usual there.")
    return found[0]


def view_of(config: Config, seed: int, split: str, *, alone: bool) -> LensView:
    """How images become what the network is given; `alone`: none of them has substructure."""
    if not config.begun:
        card = facts(config)
        return LensView(config.population, seed, split, crop=card["constants"]["crop"], smooth=alone)
    if config.kind == RESIDUAL:
        learnt = measure.Config(network="lens_residual", population=config.population, classifier=config.classifier,
                                fits=config.fits)
    else:
        settings = checkpoint.read_card(config.measurer)["config"]
        learnt = configure(measure.Config, settings | dict(fits=config.fits or settings["fits"]))
    return measure.task.view_of(learnt, seed, split)


def usual(config: Config, seed: int, split: str, n: int) -> Examples:
    """n smooth lenses of a split. Where there are fits, those of smooth lenses among all: they may be stored."""
    view = view_of(config, seed, split, alone=True)
    if not config.begun:
        return simulated(view, n, config.workers)
    population = find(config.population)
    each = CHUNK // len(population.classes)
    shown = simulated(view, CHUNK * -(-n // each), config.workers)
    return shown.take(np.flatnonzero(shown.labels == smooth_class(population))).first(n)


def loss(model: Detector, given: Tensor) -> Tensor:
    return model.network.loss(given)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> given (B / world, K, H, W) of smooth lenses, turned as their population allows."""
    device = torch.device(device)
    symmetry = find(config.population).symmetry if config.augment else "none"
    feed = feed_of(config, device, rank, world)

    def draw(step: int) -> tuple[Tensor]:
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), config.batch, config.seed, step)[rank::world]
        return (turn_maps(shown.inputs.to(device), symmetry, places),)

    return draw


def feed_of(config: Config, device: torch.device, rank: int, world: int):
    if config.begun or config.images:
        return SetFeed(usual(config, config.seed, "train", config.images or 2000), config.batch, config.seed, rank,
                       world)
    view = view_of(config, config.seed, "train", alone=True)
    return StreamFeed(config.batch, config.seed, config.reuse, chunks_beside(view, device, config.workers), rank,
                      world)


@torch.no_grad()
def scores_of(trained: Trained, given: Tensor) -> Tensor:
    """(N,) float64 of what a network is given, piece by piece; in float32 always, so that answers are alike anywhere.
    """
    device = trained.device
    with torch.autocast(device.type, enabled=False):
        return torch.cat([trained.model.network.score(part.to(device)).double().cpu()
                          for part in given.split(AT_ONCE)])


def inputs_of(trained: Trained, observation: Observation) -> Tensor:
    """What the network is given (B, K, h, w) of images on the scale of pixels that it was trained for."""
    return answers.inputs_of(Trained(Given(trained.model), trained.card), observation)


class Given(nn.Module):
    """A detector as lenslab.tasks.classify.answers asks for a network: whether it fits, and how."""

    def __init__(self, detector: Detector):
        super().__init__()
        self.detector = detector

    @property
    def needs_fit(self) -> bool:
        return self.detector.needs_fit

    @property
    def lens(self):
        return self.detector.network.lens

    def complete(self, image: Tensor, sigma: Tensor):
        return self.detector.network.complete(image, sigma)


def predict(trained: Trained, observation: Observation) -> Oddness:
    """How odd images are, beside usual ones."""
    given = inputs_of(trained, observation)
    score = scores_of(trained, given)
    with torch.no_grad(), torch.autocast(trained.device.type, enabled=False):
        maps = torch.cat([trained.model.network.map(part.to(trained.device)).detach().cpu()
                          for part in given.split(AT_ONCE)])
    p = trained.model.p(score.to(trained.device)).cpu()
    return Oddness(score, p.clamp_min(1 / (usual_number(trained.card) + 1)), maps)


def usual_number(card: dict) -> int:
    """How many usual lenses a detector was held against: rarer than one of them it can call no image."""
    config = card.get("config")
    number = config.get("validation") if isinstance(config, dict) else None
    return number if isinstance(number, int) and number > 0 else TABLE


