"""Widgets made from the declarations of the scene: label, unit, limits and tooltip are written once, in the record.

A page may show a narrower range than a record allows; a scene from elsewhere that lies outside widens it.
"""

from collections.abc import Callable, Collection
from dataclasses import Field, dataclass, fields
from math import degrees, isclose, log10, radians

import streamlit as st

from lenslab.scene import Camera, Clump, Lens, Scene, Sersic, Source, Substructure
from lenslab.ui import state


@dataclass(frozen=True)
class Range:
    """How a number stands on its slider: limits and step in the shown unit, and the way to it from the scene's."""

    low: float
    high: float
    step: float
    unit: str | None = None
    scale: str = "plain"  # plain, degrees, log10

    def shown(self, value: float) -> float:
        if self.scale == "degrees":
            return degrees(value)
        return log10(value) if self.scale == "log10" else value

    def meant(self, value: float) -> float:
        if self.scale == "degrees":
            return radians(value)
        return 10.0**value if self.scale == "log10" else value

    @property
    def format(self) -> str:
        decimals = max(0, -int(f"{self.step:e}".split("e")[1]))
        return f"%.{decimals}f" + ("°" if self.scale == "degrees" else "")


RANGES: dict[str, Range] = {
    "lens.theta_E": Range(0.2, 3.0, 0.01), "lens.q": Range(0.3, 1.0, 0.01),
    "lens.phi": Range(-90, 90, 1, "", "degrees"), "lens.gamma": Range(1.5, 2.5, 0.01),
    "lens.center_x": Range(-1, 1, 0.01), "lens.center_y": Range(-1, 1, 0.01),
    "lens.a3_a": Range(-0.1, 0.1, 0.005), "lens.delta_phi_m3": Range(-60, 60, 1, "", "degrees"),
    "lens.a4_a": Range(-0.1, 0.1, 0.005), "lens.delta_phi_m4": Range(-45, 45, 1, "", "degrees"),
    "z_lens": Range(0.05, 2.0, 0.01), "z_source": Range(0.1, 6.0, 0.05),
    "H0": Range(60, 80, 0.5), "Om0": Range(0.1, 0.6, 0.01),
    "*.magnitude": Range(16, 28, 0.1), "*.R_sersic": Range(0.02, 2.0, 0.01), "*.n_sersic": Range(0.5, 6, 0.1),
    "*.q": Range(0.2, 1.0, 0.01), "*.phi": Range(-90, 90, 1, "", "degrees"),
    "*.center_x": Range(-1.5, 1.5, 0.01), "*.center_y": Range(-1.5, 1.5, 0.01),
    "source.magnitude": Range(18, 28, 0.1), "source.R_sersic": Range(0.02, 1.0, 0.01),
    "source.picture_width": Range(0.1, 6, 0.05),
    "substructure.f_sub": Range(0, 0.2, 0.005), "substructure.slope": Range(-2.5, -1.2, 0.05),
    "substructure.log10_m_min": Range(5, 9, 0.1), "substructure.log10_m_max": Range(8, 11, 0.1),
    "substructure.log10_m_resolved": Range(6, 9, 0.1), "substructure.log10_m_hm": Range(6, 10, 0.1),
    "substructure.m22": Range(-2, 2, 0.05, "log₁₀ of 10⁻²² eV", "log10"),
    "substructure.f_dm": Range(0, 1, 0.05), "substructure.f_vortex": Range(0, 0.2, 0.005),
    "substructure.log10_m_axion": Range(-24.5, -21.5, 0.05),
    "substructure.string_density": Range(0, 0.1, 0.001),
    "substructure.vortex_x": Range(-1.5, 1.5, 0.01), "substructure.vortex_y": Range(-1.5, 1.5, 0.01),
    "substructure.vortex_phi": Range(-90, 90, 1, "", "degrees"), "substructure.n_points": Range(0, 200, 1),
    "substructure.log10_m_point": Range(6, 10, 0.1),
    "substructure.clumps.*.log10_mass": Range(6, 11, 0.05),
    "substructure.clumps.*.center_x": Range(-2.5, 2.5, 0.01), "substructure.clumps.*.center_y": Range(-2.5, 2.5, 0.01),
    "camera.num_pix": Range(32, 200, 1), "camera.pixel_scale": Range(0.02, 0.3, 0.001),
    "camera.supersampling": Range(1, 5, 1), "camera.fwhm": Range(0.02, 1.2, 0.005),
    "camera.moffat_beta": Range(1.5, 6, 0.1), "camera.psf_truncation": Range(2, 8, 0.5),
    "camera.exposure_time": Range(1, 5, 0.05, "log₁₀ s", "log10"), "camera.num_exposures": Range(1, 500, 1),
    "camera.sky_brightness": Range(18, 26, 0.1), "camera.read_noise": Range(0, 30, 0.1),
    "camera.zero_point": Range(22, 32, 0.01), "camera.gain": Range(0.5, 10, 0.1),
}
UNITS = {"arcsec": "″", "log10 Msun": "log₁₀ M☉", "log10 eV": "log₁₀ eV", "mag/arcsec^2": "mag/″²",
         "electrons/count": "e⁻/count"}
