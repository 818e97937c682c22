"""What physics buys a network: one encoder, one budget, and what it is told of lensing.

    python benchmarks/physics.py [--folder runs/physics] [--minutes 10] [--hours 8] [--rows none,layer] [--sizes 1000,0]
                                 [--seeds 3] [--tasks theta_E,classes] [--json]

Each cell is a training of `--minutes` of processor time and a file in the folder; cells that are there are not done
again, and no new one begins after `--hours` of the clock. The table is printed of what is there: means over the seeds
with 95 % intervals by Student's t, the number of seeds beside them.

rows
    none         the image alone
    channel      beside it what a smoothing leaves of the image
    layer        beside it source and residual of a lens layer whose lens a small encoder says (nets/lens_layer)
    likelihood   the same, and how well that lens explains the image is part of the loss
    fit          beside the image the residual of a fitted smooth lens (fits count in the budget)
    wrong        `likelihood` with all deflections taken 0.7 times: the same network, false physics
sizes            training images; 0: endless, simulated beside the training, which does not count in the budget
columns
    theta_E      median relative error of the Einstein radius on smooth lenses of hst (regression of all coordinates)
    elsewhere    the same where the PSF is 1.3 times as wide and the noise twice as large, without learning it
    smooth       AUC of smooth lenses against the rest on deeplense-1-mended (classification)
    anomaly      AUC of the rest by the distance of what that network sees from what it sees of smooth lenses
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.parts import Parts
from lenslab import checkpoint
from lenslab.feed.chunks import chunks_beside
from lenslab.feed.examples import Examples
from lenslab.feed.order import elements
from lenslab.feed.stream import HELD_OUT_SEED, SetFeed, StreamFeed, held_out, simulated
from lenslab.fit import smooth_lens
from lenslab.fit.smooth import SPINS
from lenslab.insight.metrics import auc, mean_interval
from lenslab.nets.inputs import Residual, Stretch
from lenslab.nets.lens_layer import LensLayer
from lenslab.nets.lens_net import LensEncoder, unlikely
from lenslab.nets.lens_regressor import block
from lenslab.nets.lens_residual import fitted
from lenslab.physics.camera import gaussian_weights
from lenslab.population import find
from lenslab.symmetry import GROUPS, turn_maps, turn_numbers
from lenslab.tasks.lens_view import COORDINATES, LensView
from lenslab.tasks.trained import load

ROWS = ("none", "channel", "layer", "likelihood", "fit", "wrong")
LAYERED, EXPLAINED = ("layer", "likelihood", "wrong"), ("likelihood", "wrong")
TASKS = {"theta_E": "hst", "classes": "deeplense-1-mended"}
COLUMNS = {"theta_E": ("theta_E", "elsewhere"), "classes": ("smooth", "anomaly")}
SIZES = (1000, 10000, 0)
FALSE = 0.7               # times the true deflection
WIDER, NOISIER = 1.3, 2.0
BATCH, LR, REUSE = 32, 1e-3, 4
WEIGHT = 0.05             # of the images' likelihood, as for the networks with a lens layer of tasks/classify
TEST = 1200
SEEN = 600                # smooth training images that tell what is usual


class FalseLayer(LensLayer):
    """The lens layer with all deflections too small."""

    def beta(self, side: int, lens, kappa=None):
        true = super().beta(side, lens, kappa)
        plain = super().beta(side, {name: torch.zeros_like(value) for name, value in lens.items()})
        return tuple(at - FALSE * (at - bent) for at, bent in zip(plain, true, strict=True))


class Seer(nn.Module):
    """The one encoder, with the planes of a row: images in sigmas (B, 1 or 2, H, W) to numbers (B, n)."""

    def __init__(self, row: str, n: int, side: int, pixel_scale: float, psf_fwhm: float):
        super().__init__()
        self.row, self.stretch = row, Stretch()
        self.smooth = Residual(psf_fwhm) if row == "channel" else None
        if row in LAYERED:
            self.reader = LensEncoder(8, side * pixel_scale)
            self.layer = (FalseLayer if row == "wrong" else LensLayer)(pixel_scale)
        layers, before = [], {"none": 1, "channel": 2, "fit": 2}.get(row, 3)
        for channels in (16, 32, 64, 64):
            layers += block(before, channels, stride=2)
            before = channels
        self.eye = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(before * 16, 128), nn.ReLU())
        self.head = nn.Linear(128, n)

    def embed(self, given: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, 128), and how badly the layer's lens explains the images, where that is learnt."""
        seen = self.stretch(given)
        if self.row == "channel":
            seen = torch.cat([seen, self.stretch(self.smooth(given))], 1)
        if self.row not in LAYERED:
            return self.eye(seen), None
        lens, _ = self.reader(seen)
        lensed = self.layer(seen, lens)
        source = F.interpolate(lensed.source, seen.shape[-2:], mode="bilinear")
        badly = unlikely(seen, lensed, self.layer.pixel_scale) if self.row in EXPLAINED else None
        return self.eye(torch.cat([seen, source, seen - lensed.image], 1)), badly

    def forward(self, given: Tensor) -> Tensor:
        return self.head(self.embed(given)[0])


