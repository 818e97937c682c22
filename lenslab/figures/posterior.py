"""What is known of numbers: posteriors beside their priors, and whether they are honest."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from scipy.ndimage import gaussian_filter

from lenslab.figures.classification import COLOURS, OTHER, named
from lenslab.figures.judgement import INK, line
from lenslab.figures.literal import literal
from lenslab.figures.training import FAINT, GRID, chart

POSTERIOR = "#3f74c8"
SHADE = "rgba(63,116,200,0.28)"
PRIOR = "rgba(128,136,155,0.30)"
BINS = 36
SMOOTHING = 1.0          # bins
CELL = 190               # px of a side of a corner plot's cell
REGIONS = 0.95, 0.68     # of probability, from wide to narrow


def curve(samples: np.ndarray, limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Middles of bins over the limits and the density there; smoothed as if what is cut off were mirrored."""
    counts, edges = np.histogram(samples, BINS, limits)
    width = edges[1] - edges[0]
    density = gaussian_filter(counts.astype(float), SMOOTHING, mode="reflect") / max(1, counts.sum()) / width
    return (edges[1:] + edges[:-1]) / 2, density


def one(samples: np.ndarray, prior: np.ndarray, limits: tuple[float, float], *, title: str, unit: str,
        truth: float | None = None, height: int = 210) -> go.Figure:
    """Samples (S,) of a posterior, beside the density of its prior at the middles of BINS bins."""
    x, y = curve(samples, limits)
    low, high = np.quantile(samples, [0.16, 0.84])
    traces = [dict(type="scatter", x=x, y=prior, mode="lines", fill="tozeroy", fillcolor=PRIOR, name="before",
                   line=dict(color=FAINT, width=1), hoverinfo="skip"),
              dict(type="scatter", x=x, y=y, mode="lines", fill="tozeroy", fillcolor=SHADE, name="after",
                   line=dict(color=POSTERIOR, width=2), hovertemplate="%{x:.3g}<extra></extra>")]
    shapes = [dict(type="rect", x0=float(low), x1=float(high), y0=0, y1=1, yref="paper", layer="below",
                   fillcolor="rgba(63,116,200,0.10)", line=dict(width=0))]
    shapes += truth_lines(truth)
    figure = chart(title, traces, height, key=f"posterior {title}", shapes=shapes,
                   x=dict(range=list(limits), title=dict(text=unit, standoff=4, font=dict(size=12))),
                   y=dict(range=[0, 1.12 * max(y.max(), prior.max())], showticklabels=False, showgrid=False))
    figure.layout.margin = dict(figure.layout.margin.to_plotly_json(), l=14)
    figure.layout.showlegend = False      # the caption says it
    return figure


def truth_lines(truth: float | None) -> list[dict]:
    return [] if truth is None else [dict(type="line", x0=truth, x1=truth, y0=0, y1=1, yref="paper",
                                          line=dict(color=OTHER, width=2, dash="dash"))]


