"""What is the dark matter made of, in numbers? Networks from an image to posteriors of quantities."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lenslab import checkpoint
from lenslab.feed.chunks import chunks_beside
from lenslab.feed.order import elements
from lenslab.feed.stream import SetFeed, StreamFeed, simulated
from lenslab.images.observation import Observation
from lenslab.nets import CLASSIFIERS, inputs
from lenslab.nets.measurer import Measurer
from lenslab.nets.posterior import HEADS
from lenslab.population import find
from lenslab.quantity import choice, count, file, number, switch
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.classify.answers import inputs_of
from lenslab.tasks.classify.task import facts as input_facts
from lenslab.tasks.classify.task import network_of, sound
from lenslab.tasks.lens_parameters import load_regressor
from lenslab.tasks.measure.quantities import Quantities, quantities_of
from lenslab.tasks.measure.view import TRUTH, MeasureView
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training

CLASS_WEIGHT = 0.5     # of the cross-entropy beside the densities
SAMPLES = 512          # of a posterior
NOISE = 20             # seed of the noise that becomes samples: the same image gets the same samples


@dataclass(frozen=True)
class Config(Training):
    """What a training of a measuring network needs beyond the optimiser's settings.

    classifier   a checkpoint of a lens_residual: it begins the fits, and its weights are the network's first
    fits         a folder of python -m lenslab fits, made with that classifier; missing chunks are added to it
    """

    network: str = choice("cnn", tuple(CLASSIFIERS), "What sees the image: cnn is the quickest; lens_residual fits a "
                          "smooth lens to each image and sees what it leaves.", "Network")
    head: str = choice("flow", tuple(HEADS), "How it says what it knows: point is a value with an error, mixture a sum "
                       "of bells, flow any shape.", "Posterior")
    width: int = count(16, 4, 256, "Channels of the first block; each further block has twice as many.", "Width")
    features: int = count(48, 4, 1024, "Numbers between the network and its posteriors.", "Features")
    dropout: float = number(0.2, 0.0, 0.9, "", "Share of the last layer that is left out at each step.", "Dropout")
    population: str = "seed-64"
    classifier: str = file("", "For lens_residual: a checkpoint of a lens_residual on the machine that trains. It "
                           "begins the fits, and its weights are the first.", "Classifier", "no fits")
    fits: str = file("", "A folder of python -m lenslab fits on the machine that trains.", "Stored fits",
                     "make them while it learns")
    images: int = count(0, 0, 10**6, "Train on so many images again and again; 0 simulates without end.", "Images")
    reuse: int = count(4, 1, 64, "How often each simulated image is shown, each time turned anew.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    augment: bool = switch(True, "Turn and mirror images as far as the population has that symmetry.", "Augment")
    crop: int = count(0, 0, 1024, "Pixels on a side of the middle of the frame that the network sees; 0 is all of it.",
                      "Crop")
    smoothing: float = number(inputs.SMOOTHING, 0.3, 20, "PSF FWHM", "Width of the smoothing whose residual is "
                              "the second channel.", "Smoothing")
    validation: int = count(960, 30, 10**6, "Images that choose the best weights and the temperature.", "Validation")
    test: int = count(1200, 30, 10**6, "Images that the finished network is judged by.", "Test")


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a network says of B images: samples of posteriors, and the prior that they were learnt under.

    samples         (B, S, Q) in the unit of each quantity; those of a block are joint
    probabilities   (B, C) of the classes; a block that is called as a class is given that the image is of it
    """

    samples: Tensor
    probabilities: Tensor
    quantities: Quantities

    def of(self, key: str, block: str) -> Tensor:
        """(B, S) of a quantity."""
        place = next(k for k, item in enumerate(self.quantities.quantities) if (item.key, item.block) == (key, block))
        return self.samples[..., place]


def build(config: Config, card: dict | None = None) -> Trained:
    fresh = card is None
    card = facts(config) if fresh else sound(card)
    quantities = Quantities.of_card(card.get("measures"))
    backbone = network_of(config, card, config.features, dropout=config.dropout)
    model = Measurer(backbone, config.features, quantities.blocks, len(quantities.classes), config.head)
    if backbone.needs_fit:
        backbone.regressor.requires_grad_(False)     # stored fits are its own
        if fresh:
            begin(backbone, config.classifier)
    return Trained(model, card)


