"""Images of lenses made by diffusion, as they are asked for: what is learnt, from what, and how."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lenslab.diffusion import denoise
from lenslab.diffusion.guidance import dropped
from lenslab.diffusion.process import PROCESSES
from lenslab.diffusion.unet import UNet
from lenslab.feed.chunks import chunks_beside
from lenslab.feed.order import elements
from lenslab.feed.stream import HELD_OUT_SEED, SetFeed, StreamFeed, held_out, simulated
from lenslab.nets.lens_denoiser import DEFAULTS, LENS, PLANES, SOURCE, LensDenoiser, SourcePlane
from lenslab.population import find
from lenslab.quantity import choice, count, number, switch
from lenslab.symmetry import GROUPS, turn_maps
from lenslab.tasks.noise_free.brightness import Brightness
from lenslab.tasks.noise_free.conditions import Conditions, conditions_of
from lenslab.tasks.noise_free.frame import chance_of, facts, frame_of
from lenslab.tasks.noise_free.view import CONDITIONS, NoiseFree
from lenslab.tasks.trained import AT_ONCE, Trained
from lenslab.tasks.training import Training

SIZES = {"small": (32, 64, 128), "base": (64, 128, 224)}      # channels at a half, a quarter, an eighth of the side
CONSISTENCY = "consistency"      # a tuning of a trained EDM (denoise.consistency_loss), asked as EDM is
STAGES = 4                       # of consistency tuning, over its steps


@dataclass(frozen=True)
class Config(Training):
    """What a diffusion model needs beyond the optimiser's settings."""

    batch: int = count(32, 1, 65536, "Images in a batch, over all processes together.", "Batch")
    process: str = choice("edm", (*PROCESSES, CONSISTENCY), "How noise is added and what the network says: EDM, DDPM "
                          "(the noise itself), flow (a velocity), or consistency: an EDM, given by --init, tuned to "
                          "answer in one or two steps.", "Process")
    size: str = choice("small", tuple(SIZES), "Small (2.6 million weights) samples at a usable pace on a CPU; base (7 "
                       "million) wants a GPU.", "Size")
    population: str = "hst"
    images: int = count(0, 0, 10**6, "Train on so many images again and again; 0 simulates without end.", "Images")
    reuse: int = count(8, 1, 64, "How often each simulated image is shown, each time turned anew.", "Showings")
    workers: int = count(1, 0, 64, "Processes that simulate beside the training; with 0 it waits for its images.",
                         "Simulating processes")
    low_share: float = number(0.15, 0.0, 1.0, "", "Share of faint noise levels among those that it learns at: they "
                              "decide the finest scales.", "Faint noise")
    high_share: float = number(0.1, 0.0, 1.0, "", "Share of noise levels so high that only the conditions tell what is "
                               "to come: they decide how bright an image is.", "Loud noise")
    drop: float = number(0.1, 0.0, 1.0, "", "How often each condition is left open, by itself.", "Open conditions")
    drop_all: float = number(0.1, 0.0, 1.0, "", "How often all are left open at once, for guidance.", "All open")
    coordinates: bool = switch(True, "Tell the network where each pixel lies.", "Coordinates")
    lens_equation: bool = switch(True, "Tell the network where in the source each pixel looks, by the smooth lens that "
                                 "is asked for.", "Lens equation")
    validation: int = count(240, 30, 10**6, "Images that choose the best weights.", "Validation")
    test: int = count(1000, 30, 10**6, "Images that the finished network is judged by.", "Test")


def build(config: Config, card: dict | None = None) -> Trained:
    if card is None:
        card = facts(config.population)
        card |= dict(fixed=fixed_numbers(config.population, frame_of(card).conditions))
    frame, planes = frame_of(card), None
    conditions, side = frame.conditions, frame.side
    if config.lens_equation:
        known = dict(zip(conditions.names, conditions.group_of, strict=True))
        planes = SourcePlane(conditions.names, conditions.mean, conditions.scale, conditions.log, known, side,
                             frame.pixel_scale, sound(card.get("fixed")))
    unet = UNet(SIZES[config.size], conditions.width, side=side, coordinates=config.coordinates,
                planes=PLANES if config.lens_equation else 0)
    # 16 % quicker in float32 on a CPU
    unet = unet.to(memory_format=torch.channels_last)
    return Trained(LensDenoiser(unet, row_of(config.process), planes, config.process == CONSISTENCY), card)


def row_of(process: str) -> str:
    """The row of PROCESSES by which a network is asked."""
    return "edm" if process == CONSISTENCY else process


def fixed_numbers(name: str, conditions: Conditions) -> dict[str, float]:
    """Numbers of the smooth lens that are the same for all of a population, by the names of SourcePlane."""
    drawn = find(name).chunk(0, 0)
    values = drawn.groups[0][1].values
    alike = {path: float(values[path][0]) for path in {*LENS, *SOURCE, *DEFAULTS} - set(conditions.names)
             if path in values}
    return dict(sorted(alike.items()))


