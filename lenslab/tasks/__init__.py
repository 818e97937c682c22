"""What can be trained. A task is a module with six names, and a row in the table below; the loop knows nothing more.

    Config                                 frozen dataclass, a lenslab.tasks.training.Training with fields of its own
    build(config, card=None) -> Trained    a network with fresh weights, and the card that its checkpoints carry: all
                                           that its answers depend on. With the card of a checkpoint, what that says
    loss(model, *batch) -> Tensor          mean over the batch, a scalar
    batches(config, device, rank=0, world=1) -> draw; draw(step) -> tuple of tensors
                                           a pure function of (config.seed, step): rows rank::world of the joint batch
    evaluate(trained, config, split="validation") -> dict
                                           plain numbers under the names of the row, among them "loss" (lower is
                                           better); more may be nested: "intervals" {name: [low, high]}, "confusion"
                                           [[...]], ...; split "test", which is asked for once, may also give "card":
                                           more for the checkpoint's card, and "novelty": a lenslab.insight.novelty
    predict(trained, ...)                  the task's own record, for pages

This module loads no torch: shell and pages list tasks and metrics without.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from lenslab.quantity import Metric


@dataclass(frozen=True)
class Preset:
    """A training of a few minutes: settings that differ from the defaults, and what they are for."""

    title: str
    sentence: str
    settings: dict
    minutes: float        # about, on two cores of which one may be busy
    name: str = "first"   # of its run


@dataclass(frozen=True)
class Task:
    """A row: what the task asks, where it stands, and every number that its `evaluate` returns, each declared once.

    presets   with what the Train page begins: the first with one button
    """

    title: str
    path: str
    metrics: tuple[Metric, ...]
    presets: tuple[Preset, ...]

    @property
    def module(self) -> ModuleType:
        return import_module(self.path)


SHARE = (0.0, 1.0)
LOSS = Metric("loss", "Loss", "", "lower", "What training makes small, on images that it does not learn from.")
# The presets are short, so that the learning rate rises at once and the mean of weights forgets the first ones. That of
# classify took 74 s of processor time on an EPYC, simulation included (each image is shown eight times), that of
# lens_parameters 29 s.
TASKS = {
    "classify": Task("Which dark matter does an image show?", "lenslab.tasks.classify", (
        LOSS,
        Metric("macro_auc", "Macro AUC", "", "higher", "Chance that an image of a class gets a higher probability of "
               "it than an image of another class; the mean over classes. 0.5 is guessing.", interval=True,
               limits=SHARE, guess=lambda n: 0.5),
        Metric("accuracy", "Accuracy", "", "higher", "Share of images whose likeliest class is the true one.",
               interval=True, limits=SHARE, guess=lambda n: 1 / n if n else None),
        Metric("ece", "Calibration error", "", "lower", "How far its probabilities are from how often it is right, on "
               "average; 0 is perfect.", interval=True),
        Metric("ece_raw", "Calibration error before the temperature", "", "", "The same of the bare network, which is "
               "never asked."),
        Metric("temperature", "Temperature", "", "", "What its logits are divided by, so that its probabilities are "
               "honest; above 1 it was too sure."),
        Metric("floor", "AUC of a fit alone", "", "", "Smooth lenses against the rest by how badly the best smooth "
               "lens fits: what no network may stay below."),
    ), (Preset(
        "A first network",
        "It simulates lenses with no substructure, with clumps of cold dark matter and with the waves of axions (fuzzy "
        "dark matter), learns on the fly, and ends with a table of what it mixes up. Two minutes take it well beyond "
        "guessing; hours take it further.",
        dict(network="cnn", population="seed-64", steps=160, lr=0.002, warmup=20, ema=0.95, validate_every=20, reuse=8,
             validation=240, test=360), 2),)),
    "lens_parameters": Task("What are the numbers of the smooth lens?", "lenslab.tasks.lens_parameters", (
        LOSS,
        Metric("error", "Error", "population standard deviations", "lower", "Root mean square over all numbers of the "
               "lens; 1 is what the population's mean would give.",
               guess=lambda n: 1.0),
    ), (Preset(
        "A first look at a lens",
        "It simulates smooth lenses of one kind and learns to read off them where the lens and its source are, and how "
        "the source is shaped. A fit of a lens can begin where it says.",
        dict(population="deeplense-2", steps=300, batch=32, lr=0.002, warmup=30, ema=0.95, validate_every=50, reuse=4,
             validation=240, test=360), 2, "first-look"),)),
    "generate": Task("What would a lens look like that is asked for?", "lenslab.tasks.generate", (
        LOSS,
        Metric("frechet", "Fréchet distance", "", "lower", "How far the features of generated images lie from those "
               "of simulated ones, as two bells; features are those of our own judge.", interval=True),
        Metric("frechet_floor", "Its floor", "", "", "The same of the simulator against itself, of as many images."),
        Metric("kernel", "Kernel distance", "", "lower", "The same without the thought that features lie in bells."),
        Metric("kernel_floor", "Its floor", "", "", "The simulator against itself."),
        Metric("auc_features", "Told apart by features", "", "lower", "How well a classifier tells generated from "
               "simulated images by the judge's features, as an AUC; 0.5: not at all.", interval=True, limits=SHARE),
        Metric("auc_spectra", "Told apart by spectra", "", "lower", "The same by the power at each scale and the "
               "moments of the pixels, which no lens is needed for.", interval=True, limits=SHARE),
        Metric("power", "Error of the mean power", "", "lower", "Largest share by which the mean power at some scale "
               "differs from that of the simulator's images of the same conditions."),
        Metric("power_floor", "Its floor", "", "", "Another draw of the simulator in the place of the generator."),
        Metric("pixels", "Distance of pixels", "", "lower", "How far brightness would have to be moved from pixel to "
               "pixel until both histograms are one."),
        Metric("pixels_floor", "Its floor", "", "", "The simulator against itself."),
        Metric("precision", "Precision", "", "higher", "Share of generated images that lie among simulated ones.",
               limits=SHARE),
        Metric("recall", "Recall", "", "higher", "Share of simulated images that lie among generated ones.",
               limits=SHARE),
        Metric("coverage", "Coverage", "", "higher", "Share of simulated images with a generated one as "
               "their neighbour.", limits=SHARE),
        Metric("coverage_floor", "Its floor", "", "", "The simulator against itself.", limits=SHARE),
        Metric("obedience", "Obedience", "", "higher", "What the judge reads of the conditions off generated images, "
               "as a share of what it reads off simulated ones (R² over R², the mean over all that images tell)."),
        Metric("accuracy", "Class obeyed", "", "higher", "Share of generated images whose class the judge reads as "
               "asked.", limits=SHARE),
        Metric("accuracy_floor", "Class read off simulated", "", "", "The same of simulated images.", limits=SHARE),
        Metric("paired", "Difference from the twin", "", "lower", "Root mean square difference from the simulator's "
               "image of the same conditions, in stretched brightness, whose spread is 1."),
        Metric("shuffled", "Difference from another", "", "", "The same from the image of other conditions."),
    ), (Preset(
        "A first generator",
        "It simulates lenses and learns to take noise off them until it can make such images from noise alone. In "
        "minutes it makes blurred rings; good ones take hours.",
        dict(population="seed-64", steps=200, batch=16, lr=0.001, warmup=20, ema=0.95, validate_every=50, reuse=8,
             validation=60, test=60), 3, "first-generator"),)),
    "measure": Task("What is the dark matter made of, in numbers?", "lenslab.tasks.measure", (
        LOSS,
        Metric("gain", "Gain over the prior", "nats", "higher", "How much more likely it makes the true numbers of the "
               "dark matter than what was known before the image; 0 is nothing learnt.", guess=lambda n: 0.0),
        Metric("gain_lens", "Gain on the smooth lens", "nats", "higher", "The same of the numbers of the smooth lens."),
        Metric("mean_r2", "R²", "", "higher", "Share of the spread of the dark matter's numbers that the medians "
               "explain, the mean over all of them; 1 is all, 0 is what the mean tells.", guess=lambda n: 0.0),
        Metric("mean_coverage68", "Truth within 68 %", "", "", "How often the 68 % that it names hold the truth: 0.68 "
               "is honest.", limits=SHARE),
        Metric("mean_coverage95", "Truth within 95 %", "", "", "How often the 95 % that it names hold the truth: 0.95 "
               "is honest.", limits=SHARE),
        Metric("accuracy", "Accuracy", "", "higher", "Share of images whose likeliest class is the true one.",
               limits=SHARE, guess=lambda n: 1 / n if n else None),
    ), (Preset(
        "A first measurement",
        "It simulates lenses with clumps and with waves of dark matter and learns how much of it there is, and how "
        "heavy its particles are, with errors. Minutes are enough to see that errors can be honest and wide.",
        dict(network="cnn", population="seed-64", steps=200, lr=0.002, warmup=20, ema=0.95, validate_every=50, reuse=8,
             validation=240, test=360), 2, "first-measurement"),)),
    "anomaly": Task("Is anything odd about a lens?", "lenslab.tasks.anomaly", (
        LOSS,
        Metric("auc", "AUC", "", "higher", "Chance that a lens with substructure is called odder than a smooth one, "
               "though none was ever seen in training. 0.5 is guessing.", interval=True, limits=SHARE,
               guess=lambda n: 0.5),
        Metric("false_alarms", "False alarms", "", "", "Share of smooth lenses that are odder than 95 % of those that "
               "set what is usual: 0.05 is honest.", interval=True, limits=SHARE),
        Metric("found", "Found", "", "higher", "Share of lenses with substructure that are called odd at that "
               "threshold.", interval=True, limits=SHARE),
    ), (Preset(
        "A first detector",
        "It sees smooth lenses alone and learns to draw them. What it draws badly is odd: a lens with clumps or waves "
        "of dark matter may be, and so is a spiral galaxy.",
        dict(kind="autoencoder", population="seed-64", steps=300, lr=0.002, warmup=20, ema=0.95, validate_every=75,
             reuse=8, validation=240, test=360), 2, "first-detector"),)),
    "judge": Task("What was an image made for?", "lenslab.tasks.judge", (
        LOSS,
        Metric("r2", "R²", "", "higher", "Share of the spread of the conditions that it reads off images, the "
               "mean over all of them; 1 is all, 0 is what the mean tells.", limits=SHARE, guess=lambda n: 0.0),
        Metric("accuracy", "Accuracy", "", "higher", "Share of images whose likeliest class is the true one.",
               limits=SHARE, guess=lambda n: 1 / n if n else None),
    ), (Preset(
        "A first judge",
        "It reads off noise-free images what they were made for: it is what generators are judged by.",
        dict(population="seed-64", steps=300, lr=0.002, warmup=30, ema=0.95, validate_every=100, reuse=8,
             validation=240, test=360), 2, "first-judge"),)),
    "reconstruct": Task("What is the lens?", "lenslab.tasks.reconstruct", (
        LOSS,
        Metric("theta_E", "Error of the Einstein radius", "", "lower", "How far off it is in the middle one of all "
               "images, as a share of it.", limits=SHARE),
        Metric("coverage_68", "Truth within 1 sigma", "", "", "Share of all numbers of the lens and its source whose "
               "truth lies within one sigma of what it says: 0.68 if its errors are honest.", limits=SHARE),
        Metric("coverage_95", "Truth within 2 sigmas", "", "", "The same within 1.96 sigmas: 0.95.", limits=SHARE),
    ), (Preset(
        "A first reader of lenses",
        "It reads lens and source off an image, lenses what it has read, and looks at what is left. An hour makes a "
        "good one.",
        dict(population="hst", steps=100, batch=16, lr=0.001, warmup=20, ema=0.95, validate_every=50, reuse=8,
             validation=60, test=120), 3, "first-reader"),)),
    "jets": Task("What would a jet look like that is asked for?", "lenslab.tasks.jets", (
        LOSS,
        Metric("pt_closure", "Error of the momentum", "", "lower", "How far the median momentum of images, over what "
               "was asked for, is from that of simulated ones; the worst flavour."),
        Metric("pt_closure_floor", "Its floor", "", "", "The simulation against itself."),
        Metric("pt_width", "Error of its width", "", "lower", "The same of how far momenta scatter about what was "
               "asked for."),
        Metric("pt_width_floor", "Its floor", "", "", "The simulation against itself."),
        Metric("mass_closure", "Error of the mass", "", "lower", "How far the median mass of images is from that of "
               "simulated ones of the same requests; the worst of five bins a flavour."),
        Metric("mass_closure_floor", "Its floor", "", "", "The simulation against itself."),
        Metric("mass_closure_null", "With requests shuffled", "", "", "What images that do not listen would get."),
        Metric("marginals", "Worst observable", "floors", "lower", "How far the histogram of the worst observable is "
               "from the simulation's, in distances of the simulation from itself."),
        Metric("auc_observables", "Told apart by observables", "", "lower", "How well boosted trees tell generated "
               "from simulated jets by their observables, as an AUC; 0.5: not at all.", interval=True, limits=SHARE),
        Metric("auc_observables_floor", "Its floor", "", "", "The simulation against itself.", limits=SHARE),
        Metric("frechet", "Fréchet distance", "", "lower", "How far the observables of generated jets lie from those "
               "of simulated ones, as two bells."),
        Metric("frechet_floor", "Its floor", "", "", "The simulation against itself."),
        Metric("tagger", "Tagger taught on generated jets", "", "higher", "How well trees that learnt on generated "
               "jets tell simulated quark from gluon jets, as an AUC.", limits=SHARE),
        Metric("tagger_floor", "Taught on simulated ones", "", "", "The same of trees that learnt on simulated jets.",
               limits=SHARE),
        Metric("tagger_top", "The same of tops", "", "higher", "Tops against the rest.", limits=SHARE),
        Metric("tagger_top_floor", "Taught on simulated ones", "", "", "The same of trees that learnt on simulated "
               "jets.", limits=SHARE),
    ), (Preset(
        "A first generator of jets",
        "It learns from the 2,000 simulated jets that lenslab brings. In minutes it puts energy where jets have some; "
        "good ones take hours and 50,000 jets.",
        dict(steps=200, batch=16, lr=0.001, warmup=20, ema=0.95, validate_every=100, validation=60, test=60), 4,
        "first-jets"),)),
}
# What the loop tells of any training, beside the task's own: see lenslab.runs.train.
PACE = (
    Metric("lr", "Learning rate", "", "", "It rises over the warm-up and falls along half a cosine."),
    Metric("rate", "Images a second", "", "", "Learnt from, simulation included."),
    Metric("data_share", "Time spent on data", "", "", "Share of the time that it waits for images: near 0, simulation "
           "does not hold training back.", limits=SHARE),
    Metric("gradient", "Length of the gradient", "", "", "Before it is clipped."),
)


def metrics_of(task: object) -> tuple[Metric, ...]:
    """What a task is judged by; of a task that is not known here, as a card may name one, the loss alone."""
    return TASKS[task].metrics if isinstance(task, str) and task in TASKS else (LOSS,)


def verdicts_of(task: object) -> tuple[Metric, ...]:
    """Those by which its networks are compared, the loss aside, which networks of other settings do not share."""
    return tuple(metric for metric in metrics_of(task) if metric.better and metric is not LOSS)