def view_of(task: str, seed: int, split: str) -> LensView:
    return LensView(TASKS[task], seed, split, smooth=task == "theta_E", truth=task == "theta_E")


class WithFit:
    """A view whose examples have the residual of a fit as a second plane; fits begin where the shipped network says."""

    def __init__(self, view: LensView):
        self.view = view
        model = load(checkpoint.checkpoints_folder() / f"classify-{view.population}.safetensors").model
        self.regressor, self.lens = model.regressor, replace(model.lens, compact=False)
        self.columns = view.columns

    def examples(self, columns) -> Examples:
        return with_fit(self, self.view.examples(columns))


def with_fit(how: WithFit, shown: Examples) -> Examples:
    """Sigmas are an image whose noise is 1."""
    parts = [fitted(how.regressor, how.lens, part, torch.ones_like(part))[0] for part in shown.inputs.split(120)]
    return replace(shown, inputs=torch.cat(parts))


def feed_of(task: str, row: str, size: int, seed: int, workers: int):
    """step -> Examples, and the examples of a finite set."""
    view = view_of(task, seed, "train")
    if row == "fit":
        view = WithFit(view)
    if not size:
        chunks = chunks_beside(view, torch.device("cpu"), 0 if row == "fit" else workers)
        return StreamFeed(BATCH, seed, REUSE, chunks, 0, 1)
    return SetFeed(simulated(view, size, max(1, workers) if row != "fit" else 1), BATCH, seed, 0, 1)


