"""The source plane: the galaxy without a lens in front, and the caustics that decide how often it is seen."""

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.canvas import CRITICAL, Frame, curve, picture
from lenslab.figures.mass import Curves
from lenslab.figures.stretch import Stretch


def source_plane(source: np.ndarray, half_width: float, *, center: tuple[float, float],
                 middle: tuple[float, float] = (0.0, 0.0), caustics: Curves = (), cut: Curves = (),
                 title: str = "Source, with caustics", height: int = 268) -> go.Figure:
    """Surface brightness (G, G) counts/s/arcsec^2 without a lens, a cross at the source's place.

    center     x, y of the source;  middle   x, y of the frame's middle, where the lens is; arcsec
    caustics   dashed: crossed inwards, each adds two images
    cut        dotted: crossed inwards, it adds one; where double imaging ends for an isothermal lens
    """
    frame = Frame(*source.shape, 2 * half_width / source.shape[-1], middle)
    stretch = Stretch.of("asinh", source, noise=0.02 * float(source.max()))
    cross = dict(type="scatter", mode="markers", x=[center[0]], y=[center[1]], hoverinfo="skip",
                 marker=dict(symbol="cross-thin", size=15, line=dict(color="#7fe0ff", width=2)))
    return picture(stretch.apply(source), frame, title=title, colours="inferno", limits=stretch.limits,
                   ticks=stretch.ticks(), values=source, value_name="brightness", unit="counts/s/arcsec²",
                   height=height, over=[curve(cut, CRITICAL, dash="1.5px,3px", width=1.5),
                                       curve(caustics, CRITICAL, dash="4px,3px", width=1.5), cross])
