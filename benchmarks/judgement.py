"""Where is a classifier right, where does it fail, and how sure is it? What the Model page shows, from fresh images.

    python benchmarks/judgement.py CHECKPOINT [--n 3000] [--device cuda] [--workers 2] [--json] [--write]

Judged as a training judges at its end: the temperature from validation images, the scores from the first n test images,
which steered nothing. With --write scores, judgement and what is usual (novelty) go into the checkpoint, whose weights
stay as they are: for a training that was stopped, and for one that is to be judged on more images.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

from lenslab import checkpoint
from lenslab.device import resolve_device
from lenslab.tasks import classify
from lenslab.tasks.trained import load
from lenslab.tasks.training import configure


def judged(path: Path, n: int, device, workers: int):
    """The network, what is usual for it, its metrics, and its card's judgement."""
    trained = load(path, device, "classify")
    config = configure(classify.Config, trained.card["config"] | dict(test=n, workers=workers))
    metrics = classify.evaluate(trained, config, split="test")
    return trained.model, metrics.pop("novelty"), metrics, metrics.pop("card")["judgement"]


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1, help="processes that simulate")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the judgement into the header of the checkpoint")
    settings = parser.parse_args(words)
    device = resolve_device(None if settings.device == "auto" else settings.device)
    model, novelty, metrics, found = judged(settings.checkpoint, settings.n, device, settings.workers)
    if settings.write:
        card = checkpoint.read_card(settings.checkpoint)
        checkpoint.save(settings.checkpoint, checkpoint.tensors_of(model, novelty),
                        card | dict(metrics=metrics, split="test", judgement=found))
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
