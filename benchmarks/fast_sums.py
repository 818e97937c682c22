"""How far images by the fast sums are from those by direct ones: `python benchmarks/fast_sums.py [--n 200]`.

The first n items of `hst` and `euclid`, all classes. alpha: rms over the rays of the difference in deflection, arcsec;
image: largest difference over the image's peak, without noise; lambda: of the ceiling, as a share of it and in sigmas.
The largest over the items are printed, by class, in float64 and in float32; direct sums are in float64.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from lenslab.images.ceiling import lambdas
from lenslab.images.model import LensModel
from lenslab.images.realise import realise
from lenslab.images.simulate import bent_apart, noise_free, ray_axis, traced
from lenslab.population import find
from lenslab.sets.draw import scenes_of


def differences(scenes, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """alpha, image, lambda's share and lambda's sigmas (B,) of one batch of float64 scenes."""
    exact, realisation = realise(scenes), realise(scenes.to(dtype=dtype))
    axis = ray_axis(scenes)
    dark = LensModel(scenes, exact).dark("deflection", axis[None, None, :], axis[None, :, None])
    _, bent = bent_apart(scenes.to(dtype=dtype), realisation)
    alpha = torch.zeros(len(scenes), dtype=torch.float64)
    if bent:
        error = sum((mine.double() - direct).square() for mine, direct in zip(bent, dark[0], strict=True))
        alpha = error.mean((1, 2)).sqrt()
    direct, ours = noise_free(scenes, exact, traced), noise_free(scenes.to(dtype=dtype), realisation)
    image = (ours.double() - direct).abs().amax((1, 2, 3)) / direct.amax((1, 2, 3))
    seen, truth = lambdas(scenes), lambdas(scenes, traced)
    return dict(alpha=alpha, image=image, share=((seen - truth) / truth.clamp_min(1e-12)).abs(),
                sigmas=(seen - truth).abs())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("hst", "euclid"):
        for dtype in (torch.float64, torch.float32):
            worst = {}
            for rows, scenes in scenes_of(find(name), options.n, 1, "test").groups:
                row = worst.setdefault(scenes.template.substructure.kind, dict(n=0))
                row["n"] += len(rows)
                for key, values in differences(scenes, dtype).items():
                    row[key] = max(row.get(key, 0.0), float(values.max()))
            for kind, row in worst.items():
                print(f"{name:7s} {str(dtype)[6:]:8s} {kind:7s} {row.pop('n'):4d} items  "
                      + "  ".join(f"{key} {value:.1e}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
