"""How good a network is, and where it fails: ROC, reliability, shares against what is true, and maps beside ceilings.

All of it is drawn from the plain values of a checkpoint's card (lenslab.insight.judgement and .detectability).
"""

from collections.abc import Sequence
from math import floor, log10

import plotly.graph_objects as go

from lenslab.figures.canvas import MAPS
from lenslab.figures.classification import DASHES, colour, named
from lenslab.figures.literal import literal
from lenslab.figures.training import FAINT, MARGIN, chart

HEIGHT = 360
INK = "#5b7fd0"            # all classes together
AUC_LIMITS = (0.5, 1.0)    # a guess, and never wrong
ROW = 220                  # px of one row of maps
# path: (what it is, unit, whether its axis is logarithmic)
SETTINGS = {
    "lens.theta_E": ("Einstein radius", "″", False),
    "signal_to_noise": ("Signal-to-noise S", "", True),
    "camera.exposure_time": ("Exposure", "s", True),
    "source.offset": ("Source from the lens centre", "θ<sub>E</sub>", False),
    "substructure.f_sub": ("Mass in subhalos, f<sub>sub</sub>", "", True),
    "substructure.log10_m_hm": ("log₁₀ of the half-mode mass", "M<sub>☉</sub>", False),
    "substructure.m22": ("Particle mass m₂₂", "10⁻²² eV", True),
    "substructure.f_dm": ("Share of dark matter in the wave", "", False),
    "substructure.string_density": ("Density of vortex lines", "1/kpc²", True),
    "substructure.f_vortex": ("Mass in the vortex line, f<sub>vortex</sub>", "", True),
    "substructure.log10_m_axion": ("log₁₀ of the axion mass", "eV", False),
}


def setting(path: str) -> tuple[str, str, bool]:
    return SETTINGS.get(path, (path, "", False))


def axis_title(path: str) -> str:
    name, unit, _ = setting(path)
    return f"{name} ({unit})" if unit else name


def plain_name(path: str) -> str:
    """For lists of a page, which know no markup."""
    words = setting(path)[0]
    return words.partition(", f<")[0]


def roc(curves: Sequence[dict], classes: Sequence[str], *, height: int = HEIGHT) -> go.Figure:
    """Each class against all others; the dotted diagonal is guessing."""
    return roc_figure(roc_traces(curves, classes), classes, height)


def roc_beside(networks: Sequence[tuple[str, Sequence[dict], Sequence[str]]], *, height: int = HEIGHT) -> go.Figure:
    """Those of some networks (name, curves, classes) in one picture, told apart by their dashes."""
    traces = [trace for (name, curves, classes), dash in zip(networks, DASHES, strict=False)
              for trace in roc_traces(curves, classes, name, dash)]
    return roc_figure(traces, [name for name, _, _ in networks], height)


def roc_traces(curves: Sequence[dict], classes: Sequence[str], network: str = "", dash: str = "solid") -> list[dict]:
    tip = f"{literal(network)}<br>" if network else ""
    return [dict(type="scatter", mode="lines", x=curve["false"], y=curve["true"],
                 name=f"{named(name)} {curve['auc']:.3f}", line=dict(color=colour(name), width=2, dash=dash),
                 hovertemplate=f"{tip}{named(name)}<br>false alarms %{{x:.1%}}<br>found %{{y:.1%}}<extra></extra>")
            for curve, name in zip(curves, classes, strict=True) if curve["auc"] is not None]


def roc_figure(traces: list[dict], key: Sequence[str], height: int) -> go.Figure:
    figure = chart("ROC, one against the rest", traces, height, key="roc " + " ".join(key),
                   shapes=[line(0, 0, 1, 1)], x=share_axis("false alarms"), y=share_axis("found", tickformat=".0%"))
    figure.layout.legend.update(x=0.98, y=0.04, yanchor="bottom", title=dict(text="AUC", font=dict(size=11)))
    return figure


def share_axis(name: str, **more) -> dict:
    return dict(range=[-0.01, 1.01], tickformat=".0%", nticks=6,
                title=dict(text=name, standoff=4, font=dict(size=12))) | more


