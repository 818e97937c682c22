"""`python -m lenslab reconstruct`: images of lenses in, maps and numbers out; several beside each other."""

import json as text
import os
import sys
from argparse import ArgumentTypeError
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from math import isfinite
from multiprocessing import get_context
from pathlib import Path

NETWORKS = ("refined", "amortised", "coordinate")
ENDINGS = (".fits", ".fit", ".fits.gz", ".npz", ".npy", ".h5", ".hdf5", ".png", ".jpg", ".jpeg")
LARGEST = 2**30            # bytes of a file


def add_reconstruct(commands) -> None:
    one = commands.add_parser(
        "reconstruct", help="fit the lens and the source of an image", description="Fit the lens and the source of an "
        "image, on its own pixels and with its own PSF and noise. Maps go to DIR/NAME.fits, numbers to DIR/NAME.json. "
        "Several files, or a folder of them, are worked on beside each other.")
    one.add_argument("images", type=Path, nargs="+", metavar="IMAGE.fits", help="image, or a folder of images")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    one.add_argument("--network", choices=NETWORKS, default="refined", help="refined: a network begins, least squares "
                     "through the lens go on; amortised: a network alone, in a moment; coordinate: two "
                     "networks learn this image")
    one.add_argument("--start", type=Path, metavar="NAME.safetensors", help="checkpoint of the network that begins "
                     "the fits, or of the one that is asked alone (default: the shipped one)")
    one.add_argument("--pixel-scale", type=positive, metavar="ARCSEC", help="where the file tells none")
    one.add_argument("--psf", type=Path, metavar="FILE", help="image of the PSF, where the file holds none")
    one.add_argument("--noise", type=positive, metavar="SIGMA", help="one sigma of a pixel in the image's unit, where "
                     "the file holds no noise map")
    one.add_argument("--hdu", help="array of the file to take")
    one.add_argument("--lens-light", choices=("auto", "none", "1", "2"), default="auto",
                     help="Sersics of the lens galaxy that are fitted with the lens")
    one.add_argument("--source", choices=("sersic", "pixels"), default="sersic", help="pixels: behind the lens that is "
                     "found, the source once more as pixels")
    one.add_argument("--corrections", action="store_true", help="maps of the potential that no smooth lens explains, "
                     "with their errors")
    one.add_argument("--perturber", action="store_true", help="ask at every place of the arcs for one small mass, and "
                     "what is the smallest that would be found")
    one.add_argument("--redshifts", type=redshifts, metavar="LENS,SOURCE", help="such as 0.222,0.609: small masses are "
                     "told in solar masses, too")
    one.add_argument("--mask-inner", type=positive, default=0.0, metavar="ARCSEC", help="leave out what is nearer to "
                     "the lens galaxy")
    one.add_argument("--mask-outer", type=positive, default=float("inf"), metavar="ARCSEC", help="and what is farther")
    one.add_argument("--mask", type=circle, action="append", default=[], metavar="X,Y,R", help="leave out a circle, "
                     "arcsec from the middle of the image, such as an image of a quasar; may be given again")
    for name in ("shear", "multipoles", "slope", "compact"):
        one.add_argument(f"--no-{name}", action="store_true", help=f"hold {name} where a plain lens has it"
                         if name != "compact" else "a source that is a Sersic profile alone")
    one.add_argument("--workers", type=count, default=max(1, (os.cpu_count() or 2) // 2), help="processes for several "
                     "images (default: half of the cores)")
    one.add_argument("--json", action="store_true", help="end with one JSON object on a line of its own")


def positive(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and value > 0):
        raise ArgumentTypeError(f"{word[:40]!r} is no number above 0")
    return value


def count(word: str) -> int:
    if not (word.isdecimal() and 0 < int(word) <= 256):
        raise ArgumentTypeError(f"{word[:40]!r} is no whole number from 1 to 256")
    return int(word)


def circle(word: str) -> tuple[float, float, float]:
    try:
        x, y, radius = (float(part) for part in word.split(","))
    except ValueError:
        x = y = radius = float("nan")
    if not (isfinite(x) and isfinite(y) and isfinite(radius) and radius > 0):
        raise ArgumentTypeError(f"{word[:40]!r} is no circle; give x,y,radius in arcsec, such as 1.2,-0.4,0.3")
    return x, y, radius


def redshifts(word: str) -> tuple[float, float]:
    try:
        z_lens, z_source = (float(part) for part in word.split(","))
    except ValueError:
        z_lens = z_source = float("nan")
    if not (0 < z_lens <= 10 and z_lens < z_source <= 20):
        raise ArgumentTypeError(f"{word[:40]!r} is no pair of redshifts, the lens before its source; give them such as "
                                "0.222,0.609")
    return z_lens, z_source


def reconstruct(images: list[Path], out: Path, json: bool = False, workers: int = 1, **options) -> None:
    files = images_by_name(images)
    several = len(files) > 1 or any(path.is_dir() for path in images)
    out.mkdir(parents=True, exist_ok=True)
    answers = {}
    for name, answer in worked(files, out, min(workers, len(files)), options):
        answers[name] = answer
        print(f"{name}: {verdict_line(answer)}", file=sys.stderr, flush=True)
        if not several and "error" in answer:
            raise ValueError(answer["error"])
    if json:
        print(text.dumps(answers if several else next(iter(answers.values())), allow_nan=False))


def images_by_name(images: list[Path]) -> dict[str, Path]:
    """{name: file}, names all different; a folder gives its images."""
    paths: list[Path] = []
    for path in images:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.name.lower().endswith(ENDINGS) and one.is_file())
            if not inside:
                raise ValueError(f"{path} holds no image; allowed are {', '.join(ENDINGS)}.")
            paths += inside
        else:
            paths.append(path)
    alone = len({path.name for path in paths}) == len(paths)
    return {path.name if alone else str(path): path for path in paths}