RECORDS = {"lens": Lens, "source": Source, "substructure": Substructure, "camera": Camera}
LISTS = {"lens_light": Sersic, "source.clumps": Sersic, "substructure.clumps": Clump}


def declaration(path: str) -> Field:
    """The field of the record that a path of a scene ends in."""
    owner, _, name = path.rpartition(".")
    record = RECORDS.get(owner) or LISTS.get(owner.rpartition(".")[0]) or Scene
    return next(item for item in fields(record) if item.name == name)


def range_of(path: str) -> Range:
    """The range of a path, or that of its kind of light; else all that the record allows."""
    owner, _, name = path.rpartition(".")
    head = owner.rpartition(".")[0]
    for key in (path, f"{head}.*.{name}", f"*.{name}" if owner not in RECORDS or owner == "source" else path):
        if key in RANGES:
            return RANGES[key]
    meta = declaration(path).metadata
    return Range(meta["low"], meta["high"], (meta["high"] - meta["low"]) / 100)


def label_of(path: str) -> tuple[str, str]:
    """Label with its unit, and tooltip, as declared."""
    meta, at = declaration(path).metadata, range_of(path)
    unit = meta.get("unit", "") if at.unit is None else at.unit
    unit = UNITS.get(unit, unit)
    return (f"{meta['label']} ({unit})" if unit else meta["label"]), meta["text"]


def folded(label: str, draw: Callable[[], None], *, key: str, expanded: bool = False) -> None:
    """An expander whose content is drawn only while it is open: a slider that nobody sees still costs each turn."""
    fold = st.expander(label, expanded=expanded, key=key, on_change="rerun")
    if fold.open:
        with fold:
            draw()


def set_before_drawing(key: str, value) -> None:
    """Give a widget its value without moving one that already shows it, which would undo a quick second press."""
    old = st.session_state.get(key)
    if isinstance(value, float) and isinstance(old, (int, float)) and isclose(old, value, rel_tol=1e-9, abs_tol=1e-9):
        return
    if old != value or type(old) is not type(value):
        st.session_state[key] = value


def slider(path: str, *, key: str, disabled: bool = False, label: str | None = None) -> None:
    """One number of the scene."""
    at, value = range_of(path), state.scene().get(path)
    whole = declaration(path).metadata["kind"] is int
    words, text = label_of(path)

    def changed():
        chosen = at.meant(st.session_state[key])
        state.change({path: int(chosen) if whole else float(chosen)})

    free_slider(label or words, at, value, key=key, on_change=changed, help=text, disabled=disabled, whole=whole)


def free_slider(label: str, at: Range, value: float, *, key: str, on_change: Callable, help: str | None = None,
                disabled: bool = False, whole: bool = False) -> None:
    """A slider of a number that is no setting of its own; `on_change` reads it from the session."""
    kind = int if whole else float
    shown = kind(at.shown(value))
    set_before_drawing(key, shown)
    shown = st.session_state[key]
    st.slider(label, kind(min(at.low, shown)), kind(max(at.high, shown)), step=kind(at.step), key=key, help=help,
              format=None if whole else at.format, on_change=on_change, disabled=disabled)


def select(path: str, *, key: str, names: dict[str, str] | None = None, label: str | None = None,
           along: dict[str, dict] | None = None) -> None:
    """One of a few words; `names` says what each is called on the page, `along` what it changes along with it."""
    meta = declaration(path).metadata
    options = list(names) if names else list(meta["options"])
    value = state.scene().get(path)
    options += [] if value in options else [value]
    set_before_drawing(key, value)
    st.selectbox(label or meta["label"], options, key=key, help=meta["text"],
                 format_func=(names or {}).get if names and value in names else str,
                 on_change=lambda: state.change({path: st.session_state[key],
                                                 **(along or {}).get(st.session_state[key], {})}))


def several(label: str, options: Collection[str], *, key: str, most: int | None = None,
            format_func: Callable[[str], str] = str, help: str | None = None) -> None:
    """Any of a few words; where more than `most` are chosen, the first goes out.

    Not st.multiselect: it writes white upon the theme's accent, which nobody can read on the light blue of the night.
    """
    def chosen():
        st.session_state[key] = st.session_state[key][-most:] if most else st.session_state[key]

    st.pills(label, list(options), selection_mode="multi", key=key, format_func=format_func, help=help,
             on_change=chosen)


def toggle(path: str, *, key: str) -> None:
    """On or off."""
    meta = declaration(path).metadata
    set_before_drawing(key, state.scene().get(path))
    st.toggle(meta["label"], key=key, help=meta["text"],
              on_change=lambda: state.change({path: bool(st.session_state[key])}))


def seed(path: str, *, key: str) -> None:
    """A seed, with dice beside it."""
    meta = declaration(path).metadata
    set_before_drawing(key, state.scene().get(path))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.number_input(meta["label"], meta["low"], meta["high"], step=1, key=key, help=meta["text"],
                      on_change=lambda: state.change({path: int(st.session_state[key])}))
    right.button("Roll", key=f"{key}.dice", icon=":material/casino:", width="stretch",
                 on_click=lambda: state.change({path: state.scene().get(path) % 2**31 + 1}))
