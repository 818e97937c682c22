"""The table of a reconstruction: each number with its errors, beside what is true or published."""

from math import degrees, floor, log10, pi

from lenslab.scene import Scene
from lenslab.sky.catalogue import KnownLens
from lenslab.tasks.reconstruct import Reconstruction
from lenslab.tasks.reconstruct.record import Parameter

ROWS = {"lens.theta_E": ("Einstein radius", "″"), "lens.q": ("Axis ratio of the lens", ""),
        "lens.phi": ("Direction of its long axis", "°"), "lens.gamma": ("Density slope", ""),
        "lens.gamma1": ("Shear along x", ""), "lens.gamma2": ("Shear along the diagonal", ""),
        "lens.center_x": ("Lens x", "″"), "lens.center_y": ("Lens y", "″"),
        "source.center_x": ("Source x", "″"), "source.center_y": ("Source y", "″"),
        "source.R_sersic": ("Half-light radius of the source", "″"),
        "source.n_sersic": ("Sersic index of the source", ""),
        "source.q": ("Axis ratio of the source", ""), "source.phi": ("Direction of its long axis, source", "°")}
SMALL = 0.1      # of the error: a systematic error below changes nothing
NOT_CHECKED = "not yet checked against the paper"


def digits(error: float) -> int:
    """Decimals that a number with such an error deserves: two of the error's own."""
    return 3 if not 0 < error < float("inf") else min(max(1 - floor(log10(error)), 0), 6)


def with_error(value: float, error: float, unit: str) -> str:
    places = digits(error)
    return f"{value:.{places}f} ± {error:.{places}f}{unit}"


def rows(found: Reconstruction, truth: Scene | None, known: KnownLens | None) -> list[dict[str, str]]:
    """A row for each number, places counted from the middle of the whole image."""
    beside = "true" if truth is not None else "published"
    made = []
    for path, (label, unit) in ROWS.items():
        if path not in found.parameters:
            continue
        one = found.parameters[path]
        value, scale = place_of(found, path, one), degrees(1) if unit == "°" else 1.0
        error = one.std * scale
        row = {"": label, "fitted": with_error(value * scale, error, unit), "systematic":
               systematic(one.systematic, scale, error, unit), beside: ""}
        if truth is not None:
            row[beside] = f"{true(truth, path, value) * scale:.{digits(error)}f}{unit}"
        elif known is not None:
            row[beside] = literature(known, path)
        made.append(row)
    north = position_angle(found)
    if north is not None:
        made.insert(3, {"": "Position angle of the lens, east of north", "fitted": with_error(
            north, degrees(found.parameters["lens.phi"].std), "°"), "systematic": "", beside: ""})
    return made


def systematic(half: float | None, scale: float, error: float, unit: str) -> str:
    if half is None:
        return ""
    return f"± {half * scale:.{digits(error)}f}{unit}" if half * scale > SMALL * error else "small"


def place_of(found: Reconstruction, path: str, one: Parameter) -> float:
    return one.mean + found.offset[0] * path.endswith("center_x") + found.offset[1] * path.endswith("center_y")


def true(truth: Scene, path: str, near: float) -> float:
    """A direction may be given half a turn off, which is the same."""
    value = float(truth.get(path))
    return value + pi * round((near - value) / pi) if path.endswith("phi") else value


def literature(known: KnownLens, path: str) -> str:
    if path == "lens.theta_E" and known.theta_E:
        error = f" ± {known.theta_E_err:.2g}" if known.theta_E_err else ""
        return f"{known.theta_E:g}{error}″"
    return f"{known.q:g}" if path == "lens.q" and known.q else ""


def position_angle(found: Reconstruction) -> float | None:
    """Degrees from north towards east, 0 to 180; None where north or the lens's axis is not known."""
    seen, one = found.observation, found.parameters.get("lens.phi")
    if seen.north is None or one is None:
        return None
    turned = degrees(one.mean - seen.north) - 90
    return (turned if seen.east_left else -turned) % 180


def whose(known: KnownLens) -> str:
    """Where the published number comes from."""
    return "; ".join(filter(None, (known.model or "model not named", "" if known.checked else NOT_CHECKED)))
