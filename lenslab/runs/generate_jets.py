"""`python -m lenslab generate` for a checkpoint of the task jets."""

import io
import sys
from pathlib import Path

MOST = 20_000         # jets in one go


def listed(network) -> list[str]:
    """A line for each condition, with its range."""
    from lenslab.tasks.jets.conditions import JetConditions

    conditions = JetConditions.of_card(network.card["conditions"])
    low, high = conditions.pt
    lines = [f"{'flavour':10} one of {', '.join(conditions.flavours)}",
             f"{'pt':10} {low:.0f} to {high:.0f} GeV, transverse momentum of the jet",
             f"{'mass':10} GeV, of the jet; from and to, as a share of pt:"]
    return [*lines, *(f"{'':10} {name:10} {a:.3f} {b:.3f}" for name, (a, b) in zip(
        conditions.flavours, conditions.shares, strict=True)), "", "Set with --set; what is not set is left open."]


def draw(network, n: int, asked: dict, left_open: list[str], seed: int, out: Path, way: dict) -> None:
    """Images (N, 3, H, W) of one request; stopped by Ctrl-C, the file holds what was done by then."""
    import numpy as np
    import torch

    from lenslab.checkpoint import write_atomically
    from lenslab.jets import CHANNELS
    from lenslab.tasks.jets import sampling
    from lenslab.tasks.jets.conditions import NAMES, JetConditions

    if left_open:
        raise ValueError(f"--open {left_open[0][:40]} was given, but of a jet all is open that is not set; leave it "
                         "away.")
    if not 1 <= n <= MOST:
        raise ValueError(f"{n} jets were asked for; give a number from 1 to {MOST}.")
    conditions = JetConditions.of_card(network.card["conditions"])
    table = conditions.row(asked)[None].expand(n, -1)
    settings = sampling.Way(seed=seed, **{name: value for name, value in way.items() if value is not None})
    parts = []
    try:
        for part in sampling.in_parts(network, table, settings):
            parts.append(part)
            print(f"lenslab: {sum(map(len, parts))} of {n} jets", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"lenslab: stopped; {out} holds what was done", file=sys.stderr)
    if parts:
        images, data = torch.cat(parts), io.BytesIO()
        np.savez_compressed(data, images=images.numpy(), conditions=table[:len(images)].numpy(),
                            condition_names=np.array(NAMES), flavours=np.array(conditions.flavours),
                            channels=np.array(CHANNELS))
        write_atomically(out, data.getvalue())