def worked(files: dict[str, Path], out: Path, workers: int, options: dict):
    """(name, answer) as each is done; an image that cannot be reconstructed answers {"error": sentence}."""
    if workers == 1:
        for name, path in files.items():
            yield name, one_image(name, path, out, options)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = {name: pool.submit(one_image, name, path, out, options) for name, path in files.items()}
        for name, job in jobs.items():
            try:
                yield name, job.result()
            except BrokenProcessPool:
                yield name, dict(error=f"The process that worked on {name} ended; it may have wanted more memory than "
                                       "there is: try fewer --workers.")


def one_image(name: str, path: Path, out: Path, options: dict) -> dict:
    """Plain numbers of one image; its files are written."""
    import torch

    from lenslab.checkpoint import write_atomically
    from lenslab.fit.observed import Masks
    from lenslab.tasks.reconstruct import NETWORKS, Settings

    torch.set_num_threads(1)
    try:
        observation = read_observation(path, options)
        settings = Settings(lens_light=options["lens_light"], source=options["source"],
                            corrections=options["corrections"], perturber=options["perturber"], **{
            word: not options[f"no_{word}"] for word in ("shear", "multipoles", "slope", "compact")})
        masks = Masks(options["mask_inner"], options["mask_outer"], tuple(options["mask"]))
        steps = NETWORKS[options["network"]].steps
        *_, last = steps(observation, settings=settings, masks=masks, checkpoint=options["start"])
    except torch.linalg.LinAlgError:
        return dict(error=f"{name}: its numbers leave nothing to fit; look at the image, its noise and its unit.")
    except (ValueError, OSError) as error:
        sentence = f"{path}: {error.strerror}. Check the path." if isinstance(error, OSError) and error.strerror \
            else str(error)
        return dict(error=sentence)
    made = last.reconstruction
    if options["redshifts"] is not None:
        made = made.at_redshifts(*options["redshifts"])
    plain = made.plain()
    stem = name.replace("/", "_").removesuffix(".gz")
    stem = stem.rpartition(".")[0] or stem
    write_atomically(out / f"{stem}.fits", made.to_fits())
    write_atomically(out / f"{stem}.json", text.dumps(plain, indent=1, allow_nan=False).encode())
    return plain


def read_observation(path: Path, options: dict):
    """The image of a file with what options add: PSF and noise where the file has none of its own."""
    from dataclasses import replace

    import torch

    from lenslab.sky import read
    from lenslab.sky.upload import read_kernel

    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} has {path.stat().st_size / 2**20:.0f} MB; at most {LARGEST / 2**20:.0f} MB are "
                         "read: cut out the lens.")
    observation = read.read(path.name, path.read_bytes(), hdu=options["hdu"], pixel_scale=options["pixel_scale"],
                            dtype=torch.float32)
    if options["psf"] is not None:
        kernel = read_kernel(options["psf"].name, options["psf"].read_bytes(), "give another --psf")
        observation = replace(observation, psf=kernel, psf_supersampling=1)
    if options["noise"] is not None:
        observation = replace(observation, variance=torch.full_like(observation.variance, options["noise"] ** 2))
    return observation


def verdict_line(answer: dict) -> str:
    """One line for a reader."""
    if "error" in answer:
        return answer["error"]
    theta_E = answer["parameters"].get("lens.theta_E")
    size = "" if theta_E is None else f"Einstein radius {theta_E['mean']:.4f} +- {theta_E['std']:.4f} arcsec, "
    return f"{size}chi2 {answer['reduced_chi2']:.2f} a pixel of the arcs. {answer['why']}".strip()
