"""A fitted lens: what it leaves of the image, what no smooth lens explains, and how small a mass would have been seen.

All places are those of the whole image, though a fit may see a part of it: its frame lies where it was cut out.
"""

from dataclasses import replace
from math import ceil

import numpy as np
import plotly.graph_objects as go
from torch.nn.functional import avg_pool2d

from lenslab.figures import observed
from lenslab.figures.canvas import Frame, curve, diverging, picture, plane
from lenslab.figures.stretch import Stretch
from lenslab.figures.training import chart
from lenslab.images.observation import Observation
from lenslab.tasks.reconstruct import Reconstruction
from lenslab.tasks.reconstruct.record import GRID

SURE = 2.0           # sigmas below which a correction is hatched
MOST = 400           # pixels on a side of a picture
HATCHES = 46         # of them along a side, at most
MASKED = "#7fe0ff"
CORRECTIONS = {"delta_kappa": ("Δκ", "", "Mass, Δκ"), "psi": ("Δψ", "arcsec²", "Potential, Δψ"),
               "alpha_x": ("Δα_x", "arcsec", "Bend along x, Δα_x"), "alpha_y": ("Δα_y", "arcsec", "Bend along y, Δα_y")}


def frame_of(found: Reconstruction) -> Frame:
    return replace(observed.frame_of(found.observation), center=found.offset)


def with_masks(observation: Observation, circles, inner: tuple[float, float, float] | None, outer: float | None, *,
           title: str, height: int) -> go.Figure:
    """The image with what is left out of the fit outlined.

    circles   x, y, radius (arcsec) of each;  inner   the circle about the lens galaxy;  outer   the radius beyond which
    """
    figure = observed.image(coarse(observation), title=title, height=height)
    rings = [*circles, *([inner] if inner else []), *([(*inner[:2], outer)] if inner and outer else [])]
    if rings:
        figure.add_trace(go.Scatter(curve([ring(*each) for each in rings], MASKED, width=1.8)))
    return figure


def coarse(observation: Observation) -> Observation:
    """The same with no more pixels on a side than a screen shows, or a browser would choke on a survey's frame."""
    k = ceil(max(observation.image.shape[-2:]) / MOST)
    if k == 1:
        return observation
    height, width = (side - side % k for side in observation.image.shape[-2:])
    image, variance, mask = (None if part is None else avg_pool2d(part[..., :height, :width].float(), k) for part in
                             (observation.image, observation.variance, observation.mask))
    return replace(observation, image=image, variance=variance / k**2, pixel_scale=observation.pixel_scale * k,
                   mask=None if mask is None else mask > 0, model=None, scenes=None)


