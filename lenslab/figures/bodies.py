"""What a realisation of dark matter is made of, drawn upon a picture of mass: halos, points and lines.

A halo is a circle, since its mass is spread; a point mass is a dot and a vortex a line, which have no convergence but
at their place and would be missed by every pixel.
"""

import numpy as np
import torch

from lenslab.figures.canvas import Frame
from lenslab.images.realise import Halos, Points, Realisation, Rods

MOST = 400            # circles or dots: a lighter one would be a speck among hundreds
CIRCLE, DOT = (3, 26), (3.5, 12)  # px, least and largest
MANY = 20             # points: of more than these the largest dot is smaller


def bodies(realisation: Realisation, frame: Frame, *, ink: str, colour: str) -> list[dict]:
    """Traces of all that lies in the frame of the first scene; `colour` is that of the highest convergence."""
    halos, real = realisation.halos, compact(realisation, frame, colour=colour)
    return real if halos is None else [*real, circles(*columns(halos), frame, ink)]


def compact(realisation: Realisation, frame: Frame, *, colour: str) -> list[dict]:
    """Points and lines alone, whose convergence no map of pixels shows."""
    points, rods = realisation.points, realisation.rods
    return [*([] if rods is None else lines(rods, colour)),
            *([] if points is None else [dots(*columns(points), frame, colour)])]


def is_compact(realisation: Realisation) -> bool:
    """Whether some of the mass is in points or lines."""
    return realisation.points is not None or realisation.rods is not None


def columns(group: Halos | Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y (arcsec) and mass (Msun) of the first scene's bodies, (n,) each, without padding."""
    return tuple(getattr(group, name)[0].detach().cpu().double().numpy()[:int(group.number[0])]
                 for name in ("x", "y", "mass"))


def circles(x: np.ndarray, y: np.ndarray, mass: np.ndarray, frame: Frame, ink: str) -> dict:
    """Halos as thin circles."""
    return markers(x, y, mass, frame, CIRCLE, "halo", dict(color="rgba(0,0,0,0)", line=dict(color=ink, width=1)))


def dots(x: np.ndarray, y: np.ndarray, mass: np.ndarray, frame: Frame, colour: str) -> dict:
    """Point masses as filled dots."""
    sizes = DOT[0], DOT[1] * min(1, MANY / max(len(x), 1)) ** 0.5
    return markers(x, y, mass, frame, sizes, "point mass", dict(color=colour))


def markers(x: np.ndarray, y: np.ndarray, mass: np.ndarray, frame: Frame, sizes: tuple[float, float], name: str,
            marker: dict) -> dict:
    """The heaviest bodies in the frame; the area of each follows its mass."""
    inside = (np.abs(x) < frame.half_width) & (np.abs(y) < frame.half_height)
    heaviest = np.argsort(-mass * inside)[:MOST]
    heaviest = heaviest[inside[heaviest]]
    size = np.clip(sizes[1] * np.sqrt(mass[heaviest] / max(mass.max(initial=0), 1e-30)), *sizes)
    return dict(type="scatter", mode="markers", x=x[heaviest], y=y[heaviest], customdata=np.log10(mass[heaviest]),
                marker=dict(size=size, **marker),
                hovertemplate=f"{name}, 10<sup>%{{customdata:.2f}}</sup> M☉<br>x %{{x:.2f}}″, y %{{y:.2f}}″"
                              "<extra></extra>")


def lines(rods: Rods, colour: str) -> list[dict]:
    """The uniform lines of mass of the first scene, each from end to end; many are thin."""
    n = int(rods.number[0])
    ends = torch.stack([getattr(rods, name)[0, :n] for name in ("x0", "y0", "x1", "y1")], 1).detach().cpu().tolist()
    return [dict(type="scatter", mode="lines", x=[x0, x1], y=[y0, y1],
                 line=dict(color=colour, width=max(1.5, 4 / n**0.5)),
                 hovertemplate=f"line of mass, {np.hypot(x1 - x0, y1 - y0):.2f}″ long<extra></extra>")
            for x0, y0, x1, y1 in ends]