def facts(config: Config) -> dict:
    """What a checkpoint must tell so that no later change of a population changes its answers."""
    card = input_facts(config) | dict(measures=quantities_of(config.population).to_card())
    if CLASSIFIERS[config.network][0].needs_fit:
        if not config.classifier:
            raise ValueError("lens_residual measures with the fits of a classifier; give classifier=a checkpoint of "
                             "python -m lenslab train classify network=lens_residual for this population.")
        elder = checkpoint.read_card(config.classifier)
        if elder.get("population") != card["population"] or "smooth_lens" not in elder:
            raise ValueError(f"{Path(config.classifier).name} fits no lenses of {card['population']}; give a "
                             "lens_residual that was trained on it.")
        card |= dict(smooth_lens=elder["smooth_lens"], constants=elder["constants"])
        card |= {name: elder[name] for name in ("fit_recipe",) if name in elder}
    return card


def begin(backbone, classifier: str) -> None:
    """The weights of a classifier, all but its last layer."""
    tensors, _ = checkpoint.load(classifier)
    own = backbone.state_dict()
    backbone.load_state_dict(own | {name: tensor for name, tensor in tensors.items()
                                    if name in own and own[name].shape == tensor.shape})
    backbone.regressor.load_state_dict(load_regressor(classifier, backbone.lens).state_dict())


def view_of(config: Config, seed: int, split: str) -> MeasureView:
    """How images become what the network of a Config is given."""
    fitted = CLASSIFIERS[config.network][0].needs_fit
    crop = config.crop
    if config.classifier:
        crop = checkpoint.read_card(config.classifier)["constants"]["crop"]
    return MeasureView(config.population, seed, split, crop=crop, classifier=config.classifier, fits=config.fits,
                       bare=not fitted)


def searched(settings: dict) -> dict[str, tuple]:
    """What python -m lenslab tune searches: words, or the least and the largest number. `settings` are the same for all
    trials: without a classifier nothing fits."""
    networks = "cnn", "physics_cnn", "resnet", "vit", "lensiformer"
    return {"network": networks + ("lens_residual",) * bool(settings.get("classifier")), "head": tuple(HEADS),
            "width": (8, 32), "features": (16, 128), "lr": (3e-4, 5e-3), "dropout": (0.0, 0.5), "reuse": (2, 16)}


def loss(model: Measurer, given: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
    """- ln of the densities at the truth (B, Q; NaN where an item has no such number), and the classes' cross-entropy.

    In float32, since bfloat16 has too few digits for a logarithm of a sum.
    """
    features = model(given).float()
    with torch.autocast(given.device.type, enabled=False):
        surprise = -model.log_prob(features, scores).sum(1).mean()
        return surprise + CLASS_WEIGHT * F.cross_entropy(model.logits(features), labels)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> given (B / world, K, H, W), normal scores (B / world, Q), labels (B / world,)."""
    population, device = find(config.population), torch.device(device)
    symmetry = population.symmetry if config.augment else "none"
    quantities, feed = quantities_of(config.population), feed_of(config, device, rank, world)

    def draw(step: int) -> tuple[Tensor, ...]:
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), config.batch, config.seed, step)[rank::world]
        truth = quantities.turn(shown.targets[TRUTH], symmetry, places)
        return (turn_maps(shown.inputs.to(device), symmetry, places), quantities.scores(truth).float().to(device),
                torch.from_numpy(shown.labels).to(device))

    return draw


def feed_of(config: Config, device: torch.device, rank: int, world: int):
    """So many images again and again, or an endless stream."""
    view = view_of(config, config.seed, "train")
    if config.images:
        return SetFeed(simulated(view, config.images, config.workers), config.batch, config.seed, rank, world)
    return StreamFeed(config.batch, config.seed, config.reuse, chunks_beside(view, device, config.workers), rank,
                      world)


@torch.no_grad()
def features_of(model: Measurer, given: Tensor) -> Tensor:
    """(N, n) of what a network is given (N, K, H, W), on its device; float32, so that answers are alike anywhere."""
    device = next(model.parameters()).device
    with torch.autocast(device.type, enabled=False):
        return torch.cat([model(part.to(device)) for part in given.split(AT_ONCE)])


@torch.no_grad()
def estimate_of(trained: Trained, features: Tensor, samples: int = SAMPLES) -> Estimate:
    """Posteriors of images by their features (N, n)."""
    model, quantities = trained.model, Quantities.of_card(trained.card["measures"])
    chance = torch.Generator().manual_seed(NOISE)
    noise = torch.randn(1, samples, len(quantities.quantities), generator=chance).to(features)
    parts = [model.samples(part, noise.expand(len(part), -1, -1)).cpu() for part in features.split(AT_ONCE)]
    return Estimate(quantities.values(torch.cat(parts).double()), model.logits(features).double().softmax(1).cpu(),
                    quantities)


def predict(trained: Trained, observation: Observation, samples: int = SAMPLES) -> Estimate:
    """Posteriors of images on the scale of pixels that the network was trained for."""
    return estimate_of(trained, features_of(trained.model, inputs_of(trained, observation)), samples)
