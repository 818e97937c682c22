"""Pictures of mass: convergence with its critical curves, substructure alone, magnification, and the wave field."""

import numpy as np
import plotly.graph_objects as go

from lenslab.figures.bodies import bodies, compact, is_compact
from lenslab.figures.canvas import CRITICAL, IMAGE_DOT, MAPS, Frame, curve, diverging, picture
from lenslab.figures.observed import ink
from lenslab.images.realise import Realisation

Curves = list[tuple[np.ndarray, np.ndarray]]  # x and y in arcsec of each closed curve
KAPPA = (0.1, 10.0)
MU = (0.1, 100.0)
LEAST, LEAST_BESIDE = 1e-4, 0.1  # kappa: limits of a picture of next to nothing, alone and beside points and lines
PALE = 5  # where these have all the mass, what is taken off for them is faint


def convergence(kappa: np.ndarray, frame: Frame, *, critical: Curves = (), images: dict | None = None,
                realisation: Realisation | None = None, title: str = "Mass and critical curves",
                height: int = 268) -> go.Figure:
    """kappa (H, W) in the colours of its logarithm, critical curves, and the images of the source's centre as dots.

    images       x, y (arcsec) and magnification, arrays (n,)
    realisation  its points and lines, where kappa is without bound, are drawn in the colour of the highest kappa
    """
    shown = np.log10(np.clip(kappa, 1e-3, 1e4))
    over = [] if realisation is None else compact(realisation, frame, colour=MAPS["viridis"][-1][1])
    over += [curve(critical, CRITICAL, width=1.6), *([] if images is None else [image_dots(images)])]
    return picture(shown, frame, title=title, colours="viridis", limits=tuple(np.log10(KAPPA)), unit="κ",
                   ticks=([-1, -0.5, 0, 0.5, 1], ["0.1", "0.3", "1", "3", "10"]), values=kappa, value_name="κ",
                   height=height, over=over)


def image_dots(images: dict) -> dict:
    """Where the centre of the source appears, with its magnification on hover."""
    return dict(type="scatter", mode="markers", x=np.asarray(images["x"]), y=np.asarray(images["y"]),
                customdata=np.asarray(images["magnification"]), marker=dict(size=9, color=IMAGE_DOT,
                                                                           line=dict(color="#ffffff", width=1.5)),
                hovertemplate="image of the source's centre<br>x %{x:.3f}″, y %{y:.3f}″<br>"
                              "magnification %{customdata:+.2f}<extra></extra>")


def substructure(delta_kappa: np.ndarray, frame: Frame, *, dark: bool, realisation: Realisation | None = None,
                 title: str = "Substructure alone", height: int = 420) -> go.Figure:
    """kappa of the substructure less its mean; its halos as circles, its points as dots and its line as a line."""
    known = np.abs(delta_kappa[np.isfinite(delta_kappa)])
    top = float(np.percentile(known, 99.5)) if known.size else 0.0
    over = []
    if realisation is not None:
        over = bodies(realisation, frame, ink=ink(dark), colour=diverging(dark)[-1][1])
        top = max(PALE * top, LEAST_BESIDE) if is_compact(realisation) else top
    top = max(top, LEAST)
    return picture(delta_kappa, frame, title=title, colours=diverging(dark), limits=(-top, top), unit="Δκ",
                   value_name="Δκ", ink=ink(dark), height=height, over=over)


def magnification(mu: np.ndarray, frame: Frame, *, dark: bool, critical: Curves = (), parity: bool = False,
                  title: str = "Magnification", height: int = 420) -> go.Figure:
    """|mu| around 1 in its logarithm; with `parity`, its sign: mirrored images against upright ones."""
    common = dict(title=title, values=mu, value_name="μ", digits="+.3g", ink=ink(dark), height=height,
                  over=[curve(critical, ink(dark), width=1.2)])
    if parity:
        return picture(np.sign(mu), frame, colours=diverging(dark), limits=(-1.6, 1.6), unit="parity",
                       ticks=([-1, 1], ["mirrored", "upright"]), **common)
    low, high = np.log10(MU)
    one = -low / (high - low)  # where mu = 1 lies on the colour bar: the range is not symmetric about it
    colours = [[place, colour] for place, (_, colour) in zip(
        (0, one / 2, one, (1 + one) / 2, 1), diverging(dark), strict=True)]
    return picture(np.log10(np.clip(np.abs(mu), 1e-6, 1e6)), frame, colours=colours, limits=(low, high), unit="|μ|",
                   ticks=([-1, 0, 1, 2], ["0.1", "1", "10", "100"]), **common)


def wave_field(density: np.ndarray, frame: Frame, vortices: dict | None = None, *,
               title: str = "The wave of dark matter", height: int = 420) -> go.Figure:
    """A slice of |psi|^2 over its mean, and the vortices where the wave vanishes and its phase turns once round.

    vortices   x, y (arcsec) and sign (+1, -1), arrays (n,)
    """
    over = [] if not vortices or not len(vortices["x"]) else [whirls(vortices)]
    return picture(np.log10(np.clip(density, 1e-3, None)), frame, title=title, colours="magma", limits=(-2, 1),
                   unit="|ψ|² / mean", ticks=([-2, -1, 0, 1], ["0.01", "0.1", "1", "10"]), values=density,
                   value_name="|ψ|² / mean", height=height, over=over)


def whirls(vortices: dict) -> dict:
    """Vortices, coloured by which way the phase turns."""
    sign = np.asarray(vortices["sign"])
    return dict(
        type="scatter", mode="markers", x=np.asarray(vortices["x"]), y=np.asarray(vortices["y"]), customdata=sign,
        marker=dict(size=7, symbol="circle-open", color=np.where(sign > 0, "#7fd6ff", "#ffd37f").tolist(),
                    line=dict(width=1.6)),
        hovertemplate="vortex, turns %{customdata:+d}<br>x %{x:.2f}″, y %{y:.2f}″<extra></extra>")
