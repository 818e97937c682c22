"""What real lenses say: every lens of the folder LENSLAB_DATA reconstructed, beside smooth mocks of itself.

    LENSLAB_DATA=FOLDER python benchmarks/real_reconstructions.py [--mocks 100] [--minutes M] [--only WORD]
        [--keep FILE] [--write]

Each lens is fitted on its own pixels with its own PSF and noise, its light fitted along; of lensed quasars, which are
known by their point images, these are masked and theta_E alone is told. Beside each figure stands what is published
(lens_parameters.csv of the folder). Evidence for corrections of the potential stands beside that of mocks: the lens's
own smooth model, its PSF, and noise drawn from its noise map, fitted in the same way. It is asked for at two
regularisations (the flattest and the steepest spectrum of corrections) and at two supersamplings of the rays. A run
that was stopped goes on where it was. With --write the tables go to docs/real_lenses.md, and the maps of each lens to a
small PNG beside it: model, residual, source, kappa, smallest mass found at 5 sigmas; never the telescope's own image.
"""

import argparse
import sys
import time
from dataclasses import replace
from math import degrees, log, pi
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as python benchmarks/NAME.py starts it

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter

from benchmarks import real_posteriors
from benchmarks.parts import Parts, weights
from benchmarks.reconstruct import network
from benchmarks.sections import section
from lenslab.checkpoint import checkpoints_folder, write_atomically
from lenslab.fit.observed import Masks
from lenslab.fit.potential_corrections import SLOPES, SPECTRA
from lenslab.images.export import inferno
from lenslab.images.observation import Observation
from lenslab.sky import catalogue, read
from lenslab.tasks.reconstruct import Reconstruction, Settings, reconstruct
from lenslab.tasks.reconstruct.record import GRID
from lenslab.tasks.reconstruct.refined import STARTER, THOROUGH

DOCS = Path(__file__).resolve().parent.parent / "docs"
QUASARS = ("wgd", "he0435", "pg1115")       # point images, four each
POINT = 0.2               # arcsec: what is masked about one
MOCK_SEED = 5
FINER = 4                 # rays in a pixel and side, where 2 or 3 is usual
TILE = 150                # pixels of a map in a PNG
JACKPOT = (-0.651, 1.040, 3.51e9)     # arcsec, Msun: the subhalo of J0946 (Vegetti et al. 2010, 0910.0760)


def masks_of(name: str, observation: Observation) -> Masks:
    """The point images of a quasar: the four highest peaks about the lens galaxy."""
    if not Path(name).name.startswith(QUASARS):
        return Masks()
    image, scale = observation.image[0, 0].double().numpy(), observation.pixel_scale
    sharp = gaussian_filter(image, 0.05 / scale) - gaussian_filter(image, 0.25 / scale)
    axes = [(np.arange(n) - (n - 1) / 2) * scale for n in image.shape]
    radius = np.hypot(axes[1][None, :], axes[0][:, None])
    peak = (sharp == maximum_filter(sharp, round(0.3 / scale))) & (radius > 0.3) & (radius < 2.2)
    rows, columns = np.nonzero(peak)
    order = np.argsort(-sharp[rows, columns])[:4]
    return Masks(circles=tuple((float(axes[1][columns[k]]), float(axes[0][rows[k]]), POINT) for k in order))


def fitted(observation: Observation, settings: Settings, masks: Masks, rays: int | None = None) -> Reconstruction:
    *_, last = reconstruct(observation, *network(), settings=settings, masks=masks, rays=rays)
    return last.reconstruction


def evidences_of(found: Reconstruction) -> dict[str, float]:
    """ln of the evidence for corrections: over all spectra, and under the flattest and the steepest alone."""
    each = np.array(found.corrections.evidences)
    slopes = np.array([slope for _, slope in SPECTRA])
    parts = {word: each[slopes == slope] for word, slope in (("flat", min(SLOPES)), ("steep", max(SLOPES)))}
    return dict(all=found.corrections.evidence,
                **{word: float(np.logaddexp.reduce(part) - log(len(part))) for word, part in parts.items()})


