"""`python -m lenslab fits`: the fits of a population's images, made once for every network that learns from them."""

import argparse
from pathlib import Path


def add_fits(commands) -> None:
    one = commands.add_parser(
        "fits", help="store fits of simulated lenses", description="Fit simulated lenses and store what the fits "
        "leave, for python -m lenslab train measure ... fits=FOLDER. Killed, it goes on where it was.")
    one.add_argument("classifier", type=Path, help="checkpoint of a lens_residual: it begins the fits, on its own "
                                                   "population")
    one.add_argument("--out", type=Path, required=True, help="folder to write to; one for all populations will do")
    for name, size in (("train", 20_000), ("validation", 960), ("test", 5_000)):
        one.add_argument(f"--{name}", type=size_of, default=size, metavar="N", help=f"images (default {size})")
    one.add_argument("--seed", type=int, default=0, help="of the training images: seed= of the training (default 0)")
    one.add_argument("--workers", type=int, default=1, help="processes (default 1)")


def size_of(word: str) -> int:
    if not (word.isdecimal() and int(word) <= 10**6):
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number up to 1000000")
    return int(word)


def fits(classifier: Path, out: Path, train: int, validation: int, test: int, seed: int = 0, workers: int = 1,
         report=lambda done, total: None) -> None:
    """Chunks of each split, validation first, as training needs it first; `report` gets (chunks done, chunks)."""
    from lenslab import checkpoint
    from lenslab.feed.stream import HELD_OUT_SEED
    from lenslab.feed.workers import chunks_from
    from lenslab.population import CHUNK
    from lenslab.tasks.measure.view import MeasureView, fitter

    card, _ = checkpoint.read_card(classifier), fitter(str(classifier))
    sizes = {"validation": validation, "train": train, "test": test}
    views = {split: MeasureView(card["population"], seed if split == "train" else HELD_OUT_SEED, split,
                                crop=card["constants"]["crop"], classifier=str(classifier), fits=str(out))
             for split in sizes}
    total, done = sum(-(-size // CHUNK) for size in sizes.values()), 0
    for split, size in sizes.items():
        chunks = list(range(-(-size // CHUNK)))
        missing = [chunk for chunk in chunks if not views[split].store.path(chunk).exists()]
        done += len(chunks) - len(missing)
        report(done, total)
        for _ in chunks_from(views[split].columns, missing, workers):
            done += 1
            report(done, total)