def corner(samples: np.ndarray, names: Sequence[str], limits: Sequence[tuple[float, float]], *,
           priors: Sequence[np.ndarray], truth: Sequence[float | None], title: str) -> go.Figure:
    """Samples (S, D) of a joint posterior: each number by itself, and each pair as regions of 68 and 95 %.

    priors   of each number the density at the middles of BINS bins;  truth   None where it is not known
    """
    D, traces, axes, shapes, notes = len(names), [], {}, [], []
    gap, size = 0.02, 1 / len(names)
    for row in range(D):
        for column in range(row + 1):
            at = row * D + column + 1
            suffix = "" if at == 1 else str(at)
            left, bottom = column * size, 1 - (row + 1) * size
            x, y = f"x{suffix}", f"y{suffix}"
            axis = dict(showgrid=False, zeroline=False, showline=True, linecolor=GRID, mirror=True, nticks=4,
                        tickfont=dict(size=10))
            last, first = row == D - 1, column == 0 and row > 0
            axes[f"xaxis{suffix}"] = axis | dict(
                domain=[left, left + size - gap], anchor=y, range=list(limits[column]), showticklabels=last,
                title=dict(text=literal(names[column]) if last else "", font=dict(size=11), standoff=6))
            own = row == column
            axes[f"yaxis{suffix}"] = axis | dict(
                domain=[bottom + gap, bottom + size], anchor=x, showticklabels=first,
                title=dict(text=literal(names[row]) if first else "", font=dict(size=11), standoff=4))
            if own:
                middle, density = curve(samples[:, row], limits[row])
                traces += [dict(type="scatter", x=middle, y=priors[row], xaxis=x, yaxis=y, mode="lines",
                                fill="tozeroy", fillcolor=PRIOR, line=dict(color=FAINT, width=1), hoverinfo="skip"),
                           dict(type="scatter", x=middle, y=density, xaxis=x, yaxis=y, mode="lines", fill="tozeroy",
                                fillcolor=SHADE, line=dict(color=POSTERIOR, width=2),
                                hovertemplate=f"{literal(names[row])} %{{x:.3g}}<extra></extra>")]
                axes[f"yaxis{suffix}"]["range"] = [0, 1.12 * float(max(density.max(), np.max(priors[row])))]
            else:
                axes[f"yaxis{suffix}"]["range"] = list(limits[row])
                traces.append(regions(samples[:, column], samples[:, row], limits[column], limits[row], x, y))
            for value, where in ((truth[column], "x"), (None if own else truth[row], "y")):
                if value is None:
                    continue
                span = dict(x0=value, x1=value, y0=0, y1=1, yref=f"{y} domain", xref=x) if where == "x" else \
                    dict(y0=value, y1=value, x0=0, x1=1, xref=f"{x} domain", yref=y)
                shapes.append(dict(type="line", line=dict(color=OTHER, width=1.6, dash="dash")) | span)
    height = max(300, CELL * D + 90)
    layout = dict(title=dict(text=literal(title), x=0, xref="paper", xanchor="left", y=1, yref="container",
                             yanchor="top", pad=dict(t=9), font=dict(size=14)),
                  height=height, margin=dict(l=64, r=12, t=40, b=56, autoexpand=False), showlegend=False,
                  uirevision=" ".join(names), paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
                  hovermode="closest", dragmode=False, shapes=shapes, annotations=notes, **axes)
    return go.Figure(data=traces, layout={"template": None, **layout}, _validate=False)


def regions(x: np.ndarray, y: np.ndarray, across: tuple[float, float], up: tuple[float, float], xaxis: str,
            yaxis: str) -> dict:
    """Contours that hold 68 and 95 % of the samples."""
    counts, _, _ = np.histogram2d(y, x, BINS, (up, across))
    density = gaussian_filter(counts, 1.3, mode="reflect")
    falling = np.sort(density.ravel())[::-1]
    held = np.cumsum(falling) / falling.sum()
    wide, narrow = (float(falling[np.searchsorted(held, share)]) for share in REGIONS)
    z = np.where(density >= narrow, 2.0, np.where(density >= wide, 1.0, 0.0))
    steps = [(limits[1] - limits[0]) / BINS for limits in (across, up)]
    return dict(type="heatmap", z=z, x0=across[0] + steps[0] / 2, dx=steps[0], y0=up[0] + steps[1] / 2, dy=steps[1],
                xaxis=xaxis, yaxis=yaxis, zmin=0, zmax=2, showscale=False, hoverinfo="skip", zsmooth="best",
                colorscale=[[0, "rgba(63,116,200,0)"], [0.5, "rgba(63,116,200,0.30)"], [1, "rgba(63,116,200,0.75)"]])