def whole(name: str, keep: Path) -> dict:
    """A lens as plain values; its maps go to a file beside."""
    observation = read.read_real(name, dtype=torch.float32)
    masks, known = masks_of(name, observation), catalogue.literature(name)
    found = fitted(observation, Settings(source="pixels", corrections=True, perturber=True), masks)
    if known and known.z_lens and known.z_source:
        found = found.at_redshifts(known.z_lens, known.z_source)
    told = found.perturbers
    keep.mkdir(parents=True, exist_ok=True)
    sensitivity = np.full((2, 2), np.nan) if told is None else told.on_grid(
        told.sensitivity, found.observation.half_width[0], GRID).numpy()
    np.savez_compressed(keep / f"{Path(name).stem}.npz", model=found.model, residual=found.residual,
                        source=found.source, kappa=found.kappa, sensitivity=sensitivity, used=found.used)
    row = found.plain()
    row |= dict(angle=position_angle(found), evidences=evidences_of(found), solar=found.solar,
                published=None if known is None else dict(theta_E=known.theta_E, error=known.theta_E_err,
                                                          model=known.model, checked=known.checked, q=known.q),
                center=[found.scene.lens.center_x, found.scene.lens.center_y], pixels_of_side=found.model.shape[-1])
    return row


def position_angle(found: Reconstruction) -> float | None:
    """Degrees from north to east of the mass's long axis; None where north is not known."""
    observation = found.observation
    if observation.north is None:
        return None
    turn = found.scene.lens.phi - (pi / 2 + observation.north)     # counter-clockwise from north
    return degrees(turn if observation.east_left else -turn) % 180


def finer(name: str) -> dict:
    observation = read.read_real(name, dtype=torch.float32)
    return evidences_of(fitted(observation, Settings(corrections=True), masks_of(name, observation), FINER))


def mock(name: str, number: int) -> dict:
    """The lens's own smooth model with noise anew."""
    observation = read.read_real(name, dtype=torch.float32)
    masks = masks_of(name, observation)
    found = fitted(observation, Settings(), masks)
    frame = found.observation
    generator = torch.Generator().manual_seed(MOCK_SEED + number)
    noise = torch.randn(found.model.shape, generator=generator) * frame.noise[0, 0].float()
    image = torch.where(found.used, found.model + noise, found.model)[None, None]
    usual = replace(frame, image=image, mask=found.used[None, None].clone())
    again = fitted(usual, Settings(corrections=True), Masks())
    return dict(theta_E=again.parameters["lens.theta_E"].mean, true=found.parameters["lens.theta_E"].mean,
                converged=again.converged, **evidences_of(again))


