"""`python -m lenslab generate`: images from a trained diffusion model, as they are asked for. Loads torch when asked.
"""

import sys
from pathlib import Path


def add_generate(commands) -> None:
    one = commands.add_parser(
        "generate", help="draw images from a diffusion model", description="Draw images of lenses from a checkpoint of "
        "the task generate. Lenses are drawn from its population by --seed; what is set replaces their own values. "
        "From one of the task jets: images of jets, what is not set left open.",
        epilog="The npz file holds images (N, H, W) in counts/s, conditions (N, P) with NaN where they were left open, "
               "condition_names and pixel_scale in arcsec; of jets (N, 3, H, W) in GeV, conditions (N, 3) and "
               "flavours. Stopped by Ctrl-C, it holds what was done by then.")
    one.add_argument("checkpoint", type=Path, help="NAME.safetensors")
    one.add_argument("--list", action="store_true", help="print what can be asked for, with units and ranges")
    one.add_argument("--n", type=int, default=16, help="number of images (default 16)")
    one.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="lens.theta_E=1.2, class=fdm, "
                     "sigma_v=220 (km/s), signal_to_noise=200, ...; of jets flavour=top, pt=500, mass=173 (GeV); may "
                     "be given several times")
    one.add_argument("--open", action="append", default=[], metavar="PATH", help="leave a condition of --list open")
    one.add_argument("--seed", type=int, default=0, help="which lenses, and which chance (default 0)")
    one.add_argument("--out", type=Path, help="file to write, samples.npz")
    one.add_argument("--noise-free", action="store_true", help="without the camera's noise")
    one.add_argument("--sampler", help="dpmpp_2m, heun, euler, ancestral or renewed (default: what suits the network)")
    one.add_argument("--steps", type=int, help="steps of the sampler")
    one.add_argument("--guidance", type=float, help="1: as asked; more: louder; 0: not asked")
    one.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps or auto")


def generate(checkpoint: Path, list: bool, n: int, set: list[str], open: list[str], seed: int, out: Path | None,
             noise_free: bool, sampler: str | None, steps: int | None, guidance: float | None, device: str) -> None:
    from lenslab.checkpoint import read_card
    from lenslab.device import resolve_device
    from lenslab.runs import generate_jets
    from lenslab.tasks import trained

    jets = read_card(checkpoint).get("task") == "jets"
    network = trained.load(checkpoint, resolve_device(None if device == "auto" else device),
                           task="jets" if jets else "generate")
    if list:
        print("\n".join(generate_jets.listed(network) if jets else listed(network)))
        return
    if out is None or out.suffix != ".npz":
        raise ValueError(f"{out or 'No file'} was named with --out; name one that ends in .npz.")
    try:
        way = dict(sampler=sampler, steps=steps, guidance=guidance)
        if jets:
            generate_jets.draw(network, n, pairs(set), open, seed, out, way)
        else:
            draw(network, n, pairs(set), open, seed, out, noise_free, way)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error).lower():
            raise ValueError(f"There is no memory for {n} images; ask for fewer.") from None
        raise


def pairs(words: list[str]) -> dict[str, object]:
    """{path: value} of path=value; numbers where they are some."""
    out: dict[str, object] = {}
    for word in words:
        path, sign, value = word.partition("=")
        if not sign or path in out:
            raise ValueError(f"--set {word[:60]!r} {'comes twice' if sign else 'is no PATH=VALUE'}; give each once: "
                             "--set lens.theta_E=1.2.")
        try:
            out[path] = float(value)
        except ValueError:
            out[path] = value
    return out


def listed(network) -> list[str]:
    """A line for each condition: path, range and unit, who has it, and the settings that give it."""
    from lenslab.tasks.generate.asked import LIGHT, SIGMA_V
    from lenslab.tasks.noise_free.frame import frame_of

    conditions = frame_of(network.card).conditions
    lines = [f"{'condition':28} {'from':>9} {'to':>9}  unit"]
    for one in conditions.conditions:
        owners = f"  ({', '.join(one.classes)} only)" if one.classes else ""
        parts = f"  of {', '.join(one.kind.columns)}" if len(one.kind.columns) > 1 else ""
        lines.append(f"{one.kind.path:28} {one.low:9.4g} {one.high:9.4g}  {one.kind.unit or '-'}{owners}{parts}")
    return [*lines, f"{'class':28} one of {', '.join(conditions.classes)}", "",
            "Set with --set by the paths of a scene (lens.q, lens.phi, source.center_x, ...), and by class, "
            f"signal_to_noise, {SIGMA_V} (km/s) and {LIGHT}; leave open with --open by the names above."]


def draw(network, n: int, changes: dict, left_open: list[str], seed: int, out: Path, noise_free: bool,
         asked_way: dict) -> None:
    from dataclasses import replace

    from lenslab.population import find
    from lenslab.tasks.generate import asked as asking
    from lenslab.tasks.generate import sampling
    from lenslab.tasks.noise_free.frame import frame_of

    way = replace(sampling.usual_way(network), seed=seed, **{k: v for k, v in asked_way.items() if v is not None})
    conditions = frame_of(network.card).conditions
    lenses = asking.lenses_of(find(network.card["population"]), n, seed, changes)
    table = asking.table_of(conditions, lenses, left_open)
    parts = []
    try:
        for part in sampling.in_parts(network, table, way):
            parts.append(part)
            print(f"lenslab: {sum(map(len, parts))} of {n} images", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"lenslab: stopped; {out} holds what was done", file=sys.stderr)
    if parts:
        write(out, conditions, lenses, table, parts, noise_free, network.card["pixel_scale"])


def write(out: Path, conditions, lenses: list, table, parts: list, noise_free: bool, pixel_scale: float) -> None:
    import io

    import numpy as np
    import torch

    from lenslab.checkpoint import write_atomically
    from lenslab.tasks.generate import asked as asking

    images = torch.cat(parts)
    lenses = lenses[:len(images)]
    images = images * asking.rms_of(lenses).float()[:, None, None, None] if noise_free else \
        asking.photographed(lenses, images)
    data = io.BytesIO()
    np.savez_compressed(data, images=images[:, 0].numpy(), conditions=table[:len(images)].numpy(),
                        condition_names=np.array(conditions.names), pixel_scale=np.float64(pixel_scale))
    write_atomically(out, data.getvalue())
