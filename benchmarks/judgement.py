"""Where is a classifier right, where does it fail, and how sure is it? What the Model page shows, from fresh images.

    python benchmarks/judgement.py CHECKPOINT [--n 3000] [--device cuda] [--json] [--write]

Judged on the first n test images of the network's population, which steered nothing in its training. With --write the
judgement goes into the header of the checkpoint, whose tensors stay as they are.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np

from lenslab import checkpoint
from lenslab.device import resolve_device
from lenslab.images.compiled import why_not
from lenslab.images.draw import items
from lenslab.images.observation import Observation
from lenslab.images.simulate import psf_kernel
from lenslab.insight import judgement
from lenslab.population import CHUNK, find
from lenslab.tasks import classify


def judged(path: Path, n: int, device) -> dict:
    """The judgement of a checkpoint on n images, rendered and answered chunk by chunk."""
    model = classify.load(path, device)
    population, seed, split = find(model.card["population"]), classify.HELD_OUT_SEED, "test"
    camera, compiled = population.camera, device.type == "cpu" and not why_not()
    answers, labels = [], []
    for chunk in range(-(-n // CHUNK)):
        drawn = items(population, chunk, seed, split, device=device, compiled=compiled)
        seen = Observation(image=drawn.image, variance=drawn.variance, pixel_scale=camera.pixel_scale,
                           unit="counts" if camera.noise_twice else "counts/s", psf=psf_kernel(camera, 1))
        answers.append(classify.predict(model, seen).probabilities.cpu().numpy())
        labels.append(drawn.labels)
        print(f"{min(n, CHUNK * (chunk + 1))} of {n} images", file=sys.stderr, flush=True)
    return judgement.judge(np.concatenate(answers)[:n], np.concatenate(labels)[:n], tuple(model.card["classes"]),
                           judgement.truths_of(population, n, seed, split),
                           judgement.Held(population.name, split, seed))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the judgement into the header of the checkpoint")
    settings = parser.parse_args(words)
    device = resolve_device(None if settings.device == "auto" else settings.device)
    found = judged(settings.checkpoint, settings.n, device)
    if settings.write:
        tensors, card = checkpoint.load(settings.checkpoint)
        checkpoint.save(settings.checkpoint, tensors, card | dict(judgement=found))
    if settings.json:
        print(json.dumps(found))
    else:
        right = sum(row[k] for k, row in enumerate(found["confusion"]))
        print(f"{right} of {found['n']} right; " + ", ".join(
            f"AUC {name} {curve['auc']:.4f}" for name, curve in zip(found["classes"], found["roc"], strict=True)
            if curve["auc"] is not None))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
