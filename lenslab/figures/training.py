"""How a training goes, and what a trained network mixes up.

Curves of several runs share their axes. The x axis is fixed from the first step to the last that is planned, so that a
growing curve moves into the picture and nothing else moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from lenslab.figures.literal import literal
from lenslab.quantity import Metric
from lenslab.tasks import LOSS, PACE, metrics_of

RUNS = ("#3f74c8", "#d9822b", "#1f9e89", "#9b5fc0", "#c2527a", "#8a8f9c")  # told apart by colour-blind eyes too
GRID = "rgba(128,136,155,0.22)"
FAINT = "rgba(128,136,155,0.9)"
MAX_POINTS = 600  # of one curve; more than there are pixels tell nothing
MARGIN = dict(l=58, r=14, t=38, b=44, autoexpand=False)


@dataclass(frozen=True)
class Curve:
    """A run as it is drawn."""

    name: str
    lines: list[dict]   # of metrics.jsonl
    steps: int          # planned, or expected where minutes end it
    task: str = ""


def quantities(curves: Sequence[Curve]) -> dict[str, Metric]:
    """What can be drawn of these runs, by the name that it has in a line, training and validation under one.

    First what their tasks declare, in that order; numbers that nobody declares stand at the end under their own names.
    """
    measured = {name.removeprefix("val_") for curve in curves
                for line in (*curve.lines[-1:], *validations(curve.lines)[-1:])
                for name, value in line.items() if isinstance(value, int | float)} - {"step", "seconds", "n", "done"}
    declared = {metric.name: metric for curve in curves for metric in metrics_of(curve.task)}
    declared |= {metric.name: metric for metric in PACE}
    found = {name: metric for name, metric in declared.items() if name in measured}
    return found | {name: Metric(name, name.replace("_", " "), "", "", "") for name in sorted(measured - found.keys())}


def validations(lines: list[dict]) -> list[dict]:
    return [line for line in lines if any(name.startswith("val_") for name in line)]


def points(lines: list[dict], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of one quantity, each line that has it; a long curve is averaged piece by piece."""
    found = [(line["step"], float(line[name])) for line in lines
             if isinstance(line.get(name), int | float) and not isinstance(line[name], bool)]
    length = -(-len(found) // MAX_POINTS) or 1
    pieces = [found[k:k + length] for k in range(0, len(found), length)]
    return [piece[-1][0] for piece in pieces], [sum(value for _, value in piece) / len(piece) for piece in pieces]


def curves(runs: Sequence[Curve], metric: Metric = LOSS, *, height: int = 340,
           guessing: float | None = None) -> go.Figure:
    """One quantity of one or more runs over their steps: training thin, validation with dots.

    guessing   what a network would reach that knows nothing, as a dotted line
    """
    traces, quantity = [], metric.name
    for number, run in enumerate(runs):
        colour = RUNS[number % len(RUNS)]
        both = len(validations(run.lines)) > 0
        for name, kind in ((quantity, "training"), (f"val_{quantity}", "validation")):
            x, y = points(run.lines, name)
            if not x:
                continue
            checked = kind == "validation"
            label = literal(run.name) if len(runs) > 1 else kind
            traces.append(dict(
                type="scatter", x=x, y=y, name=label, legendgroup=run.name,
                mode="lines+markers" if checked or len(x) == 1 else "lines",
                line=dict(color=colour, width=2.2 if checked else 1.3), marker=dict(size=7, color=colour),
                opacity=1.0 if checked or not both else 0.6,
                showlegend=len(runs) == 1 or checked or not points(run.lines, f"val_{quantity}")[0],
                hovertemplate=f"{literal(run.name)}, {kind}<br>step %{{x}}<br>{literal(metric.title)} %{{y:.4g}} "
                              f"{metric.unit}<extra></extra>"))
    last = max([run.steps for run in runs] + [max(trace["x"]) for trace in traces], default=1) or 1
    shapes, notes = [], []
    if guessing is not None:
        shapes.append(dict(type="line", xref="paper", x0=0, x1=1, y0=guessing, y1=guessing,
                           line=dict(color=FAINT, width=1.2, dash="dot")))
        notes.append(dict(xref="paper", x=1, xanchor="right", y=guessing, yanchor="bottom", text="guessing",
                          showarrow=False, font=dict(size=11)))
    y = dict(range=list(metric.limits)) if metric.limits else padded(traces)
    if not traces:
        notes.append(dict(xref="paper", yref="paper", x=0.5, y=0.5, text="Nothing is measured yet.",
                          showarrow=False, font=dict(size=13)))
    return chart(metric.label, traces, height, key=f"{quantity} " + " ".join(run.name for run in runs),
                 x=dict(range=[0, last * 1.02], title=dict(text="step", standoff=4, font=dict(size=12))), y=y,
                 shapes=shapes, notes=notes)


def padded(traces: list[dict]) -> dict:
    """Limits that show all values with room around, so that a slow fall of the loss is seen to be one."""
    values = [value for trace in traces for value in trace["y"]]
    if not values:
        return dict(range=[0, 1])
    low, high = min(values), max(values)
    room = max(0.12 * (high - low), 0.02 * abs(high), 1e-9)
    return dict(range=[max(0.0, low - room) if low >= 0 else low - room, high + room])


def chart(title: str, traces: list[dict], height: int, *, key: str, x: dict, y: dict, shapes=(), notes=()) -> go.Figure:
    """Axes with a faint grid, and a legend high on the right."""
    axis = dict(gridcolor=GRID, zeroline=False, linecolor=GRID, showline=True, ticklen=3, tickfont=dict(size=11),
                tickcolor=GRID)
    layout = dict(
        template=None, height=height, margin=MARGIN, uirevision=key, hovermode="closest", dragmode=False,
        title=dict(text=literal(title), x=0, xref="container", xanchor="left", y=1, yref="container", yanchor="top",
                   pad=dict(t=9, l=6), font=dict(size=14)),
        showlegend=True, legend=dict(orientation="v", x=1, xanchor="right", y=1, yanchor="top", borderwidth=0,
                                     bgcolor="rgba(0,0,0,0)", font=dict(size=11)),
        modebar=dict(bgcolor="rgba(0,0,0,0)", color="#8a90a0", activecolor="#5b7fd0"),
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        xaxis={**axis, **x}, yaxis={**axis, "nticks": 6, **y}, shapes=list(shapes), annotations=list(notes))
    return go.Figure(data=traces, layout=layout, _validate=False)


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str], *, dark: bool, height: int = 340) -> go.Figure:
    """Rows: what an image is; columns: what the network says; shares of each row, numbers of images on hover."""
    totals = [max(1, sum(row)) for row in counts]
    shares = [[value / total for value in row] for row, total in zip(counts, totals, strict=True)]
    ground, ink = ("#1a2030", "#8fb4ff") if dark else ("#f3f5fa", "#2f5cb4")
    full, thin, turn = ("#10141e", "#e6e9f2", 0.57) if dark else ("#ffffff", "#1c2233", 0.8)  # readable on its cell
    notes = [dict(x=name, y=truth, text=f"{share:.0%}", showarrow=False,
                  font=dict(size=13, color=full if share > turn else thin))
             for truth, row in zip(classes, shares, strict=True) for name, share in zip(classes, row, strict=True)]
    trace = dict(type="heatmap", z=shares, x=list(classes), y=list(classes), customdata=[list(row) for row in counts],
                 colorscale=[[0, ground], [1, ink]], zmin=0, zmax=1, showscale=False, xgap=2, ygap=2,
                 hovertemplate="is %{y}, called %{x}<br>%{z:.1%} of its images (%{customdata})<extra></extra>")
    figure = chart("What it mixes up", [trace], height, key="confusion " + " ".join(classes), notes=notes,
                   x=dict(title=dict(text="the network says", standoff=4, font=dict(size=12)), showgrid=False,
                          type="category"),
                   y=dict(title=dict(text="it is", standoff=4, font=dict(size=12)), showgrid=False, type="category",
                          autorange="reversed"))
    figure.layout.margin = dict(MARGIN, l=86)
    figure.layout.showlegend = False
    return figure