def ring(x: float, y: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    angle = np.linspace(0, 2 * np.pi, 73)
    return x + radius * np.cos(angle), y + radius * np.sin(angle)


def image(found: Reconstruction, stretch: Stretch, *, height: int) -> go.Figure:
    """What was fitted."""
    seen, known = found.observation, observed.mask_of(found.observation)
    return observed.brightness(np.where(known, plane(seen.image), np.nan), frame_of(found), stretch, seen.unit,
                               title="What the telescope saw", height=height, north=seen.north,
                               east_left=seen.east_left)


def model(found: Reconstruction, stretch: Stretch, *, height: int, lens_light: bool = True) -> go.Figure:
    """What the fitted lens makes of its source."""
    values = plane(found.model) - (0 if lens_light else plane(found.lens_light))
    return observed.brightness(values, frame_of(found), stretch, found.observation.unit, title="What the fit makes",
                               height=height)


def residual(found: Reconstruction, *, dark: bool, height: int) -> go.Figure:
    """Image less model in sigmas; what was left out is empty."""
    values = np.where(plane(found.used), plane(found.residual), np.nan)
    return observed.residual(values, frame_of(found), dark=dark, height=height,
                             title=f"What is left: χ² = {found.reduced_chi2:.2f} in the arcs")


def correction(found: Reconstruction, name: str, *, dark: bool, over=(), height: int, title: str | None = None
               ) -> go.Figure:
    """One map of the corrections, hatched where it is less than SURE sigmas from nothing."""
    values, sigma = (plane(getattr(found.corrections, part)) for part in (name, f"{name}_sigma"))
    symbol, unit, words = CORRECTIONS[name]
    rows, columns = box(values)
    frame, values, sigma = part_of(frame_of(found), rows, columns), values[rows, columns], sigma[rows, columns]
    known = np.abs(values[np.isfinite(values)])
    top = max(float(np.percentile(known, 99.5)) if known.size else 0.0, 1e-6)
    unsure = ~(np.abs(values) >= SURE * sigma) & np.isfinite(values)
    return picture(values, frame, title=title or words, colours=diverging(dark), limits=(-top, top),
                   unit=unit or symbol, value_name=symbol, ink=observed.ink(dark), height=height,
                   over=[hatching(unsure, frame, observed.ink(dark)), *over])


def box(values: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a map that hold all that is known of it."""
    known = np.isfinite(values)
    if not known.any():
        return slice(None), slice(None)
    rows, columns = (np.flatnonzero(known.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def part_of(frame: Frame, rows: slice, columns: slice) -> Frame:
    """The frame of some rows and columns of a picture."""
    (bottom, top, _), (left, right, _) = rows.indices(frame.height), columns.indices(frame.width)
    x, y = frame.center
    return Frame(top - bottom, right - left, frame.pixel_scale, (
        x + ((left + right) - frame.width) / 2 * frame.pixel_scale,
        y + ((bottom + top) - frame.height) / 2 * frame.pixel_scale))


def of_corrections(found: Reconstruction, figure: go.Figure) -> go.Figure:
    """Another picture of the same lens, shown where its corrections are."""
    frame = part_of(frame_of(found), *box(plane(found.corrections.psi)))
    (x, y), w, h = frame.center, frame.half_width, frame.half_height
    figure.layout.xaxis.range, figure.layout.yaxis.range = [x - w, x + w], [y - h, y + h]
    return figure


def hatching(where: np.ndarray, frame: Frame, ink: str) -> dict:
    """Thin strokes over pixels (H, W) bool."""
    step = max(1, round(max(where.shape) / HATCHES))
    rows, columns = np.nonzero(where[step // 2::step, step // 2::step])
    axes = frame.axes
    return dict(type="scatter", mode="markers", hoverinfo="skip", opacity=0.4,
                x=axes["x0"] + axes["dx"] * (columns * step + step // 2),
                y=axes["y0"] + axes["dy"] * (rows * step + step // 2),
                marker=dict(symbol="line-ne", size=6, line=dict(color=ink, width=1)))


def sensitivity(found: Reconstruction, *, height: int) -> go.Figure:
    """The smallest mass that would be found at each place, in the colours of its logarithm, and where one is likeliest.
    """
    told, solar = found.perturbers, found.solar
    unit, scale = ("arcsec²", 1.0) if solar is None else ("M☉", solar)
    values = plane(told.on_grid(told.sensitivity, found.observation.half_width[0], GRID)) * scale
    frame = Frame(*values.shape, GRID, found.offset)
    shown = np.log10(values)
    low, high = (float(v) for v in np.nanpercentile(shown, (0, 95)))
    high = max(high, low + 0.5)
    places = [low + part * (high - low) for part in (0, 0.25, 0.5, 0.75, 1)]
    cross = dict(type="scatter", mode="markers", x=[float(told.x[told.best]) + found.offset[0]],
                 y=[float(told.y[told.best]) + found.offset[1]],
                 marker=dict(symbol="cross-thin", size=15, line=dict(color="#ffffff", width=2.5)),
                 hovertemplate=f"likeliest place of a small mass<br>{told.significance:.1f} σ<extra></extra>")
    return picture(shown, frame, title="The smallest mass that would be found", colours="viridis", limits=(low, high),
                   unit=unit, ticks=(places, [f"{10**place:.1e}" for place in places]), values=values,
                   value_name="at 5 σ", height=height, over=[cross])


def chi2_falling(values: list[float], *, height: int) -> go.Figure:
    """Reduced chi^2 step by step."""
    trace = dict(type="scatter", mode="lines+markers", x=list(range(1, len(values) + 1)), y=values, showlegend=False,
                 line=dict(color="#5b8fd6", width=2), marker=dict(size=5),
                 hovertemplate="step %{x}<br>χ² %{y:.3f} a pixel<extra></extra>")
    return chart("χ² a pixel, step by step", [trace], height, key="chi2", y=dict(rangemode="tozero"),
                 x=dict(range=[0.5, max(len(values), 8) + 0.5], tickformat="d", nticks=6,
                        title=dict(text="step", standoff=4, font=dict(size=12))))
