"""How odd an image is beside usual ones."""

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.canvas import Frame, picture
from lenslab.figures.classification import OTHER
from lenslab.figures.stretch import Stretch
from lenslab.figures.training import FAINT, chart

BINS = 40
TOP = 0.999                 # of the pixels: the brightest of all would leave the others dark
USUAL = "rgba(63,116,200,0.55)"


def light(sigmas: np.ndarray, frame: Frame, *, title: str, like: np.ndarray | None = None, height: int = 420
          ) -> go.Figure:
    """An image (H, W) in units of the noise; `like` another whose scale it shares."""
    stretch = Stretch.of("asinh", np.minimum(sigmas if like is None else like, np.quantile(sigmas, TOP)), noise=1.0)
    return picture(stretch.apply(sigmas), frame, title=title, colours="inferno", limits=stretch.limits, unit="σ",
                   ticks=stretch.ticks(), values=sigmas, value_name="light", height=height)


def place(table: np.ndarray, score: float, threshold: float, *, height: int = 280) -> go.Figure:
    """A histogram of usual scores (their quantiles at even steps), this image, and the threshold.

    Scores far beyond the usual ones stand at the edge of the picture.
    """
    low, high = float(table[0]), float(table[-1])
    edge = high + 0.6 * (high - low)
    counts, edges = np.histogram(table, BINS, (low, high))
    bars = dict(type="bar", x=(edges[1:] + edges[:-1]) / 2, y=counts, width=(edges[1] - edges[0]) * 0.92,
                marker=dict(color=USUAL), name="usual lenses",
                hovertemplate="%{y} of 1,001 usual lenses<extra></extra>")
    at = float(np.clip(score, low - 0.1 * (high - low), edge))
    shapes = [dict(type="line", x0=at, x1=at, y0=0, y1=1, yref="paper", line=dict(color=OTHER, width=3)),
              dict(type="line", x0=threshold, x1=threshold, y0=0, y1=1, yref="paper",
                   line=dict(color=FAINT, width=1.4, dash="dash"))]
    side = "right" if at > (low + edge) / 2 else "left"
    words = "this image" if at == score else "this image, far beyond"
    notes = [dict(x=at, y=1, yref="paper", yanchor="bottom", xanchor=side, text=words, showarrow=False,
                  font=dict(size=12, color=OTHER)),
             dict(x=threshold, y=0.86, yref="paper", xanchor="left", xshift=4, text="called odd", showarrow=False,
                  font=dict(size=11))]
    return chart("Its place among usual lenses", [bars], height, key="odd place", shapes=shapes, notes=notes,
                 x=dict(range=[low - 0.12 * (high - low), edge * 1.0 + 0.02 * (high - low)], showticklabels=False,
                        title=dict(text="odder →", standoff=4, font=dict(size=12))),
                 y=dict(showticklabels=False, showgrid=False, range=[0, 1.15 * counts.max()]))
