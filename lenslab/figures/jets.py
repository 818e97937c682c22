"""Pictures of jets: energy over eta and phi as colour or as towers, and their observables as histograms."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.canvas import MAPS, Frame
from lenslab.figures.generated import Row, tiles
from lenslab.figures.literal import literal
from lenslab.figures.stretch import Stretch
from lenslab.figures.training import FAINT, GRID, chart
from lenslab.jets.images import pitch
from lenslab.jets.observables import Observable

FAINTEST, LEAST = 0.1, 10.0      # GeV: what is drawn darkest; the top of the scale is never below
COLOURS = {"simulated": "#8a8f9c", "generated": "#3f74c8", "yours": "#d9822b"}
SHADE = "rgba(128,136,155,0.32)"
BINS = 20
RATIO = 2.0                      # top of the ratio panel
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
FACES = np.array([[4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4],
                  [3, 4, 7]])


def frame(side: int) -> Frame:
    """Rows grow with eta, columns with phi."""
    return Frame(side, side, pitch(side), unit="", names=("φ", "η"))


def stretch_of(*images: np.ndarray) -> Stretch:
    """Logarithmic from the faintest hit to the brightest of all images (n, H, W) in GeV."""
    top = max((float(np.nanmax(image, initial=0)) for image in images), default=0)
    return Stretch("log", FAINTEST, max(LEAST, top), FAINTEST)


def pictures(rows: Sequence[Row], *, columns: int, dark: bool) -> go.Figure:
    """Images (n, H, W) of GeV, kind by kind."""
    return tiles(rows, frame(rows[0].images.shape[-1]), stretch_of(*(row.images for row in rows)), columns=columns,
                 dark=dark, unit="GeV")


def lego(image: np.ndarray, *, title: str, top: float, height: int = 380) -> go.Figure:
    """Towers over eta and phi, as high as the logarithm of the energy (H, W) in GeV."""
    size = pitch(image.shape[-1])
    at = np.argwhere(image >= FAINTEST)
    tall = np.log10(image[tuple(at.T)] / FAINTEST)
    half = image.shape[-1] * size / 2
    base = np.column_stack([at[:, 1] * size - half, at[:, 0] * size - half, np.zeros(len(at))])
    steps = np.column_stack([np.full((len(at), 2), size * 0.94), tall])
    corners = (base[:, None] + CORNERS * steps[:, None]).reshape(-1, 3)
    faces = (np.arange(len(at))[:, None, None] * len(CORNERS) + FACES).reshape(-1, 3)
    decades = np.arange(int(np.log10(max(top, LEAST) / FAINTEST)) + 1)
    towers = dict(type="mesh3d", **{name: part for name, part in zip("xyz", corners.T, strict=True)},
                  **{name: part for name, part in zip("ijk", faces.T, strict=True)},
                  intensity=np.repeat(tall, len(CORNERS)), colorscale=MAPS["inferno"], cmin=0,
                  cmax=float(np.log10(max(top, LEAST) / FAINTEST)), showscale=False, flatshading=True,
                  hoverinfo="skip", lighting=dict(ambient=0.75, diffuse=0.5, specular=0.05))
    axis = dict(showbackground=False, gridcolor=GRID, zeroline=False, tickfont=dict(size=10, color="#8a90a0"),
                range=[-half, half], nticks=4)
    names = [dict(axis, title=dict(text=text, font=dict(color="#8a90a0"))) for text in ("φ", "η")]
    z = dict(axis, range=[0, float(decades[-1]) + 0.6], tickvals=decades.tolist(),
             ticktext=[f"{FAINTEST * 10.0**k:g}" for k in decades], title=dict(text="GeV", font=dict(color="#8a90a0")))
    layout = dict(template=None, height=height, margin=dict(l=0, r=0, t=34, b=0), uirevision=f"lego {title}",
                  title=dict(text=literal(title), x=0, xref="paper", y=1, yref="container", yanchor="top",
                             pad=dict(t=9), font=dict(size=14)), paper_bgcolor="rgba(0,0,0,0)", showlegend=False,
                  modebar=dict(bgcolor="rgba(0,0,0,0)", color="#8a90a0", activecolor="#5b7fd0"),
                  scene=dict(xaxis=names[0], yaxis=names[1], zaxis=z, aspectratio=dict(x=1, y=1, z=0.65),
                             camera=dict(eye=dict(x=1.0, y=-1.2, z=0.85), center=dict(x=0, y=0, z=-0.1))))
    return go.Figure(data=[towers], layout=layout, _validate=False)


def histograms(values: Mapping[str, np.ndarray], what: Observable, *, height: int = 360) -> go.Figure:
    """Shares of the jets of each kind (by the names of COLOURS) over one observable, and below their ratio to the
    simulated ones; bars are the errors of counting, the grey band is that of the simulated ones."""
    limits = edges_of(np.concatenate(list(values.values())), what)
    middles, usual = (limits[1:] + limits[:-1]) / 2, counted(values["simulated"], limits)
    traces = [dict(type="scatter", mode="lines", x=stairs(limits), y=np.repeat(usual[0], 2), fill="tozeroy",
                   fillcolor=SHADE, line=dict(color=COLOURS["simulated"], width=1.6), name="simulated",
                   hoverinfo="skip")]
    with np.errstate(divide="ignore", invalid="ignore"):
        unsure = np.repeat(np.minimum(usual[1] / usual[0], RATIO), 2)
    unsure = np.where(np.isfinite(unsure), unsure, 0)
    x = stairs(limits)
    traces.append(dict(type="scatter", mode="lines", x=[*x, *x[::-1]], y=[*(1 + unsure), *(1 - unsure)[::-1]],
                       fill="toself", fillcolor=SHADE, line=dict(width=0), yaxis="y2", hoverinfo="skip",
                       showlegend=False))
    for name, numbers in values.items():
        if name == "simulated":
            continue
        share, error = counted(numbers, limits)
        some = usual[0] > 0
        mark = dict(color=COLOURS[name], size=6)
        traces += [
            dict(type="scatter", mode="markers", x=middles, y=share, error_y=bars(error, COLOURS[name]), marker=mark,
                 name=name, hovertemplate=f"{name}<br>%{{x:.3g}} {what.unit}: %{{y:.1%}}<extra></extra>"),
            dict(type="scatter", mode="markers", x=middles[some], y=share[some] / usual[0][some], marker=mark,
                 error_y=bars(error[some] / usual[0][some], COLOURS[name]), yaxis="y2", showlegend=False,
                 hovertemplate=f"{name} / simulated %{{y:.2f}}<extra></extra>")]
    unit = f" ({what.unit})" if what.unit else ""
    figure = chart(what.title, traces, height, key=f"jets {what.title}", shapes=[dict(
        type="line", xref="paper", x0=0, x1=1, yref="y2", y0=1, y1=1, line=dict(color=FAINT, width=1, dash="dot"))],
        x=dict(range=[float(limits[0]), float(limits[-1])], anchor="y2",
               title=dict(text=f"{literal(what.title)}{unit}", standoff=4, font=dict(size=12))),
        y=dict(domain=[0.36, 1], rangemode="tozero", tickformat=".0%", nticks=4))
    figure.layout.yaxis2 = dict(figure.layout.yaxis.to_plotly_json(), domain=[0, 0.27], range=[0, RATIO], nticks=3,
                                tickformat=".1f", title=dict(text="ratio", font=dict(size=11)))
    return figure


def edges_of(values: np.ndarray, what: Observable) -> np.ndarray:
    """Of bins that hold all but the outermost; whole numbers have bins of whole numbers."""
    low, high = np.quantile(values, [0.005, 0.995]) if len(values) else (0, 1)
    if what.whole:
        step = max(1, int(np.ceil((high - low + 1) / BINS)))
        return np.arange(np.floor(low), np.floor(high) + step + 1, step) - 0.5
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


def counted(values: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares by bin, and their errors; what lies outside counts in the outermost bins."""
    inner = np.clip(values, limits[0], np.nextafter(limits[-1], limits[0]))
    n = max(1, len(values))
    counts = np.histogram(inner, limits)[0]
    return counts / n, np.sqrt(counts) / n


def stairs(limits: np.ndarray) -> np.ndarray:
    return np.repeat(limits, 2)[1:-1]


def bars(error: np.ndarray, colour: str) -> dict:
    return dict(type="data", array=error, color=colour, thickness=1.2, width=0)