def line(x0: float, y0: float, x1: float, y1: float, **more) -> dict:
    return dict(type="line", x0=x0, y0=y0, x1=x1, y1=y1, line=dict(color=FAINT, width=1.2, dash="dot")) | more


def reliability(curve: dict, *, height: int = HEIGHT) -> go.Figure:
    """How often it is right, by how sure it was; bars beneath are the numbers of images, on the same width."""
    numbers, most = curve["number"], max(curve["number"])
    bars = dict(type="bar", x=curve["confidence"], y=[0.22 * number / most for number in numbers], width=0.035,
                marker=dict(color="rgba(128,136,155,0.35)"), customdata=numbers, name="images", showlegend=False,
                hovertemplate="%{customdata} images<extra></extra>")
    dots = dict(type="scatter", mode="lines+markers", x=curve["confidence"], y=curve["accuracy"], name="right",
                line=dict(color=INK, width=1.6), marker=dict(size=8, color=INK), showlegend=False, customdata=numbers,
                error_y=whiskers(curve["accuracy"], curve["interval"], INK),
                hovertemplate="sure to %{x:.1%}<br>right in %{y:.1%} of %{customdata}<extra></extra>")
    return chart("Is it as sure as it should be?", [bars, dots], height, key="reliability",
                 shapes=[line(0, 0, 1, 1)],
                 x=share_axis("how sure it was (top probability)"), y=share_axis("how often it was right"),
                 notes=[dict(x=0.02, y=0.99, xanchor="left", yanchor="top", showarrow=False, font=dict(size=11),
                             text=f"bars: images, at most {most} a bin")])


def whiskers(middle: Sequence[float], limits: Sequence, ink: str) -> dict:
    """Error bars of intervals; a point without one has none."""
    pairs = [(value, value) if pair is None or value is None else pair
             for value, pair in zip(middle, limits, strict=True)]
    values = [value or 0.0 for value in middle]
    return dict(type="data", symmetric=False, color=ink, thickness=1.2, width=3,
                array=[max(0.0, pair[1] - value) if pair[1] is not None else 0.0
                       for value, pair in zip(values, pairs, strict=True)],
                arrayminus=[max(0.0, value - pair[0]) if pair[0] is not None else 0.0
                            for value, pair in zip(values, pairs, strict=True)])


def against(curves: Sequence[dict], quantity: str, *, guessing: float, height: int = HEIGHT) -> go.Figure:
    """`accuracy` or `auc` over one setting, bins of equally many images: a dot at the median, a bar over the bin.

    curves    of one path: all classes together, or one for each class that has the setting
    guessing  what knowing nothing reaches
    """
    path = curves[0]["path"]
    _, _, log = setting(path)
    log = log and min(curve["low"][0] for curve in curves) > 0
    traces = []
    for curve in curves:
        ink = INK if curve["class"] is None else colour(curve["class"])
        name = "all" if curve["class"] is None else named(curve["class"])
        values = curve[quantity]
        if all(value is None for value in values):
            continue
        limits = curve["interval" if quantity == "accuracy" else "auc_interval"]
        traces.append(dict(
            type="scatter", mode="lines+markers", x=curve["middle"], y=values, name=name, showlegend=len(curves) > 1,
            line=dict(color=ink, width=1.8), marker=dict(size=8, color=ink), error_y=whiskers(values, limits, ink),
            customdata=list(zip(curve["low"], curve["high"], curve["number"], strict=True)),
            hovertemplate=f"{name}<br>%{{customdata[0]:.3g}} to %{{customdata[1]:.3g}}, %{{customdata[2]}} images<br>"
                          f"{quantity} %{{y:.3f}}<extra></extra>"))
    low, high = min(curve["low"][0] for curve in curves), max(curve["high"][-1] for curve in curves)
    x = log_axis(low, high) if log else dict(range=padded(low, high))
    words = {"accuracy": "Accuracy", "auc": "AUC"}[quantity]
    notes = [dict(xref="paper", x=1, xanchor="right", y=guessing, yanchor="bottom", text="guessing", showarrow=False,
                  font=dict(size=11))]
    if not traces:
        notes.append(dict(xref="paper", yref="paper", x=0.5, y=0.6, showarrow=False, font=dict(size=13),
                          text="There is no AUC of these images: they are of one class."))
    figure = chart(words, traces, height,
                   key=f"{quantity} {path}", notes=notes,
                   shapes=[line(0, guessing, 1, guessing, xref="paper")],
                   x={**x, "title": dict(text=axis_title(path), standoff=4, font=dict(size=12))},
                   y=dict(range=[0, 1.02], nticks=6))
    figure.layout.legend.update(x=0.99, y=0.03, yanchor="bottom")
    return figure


