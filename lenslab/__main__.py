"""`python -m lenslab`: what can be done without a browser."""

import argparse
import sys
import time
from pathlib import Path

from lenslab.feed.order import CHUNK
from lenslab.runs import evaluate, fits, generate, jet_sets, reconstruct, renew, shell, tuning


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m lenslab", description="Gravitational lenses and their dark matter.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("simulate", help="render one scene", description="Render one scene.json, noise included.")
    one.add_argument("scene", type=Path, help="scene.json, as the Simulate page exports it")
    one.add_argument("--out", type=Path, required=True, help="image to write: .fits, .npz or .png")
    many = commands.add_parser("dataset", help="write a set of images", description="Write an HDF5 set of images. "
                               "Killed, it goes on where it was when started again.")
    many.add_argument("population", help="name, with switches if any: hst, deeplense-1:noise_twice=off, ...; "
                      "or jets")
    many.add_argument("--size", type=int, required=True, help="number of images")
    many.add_argument("--out", type=Path, required=True, help="file to write, set.h5")
    where = many.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    where.add_argument("--dask", metavar="ADDRESS", help="render on a dask cluster that you trust, by the address of "
                       "its scheduler (requirements-dask.txt)")
    many.add_argument("--seed", type=int, default=0, help="whole number (default 0)")
    many.add_argument("--split", choices=("train", "validation", "test"), default="train")
    many.add_argument("--ceiling", action="store_true",
                      help="add lambda of each image, in sigmas: at most what its substructure is worth")
    jet_sets.add_jet_options(many)
    shell.add_train(commands)
    shell.add_jobs(commands)
    evaluate.add_evaluate(commands)
    fits.add_fits(commands)
    generate.add_generate(commands)
    reconstruct.add_reconstruct(commands)
    renew.add_renew(commands)
    tuning.add_tune(commands)
    return top


def simulate(scene: Path, out: Path) -> None:
    from lenslab.images import export
    from lenslab.images.simulate import observe_scene
    from lenslab.scene import MAX_JSON_BYTES, Scene

    writers = {".fits": lambda: export.to_fits(record, observation), ".npz": lambda: export.to_npz(record, observation),
               ".png": lambda: export.to_png(observation)}
    if out.suffix.lower() not in writers:
        raise ValueError(f"{out} ends in {out.suffix or 'nothing'}; choose one of {', '.join(writers)}.")
    with open(scene, "rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    record = Scene.from_json(text)
    observation = observe_scene(record)
    out.write_bytes(writers[out.suffix.lower()]())


def dataset(population: str, size: int, out: Path, workers: int, dask: str | None, seed: int, split: str,
            ceiling: bool, **of_jets) -> None:
    from lenslab.sets.dataset import write

    with Bar(sys.stderr) as bar:
        if population == jet_sets.JETS:
            if dask or ceiling:
                raise ValueError("Jets have neither a ceiling nor a cluster; leave --ceiling and --dask away.")
            jet_sets.dataset(size, out, workers, seed, split, report=bar, **of_jets)
            return
        write(population, size, out, seed=seed, split=split, workers=workers, dask=dask, ceiling=ceiling,
              report=bar)


def store_fits(**settings) -> None:
    with Bar(sys.stderr) as bar:
        fits.fits(**settings, report=lambda done, total: bar(CHUNK * done, CHUNK * total))


class Bar:
    """Progress on one line of a terminal; elsewhere a line now and then."""

    def __init__(self, out, width: int = 30):
        self.out, self.width, self.start, self.first, self.said = out, width, None, 0, -1.0

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_) -> None:
        if self.start is not None and self.out.isatty():
            self.out.write("\n")

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.start is None:
            self.start, self.first = now, done
        if not self.out.isatty() and done < total and now < self.said + 10:
            return
        self.said, spent = now, now - self.start
        rate = (done - self.first) / spent if spent > 0 else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate > 0 and done < total else ""
        full = self.width * done // total
        line = f"[{'#' * full}{'.' * (self.width - full)}] {done}/{total} images, {rate:.1f}/s{left}"
        self.out.write(f"\r{line}   " if self.out.isatty() else f"{line}\n")
        self.out.flush()


COMMANDS = {"simulate": simulate, "dataset": dataset, "train": shell.train, "jobs": shell.jobs,
            "evaluate": evaluate.evaluate, "fits": store_fits, "generate": generate.generate,
            "reconstruct": reconstruct.reconstruct, "renew": renew.renew, "tune": tuning.tune}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; what a user can mend is one sentence on stderr and exit code 2."""
    settings = vars(parser().parse_args(arguments))
    try:
        COMMANDS[settings.pop("command")](**settings)
    except (ValueError, OSError) as error:
        told = error
        if isinstance(error, OSError) and error.filename:
            told = f"{error.filename}: {error.strerror}. Check the path, and that you may read and write there."
        print(f"lenslab: {told}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