def cell(task: str, row: str, size: int, seed: int, minutes: float, workers: int = 1, test: int = TEST) -> dict:
    """One training, and what the network then scores on images that steered nothing; the budget ends it."""
    population, lens = find(TASKS[task]), smooth_lens(TASKS[task])
    camera, symmetry = population.camera, population.symmetry
    began = time.process_time()
    feed = feed_of(task, row, size, seed, workers)
    begun = began if row == "fit" else time.process_time()     # a set that was simulated does not count, its fits do
    torch.manual_seed(seed)
    net = Seer(row, len(lens.names) if task == "theta_E" else len(population.classes), camera.num_pix,
               camera.pixel_scale, camera.fwhm / camera.pixel_scale)
    optimiser = torch.optim.AdamW(net.parameters(), lr=LR)
    step, used = 0, 0.0
    while (used := (time.process_time() - begun) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = LR * min((step + 1) / 50, (1 + np.cos(np.pi * used)) / 2 + 0.01)
        shown = feed(step)
        places = elements(len(GROUPS[symmetry]), BATCH, seed, step)
        given = turn_maps(shown.inputs, symmetry, places)
        embedded, badly = net.embed(given)
        said = net.head(embedded)
        if task == "theta_E":
            truth = shown.targets[COORDINATES] * lens.std.float() + lens.mean.float()
            value = F.smooth_l1_loss(said, lens.standard(turn_numbers(truth, lens.names, SPINS, symmetry, places)))
        else:
            value = F.cross_entropy(said, torch.from_numpy(shown.labels))
        optimiser.zero_grad()
        (value if badly is None else value + WEIGHT * badly).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
    net.eval()
    scores = (read_lenses if task == "theta_E" else told_apart)(net, row, seed, test, workers)
    return dict(task=task, row=row, size=size, seed=seed, minutes=minutes, steps=step, **scores)


def judged_on(task: str, row: str, test: int, workers: int) -> Examples:
    shown = held_out(view_of(task, HELD_OUT_SEED, "test"), test, max(1, workers))
    return with_fit(WithFit(view_of(task, HELD_OUT_SEED, "test")), shown) if row == "fit" else shown


@torch.no_grad()
def read_lenses(net: Seer, row: str, seed: int, test: int, workers: int) -> dict:
    shown = held_out(view_of("theta_E", HELD_OUT_SEED, "test"), test, max(1, workers))
    lens = smooth_lens(TASKS["theta_E"])
    k = lens.names.index("theta_E")
    true = lens.plain(shown.targets[COORDINATES])[:, k]
    found = {}
    for name, inputs in (("theta_E", shown.inputs), ("elsewhere", elsewhere(shown.inputs, lens.camera))):
        given = replace(shown, inputs=inputs)
        given = with_fit(WithFit(view_of("theta_E", HELD_OUT_SEED, "test")), given) if row == "fit" else given
        said = torch.cat([net(part) for part in given.inputs.split(240)])
        found[name] = float((lens.plain(said)[:, k] / true - 1).abs().median())
    return found


def elsewhere(sigmas: Tensor, camera) -> Tensor:
    """Images in sigmas as a blurrier camera with more noise would have them: blurred by what its PSF is wider, and
    noise added until a pixel's is 1 again at half of the signal."""
    fwhm = camera.fwhm * (WIDER**2 - 1) ** 0.5
    line = torch.from_numpy(gaussian_weights(fwhm, camera.pixel_scale, 4.0)).float()
    wide = F.conv2d(sigmas, line[None, None, None], padding=(0, len(line) // 2))
    wide = F.conv2d(wide, line[None, None, :, None], padding=(len(line) // 2, 0))
    kept = float(line.square().sum()) ** 2                       # variance that the blur leaves of white noise
    more = torch.randn(sigmas.shape, generator=torch.Generator().manual_seed(HELD_OUT_SEED))
    return wide / NOISIER + (1 - kept / NOISIER**2) ** 0.5 * more


@torch.no_grad()
def told_apart(net: Seer, row: str, seed: int, test: int, workers: int) -> dict:
    shown, bare = judged_on("classes", row, test, workers), find(TASKS["classes"]).classes.index("no_sub")
    seen = [net.embed(part)[0] for part in shown.inputs.split(240)]
    embedded = torch.cat(seen).double()
    probability = net.head(embedded.float()).softmax(1)[:, bare].numpy()
    usual = feed_of("classes", row, SEEN, seed, workers).items
    usual = torch.cat([net.embed(part)[0] for part in usual.inputs[torch.from_numpy(usual.labels == bare)].split(240)])
    mean, spread = usual.double().mean(0), torch.cov(usual.double().T) + 1e-3 * torch.eye(usual.shape[1])
    far = torch.linalg.solve(spread, (embedded - mean).T).T.mul(embedded - mean).sum(1).numpy()
    strange = shown.labels != bare
    return dict(smooth=auc(-probability, strange), anomaly=auc(far, strange))


def table(cells: list[dict]) -> list[dict]:
    """A line for each row and size of what is there."""
    lines = []
    for row in ROWS:
        for size in SIZES:
            line = dict(row=row, size=size)
            for task, columns in COLUMNS.items():
                mine = [one for one in cells if (one["row"], one["size"], one["task"]) == (row, size, task)]
                for column in columns if mine else ():
                    mean, low, high = mean_interval(np.array([one[column] for one in mine]))
                    line[column] = dict(mean=mean, low=low, high=high, seeds=len(mine))
            if len(line) > 2:
                lines.append(line)
    return lines


def as_text(lines: list[dict], minutes: float) -> str:
    names = [column for columns in COLUMNS.values() for column in columns]
    out = [f"{minutes:g} minutes of processor time a training; mean [95 % over seeds] seeds",
           f"{'row':12}{'images':>8}  " + "".join(f"{name:28}" for name in names)]
    for line in lines:
        text = f"{line['row']:12}{line['size'] or 'endless':>8}  "
        for name in names:
            one = line.get(name)
            around = "" if one is None or one["seeds"] < 2 else f" [{one['low']:.4f}, {one['high']:.4f}]"
            text += f"{'-' if one is None else format(one['mean'], '.4f') + around + ' ' + str(one['seeds']):28}"
        out.append(text)
    return "\n".join(out)


def words(text: str, allowed, kind=str) -> list:
    found = [kind(word) for word in text.split(",") if word]
    for word in found:
        if word not in allowed:
            raise SystemExit(f"{word!r} is not among {', '.join(map(str, allowed))}.")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/physics"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="processes that simulate")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args(arguments)
    torch.set_num_threads(1)
    settings.folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 3600 * settings.hours
    wanted = [(task, row, size, seed) for seed in range(settings.seeds) for size in words(settings.sizes, SIZES, int)
              for row in words(settings.rows, ROWS) for task in words(settings.tasks, TASKS)]
    parts = Parts(settings.folder / f"cells-{settings.minutes:g}.json", dict(minutes=settings.minutes))
    for each in wanted:
        name = "-".join(map(str, each))
        if name in parts or time.monotonic() > until:
            continue
        parts[name] = cell(*each, settings.minutes, settings.workers)
        print(f"{name}: {parts[name]}", file=sys.stderr, flush=True)
    lines = table(list(parts.values()))
    print(json.dumps(lines) if settings.json else as_text(lines, settings.minutes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