def padded(low: float, high: float) -> list[float]:
    room = 0.05 * (high - low)
    return [low - room, high + room]


def log_axis(low: float, high: float) -> dict:
    """A logarithmic axis whose ticks are 1, 2 and 5 of each decade, written out."""
    ends = padded(log10(low), log10(high))
    ticks = [digit * 10.0**power for power in range(floor(ends[0]), floor(ends[1]) + 1) for digit in (1, 2, 5)
             if ends[0] <= log10(digit) + power <= ends[1]]
    return dict(type="log", range=ends, tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])


def maps(kind: dict, S: Sequence[float], *, height: int = 330) -> list[go.Figure]:
    """AUC of one dark matter against bare lenses over strength and S: the network, and beside it observers who know the
    substructure, where a smooth lens is fitted anew and as the ceilings have it."""
    own, fixed = kind["maps"]["own"], kind["maps"].get("fixed")
    free = "At most (ceiling), slope and multipoles free" if fixed else "At most (ceiling)"
    out = [heat("The network", own["auc"], kind, S, height, own["interval"])]
    if "refitted" in own:
        out.append(heat("Observer, lens refitted", own["refitted"], kind, S, height, significance=own["left"]))
    out.append(heat(free, own["ceiling"], kind, S, height, significance=own["significance"]))
    if fixed:
        out.append(heat("At most, slope and multipoles known", fixed["ceiling"], kind, S, height,
                        significance=fixed["significance"]))
    return out


def heat(title: str, values: Sequence[Sequence[float]], kind: dict, S: Sequence[float], height: int,
         limits: Sequence | None = None, significance: Sequence | None = None) -> go.Figure:
    """One map on a grid of cells of equal size, the AUC written in each; one colour scale for all maps."""
    strengths = [number(value, kind["path"]) for value in kind["strength"]]
    rows = [f"{value:.0f}" if value >= 100 else f"{value:.3g}" for value in S]
    low, high = AUC_LIMITS
    notes = [dict(x=x, y=y, text=f"{value:.2f}", showarrow=False,
                  font=dict(size=12, color="#10141e" if value > 0.78 else "#ffffff"))
             for y, row in enumerate(values) for x, value in enumerate(row)]
    tips = [[f"{plain_name(kind['path'])} {word}, S {row}" for word in strengths] for row in rows]
    more = [[f"95 % interval {pair[0]:.2f} to {pair[1]:.2f}" if pair else "" for pair in row] for row in limits] \
        if limits else [[f"median λ {value:.2g}" for value in row] for row in significance]
    trace = dict(type="heatmap", z=[list(row) for row in values], text=tips, customdata=more, zmin=low, zmax=high,
                 colorscale=MAPS["viridis"], showscale=False, xgap=2, ygap=2,
                 hovertemplate="%{text}<br>AUC %{z:.3f}<br>%{customdata}<extra></extra>")
    figure = chart(title, [trace], height, key=f"{title} {kind['class']}", notes=notes,
                   x=dict(tickvals=list(range(len(strengths))), ticktext=strengths, showgrid=False,
                          title=dict(text=axis_title(kind["path"]), standoff=4, font=dict(size=12))),
                   y=dict(tickvals=list(range(len(rows))), ticktext=rows, showgrid=False,
                          title=dict(text="S", standoff=4, font=dict(size=12))))
    figure.layout.margin = dict(MARGIN, l=52)
    figure.layout.showlegend = False
    return figure


def number(value: float, path: str) -> str:
    """A strength as a tick: shares of mass in per cent."""
    return f"{100 * value:.2g} %" if path.endswith(("f_sub", "f_vortex")) else f"{value:.3g}"
