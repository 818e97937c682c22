"""Images a second on one core beside lenstronomy, in one run: `python benchmarks/simulate.py [--json]`.

The common job: 64 x 64 pixels of 0.05", SIE of 1.2" with shear, elliptical Sersic of index 1-4, Gaussian PSF of
0.087", noise on both sides. Every image has another source; both engines get the same numbers. lenstronomy's objects
are built once and for all; ours is timed as torch.compile makes it (its warm-up apart) and eager. Times are CPU
seconds of one thread, the median of rounds in which the engines take turns.

halos1000 draws its halos as tnfw200 does. hst_stream is whole items of `hst`, all classes, as a training gets them,
beside the same items with the sums over halos and the granules' splines ray by ray (`simulate.traced`), eager and with
the sum over halos compiled; and what 1,000 halos cost beside 100 on the rays of such an item.

`--device cuda` prints the absolute rates of a GPU instead.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch

from lenslab.images import compiled
from lenslab.images.model import LensModel
from lenslab.images.realise import Halos, Points, Realisation, realise
from lenslab.images.reference import ellipticity
from lenslab.images.simulate import expose, observe, traced
from lenslab.physics import clumps
from lenslab.physics.noise import SeededDraws
from lenslab.population import find
from lenslab.scene import Camera, Lens, Scene, Source
from lenslab.scenes import Scenes
from lenslab.sets.draw import by_number, exposed

TARGETS = dict(smooth=5, smooth_ss4=10, points25=10, vortex100=12, tnfw200=5, halos1000=60)
OURS = dict(smooth=512, smooth_ss4=64, points25=512, vortex100=256, tnfw200=32, halos1000=32)  # images in a round
THEIRS = dict(smooth=128, smooth_ss4=16, points25=64, vortex100=32, tnfw200=8, halos1000=2)
ROUNDS = 7


def scene(case: str, image: int) -> Scene:
    """One image of the common job."""
    rng = np.random.default_rng([1, image])
    e1, e2 = 0.1, 0.05
    c = np.hypot(e1, e2)
    lens = Lens(theta_E=1.2, q=float((1 - c) / (1 + c)), phi=float(np.arctan2(e2, e1) / 2), gamma1=0.05, gamma2=0.02)
    x, y = rng.uniform(-0.2, 0.2, 2)
    source = Source(magnitude=22.0, R_sersic=0.25, n_sersic=float(rng.uniform(1, 4)), q=0.75, phi=1.0,
                    center_x=float(x), center_y=float(y))
    camera = Camera(num_pix=64, pixel_scale=0.05, supersampling=4 if case == "smooth_ss4" else 1, fwhm=0.087,
                    psf_truncation=5.0, background_rms=0.01, exposure_time=1000.0, zero_point=25.0)
    return Scene(lens=lens, source=source, camera=camera)


def clumps_of(case: str, image: int) -> dict:
    """SourceGaussians of one image as both engines take them: {kind: {name: (N,)}} in arcsec."""
    rng = np.random.default_rng([2, image])
    if case == "points25":
        x, y = rng.uniform(-1.5, 1.5, (2, 25))
        return dict(points=dict(x=x, y=y, theta_E=10 ** rng.uniform(-3, -1.3, 25)))
    if case == "vortex100":
        angle, along = rng.uniform(0, np.pi), np.linspace(-1, 1, 100)
        return dict(points=dict(x=np.cos(angle) * along, y=np.sin(angle) * along, theta_E=np.full(100, 0.02)))
    if case in ("tnfw200", "halos1000"):
        n = int(case.removeprefix("tnfw").removeprefix("halos"))
        x, y = rng.uniform(-1.6, 1.6, (2, n))
        Rs = 10 ** rng.uniform(-2.5, -1, n)
        return dict(halos=dict(x=x, y=y, Rs=Rs, alpha_Rs=0.02 * Rs, r_trunc=Rs * rng.uniform(2, 10, n)))
    return {}


def our_batch(case: str, batch: int, device: str):
    """A batch of ours in float32, its clumps given."""
    scenes = Scenes.of([scene(case, image) for image in range(batch)], device=device)
    drawn = [clumps_of(case, image) for image in range(batch)]
    clumps = {kind: {name: torch.tensor(np.stack([one[kind][name] for one in drawn]), dtype=torch.float32,
                                        device=device) for name in drawn[0][kind]} for kind in drawn[0]}
    for record in clumps.values():
        record |= dict(mass=torch.zeros_like(record["x"]), number=np.full(batch, record["x"].shape[1]))
    points, halos = clumps.get("points"), clumps.get("halos")
    return scenes, Realisation(theta_E=scenes["lens.theta_E"], points=points and Points(**points),
                               halos=halos and Halos(**halos))


def lenstronomy_batch(case: str, batch: int):
    """A function that draws the same images with lenstronomy, its objects built once."""
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel
    from lenstronomy.LightModel.Profiles.sersic import Sersic
    from lenstronomy.Util import image_util

    scenes = [scene(case, image) for image in range(batch)]
    first = scenes[0]
    camera = first.camera
    corner = -(camera.num_pix - 1) / 2 * camera.pixel_scale
    data = ImageData(image_data=np.zeros((camera.num_pix,) * 2), ra_at_xy_0=corner, dec_at_xy_0=corner,
                     transform_pix2angle=np.eye(2) * camera.pixel_scale)
    psf = PSF(psf_type="GAUSSIAN", fwhm=camera.fwhm, pixel_size=camera.pixel_scale, truncation=camera.psf_truncation)
    names, macro = ["SIE", "SHEAR"], [
        dict(theta_E=first.lens.theta_E, e1=0.1, e2=0.05, center_x=0, center_y=0),
        dict(gamma1=first.lens.gamma1, gamma2=first.lens.gamma2)]
    lenses = [list(macro) for _ in scenes]
    for image, lens in enumerate(lenses):
        for kind, record in clumps_of(case, image).items():
            record["center_x"], record["center_y"] = record.pop("x"), record.pop("y")
            lens += [dict(zip(record, values, strict=True)) for values in zip(*record.values(), strict=True)]
            profile = dict(points="POINT_MASS", halos="TNFW")[kind]
    names += [profile] * (len(lenses[0]) - 2) if len(lenses[0]) > 2 else []
    sources = []
    for one in scenes:
        e1, e2 = ellipticity(one.source.q, one.source.phi)
        flux = 10 ** (0.4 * (camera.zero_point - one.source.magnitude))
        amp = flux / Sersic().total_flux(amp=1.0, R_sersic=one.source.R_sersic, n_sersic=one.source.n_sersic)
        sources.append([dict(amp=amp, R_sersic=one.source.R_sersic, n_sersic=one.source.n_sersic, e1=e1, e2=e2,
                             center_x=one.source.center_x, center_y=one.source.center_y)])
    model = ImageModel(data, psf, LensModel(names), LightModel(["SERSIC_ELLIPSE"]),
                       kwargs_numerics=dict(supersampling_factor=camera.supersampling,
                                            supersampling_convolution=camera.supersampling > 1))

    def draw(noise: bool = True):
        images = []
        for lens, source in zip(lenses, sources, strict=True):
            image = model.image(lens, source)
            if noise:
                image = (image + image_util.add_poisson(image, exp_time=camera.exposure_time)
                         + image_util.add_background(image, sigma_bkd=camera.background_rms))
            images.append(image)
        return np.stack(images)
    return draw


def seconds(call) -> float:
    start = process_time()
    call()
    return process_time() - start


def measure(case: str) -> dict:
    """Median rates of the three engines, which take turns, and their largest disagreement."""
    scenes, realisation = our_batch(case, OURS[case], "cpu")
    theirs = lenstronomy_batch(case, THEIRS[case])
    generator = torch.Generator().manual_seed(1)
    shine = compiled.CompiledBrightness()
    start = perf_counter()
    with torch.inference_mode():
        observe(scenes, realisation, generator=generator, shine=shine)
    warm_up = perf_counter() - start
    rows = slice(0, THEIRS[case])
    ours = observe(scenes.take(rows), realisation.take(rows), noise=False).image[:, 0].numpy()
    reference = theirs(noise=False)
    deviation = float(np.abs(ours - reference).max() / reference.max())
    times = {"ours": [], "ours_eager": [], "lenstronomy": []}
    with torch.inference_mode():
        for _ in range(ROUNDS):
            times["ours"].append(seconds(lambda: observe(scenes, realisation, generator=generator, shine=shine)))
            times["ours_eager"].append(seconds(lambda: observe(scenes, realisation, generator=generator)))
            times["lenstronomy"].append(seconds(theirs))
    images = {"ours": OURS[case], "ours_eager": OURS[case], "lenstronomy": THEIRS[case]}
    rates = {name: images[name] / statistics.median(values) for name, values in times.items()}
    return dict(**{name: round(rate, 1) for name, rate in rates.items()},
                ratio=round(rates["ours"] / rates["lenstronomy"], 2),
                ratio_eager=round(rates["ours_eager"] / rates["lenstronomy"], 2), target=TARGETS[case],
                compile_s=round(warm_up, 1), deviation=deviation)


def hst_stream(chunks: int = 1) -> dict:
    """Milliseconds of CPU an item takes, by class, as it is drawn now and by direct sums; every path in turn."""
    population, spent = find("hst"), {}
    paths = {"ours": None, "direct": traced} | ({} if compiled.why_not() else {"direct_compiled": compiled_direct()})
    for warm in (True, False):
        for chunk in range(1 if warm else chunks):
            for rows, wide in population.chunk(chunk, 1).groups:
                kind, few = wide.template.substructure.kind, wide.take(slice(0, 1 if warm else None))
                for path, shine in paths.items():
                    cpu = seconds(lambda: item(few, shine))  # noqa: B023
                    if not warm:
                        taken = spent.setdefault(path, {}).setdefault(kind, [0, 0.0])
                        taken[0], taken[1] = taken[0] + len(rows), taken[1] + cpu
    rates = {path: sum(n for n, _ in kinds.values()) / sum(cpu for _, cpu in kinds.values())
             for path, kinds in spent.items()}
    return dict(images_per_second={path: round(rate, 1) for path, rate in rates.items()},
                milliseconds={path: {kind: round(1e3 * cpu / n, 2) for kind, (n, cpu) in kinds.items()}
                              for path, kinds in spent.items()},
                ratio={path: round(rates["ours"] / rate, 2) for path, rate in rates.items() if path != "ours"},
                cost_of_1000_beside_100=round(halos_on_hst(1000) / halos_on_hst(100), 2))


def item(wide: Scenes, shine) -> None:
    """What `draw.items` does with a batch, for a given way to the light on rays."""
    with torch.inference_mode():
        scenes = wide.to(dtype=torch.float32)
        realisation = realise(scenes)
        order = by_number(realisation, len(scenes))
        scenes, realisation = scenes.take(order), realisation.take(order)
        _, model, _ = exposed(scenes, realisation, np.full(len(scenes), 100.0), shine)
        expose(scenes, model, SeededDraws(scenes.seeds[:, 1]))


def halos_on_hst(n: int) -> float:
    """CPU seconds of eight images with n halos on the rays of `hst`, the least of five."""
    _, wide = next(group for group in find("hst").chunk(0, 1).groups if group[1].template.substructure.kind == "cdm")
    scenes = wide.take(slice(0, 8)).to(dtype=torch.float32)
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-2.5, 2.5, (2, 8, n))
    Rs = 10 ** rng.uniform(-2.5, -1, (8, n))
    columns = (x, y, Rs, 0.02 * Rs, Rs * rng.uniform(2, 10, (8, n)), 0 * Rs)
    halos = Halos(*(torch.tensor(column, dtype=torch.float32) for column in columns), np.full(8, n))
    realisation = Realisation(theta_E=scenes["lens.theta_E"], halos=halos)
    with torch.inference_mode():
        return min(seconds(lambda: exposed(scenes, realisation, None)) for _ in range(5))


def compiled_direct():
    """`traced` with its sum over halos compiled, as lenslab drew such images before multi_gaussian."""
    summed = torch.compile(clumps.tnfws_deflection, dynamic=True, options=clumps.COMPILER_OPTIONS)

    class CompiledHalos(LensModel):
        def dark(self, quantity, x, y):
            if (h := self.realisation.halos) is None:
                return LensModel.dark(self, quantity, x, y)
            columns = [torch.nn.functional.pad(value, (0, 2, 0, 2))
                       for value in (h.Rs, h.alpha_Rs, h.r_trunc, h.x, h.y)]
            return [tuple(alpha[:len(h.x)] for alpha in summed(x, y, *columns))]
    return lambda scenes, realisation: traced(scenes, realisation, model=CompiledHalos)


def gpu_rates(device: str) -> dict:
    """Images a second on an accelerator, noise included, eager and compiled."""
    out = {}
    for case in TARGETS:
        batch = 8192 if "halos" not in clumps_of(case, 0) else 2048
        scenes, realisation = our_batch(case, batch, device)
        generator = torch.Generator(device=device).manual_seed(1)
        out[case] = {}
        for name, shine in (("eager", None), ("compiled", compiled.CompiledBrightness())):
            with torch.inference_mode():
                for _ in range(3):
                    observe(scenes, realisation, generator=generator, shine=shine)
                torch.cuda.synchronize()
                start = perf_counter()
                for _ in range(5):
                    observe(scenes, realisation, generator=generator, shine=shine)
                torch.cuda.synchronize()
            out[case][name] = round(5 * batch / (perf_counter() - start))
    return out


def peak_memory() -> float:
    """MB of a fresh process that draws and keeps 10,000 images of 64 x 64 with 25 points each."""
    done = subprocess.run([sys.executable, __file__, "--peak"], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*", choices=[*TARGETS, "hst_stream"],
                        default=[*TARGETS, "hst_stream"])
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    compiled.quiet()
    if options.peak:
        scenes, realisation = our_batch("points25", 10_000, "cpu")
        with torch.inference_mode():
            observe(scenes, realisation, generator=torch.Generator().manual_seed(1))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    if options.device != "cpu":
        rates = gpu_rates(options.device)
        for case, rate in rates.items():
            print(f"{case:12s} eager {rate['eager']:>10,} compiled {rate['compiled']:>10,} images/s")
        if options.json:
            print(json.dumps(rates))
        return
    if why := compiled.why_not():
        print(why)
    print(f"{'images/s on one core':22s}{'ours':>10s}{'eager':>10s}{'lenstronomy':>13s}{'ratio':>8s}{'target':>8s}"
          f"{'compiling':>11s}{'deviation':>11s}")
    table = {}
    for case in [case for case in options.only if case in TARGETS]:
        row = table[case] = measure(case)
        print(f"{case:22s}{row['ours']:10.0f}{row['ours_eager']:10.0f}{row['lenstronomy']:13.0f}{row['ratio']:8.1f}"
              f"{row['target']:8d}{row['compile_s']:9.0f} s{row['deviation']:11.1e}", flush=True)
    if "hst_stream" in options.only:
        table["hst_stream"] = told = hst_stream()
        print("hst_stream, images/s on one core:", told["images_per_second"], "targets: 8 times direct, 2.4 times "
              f"compiled; ratio {told['ratio']}; 1,000 halos cost {told['cost_of_1000_beside_100']} times what 100 do")
        for path, kinds in told["milliseconds"].items():
            print(f"  ms an item, {path}: {kinds}", flush=True)
    table["peak_memory_mb"] = round(peak_memory())
    print(f"peak memory of 10,000 images with 25 points: {table['peak_memory_mb']} MB (target: below 2000)")
    if options.json:
        print(json.dumps(table))


if __name__ == "__main__":
    main()
