"""Where a network sees its evidence: one hue over the grey image, more opaque where there is more; the truth outlined.

And what the evidence is worth: the probability of the class as its pixels are taken away, or put in.
"""

from collections.abc import Mapping

import contourpy
import numpy as np
import plotly.graph_objects as go

from lenslab.figures.canvas import Frame, compass, curve, picture, plane
from lenslab.figures.observed import frame_of, mask_of, stretch_of
from lenslab.figures.stretch import Stretch
from lenslab.figures.training import FAINT, RUNS, chart
from lenslab.images.observation import Observation
from lenslab.insight.localise import Curves

HUE = "255, 122, 46"       # orange, far from any grey and from the outline's blue for all eyes
OUTLINE = "#4fc3ff"
GREY = [[0, "#05070c"], [1, "#a9abb0"]]   # no brighter: the hue would pale on white, and arcs are where it lies
TOP = 0.995                # of the pixels with evidence: the few above are drawn as it is, or one would pale the rest
OPACITY = 0.85             # of the strongest evidence
FAINTEST = 0.02            # evidence below this is left out, so that hovering and the eye agree


def evidence(observation: Observation, weights: np.ndarray, *, truth: np.ndarray | None = None,
             opacity: float = OPACITY, stretch: Stretch | None = None, title: str = "Evidence",
             height: int = 560) -> go.Figure:
    """A map of evidence over the image it explains.

    weights   (H, W) >= 0, of any unit; drawn as `relative` tells
    truth     (H, W) bool, pixels that hold the true signal (localise.true_pixels, or near), outlined; None: not known
    opacity   0 to 1, of the strongest evidence
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"An opacity of {opacity:g} was asked for; give a number from 0 to 1.")
    frame = frame_of(observation)
    image = np.where(mask_of(observation), plane(observation.image), np.nan)
    stretch = stretch or stretch_of("asinh", observation)
    arrows = [] if observation.north is None else compass(frame, observation.north, observation.east_left)
    share, words = relative(weights), []
    if not share.any():
        words = [dict(xref="paper", yref="paper", x=0.5, y=0.96, text="No evidence for this class.", showarrow=False,
                      font=dict(size=13, color="#f4f4f6"), bgcolor="rgba(5, 7, 12, 0.6)")]
    over = [veil(share, image, frame, opacity, observation.unit)]
    over += [] if truth is None or not np.any(truth) else [curve(outline(truth, frame), OUTLINE, width=1.6)]
    figure = picture(stretch.apply(image), frame, title=title, colours=GREY, limits=stretch.limits, unit="",
                     height=height, over=over, notes=[*arrows, *words])
    figure.data[0].update(showscale=False, hoverinfo="skip", hovertemplate=None)   # hovering asks the veil
    return figure


def relative(weights: np.ndarray) -> np.ndarray:
    """(H, W) from 0 to 1, which the strongest 0.5 % of the pixels with evidence reach; nothing stays nothing."""
    weights = np.nan_to_num(np.asarray(plane(weights), np.float64)).clip(min=0)
    lit = weights[weights > 0]
    return (weights / np.quantile(lit, TOP, method="higher")).clip(max=1) if lit.size else weights


def veil(share: np.ndarray, image: np.ndarray, frame: Frame, opacity: float, unit: str) -> dict:
    """The hue over the image; the colour bar shows it upon black."""
    ticks = [0, 0.25, 0.5, 0.75, 1]
    return dict(
        type="heatmap", z=np.where(share < FAINTEST, 0, share).astype(np.float32), **frame.axes, zmin=0, zmax=1,
        colorscale=[[0, f"rgba({HUE}, 0)"], [1, f"rgba({HUE}, {opacity:g})"]], zsmooth=False,
        customdata=np.ascontiguousarray(image, dtype=np.float32),
        hovertemplate="x %{x:.2f}″, y %{y:.2f}″<br>evidence %{z:.2f}<br>brightness %{customdata:.3g} "
                      f"{unit}<extra></extra>",
        colorbar=dict(thickness=11, outlinewidth=0, x=1.01, xpad=4, ypad=0, len=1, ticklen=3, tickfont=dict(size=11),
                      tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks],
                      title=dict(text="evidence", side="right", font=dict(size=11))))


def outline(truth: np.ndarray, frame: Frame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Closed curves (arcsec) around pixels (H, W) bool, half a pixel from their centres."""
    wide = np.pad(np.asarray(truth, float), 1)     # curves close at the edge of the frame too
    axes = frame.axes
    x = axes["x0"] + axes["dx"] * np.arange(-1, frame.width + 1)
    y = axes["y0"] + axes["dy"] * np.arange(-1, frame.height + 1)
    lines = contourpy.contour_generator(x, y, wide).lines(0.5)
    return [(line[:, 0], line[:, 1]) for line in lines]


def replaced(found: Mapping[str, Curves], *, height: int = 340, title: str = "When the evidence is taken away") \
        -> go.Figure:
    """Mean probability of the class as pixels are replaced in several orders, named by the keys.

    Solid: taken away from the image; dashed: put into what replaces them. The order called "chance" is grey.
    """
    traces, colours = [], iter([*RUNS[:-1]] * (1 + len(found) // len(RUNS[:-1])))
    for name, curves in found.items():
        colour = FAINT if name == "chance" else next(colours)
        for kind, values, dash in (("taken away", curves.deletion, "solid"), ("put in", curves.insertion, "dash")):
            traces.append(dict(
                type="scatter", mode="lines", x=curves.share.tolist(), y=values.mean(0).tolist(), name=name,
                legendgroup=name, showlegend=kind == "taken away", line=dict(color=colour, width=2, dash=dash),
                hovertemplate=f"{name}, {kind}<br>%{{x:.0%}} of the arc's pixels<br>probability %{{y:.3f}}"
                              "<extra></extra>"))
    figure = chart(title, traces, height, key=f"replaced {' '.join(found)}", y=dict(range=[0, 1.02]),
                   x=dict(range=[0, 1], tickformat=".0%",
                          title=dict(text="pixels replaced, of those in the arc", standoff=4, font=dict(size=12))))
    # above the axes: curves may be anywhere within them
    figure.layout.legend.update(orientation="h", x=0, xanchor="left", y=1.0, yanchor="bottom")
    figure.layout.margin.t = 62
    return figure
