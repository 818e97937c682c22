"""The lenses that the Home page sets, by what differs from the default scene. Their words stand in texts.py."""

from dataclasses import replace
from math import cos, exp, pi, sin

from lenslab.instruments import INSTRUMENTS
from lenslab.scene import Clump, Scene, Sersic

INFRARED, VISIBLE = (replace(INSTRUMENTS[name], num_pix=side)    # frames of the same width
                     for name, side in (("JWST NIRCam F150W", 150), ("Euclid VIS", 46)))


def _knot(x: float, y: float, magnitude: float = 26.2) -> Sersic:
    return Sersic(magnitude=magnitude, R_sersic=0.014, n_sersic=1.0, q=1.0, phi=0.0, center_x=x, center_y=y)


def _arms() -> tuple[Sersic, ...]:
    """Knots of young stars along the two arms of a spiral."""
    knots = []
    for k in range(9):
        angle = 0.5 + 0.42 * k
        radius = 0.05 * exp(0.28 * angle)
        knots += [_knot(radius * cos(angle + turn), 0.8 * radius * sin(angle + turn)) for turn in (0.0, pi)]
    return tuple(knots)


def _scene(**changes) -> Scene:
    return Scene().set({"camera": INFRARED, "lens.gamma1": 0.0} |
                       {path.replace("__", "."): value for path, value in changes.items()})


_SPIRAL = dict(source__magnitude=23.6, source__R_sersic=0.16, source__q=0.85, source__clumps=_arms())
_SMALL = dict(source__magnitude=23.0, source__R_sersic=0.07, source__q=0.9)
_GLOW = (Sersic(magnitude=20.9, R_sersic=0.35, n_sersic=3.0, q=0.85, phi=0.5),)
_ON_THE_ARC = (Clump(log10_mass=9.9, center_x=0.95, center_y=0.85),)

OPENING = _scene(**_SPIRAL, lens__theta_E=1.4, lens__q=0.78, lens__phi=0.5, lens__gamma1=0.03, source__center_x=0.07,
                 source__center_y=0.05, lens_light=_GLOW)
CROSS = _scene(**_SMALL, lens__theta_E=1.3, lens__q=0.62, lens__phi=0.6, source__center_x=0.02, source__center_y=0.01)
RING = _scene(**_SPIRAL, lens__theta_E=1.3, lens__q=1.0, source__center_x=0.0, source__center_y=0.0)
CLUMP = _scene(**_SPIRAL, lens__theta_E=1.3, lens__q=0.85, lens__phi=0.4, source__center_x=0.05, source__center_y=0.04,
               substructure__clumps=_ON_THE_ARC)
STEPS = {
    "bend": _scene(**_SPIRAL, lens__theta_E=0.9, lens__q=0.95, lens__phi=-0.7,
                   source__center_x=0.95, source__center_y=0.3),
    "ring": RING,
    "cross": CROSS,
    "weigh": _scene(**_SPIRAL, lens__theta_E=0.8, lens__q=0.9, source__center_x=0.03, source__center_y=0.02,
                    lens_light=_GLOW),
    "clump": CLUMP,
    "ask": CLUMP.set({"substructure.clumps": (), "substructure.kind": "cdm", "substructure.f_sub": 0.07,
                      "substructure.log10_m_resolved": 8.4}),
}
MISTAKES = {"object": RING, "glass": CROSS.set({"lens.q": 1.0}), "colours": CROSS.set({"camera": VISIBLE}),
            "dust": CLUMP, "knows": CROSS}
