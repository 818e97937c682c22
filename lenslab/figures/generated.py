"""Images that a network made beside those that the simulator made of the same lenses, tile by tile.

Rows share their colours, so that what looks alike is alike; the difference stands in sigmas of the camera's noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.canvas import INK, MAPS, Frame, diverging, scale_bar
from lenslab.figures.observed import SIGMAS, ink
from lenslab.figures.stretch import Stretch

GAP = 0.03         # of a tile, between two
TILE = 178         # px of a side, at most
MARGIN = dict(l=2, r=66, t=8, b=6, autoexpand=False)
GROUND = "rgba(128,136,155,0.14)"      # where an image is not made yet


@dataclass(frozen=True)
class Row:
    """Images (n, H, W) of one kind, NaN where there is none; sigmas: a difference in units of the noise."""

    name: str
    images: np.ndarray
    sigmas: bool = False


def tiles(rows: Sequence[Row], frame: Frame, stretch: Stretch, *, columns: int, dark: bool, unit: str = "counts/s",
          heads: Sequence[str] = ()) -> go.Figure:
    """All images of the first rows one under the other, wrapped to so many columns; heads: a word over each.

    The layout's meta holds the height over the width of all tiles together.
    """
    n = len(rows[0].images)
    blocks = ceil(n / columns)
    lines = blocks * len(rows)
    layout: dict = dict(template=None, meta=dict(aspect=lines / columns), margin=MARGIN, showlegend=False,
                        height=lines * TILE + MARGIN["t"] + MARGIN["b"], hovermode="closest", dragmode=False,
                        uirevision=f"tiles {n} {columns} {len(rows)}", paper_bgcolor="rgba(0,0,0,0)",
                        plot_bgcolor=GROUND, annotations=[], shapes=[],
                        hoverlabel=dict(bgcolor="#10141e", bordercolor="#8a90a0", font=dict(size=11, color=INK)),
                        modebar=dict(bgcolor="rgba(0,0,0,0)", color="#8a90a0", activecolor="#5b7fd0"))
    layout |= bars(rows, stretch, dark, unit)
    x0, y0 = frame.half_width, frame.half_height
    for column in range(columns):
        layout[axis("xaxis", column)] = dict(visible=False, fixedrange=True, range=[-x0, x0], domain=[
            (column + GAP / 2) / columns, (column + 1 - GAP / 2) / columns])
    for line in range(lines):
        layout[axis("yaxis", line)] = dict(visible=False, fixedrange=True, range=[-y0, y0], domain=[
            1 - (line + 1 - GAP / 2) / lines, 1 - (line + GAP / 2) / lines])
    data = []
    for k in range(blocks * columns):
        for number, row in enumerate(rows):
            line, column = k // columns * len(rows) + number, k % columns
            if k < n:
                data.append(tile(row, row.images[k], frame, stretch, line, column, unit))
                notes(layout, row, number, k, line, column, frame, heads, dark)
    return go.Figure(data=data, layout=layout, _validate=False)


def axis(name: str, k: int) -> str:
    return name if k == 0 else f"{name}{k + 1}"


def tile(row: Row, values: np.ndarray, frame: Frame, stretch: Stretch, line: int, column: int, unit: str) -> dict:
    z = values if row.sigmas else stretch.apply(values)
    words = "%{customdata:+.2f} σ" if row.sigmas else f"%{{customdata:.3g}} {unit}"
    return dict(type="heatmap", z=np.ascontiguousarray(z, np.float32), **frame.axes, xaxis=axis("x", column),
                yaxis=axis("y", line), coloraxis="coloraxis2" if row.sigmas else "coloraxis", zsmooth=False,
                customdata=np.ascontiguousarray(values, np.float32), hoverongaps=False, name=row.name,
                hovertemplate=f"{row.name}<br>{frame.names[0]} %{{x:.2f}}{frame.unit}, {frame.names[1]} "
                              f"%{{y:.2f}}{frame.unit}<br>{words}<extra></extra>")


def notes(layout: dict, row: Row, number: int, k: int, line: int, column: int, frame: Frame, heads: Sequence[str],
          dark: bool) -> None:
    """What stands on a tile: its row's name on the first, a word over each column, and a bar of arcseconds."""
    colour = ink(dark) if row.sigmas else INK
    at = dict(xref=axis("x", column), yref=axis("y", line), showarrow=False)
    left, top = -0.95 * frame.half_width, 0.95 * frame.half_height
    if column == 0:
        layout["annotations"].append(dict(at, x=left, y=top, xanchor="left", yanchor="top", text=row.name,
                                          font=dict(color=colour, size=12)))
    if number == 0 and k < len(heads):
        layout["annotations"].append(dict(at, x=-left, y=-top, xanchor="right", yanchor="bottom", text=heads[k],
                                          font=dict(color=colour, size=12)))
    if line == 0 and column == 0:
        bar, words = scale_bar(frame, INK)
        layout["shapes"].append(dict(bar, xref="x", yref="y"))
        layout["annotations"].append(dict(words, xref="x", yref="y"))


def bars(rows: Sequence[Row], stretch: Stretch, dark: bool, unit: str) -> dict:
    """The two scales of colour, brightness above and sigmas below."""
    both = any(row.sigmas for row in rows)
    bar = dict(thickness=11, outlinewidth=0, x=1.01, xpad=4, ypad=0, ticklen=3, tickfont=dict(size=11),
               yanchor="top")
    values, words = stretch.ticks()
    low, high = stretch.limits
    found = dict(coloraxis=dict(colorscale=MAPS["inferno"], cmin=low, cmax=high, colorbar=dict(
        bar, y=1, len=0.62 if both else 1, tickvals=values, ticktext=words,
        title=dict(text=unit, side="right", font=dict(size=11)))))
    if both:
        found["coloraxis2"] = dict(colorscale=diverging(dark), cmin=-SIGMAS, cmax=SIGMAS, colorbar=dict(
            bar, y=0.325, len=0.31, tickvals=[-5, 0, 5], ticktext=["−5 σ", "0", "+5 σ"],
            title=dict(text="", side="right")))
    return found
