"""What a camera saw, and what is left of it when something is taken away."""

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.canvas import Frame, compass, diverging, picture, plane
from lenslab.figures.stretch import Stretch
from lenslab.images.observation import Observation

SIGMAS = 5.0  # limits of every residual


def frame_of(observation: Observation) -> Frame:
    return Frame(*observation.image.shape[-2:], observation.pixel_scale)


def stretch_of(kind: str, *observations: Observation) -> Stretch:
    """One stretch for pictures that are compared."""
    noise = min(float(np.median(plane(o.variance)[mask_of(o)])) for o in observations) ** 0.5
    return Stretch.of(kind, *(np.where(mask_of(o), plane(o.image), np.nan) for o in observations), noise=noise)


def mask_of(observation: Observation) -> np.ndarray:
    """Pixels (H, W) that count."""
    if observation.mask is None:
        return np.ones(observation.image.shape[-2:], bool)
    return plane(observation.mask)


def image(observation: Observation, *, stretch: Stretch | None = None, kind: str = "asinh",
          title: str = "Observed image", height: int = 560) -> go.Figure:
    """The image in its unit; masked pixels are left out, and a real image has arrows to north and east."""
    values = np.where(mask_of(observation), plane(observation.image), np.nan)
    return brightness(values, frame_of(observation), stretch or stretch_of(kind, observation), observation.unit,
                      title=title, height=height, north=observation.north, east_left=observation.east_left)


def brightness(values: np.ndarray, frame: Frame, stretch: Stretch, unit: str, *, title: str, height: int = 420,
               north: float | None = None, east_left: bool = True) -> go.Figure:
    """Any brightness (H, W) under a given stretch."""
    arrows = [] if north is None else compass(frame, north, east_left)
    return picture(stretch.apply(values), frame, title=title, colours="inferno", limits=stretch.limits,
                   ticks=stretch.ticks(), values=values, value_name="brightness", unit=unit, height=height,
                   notes=arrows)


def residual(sigmas: np.ndarray, frame: Frame, *, title: str, dark: bool, height: int = 420,
             limit: float = SIGMAS, unit: str = "σ") -> go.Figure:
    """A signed picture (H, W) in units of the noise, the same limits everywhere."""
    ticks = [-limit, -limit / 2, 0, limit / 2, limit]
    return picture(sigmas, frame, title=title, colours=diverging(dark), limits=(-limit, limit), unit=unit,
                   ticks=(ticks, [f"{tick:+.3g}" if tick else "0" for tick in ticks]), value_name="residual",
                   digits="+.2f", ink=ink(dark), height=height)


def ink(dark: bool) -> str:
    """Colour of lines upon a diverging map, whose ground is that of the page."""
    return "#e6e9f2" if dark else "#1c2233"


def chi2_per_pixel(sigmas: np.ndarray) -> float:
    """Mean square of the residual over the pixels that count (the others are not finite)."""
    known = sigmas[np.isfinite(sigmas)]
    return float(np.mean(known**2)) if known.size else float("nan")


def difference(ours: np.ndarray, theirs: np.ndarray, frame: Frame, *, dark: bool, height: int = 320) -> go.Figure:
    """Two images (H, W) of one scene, ours less theirs, as a share of the brightest pixel."""
    share = (ours - theirs) / max(float(np.abs(theirs).max()), 1e-300)
    limit = max(float(np.abs(share).max()), 1e-16)
    return picture(share, frame, title="Difference / peak", colours=diverging(dark), limits=(-limit, limit), unit="",
                   ticks=([-limit, 0, limit], [f"{-limit:.0e}", "0", f"{limit:.0e}"]), value_name="difference",
                   digits=".1e", ink=ink(dark), height=height)