def follow(truths: np.ndarray, middle: np.ndarray, low: np.ndarray, high: np.ndarray, limits: tuple[float, float], *,
           title: str, unit: str, now: float | None = None, height: int = 360) -> go.Figure:
    """What is said (median, and 68 %) over what is true, as the truth is turned; on the dotted line both agree."""
    band = dict(type="scatter", x=[*truths, *truths[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=SHADE,
                mode="lines",
                line=dict(width=0), hoverinfo="skip", name="68 %")
    dots = dict(type="scatter", x=truths, y=middle, mode="lines+markers", name="median",
                line=dict(color=POSTERIOR, width=2), marker=dict(size=7),
                hovertemplate="truth %{x:.3g}<br>median %{y:.3g}<extra></extra>")
    shapes = [line(limits[0], limits[0], limits[1], limits[1])]
    shapes += [dict(entry, line=dict(color=OTHER, width=1.2, dash="dash")) for entry in truth_lines(now)]
    words = f" ({unit})" if unit else ""
    return chart(title, [band, dots], height, key=f"follow {title}", shapes=shapes,
                 x=dict(range=list(limits), title=dict(text=f"truth{words}", standoff=4, font=dict(size=12))),
                 y=dict(range=list(limits), title=dict(text="what it says", standoff=4, font=dict(size=12))))


def ranks(counts: Sequence[int], band: Sequence[float], *, title: str, height: int = 210) -> go.Figure:
    """Where the truth stood among the samples: even, if the posteriors are honest; the band is theirs."""
    n = len(counts)
    bars = dict(type="bar", x=[(k + 0.5) / n for k in range(n)], y=list(counts), width=0.9 / n,
                marker=dict(color=POSTERIOR), hovertemplate="%{y} images<extra></extra>")
    shapes = [dict(type="rect", x0=0, x1=1, y0=band[0], y1=band[1], fillcolor=PRIOR, line=dict(width=0),
                   layer="below")]
    return chart(title, [bars], height, key=f"ranks {title}", shapes=shapes,
                 x=dict(range=[0, 1], tickformat=".0%", nticks=3,
                        title=dict(text="share of the samples below the truth", standoff=4, font=dict(size=12))),
                 y=dict(range=[0, 1.15 * max([*counts, band[1]])], nticks=4))


def coverage(curves: dict[str, dict], *, title: str, height: int = 320) -> go.Figure:
    """How often regions of a probability hold the truth (TARP), one line a block (a class, or the smooth lens under any
    other name), with the band of the first."""
    first = next(iter(curves.values()))
    band = dict(type="scatter", x=[*first["level"], *first["level"][::-1]], y=[*first["high"], *first["low"][::-1]],
                fill="toself", fillcolor=PRIOR, mode="lines", line=dict(width=0), hoverinfo="skip", name="honest, 99 %")
    lines = [dict(type="scatter", x=entry["level"], y=entry["share"], mode="lines+markers", name=literal(named(name)),
                  line=dict(color=COLOURS.get(name, INK), width=1.8), marker=dict(size=5),
                  hovertemplate="%{x:.0%} regions hold %{y:.1%}<extra></extra>")
             for name, entry in curves.items()]
    figure = chart(title, [band, *lines], height, key=f"coverage {title}", shapes=[line(0, 0, 1, 1)],
                 x=dict(range=[0, 1], tickformat=".0%", nticks=6,
                        title=dict(text="probability of the region", standoff=4, font=dict(size=12))),
                 y=dict(range=[0, 1], tickformat=".0%", nticks=6,
                        title=dict(text="how often it held the truth", standoff=4, font=dict(size=12))))
    figure.layout.legend.update(x=0.02, xanchor="left", y=0.98, yanchor="top")
    return figure


def belief(value: np.ndarray, density: np.ndarray, *, title: str, unit: str, truth: float | None, flat: float,
           height: int = 260) -> go.Figure:
    """What many lenses say together of a number of their population, beside what was known before (`flat`)."""
    traces = [dict(type="scatter", x=value, y=density, mode="lines", fill="tozeroy", fillcolor=SHADE,
                   line=dict(color=POSTERIOR, width=2), hovertemplate="%{x:.3g}<extra></extra>"),
              dict(type="scatter", x=[value[0], value[-1]], y=[flat, flat], mode="lines", hoverinfo="skip",
                   line=dict(color=FAINT, width=1, dash="dot"))]
    figure = chart(title, traces, height, key=f"belief {title}", shapes=truth_lines(truth),
                   x=dict(range=[float(value[0]), float(value[-1])],
                          title=dict(text=unit, standoff=4, font=dict(size=12))),
                   y=dict(range=[0, 1.12 * max(float(density.max()), flat)], showticklabels=False, showgrid=False))
    figure.layout.showlegend = False
    return figure


def needed(signal: Sequence[float], lenses: dict[str, Sequence[float]], *, title: str, height: int = 340) -> go.Figure:
    """Lenses needed over signal to noise, both logarithmic, one line a quantity."""
    lines = [dict(type="scatter", x=list(signal), y=list(values), mode="lines+markers", name=literal(name),
                  hovertemplate="S %{x:.0f}: %{y:.0f} lenses<extra></extra>") for name, values in lenses.items()]
    return chart(title, lines, height, key=f"needed {title}", shapes=[],
                 x=dict(type="log", title=dict(text="signal to noise of a lens", standoff=4, font=dict(size=12))),
                 y=dict(type="log", title=dict(text="lenses", standoff=4, font=dict(size=12)),
                        linecolor=INK))
