"""Which small move of a lens would bring it nearer to an image."""

from collections.abc import Callable
from math import pi

from lenslab.images.observation import Observation
from lenslab.scene import Scene
from lenslab.ui import cached

STEP = 0.04    # arcsec
WORTH = 0.002  # share by which chi2 must fall for a move to be called a hint


def moves(scene: Scene) -> dict[str, dict]:
    """Changes of a scene by the name of the move."""
    lens, source, clumps = scene.lens, scene.source, scene.substructure.clumps
    if clumps:
        clump, group = clumps[0], "substructure.clumps.0"
        return shifts("clump_", group, clump.center_x, clump.center_y, 2 * STEP)
    return {
        "bigger": {"lens.theta_E": lens.theta_E + STEP}, "smaller": {"lens.theta_E": max(0.1, lens.theta_E - STEP)},
        **shifts("", "source", source.center_x, source.center_y, STEP),
        **shifts("lens_", "lens", lens.center_x, lens.center_y, STEP),
        "rounder": {"lens.q": min(1.0, lens.q + 0.05)}, "flatter": {"lens.q": max(0.3, lens.q - 0.05)},
        "turn_left": {"lens.phi": halved(lens.phi + 0.12)}, "turn_right": {"lens.phi": halved(lens.phi - 0.12)},
        "wider": {"source.R_sersic": 1.25 * source.R_sersic}, "narrower": {"source.R_sersic": source.R_sersic / 1.25}}


def shifts(name: str, group: str, x: float, y: float, step: float) -> dict[str, dict]:
    """Four ways to go."""
    return {f"{name}right": {f"{group}.center_x": x + step}, f"{name}left": {f"{group}.center_x": x - step},
            f"{name}up": {f"{group}.center_y": y + step}, f"{name}down": {f"{group}.center_y": y - step}}


def halved(phi: float) -> float:
    """The same direction of an ellipse between -pi/2 and pi/2."""
    return phi - pi * round(phi / pi)


def best_move(scene: Scene, observation: Observation, check: Callable[[], None]) -> str | None:
    """The name of the move that lowers chi2 most; None where none does. `check` is called between moves."""
    now, found = cached.hold_against(scene, observation).chi2_per_pixel, {}
    for name, changes in moves(scene).items():
        check()
        try:
            found[name] = cached.hold_against(scene.set(changes), observation).chi2_per_pixel
        except ValueError:    # beyond what a scene may be
            continue
    name = min(found, key=found.get, default=None)
    return name if name and found[name] < now * (1 - WORTH) else None
