"""The one visual language of all pictures: crisp pixels, x right and y up, a bar of arcseconds, colours with units.

A picture never moves on the page when its numbers change: margins, colour bar and size are fixed, and plotly keeps a
visitor's zoom (`uirevision`) as long as the frame stays the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin
from typing import TYPE_CHECKING

import numpy as np
import plotly.colors
import plotly.graph_objects as go

from lenslab.figures.literal import literal
from lenslab.figures.stretch import nice

if TYPE_CHECKING:  # whoever draws curves alone, as a watched run does, need not wait for torch
    from torch import Tensor

DIVERGING = {  # blue over the ground to red, safe for colour-blind eyes; the ground is that of the page's theme
    False: ("#2166ac", "#92c5de", "#ffffff", "#f4a582", "#b2182b"),
    True: ("#7cc0ff", "#2f6fae", "#12161f", "#b5462f", "#ffb08a"),
}
Figure = go.Figure
INK = "#f4f4f6"        # lines and words upon dark colour maps
CRITICAL = "#ffffff"   # critical curves
IMAGE_DOT = "#ff5d8f"  # images of the source's centre
MAPS = {name: plotly.colors.get_colorscale(name) for name in ("inferno", "viridis", "magma")}
MARGIN = dict(l=4, r=74, t=34, b=6, autoexpand=False)


@dataclass(frozen=True)
class Frame:
    """Where pixels lie: sides in pixels, the size of one, and where their middle is.

    unit, names   of the axes: those of the sky, unless a picture is of something else
    """

    height: int
    width: int
    pixel_scale: float                         # arcsec
    center: tuple[float, float] = (0.0, 0.0)   # x, y in arcsec
    unit: str = "″"
    names: tuple[str, str] = ("x", "y")

    @property
    def half_width(self) -> float:
        return self.width * self.pixel_scale / 2

    @property
    def half_height(self) -> float:
        return self.height * self.pixel_scale / 2

    @property
    def axes(self) -> dict:
        """First pixel and step, as plotly's heatmap takes them."""
        s, (x, y) = self.pixel_scale, self.center
        return dict(x0=x - (self.width - 1) / 2 * s, dx=s, y0=y - (self.height - 1) / 2 * s, dy=s)


def plane(values: "Tensor | np.ndarray", row: int = 0) -> np.ndarray:
    """One image (H, W) of a batch, as numbers on the processor."""
    if not isinstance(values, np.ndarray):
        values = values.detach().cpu().numpy()
    while values.ndim > 2:
        values = values[row if values.shape[0] > row else 0]
        row = 0
    return values