def table(rows: dict[str, dict], mocks: dict[str, list[dict]], finer_rows: dict[str, dict]) -> str:
    """Everything in markdown."""
    lines = ["| lens | theta_E, arcsec: fit, +- statistical, +- source models | published | q | position angle, deg E"
             " of N | shear | chi2 a pixel of the arcs | numbers that the image tells, pixels | pixelised source: "
             "chi2, numbers | verdict |", "|---" * 10 + "|"]
    for name, row in rows.items():
        at, quasar = row["parameters"], Path(name).name.startswith(QUASARS)
        size, published = at["lens.theta_E"], row["published"] or {}
        known = "none" if not published.get("theta_E") else f"{published['theta_E']:.4g}" + (
            f" +- {published['error']:.2g}" if published.get("error") else "") + f" ({published['model']}" + (
            ")" if published["checked"] else "; unchecked)")
        shear = "" if "lens.gamma1" not in at or quasar else \
            f"{np.hypot(*(at[f'lens.gamma{k}']['mean'] for k in (1, 2))):.3f} +- {within(at['lens.gamma1']['std'], 3)}"
        angle = "" if row["angle"] is None or quasar else \
            f"{row['angle']:.0f} +- {within(at['lens.phi']['std'], 0, degrees(1))}"
        pixels = row["pixelised_source"]
        lines.append(" | ".join([
            f"| {title(name)}", f"{size['mean']:.4f} +- {within(size['std'], 4)}" + (
                "" if size["systematic"] is None else f" +- {size['systematic']:.4f}"), known,
            "" if quasar else f"{at['lens.q']['mean']:.2f} +- {within(at['lens.q']['std'], 2)}", angle, shear,
            f"{row['reduced_chi2']:.2f}", f"{row['effective_degrees_of_freedom']:.0f}, {row['pixels']}",
            "" if not pixels else f"{pixels['chi2']:.0f}, {pixels['effective_degrees_of_freedom']:.0f}",
            (row["why"] or "believed") + " |"]))
    lines += ["", "| lens | evidence for corrections (ln) | of mocks: highest, n | flat, steep spectrum | highest"
              f" of mocks | with {FINER} rays a pixel and side: all, flat, steep | best single mass | its sigmas; "
              "chance in noise | smallest mass found at 5 sigmas |", "|---" * 9 + "|"]
    for name, row in rows.items():
        if Path(name).name.startswith(QUASARS):
            continue
        own, some, fine, best = row["evidences"], mocks.get(name, []), finer_rows.get(name), row["perturber"]
        high = {word: max((one[word] for one in some), default=float("nan")) for word in own}
        mass = "" if best is None else weight(best, "mass", row) + \
            f" at ({best['x'] - row['center'][0]:+.2f}, {best['y'] - row['center'][1]:+.2f})\" from the lens"
        lines.append(" | ".join([
            f"| {title(name)}", f"{own['all']:.1f}", f"{high['all']:.1f}, n = {len(some)}" if some else "none yet",
            f"{own['flat']:.1f}, {own['steep']:.1f}", f"{high['flat']:.1f}, {high['steep']:.1f}" if some else "",
            "not run" if fine is None else f"{fine['all']:.1f}, {fine['flat']:.1f}, {fine['steep']:.1f}", mass,
            "" if best is None else f"{best['significance']:.1f}; {best['false_alarm_anywhere']:.2g}",
            ("" if best is None else weight(best, "least_mass_at_5_sigma", row)) + " |"]))
    return "\n".join(lines)


def within(error: float | None, digits: int, unit: float = 1.0) -> str:
    """An error, or that the fit could tell none."""
    return "unknown" if error is None else f"{error * unit:.{digits}f}"


def weight(best: dict, word: str, row: dict) -> str:
    """A mass in Msun where redshifts are known, else as the square of its Einstein radius."""
    return f"{best[word]:.2g} arcsec^2" if row["solar"] is None else f"{best[word] * row['solar']:.2g} Msun"


def title(name: str) -> str:
    known, stem = catalogue.literature(name), Path(name).stem
    band = "" if known is None or not known.band else f", {known.band}"
    return (known.name if known else stem).replace("|", " ") + band


def jackpot(rows: dict[str, dict]) -> str:
    """Whether J0946's published subhalo is found, in words; "" where that lens is not there."""
    name = next((name for name in rows if "0946" in name), None)
    if name is None or rows[name]["perturber"] is None:
        return ""
    row, best = rows[name], rows[name]["perturber"]
    x, y = best["x"] - row["center"][0], best["y"] - row["center"][1]
    mass = best["mass"] * row["solar"] if row["solar"] else float("nan")
    away, near = np.hypot(x, y), abs(np.hypot(x, y) - np.hypot(*JACKPOT[:2]))
    found = best["false_alarm_anywhere"] < 0.01 and near < 0.2 and abs(np.log10(mass / JACKPOT[2])) < 0.3
    return (f"\nJ0946's subhalo, published as {JACKPOT[2] / 1e9:.2f}e9 Msun {np.hypot(*JACKPOT[:2]):.2f} arcsec from "
            "the lens (Vegetti et al. 2010, 0910.0760; as 2.2-3.4e9 Msun within 1 kpc in 2408.11090; a faint galaxy "
            "may shine there, He et al. 2025): "
            f"the best single mass here has {mass:.2g} Msun {away:.2f} arcsec from it, at "
            f"({x:+.2f}, {y:+.2f}) of the image's own axes, by {best['significance']:.1f} sigmas. "
            + ("That may be it: distance and mass agree." if found else "**It is not found.**"))