def sound(fixed: object) -> dict[str, float]:
    """Fixed numbers of a card that may come from anywhere."""
    if not (isinstance(fixed, dict) and all(name in (*LENS, *SOURCE) and type(value) in (int, float)
                                            and abs(value) <= 100 for name, value in fixed.items())):
        raise ValueError("The card of this checkpoint does not say soundly what its lenses share; make it anew with "
                         "python -m lenslab train generate.")
    return fixed


def loss(model: LensDenoiser, x0: Tensor, conditions: Tensor, sigma: Tensor, eps: Tensor,
         stage: Tensor | None = None) -> Tensor:
    """Of the model's process; with a stage, that of consistency tuning."""
    network, process = model.for_conditions(conditions), PROCESSES[model.process]
    if stage is not None:
        return denoise.consistency_loss(network, process, x0, conditions, sigma, eps, int(stage))
    return denoise.loss(network, process, x0, conditions, sigma, eps)


def batches(config: Config, device: torch.device, rank: int = 0, world: int = 1):
    """draw(step) -> x0 (B / world, 1, H, W), conditions (B / world, width), sigma (B / world,), eps as x0, and for
    consistency tuning its stage.

    Images and conditions are turned together; some conditions are left open.
    """
    device, symmetry = torch.device(device), find(config.population).symmetry
    conditions, brightness = conditions_of(config.population), Brightness()
    feed, process = feed_of(config, device, rank, world), PROCESSES[row_of(config.process)]
    group = torch.tensor(conditions.group_of)

    def draw(step: int) -> tuple[Tensor, ...]:
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), config.batch, config.seed, step)[rank::world]
        chance = chance_of(config.seed, step, rank)
        x0 = turn_maps(brightness.stretch(shown.inputs.to(device)), symmetry, places)
        table = conditions.turn(shown.targets[CONDITIONS].to(device), symmetry, places)
        numbers, known = dropped(*conditions.standard(table), config.drop, config.drop_all, chance, group)
        sigma = process.sigmas(len(x0), chance, config.low_share, config.high_share)
        eps = torch.randn(x0.shape, generator=chance)
        batch = x0, torch.cat([numbers, known.float()], 1), sigma.to(device), eps.to(device)
        return batch + ((torch.tensor(stage(step, config.steps)),) if config.process == CONSISTENCY else ())

    return draw


def stage(step: int, steps: int) -> int:
    """Of consistency tuning: from 2 on, doubled precision in STAGES equal parts of the training."""
    return 2 + STAGES * (step % steps) // steps


def feed_of(config: Config, device: torch.device, rank: int, world: int):
    view = NoiseFree(config.population, config.seed)
    if config.images:
        return SetFeed(simulated(view, config.images, config.workers), config.batch, config.seed, rank, world)
    return StreamFeed(config.batch, config.seed, config.reuse, chunks_beside(view, device, config.workers), rank, world)


def network_input(conditions: Conditions, table: Tensor) -> Tensor:
    """(B, width) of plain numbers (B, P), NaN where they are open."""
    numbers, known = conditions.standard(table)
    return torch.cat([numbers, known.float()], 1)


def held_out_loss(trained: Trained, config: Config, split: str, size: int) -> dict:
    """The loss on fixed images, noise levels and noise, all conditions known; and the diffusion loss by noise level.

    Of consistency tuning it is the loss of its last stage.
    """
    shown = held_out(NoiseFree(config.population, HELD_OUT_SEED, split), size, config.workers)
    frame = frame_of(trained.card)
    conditions, brightness = frame.conditions, frame.brightness
    process, device, chance = PROCESSES[trained.model.process], trained.device, chance_of(HELD_OUT_SEED, size)
    sigma = process.sigmas(size, chance, config.low_share, config.high_share)
    eps = torch.randn(shown.inputs.shape, generator=chance)
    x0, asked = brightness.stretch(shown.inputs), network_input(conditions, shown.targets[CONDITIONS])
    errors, tuning = [], []
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for rows in torch.arange(size).split(AT_ONCE):
            s, x, e = (part[rows].to(device) for part in (sigma, x0, eps))
            wide = denoise.wide(s)
            F = trained.model((x + wide * e) * process.c_in(wide), process.time(s), asked[rows].to(device))
            errors.append((F - process.target(x, e, wide)).square().mean((1, 2, 3)).cpu())
            if config.process == CONSISTENCY:
                last = torch.tensor(stage(config.steps - 1, config.steps))
                tuning.append(len(rows) * float(loss(trained.model, x, asked[rows].to(device), s, e, last)))
    errors = torch.cat(errors)
    bands = {"below 0.03": sigma < 0.03, "0.03 to 0.3": (sigma >= 0.03) & (sigma < 0.3),
             "0.3 to 3": (sigma >= 0.3) & (sigma < 3), "above 3": sigma >= 3}
    return dict(loss=sum(tuning) / size if tuning else float(errors.mean()), n=size,
                loss_by_sigma={name: float(errors[at].mean()) for name, at in bands.items() if at.any()})

