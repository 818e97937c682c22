"""Where do real lenses lie among generated and simulated ones? One picture.

    LENSLAB_DATA=FOLDER python benchmarks/generate_sky.py CHECKPOINT [--n 300] [--out docs/generate_sky.svg]

The judge's features of n generated and n simulated images, each with its camera's noise, and of the real lenses of the
folder, prepared as on the Classify page, along the two directions in which the simulated ones differ most. Printed: the
share of simulated images whose nearest other one is at least as far as a real lens' nearest (small: it lies outside).
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import torch
from torch import Tensor

from lenslab.checkpoint import write_atomically
from lenslab.population import find
from lenslab.sky import catalogue, read
from lenslab.sky.prepare import prepare_for
from lenslab.tasks import judge as judges
from lenslab.tasks.generate import asked as asking
from lenslab.tasks.generate.judging import judge_of
from lenslab.tasks.generate.sampling import predict
from lenslab.tasks.noise_free.frame import frame_of
from lenslab.tasks.trained import load

WIDE, HIGH, EDGE = 760, 520, 30
COLOURS = {"simulated": "#5b8fd6", "generated": "#e0a030", "real": "#c03050"}


def features_of(path: Path, n: int) -> tuple[dict[str, Tensor], list[str]]:
    """{simulated, generated, real: (n, F)} and the names of the real ones."""
    trained = load(path, task="generate")
    judge, population, frame = judge_of(trained.card["population"]), find(trained.card["population"]), frame_of(
        trained.card)
    if judge is None:
        raise ValueError(f"There is no judge of {population.name}: train one with python -m lenslab train judge.")
    lenses = asking.lenses_of(population, n, 7, {})
    simulated, lit = asking.twins(lenses)
    made = predict(trained, asking.table_of(frame.conditions, lenses)).images
    rms = asking.rms_of(lit).float()[:, None, None, None]
    images = {"simulated": asking.photographed(lit, simulated) / rms, "generated": asking.photographed(lit, made) / rms}
    names, real = [], []
    for name in catalogue.real_lenses():
        seen = prepare_for(read.read_real(name), population).observation
        background = seen.variance.float().flatten().quantile(0.2).sqrt()     # that of the empty sky
        names.append(Path(name).stem)
        real.append(seen.image.float() / background)
    images["real"] = torch.cat(real)
    return {side: judges.predict(judge, frame.brightness.stretch(u)).features for side, u in images.items()}, names


def nearest(a: Tensor, b: Tensor, own: bool = False) -> Tensor:
    """Distance (n,) from each row of a to the nearest of b, itself aside."""
    distance = torch.cdist(a, b)
    return (distance.fill_diagonal_(torch.inf) if own else distance).min(1).values


def picture(places: dict[str, Tensor], names: list[str]) -> str:
    """The SVG; places (n, 2)."""
    everything = torch.cat(list(places.values()))
    low, high = everything.quantile(0.002, 0), everything.quantile(0.998, 0)

    def at(point: Tensor) -> tuple[float, float]:
        share = ((point - low) / (high - low)).clamp(0, 1)
        return EDGE + float(share[0]) * (WIDE - 2 * EDGE), HIGH - EDGE - float(share[1]) * (HIGH - 2 * EDGE)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" '
             f'font-size="12"><rect width="{WIDE}" height="{HIGH}" fill="white"/>']
    for side in ("simulated", "generated"):
        for point in places[side]:
            x, y = at(point)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOURS[side]}" fill-opacity="0.6"/>')
    for name, point in zip(names, places["real"], strict=True):
        x, y = at(point)
        side, anchor = (-6, "end") if x > 0.8 * WIDE else (6, "start")
        parts.append(f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{COLOURS["real"]}"/>'
                     f'<text x="{x + side:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}" fill="#333">{name[:24]}</text>')
    for k, side in enumerate(COLOURS):
        parts.append(f'<circle cx="{EDGE}" cy="{16 + 16 * k}" r="5" fill="{COLOURS[side]}"/>'
                     f'<text x="{EDGE + 10}" y="{20 + 16 * k}" fill="#333">{side}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("docs/generate_sky.svg"))
    settings = parser.parse_args(words)
    if not catalogue.real_lenses():
        print("Set LENSLAB_DATA to a folder whose lenses/ holds FITS files.", file=sys.stderr)
        return 2
    features, names = features_of(settings.checkpoint, settings.n)
    centre = features["simulated"].mean(0)
    _, _, directions = torch.linalg.svd(features["simulated"] - centre, full_matrices=False)
    places = {side: (rows - centre) @ directions[:2].T for side, rows in features.items()}
    write_atomically(settings.out, picture(places, names).encode())
    usual = nearest(features["simulated"], features["simulated"], own=True)
    print("| | nearest simulated image | share of simulated at least as far |\n|---|---|---|")
    made = nearest(features["generated"], features["simulated"])
    print(f"| generated, median of {len(made)} | {float(made.median()):.2f} | "
          f"{float((usual >= made.median()).float().mean()):.3f} |")
    for name, distance in zip(names, nearest(features["real"], features["simulated"]), strict=True):
        print(f"| {name} | {float(distance):.2f} | {float((usual >= distance).float().mean()):.3f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