def diverging(dark: bool) -> list[list]:
    colours = DIVERGING[dark]
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def picture(z: np.ndarray, frame: Frame, *, title: str, colours, limits: tuple[float, float], unit: str,
            ticks: tuple[list[float], list[str]] | None = None, values: np.ndarray | None = None,
            value_name: str = "value", digits: str = ".3g", ink: str = INK, height: int = 420,
            over: Sequence[dict] = (), notes: Sequence[dict] = ()) -> go.Figure:
    """A heat map of z (H, W) on a frame.

    values   what hovering shows, where z is stretched
    ticks    places along z and their names
    ink      colour of the bar of arcseconds, which lies on the picture
    over     traces drawn upon the map;  notes  annotations on it
    """
    shown = "z" if values is None else "customdata"
    words = f" {unit}" if unit else ""
    trace = dict(
        type="heatmap", z=np.ascontiguousarray(z, dtype=np.float32), **frame.axes,
        colorscale=MAPS[colours] if isinstance(colours, str) else colours,
        zmin=limits[0] - 1e-3 * (limits[1] - limits[0]), zmax=limits[1], zsmooth=False, hoverongaps=False,
        hovertemplate=f"x %{{x:.2f}}″, y %{{y:.2f}}″<br>{value_name} %{{{shown}:{digits}}}{words}<extra></extra>",
        colorbar=dict(thickness=11, outlinewidth=0, x=1.01, xpad=4, ypad=0, len=1, ticklen=3, tickfont=dict(size=11),
                      title=dict(text=unit, side="right", font=dict(size=11)),
                      **(dict(tickvals=ticks[0], ticktext=ticks[1]) if ticks else dict(nticks=5))))
    if values is not None:
        trace["customdata"] = np.ascontiguousarray(values, dtype=np.float32)
    w, h, (x, y) = frame.half_width, frame.half_height, frame.center
    bar, words = scale_bar(frame, ink)
    layout = dict(
        title=dict(text=literal(title), x=0, xref="paper", xanchor="left", y=1, yref="container", yanchor="top",
                   pad=dict(t=9), font=dict(size=14)),
        height=height, margin=MARGIN, uirevision=f"{w:.4f} {h:.4f} {x:.4f} {y:.4f}",
        hovermode="closest", dragmode=False, showlegend=False,
        hoverlabel=dict(bgcolor="#10141e", bordercolor="#8a90a0", font=dict(size=11, color=INK)),
        modebar=dict(bgcolor="rgba(0,0,0,0)", color="#8a90a0", activecolor="#5b7fd0"),
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        xaxis=dict(visible=False, range=[x - w, x + w], constrain="domain"),
        yaxis=dict(visible=False, range=[y - h, y + h], scaleanchor="x", constrain="domain"),
        shapes=[bar], annotations=[words, *notes])
    # Without plotly's validation, which costs more than the drawing; the tests validate every figure once.
    return go.Figure(data=[trace, *over], layout={"template": None, **layout}, _validate=False)


def scale_bar(frame: Frame, ink: str) -> tuple[dict, dict]:
    """A bar of 1 arcsec, or what else the unit is, low on the left (shorter in small frames) with its length."""
    length = 1.0 if frame.half_width >= 1.2 else nice(frame.half_width * 0.6)
    x = frame.center[0] - frame.half_width * 0.93
    y = frame.center[1] - frame.half_height * 0.92
    bar = dict(type="line", x0=x, x1=x + length, y0=y, y1=y, line=dict(color=ink, width=2.5))
    words = dict(x=x + length / 2, y=y, text=f"{length:g}{frame.unit}", showarrow=False, yanchor="bottom", yshift=2,
                 font=dict(color=ink, size=12))
    return bar, words


def compass(frame: Frame, north: float, east_left: bool, ink: str = INK) -> list[dict]:
    """Arrows to north and east high on the right, as annotations; `north` is rad from +y counter-clockwise."""
    length = 0.2 * frame.half_width
    corner = (frame.center[0] + 0.72 * frame.half_width, frame.center[1] + 0.66 * frame.half_height)
    up = (-sin(north), cos(north))
    side = 1 if east_left else -1
    arrows = []
    for name, (dx, dy) in (("N", up), ("E", (-up[1] * side, up[0] * side))):
        arrows.append(dict(x=corner[0] + dx * length, y=corner[1] + dy * length, ax=corner[0], ay=corner[1],
                           xref="x", yref="y", axref="x", ayref="y", showarrow=True, arrowhead=2, arrowwidth=1.6,
                           arrowcolor=ink, text="", standoff=0))
        arrows.append(dict(x=corner[0] + dx * length * 1.35, y=corner[1] + dy * length * 1.35, text=name,
                           showarrow=False, font=dict(color=ink, size=12)))
    return arrows


def curve(lines: list[tuple[np.ndarray, np.ndarray]], colour: str, *, dash: str = "solid", width: float = 1.4) -> dict:
    """Several closed curves as one trace, with gaps between them."""
    gap = np.array([np.nan], dtype=np.float32)
    xs = [part for x, _ in lines for part in (np.asarray(x, dtype=np.float32), gap)] or [gap]
    ys = [part for _, y in lines for part in (np.asarray(y, dtype=np.float32), gap)] or [gap]
    return dict(type="scatter", mode="lines", x=np.concatenate(xs), y=np.concatenate(ys), hoverinfo="skip",
                connectgaps=False, line=dict(color=colour, width=width, dash=dash))