def picture(path: Path) -> Image.Image:
    """Model, residual (+-5 sigmas), source, kappa (0 to 2) and the logarithm of the sensitivity, in a row."""
    maps = np.load(path)
    low_mass = np.log10(maps["sensitivity"])
    scaled = [stretched(maps["model"]), maps["residual"] / 10 + 0.5, stretched(maps["source"]), maps["kappa"] / 2,
              (low_mass - np.nanmin(low_mass)) / max(np.nanmax(low_mass) - np.nanmin(low_mass), 1e-9)
              if np.isfinite(low_mass).any() else low_mass]
    tiles = []
    for values in scaled:
        colours = inferno()[np.rint(255 * np.clip(np.nan_to_num(values), 0, 1)).astype(np.uint8)][::-1]
        tiles.append(np.asarray(Image.fromarray(np.ascontiguousarray(colours)).resize((TILE, TILE), Image.NEAREST)))
        tiles.append(np.full((TILE, 4, 3), 255, np.uint8))
    return Image.fromarray(np.concatenate(tiles[:-1], 1))


def stretched(values: np.ndarray) -> np.ndarray:
    return np.arcsinh(20 * np.clip(values / max(np.nanpercentile(values, 99.8), 1e-12), 0, 1)) / np.arcsinh(20)


def written(rows: dict[str, dict], text: str, keep: Path) -> None:
    lines = ["*For those who want to see what the reconstruction says of real telescope images.*", "", "# Real lenses",
             "", "Made by `LENSLAB_DATA=FOLDER python benchmarks/real_reconstructions.py --write`; nothing here is "
             "typed by hand. Errors are one sigma: of the noise, then half of what two source models differ by. "
             "Published figures come from the folder's own table; those marked unchecked are from memory. "
             "Masses and evidence mean something where the verdict is `believed` alone.", "", text,
             jackpot(rows), "", "## Maps", "",
             "From left to right: model, residual (black -5, white +5 sigmas), source, convergence (0 to 2), and the "
             "smallest mass found at 5 sigmas where it was asked for (dark: small). No telescope's own image is shown.",
             ""]
    for name in rows:
        file = f"real_{Path(name).stem.replace('+', '')}.png"
        picture(keep / f"{Path(name).stem}.npz").quantize(64).save(DOCS / file, optimize=True)
        lines += [f"{title(name)}", "", f"![{title(name)}: model, residual, source, kappa, sensitivity]({file})", ""]
    page = DOCS / "real_lenses.md"
    others = section(page.read_text(), real_posteriors.HEADING) if page.exists() else ""
    write_atomically(page, "\n".join([*lines, *([others] if others else [])]).encode())


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocks", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which no mock and no second "
                        "supersampling is begun")
    parser.add_argument("--only", default="", metavar="WORD", help="lenses whose file name holds it")
    parser.add_argument("--keep", type=Path, default=Path("runs/real_reconstructions.json"))
    parser.add_argument("--write", action="store_true", help="to docs/real_lenses.md")
    settings = parser.parse_args(words)
    until = time.monotonic() + 60 * settings.minutes
    names = [name for name in catalogue.real_lenses() if settings.only.lower() in name.lower()]
    if not names:
        print("Set LENSLAB_DATA to a folder whose lenses/ holds FITS files.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    folder = settings.keep.with_suffix("")
    parts = Parts(settings.keep, dict(start=weights(checkpoints_folder() / STARTER), recipe=str(THOROUGH)))

    def once(key: str, make, *given) -> dict:
        if key not in parts:
            parts[key] = make(*given)
            print(key, file=sys.stderr, flush=True)
        return parts[key]

    rows = {name: once(name, whole, name, folder) for name in names}
    plain = [name for name in names if not Path(name).name.startswith(QUASARS)]
    fine, mocks = {}, {name: [] for name in plain}

    def due(key: str) -> bool:
        return key in parts or time.monotonic() < until

    for name in plain:
        if due(f"{name} finer"):
            fine[name] = once(f"{name} finer", finer, name)
    for number in range(settings.mocks):
        for name in plain:
            if due(f"{name} mock {number}"):
                mocks[name].append(once(f"{name} mock {number}", mock, name, number))
    text = table(rows, mocks, fine)
    print(text + "\n" + jackpot(rows))
    if settings.write:
        written(rows, text, folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
